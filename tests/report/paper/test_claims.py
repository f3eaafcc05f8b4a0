import copy

import numpy as np
import pytest
from crafting import ROWS, TEN, crafted, crafted_set, first, unmet
from scipy import stats

from ofa_bench.analysis.paper import measures
from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.analysis.paper.published import published_paper
from ofa_bench.analysis.paper.runs import runs_of
from ofa_bench.formatting import format_number

PUBLISHED = published_paper()


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Draw enough for the intervals of six repeats, in a tenth of the time."""
    monkeypatch.setattr(measures, "RESAMPLES", 499)


def cross_evaluate(records):
    """Return the table's rows by their claims' first words."""
    table = verdicts(runs_of(records), PUBLISHED)
    assert all(len(row) == len(table.heads) for row in table.rows)
    return {row[1]: row[2:] for row in table.rows}


def fair(seconds=None, accuracy=None, repeats=6, **changes):
    """Make fair records: seconds and accuracies by strategy, functions of k and of the number of targets."""
    made = []
    for name in STRATEGIES:
        for k in ROWS:
            spent = (seconds or {}).get(name, lambda k: np.full(repeats, 1.0 * k))(k)
            found = (accuracy or {}).get(name, lambda k: np.full((repeats, k), 80.0))(k)
            made.append(crafted("fair", name, TEN[:k], seconds=spent, accuracy=found, **changes))
    return made


def found(rows, claim):
    [row] = [row for message, row in rows.items() if claim in message]
    return row[-2:]


NOISE = np.array([-1.0, 1.0, -0.5, 0.5, -0.2, 0.2])


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.2 + 0.01 * NOISE, "holds"), (0.5 + 0.01 * NOISE, "does not hold"), (0.283 + 0.1 * NOISE, "not decided")],
)
def test_a_claim_on_time_is_judged_by_the_interval(share, verdict):
    rows = cross_evaluate(fair({"top_down": lambda k: share * k}))
    description, message = found(rows, "top-down takes at most 28.3 % of vanilla's time")
    assert message == verdict
    assert description.startswith(f"{100 * np.median(share):.1f} (")
    assert found(rows, "bottom-up takes at most 41 % of vanilla's time") == ("100.0 %", "does not hold")


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        (0.5, 0.02, "better"),
        (-0.5, 0.02, "worse"),
        (0.0, 0.02, "equivalent"),
        (0.06, 0.1, "no loss"),
        (0.0, 1.0, "not distinguished"),
    ],
)
def test_a_mean_accuracy_is_judged_by_paired_tests(shift, spread, verdict):
    accuracy = {"bottom_up": lambda k: 80 + shift + spread * NOISE[:, None] + np.zeros((6, k))}
    description, message = found(cross_evaluate(fair(accuracy=accuracy)), "(mean accuracy, bottom-up less vanilla)")
    assert message == verdict
    assert description.startswith(f"{format_number(shift, '+.2f')} (")


def test_few_repeats_are_pointed_out():
    rows = cross_evaluate(fair(repeats=1))
    assert found(rows, "(mean accuracy, top-down less vanilla)") == ("0.00", "one repeat")
    assert found(rows, "takes at most 28.3 %") == ("100.0 %", "too few repeats")
    assert found(rows, "apart on average") == ("0.00", "too few repeats")
    assert found(rows, "the first's time (4.5 % for n = 500): top-down")[1] == "too few repeats"


@pytest.mark.parametrize(
    "changes",
    [
        {"budget": {"generations": 25, "warm_generations": 5}},
        {"config": crafted("fair", "vanilla", (15,)).config | {"evolution": {"population_size": 10}}},
    ],
    ids=["n", "population"],
)
def test_searches_of_another_size_are_not_judged(changes):
    records = fair()
    for record in records:
        vars(record.budget).update(changes.get("budget", {}))
        record.config["evolution"] |= changes.get("config", record.config)["evolution"]
    rows = cross_evaluate(records)
    for message in ("takes at most 28.3 %", "apart on average", "0.58 anywhere", "n = 500): top-down"):
        assert found(rows, message)[0]
        assert found(rows, message)[1] == "other size"
    assert found(rows, "(mean accuracy, top-down less vanilla)")[1] == "equivalent"


@pytest.mark.parametrize(("gap", "verdict"), [(0.1, "holds"), (1.0, "does not hold")])
def test_how_far_accuracies_are_apart(gap, verdict):
    def last_is_apart(k):
        table = np.full((6, k), 80.0)
        table[:, -1] += 3 * gap
        return table + gap

    rows = cross_evaluate(fair(accuracy={"top_down": last_is_apart}))
    assert found(rows, "points apart on average") == (f"{1.3 * gap:.2f} ({1.3 * gap:.2f} to {1.3 * gap:.2f})", verdict)
    description, message = found(rows, "and 0.58 anywhere")
    assert (description.endswith(", at 60 ms"), message) == (True, verdict)


def test_the_formula_of_generations():
    message = "a chain makes n + (k − 1)·√n generations"  # noqa: RUF001
    assert found(cross_evaluate(fair()), message) == ("500 + (k − 1)·23", "holds")  # noqa: RUF001
    published = crafted_set("as_published", first(1, 2))
    row = cross_evaluate(published)[message]
    assert row == ("500 + (k − 1)·63", "500 + (k − 1)·63", "does not hold", "", "")  # noqa: RUF001
    other = fair()
    other[-1].repeats[0].results[3].generations += 1
    assert found(cross_evaluate(other), message) == ("another number", "does not hold")


@pytest.mark.parametrize(("slope", "verdict"), [(0.04, "holds"), (0.2, "does not hold")])
def test_a_further_target(slope, verdict):
    rows = cross_evaluate(fair({"bottom_up": lambda k: np.full(6, 1 + slope * (k - 1))}))
    description, message = found(
        rows, "so a further target takes √n/n of the first's time (4.5 % for n = 500): bottom-up"
    )
    assert message == verdict
    assert description.startswith(f"{100 * slope:.1f} (")


def test_shares_of_generations_are_reported_without_a_verdict():
    assert found(cross_evaluate(fair()), "(generations") == ("27.5 %", "")


def test_of_one_row_a_further_target_is_not_judged():
    rows = cross_evaluate(crafted_set(lists=first(10)))
    assert found(rows, "the first's time (4.5 % for n = 500): top-down") == ("not run", "")


def test_beside_each_claim_stands_what_the_papers_figures_say():
    rows = cross_evaluate(fair())
    own = {message: row[0] for message, row in rows.items()}
    assert own["top-down takes at most 28.3 % of vanilla's time"] == "28.7 % (notebook 30.0 %)"
    assert own["bottom-up takes at most 41 % of vanilla's time"] == "42.3 % (notebook 41.0 %)"
    assert own["(generations, summed over the same rows)"] == "33.6 %"
    assert own["accuracies are at most 0.21 points apart on average"] == "0.27"
    assert own["and 0.58 anywhere"] == "0.70, at 25 ms"
    assert own["(mean accuracy, top-down less vanilla)"] == "-0.05"
    assert list(own.values())[-2:] == ["26.1 %", "14.5 %"]


def test_protocols_stand_side_by_side_and_spaces_below_each_other():
    records = [*fair(), *crafted_set("as_published", first(1, 2, 3), seconds=np.ones(6))]
    others = copy.deepcopy(records)
    for record in others:
        record.choices.space = "proxyless"
    table = verdicts(runs_of([*others, *records]), PUBLISHED)
    assert table.heads == ("space", "claim", "its own figures", "as published", "verdict", "fair", "verdict")
    assert table.left == len(table.heads)
    spaces = [row[0] for row in table.rows]
    assert spaces == ["MobileNetV3"] * 10 + ["ProxylessNAS"] * 10
    assert [row[1] for row in table.rows[:10]] == [row[1] for row in table.rows[10:]]
    assert all(row[3] and row[5] for row in table.rows)
    own = {row[1]: row[2] for row in table.rows[10:]}
    assert own["top-down takes at most 28.3 % of vanilla's time"] == "31.8 %"


def test_a_protocol_that_was_not_run_is_left_empty():
    table = verdicts(runs_of(fair()), PUBLISHED)
    assert {row[3:5] for row in table.rows} == {("", "")}
    assert all(row[5] for row in table.rows)


def test_a_target_that_nothing_meets_does_not_count():
    records = unmet(fair(accuracy={"top_down": lambda k: np.full((6, k), 80.5)}), 30)
    rows = cross_evaluate(records)
    assert found(rows, "(mean accuracy, top-down less vanilla)") == ("+0.50", "better")
    assert found(rows, "points apart on average")[0].startswith("0.50")
    assert not any("nan" in cell for row in rows.values() for cell in row)


@pytest.mark.parametrize("target", [15, 30])
def test_the_formula_counts_targets_that_can_be_met(target):
    """One that cannot has no generations; a chain then begins with the next."""
    records = unmet(fair(), target)
    for repeat in (one for record in records if target == 15 for one in record.repeats if len(one.results) > 1):
        repeat.results[1].generations = 500
    assert found(cross_evaluate(records), "a chain makes") == ("500 + (k − 1)·23", "holds")  # noqa: RUF001


@pytest.mark.parametrize("rows", [(1, 2, 3), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6, 10)])
def test_the_claim_on_time_is_about_the_rows_of_table_1(rows):
    """Of others, no share is told; what a further target takes is a claim of its own."""
    several = cross_evaluate(crafted_set(lists=first(*rows), seconds=np.ones(6)))
    assert found(several, "top-down takes at most") == ("not run", "")
    assert found(several, "bottom-up takes at most") == ("not run", "")
    assert found(several, "(generations") == ("not run", "")
    assert found(several, "first's time (4.5 % for n = 500): bottom-up")[1] == "holds"


def test_claims_on_accuracy_are_about_ten_targets():
    rows = cross_evaluate(crafted_set(lists=first(1, 2, 3, 4, 5), seconds=np.ones(6)))
    assert found(rows, "points apart on average") == ("0.00 (0.00 to 0.00)", "")
    assert found(rows, "and 0.58 anywhere") == ("0.00 (0.00 to 0.00), at 15 ms", "")


@pytest.mark.parametrize("made", [{"lockstep": True}, {"threads": 2}], ids=["lockstep", "threads"])
def test_times_measured_in_different_ways_are_not_reported(made):
    records = fair()
    for record in records if "lockstep" in made else records[:1]:
        vars(record.made).update(made)
    rows = cross_evaluate(records)
    for message in ("top-down takes at most", "bottom-up takes at most", "n = 500): top-down", "n = 500): bottom-up"):
        assert found(rows, message) == ("not timed", "")
    assert all(row[-2] for message, row in rows.items() if "time" not in message)


def test_losses_are_corrected_for_both_chains():
    shifted = {"top_down": NOISE - 0.3, "bottom_up": NOISE[::-1] - 0.9}
    accuracy = {name: lambda k, row=row: 80 + row[:, None] + np.zeros((6, k)) for name, row in shifted.items()}
    rows = cross_evaluate(fair(accuracy=accuracy))
    p = stats.ttest_1samp(shifted["bottom_up"], 0).pvalue
    assert 0.025 < p < 0.05
    assert found(rows, "(mean accuracy, bottom-up less vanilla)")[1] == "not distinguished"
    alone = cross_evaluate(fair(accuracy=accuracy | {"top_down": lambda k: np.full((6, k), 80.0)}))
    assert found(alone, "(mean accuracy, bottom-up less vanilla)")[1] == "worse"
