"""Compares chains with vanilla at an equal budget: what a warm start is worth beyond its smaller budget."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.paper.protocols import CHAINS, JUDGED, LABELS, NAMES, PROTOCOLS
from ofa_bench.analysis.paper.runs import Runs, accuracies_of
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.summary import difference
from ofa_bench.records.model import RecordedRepeat
from ofa_bench.records.tables import Table
from ofa_bench.strategies import MEASURES

__all__ = ["control_table"]

Pairs = tuple[list[RecordedRepeat], list[RecordedRepeat]]
"""The repeats of a chain, and those of its control."""


def control_table(runs: Mapping[tuple[str, str], Runs]) -> Table | None:
    """Return the chains' mean accuracies less those of vanilla with as much; None without such searches.

    "spent" is what vanilla took of what is equal, in percent of what the chain took with the same seed; its seconds are
    those in the same process, just before.
    """
    rows = []
    for space in NAMES:
        for key in JUDGED:
            for match, name in MEASURES.items() if (space, key) in runs else ():
                found = runs[space, key]
                several = {chain: pairs for chain in CHAINS if (pairs := found.control(match, chain))}
                for chain, tests in _compared(several).items():
                    spent = f"{_spent(match, several[chain][1]):.0f} %"
                    row = (NAMES[space], PROTOCOLS[key], name, LABELS[chain], spent, str(tests.n))
                    rows.append((*row, difference(tests), tests.verdict))
    heads = ("space", "protocol", "equal", "chain", "spent", "repeats", "chain less vanilla, points", "verdict")
    return Table("Chains and vanilla at an equal budget", heads, tuple(rows), left=len(heads)) if rows else None


def _compared(several: Mapping[str, Pairs]) -> dict[str, Paired]:
    """Test each chain against its control, with Holm's correction for both chains."""
    differences = {chain: _differences(*pairs) for chain, pairs in several.items()}
    most = max(map(len, differences.values()), default=0)
    rows = {chain: np.append(row, np.full(most - len(row), np.nan)) for chain, row in differences.items()}
    return {one.name: one for one in paired({"control": np.zeros(most), **rows}, "control")}


def _differences(chain: list[RecordedRepeat], control: list[RecordedRepeat]) -> NDArray[np.float64]:
    """Return the differences of mean accuracies over the targets that both meet: float64 [repeats], points."""
    differences = accuracies_of(chain) - accuracies_of(control)
    met = np.isfinite(differences).all(axis=0)
    means: NDArray[np.float64] = differences[:, met].mean(axis=1)
    return means


def _spent(match: str, control: list[RecordedRepeat]) -> float:
    """Return what a control took in percent of what it was allowed, median over repeats."""
    return 100 * float(np.median([_amount(match, repeat) / (repeat.limit or np.nan) for repeat in control]))


def _amount(match: str, repeat: RecordedRepeat) -> float:
    if match == "seconds":
        return repeat.seconds
    return float(sum(getattr(one, match) for one in repeat.results))
