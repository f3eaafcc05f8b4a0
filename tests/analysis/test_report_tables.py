import csv
import io

import numpy as np
import pytest
from test_judges import found

from ofa_bench.analysis import tables
from ofa_bench.analysis.statistics import paired
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import add_judges, summarize
from ofa_bench.analysis.tables import comparison, others, winners_judged
from ofa_bench.records.tables import Table, as_csv, latex, markdown

pytestmark = pytest.mark.usefixtures("sources")

THREE = ("vanilla", "bottom_up", "top_down")
ODD = Table('A & B, 5 %: "quoted"\nand more', ("name_1", "a, b", "#"), (("x|{y}", "1 ± 2", "$3"), ("", "\\", "20…30")))


def summary_of(made, names=THREE, **asked):
    [study] = studies([made(strategy=name, **asked) for name in names])
    return summarize(study)


def column(table, head):
    return [row[table.heads.index(head)] for row in table.rows]


def number(cell):
    return 0.0 if cell == "<0.001" else float(cell)


def test_tests_are_reported_with_their_corrected_p_values(made):
    summary = summary_of(made, repeats=5)
    table = tables.tested(summary)
    values = {entry.name: entry.mean_accuracy for entry in summary.study.entries}
    wanted = {one.name: one for one in paired(values, "vanilla")}
    assert column(table, "strategy") == [line.name for line in summary.lines if line.name != "vanilla"]
    for row in table.rows:
        one, cells = wanted[row[0]], dict(zip(table.heads, row, strict=True))
        assert (cells["pairs"], cells["verdict"]) == ("5", one.verdict)
        description = (
            ("difference: p", one.p), ("difference: p, Holm", one.p_holm), ("Wilcoxon p", one.p_wilcoxon),
            ("within ±0.1: p", one.p_equivalent), ("within ±0.1: p, Holm", one.p_equivalent_holm),
            ("loss below 0.1: p", one.p_no_loss), ("loss below 0.1: p, Holm", one.p_no_loss_holm),
        )  # fmt: skip
        for head, p in description:
            assert number(cells[head]) == pytest.approx(p, abs=0.001), head
        assert number(cells["effect size (Hedges g)"]) == pytest.approx(one.effect, abs=0.01)
        low, high = one.interval
        assert cells["difference, points"] == f"{one.difference:+.2f} ({low:+.2f} to {high:+.2f})"
    plain, corrected = ([number(cell) for cell in column(table, f"difference: p{of}")] for of in ("", ", Holm"))
    assert max(corrected) >= max(plain)
    assert min(corrected) == pytest.approx(min(1, 2 * min(plain)), abs=0.002)


def test_of_one_repeat_or_strategy_nothing_was_tested(made):
    assert tables.tested(summary_of(made, repeats=1)) is None
    assert tables.tested(summary_of(made, names=["vanilla"])) is None


def test_what_cannot_be_tested_is_left_empty(made):
    shifted = made()
    shifted.choices.strategy = "shifted"
    for result in (one for repeat in shifted.repeats for one in repeat.results):
        result.accuracy += 0.005
    [study] = studies([made(), shifted])
    [row] = tables.tested(summarize(study)).rows
    assert row == ("shifted", "3", "+0.50", "", "", "", "0.250", "", "", "", "", "not distinguished")


def test_studies_of_other_targets_stand_below_each_other(made):
    every = [made(strategy=name, targets=targets) for name in THREE for targets in ((20.0,), (20.0, 30.0), (25.0,))]
    summaries = [summarize(study) for study in studies(every)]
    table = others(summaries)
    keys = [row[:2] for row in table.rows]
    assert keys == [(one.study.span, line.name) for one in summaries for line in one.lines]
    assert len(set(keys)) == 9
    assert (table.heads[:2], table.left) == (("targets (ms)", "strategy"), 2)
    single = comparison(summaries[0])
    assert [row[1:] for row in table.rows[:3]] == [
        tuple(dict(zip(single.heads, row, strict=True)).get(head, "") for head in table.heads[1:])
        for row in single.rows
    ]
    assert "mbv3 on toy" in table.caption
    assert "nan" not in markdown(table)


@pytest.mark.usefixtures("assets")
def test_winners_judged_stand_beside_what_the_guide_says():
    [study] = studies([found(name, "member 2") for name in THREE])
    summary = add_judges(summarize(study))
    table = winners_judged(summary)
    assert table.heads == (
        "strategy", "member 2 (guide) %", "lead by member 2", "official (truth) %", "lead by official",
        "overrated, by official",
    )  # fmt: skip
    assert [row[0] for row in table.rows] == [line.name for line in summary.lines]
    for row, line in zip(table.rows, summary.lines, strict=True):
        assert row[1] == f"{line.accuracy:.2f}"
        [truth] = summary.judges
        assert row[3] == f"{np.nanmean(truth.accuracy[line.name]):.2f}"
        lead = truth.leads.get(line.name)
        assert row[4].startswith(f"{lead.difference:+.2f} (" if lead else "")
        assert (row[2] == "") == (row[4] == "") == (line.name == "vanilla")


@pytest.mark.usefixtures("assets")
def test_winners_that_met_no_target_have_empty_cells():
    [study] = studies([found(name, targets=(5.0,)) for name in THREE])
    table = winners_judged(add_judges(summarize(study)))
    assert (table.heads, {row[1:] for row in table.rows}) == (("strategy",), {()})


def test_without_judges_there_is_no_table_of_them(made):
    assert winners_judged(add_judges(summary_of(made))) is None


def test_csv_can_be_read_back(made):
    summary = summary_of(made)
    for table in (ODD, comparison(summary), tables.tested(summary)):
        caption, heads, *rows = csv.reader(io.StringIO(as_csv(table)))
        assert caption == [table.caption]
        assert heads == list(table.heads)
        assert rows == [list(row) for row in table.rows]


def test_markdown_has_a_line_a_row_and_numbers_to_the_right(made):
    summary = summary_of(made)
    for table in (comparison(summary), tables.tested(summary)):
        head, rule, *rows = markdown(table).splitlines()
        assert rule == "| --- |" + " ---: |" * (len(table.heads) - 1)
        assert [line.strip("| ").split(" | ")[0] for line in rows] == [row[0] for row in table.rows]
        assert {line.count("|") for line in (head, rule, *rows)} == {len(table.heads) + 1}


def test_latex_escapes_what_has_a_meaning_there():
    text = latex(ODD)
    assert r"\caption{A \& B, 5 \%:" in text
    assert r"name\_1 & a, b & \# \\" in text
    assert r"x|\{y\} & 1 $\pm$ 2 & \$3 \\" in text
    assert r" & \textbackslash{} & 20\ldots{}30 \\" in text
    assert r"\begin{tabular}{lrr}" in text
    assert text.count(r"\\" + "\n") == 3


@pytest.mark.parametrize("letter", "<~")
def test_latex_shows_the_letters_that_it_would_print_otherwise(letter):
    """In text, TeX's default encoding prints < as an inverted mark; ~ is a blank."""
    [row] = [line for line in latex(Table("", ("a",), ((f"{letter}0.001",),))).splitlines() if "0.001" in line]
    assert not row.startswith(letter)


@pytest.mark.usefixtures("assets")
def test_captions_say_predictor_and_budget():
    """What studies of one title may differ in."""
    [study] = studies([found(name, "member 2") for name in THREE])
    summary = add_judges(summarize(study))
    description = "predictor member 2, 4 generations, 2 where warm-started"
    for table in (comparison(summary), tables.tested(summary), winners_judged(summary)):
        assert table.caption.endswith(f"{summary.study.title}, {description}")
