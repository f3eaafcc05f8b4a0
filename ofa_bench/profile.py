"""``python -m ofa_bench.profile``: measure a device and write its latency table for a space.

Keys are given as ``key=value``: ``space``, ``out``, ``runner``, ``rounds``, ``threads``, ``calibration``,
``held_back``, ``seed``. The table goes to ``<out>/<space>.json``, and ``device=<out>`` searches on it at once.
``runner`` is ``onnxruntime`` (this machine's CPU), a command that times one ONNX file and whose last line holds
milliseconds (``runner='./on_phone.sh {model}'``), or the dotted name of a Python callable that takes the file's path
and returns milliseconds.

Every distinct block is timed alone; whole networks, timed in the same rounds, calibrate the sum of blocks for each
resolution, and others, held back, say how far off it is. Interrupted, the same command goes on with the next round.
The milliseconds themselves are kept in ``<out>/<space>.measurements.jsonl``.
"""

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from ofa_bench.config import load_space
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, embedded_predictor, latency_table
from ofa_bench.predictors.cost import Term
from ofa_bench.predictors.devices import write_table
from ofa_bench.profiling.fit import calibrate, calibrated_terms, errors, summarise, terms
from ofa_bench.profiling.plan import Plan, make_plan
from ofa_bench.profiling.rounds import MEASUREMENTS, Times, export_all, measure
from ofa_bench.profiling.runners import make_runner
from ofa_bench.search import Problem, default_targets
from ofa_bench.spaces import DesignSpace, PartSpace
from ofa_bench.words import say, show_help

__all__ = ["Options", "main", "make_table", "profile"]


@dataclass
class Options:
    """What can be set on the command line."""

    space: str = "mbv3"
    out: str = "devices/mine"
    runner: str = "onnxruntime"
    rounds: int = 20
    threads: int = 1
    calibration: int = 8
    held_back: int = 25
    seed: int = 0

    def check(self) -> None:
        """Raise InputError where a value is out of range."""
        for key, least in (("rounds", 2), ("threads", 1), ("calibration", 3), ("held_back", 10), ("seed", 0)):
            if getattr(self, key) < least:
                raise InputError(f"{key}={getattr(self, key)}: must be {least} or more")


def profile(options: Options) -> Path:
    """Measure, fit and write a table: its path.

    Raises:
        InputError: an option is wrong, the runner fails, or the table is already there.
    """
    from ofa_bench.supernets import supernet

    options.check()
    space = load_space(options.space)
    if isinstance(space, PartSpace):
        raise InputError(f"space={options.space}: a part of {space.whole.name}; its table serves, profile that")
    out = Path(options.out)
    path, work = out / f"{space.name}.json", out / f"{space.name}.unfinished"
    if path.exists():
        raise InputError(f"out={options.out}: {path} is already there; move it away or choose another out=")
    net = supernet(space)
    plan = make_plan(net, latency_table(space, "macs"), options.calibration, options.held_back, options.seed)
    paths = export_all(plan.items, work / "onnx")
    runner = make_runner(options.runner, options.threads)
    name = getattr(runner, "name", options.runner)
    about = {"files": list(plan.items), "runner": name, "threads": options.threads, "machine": machine()}
    times, load = measure(paths, runner, work, about, options.rounds, options.seed)
    card = {
        "title": f"Measured latency of space {space.name}, one image",
        "device": out.name,
        "runner": name,
        "threads": options.threads,
        "machine": about["machine"],
        "load_average": [min(load), max(load)],
        "date": date.today().isoformat(),
        "made_by": " ".join(["python -m ofa_bench.profile", *_asked(options)]),
    }
    make_table(space, plan, times, path, out.name, card)
    (work / MEASUREMENTS).replace(out / f"{space.name}.{MEASUREMENTS}")
    shutil.rmtree(work)
    return path


def make_table(space: DesignSpace, plan: Plan, times: Times, path: Path, device: str, card: dict[str, Any]) -> None:
    """Fit a table to milliseconds [items of the plan, rounds, runs] and write it with its card."""
    milliseconds, chosen = summarise(times)
    by_key = dict(zip(plan.items, milliseconds.tolist(), strict=True))
    raw = terms(plan.slots, by_key)
    sums = CostTable(space, raw, name=device, unit="ms", sha256="", card={})
    measured = np.array([by_key[network.key] for network in plan.networks])
    n = len(plan.calibration)
    resolution = plan.calibration[:, space.index["r"]].astype(np.intp)
    smallest = raw[0].values.reshape(len(raw[0].values), -1).min(axis=1)
    calibration, form = calibrate(sums.cost(plan.calibration), measured[:n], resolution, smallest)
    fitted = [Term(term.places, np.round(term.values, 5)) for term in calibrated_terms(raw, calibration)]
    table = CostTable(space, fitted, name=device, unit="ms", sha256="", card={})
    held_back = errors(table.cost(plan.held_back), measured[n:])
    card = card | {
        "protocol": {
            "rounds": times.shape[1],
            "timed_runs_a_round": times.shape[2],
            "pieces": len(plan.pieces),
            "calibrating_networks": n,
            **chosen,
        },
        "calibration": form | {"intercept_ms_and_factor": np.round(calibration, 5).tolist()},
        "held_back": held_back,
        "held_back_without_calibration": errors(sums.cost(plan.held_back), measured[n:]),
        "guard_band": round(1 + held_back["p95_error"], 5),
    }
    problem = Problem(space, embedded_predictor(space), table)
    targets = default_targets(problem, np.random.default_rng(0))
    write_table(path, fitted, space=space.name, device=device, unit="ms", card=card, targets=targets)


def machine() -> dict[str, Any]:
    """Describe this machine: system, processor, cores."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = named[0] if named else model
    return {"system": f"{platform.system()} {platform.machine()}", "processor": model, "cores": os.cpu_count()}


def _asked(options: Options) -> list[str]:
    """Give the options that differ from the defaults, but for the place of the table."""
    standard = asdict(Options())
    return [f"{key}={value}" for key, value in asdict(options).items() if value != standard[key] and key != "out"]


def main() -> None:
    """Read the options, profile, and say how good the table is. Exit codes: 0 done, 1 failed, 2 bad input."""
    show_help(__doc__, Options())
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Options), OmegaConf.from_cli()))
        assert isinstance(options, Options)
        path = profile(options)
    except KeyboardInterrupt:
        print("ofa_bench: interrupted; finished rounds are kept, the same command goes on", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        sys.exit(say(error))
    found = latency_table(load_space(options.space), str(path)).card["held_back"]
    print(
        f"{path}: on {found['networks']} held-back networks, mean error {found['mean_error']:.1%}, 95th percentile "
        f"{found['p95_error']:.1%}, rank correlation {found['rank_correlation']:.4f}\nuse it: device={options.out}"
    )


if __name__ == "__main__":
    main()
