"""Compares each claim of the paper with its published numbers and with measurements in each protocol."""

from collections.abc import Mapping

from ofa_bench.analysis.paper.accuracies import accuracy_claims, carrying_over
from ofa_bench.analysis.paper.answers import claims_table
from ofa_bench.analysis.paper.judged import judge_runs
from ofa_bench.analysis.paper.protocols import JUDGED
from ofa_bench.analysis.paper.published import Published
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.analysis.paper.times import time_claims
from ofa_bench.records.tables import Table

__all__ = ["verdicts"]


def verdicts(runs: Mapping[tuple[str, str], Runs], published: Published) -> dict[str, Table]:
    """Return tables of the claims by theme: time, accuracy, and whether these carry over to other spaces.

    Each has the paper's own figures and, for each protocol, a measurement and a verdict; times with a memo, which the
    paper's code lacks, have no verdict. Rows in brackets are not claims of the paper, but explain others.
    """
    most = max(len(one.winners) for one in runs.values())
    opinions = judge_runs({key: one for key, one in runs.items() if key[1] in JUDGED})
    tables = {
        "time": claims_table("Time", runs, lambda space: time_claims(space, published), beside=("fair_memo",)),
        "accuracy": claims_table("Accuracy", runs, lambda space: accuracy_claims(space, published, most, opinions)),
        "carrying_over": claims_table("Other spaces", runs, lambda space: carrying_over(space, published)),
    }
    return {theme: table for theme, table in tables.items() if table.rows}
