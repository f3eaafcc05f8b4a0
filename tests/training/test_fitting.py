"""Training, which all predictors share: what it learns, and how its files are written."""

import json

import make_members
import numpy as np
import pytest

from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.embedded import FOLDER, embedded_predictor
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import MobileNetV3Space, ResNet50DSpace
from ofa_bench.training.fitting import Student, Training, fit, pack_weights, write_predictor
from ofa_bench.training.ridge import build_ordinal_basis, fit_ridge, join

SPACE = MobileNetV3Space()
SHORT = Training(hidden=(16, 16), epochs=3, batch=64, learning_rate=5e-3, weight_decay=0.1)


def labelled(n=200, seed=0, space=SPACE):
    genes = space.sample(n, np.random.default_rng(seed))
    return genes, embedded_predictor(space).accuracy(genes)


def fitted(seed=0, order=0, training=SHORT):
    return fit(SPACE, *labelled(), training, seed=seed, rng=np.random.default_rng(order))


def same(one, other):
    return all(
        (a == b).all() for pair in zip(one.layers, other.layers, strict=True) for a, b in zip(*pair, strict=True)
    )


def test_the_same_seeds_give_the_same_weights_and_others_do_not():
    once = fitted()
    assert same(once, fitted())
    assert not same(once, fitted(seed=1))
    assert not same(once, fitted(order=1))


def test_more_training_brings_it_nearer_to_its_labels():
    genes, accuracy = labelled()
    longer = Training((32,), 40, 32, 5e-3, 0.0, average=0.95)
    errors = [np.abs(fitted(training=one).accuracy(genes) - accuracy).mean() for one in (SHORT, longer)]
    assert errors[1] < 0.2 * errors[0]


def test_labels_without_spread_are_learned_as_they_are():
    genes, _ = labelled()
    found = fit(SPACE, genes, np.full(len(genes), 0.7), SHORT, seed=0, rng=np.random.default_rng(0))
    assert found.accuracy(genes) == pytest.approx(0.7, abs=0.3)
    assert np.isfinite(found.accuracy(genes)).all()


def test_what_is_kept_is_the_moving_average():
    import torch

    genes, accuracy = labelled()
    student = Student(SPACE, (8,), 0.75, 0.01, 0)
    features, wanted = student.features(genes), student.standardise(accuracy)
    optimizer = torch.optim.SGD(student.net.parameters(), lr=0.1)
    seen = []
    for _ in range(3):
        student.step(optimizer, features, wanted)
        seen.append(student.net[0].weight.detach().numpy().T.copy())
    average = 0.999 * (0.999 * seen[0] + 0.001 * seen[1]) + 0.001 * seen[2]
    assert student.predictor().layers[0][0] == pytest.approx(average, abs=1e-6)


def test_members_are_made_by_the_same_code(monkeypatch, tmp_path):
    """The first steps of a member's training, without OFA's file; whole, it gives the shipped bytes."""
    monkeypatch.setattr(make_members, "official_predictor", embedded_predictor)
    monkeypatch.setattr(make_members, "LABELS", 300)
    monkeypatch.setattr(make_members, "HELD_BACK", 100)
    monkeypatch.setattr(make_members, "MEMBERS", 1)
    monkeypatch.setattr(make_members, "FOLDER", tmp_path)
    monkeypatch.setattr(make_members, "TRAINING", SHORT)
    rng = np.random.default_rng([1, 16])
    genes = SPACE.sample(300, rng)
    wanted = fit(SPACE, genes, embedded_predictor(SPACE).accuracy(genes), SHORT, seed=1, rng=rng)
    make_members.main()
    found = layers_of((tmp_path / "mbv3_1.npz").read_bytes())
    assert found[0][0] == pytest.approx(wanted.layers[0][0], rel=1e-3, abs=1e-6)  # in half precision
    assert (found[-1][0] == wanted.layers[-1][0]).all()
    card = json.loads((tmp_path / "mbv3.json").read_text())
    shipped = json.loads((FOLDER / "members" / "mbv3.json").read_text())
    assert list(card) == list(shipped)
    assert list(card["training"]) == list(shipped["training"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mbv3.json",
        "mbv3_1.npz",
        "resnet50d.json",
        "resnet50d_1.npz",
    ]


def test_weights_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    layers = fitted().layers
    write_predictor(tmp_path, "mbv3", {"mbv3": layers}, {"title": "one"})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before["mbv3.npz"] == pack_weights(layers)
    with pytest.raises(OSError, match=r"a/\.?b"):
        write_predictor(tmp_path, "mbv3", {"mbv3": layers[-1:], "a/b": layers}, {"title": "two"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("space", [SPACE, ResNet50DSpace()], ids=lambda space: space.name)
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_ridge_and_a_share_of_a_network_are_one_network(space, share):
    genes, accuracy = labelled(space=space)
    network = fit(space, genes, accuracy - 0.75, SHORT, seed=0, rng=np.random.default_rng(0))
    features = network.features(genes)[:, :-1]
    ridge = fit_ridge(features, accuracy)
    one = join(space, ridge, network.layers, share)
    others = space.sample(500, np.random.default_rng(1))
    message = ridge.accuracy(network.features(others)[:, :-1]) + share * network.accuracy(others)
    assert one.accuracy(others) == pytest.approx(message, abs=2e-7)
    assert [len(bias) for _, bias in one.layers] == [17, 17, 1]
    if share == 0:
        assert one.pruning["kept"] == [1, 1]


def test_the_ridge_is_the_textbooks():
    rng = np.random.default_rng(3)
    features, accuracy = rng.random((60, 8)), rng.random(60)
    ridge = fit_ridge(features, accuracy)
    centred = features - features.mean(axis=0)
    weight = np.linalg.solve(centred.T @ centred + ridge.penalty * np.eye(8), centred.T @ (accuracy - accuracy.mean()))
    assert ridge.weight == pytest.approx(weight)
    assert ridge.accuracy(features).mean() == pytest.approx(accuracy.mean())


@pytest.mark.parametrize("space", [SPACE, ResNet50DSpace()], ids=lambda space: space.name)
def test_knowing_the_order_of_choices_helps_where_pairs_are_few(space):
    others, truth = labelled(2000, 9, space)
    encoder, errors = Student(space, (4,), 0, 1, 0), np.zeros((3, 2))
    for seed, i in np.ndindex(errors.shape):
        genes, accuracy = labelled(60, seed, space)
        ridge = fit_ridge(encoder.features(genes).numpy(), accuracy, build_ordinal_basis(space) if i else None)
        errors[seed, i] = np.sqrt(np.mean((ridge.accuracy(encoder.features(others).numpy()) - truth) ** 2))
    assert errors[:, 1].mean() < 0.9 * errors[:, 0].mean()


OTHERS, TRUTH = labelled(2000, 9)
ENCODER = Student(SPACE, (4,), 0, 1, 0)


def off(genes, accuracy):
    """Return the penalty that is chosen, and how far off other architectures are, in points (root mean square)."""
    ridge = fit_ridge(ENCODER.features(genes).numpy(), accuracy, build_ordinal_basis(SPACE))
    return ridge.penalty, 100 * np.sqrt(np.mean((ridge.accuracy(ENCODER.features(OTHERS).numpy()) - TRUTH) ** 2))


def noisy(n, seed, noise, times=1):
    """Return architectures that were each measured so many times, with noise, in fractions of 1."""
    genes, accuracy = (one.repeat(times, axis=0) for one in labelled(n, seed))
    return genes, accuracy + noise * np.random.default_rng([seed, 7]).normal(size=len(genes))


@pytest.mark.parametrize("n", [20, 30])
def test_few_noisy_pairs_are_not_learned_by_heart(n):
    found = np.array([off(*noisy(n, seed, 0.02)) for seed in range(8)])
    assert np.median(found[:, 0]) > 1
    assert found[:, 1].mean() < 1.75, "the spread of the accuracies is 1.3 points, and that of the noise 2"


def test_rows_that_are_listed_twice_change_nothing():
    genes, accuracy = noisy(100, 2, 0.005)
    wanted = off(genes, accuracy)
    assert wanted[1] < 0.8
    for times in (2, 5):
        assert off(np.tile(genes, (times, 1)), np.tile(accuracy, times)) == pytest.approx(wanted, rel=1e-6)


def test_measuring_again_helps():
    errors = [[off(*noisy(100, seed, 0.005, times))[1] for times in (1, 4)] for seed in range(4)]
    once, again = np.mean(errors, axis=0)
    assert again < 0.85 * once


def test_an_architecture_counts_as_often_as_it_was_measured():
    genes, accuracy = noisy(150, 3, 0.005)
    times = np.arange(150) % 4 + 1
    features = ENCODER.features(genes).numpy().astype(float)
    ridge = fit_ridge(features.repeat(times, axis=0), accuracy.repeat(times))
    weights, mean = times / times.mean(), accuracy @ times / times.sum()
    centred = features - times @ features / times.sum()
    gram = (centred.T * weights) @ centred + ridge.penalty * np.eye(features.shape[1])
    assert ridge.weight == pytest.approx(np.linalg.solve(gram, (centred.T * weights) @ (accuracy - mean)), abs=1e-9)
    assert ridge.accuracy(features) @ times / times.sum() == pytest.approx(mean)


def test_indistinguishable_values_get_the_mean():
    features = ENCODER.features(SPACE.sample(2, np.random.default_rng(0))).numpy()
    one = fit_ridge(features[[0] * 6], np.linspace(0.7, 0.75, 6))
    assert (one.weight == 0).all()
    assert one.intercept == pytest.approx(0.725)
    two = fit_ridge(features[[0, 0, 1]], np.array([0.70, 0.72, 0.75])).accuracy(features)
    assert 0.71 - 1e-9 <= two[0] < two[1] <= 0.75 + 1e-9


def test_noisy_labels_are_shrunk_more():
    genes, accuracy = labelled()
    features = Student(SPACE, (4,), 0, 1, 0).features(genes).numpy()
    noise = 0.02 * np.random.default_rng(4).normal(size=len(genes))
    assert fit_ridge(features, accuracy + noise).penalty > 3 * fit_ridge(features, accuracy).penalty
    assert len(one_hot_columns(SPACE)) == SPACE.n_genes
