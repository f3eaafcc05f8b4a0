import numpy as np
import pytest
from crafting import NOISE, PUBLISHED, answers, crafted, crafted_rows, crafted_set, first, of_fair, unmet
from scipy import stats

from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.runs import runs_of
from ofa_bench.formatting import format_number

MEAN = "no significant difference from vanilla, mean over targets: "
ALL = "the same over all repeats: "
SINGLE = "nor at any single target: "


def shifted(shift, spread, chain="bottom_up", noise=NOISE):
    """Make records in which a chain's accuracies at all targets differ from vanilla's."""
    table = {chain: lambda k: 80 + shift + spread * noise[:, None] + np.zeros((len(noise), k))}
    return crafted_rows(accuracy=table, repeats=len(noise))


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        (0.5, 0.02, "does not hold: better"),
        (-0.5, 0.02, "does not hold: worse"),
        (-0.05, 0.02, "does not hold, but equivalent"),
        (0.0, 0.02, "holds: equivalent"),
        (0.06, 0.1, "not decided"),
        (0.0, 1.0, "not decided"),
    ],
)
def test_no_difference_is_judged_by_two_tests(shift, spread, verdict):
    description, found = of_fair(answers(shifted(shift, spread), "accuracy"), MEAN + "bottom-up")
    assert found == verdict
    assert description.startswith(f"{format_number(shift, '+.2f')} (")
    assert description.endswith(", n = 6")


def test_the_papers_number_of_repeats_and_all_are_judged():
    """Ten repeats do not show what thirty do."""
    noise = np.tile([-1.0, 1.0], 15)
    p = [stats.ttest_1samp(0.3 + noise[:n], 0).pvalue for n in (10, 30)]
    assert p[0] > 0.05
    rows = answers(shifted(0.5, 1.0, noise=noise), "accuracy")
    assert (of_fair(rows, MEAN + "bottom-up")[1], of_fair(rows, ALL + "bottom-up")[1]) == (
        "not decided",
        "does not hold: better",
    )
    assert [of_fair(rows, claim + "bottom-up")[0].split(", ")[1] for claim in (MEAN, ALL)] == ["n = 10", "n = 30"]
    assert not [claim for claim in answers(shifted(0.5, 1.0), "accuracy") if ALL in claim]


def test_both_chains_share_a_level():
    both = {"top_down": NOISE - 0.3, "bottom_up": NOISE[::-1] - 0.9}
    accuracy = {name: lambda k, row=row: 80 + row[:, None] + np.zeros((6, k)) for name, row in both.items()}
    assert 0.025 < stats.ttest_1samp(both["bottom_up"], 0).pvalue < 0.05
    assert of_fair(answers(crafted_rows(accuracy=accuracy), "accuracy"), MEAN + "bottom-up")[1] == "not decided"
    alone = accuracy | {"top_down": lambda k: np.full((6, k), 80.0)}
    assert of_fair(answers(crafted_rows(accuracy=alone), "accuracy"), MEAN + "bottom-up")[1] == "does not hold: worse"


def one_differs(shift, spread=0.01):
    def table(k):
        found = 80 + spread * NOISE[:, None] * np.ones(k)
        found[:, -1] += shift
        return found

    return answers(crafted_rows(accuracy={"top_down": table}), "accuracy")


def test_single_targets_are_tested_with_a_correction_for_all():
    assert of_fair(one_differs(-0.3), SINGLE + "top-down") == ("worse at 60 ms", "does not hold")
    assert of_fair(one_differs(0.3), SINGLE + "top-down") == ("better at 60 ms", "does not hold")
    assert of_fair(one_differs(0), SINGLE + "top-down") == ("none differs", "holds: equivalent")
    assert of_fair(one_differs(0, 1.0), SINGLE + "top-down") == ("none differs", "not decided")
    p = stats.ttest_1samp(0.9 + NOISE, 0).pvalue
    assert 0.005 < p < 0.05
    assert of_fair(one_differs(0.9, 1.0), SINGLE + "top-down") == ("none differs", "not decided")


def test_one_repeat_decides_nothing():
    rows = answers(crafted_rows(repeats=1), "accuracy")
    assert of_fair(rows, MEAN + "top-down") == ("0.00, n = 1", "one repeat")
    assert of_fair(rows, SINGLE + "top-down") == ("", "one repeat")
    assert of_fair(rows, "points apart on average") == ("0.00", "too few repeats")


def test_differences_that_do_not_vary_decide_nothing_in_few_repeats():
    rows = {n: answers(shifted(0.5, 0.0, noise=np.zeros(n)), "accuracy") for n in (5, 6)}
    assert [of_fair(rows[n], MEAN + "bottom-up")[1] for n in (5, 6)] == ["not decided", "does not hold: better"]


@pytest.mark.parametrize(("gap", "verdict"), [(0.04, "lower"), (0.17, "compatible"), (1.0, "higher")])
def test_how_far_accuracies_are_apart_is_judged_as_a_replication(gap, verdict):
    """The last target of ten is 3.5 times as far apart as the others: 0.595 and 0.2125 on average for 0.17."""

    def last_is_apart(k):
        return np.full((6, k), 80.0) + gap + np.where(np.arange(k) == 9, 2.5 * gap, 0)

    rows = answers(crafted_rows(accuracy={"top_down": last_is_apart}), "accuracy")
    assert of_fair(rows, "points apart on average") == (f"{1.25 * gap:.2f}", verdict)
    assert of_fair(rows, "and 0.58 at most") == (f"{3.5 * gap:.2f}, at 60 ms", verdict)


def test_spreads_are_of_as_many_repeats_as_the_papers():
    table = np.full((12, 10), 80.0)
    table[10:] += 60
    records = crafted_rows(accuracy={"top_down": lambda k: table[:, :k]}, repeats=12)
    assert of_fair(answers(records, "accuracy"), "points apart on average")[0] == "0.00"


def test_claims_on_spreads_are_about_ten_targets():
    rows = answers(crafted_set(lists=first(1, 2, 3, 4, 5), seconds=np.ones(6)), "accuracy")
    assert of_fair(rows, "points apart on average") == ("0.00", "")
    assert of_fair(rows, "and 0.58 at most") == ("0.00, at 15 ms", "")


def test_a_target_that_nothing_meets_does_not_count():
    records = unmet(crafted_rows(accuracy={"top_down": lambda k: np.full((6, k), 80.5)}), 30)
    rows = answers(records, "accuracy")
    assert of_fair(rows, MEAN + "top-down") == ("+0.50, n = 6", "does not hold: better")
    assert of_fair(rows, SINGLE + "top-down")[0] == "better at 15, 20, 25, 35, 40, 45, 50, 55, 60 ms"
    assert not any("nan" in cell for row in rows.values() for cell in row)


def test_beside_each_claim_stands_what_table_2_says():
    own = {claim: row[0] for claim, row in answers(crafted_rows(), "accuracy").items()}
    assert own[MEAN + "top-down"] == "-0.05 (-0.09 to -0.01)"
    assert own[SINGLE + "top-down"] == "worse at 25, 30 ms; better at 20, 50 ms"
    assert own["accuracies are 0.21 points apart on average"] == "0.27"
    assert own["and 0.58 at most"] == "0.70, at 25 ms"


def elsewhere(**changes):
    records = crafted_rows(**changes)
    for record in records:
        record.choices.space = "resnet50d"
    return answers(records, "carrying_over")


def accuracies(shift, spread):
    return {"top_down": lambda k: 80 + shift + spread * NOISE[:, None] + np.zeros((6, k))}


@pytest.mark.parametrize(
    ("share", "shift", "spread", "verdict"),
    [
        (0.3, 0.0, 0.02, "holds"),
        (1.3, 0.0, 0.02, "does not hold"),
        (0.3, -0.5, 0.02, "does not hold"),
        (0.3, -0.05, 0.02, "does not hold"),
        (0.3, 0.0, 1.0, "not decided"),
        (1.0, 0.0, 0.02, "not decided"),
    ],
)
def test_what_carries_over_saves_time_without_a_difference(share, shift, spread, verdict):
    rows = elsewhere(
        seconds={"top_down": lambda k: (share + 0.01 * NOISE) * k}, accuracy=accuracies(shift, spread), repeats=6
    )
    own, _, _, description, found = rows["it carries over: less time, no significant difference: top-down"]
    assert (own, found) == ("not run (MobileNetV3's space again)", verdict)
    assert description.startswith(f"{100 * share:.1f} (")


def test_few_repeats_or_rows_do_not_tell_what_carries_over():
    assert {row[4] for row in elsewhere(repeats=5).values()} == {"too few repeats"}
    one = [crafted("fair", name, (15, 20)) for name in ("vanilla", "top_down", "bottom_up")]
    for record in one:
        record.choices.space = "resnet50d"
    assert {row[3:5] for row in answers(one, "carrying_over").values()} == {("not run", "")}
    assert "carrying_over" not in verdicts(runs_of(crafted_rows()), PUBLISHED)
