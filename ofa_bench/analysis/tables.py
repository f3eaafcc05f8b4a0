"""The report's tables as plain text cells, and these as Markdown and LaTeX."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ofa_bench.analysis.statistics import MARGIN, Paired
from ofa_bench.analysis.summary import Line, Summary, in_percent, in_points
from ofa_bench.formatting import format_number
from ofa_bench.records.regret import excess_notes, format_ratio, format_regret
from ofa_bench.records.unlabelled import MARK

__all__ = [
    "Table",
    "as_csv",
    "comparison",
    "latex",
    "markdown",
    "notes",
    "others",
    "provenance",
    "tested",
    "winners_judged",
]


@dataclass(frozen=True)
class Table:
    """A caption, heads, and rows of as many cells; ``left`` columns hold text, the others numbers."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def comparison(summary: Summary) -> Table:
    """Set a study's strategies side by side; columns of which nothing is known are left out."""
    return _kept(f"{summary.title}, {summary.study.description}", ["strategy", *_COLUMNS], _cells(summary), 1)


def notes(summary: Summary) -> list[str]:
    """Return what the marks in the table of ``comparison`` mean, and whether its regrets may be compared."""
    lines, records = summary.lines, [record for entry in summary.study.entries for record in entry.records]
    found = excess_notes(
        [format_regret(line.regret) for line in lines], [format_ratio(line.hypervolume, 3) for line in lines]
    )
    if len({(record.get("frontier") or {}).get("sha256") for record in records}) > 1:
        found.append("Not all were compared with the same best-known frontier, so do not compare their regret.")
    return found


def others(summaries: Sequence[Summary]) -> Table:
    """Set the strategies of several studies of one family, which have other targets, below each other."""
    study = summaries[0].study
    rows = [[one.targets, *cells] for one in summaries for cells in _cells(one)]
    title = f"{study.space} on {study.device}, {study.description}, other targets"
    return _kept(title, [f"targets ({study.unit})", "strategy", *_COLUMNS], rows, 2)


def _cells(summary: Summary) -> list[list[str]]:
    return [[line.name, *(cell(line) for cell in _COLUMNS.values())] for line in summary.lines]


def _kept(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> Table:
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    return Table(title, tuple(heads[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows), left)


def _accuracy(line: Line) -> str:
    if line.accuracy is None:
        return "infeasible"
    spread = f" ± {line.accuracy_std:.2f}" if line.accuracy_std is not None else ""
    return f"{line.accuracy:.2f}{spread}{MARK if line.unlabelled else ''}"


def _difference(difference: Paired | None) -> str:
    if difference is None or difference.difference is None:
        return ""
    return format_number(difference.difference, "+.2f") + in_points(difference)


def _ratio(line: Line) -> str:
    if line.ratio is None or line.ratio.ratio is None:
        return ""
    return f"{100 * line.ratio.ratio:.3g} %{in_percent(line.ratio)}"


def _p(value: float | None) -> str:
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else format_number(value, f".{digits}f")


def provenance(summaries: Sequence[Summary]) -> Table:
    """Describe what records were made with: hashes, versions, seeds, machine; a row for all that are alike in it."""
    found: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    for summary in summaries:
        for entry in summary.study.entries:
            first, made = entry.records[0], entry.records[0]["made"]
            card = first["device"].get("card") or {}
            seeds = ", ".join(str(record["seed"]) for record in entry.records)
            key = (
                f"{summary.study.space} on {summary.study.device}",
                f"{first['predictor']['name']} {first['predictor']['sha256'][:12]}",
                f"{first['device']['name']} {first['device']['sha256'][:12]} {card.get('date', '')}".strip(),
                f"{seeds} ({len(entry.keys)} repeats)",
                f"ofa_bench {made['ofa_bench']}, Python {made['python']}, NumPy {made['numpy']}",
                f"{made['machine']}, {made['cores']} cores, {made['threads']} used",
            )
            strategies, times = found.setdefault(key, (set(), set()))
            strategies.add(entry.name)
            times |= {record["made"]["at"] for record in entry.records}
    heads = ("study", "strategies", "predictor", "device", "seeds", "versions", "machine", "made")
    rows = [
        (key[0], ", ".join(sorted(strategies)), *key[1:], " to ".join(sorted({min(times), max(times)})))
        for key, (strategies, times) in found.items()
    ]
    return Table("Provenance", heads, tuple(rows), left=len(heads))


_COLUMNS: Mapping[str, Callable[[Line], str]] = {
    "predicted accuracy %": _accuracy,
    "difference, points": lambda line: _difference(line.paired),
    "verdict": lambda line: line.paired.verdict if line.paired else "",
    "regret, points": lambda line: format_regret(line.regret),
    "hypervolume": lambda line: format_ratio(line.hypervolume, 3),
    "seconds": lambda line: _number(line.seconds, 2),
    "time": _ratio,
    "evaluations": lambda line: f"{line.evaluations:,.0f}",
    "unique": lambda line: f"{line.unique:,.0f}",
    "repeats": lambda line: str(line.repeats),
    "targets met": lambda line: line.feasible,
}


def tested(summary: Summary) -> Table | None:
    """List the tests of a study in full; None where nothing was tested."""
    columns: dict[str, Callable[[Paired], str]] = {
        "pairs": lambda one: str(one.n),
        "difference, points": _difference,
        "effect size (Hedges g)": lambda one: _number(one.effect, 2),
        "difference: p": lambda one: _p(one.p),
        "difference: p, Holm": lambda one: _p(one.p_holm),
        "Wilcoxon p": lambda one: _p(one.p_wilcoxon),
        f"within ±{MARGIN:g}: p": lambda one: _p(one.p_equivalent),
        f"within ±{MARGIN:g}: p, Holm": lambda one: _p(one.p_equivalent_holm),
        f"loss below {MARGIN:g}: p": lambda one: _p(one.p_no_loss),
        f"loss below {MARGIN:g}: p, Holm": lambda one: _p(one.p_no_loss_holm),
        "verdict": lambda one: one.verdict,
    }
    found = [line.paired for line in summary.lines if line.paired and line.paired.n > 1]
    rows = tuple((one.name, *(cell(one) for cell in columns.values())) for one in found)
    return (
        Table(
            f"Tests against {summary.reference}: {summary.title}, {summary.study.description}",
            ("strategy", *columns),
            rows,
        )
        if rows
        else None
    )


def winners_judged(summary: Summary) -> Table | None:
    """Set what the guide says of the winners beside what other predictors say; None where there is no other."""
    if not summary.judges:
        return None
    heads = ["strategy", f"{summary.study.predictor} (guide) %", "lead, points"]
    for one in summary.judges:
        heads += [f"{one.judge} %", "lead, points"]
    rows = []
    for line in summary.lines:
        guide = f"{_number(line.accuracy, 2)}{MARK if line.unlabelled else ''}"
        row = [line.name, guide, _difference(line.paired)]
        for one in summary.judges:
            known = one.accuracy[line.name][np.isfinite(one.accuracy[line.name])]
            row += [_number(float(known.mean()) if len(known) else None, 2), _difference(one.leads.get(line.name))]
        rows.append(tuple(row))
    return Table(f"Winners judged: {summary.title}, {summary.study.description}", tuple(heads), tuple(rows))


def markdown(table: Table) -> str:
    """Write a table in Markdown."""
    rule = ["---" if i < table.left else "---:" for i in range(len(table.heads))]
    rows = [[cell.replace("|", r"\|") for cell in row] for row in [table.heads, rule, *table.rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_csv(table: Table) -> str:
    """Write a table as CSV, below a line with its caption."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[table.caption], table.heads, *table.rows])
    return text.getvalue()


_LATEX = {
    "\\": r"\textbackslash{}",
    "<": "$<$",
    ">": "$>$",
    "~": r"\textasciitilde{}",
    "±": r"$\pm$",
    "…": r"\ldots{}",
} | {c: f"\\{c}" for c in "&%$#_{}"}


def latex(table: Table) -> str:
    """Write a table in LaTeX (booktabs)."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells) + r" \\"

    layout = "l" * table.left + "r" * (len(table.heads) - table.left)
    body = "\n".join(map(line, table.rows))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{line([table.caption])[:-3]}}}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            line(table.heads),
            r"\midrule",
            body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
