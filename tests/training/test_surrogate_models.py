"""The models of ``strategy=surrogate``: the Gaussian process, the ridge regression and the network."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from ofa_bench.errors import InputError
from ofa_bench.predictors import ProcessPredictor, SurrogateProcess
from ofa_bench.spaces import CompoundSpace
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.testing import ToyPredictor, check_predictor
from ofa_bench.training.models import NetworkModel, fit_linear

SPACE = CompoundSpace()
EVERY = np.concatenate(list(architectures(SPACE, 2000)))
TRUTH = ToyPredictor(SPACE, seed=3).accuracy(EVERY)
ORDER = np.random.default_rng(0).permutation(len(EVERY))
SHOWN, HIDDEN = ORDER[:300], ORDER[300:]


def process(labels, places=SHOWN, kind=SurrogateProcess):
    return kind(SPACE, EVERY[places], labels, name="own")


def test_every_model_keeps_the_contract_of_predictors():
    check_predictor(process(TRUTH[SHOWN]), SPACE)
    given = {"genes": EVERY[SHOWN], "accuracy": TRUTH[SHOWN], "name": "own"}
    for model in (fit_linear(SPACE, **given), NetworkModel((8,), epochs=2)(SPACE, **given)):
        model.sha256 = "0" * 64  # which no record has
        check_predictor(model, SPACE)


def test_the_process_interpolates_exact_labels_and_is_sure_of_them():
    few = SHOWN[:40]
    model = process(TRUTH[few], few)
    assert np.sqrt(((model.accuracy(EVERY[few]) - TRUTH[few]) ** 2).mean()) < 0.02 * TRUTH.std()
    apart, spread = model.accuracy(EVERY[HIDDEN]) - TRUTH[HIDDEN], model.uncertainty(EVERY[HIDDEN])
    assert np.sqrt((apart**2).mean()) < 0.1 * TRUTH.std()
    assert model.uncertainty(EVERY[few]).max() < 0.6 * spread.mean()
    assert 0.25 < np.sqrt(((apart / spread) ** 2).mean()) < 2  # neither timid nor overconfident


@pytest.mark.parametrize("noise", [0.002, 0.02])
def test_the_process_estimates_the_noise_and_its_uncertainty_has_none_of_it(noise):
    labels = TRUTH[SHOWN] + noise * np.random.default_rng(1).normal(size=len(SHOWN))
    model = process(labels)
    with_noise, without = model._deviation(EVERY[HIDDEN], model._noise), model.uncertainty(EVERY[HIDDEN])
    assert np.sqrt(with_noise**2 - without**2).mean() == pytest.approx(noise, rel=0.5)
    apart = model.accuracy(EVERY[HIDDEN]) - TRUTH[HIDDEN]
    assert np.sqrt((apart**2).mean()) < noise  # an average of labels
    assert 0.5 < np.sqrt(((apart / without) ** 2).mean()) < 2


def test_a_label_that_was_measured_often_is_known_better():
    noise = 0.03 * np.random.default_rng(1).normal(size=len(SHOWN) + 30)
    often = np.concatenate([SHOWN, np.full(30, SHOWN[0])])
    model = process(TRUTH[often] + noise, often)
    assert model.uncertainty(EVERY[SHOWN[:1]])[0] < 0.8 * model.uncertainty(EVERY[SHOWN[1:]]).mean()


def test_the_process_takes_an_accuracy_of_1_and_no_equal_labels():
    labels = TRUTH[SHOWN] - TRUTH[SHOWN].max() + 1
    known = np.minimum(labels, 1 - np.median(1 - labels) / 10)  # smaller errors count as a tenth of the median
    assert np.abs(process(labels).accuracy(EVERY[SHOWN]) - known).mean() < 0.03 * labels.std()
    assert process(labels + 0.01).accuracy(EVERY).max() < 1.01  # measured with noise
    with pytest.raises(InputError, match=r"predictor own: labels must be below 1"):
        process(labels, kind=ProcessPredictor)
    with pytest.raises(InputError, match=r"predictor own: labels must be .* not all equal"):
        process(np.full(len(SHOWN), 0.7))


def test_the_gradient_of_the_process_is_that_of_its_single_changes():
    model, rng = process(TRUTH[SHOWN]), np.random.default_rng(0)
    genes = EVERY[HIDDEN[:20]]
    changed = np.repeat(genes[:, None], 3, axis=1)
    for i in range(3):
        changed[:, i, i] = (changed[:, i, i] + 1 + rng.integers(2)) % 3
    exact = np.array([model.accuracy(some) for some in changed]) - model.accuracy(genes)[:, None]
    assert model.linearised(genes, changed) == pytest.approx(exact, abs=1e-6)


def test_the_ridge_regression_ranks_by_single_choices():
    model = fit_linear(SPACE, EVERY[SHOWN[:60]], TRUTH[SHOWN[:60]], name="own")
    assert spearmanr(model.accuracy(EVERY[HIDDEN]), TRUTH[HIDDEN])[0] > 0.97
    assert model.uncertainty(EVERY) is None
    assert model.name == "own"


def test_the_network_learns_from_few_hundred_labels_and_the_same_again():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one, other = (
            NetworkModel((64, 64), epochs=40, batch=64, weight_decay=1e-4)(
                SPACE, EVERY[SHOWN], TRUTH[SHOWN], name="own"
            )
            for _ in range(2)
        )
    finally:
        torch.set_num_threads(threads)
    predicted = one.accuracy(EVERY[HIDDEN])
    assert spearmanr(predicted, TRUTH[HIDDEN])[0] > 0.97
    assert np.sqrt(((predicted - TRUTH[HIDDEN]) ** 2).mean()) < 0.3 * TRUTH.std()
    assert (other.accuracy(EVERY) == one.accuracy(EVERY)).all()
    assert one.uncertainty(EVERY) is None


def test_the_covariance_has_the_variances_and_falls_with_distance():
    model = process(TRUTH[SHOWN])
    rows = EVERY[HIDDEN[:30]]
    covariance = model.covariance(rows)
    assert covariance == pytest.approx(covariance.T, abs=1e-9)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(model.uncertainty(rows))
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    apart = (rows[:, None] != rows).sum(axis=2)
    scaled = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert scaled[apart == 1].mean() > scaled[apart == apart.max()].mean() + 0.1


def test_the_covariance_foretells_what_one_more_measurement_teaches():
    """Conditioned on one more exact label, the process has the deviations of one that is fitted to it too."""
    few, more, rest = SHOWN[:40], SHOWN[40], HIDDEN[:50]
    before = process(TRUTH[few], few)
    joint = before.covariance(EVERY[[more, *rest]])
    shrunk = np.diag(joint)[1:] - joint[0, 1:] ** 2 / (joint[0, 0] + before.noise**2)
    after = process(TRUTH[[*few, more]], np.array([*few, more])).uncertainty(EVERY[rest])
    assert np.corrcoef(np.sqrt(shrunk), after)[0, 1] > 0.95
