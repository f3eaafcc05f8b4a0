import numpy as np
import pytest
from crafting import ROWS, TEN, crafted, crafted_set, first

from ofa_bench.analysis.paper.measures import (
    Measure,
    accuracy_spread,
    further_target,
    generations_share,
    median_of,
    row_ratio,
    time_share,
    trend,
)
from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.analysis.paper.runs import runs_of


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
    [((1.0, 2.0), "holds"), ((1.0, 2.5), "not decided"), ((2.5, 3.0), "does not hold"), ((2.4, 3.0), "not decided")],
)
def test_a_bound_holds_for_all_none_or_a_part_of_the_interval(interval, verdict):
    assert Measure(1.5, interval).below(2.5) == verdict


def test_without_an_interval_the_number_itself_decides():
    assert [Measure(value).below(2.5) for value in (2.4, 2.5)] == ["holds", "does not hold"]
    assert [Measure(value).replicates(Measure(2.5)) for value in (2.4, 2.5, 2.6)] == ["lower", "compatible", "higher"]


@pytest.mark.parametrize("repeats", [0, 1, 5])
def test_few_repeats_decide_nothing(repeats):
    assert Measure(1.5, (1.4, 1.6), repeats).below(2.5) == "too few repeats"
    assert Measure(1.5, (1.4, 1.6), repeats).replicates(Measure(2.5)) == "too few repeats"


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        (Measure(5.0, (0.0, 8.9)), "higher"),  # 5 apart; the ends are sqrt(3² + 3.9²) = 4.92 from both
        (Measure(5.0, (4.9, 9.1)), "compatible"),  # 5.08
        (Measure(15.0, (12.1, 30.0)), "lower"),  # sqrt(4² + 2.9²) = 4.94
        (Measure(15.0, (11.9, 15.1)), "compatible"),  # 5.06
        (Measure(5.0), "higher"),
        (Measure(15.0), "lower"),
    ],
)
def test_a_replication_takes_the_ends_that_face_each_other(published, verdict):
    """Our interval is 7 to 14 around 10."""
    assert Measure(10.0, (7.0, 14.0)).replicates(published) == verdict


def test_a_replication_of_normal_means_is_the_prediction_interval_of_the_published_study():
    """Patil, Peng & Leek: the published mean ± 1.96 sqrt(its variance + ours)."""
    ours, theirs = 0.3, 0.4
    for distance, verdict in ((0.97, "compatible"), (0.99, "higher"), (-0.97, "compatible"), (-0.99, "lower")):
        published = Measure(1.0, (1 - 1.96 * theirs, 1 + 1.96 * theirs))
        value = 1 + distance
        assert Measure(value, (value - 1.96 * ours, value + 1.96 * ours)).replicates(published) == verdict


def test_a_number_is_shown_with_its_interval():
    assert Measure(1.25, (1.0, 2.0)).description(1) == "1.2 (1.0 to 2.0)"
    assert Measure(1.254).description(2) == "1.25"


def test_the_median_has_the_interval_by_order_statistics():
    """Of ten numbers, the second to the ninth: of ten tosses, at most one head comes up with p = 11 / 1024."""
    values = np.array([9.0, 2, 4, 1, 5, 3, 8, 7, 10, 6])
    assert median_of(values) == Measure(5.5, (2.0, 9.0), 10)
    assert median_of(values[:6]) == Measure(3.5, (1.0, 9.0), 6)
    assert median_of(values[:5]) == Measure(4.0, None, 5)


def test_the_share_of_time_is_that_of_the_sums_over_rows():
    vanilla, chain = (
        {1: (10, 20, 30), 2: (20, 40, 60), 10: (100, 200, 300)},
        {1: (9, 8, 7), 2: (10, 11, 9), 10: (20, 14, 23)},
    )
    runs = runs_with(rows=(1, 2, 10), vanilla=vanilla.get, top_down=chain.get, bottom_up=lambda k: (k, 2 * k, 3 * k))
    shares = sorted([39 / 130, 33 / 260, 39 / 390])
    found = time_share(runs, "top_down")
    assert (found.value, found.interval, found.repeats) == (pytest.approx(100 * shares[1]), None, 3)
    assert time_share(runs, "bottom_up").value == pytest.approx(10)
    assert row_ratio(runs, "top_down", "vanilla", 2).value == pytest.approx(100 * 11 / 40)


def test_a_further_target_takes_the_slope_of_the_line():
    slopes = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 8.0])
    found = further_target(runs_with(**six(bottom_up=lambda k: 10 + slopes * (k - 1))), "bottom_up")
    assert found.value == pytest.approx(25)
    assert found.interval == pytest.approx((5, 80))


def six(**seconds):
    """Return seconds of six repeats for all strategies."""
    return {name: seconds.get(name, lambda k: np.full(6, float(k))) for name in STRATEGIES}


@pytest.mark.parametrize("slower", [0, 5], ids=["plain", "one repeat slower"])
def test_the_trend_is_the_mean_of_the_strategies_in_each_repeat(slower):
    """By hand: 3, 2, 1 s fall in all pairs, 3, 1, 2 s in two of three; a slower repeat does not change its order."""
    scale = np.array([1.0, 1, 1, 1, 1, 1 + slower])
    orders = {"vanilla": (3, 2, 1), "top_down": (3, 1, 2), "bottom_up": (3, 2, 1)}
    records = [
        crafted("fair", name, (target,), seconds=scale * order[place])
        for name, order in orders.items()
        for place, target in enumerate((15, 20, 25))
    ]
    found = trend(runs_of(records)["mbv3", "fair"])
    tau = (-1 - 1 / 3 - 1) / 3
    assert (found.value, found.interval) == (pytest.approx(tau), pytest.approx((tau, tau)))
    assert trend(runs_of([one for one in records if one.targets != [25]])["mbv3", "fair"]) is None


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
    found = accuracy_spread(with_accuracy(vanilla=vanilla, top_down=top_down, bottom_up=bottom_up), 2)
    apart = [80.4 - 80.1, 82.1 - 81.2, 84.1 - 84.0]
    assert found.mean.value == pytest.approx(np.mean(apart))
    assert found.largest.value == pytest.approx(0.9)
    assert found.at == 20
    assert found.mean.interval[0] <= found.mean.value <= found.mean.interval[1]


def test_spreads_are_those_of_the_first_repeats():
    table = {name: np.full((8, 2), 80.0) for name in STRATEGIES}
    table["vanilla"][6:] = 90
    runs = with_accuracy(**table)
    assert (accuracy_spread(runs, 6).largest.value, accuracy_spread(runs, 6).mean.repeats) == (0, 6)
    assert accuracy_spread(runs, 10).largest.value == pytest.approx(2.5)


def test_equal_measures_are_made_of_equal_records():
    runs = runs_with(
        top_down=lambda k: (k, 2.0 * k, k / 2), vanilla=lambda k: (k, k, k + 1), bottom_up=lambda k: (k, k, k)
    )
    assert time_share(runs, "top_down") == time_share(runs, "top_down")
    assert further_target(runs, "bottom_up") == further_target(runs, "bottom_up")


def test_one_repeat_has_no_intervals():
    runs = runs_of(crafted_set(lists=first(1, 2, 10), seconds=(2.0,)))["mbv3", "fair"]
    spread = accuracy_spread(runs, 10)
    measures = [time_share(runs, "top_down"), further_target(runs, "bottom_up"), spread.mean, spread.largest]
    assert [one.interval for one in measures] == [None] * 4
    assert {one.below(1e9) for one in measures} == {"too few repeats"}


@pytest.mark.parametrize("k", [1, 10])
def test_one_row_says_nothing_of_a_further_target(k, recwarn):
    """As of experiment=table2, or of figure2: no number, and no warning of a line through one point."""
    runs = runs_of(crafted_set(lists=first(k)))["mbv3", "fair"]
    assert further_target(runs, "top_down") is None
    assert not recwarn.list
