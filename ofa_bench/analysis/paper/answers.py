"""A claim of the paper, its own figures on it, and the answers of each protocol as rows of a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ofa_bench.analysis.paper.protocols import JUDGED, NAMES, PROTOCOLS
from ofa_bench.analysis.paper.published import Published
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.records.tables import Table

__all__ = ["CONSTRUCTION", "NOT_RUN", "NOT_TIMED", "Answer", "Claim", "claims_table", "of_paper_size"]

Answer = tuple[str, str]
"""A measurement and a verdict; each may be empty."""

NOT_RUN: Answer = ("not run", "")
NOT_TIMED: Answer = ("not timed", "")
CONSTRUCTION = "by construction"
"""The verdict on what the budget sets, so that no search can show otherwise."""


@dataclass(frozen=True)
class Claim:
    """A claim, the paper's own figures on it, and what runs of one protocol answer."""

    text: str
    own: str
    answer: Callable[[Runs], Answer]


def claims_table(
    caption: str,
    runs: Mapping[tuple[str, str], Runs],
    claims: Callable[[str], Sequence[Claim]],
    beside: Sequence[str] = (),
) -> Table:
    """Return a table with the answers to the claims on each space that has runs.

    Args:
        caption: of the table.
        runs: by space and protocol.
        claims: those on a space.
        beside: protocols that are shown without a verdict, after those that are judged.
    """
    rows = []
    for space in NAMES:
        if any((space, key) in runs for key in (*JUDGED, *beside)):
            rows += [_row(space, claim, runs, beside) for claim in claims(space)]
    heads = ["space", "claim", "its own figures"]
    for key in JUDGED:
        heads += [PROTOCOLS[key], "verdict"]
    heads += [PROTOCOLS[key] for key in beside]
    return Table(caption, tuple(heads), tuple(rows), left=len(heads))


def _row(space: str, claim: Claim, runs: Mapping[tuple[str, str], Runs], beside: Sequence[str]) -> tuple[str, ...]:
    answers = {key: claim.answer(runs[space, key]) for key in PROTOCOLS if (space, key) in runs}
    judged = [cell for key in JUDGED for cell in answers.get(key, ("", ""))]
    return (NAMES[space], claim.text, claim.own, *judged, *(answers.get(key, ("", ""))[0] for key in beside))


def of_paper_size(runs: Runs, published: Published, verdict: str) -> str:
    """Return a verdict, or "other size" if the searches have not the paper's size."""
    budget, setup = runs.budget, published["setup"]
    same = (budget["n"], budget["population"]) == (setup["generations"], setup["population"])
    return verdict if same else "other size"
