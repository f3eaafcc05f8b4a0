import numpy as np
import pytest
from crafting import ROWS, TEN, crafted, crafted_set, first

from ofa_bench.analysis.paper.measures import (
    Measure,
    accuracy_spread,
    further_share,
    further_target,
    generations_share,
    share_of,
    spread_of,
    time_share,
)
from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.analysis.paper.published import published_paper
from ofa_bench.analysis.paper.runs import runs_of

PUBLISHED = published_paper()


def runs_with(protocol="fair", rows=ROWS, **seconds):
    """Make runs whose seconds are by strategy a function of k: one number a repeat."""
    records = [
        crafted(protocol, name, TEN[:k], seconds=seconds.get(name, lambda k: (k, k))(k))
        for name in STRATEGIES
        for k in rows
    ]
    return runs_of(records)["mbv3", protocol]


def with_accuracy(**by_strategy):
    """Make runs of the first targets with given accuracies: [repeats, targets] by strategy."""
    shape = np.shape(next(iter(by_strategy.values())))
    records = [
        crafted("fair", name, TEN[: shape[1]], seconds=np.ones(shape[0]), accuracy=np.array(by_strategy[name], float))
        for name in STRATEGIES
    ]
    return runs_of(records)["mbv3", "fair"]


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [((1.0, 2.0), "holds"), ((1.0, 2.5), "holds"), ((2.6, 3.0), "does not hold"), ((2.5, 3.0), "not decided")],
)
def test_a_claim_holds_for_all_none_or_a_part_of_the_interval(interval, verdict):
    assert Measure(1.5, interval).at_most(2.5) == verdict


def test_without_an_interval_the_number_itself_decides():
    assert [Measure(value).at_most(2.5) for value in (2.4, 2.5, 2.6)] == ["holds", "holds", "does not hold"]


@pytest.mark.parametrize("repeats", [0, 1, 4])
def test_few_repeats_decide_nothing(repeats):
    assert Measure(1.5, (1.4, 1.6), repeats).at_most(2.5) == "too few repeats"


def test_a_number_is_shown_with_its_interval():
    assert Measure(1.25, (1.0, 2.0)).description(1) == "1.2 (1.0 to 2.0)"
    assert Measure(1.254).description(2) == "1.25"


def test_the_share_of_time_is_that_of_the_sums_over_rows():
    vanilla, chain = (
        {1: (10, 20, 30), 2: (20, 40, 60), 10: (100, 200, 300)},
        {1: (9, 8, 7), 2: (10, 11, 9), 10: (20, 14, 23)},
    )
    runs = runs_with(rows=(1, 2, 10), vanilla=vanilla.get, top_down=chain.get, bottom_up=lambda k: (k, 2 * k, 3 * k))
    shares = sorted([39 / 130, 33 / 260, 39 / 390])
    found = time_share(runs, "top_down")
    assert found.value == pytest.approx(100 * shares[1])
    assert 100 * shares[0] <= found.interval[0] <= found.value <= found.interval[1] <= 100 * shares[2]
    assert time_share(runs, "bottom_up").value == pytest.approx(10)


def test_a_further_target_takes_the_slope_of_the_line():
    runs = runs_with(
        top_down=lambda k: (10 + 0.5 * (k - 1), 20 + 1 * (k - 1)), bottom_up=lambda k: (10 + k - 1, 10 + 3 * (k - 1))
    )
    found = further_target(runs, "top_down")
    assert found.value == pytest.approx(5)
    assert found.interval == pytest.approx((5, 5))
    found = further_target(runs, "bottom_up")
    assert found.value == pytest.approx(20)
    assert found.interval == pytest.approx((10, 30))


def test_generations_of_the_fair_protocol():
    """23 after 500: 6·500 + 19·23 of 25·500."""
    runs = runs_with()
    assert generations_share(runs, "top_down") == generations_share(runs, "bottom_up") == pytest.approx(343700 / 12500)
    published = runs_with("as_published")
    assert generations_share(published, "bottom_up") == pytest.approx(100 * (6 * 500 + 19 * 63) / 12500)
    assert generations_share(runs, "vanilla") == 100


def test_accuracies_are_compared_by_their_means_at_each_target():
    vanilla = [[80.0, 82.0, 84.0], [80.2, 82.2, 84.2]]
    top_down = [[80.4, 82.0, 84.0], [80.4, 82.0, 84.0]]
    bottom_up = [[80.1, 81.0, 84.0], [80.1, 81.4, 84.0]]
    found = accuracy_spread(with_accuracy(vanilla=vanilla, top_down=top_down, bottom_up=bottom_up))
    spreads = [80.4 - 80.1, 82.1 - 81.2, 84.1 - 84.0]
    assert found.mean.value == pytest.approx(np.mean(spreads))
    assert found.largest.value == pytest.approx(0.9)
    assert found.at == 20
    low, high = found.largest.interval
    assert low == pytest.approx(2 * 0.9 - (82.0 - 81.0))  # of the first repeat alone
    assert high == pytest.approx(2 * 0.9 - (82.2 - 81.4))


def test_the_interval_of_a_spread_turns_around_what_draws_add():
    """By hand: draws of two repeats give 0.3, 0.1 or 0.5 points, each often; the interval does not go below 0."""
    vanilla = [[80.0], [80.0]]
    found = accuracy_spread(with_accuracy(vanilla=vanilla, top_down=[[79.7], [80.5]], bottom_up=vanilla))
    assert found.mean.value == pytest.approx(0.1)
    assert found.mean.interval == pytest.approx((0.0, 2 * 0.1 - 0.1))
    found = accuracy_spread(with_accuracy(vanilla=vanilla, top_down=[[80.2], [81.0]], bottom_up=vanilla))
    assert found.largest.value == pytest.approx(0.6)
    assert found.largest.interval == pytest.approx((2 * 0.6 - 1.0, 2 * 0.6 - 0.2))


def test_the_interval_of_a_spread_is_the_basic_one():
    rng = np.random.default_rng(0)
    table = {name: 80 + rng.normal(0, 0.3, (7, 3)) + place for place, name in enumerate(STRATEGIES)}
    found = accuracy_spread(with_accuracy(**table)).largest
    stacked = np.stack([table[name] for name in STRATEGIES])
    draws = rng.integers(0, 7, (4000, 7))
    spreads = [np.ptp(stacked[:, draw].mean(axis=1), axis=0).max() for draw in draws]
    low, high = np.percentile(spreads, [2.5, 97.5])
    assert found.value == pytest.approx(np.ptp(stacked.mean(axis=1), axis=0).max())
    assert found.interval == pytest.approx((2 * found.value - high, 2 * found.value - low), abs=0.03)
    assert found.interval[1] < high


def test_a_repeat_is_drawn_for_all_strategies_together():
    """What all have in common, be it as wide as it may, is no spread."""
    shift = np.random.default_rng(0).normal(0, 5, (8, 1))
    table = np.array([80.0, 82.0]) + shift
    found = accuracy_spread(with_accuracy(vanilla=table, top_down=table + 0.1, bottom_up=table - 0.1))
    assert found.mean.interval == pytest.approx((0.2, 0.2))


def test_equal_measures_are_made_of_equal_records():
    runs = runs_with(
        top_down=lambda k: (k, 2.0 * k, k / 2), vanilla=lambda k: (k, k, k + 1), bottom_up=lambda k: (k, k, k)
    )
    assert time_share(runs, "top_down") == time_share(runs, "top_down")
    assert further_target(runs, "vanilla") == further_target(runs, "vanilla")


def test_one_repeat_has_no_intervals():
    runs = runs_of(crafted_set(lists=first(1, 2, 10), seconds=(2.0,)))["mbv3", "fair"]
    spread = accuracy_spread(runs)
    measures = [time_share(runs, "top_down"), further_target(runs, "top_down"), spread.mean, spread.largest]
    assert [one.interval for one in measures] == [None] * 4
    assert {one.at_most(1e9) for one in measures} == {"too few repeats"}
    several = runs_of(crafted_set(lists=first(1, 2, 10), seconds=(2.0, 2.5, 3.0)))["mbv3", "fair"]
    assert [time_share(several, "top_down").repeats, accuracy_spread(several).mean.repeats] == [3, 3]


@pytest.mark.parametrize("k", [1, 10])
def test_one_row_says_nothing_of_a_further_target(k, recwarn):
    """As of experiment=table2, or of figure2: no number, and no warning of a line through one point."""
    runs = runs_of(crafted_set(lists=first(k)))["mbv3", "fair"]
    assert further_target(runs, "top_down") is None
    assert not recwarn.list


def test_the_papers_own_accuracies_are_further_apart_than_it_says():
    table = PUBLISHED["table2"]
    mean, largest, place = spread_of(table["printed_percent"])
    assert (round(mean, 2), round(largest, 2), table["latency_ms"][place]) == (0.27, 0.70, 25)
    at_50 = [table["printed_percent"][name][table["latency_ms"].index(50)] for name in STRATEGIES]
    assert max(at_50) - min(at_50) == pytest.approx(PUBLISHED["claims"]["largest_accuracy_difference_points"])


@pytest.mark.parametrize(("which", "down", "up"), [("printed", 28.7, 42.3), ("notebook", 30.0, 41.0)])
def test_the_papers_own_shares_of_time(which, down, up):
    shares = share_of(PUBLISHED["table1"][f"{which}_seconds"])
    assert {name: round(share, 1) for name, share in shares.items()} == {"top_down": down, "bottom_up": up}


def test_of_the_papers_notebook_a_further_target_takes_more_than_it_says():
    notebook = PUBLISHED["table1"]["notebook_seconds"]
    assert PUBLISHED["table1"]["targets"] == list(ROWS)
    found = {name: round(float(further_share(ROWS, notebook[name])), 1) for name in STRATEGIES[1:]}
    assert found == {"top_down": 26.1, "bottom_up": 14.5}
    lines = [[10 + 2 * (k - 1), 20 + (k - 1)] for k in ROWS]
    assert further_share(ROWS, lines) == pytest.approx([20, 5])
