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
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from ofa_bench.config import GROUPS, Config, address, conf_dir, load_space, register, result_config
from ofa_bench.engine import Cell, build, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, CostTable, embedded_predictor, latency_table, official_predictor
from ofa_bench.results import frontiers, records
from ofa_bench.results.frontiers import Frontier
from ofa_bench.results.regret import beaten
from ofa_bench.search import Problem
from ofa_bench.spaces import CompoundSpace, DesignSpace
from ofa_bench.words import ending, explain, heed_full_error, options_of, show_help

ALARM = 120
"""Seconds after which a configuration is called hung; as long again later, the process ends with a traceback."""

WARM_UP = 0.2
"""Share of the time in which memory may still grow for good reasons."""

FOUND = (
    "target", "feasible", "accuracy", "cost", "generations", "shared", "proposals", "cost_lookups", "evaluations",
    "unique_evaluations", "gradients", "genes", "curve",
)  # fmt: skip
"""Of a result, what is the same whenever the seed is."""

KEPT = ("number", "outcome", "results", "beaten", "seconds", "at", "rss_mb")
"""Of each configuration, what the summary is made of."""

Plain = dict[str, Any]
"""A record, or a part of one; or what is written of one configuration."""

SPACES: Mapping[str, Sequence[str]] = {
    "mbv3": ("note10", "macs", "cpu_onnx"),
    "compofa": ("note10", "macs", "cpu_onnx"),
    "resnet50d": ("macs", "cpu_onnx"),
    "proxyless": ("macs", "cpu_onnx"),
}
"""Each space with the devices that have a table for it."""

WRONG = (
    "repeats=0", "seed=-1", "threads=0", "evolution.population_size=0", "evolution.mutate_prob=1.5", "epeats=2",
    "evolution.constraint=sfot", "evolution.mutate_prob=much", "budget.generations=0", "budget.warm_generations=[]",
    "budget.warm_generations=root", "strategy=vanila", "space=mbv4", "device=nowhere", "predictor=none", "+nothing=1",
    "targets.values=[nan]", "targets.values=[]", "targets.values=[-5]", "targets.values=[1e-9]", "targets.unit=furlong",
    "targets.first=0", "+strategy.nothing=1", "~evolution", "strategy._target_=os.path", "device.guard_band=maybe",
    "predictor=member predictor.member=5", "strategy=exhaustive space=mbv3", "strategy=top_down strategy.order=up",
    "strategy=bottom_up strategy.warm_start.share=0", "strategy=top_down strategy.warm_start.from=nowhere",
    "strategy=joint strategy.noise=-1", "strategy=nsga2 ++strategy.population_size=1", "space=compofa space.kernels=no",
    "targets.start=1 targets.stop=null", "targets=range targets.count=0", "targets=quantiles targets.quantiles=[1]",
)  # fmt: skip
"""What must be refused, whatever else is configured."""


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


@dataclass(frozen=True)
class Drawn:
    """One configuration: ``bad`` says what is wrong with it on purpose; ``twice`` has it run again the other way."""

    overrides: list[str]
    space: str
    bad: str
    compiled: bool
    twice: bool


class Draw:
    """Draws one configuration.

    Args:
        rng: the only source of chance.
        threads: the most that a configuration may use.
        folder: where the records are that a chain may start from, one of each space.
    """

    def __init__(self, rng: np.random.Generator, threads: int, folder: Path) -> None:
        self._rng, self._threads, self._folder = rng, threads, folder

    def configuration(self) -> Drawn:
        """Draw it all."""
        space = self._pick(*SPACES)
        elastic = space == "compofa" and self._one_in(3)
        name = space + ("_elastic" if elastic else "")
        device, words = self._pick(*SPACES[space]), [f"space={space}", "tracking=none", "progress=false"]
        words += [f"device={device}", *(["space.kernels=elastic"] if elastic else [])]
        guard = device == "cpu_onnx" and self._one_in(3)
        words += ["device.guard_band=true"] if guard else []
        words += self._predictor(space) + self._strategy(name)
        table = judge(name, device, guard)
        words += self._targets(table, few="strategy=ofa_reference" in words)
        words += [f"seed={self._whole(0, 10**6)}", f"lockstep={self._pick('true', 'false')}"]
        words += [f"threads={self._whole(1, self._threads)}"]
        bad = self._pick(*WRONG) if self._one_in(10) else ""
        keys = [word.partition("=")[0] for word in bad.split()]
        if bad:
            words = [word for word in words if word.partition("=")[0] not in keys]
            words = [word for word in words if not word.startswith(("targets", "strategy", "space.")) or not keys]
        return Drawn(words + bad.split(), name, bad, compiled=not self._one_in(4), twice=self._one_in(4))

    def _pick(self, *options: str) -> str:
        return options[int(self._rng.integers(len(options)))]

    def _one_in(self, n: int) -> bool:
        return bool(self._rng.integers(n) == 0)

    def _whole(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def _share(self, low: float = 0.0, high: float = 1.0) -> float:
        return round(float(self._rng.uniform(low, high)), 3)

    def _predictor(self, space: str) -> list[str]:
        options = ["embedded", "member"]
        if space != "proxyless" and os.environ.get("OFA_BENCH_ASSETS"):
            options.append("official")
        option = self._pick(*options)
        return [f"predictor={option}", *([f"predictor.member={self._whole(1, 4)}"] if option == "member" else [])]

    def _strategy(self, space: str) -> list[str]:
        option = self._pick(
            "vanilla", "top_down", "bottom_up", "top_down", "bottom_up", "joint", "nsga2", "random", "local_search",
            "tpe", "exhaustive" if space == "compofa" else "joint", "ofa_reference" if self._one_in(2) else "vanilla",
        )  # fmt: skip
        reference = option == "ofa_reference"
        words = [f"strategy={option}", f"repeats={1 if reference else self._whole(1, 3)}"]
        words += [f"budget.generations={self._whole(1, 3 if reference else 20)}"]
        words += [f"budget.warm_generations={self._pick('sqrt', 'log', 'tenth', 'full', '3', '[4,2]')}"]
        words += [f"evolution.population_size={self._whole(8, 10) if reference else self._whole(2, 24)}"]
        words += [f"evolution.{key}={self._share(0.1)}" for key in ("mutation_ratio", "mutate_prob")]
        words += [
            f"evolution.parent_ratio={self._share(0.2)}",
            f"evolution.reference_compat={self._pick('true', 'false')}",
        ]
        if not reference:
            words += [
                f"evolution.initial_ratio={self._share(0.1)}",
                f"evolution.constraint={self._pick('hard', 'soft')}",
            ]
        return words + self._own(option, space)

    def _own(self, option: str, space: str) -> list[str]:
        """Draw a strategy's own parameters."""
        if option in ("top_down", "bottom_up"):
            return self._chain(space)
        keys: dict[str, object] = {}
        if option in ("joint", "nsga2", "random", "local_search") and self._one_in(2):
            keys["evaluations"] = self._whole(1, 400)
        if option == "tpe":
            keys["evaluations"] = self._whole(1, 12)
        if option == "nsga2":
            keys["crossover_prob"] = self._share()
        if option == "joint":
            keys |= {"batch": self._whole(1, 30), "elites": self._whole(1, 10), "restart": self._whole(1, 200)}
            keys |= {"tries": self._whole(1, 12), "most_changes": self._whole(1, 60), "noise": self._share()}
        return [f"strategy.{key}={value}" for key, value in keys.items()]

    def _chain(self, space: str) -> list[str]:
        words = [f"strategy.order={self._pick('ascending', 'descending', 'middle_out', 'random')}"]
        warm = {"seed": self._pick("best", "population", "none"), "prunings": self._whole(1, 4)}
        warm |= {"prune_resolution": self._pick("true", "false"), "from_best": self._whole(1, 12)}
        warm |= {"share": self._pick("null", str(self._share(0.01)))}
        if self._one_in(3):
            warm["from"] = f"'{earlier(space, self._folder)}'"
        return words + [f"strategy.warm_start.{key}={value}" for key, value in warm.items()]

    def _targets(self, table: CostTable, *, few: bool) -> list[str]:
        """Draw targets of every kind; at least one can be met."""
        kind = self._pick("default", "quantiles", "range", "values", "values")
        if few or kind == "default":
            return ["targets=default", f"targets.first={self._whole(1, 2 if few else 10)}"]
        if kind == "quantiles":
            return ["targets=quantiles", f"targets.quantiles=[{self._share(0.01, 0.99)},{self._share(0.01, 0.99)}]"]
        low, high = table.minimum, table.maximum
        if kind == "range":
            ends = [f"{at}={low + self._share(0.02) * (high - low)!r}" for at in ("start", "stop")]
            count = self._pick("1", "2", "7", "100")
            words = ["targets=range", "targets.unit=null", f"targets.count={count}"]
            return words + [f"targets.{end}" for end in ends]
        edges = [low, float(np.nextafter(low, 0)), 0.5 * low, 2 * high, high]
        values = [low + self._share(0.02) * (high - low) for _ in range(self._whole(1, 6))]
        values += [edges[self._whole(0, len(edges) - 1)] for _ in range(self._whole(0, 2))]
        values += values[: self._whole(0, 2)]
        return ["targets=single", "targets.unit=null", f"targets.values={self._rng.permutation(values).tolist()}"]


@cache
def judge(space: str, device: str, guard: bool) -> CostTable:
    """Load a table beside the one that is built for a configuration."""
    return latency_table(space_of(space), device, guard)


@cache
def space_of(name: str) -> DesignSpace:
    """Build a space beside the one that is built for a configuration."""
    return CompoundSpace("elastic") if name == "compofa_elastic" else load_space(name)


@cache
def predictor_of(space: str, option: str, member: int | None) -> AccuracyPredictor:
    """Load a predictor beside the one that is built for a configuration."""
    made = space_of(space)
    return official_predictor(made) if option == "official" else embedded_predictor(made, member)


def faults(record: Plain, drawn: Drawn, frontier: Frontier | None) -> Iterator[str]:
    """Say what is wrong with a record, judged by its text and by tables and predictors loaded apart."""
    choices, config = record["choices"], record["config"]
    table = judge(drawn.space, choices["device"], bool(config["device"].get("guard_band")))
    predictor = predictor_of(drawn.space, choices["predictor"], config["predictor"].get("member"))
    if len(record["repeats"]) != config["repeats"]:
        yield "repeats are missing"
    for repeat in record["repeats"]:
        results = repeat["results"]
        if [result["target"] for result in results] != record["targets"]:
            yield "results are not one each target, in their order"
        for result in results:
            for fault in (*_wrong(result, table, predictor), *_wrong_regret(result, frontier)):
                yield f"repeat {repeat['repeat']}, target {result['target']}: {fault}"
        yield from _wrong_counts(results, record, table.minimum)
        if not 0 <= sum(result["seconds"] for result in results) <= repeat["seconds"] * 1.000001:
            yield f"seconds {repeat['seconds']} are not those of the targets"


def _wrong(result: Plain, table: CostTable, predictor: AccuracyPredictor) -> Iterator[str]:
    """Judge one result by itself."""
    space, row = table.space, np.array([result["genes"]], np.int8)
    if not space.contains(row)[0] or (space.canonical(row) != row).any():
        yield "not a canonical architecture of the space"
        return
    if space.from_ofa(result["architecture"]).tolist() != result["genes"]:
        yield "architecture and genes are not the same"
    if table.cost(row)[0] != result["cost"]:
        yield f"costs {table.cost(row)[0]}, not {result['cost']}"
    if result["feasible"] != (result["target"] >= table.minimum):
        yield f"feasible is {result['feasible']}"
    if not result["feasible"]:
        if result["accuracy"] is not None or result["cost"] != table.minimum or result["curve"]:
            yield "infeasible, but not the cheapest architecture without accuracy"
        return
    accuracy, curve = float(predictor.accuracy(row)[0]), result["curve"]
    if result["cost"] > result["target"]:
        yield f"misses its target with {result['cost']}"
    if abs(accuracy - result["accuracy"]) > (0 if getattr(predictor, "row_wise", False) else frontiers.NOISE):
        yield f"has accuracy {accuracy}, not {result['accuracy']}"
    if not curve or curve[-1][-1] != result["accuracy"]:
        yield "the curve does not end at the result"
    if any(x > y for before, after in pairwise(curve) for x, y in zip(before, after, strict=True)):
        yield "the curve goes back"


def _wrong_regret(result: Plain, frontier: Frontier | None) -> Iterator[str]:
    best = frontier.best_known(result["target"]) if frontier and result["feasible"] else None
    if best != result["best_known"] or (best is not None and result["regret"] != best - result["accuracy"]):
        yield f"regret is {result['regret']}, the best known {best}"


def _wrong_counts(results: Sequence[Plain], record: Plain, minimum: float) -> Iterator[str]:
    """Judge what a repeat counted."""
    feasible = [result for result in results if result["feasible"]]
    one_search = bool(feasible) and feasible[0]["shared"] > 1
    groups = [feasible] if one_search else [[result] for result in feasible]
    for group in groups:
        made, asked, proposed = (
            sum(result[key] for result in group) for key in ("unique_evaluations", "evaluations", "proposals")
        )
        if not asked >= made >= 1 or proposed < 0 or max(result["curve"][-1][1] for result in group) > asked:
            yield f"{asked} evaluations, {made} of them unique"
    if any(result["evaluations"] for result in results if not result["feasible"]):
        yield "an infeasible target was searched"
    strategy, budget = record["config"]["strategy"], record["budget"]
    n, warm, k = budget["generations"], budget["warm_generations"], sum(t >= minimum for t in record["targets"])
    if strategy["_target_"].endswith(("Vanilla", "Chain")):
        chained = "order" in strategy
        begun = chained and strategy["warm_start"]["from"] is not None
        schedule = [warm] * k if isinstance(warm, int) else [*warm, *[warm[-1]] * k]
        wanted = sum(schedule[:k]) if begun else n + sum(schedule[: k - 1]) if chained else k * n
        if sum(result["generations"] for result in results) != (wanted if k else 0):
            yield f"generations are not {wanted}"


def findings(record: Plain) -> list[list[Plain]]:
    """Give a record's results without seconds: what is equal for equal seeds."""
    return [
        [{key: value for key, value in result.items() if key in FOUND} for result in repeat["results"]]
        for repeat in record["repeats"]
    ]


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
        config = compose("config", overrides=overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    task = config.copy()
    with open_dict(task):
        del task["hydra"]
    return config, task


def run(drawn: Drawn) -> tuple[Cell, records.Record, Frontier | None]:
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
    words = [f"space={space.removesuffix('_elastic')}", "budget=quick", "tracking=none", "device=macs"]
    words += ["space.kernels=elastic"] if space.endswith("_elastic") else []
    (folder / space).mkdir()
    _, record, _ = run(Drawn(words, space, bad="", compiled=True, twice=False))
    (folder / space / records.RECORD).write_text(json.dumps(record))
    return folder / space


def judged(drawn: Drawn) -> Plain:
    """Run a configuration and check what it found; tell what is wrong, and how many results beat the best known."""
    cell, record, frontier = run(drawn)
    text = json.dumps(record, allow_nan=False)
    wrong = list(faults(json.loads(text), drawn, frontier))
    if drawn.twice:
        problem = Problem(cell.problem.space, cell.problem.predictor, cell.problem.cost)
        other = replace(cell, lockstep=not cell.lockstep, problem=_plain(problem) if drawn.compiled else problem)
        again = records.make_record(other, list(run_repeats(other, lambda *_: None)), **_EMPTY)
        if findings(again) != findings(record):
            wrong.append("run again the other way, it finds something else")
    results = sum(len(repeat["results"]) for repeat in record["repeats"])
    return {"outcome": "failed" if wrong else "ok", "said": wrong, "results": results, "beaten": beaten(record)[0]}


_EMPTY: dict[str, Any] = {"address": "", "choices": {}, "identity": "", "config": {}}


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
        said = [line] if refused else [line, traceback.format_exc()]
        return {"outcome": "refused" if refused else "failed", "said": said}
    if drawn.bad:
        return {**found, "outcome": "failed", "said": [f"{drawn.bad}: not refused"]}
    return found


def rss() -> float:
    """Give this process's resident memory, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS:"))


def lines_of(options: Options, folder: Path) -> Iterator[Plain]:
    """Draw and try one configuration after another until the time is over."""
    began, number = time.monotonic(), options.first
    while time.monotonic() - began < 60 * options.minutes:
        if options.count is not None and number >= options.first + options.count:
            return
        rng = np.random.default_rng([options.seed, number])
        drawn, start = Draw(rng, options.threads, folder).configuration(), time.monotonic()
        told = tried(drawn)
        now = time.monotonic()
        words = {"overrides": drawn.overrides, "compiled": drawn.compiled, "twice": drawn.twice}
        yield {"number": number, **words, **told, "seconds": now - start, "at": now - began, "rss_mb": rss()}
        number += 1


def summary(lines: list[Plain]) -> Plain:
    """Say what came out in all, and how memory grew after the warm-up."""
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


def main() -> None:
    """Read the options and soak."""
    show_help(__doc__, Options())
    heed_full_error()
    with ending():
        options = options_of(Options, sys.argv[1:])
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
    print(json.dumps(whole, indent=1))
    sys.exit(1 if whole["failed"] or whole["hung"] else 0)


if __name__ == "__main__":
    main()
