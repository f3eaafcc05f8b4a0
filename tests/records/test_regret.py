import numpy as np
import pytest
from plain import plain_record, plain_result

from ofa_bench.records.frontiers import Frontier
from ofa_bench.records.model import FrontierVersion
from ofa_bench.records.regret import add_regret, beaten, evaluations_within, hypervolume, hypervolume_ratio

# Three steps: 0.70 from 10 ms on, 0.75 from 20 ms, 0.80 from 40 ms.
FRONTIER = Frontier(
    "space", "p", "d", np.zeros((3, 2), np.int8), np.array([10.0, 20.0, 40.0]), np.array([0.70, 0.75, 0.80]),
    version=3, sha256="f" * 64,
)  # fmt: skip


def result(target, accuracy, cost=None, curve=(), **more):
    about = {"target": target, "feasible": accuracy is not None, "accuracy": accuracy, "cost": cost or target}
    return plain_result(**about, curve=curve, seconds=2.0, **{"evaluations": 100} | more)


def compared(*results, frontier=FRONTIER):
    made = add_regret(plain_record(results), frontier)
    return made, made.repeats[0]


@pytest.mark.parametrize(
    ("target", "known"), [(9.9, None), (10.0, 0.70), (19.9, 0.70), (20.0, 0.75), (39.0, 0.75), (40.0, 0.80), (99, 0.80)]
)
def test_best_known_is_the_last_point_within_the_target(target, known):
    assert FRONTIER.best_known(target) == known


def test_regret_is_best_known_less_accuracy():
    record, repeat = compared(result(25.0, 0.74), result(40.0, 0.81), result(5.0, None))
    assert record.frontier == FrontierVersion(version=3, sha256="f" * 64)
    assert record.seed == 0
    assert [one.best_known for one in repeat.results] == [0.75, 0.80, None]
    assert repeat.results[0].regret == pytest.approx(0.01)
    assert repeat.results[1].regret == pytest.approx(-0.01)
    assert repeat.results[2].regret is None
    number, most = beaten(record)
    assert (number, most) == (1, pytest.approx(0.01))


def test_without_a_frontier_every_value_is_none():
    record, repeat = compared(result(25.0, 0.74), frontier=None)
    assert record.frontier is repeat.hypervolume_ratio is None
    for key in ("best_known", "regret", "evaluations_within", "seconds_within"):
        assert getattr(repeat.results[0], key) is None
    assert beaten(record) == (0, 0.0)


CURVE = ((0, 10, 9, 0.60), (3, 40, 30, 0.7489), (5, 60, 45, 0.7491), (9, 90, 70, 0.75))


def test_evaluations_within_are_those_of_the_first_close_point():
    assert evaluations_within(CURVE, 0.75) == 60
    assert evaluations_within(CURVE, 0.7499) == 40
    assert evaluations_within(CURVE, 0.80) is None
    assert evaluations_within((), 0.75) is None


def test_seconds_within_are_in_proportion_to_evaluations():
    one = compared(result(25.0, 0.75, curve=CURVE))[1].results[0]
    assert (one.evaluations_within, one.seconds_within) == (60, pytest.approx(2.0 * 60 / 100))
    # One search for 4 targets: 400 evaluations and 8 seconds in all, of which each has a quarter.
    shared = compared(result(25.0, 0.75, curve=((0, 50, 50, 0.6), (2, 300, 250, 0.75)), shared=4))[1].results[0]
    assert (shared.evaluations_within, shared.seconds_within) == (300, pytest.approx(8.0 * 300 / 400))
    never = compared(result(40.0, 0.76, curve=CURVE))[1].results[0]
    assert never.evaluations_within is never.seconds_within is None


def test_hypervolume_is_the_area_that_points_dominate():
    # Reference (44, 0.70): (20, 0.75) has 24 x 0.05, (40, 0.80) adds 4 x 0.05.
    assert hypervolume([(40.0, 0.80), (20.0, 0.75)], 44.0, 0.70) == pytest.approx(24 * 0.05 + 4 * 0.05)
    assert hypervolume([(20.0, 0.75), (30.0, 0.74), (50.0, 0.9), (10.0, 0.7)], 44.0, 0.70) == pytest.approx(24 * 0.05)
    assert hypervolume([], 44.0, 0.70) == 0


def test_hypervolume_ratio_is_by_the_best_known_at_the_same_targets():
    found = [result(25.0, 0.74, 22.0), result(40.0, 0.78, 39.0), result(5.0, None)]
    # Reference (1.1 x 40, 0.70): found (22, 0.74) and (39, 0.78), best known (20, 0.75) and (40, 0.80).
    wanted = (22 * 0.04 + 5 * 0.04) / (24 * 0.05 + 4 * 0.05)
    assert hypervolume_ratio(found, FRONTIER) == pytest.approx(wanted)
    assert compared(*found)[1].hypervolume_ratio == pytest.approx(wanted)
    assert hypervolume_ratio([result(5.0, None)], FRONTIER) is None
    # (40, 0.80) is within the reference of 1.1 x 38, but not within a target that is met.
    few = [result(38.0, 0.74, 22.0), result(5.0, None)]
    assert hypervolume_ratio(few, FRONTIER) == pytest.approx((41.8 - 22) * 0.04 / ((41.8 - 20) * 0.05))
    assert hypervolume_ratio([result(12.0, 0.70, 10.0)], FRONTIER) is None
