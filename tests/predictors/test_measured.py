"""Predictors of measured accuracies: what an ensemble knows of its own errors."""

import hashlib

import numpy as np
import pytest

from ofa_bench import data
from ofa_bench.errors import InputError
from ofa_bench.predictors import EnsemblePredictor, SubspacePredictor, measured_predictor, measured_sources
from ofa_bench.predictors.measured import MEASURED
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace

SPACE = MobileNetV3Space()
SIZES = SPACE.genes[0].choices
FLOOR = dict(zip(SIZES, (0.005, 0.004, 0.003, 0.002, 0.001), strict=True))


def ensemble(**about):
    rng = np.random.default_rng(0)
    shapes = [(int(SPACE.cardinality.sum()), 16), (16, 16), (16, 4)]
    layers = [
        (rng.normal(size=shape).astype(np.float32) / 4, rng.normal(size=shape[1]).astype(np.float32) / 10)
        for shape in shapes
    ]
    return EnsemblePredictor(SPACE, layers, factor=2.0, floor=FLOOR, name="toy", sha256="toy", **about), layers


def outputs(layers, predictor, genes):
    values = predictor.features(genes)[:, :-1].astype(float)
    for weight, bias in layers[:-1]:
        values = np.maximum(values @ weight + bias, 0)
    return values @ layers[-1][0] + layers[-1][1]


def test_the_uncertainty_is_that_of_the_members_and_the_floor_of_the_size():
    predictor, layers = ensemble()
    genes = SPACE.sample(50, np.random.default_rng(1))
    wanted = outputs(layers, predictor, genes)
    assert predictor.accuracy(genes) == pytest.approx(wanted[:, 0], abs=1e-5)
    assert predictor.deviations(genes) == pytest.approx(wanted[:, 1:], abs=1e-5)
    floor = np.array([FLOOR[SIZES[place]] for place in genes[:, 0]])
    spread = 2.0 * np.sqrt((wanted[:, 1:] ** 2).mean(axis=1))
    assert predictor.uncertainty(genes) == pytest.approx(np.hypot(spread, floor), rel=1e-4)


def test_a_pessimist_sees_less_where_it_knows_less():
    plain, (low, _) = ensemble()[0], ensemble(pessimism=1.5)
    genes = SPACE.sample(50, np.random.default_rng(1))
    assert low.accuracy(genes) == pytest.approx(plain.accuracy(genes) - 1.5 * plain.uncertainty(genes))
    assert plain.row_wise or not low.row_wise
    assert not low.row_wise


@pytest.mark.parametrize("pessimism", [0.0, 1.5])
def test_gains_are_the_gradient_of_what_a_search_sees(pessimism):
    predictor, layers = ensemble(pessimism=pessimism)
    genes = SPACE.canonical(SPACE.sample(20, np.random.default_rng(1)))
    changed = np.repeat(genes[:, None], 3, axis=1)
    for i, name in enumerate(("k0", "e1", "k16")):  # blocks that are always there
        gene = SPACE.index[name]
        changed[:, i, gene] = (changed[:, i, gene] + 1) % 3

    def seen(features):
        values = features
        for weight, bias in layers[:-1]:
            values = np.maximum(values @ weight + bias, 0)
        found = values @ layers[-1][0] + layers[-1][1]
        floor = features[:, : len(SIZES)] @ np.array(list(FLOOR.values()))
        return found[:, 0] - pessimism * np.sqrt(4.0 * (found[:, 1:] ** 2).mean(axis=1) + floor**2)

    start = predictor.features(genes)[:, :-1].astype(float)
    for i in range(3):
        step = predictor.features(changed[:, i])[:, :-1] - start
        slope = (seen(start + 1e-6 * step) - seen(start - 1e-6 * step)) / 2e-6
        assert predictor.linearised(genes, changed)[:, i] == pytest.approx(slope, abs=2e-3, rel=2e-3)


@pytest.mark.parametrize(
    ("space", "sources"),
    [
        (SPACE, ("autobuild", "ofa_w1.0")),
        (MobileNetV3Space(1.0), ("ofa_w1.0", "autobuild")),
        (ProxylessNASSpace(), ("autobuild",)),
        (CompoundSpace(), ("autobuild", "ofa_w1.0")),
        (ResNet50DSpace(), ()),
    ],
    ids=lambda value: getattr(value, "name", len(value) if isinstance(value, tuple) else None),
)
def test_each_source_has_a_predictor_that_shares_no_label_with_the_others(space, sources):
    assert measured_sources(space) == sources
    genes = space.sample(100, np.random.default_rng(2))
    alone = {source: measured_predictor(space, source) for source in sources}
    assert [one.sources for one in alone.values()] == [(source,) for source in sources]
    for one in alone.values():
        assert (one.uncertainty(genes) > 0).all()
        assert (np.abs(100 * one.accuracy(genes) - 75) < 8).all()
    if sources and space.name != "mbv3_w1.0":
        assert set(sources) <= set(measured_predictor(space).sources)


def test_what_is_not_there_is_refused_in_words():
    with pytest.raises(InputError, match=r"there is none for space resnet50d, only for mbv3, mbv3_w1.0, proxyless"):
        measured_predictor(ResNet50DSpace())
    with pytest.raises(InputError, match=r"predictor.source=autobuilt: must be null or one of .*autobuild\?"):
        measured_predictor(SPACE, "autobuilt")
    for wrong in (-1, True, "1", float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"predictor.pessimism="):
            measured_predictor(SPACE, pessimism=wrong)


def test_a_subspace_asks_its_parent_and_pessimism_is_another_predictor():
    space = CompoundSpace()
    predictor, low = measured_predictor(space), measured_predictor(space, pessimism=1)
    assert isinstance(predictor, SubspacePredictor)
    genes = space.sample(10, np.random.default_rng(3))
    whole = measured_predictor(SPACE)
    assert (predictor.uncertainty(genes) == whole.uncertainty(space.to_parent(genes))).all()
    assert (low.accuracy(genes) < predictor.accuracy(genes)).all()
    assert low.sha256 != predictor.sha256 == whole.sha256


@pytest.mark.parametrize("space", [SPACE, MobileNetV3Space(1.0)], ids=lambda space: space.name)
def test_measured_rows_are_met_within_what_the_card_says(space):
    rows = data.measured(space.name)
    rows = rows[rows["resolution"] == 224]
    genes = np.array([space.from_ofa(architecture) for architecture in rows["architecture"]])
    predictor = measured_predictor(space)
    error = rows["top1"].to_numpy() - 100 * predictor.accuracy(genes)
    assert np.sqrt((error**2).mean()) < 0.05, "it has seen these rows; on others the card says 0.05"
    assert (np.abs(error) <= 196 * predictor.uncertainty(genes)).mean() > 0.9


@pytest.mark.parametrize("space", [SPACE, MobileNetV3Space(1.0), ProxylessNASSpace()], ids=lambda space: space.name)
def test_the_card_is_of_these_weights_and_of_these_rows(space):
    import json

    card = json.loads((MEASURED / f"{space.name}.json").read_bytes())
    for path, sha256 in card["files_sha256"].items():
        assert hashlib.sha256((MEASURED / path).read_bytes()).hexdigest() == sha256
    for path, sha256 in card["data_sha256"].items():
        assert hashlib.sha256((data.FOLDER / path).read_bytes()).hexdigest() == sha256, "run the tool anew"
    for about in (card["all"], *card["by_source"].values()):
        held = about["held_out"]
        assert 0.6 < held["within_deviations"]["1"] < 0.8
        assert 0.9 < held["within_deviations"]["1.96"] <= 1
