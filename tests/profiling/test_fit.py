import numpy as np
import pytest

from ofa_bench.devices.cost import Term
from ofa_bench.profiling.fit import calibrate, calibrate_terms, compute_errors, compute_guard_band, summarise

RNG = np.random.default_rng


def test_the_requested_statistic_is_used_and_the_repeatability_of_all_is_reported():
    rng = RNG(0)
    true = rng.uniform(1, 5, size=(200, 1, 1))
    steady = true * rng.normal(1, 0.01, size=(200, 20, 3))
    disturbed = steady * np.where(rng.random(steady.shape) < 0.45, rng.uniform(1, 4, size=steady.shape), 1)
    value, repeats = summarise(disturbed, "p10")  # often held up: the median wanders, the fast runs do not
    assert value.tolist() == np.percentile(disturbed, 10, axis=(1, 2)).tolist()
    assert np.abs(value / true[:, 0, 0] - 1).mean() < 0.03
    assert repeats["p10"] < repeats["median"] < repeats["p90"]
    assert summarise(disturbed, "median")[0].tolist() == np.median(disturbed, axis=(1, 2)).tolist()
    assert summarise(disturbed, "p90")[0].tolist() == np.percentile(disturbed, 90, axis=(1, 2)).tolist()
    lucky = steady * np.where(rng.random(steady.shape) < 0.1, rng.uniform(0.3, 1, size=steady.shape), 1)
    _, repeats = summarise(lucky, "median")
    assert repeats["median"] < repeats["p10"]


def case(intercept, factor, noise=0.0):
    """Networks at two resolutions: the sum of pieces, what is measured, the resolution."""
    predicted = np.tile(np.linspace(10, 40, 8), 2)
    resolution = np.repeat([0, 1], 8)
    measured = np.take(intercept, resolution) + np.take(factor, resolution) * predicted
    return predicted, measured * RNG(1).normal(1, noise, size=16), resolution


def test_one_factor_a_resolution():
    calibration, form, _ = calibrate(*case([0, 0], [1.1, 1.3], noise=0.01), np.ones(2))
    assert form == "factor"
    assert calibration[:, 0].tolist() == [0, 0]
    assert calibration[:, 1] == pytest.approx([1.1, 1.3], rel=0.01)


def test_an_intercept_where_it_lowers_the_leave_one_out_error():
    predicted, measured, resolution = case([4.0, 6.0], [1.1, 1.2])
    calibration, form, left_out = calibrate(predicted, measured, resolution, np.ones(2))
    assert form == "affine"
    assert calibration == pytest.approx(np.array([[4.0, 1.1], [6.0, 1.2]]), rel=1e-6)
    assert left_out["affine"] == pytest.approx(measured, rel=1e-6)
    rest = np.arange(1, 8)  # the first network, by the factor of the seven others of its resolution
    ratio = predicted[rest] / measured[rest]
    assert left_out["factor"][0] == pytest.approx(predicted[0] * ratio.sum() / (ratio**2).sum())


def test_no_intercept_that_would_make_a_piece_negative():
    assert calibrate(*case([-4.0, -4.0], [1.2, 1.2]), np.ones(2))[1] == "factor"
    assert calibrate(*case([-4.0, -4.0], [1.2, 1.2]), np.full(2, 5.0))[1] == "affine"


def test_one_in_twenty_is_slower_than_the_guard_band():
    rng = RNG(2)
    predicted = rng.uniform(5, 50, size=2000)
    measured = predicted * rng.normal(1.03, 0.02, size=2000)  # the table promises too much
    band = compute_guard_band(predicted, measured)
    assert (measured > band * predicted).mean() == pytest.approx(0.05, abs=0.002)
    assert compute_guard_band(predicted, 0.5 * predicted) == 1


def test_calibration_goes_to_the_terms():
    raw = [Term((("r",),), np.array([1.0, 2.0])), Term((("r", "k0"), ("r", "k1")), np.ones((2, 3)))]
    stem, blocks = calibrate_terms(raw, np.array([[0.5, 2.0], [0.0, 3.0]]))
    assert stem.values.tolist() == [2.5, 6.0]
    assert blocks.values.tolist() == [[2.0] * 3, [3.0] * 3]
    assert blocks.places == raw[1].places


def test_errors_are_fractions_of_the_measured():
    measured = np.linspace(10, 20, 21)
    found = compute_errors(measured * 1.02, measured)
    assert found["mean_error"] == found["max_error"] == found["p95_error"] == found["bias"] == 0.02
    assert found["rank_correlation"] == 1
    assert compute_errors(measured[::-1], measured)["rank_correlation"] == -1
    assert compute_errors(measured, measured)["r2"] == 1
