"""Says who won each study, by how much and at what cost: one row of a table for each."""

from collections.abc import Sequence
from dataclasses import replace

from ofa_bench.analysis.statistics import MARGIN, Paired
from ofa_bench.analysis.summary import Line, Summary, difference
from ofa_bench.formatting import format_percent
from ofa_bench.records.tables import Table, without_empty
from ofa_bench.records.unlabelled import MARK

__all__ = ["name_studies", "overview"]

VERDICTS = {
    "better": "significant", "worse": "significantly worse", "equivalent": f"equivalent within ±{MARGIN:g}",
    "no loss": f"no loss of {MARGIN:g} or more", "not distinguished": "not distinguished",
    "one repeat": "none (one repeat)",
}  # fmt: skip
"""The verdict on a lead, as a cell."""

TURNED = {"better": "worse", "worse": "better", "no loss": "not distinguished"}
"""The verdicts on a lead where the verdict is that of the other strategy."""


def overview(summaries: Sequence[Summary]) -> Table:
    """Return the most accurate strategy of each study, its lead by the guide and by judges, and its relative cost.

    The lead is over the reference or, where that is the most accurate, over the next strategy. Controls, whose budget
    matches that of another strategy, do not win.
    """
    heads = (
        "study", "most accurate", "accuracy by the guide %", "its lead by the guide, points", "test",
        "its lead by judges, points", "its evaluations", "its time",
    )  # fmt: skip
    rows = tuple((name, *_row(one)) for name, one in zip(name_studies(summaries), summaries, strict=True))
    return without_empty(Table("Verdict", heads, rows, left=2))


def name_studies(summaries: Sequence[Summary]) -> list[str]:
    """Return the titles of studies, with predictor or budget where several of one title differ in them."""
    names = []
    for one in summaries:
        studies = [other.study for other in summaries if other.study.title == one.study.title]
        parts = [f"predictor {one.study.predictor}"] * (len({study.predictor for study in studies}) > 1)
        budgets = {(study.generations, study.warm_generations) for study in studies}
        parts += [f"{one.study.generations} generations, {one.study.warm_generations} warm"] * (len(budgets) > 1)
        names.append(", ".join([one.study.title, *parts]))
    return names


def _row(summary: Summary) -> tuple[str, ...]:
    controls = {entry.name for entry in summary.study.entries if entry.records[0].budget.match is not None}
    ranked = [line for line in summary.lines if line.name not in controls] or list(summary.lines)
    first = ranked[0]
    accuracy = "" if first.accuracy is None else f"{first.accuracy:.2f}{MARK if first.row.unlabelled else ''}"
    start = (first.name if accuracy else "none", accuracy)
    paired = [line for line in ranked if line.paired and line.paired.difference is not None]
    compared = next((line for line in paired if line is first or first.name == summary.reference), None)
    if compared is None or compared.paired is None or first.accuracy is None:
        return *start, "", "", "", "", ""
    turned = compared is not first
    other = compared.name if turned else summary.reference
    lead, verdict = _turn(compared.paired) if turned else compared.paired, str(compared.paired.verdict)
    test = VERDICTS[TURNED.get(verdict, verdict) if turned else verdict]
    spent = first.row.mean_sum("evaluations")
    judged = [(one.judge, one.leads.get(compared.name)) for one in summary.judges]
    by_judges = [
        f"{name} {difference(_turn(one) if turned else one)}"
        for name, one in judged
        if one and one.n and difference(one)
    ]
    return (
        *start, f"{difference(lead)} over {other}", test, "; ".join(by_judges),
        _share(spent / max(1.0, summary.by_name[other].row.mean_sum("evaluations")), other),
        _share(_time(compared, turned), other),
    )  # fmt: skip


def _turn(paired: Paired) -> Paired:
    """Return the lead of the reference over a strategy."""
    assert paired.difference is not None
    ends = paired.interval and (-paired.interval[1], -paired.interval[0])
    return replace(paired, difference=-paired.difference, interval=ends)


def _time(compared: Line, turned: bool) -> float | None:
    ratio = compared.ratio.ratio if compared.ratio else None
    return 1 / ratio if ratio and turned else ratio


def _share(ratio: float | None, other: str) -> str:
    return f"{format_percent(ratio)} % of {other}" if ratio else ""
