"""How the soak judges: records by their text, and by tables and predictors loaded apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import AccuracyPredictor, CostTable, embedded_predictor, latency_table, official_predictor
from ofa_bench.records import frontiers
from ofa_bench.records.frontiers import Frontier
from ofa_bench.spaces import CompoundSpace, DesignSpace

__all__ = ["Drawn", "Plain", "faults", "findings", "judge"]

Plain = dict[str, Any]
"""A record, or a part of one; or what is written of one configuration."""


@dataclass(frozen=True)
class Drawn:
    """One configuration: ``bad`` says what is wrong with it on purpose; ``twice`` has it run again the other way."""

    overrides: list[str]
    space: str
    bad: str
    compiled: bool
    twice: bool


FOUND = (
    "target", "feasible", "accuracy", "cost", "generations", "shared", "proposals", "cost_lookups", "evaluations",
    "unique_evaluations", "gradients", "genes", "curve",
)  # fmt: skip
"""Of a result, what is the same whenever the seed is."""


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
    """Describe what is wrong with a record, judged by its text and by tables and predictors loaded apart."""
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
    """Return a record's results without seconds: what is equal for equal seeds."""
    return [
        [{key: value for key, value in result.items() if key in FOUND} for result in repeat["results"]]
        for repeat in record["repeats"]
    ]
