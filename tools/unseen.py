"""Writes and reads ``benchmarks/studies/unseen.csv``: what a fleet's archive gives a device that is not in the fleet.

``python tools/unseen.py``: each measured device of ``mbv3`` is left out in turn. ``joint`` searches the others;
what it evaluated is re-costed on the device that was left out, and searched on for a few evaluations.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from intervals import interval_cell

import ofa_bench as ob
from ofa_bench.devices.tables import devices_of
from ofa_bench.files.writing import write_whole
from ofa_bench.records.tables import Table, markdown
from ofa_bench.search import EvaluationRequest, Fleet, Member, Problem, SearchResult
from ofa_bench.search.lockstep import run_single
from ofa_bench.strategies import Budget, Joint
from ofa_bench.strategies.shared import BudgetedEvaluator

__all__ = ["FILE", "main", "unseen"]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "unseen.csv"

FLEET, MORE, REPEATS = 7000, (0, 100, 300), 10
ALONE = (100, 300, 1000, 20_000)


def _left_out(problems: Mapping[str, Problem], name: str, repeat: int) -> Iterator[tuple[object, ...]]:
    """Yield what a device gets of the archive of the others: device, repeat, how, evaluations, accuracy in percent."""
    members = {one: Member(problem, tuple(problem.cost.targets)) for one, problem in problems.items()}
    own, budget = members.pop(name), Budget(1, 1)
    strategy = Joint(evaluations=FLEET)
    rng = np.random.default_rng([repeat, list(problems).index(name)])
    first, *others = members.values()
    fleet = strategy._budgeted(Fleet((first, *others)), budget)
    list(run_single(strategy._coroutine(fleet, rng), own.problem.predictor))
    for more in MORE:
        there = fleet[0].on(own)
        there.limit = FLEET + more
        if more:
            list(run_single(_explored(strategy, there, rng), own.problem.predictor))
        yield name, repeat, "archive", more, _mean(there.archive.results(0))
    for asked in ALONE:
        found = dict(Joint(evaluations=asked).search(own.problem, own.targets, budget, rng))
        yield name, repeat, "alone", asked, _mean([found[i] for i in range(len(found))])


def _explored(strategy: Joint, there: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
    """Search on from the archive, on one device."""
    yield from strategy.explore_all([there, there], rng)


def _mean(results: Sequence[SearchResult]) -> float:
    return round(100 * float(np.mean([one.accuracy for one in results])), 4)


def main() -> None:
    """Write the file."""
    base = ob.problem("mbv3")
    names = [name for name, unit in devices_of(base.space).items() if unit.startswith("ms")]
    problems = dict(ob.problem("mbv3", device=names).problems)
    rows = [row for name in names for repeat in range(REPEATS) for row in _left_out(problems, name, repeat)]
    table = pd.DataFrame(rows, columns=["device", "repeat", "from", "evaluations", "accuracy"])
    write_whole(FILE, table.to_csv(index=False))


@cache
def _found() -> pd.DataFrame:
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    return pd.read_csv(FILE)


def unseen() -> str:
    """Return the mean accuracy on each device that was left out, from the archive of the others and alone."""
    table = _found()
    kinds = [("archive", more) for more in MORE] + [("alone", asked) for asked in ALONE]
    heads = ["left out"] + [f"archive, {n} evaluations" if kind == "archive" else f"alone, {n:,}" for kind, n in kinds]
    rows = []
    for name, part in table.groupby("device", sort=False):
        cells = [part[(part["from"] == kind) & (part["evaluations"] == n)]["accuracy"].to_numpy() for kind, n in kinds]
        rows.append((f"`{name}`", *(interval_cell(values, 2) for values in cells)))
    means = table.groupby(["from", "evaluations", "repeat"])["accuracy"].mean()
    rows.append(("mean", *(interval_cell(means.loc[key].to_numpy(), 2) for key in kinds)))
    return markdown(Table("", tuple(heads), tuple(rows)))


if __name__ == "__main__":
    main()
