"""Random configurations in one process, for hours: ``python benchmarks/soak.py minutes=60 seed=0 out=soak.jsonl``.

Each is composed by Hydra and run by the engine, as the command does, and its record is judged anew: architectures,
costs and accuracies, counts, curves and regrets. One in four is run again the other way (compiled or not, in lockstep
or not) and must find the same. Some are wrong on purpose and must be refused in one line. A configuration hangs if it
takes longer than ``ALARM`` seconds. One JSON line each is appended to ``out``, at the end one of the whole, which is
printed too. Exit codes: 0 all is well, 1 something failed or hung, 2 bad input.

Options, ``key=value``: ``minutes``, ``seed``, ``out``; ``threads``, the most that a configuration may use; ``first``
and ``count``: only so many configurations, from this number on, each the same as in a whole run of the seed.
"""

import faulthandler
import json
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict
from soak_checks import Plain, faults, findings
from soak_draws import Draw, Drawn

from ofa_bench.commands.cli.main import run_module
from ofa_bench.commands.cli.messages import explain
from ofa_bench.commands.cli.registry import Command
from ofa_bench.config.address import address
from ofa_bench.config.registration import register
from ofa_bench.config.schema import GROUPS, Config, conf_dir
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.build import build
from ofa_bench.experiment.checks import result_config
from ofa_bench.experiment.options import choose_parts
from ofa_bench.records import frontiers
from ofa_bench.records import record as records
from ofa_bench.records.frontiers import Frontier
from ofa_bench.records.model import to_dict
from ofa_bench.records.regret import beaten
from ofa_bench.search import Problem

ALARM = 120
"""Seconds after which a configuration is called hung; as long again later, the process ends with a traceback."""

WARM_UP = 0.2
"""Share of the time in which memory may still grow for good reasons."""

KEPT = ("number", "outcome", "results", "beaten", "seconds", "at", "rss_mb")
"""Of each configuration, what the summary is made of."""


@dataclass
class Options:
    """What can be set on the command line."""

    minutes: float = 5
    seed: int = 0
    out: str = "soak.jsonl"
    threads: int = 2
    first: int = 0
    count: int | None = None

    def check(self) -> None:
        """Raise InputError where a value is out of range."""
        for key, least in (("minutes", 0), ("seed", 0), ("threads", 1), ("first", 0)):
            if not getattr(self, key) >= least:
                raise InputError(f"{key}={getattr(self, key)}: must be {least} or more")


class _HungError(BaseException):
    """Not an Exception, so that no code that is tried out takes it for its own."""


@contextmanager
def alarm() -> Iterator[None]:
    """Raise in what takes too long; end the process where even that does not help."""

    def ring(_number: int, _frame: object) -> None:
        raise _HungError

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(ALARM)
    faulthandler.dump_traceback_later(2 * ALARM, exit=True)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()


def composed(overrides: list[str]) -> tuple[Any, Any]:
    """Compose a cell as the command does: the whole config, and without Hydra's own."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", overrides=choose_parts(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    task = config.copy()
    with open_dict(task):
        del task["hydra"]
    return config, task


def run_cell(drawn: Drawn) -> tuple[Cell, records.Record, Frontier | None]:
    """Build a configuration, run it, and make its record."""
    config, task = composed(drawn.overrides)
    typed = OmegaConf.to_object(task)
    assert isinstance(typed, Config)
    cell = build(typed)
    if not drawn.compiled:
        cell = replace(cell, problem=_plain(cell.problem))
    wanted, choices = result_config(task), config.hydra.runtime.choices
    frontier = frontiers.find(cell.problem)
    record = records.make_record(
        cell,
        list(run_repeats(cell, lambda *_: None)),
        address=address(choices, config.hydra.overrides.task, typed.seed),
        choices={group: str(choices[group]) for group in GROUPS},
        identity=records.identity(wanted, cell.problem, cell.strategy),
        config=wanted,
        frontier=frontier,
    )
    return cell, record, frontier


def _plain(problem: Problem) -> Problem:
    made = Problem(problem.space, problem.predictor, problem.cost)
    vars(made)["kernels"] = None
    return made


@cache
def earlier(space: str, folder: Path) -> Path:
    """Make a record of a space; name its folder."""
    words = [
        f"space={space.removesuffix('_elastic')}",
        "budget=quick",
        "tracking=none",
        "device=macs",
        "predictor=embedded",
    ]
    words += ["space.kernels=elastic"] if space.endswith("_elastic") else []
    (folder / space).mkdir()
    _, record, _ = run_cell(Drawn(words, space, bad="", compiled=True, twice=False))
    (folder / space / records.RECORD).write_text(json.dumps(to_dict(record)))
    return folder / space


def judged(drawn: Drawn) -> Plain:
    """Run a configuration and check what it found; tell what is wrong, and how many results beat the best known."""
    cell, record, frontier = run_cell(drawn)
    found = json.loads(json.dumps(to_dict(record), allow_nan=False))
    wrong = list(faults(found, drawn, frontier))
    if drawn.twice:
        problem = Problem(cell.problem.space, cell.problem.predictor, cell.problem.cost)
        other = replace(cell, lockstep=not cell.lockstep, problem=_plain(problem) if drawn.compiled else problem)
        again = records.make_record(other, list(run_repeats(other, lambda *_: None)), **_EMPTY)
        if findings(to_dict(again)) != findings(found):
            wrong.append("run again the other way, it finds something else")
    results = len(record.results)
    return {"outcome": "failed" if wrong else "ok", "said": wrong, "results": results, "beaten": beaten(record)[0]}


_EMPTY: dict[str, Any] = {"address": "", "choices": dict.fromkeys(GROUPS, ""), "identity": "", "config": {}}


def tried(drawn: Drawn) -> Plain:
    """Do so under the alarm; what is raised is told."""
    try:
        with alarm():
            found = judged(drawn)
    except _HungError:
        return {"outcome": "hung", "said": [traceback.format_exc()]}
    except Exception as error:
        line, code = explain(error)
        refused = drawn.bad and code == 2 and len(line.splitlines()) == 1
        message = [line] if refused else [line, traceback.format_exc()]
        return {"outcome": "refused" if refused else "failed", "said": message}
    if drawn.bad:
        return {**found, "outcome": "failed", "said": [f"{drawn.bad}: not refused"]}
    return found


def rss() -> float:
    """Return this process's resident memory, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS:"))


def lines_of(options: Options, folder: Path) -> Iterator[Plain]:
    """Draw and try one configuration after another until the time is over."""
    began, number = time.monotonic(), options.first
    while time.monotonic() - began < 60 * options.minutes:
        if options.count is not None and number >= options.first + options.count:
            return
        rng = np.random.default_rng([options.seed, number])
        drawn, start = (
            Draw(rng, options.threads, lambda space: earlier(space, folder)).configuration(),
            time.monotonic(),
        )
        description = tried(drawn)
        now = time.monotonic()
        words = {"overrides": drawn.overrides, "compiled": drawn.compiled, "twice": drawn.twice}
        yield {"number": number, **words, **description, "seconds": now - start, "at": now - began, "rss_mb": rss()}
        number += 1


def summary(lines: list[Plain]) -> Plain:
    """Describe what came out in all, and how memory grew after the warm-up."""
    outcomes = Counter(line["outcome"] for line in lines)
    slowest = max(lines, key=lambda line: line["seconds"])
    late = [line for line in lines if line["at"] >= WARM_UP * lines[-1]["at"]]
    at, memory = (np.array([line[key] for line in late]) for key in ("at", "rss_mb"))
    slope = np.polyfit(at / 3600, memory, 1)[0] if len(late) > 2 else None
    return {
        "configurations": len(lines),
        **{outcome: outcomes[outcome] for outcome in ("ok", "refused", "failed", "hung")},
        "results": sum(line["results"] for line in lines),
        "beaten": sum(line["beaten"] for line in lines),
        "seconds": lines[-1]["at"],
        "slowest": {key: slowest[key] for key in ("number", "seconds")},
        "rss_mb": {"warm": memory[0], "end": memory[-1], "most": float(memory.max()), "an_hour": slope},
    }


def run(options: Options, _: Sequence[str]) -> Iterator[str]:
    """Soak; yield the summary. The exit code is 1 where anything failed or hung."""
    options.check()
    register()
    lines = []
    with Path(options.out).open("a") as out, TemporaryDirectory() as folder:
        for line in lines_of(options, Path(folder)):
            lines.append({key: line.get(key, 0) for key in KEPT})  # the rest would look like a leak
            print(json.dumps(line), file=out, flush=True)
            if line["outcome"] in ("failed", "hung"):
                print(json.dumps(line, indent=1), file=sys.stderr, flush=True)
        if not lines:
            raise InputError("minutes: too few to try anything")
        whole = summary(lines)
        print(json.dumps({"summary": whole}), file=out)
    yield json.dumps(whole, indent=1)
    if whole["failed"] or whole["hung"]:
        sys.exit(1)


if __name__ == "__main__":
    run_module(sys.modules["__main__"], sys.argv[1:], Command("", ""))
