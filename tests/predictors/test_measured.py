"""Predictors of measured accuracies: what an ensemble knows of its own errors."""

import hashlib
import json

import numpy as np
import pytest

from ofa_bench import data
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError
from ofa_bench.predictors import EnsemblePredictor, SubspacePredictor, measured_predictor, measured_sources
from ofa_bench.predictors.forms import contrasts, forms_of, pack_forms
from ofa_bench.predictors.measured import FOLDER
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace

SPACE = MobileNetV3Space()
SIZES = SPACE.genes[0].choices
FLOOR = dict(zip(SIZES, (0.005, 0.004, 0.003, 0.002, 0.001), strict=True))
N_FEATURES = int(SPACE.cardinality.sum())


def ensemble(**about):
    """Return an ensemble of three networks and two members, and what its functions give, written in another way."""
    rng = np.random.default_rng(0)
    shapes = [(N_FEATURES, 12), (12, 12), (12, 3)]
    networks = [
        (rng.normal(size=shape).astype(np.float32) / 4, rng.normal(size=shape[1]).astype(np.float32) / 10)
        for shape in shapes
    ]
    forms = rng.normal(size=(3, N_FEATURES, N_FEATURES)).astype(np.float32) / 1000
    shares = np.array([0.7, 0.0, -0.2], np.float32)
    made = EnsemblePredictor(SPACE, networks, forms, shares, factor=2.0, floor=FLOOR, name="toy", sha256="", **about)

    def functions(features):
        values = features
        for weight, bias in networks[:-1]:
            values = np.maximum(values @ weight + bias, 0)
        values = values @ networks[-1][0] + networks[-1][1]
        mean = values.mean(axis=1)
        products = [(features[:, :, None] * features[:, None] * form).sum((1, 2)) for form in forms]
        members = [product + share * mean for product, share in zip(products, shares, strict=True)]
        return np.column_stack([*members, 0.7 * (values - mean[:, None]) / np.sqrt(3)])

    return made, functions


def test_the_uncertainty_is_that_of_the_members_and_the_floor_of_the_size():
    predictor, functions = ensemble()
    genes = SPACE.sample(600, np.random.default_rng(1))
    wanted = functions(predictor.features(genes)[:, :-1].astype(float))
    assert predictor.accuracy(genes) == pytest.approx(wanted[:, 0], abs=1e-5)
    assert predictor.deviations(genes) == pytest.approx(wanted[:, 1:], abs=1e-5)
    floor = np.array([FLOOR[SIZES[place]] for place in genes[:, 0]])
    spread = 2.0 * np.sqrt((wanted[:, 1:] ** 2).sum(axis=1))
    assert predictor.uncertainty(genes) == pytest.approx(np.hypot(spread, floor), rel=1e-4)


def test_a_pessimist_sees_less_where_it_knows_less():
    plain, (low, _) = ensemble()[0], ensemble(pessimism=1.5)
    genes = SPACE.sample(50, np.random.default_rng(1))
    assert low.accuracy(genes) == pytest.approx(plain.accuracy(genes) - 1.5 * plain.uncertainty(genes))
    assert not low.row_wise


def test_gains_are_those_of_the_gradient():
    predictor, functions = ensemble()
    genes = SPACE.canonical(SPACE.sample(20, np.random.default_rng(1)))
    changed = np.repeat(genes[:, None], 3, axis=1)
    for i, name in enumerate(("k0", "e1", "k16")):  # blocks that are always there
        gene = SPACE.index[name]
        changed[:, i, gene] = (changed[:, i, gene] + 1) % 3
    start = predictor.features(genes)[:, :-1].astype(float)
    for i in range(3):
        step = predictor.features(changed[:, i])[:, :-1] - start
        slope = (functions(start + 1e-6 * step)[:, 0] - functions(start - 1e-6 * step)[:, 0]) / 2e-6
        assert predictor.linearised(genes, changed)[:, i] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("space", [SPACE, MobileNetV3Space(1.0), ProxylessNASSpace()], ids=lambda space: space.name)
@pytest.mark.parametrize("kind", ["r", "d", "k", "e"])
def test_gains_by_the_gradient_are_nearly_those_of_the_changes(space, kind):
    """An image size stands in products with itself: of one that is not there, a gradient might know nothing."""
    rng = np.random.default_rng(5)
    for source in (None, *measured_sources(space)):
        predictor = measured_predictor(space, source)
        genes = space.canonical(space.sample(200, rng))
        gained, true = [], []
        for gene in [i for i, name in enumerate(space.gene_names) if name.rstrip("0123456789") == kind]:
            changed = genes.copy()
            changed[:, gene] = (changed[:, gene] + rng.integers(1, space.cardinality[gene], len(genes))) % (
                space.cardinality[gene]
            )
            there = space.active(genes)[:, gene]
            gained.append(predictor.linearised(genes, changed[:, None])[there, 0])
            true.append((predictor.accuracy(changed) - predictor.accuracy(genes))[there])
        error = np.concatenate(gained) - np.concatenate(true)
        assert np.sqrt((error**2).mean() / (np.concatenate(true) ** 2).mean()) < 0.35, source


def test_rows_are_predicted_alike_in_any_batch_if_it_says_so():
    predictor = measured_predictor(SPACE)
    genes = SPACE.sample(300, np.random.default_rng(4))
    alone = np.concatenate([predictor.accuracy(row[None]) for row in genes])
    assert alone == pytest.approx(predictor.accuracy(genes), abs=1e-6)
    if predictor.row_wise:
        assert alone.tobytes() == predictor.accuracy(genes).tobytes()


def test_forms_are_read_as_they_were_written():
    rng = np.random.default_rng(0)
    width = contrasts(SPACE).shape[1]
    square, line, level = rng.normal(size=(2, width, width)), rng.normal(size=(2, 5, width)), rng.normal(size=(2, 5))
    forms, shares = forms_of(SPACE, pack_forms(square, line, level, np.array([0.5, 0.0])))
    genes = SPACE.sample(40, np.random.default_rng(1))
    features = ensemble()[0].features(genes)[:, :-1].astype(float)
    x, size = features @ contrasts(SPACE), genes[:, 0]
    wanted = [(x @ square[i] * x).sum(1) + (line[i][size] * x).sum(1) + level[i][size] for i in range(2)]
    found = [((features @ form) * features).sum(axis=1) for form in forms]
    assert np.array(found) == pytest.approx(np.array(wanted) / 100, abs=2e-3)
    assert shares.tolist() == [0.5, 0.0]
    with pytest.raises(UnreadableError, match="it is no file of quadratic forms"):
        forms_of(SPACE, b"nothing")


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
    with pytest.raises(
        InputError,
        match=r"there is none for space resnet50d, only for accel_nasbench, mbv3, mbv3_w1.0, proxyless; choose another",
    ):
        measured_predictor(ResNet50DSpace())
    with pytest.raises(
        InputError, match=r"predictor.source=autobuilt: must be null or one of .*did you mean 'autobuild'"
    ):
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
    card = json.loads((FOLDER / f"{space.name}.json").read_bytes())
    for path, sha256 in card["files_sha256"].items():
        assert hashlib.sha256((FOLDER / path).read_bytes()).hexdigest() == sha256
    for path, sha256 in card["data_sha256"].items():
        assert hashlib.sha256((data.FOLDER / path).read_bytes()).hexdigest() == sha256, "run the tool anew"
    for about in (card["all"], *card["by_source"].values()):
        held = about["held_out"]
        few = held["n"] < 10
        assert few or 0.6 < held["within_deviations"]["1"] < 0.75
        assert few or 0.93 < held["within_deviations"]["1.96"] < 0.98
