"""``ofa_bench profile``: measure a device and write its latency table for a space.

Keys are given as ``key=value``:

- ``space``: what is measured, a name or a YAML file with the ``_target_`` of your own space; the table goes to
  ``<out>/<space>.json``, and ``device=<out>`` searches on it at once.
- ``out``: the folder; its name is the device's.
- ``runner``: ``onnxruntime`` (this machine's CPU), a command that times one ONNX file and whose last line is
  milliseconds (``runner='./on_phone.sh {model}'``), or the dotted name of a Python callable that takes the file's path
  and returns milliseconds (one number or several).
- ``batch``: images that go through at a time; with ``batch=8`` costs and targets are in ``ms a batch of 8``.
- ``rounds``: how often everything is timed, 7 or more. ``threads``: of onnxruntime.
- ``statistic``: of all runs, that the table's milliseconds, and so targets, are about: ``median``, ``p10`` (what a
  network takes when nothing disturbs it) or ``p90``.
- ``calibration``: whole networks a resolution that calibrate the table, 3 or more.
- ``held_back``: networks that only tell its error, 10 or more. ``seed``: of the choice of networks.
- ``note``: kept in the card, such as what device it is.

Every distinct block is timed alone; whole networks, timed in the same rounds, calibrate the sum of blocks for each
resolution, and others, held back, say how far off it is. Interrupted, the same command goes on with the next round.
The milliseconds themselves are kept in ``<out>/<space>.measurements.jsonl``.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.config.batches import MAX, milliseconds
from ofa_bench.config.limits import THREADS, check_range
from ofa_bench.config.schema import conf_dir
from ofa_bench.config.shell import command_line, option, override
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space

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
"""The least and the most that options may be."""


@dataclass
class Options:
    """What can be set on the command line."""

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
        """Raise InputError where a value is out of range, or another device has the table's name."""
        for key, (least, most) in RANGES.items():
            check_range(key, getattr(self, key), least, most)
        from ofa_bench.profiling.statistics import check_statistic

        check_statistic(self.statistic)
        if not self.folder.name:
            raise InputError(f"out={self.out}: has no name, which would be the device's")
        check_folder("out", self.folder)
        from ofa_bench.devices.tables import FOLDER

        taken = [option.stem for option in (conf_dir() / "device").glob("*.yaml")]
        if self.folder.name in taken and self.folder.parent != FOLDER:
            raise InputError(f"out={self.out}: there is a device {self.folder.name} already; choose another name")

    @property
    def folder(self) -> Path:
        """Where the table goes, absolute; its name is the device's."""
        return Path(os.path.normpath(Path.cwd() / Path(self.out).expanduser()))


def profile(options: Options) -> Path:
    """Measure, fit and write a table: its path.

    Raises:
        InputError: an option is wrong, the runner fails, or the table is already there.
        OSError: the folder cannot be written.
    """
    options.check()
    space, out = load_space(options.space), options.folder
    path, work = out / f"{space.name}.json", out / f"{space.name}.unfinished"
    if path.exists():
        raise InputError(f"out={options.out}: {path} is already there; move it away or choose another out=")
    from ofa_bench.profiling.runners import OnnxRuntime, check_runner, describe_runner, make_runner

    runner = make_runner(options.runner, options.threads)
    how = describe_runner(runner, options.threads)
    from ofa_bench.profiling.plan import load_macs, make_plan
    from ofa_bench.profiling.rounds import MEASUREMENTS, export_all, measure
    from ofa_bench.supernets.pieces import supernet

    net = supernet(space)
    plan = make_plan(net, load_macs(net), options.calibration, options.held_back, options.seed)
    pinned = runner if isinstance(runner, OnnxRuntime) else nullcontext()
    first = export_all(dict([next(iter(plan.items.items()))]), work / "onnx", options.batch)
    with pinned:
        check_runner(runner, first[0])  # what is wrong with the runner is said before minutes are spent
    paths = export_all(plan.items, work / "onnx", options.batch)
    measured = {"files": list(plan.items), **how, **({"batch": options.batch} if options.batch != 1 else {})}
    with pinned:
        times, load = measure(paths, runner, work, measured, options.rounds, options.seed)
    images = "one image" if options.batch == 1 else f"batches of {options.batch} images"
    card = {
        "title": f"Measured latency of space {space.name}, {images}",
        "device": out.name,
        "batch": options.batch,
        **({"note": options.note} if options.note else {}),
        **how,
        "statistic": options.statistic,
        "load_average": [min(load), max(load)],
        "date": date.today().isoformat(),
        "made_by": command_line(["ofa_bench", "profile", *_asked(options)]),
    }
    make_table(space, plan, times, path, card)
    (work / MEASUREMENTS).replace(out / f"{space.name}.{MEASUREMENTS}")
    shutil.rmtree(work)
    return path


def make_table(space: "DesignSpace", plan: "Plan", times: "Times", path: Path, card: dict[str, Any]) -> None:
    """Fit a table to milliseconds [items of the plan, rounds, runs] and write it with its card.

    The card says of which statistic of the runs these are, and in ``batch``, if it has that, of how many images.

    Raises:
        InputError: all networks take the same time.
    """
    from ofa_bench.devices.cost import Term
    from ofa_bench.devices.tables import write_table
    from ofa_bench.predictors import CostTable, embedded_predictor
    from ofa_bench.profiling.fit import calibrate, calibrate_terms, compute_errors, compute_guard_band, summarise
    from ofa_bench.profiling.plan import build_terms
    from ofa_bench.search import Problem, default_targets

    device, n, unit = str(card["device"]), len(plan.calibration), milliseconds(card.get("batch", 1))
    times_of, repeats = summarise(times, str(card["statistic"]))
    by_key = dict(zip(plan.items, times_of.tolist(), strict=True))
    measured = np.array([by_key[network.key] for network in plan.networks])
    if measured.max() < 1.05 * measured.min():
        raise InputError(
            f"runner: cannot tell networks apart, all take about {measured.mean():.4g} ms; no table is made"
        )
    raw = build_terms(plan.slots, by_key)
    sums = CostTable(space, raw, name=device, unit=unit, sha256="", card={})
    resolution = plan.calibration[:, space.index["r"]].astype(np.intp)
    smallest = raw[0].values.reshape(len(raw[0].values), -1).min(axis=1)
    calibration, form, left_out = calibrate(sums.cost(plan.calibration), measured[:n], resolution, smallest)
    fitted = [Term(term.places, np.round(term.values, 5)) for term in calibrate_terms(raw, calibration)]
    table = CostTable(space, fitted, name=device, unit=unit, sha256="", card={})
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
    with threadpool_limits(1), suppress(InputError):  # a space without a predictor at hand has no default targets
        targets = default_targets(Problem(space, embedded_predictor(space), table), np.random.default_rng(0))
    write_table(path, fitted, space=space.name, device=device, unit=unit, card=card, targets=targets)


def _asked(options: Options) -> list[str]:
    """Return the options that differ from the defaults, but for the place of the table."""
    standard = asdict(Options())
    given = {key: value for key, value in asdict(options).items() if value != standard[key] and key != "out"}
    return [f"{key}={value}" if key == "runner" else option(key, value) for key, value in given.items()]


def run(options: Options, _: Sequence[str]) -> str:
    """Profile, and describe how good the table is."""
    path = profile(options)
    from ofa_bench.predictors import latency_table
    from ofa_bench.profiling.statistics import describe_statistic

    found = latency_table(load_space(options.space), str(path)).card["held_back"]
    return (
        f"{path}: {describe_statistic(options.statistic)} of all runs; on {found['networks']} held-back networks, "
        f"mean error {found['mean_error']:.1%}, 95th percentile {found['p95_error']:.1%}, rank correlation "
        f"{found['rank_correlation']:.4f}\nuse it: {command_line([override('device', options.out)])}"
    )
