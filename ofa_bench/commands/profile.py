"""``ofa_bench profile``: measure a device and write its latency table for a space.

Keys are given as ``key=value``:

- ``space``: a name, or a YAML file with the ``_target_`` of your own space. The table is written to
  ``<out>/<space>.json``, and ``device=<out>`` searches on it. With ``choices`` in the file, as in ``space.choices``,
  only the blocks that they allow are measured, and the table serves searches with these choices or fewer.
- ``out``: the folder; its name is the device's.
- ``runner``: ``onnxruntime`` (this machine's CPU); or a command that times one ONNX file and prints milliseconds on its
  last line (``runner='./on_phone.sh {model}'``); or the dotted name of a Python callable that takes the path of the
  file and returns milliseconds (one number or several).
- ``batch``: images at a time; with ``batch=8`` costs and targets are in ``ms a batch of 8``.
- ``rounds``: how often everything is timed, 7 or more; onnxruntime runs a file three times in each,
  the first time to warm up.
- ``threads``: of onnxruntime.
- ``statistic``: the statistic of all runs that the table and its targets use: ``median``, ``p10`` (the time without
  disturbances) or ``p90``.
- ``calibration``: the number of whole networks for each resolution that calibrate the table, 3 or more.
- ``held_back``: the number of networks that only measure its error, 10 or more. ``seed``: of the choice of networks.
- ``note``: kept in the card, such as a description of the device.

Every distinct block is timed alone. Whole networks, timed in the same rounds, calibrate the sum of blocks for each
resolution; others, held back, measure its error. After an interrupt, the same command continues with the next round.
All measured milliseconds are kept in ``<out>/<space>.measurements.jsonl``.
"""

import shutil
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.commands.cli.options import check_new_name, given_options
from ofa_bench.config.batches import MAX, milliseconds
from ofa_bench.config.limits import THREADS, check_ranges
from ofa_bench.config.shell import command_line, override
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.files.reading import absolute_path
from ofa_bench.spaces import ChosenSpace

if TYPE_CHECKING:
    from ofa_bench.profiling.plan import Plan
    from ofa_bench.profiling.rounds import Times
    from ofa_bench.spaces import DesignSpace

__all__ = ["Options", "make_table", "profile", "run"]


RANGES = {
    "rounds": (7, np.inf),
    "threads": (1, THREADS),
    "calibration": (3, np.inf),
    "held_back": (10, np.inf),
    "seed": (0, np.inf),
    "batch": (1, MAX),
}
"""The smallest and largest values of options."""

RUNS = 2
"""Timed runs of a file in each round by onnxruntime: those of one round are alike, so that a third tells little."""


@dataclass
class Options:
    """The options of the command."""

    space: str = "mbv3"
    out: str = "devices/mine"
    runner: str = "onnxruntime"
    rounds: int = 20
    threads: int = 1
    statistic: str = "median"
    calibration: int = 8
    held_back: int = 25
    seed: int = 0
    batch: int = 1
    note: str = ""

    def check(self) -> None:
        """Raise InputError if a value is out of range, or another device has the table's name."""
        check_ranges(self, RANGES)
        from ofa_bench.profiling.statistics import check_statistic

        check_statistic(self.statistic)
        from ofa_bench.devices.tables import FOLDER

        if self.folder.parent != FOLDER:  # a table of one of the package's own devices
            check_new_name("device", self.out, self.folder)

    @property
    def folder(self) -> Path:
        """The absolute path of the table's folder; its name is the device's."""
        return absolute_path(self.out)


def profile(options: Options) -> Path:
    """Measure, fit and write a table; return its path.

    Raises:
        InputError: an option is wrong, the runner fails, or the table is already there.
        OSError: the folder cannot be written.
    """
    options.check()
    space, out = load_space(options.space), options.folder
    part = space if isinstance(space, ChosenSpace) else None
    space = space.parent if isinstance(space, ChosenSpace) else space
    path, work = out / f"{space.name}.json", out / f"{space.name}.unfinished"
    if path.exists():
        raise InputError(f"out={options.out}: {path} is already there; move it away or choose another out=")
    from ofa_bench.profiling.runners import OnnxRuntime, check_runner, describe_runner, make_runner

    runner = make_runner(options.runner, options.threads, RUNS)
    how = describe_runner(runner, options.threads)
    from ofa_bench.profiling.plan import load_macs, make_plan
    from ofa_bench.profiling.rounds import MEASUREMENTS, export_all, measure
    from ofa_bench.supernets.pieces import supernet

    net = supernet(space)
    plan = make_plan(net, load_macs(net), options.calibration, options.held_back, options.seed, part)
    here = isinstance(runner, OnnxRuntime)
    pinned = runner if isinstance(runner, OnnxRuntime) else nullcontext()
    first = export_all(dict([next(iter(plan.items.items()))]), work / "onnx", options.batch, here)
    with pinned:
        check_runner(runner, first[0])  # fails before minutes are spent
    paths = export_all(plan.items, work / "onnx", options.batch, here)
    measured = {"files": list(plan.items), **how, **({"batch": options.batch} if options.batch != 1 else {})}
    with pinned:
        times, load = measure(paths, runner, work, measured, options.rounds, options.seed)
    images = "one image" if options.batch == 1 else f"batches of {options.batch} images"
    card = {
        "title": f"Measured latency of space {space.name}, {images}",
        "device": out.name,
        **({"part": part.name} if part is not None else {}),
        "batch": options.batch,
        **({"note": options.note} if options.note else {}),
        **how,
        "statistic": options.statistic,
        "load_average": [min(load), max(load)],
        "date": date.today().isoformat(),
        "made_by": command_line(["ofa_bench", "profile", *given_options(options)]),
    }
    make_table(part or space, plan, times, path, card)
    (work / MEASUREMENTS).replace(out / f"{space.name}.{MEASUREMENTS}")
    shutil.rmtree(work)
    return path


def make_table(space: "DesignSpace", plan: "Plan", times: "Times", path: Path, card: dict[str, Any]) -> None:
    """Fit a table to milliseconds [items of the plan, rounds, runs] and write it with its card.

    The card's ``statistic`` is that of the runs; its ``batch``, if given, is the number of images at a time. The table
    of a part of a space is one of the whole space in which what was not measured is null.

    Raises:
        InputError: all networks take the same time.
    """
    from ofa_bench.devices.cost import Term
    from ofa_bench.devices.tables import write_table
    from ofa_bench.predictors import CostTable, embedded_predictor, table_predictor, table_sources
    from ofa_bench.profiling.fit import calibrate, calibrate_terms, compute_errors, compute_guard_band, summarise
    from ofa_bench.profiling.plan import build_terms, resolutions_of
    from ofa_bench.search import Problem, default_targets

    device, n, unit = str(card["device"]), len(plan.calibration), milliseconds(card.get("batch", 1))
    times_of, repeats = summarise(times, str(card["statistic"]))
    by_key = dict(zip(plan.items, times_of.tolist(), strict=True))
    measured = np.array([by_key[network.key] for network in plan.networks])
    if measured.max() < 1.05 * measured.min():
        raise InputError(
            f"runner: cannot tell networks apart, all take about {measured.mean():.4g} ms; no table is made"
        )
    whole = space.parent if isinstance(space, ChosenSpace) else space

    def cost_table(terms: Sequence[Term]) -> CostTable:
        known = [Term(term.places, np.nan_to_num(term.values)) for term in terms]
        return CostTable(whole, known, name=device, unit=unit, sha256="", card={})

    raw = build_terms(plan.slots, by_key)
    sums, resolutions = cost_table(raw), len(raw[0].values) if "r" in whole.index else 1
    there, resolution = np.unique(resolutions_of(whole, plan.calibration), return_inverse=True)
    smallest = raw[0].values.reshape(resolutions, -1)[there].min(axis=1)
    calibration, form, left_out = calibrate(sums.cost(plan.calibration), measured[:n], resolution, smallest)
    by_resolution = np.full((resolutions, 2), np.nan)
    by_resolution[there] = calibration
    fitted = [Term(term.places, np.round(term.values, 5)) for term in calibrate_terms(raw, by_resolution)]
    table = cost_table(fitted)
    held_back = table.cost(plan.held_back)
    card = card | {
        "protocol": {
            "rounds": times.shape[1],
            "timed_runs_a_round": times.shape[2],
            "pieces": len(plan.pieces),
            "calibrating_networks": n,
            "split_half_difference": repeats,
        },
        "calibration": {"form": form, "intercept_ms_and_factor": np.round(calibration, 5).tolist()},
        "calibrating_networks_left_out": {
            name: compute_errors(value, measured[:n]) for name, value in left_out.items()
        },
        "held_back": compute_errors(held_back, measured[n:]),
        "held_back_without_calibration": compute_errors(sums.cost(plan.held_back), measured[n:]),
        "guard_band": compute_guard_band(np.concatenate([left_out[form], held_back]), measured),
    }
    targets: tuple[float, ...] = ()
    with threadpool_limits(1), suppress(InputError):  # a space without such a predictor has no default targets
        predictor = table_predictor(space) if table_sources(space) else embedded_predictor(space)
        priced = table.within(space) if isinstance(space, ChosenSpace) else table
        targets = default_targets(Problem(space, predictor, priced), np.random.default_rng(0))
    write_table(path, fitted, space=whole.name, device=device, unit=unit, card=card, targets=targets)


def run(options: Options, _: Sequence[str]) -> str:
    """Profile; return a description of the table's errors."""
    path = profile(options)
    from ofa_bench.predictors import latency_table
    from ofa_bench.profiling.statistics import describe_statistic

    found = latency_table(load_space(options.space), str(path)).card["held_back"]
    return (
        f"{path}: {describe_statistic(options.statistic)} of all runs; on {found['networks']} held-back networks, "
        f"mean error {found['mean_error']:.1%}, 95th percentile {found['p95_error']:.1%}, rank correlation "
        f"{found['rank_correlation']:.4f}\nuse it: {command_line([override('device', options.out)])}"
    )
