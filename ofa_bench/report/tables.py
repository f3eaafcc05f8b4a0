"""The report's tables as plain text cells, and these as Markdown and LaTeX."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ofa_bench.report.summary import Line, Summary, in_percent, in_points

__all__ = ["Table", "comparison", "latex", "markdown", "provenance"]


@dataclass(frozen=True)
class Table:
    """A caption, heads, and rows of as many cells; ``left`` columns hold text, the others numbers."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def comparison(summary: Summary) -> Table:
    """Set a study's strategies side by side; columns of which nothing is known are left out."""
    columns: dict[str, Callable[[Line], str]] = {
        "strategy": lambda line: line.name,
        "predicted accuracy %": _accuracy,
        "difference, points": _difference,
        "verdict": lambda line: line.paired.verdict if line.paired else "",
        "p (Holm)": lambda line: _p(line.paired.p_holm) if line.paired else "",
        "regret, points": lambda line: _number(line.regret, 3),
        "hypervolume": lambda line: _number(line.hypervolume, 3),
        "seconds": lambda line: _number(line.seconds, 2),
        "time": _ratio,
        "evaluations": lambda line: f"{line.evaluations:,.0f}",
        "unique": lambda line: f"{line.unique:,.0f}",
        "repeats": lambda line: str(line.repeats),
        "targets met": lambda line: line.feasible,
    }
    rows = [[cell(line) for cell in columns.values()] for line in summary.lines]
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    heads = list(columns)
    return Table(
        summary.title, tuple(heads[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows), left=1
    )


def _accuracy(line: Line) -> str:
    if line.accuracy is None:
        return "infeasible"
    return f"{line.accuracy:.2f}" + (f" ± {line.accuracy_std:.2f}" if line.accuracy_std is not None else "")


def _difference(line: Line) -> str:
    difference = line.paired
    if difference is None or difference.difference is None:
        return ""
    return f"{difference.difference:+.2f}{in_points(difference)}"


def _ratio(line: Line) -> str:
    if line.ratio is None or line.ratio.ratio is None:
        return ""
    return f"{100 * line.ratio.ratio:.3g} %{in_percent(line.ratio)}"


def _p(value: float | None) -> str:
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def provenance(summaries: Sequence[Summary]) -> Table:
    """Say of each study's strategies what they were made with: hashes, versions, seeds, machine."""
    rows = []
    for summary in summaries:
        for entry in summary.study.entries:
            first, made = entry.records[0], entry.records[0]["made"]
            card = first["device"].get("card") or {}
            seeds = ", ".join(str(record["seed"]) for record in entry.records)
            rows.append(
                (
                    summary.title,
                    entry.name,
                    f"{first['predictor']['name']} {first['predictor']['sha256'][:12]}",
                    f"{first['device']['name']} {first['device']['sha256'][:12]} {card.get('date', '')}".strip(),
                    f"{seeds} ({len(entry.keys)} repeats)",
                    f"ofa_bench {made['ofa_bench']}, Python {made['python']}, NumPy {made['numpy']}",
                    f"{made['machine']}, {made['cores']} cores, {made['threads']} used",
                    made["at"],
                )
            )
    heads = ("study", "strategy", "predictor", "device", "seeds", "versions", "machine", "made")
    return Table("Provenance", heads, tuple(rows), left=len(heads))


def markdown(table: Table) -> str:
    """Write a table in Markdown."""
    rule = ["---" if i < table.left else "---:" for i in range(len(table.heads))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [table.heads, rule, *table.rows])


_LATEX = {"\\": r"\textbackslash{}", "±": r"$\pm$", "…": r"\ldots{}"} | {c: f"\\{c}" for c in "&%$#_{}"}


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
