"""The networks of a record are shown for copying; regret below 0 and hypervolume above 1 are explained."""

import io
import json
from copy import deepcopy

import pytest
from rich.console import Console

from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import summarize
from ofa_bench.analysis.tables import comparison
from ofa_bench.analysis.tables import notes as of_report
from ofa_bench.commands.cli.tables import print_tables
from ofa_bench.errors import InputError
from ofa_bench.formatting import format_number
from ofa_bench.records.model import FrontierVersion
from ofa_bench.records.networks import best_networks, describe_networks, json_list
from ofa_bench.records.regret import excess_notes, format_ratio, format_regret
from ofa_bench.records.rows import totals
from ofa_bench.records.tables import markdown, summary


def test_the_best_of_all_repeats_comes_first_and_none_twice(made):
    record = made()
    found = best_networks(record, top=8)
    for place, target in ((1, 20.0), (0, 30.0)):
        some = [one for one in found if one.target == target]
        results = [repeat.results[place] for repeat in record.repeats]
        everything = {tuple(one.genes): one for result in results for one in (*result.alternatives, result)}
        best = sorted(everything.values(), key=lambda one: -one.accuracy)[:8]
        assert [one.accuracy for one in some] == [one.accuracy for one in best]
        assert [one.architecture for one in some] == [one.architecture for one in best]
        assert some[0].accuracy == max(result.accuracy for result in results)
        assert some[0].winner_of == sum(result.architecture == some[0].architecture for result in results)
    assert [one.target for one in found] == sorted(one.target for one in found)


def test_lines_and_json_hold_ofas_dict(made):
    [one] = best_networks(made(), target=20)
    first, second = describe_networks([one])
    assert first.startswith(f"20 ms: {100 * one.accuracy:.2f} %, {one.cost:.2f} ms, found by ")
    assert json.loads(second) == one.architecture
    assert json.loads(json_list([vars(one)]))[0]["architecture"] == one.architecture
    with pytest.raises(InputError, match=r"target=21: no target of mbv3/.*, which has 30, 20"):
        best_networks(made(), target=21)


def shown(record, width=200):
    out = io.StringIO()
    print_tables([record], Console(file=out, width=width))
    return out.getvalue()


def test_of_many_targets_some_rows_are_shown_and_the_ends_among_them(made):
    record = made(targets=tuple(float(one) for one in range(15, 60)), repeats=1, budget=(1, 1))
    rows = [line.split()[0] for line in shown(record).splitlines() if line.strip()[:1].isdigit()]
    assert len(rows) == 20
    assert (rows[0], rows[-1]) == ("15", "59")
    assert "20 of 45 targets, evenly chosen" in " ".join(shown(record).split())


def compared(record, regret, ratio):
    record = deepcopy(record)
    record.frontier = FrontierVersion(version=1, sha256="0" * 64)
    for repeat in record.repeats:
        repeat.hypervolume_ratio = ratio
        for result in repeat.results:
            vars(result).update(best_known=result.accuracy + regret, regret=regret, evaluations_within=5)
            result.seconds_within = 0.1
    return record


@pytest.mark.parametrize(
    ("regret", "ratio", "marked", "notes"),
    [
        (-2e-4, 1.002, ("-0.020†", "1.0020†"), 2),
        (1e-3, 1.002, ("0.100 ", "1.0020†"), 1),
        (-2e-4, 0.9, ("-0.020†", "0.9000"), 1),
        (-1e-9, 1.00000001, (" 0.000 ", "1.0000"), 0),
    ],
)
def test_numbers_beyond_the_best_known_say_so(made, regret, ratio, marked, notes):
    record = compared(made(), regret, ratio)
    about = summarize(studies([record])[0])
    report = "\n".join([markdown(comparison(about)), *of_report(about)])
    for text in (report, shown(record), summary({"all": totals(record)}).replace("\N{NO-BREAK SPACE}", " ")):
        assert all(one in text for one in (marked if text is report else marked[:1])), text
        assert "-0.000" not in text
        assert " ".join(text.split()).count("† Regret below 0: better") == (regret < -1e-6)
        above = "† Hypervolume above 1: the winners cost less"
        assert " ".join(text.split()).count(above) == (ratio > 1.0001 and text is report)
        assert len(excess_notes([format_regret(100 * regret)], [format_ratio(ratio)])) == notes


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [(-0.001, ".2f", "0.00"), (-0.0004, "+.1%", "0.0%"), (0.001, "+.2f", "0.00"), (-0.006, "+.2f", "-0.01"),
     (12.5, "+.1f", "+12.5"), (0.0, ".0f", "0"), (-1e-9, ".3g", "-1e-09"), (float("nan"), ".2f", "nan")],
)  # fmt: skip
def test_what_rounds_to_zero_has_no_sign(value, spec, text):
    assert format_number(value, spec) == text
