import numpy as np
import pytest
from crafting import (
    NOISE,
    OF_TOP_DOWN,
    PUBLISHED,
    ROWS,
    TEN,
    answers,
    crafted,
    crafted_rows,
    crafted_set,
    first,
    of_fair,
    unmet,
)

from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.analysis.paper.runs import runs_of

FASTEST = "top-down is the fastest for any number of targets"
TREND = "a lower target takes longer"
FORMULA = "a chain makes n + (k − 1)·√n generations"  # noqa: RUF001
FURTHER = "so a further target takes √n/n of the first's time (4.5 % for n = 500): "


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        (0.2 + 0.01 * NOISE, "lower"),
        (0.5 + 0.01 * NOISE, "higher"),
        (0.283 + 0.1 * NOISE, "compatible"),
        (0.287 + 0.0001 * NOISE, "compatible"),  # within the published figure's own spread, ±0.5
        (0.290 + 0.0001 * NOISE, "higher"),
    ],
)
def test_a_share_of_time_is_judged_as_a_replication(share, verdict):
    rows = answers(crafted_rows({"top_down": lambda k: share * k}), "time")
    description, found = of_fair(rows, "top-down takes 28.3 % of vanilla's time")
    assert found == verdict
    assert description.startswith(f"{100 * np.median(share):.1f} (")
    assert of_fair(rows, "bottom-up takes 41 % of vanilla's time") == ("100.0 %", "higher")


def fastest(**shares):
    """Judge whether top-down is the fastest: its seconds by k, where the others take 10 and 5 times k."""
    seconds = {"vanilla": lambda k: np.full(6, 10.0 * k), "bottom_up": lambda k: np.full(6, 5.0 * k)}
    return of_fair(answers(crafted_rows(seconds | shares), "time"), FASTEST)


def test_top_down_is_the_fastest_only_if_it_is_in_every_row():
    """Of one target, all three make the same search here, so five rows count."""
    assert fastest(top_down=lambda k: 4.0 * k + 0.1 * NOISE) == ("in 5 of 5 rows", "holds")
    mixed = fastest(top_down=lambda k: 4.0 * k + (3 * k * NOISE if k == 3 else 0.1 * NOISE))
    assert mixed == ("in 4 of 5 rows", "not decided")


def test_top_down_is_not_the_fastest_if_it_is_slower_in_a_row():
    """Ten passes, all slower than bottom-up for four targets: p is 10 / 2^10, corrected for ten tests."""
    ten = {"vanilla": lambda k: np.full(10, 10.0 * k), "bottom_up": lambda k: np.full(10, 5.0 * k)}
    for passes, verdict in ((10, "does not hold"), (9, "not decided")):
        slow = np.where(np.arange(10) < passes, 6.0, 4.0)
        top_down = {"top_down": lambda k, slow=slow: 4 * slow if k == 4 else np.full(10, 4.0 * k)}
        rows = answers(crafted_rows(ten | top_down, repeats=10), "time")
        extra = "; slower than bottom-up for 4" if passes == 10 else ""
        assert of_fair(rows, FASTEST) == (f"in 4 of 5 rows{extra}", verdict)


def test_of_other_first_targets_the_first_row_counts_too():
    lists = {name: first(*ROWS) for name in STRATEGIES} | {"top_down": [*OF_TOP_DOWN, TEN]}
    spent = {"vanilla": 10.0, "top_down": 4.0, "bottom_up": 5.0}
    records = [
        crafted("as_published", name, targets, seconds=np.full(6, spent[name] * len(targets)))
        for name, several in lists.items()
        for targets in several
    ]
    assert answers(records, "time")[FASTEST][:3] == ("in 6 of 6 rows", "in 6 of 6 rows", "holds")


@pytest.mark.parametrize(
    ("seconds", "tau", "verdict"),
    [
        (lambda target: 100 - target + NOISE, "-1.00 (-1.00 to -1.00)", "holds"),
        (lambda target: target + NOISE, "1.00 (1.00 to 1.00)", "does not hold"),
        (lambda target: 50 + np.array([1, -1, 1, -1, 1, -1]) * target, "0.00 (-1.00 to 1.00)", "not decided"),
    ],
)
def test_a_lower_target_takes_longer_by_the_trend_of_each_repeat(seconds, tau, verdict):
    singles = [crafted("fair", name, (one,), seconds=seconds(one)) for name in STRATEGIES for one in (15, 30, 45, 60)]
    row = answers(singles, "time")["a lower target takes longer (Kendall's τ, figure 2)"]
    assert row[0] == "-0.94"
    assert row[3:5] == (tau, verdict)


def test_the_trend_needs_three_targets():
    assert of_fair(answers(crafted_rows(), "time"), TREND) == ("not run", "")


def test_what_the_budget_sets_is_true_by_construction():
    rows = answers(crafted_rows(), "time")
    assert of_fair(rows, FORMULA) == ("500 + (k − 1)·23", "by construction")  # noqa: RUF001
    assert of_fair(rows, "(generations") == ("27.5 %", "by construction")
    published = answers(crafted_set("as_published", first(1, 2)), "time")[FORMULA]
    assert published[:3] == ("500 + (k − 1)·63", "500 + (k − 1)·63", "does not hold")  # noqa: RUF001
    other = crafted_rows()
    other[-1].repeats[0].results[3].generations += 1
    assert of_fair(answers(other, "time"), FORMULA) == ("another number", "does not hold")


@pytest.mark.parametrize("target", [15, 30])
def test_the_formula_counts_targets_that_can_be_met(target):
    """One that cannot has no generations; a chain then begins with the next."""
    records = unmet(crafted_rows(), target)
    for repeat in (one for record in records if target == 15 for one in record.repeats if len(one.results) > 1):
        repeat.results[1].generations = 500
    assert of_fair(answers(records, "time"), FORMULA) == ("500 + (k − 1)·23", "by construction")  # noqa: RUF001


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [(0.0440, "lower"), (0.0446, "compatible"), (0.0448, "compatible"), (0.0456, "higher")],
)
def test_a_further_target_is_judged_by_the_root_of_n(slope, verdict):
    """1/√500 is 4.472 %."""
    rows = answers(crafted_rows({"bottom_up": lambda k: 1 + (slope + 0.0002 * NOISE) * (k - 1)}), "time")
    description, found = of_fair(rows, FURTHER + "bottom-up")
    assert found == verdict
    assert description.startswith(f"{100 * slope:.1f} (")


def test_a_further_target_is_measured_with_the_same_first_target():
    """Top-down's rows of table 1 begin with other targets, of which each takes its own time."""
    rows = crafted_rows({"top_down": lambda k: np.full(6, 100.0 * k)})
    assert of_fair(answers(rows, "time"), FURTHER + "top-down") == ("not run", "")
    down = [crafted("fair", "top_down", one, seconds=20 + (len(one) - 1) * (2 + 0.1 * NOISE)) for one in OF_TOP_DOWN]
    rows = [one for one in rows if one.choices.strategy != "top_down" or one.targets != sorted(OF_TOP_DOWN[-1])]
    assert of_fair(answers([*rows, *down], "time"), FURTHER + "top-down") == ("10.0 (9.5 to 10.5) %", "higher")


def test_few_repeats_are_pointed_out():
    rows = answers(crafted_rows(repeats=5), "time")
    for claim in ("takes 28.3 %", FASTEST, FURTHER + "bottom-up"):
        assert of_fair(rows, claim)[1] == "too few repeats"


@pytest.mark.parametrize("changes", [{"generations": 25, "warm_generations": 5}, {}], ids=["n", "population"])
def test_searches_of_another_size_are_not_judged(changes):
    records = crafted_rows()
    for record in records:
        vars(record.budget).update(changes)
        record.config["evolution"] |= {} if changes else {"population_size": 10}
    rows = answers(records, "time")
    for claim in ("takes 28.3 %", FASTEST, FURTHER + "bottom-up"):
        assert of_fair(rows, claim)[0]
        assert of_fair(rows, claim)[1] == "other size"
    rows = answers(records, "accuracy")
    assert {row[4] for row in rows.values()} == {"other size"}


def test_beside_each_claim_stands_what_the_papers_figures_say():
    own = {claim: row[0] for claim, row in answers(crafted_rows(), "time").items()}
    assert own["top-down takes 28.3 % of vanilla's time"] == "28.7 % (notebook 30.0 %)"
    assert own["bottom-up takes 41 % of vanilla's time"] == "42.3 % (notebook 41.0 %)"
    assert own[FASTEST] == "in 6 of 6 rows"
    assert own["(generations, summed over the same rows)"] == "33.6 %"
    assert (own[FURTHER + "top-down"], own[FURTHER + "bottom-up"]) == ("30.2 %", "14.5 %")


def test_each_space_and_protocol_has_its_answers():
    proxyless = crafted_rows()
    for record in proxyless:
        record.choices.space = "proxyless"
    table = verdicts(runs_of([*crafted_rows(), *crafted_rows(protocol="as_published"), *proxyless]), PUBLISHED)["time"]
    judged = ("as published", "verdict", "fair", "verdict", "fair, with memo")
    assert table.heads == ("space", "claim", "its own figures", *judged)
    assert [row[0] for row in table.rows] == ["MobileNetV3"] * 8 + ["ProxylessNAS"] * 7
    assert [bool(row[3]) for row in table.rows] == [True] * 8 + [False] * 7
    assert all(row[5] for row in table.rows)
    assert {row[7] for row in table.rows} == {""}
    assert table.rows[8][1:3] == ("top-down takes 28.3 % of vanilla's time", "31.8 %")


def test_times_with_a_memo_are_shown_and_not_judged():
    fast = crafted_rows({"top_down": lambda k: np.full(6, 0.1 * k)}, protocol="fair_memo")
    both = answers([*crafted_rows({"top_down": lambda k: np.full(6, 0.5 * k)}), *fast], "time")
    assert both["top-down takes 28.3 % of vanilla's time"][3:] == ("50.0 %", "higher", "10.0 %")
    alone = answers(fast, "time")["top-down takes 28.3 % of vanilla's time"]
    assert alone[1:] == ("", "", "", "", "10.0 %")
    assert set(verdicts(runs_of(fast), PUBLISHED)) == {"time"}


@pytest.mark.parametrize("rows", [(1, 2, 3), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 6, 10)])
def test_the_claim_on_time_is_about_the_rows_of_table_1(rows):
    """Of others, no share is told; the fastest, and what a further target takes, are claims of their own."""
    several = answers(crafted_set(lists=first(*rows), seconds=np.ones(6)), "time")
    for claim in ("top-down takes 28.3", "bottom-up takes 41", "(generations"):
        assert of_fair(several, claim) == ("not run", "")
    assert of_fair(several, FURTHER + "bottom-up")[1] == "lower"
    assert of_fair(several, FASTEST)[1] == "not decided"


@pytest.mark.parametrize("made", [{"lockstep": True}, {"threads": 2}], ids=["lockstep", "threads"])
def test_times_measured_in_different_ways_are_not_reported(made):
    records = crafted_rows()
    for record in records if "lockstep" in made else records[:1]:
        vars(record.made).update(made)
    rows = answers(records, "time")
    for claim in ("top-down takes", "bottom-up takes", FASTEST, FURTHER + "bottom-up", TREND):
        assert of_fair(rows, claim) == ("not timed", "")
    assert of_fair(rows, FORMULA)[1] == "by construction"
