import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from ofa_bench.errors import InputError
from ofa_bench.predictors import (
    AccuracyPredictor,
    OneHotMLP,
    SubspacePredictor,
    accuracy,
    embedded_predictor,
    official_predictor,
)
from ofa_bench.predictors.assets import ASSETS, asset_path
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.spaces.mobile import MobileSpace
from ofa_bench.spaces.resnet50d import RESOLUTIONS
from ofa_bench.supernets.ofa_package import import_ofa, ofa_accuracy_predictor
from ofa_bench.testing import check_predictor

SPACE, RESNET = MobileNetV3Space(), ResNet50DSpace()
SPACES = [SPACE, RESNET, ProxylessNASSpace()]


def random_layers(*sizes):
    rng = np.random.default_rng(0)
    return [
        (rng.normal(size=(a, b)).astype(np.float32), rng.normal(size=b).astype(np.float32)) for a, b in pairwise(sizes)
    ]


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("space", [SPACE, RESNET], ids=lambda space: space.name)
def test_official_contract(space):
    check_predictor(official_predictor(space), space)


@pytest.mark.usefixtures("assets")
def test_official_equals_ofa():
    theirs = ofa_accuracy_predictor(asset_path("ofa/acc_predictor.pth"))
    genes = SPACE.sample(3000, np.random.default_rng(7))
    wanted = theirs.predict_accuracy([SPACE.to_ofa(row) for row in genes]).numpy()[:, 0]
    assert np.abs(official_predictor(SPACE).accuracy(genes) - wanted).max() < 1e-6


@pytest.mark.usefixtures("assets")
def test_official_of_resnet50d_equals_ofa():
    """The stem's two equal widths are two features to OFA's predictor; ours judges the network by the first."""
    package = import_ofa("ofa.nas.accuracy_predictor")
    encoder = package.ResNetArchEncoder(image_size_list=list(RESOLUTIONS))
    theirs = package.AccuracyPredictor(encoder, device="cpu")
    state = torch.load(asset_path("ofa/ofa_resnet50_acc_predictor.pth"), map_location="cpu", weights_only=True)
    theirs.load_state_dict(state)
    genes = RESNET.sample(3000, np.random.default_rng(7))
    with torch.no_grad():
        merged, apart = (
            theirs.predict_acc([RESNET.to_ofa(row) for row in rows]).numpy()
            for rows in (RESNET.canonical(genes), genes)
        )
    ours = official_predictor(RESNET).accuracy(genes)
    assert np.abs(ours - merged).max() < 1e-6
    assert 1e-6 < np.abs(ours - apart).max() < 1e-4


@pytest.mark.usefixtures("assets")
def test_official_is_known_by_its_hash():
    predictor = official_predictor(SPACE)
    assert predictor.name == "official"
    assert predictor.sha256 == ASSETS["ofa/acc_predictor.pth"]


@pytest.mark.parametrize("space", [SPACE, RESNET], ids=lambda space: space.name)
def test_embedded_contract(space):
    check_predictor(embedded_predictor(space), space)


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("space", [SPACE, RESNET], ids=lambda space: space.name)
def test_embedded_card_tells_the_truth(space):
    card = json.loads((FOLDER / f"{space.name}.json").read_text())
    genes = space.sample(20_000, np.random.default_rng(8))
    off = 100 * (embedded_predictor(space).accuracy(genes) - official_predictor(space).accuracy(genes))
    assert np.sqrt(np.mean(off**2)) == pytest.approx(card["errors"]["uniform_samples"]["rmse"], rel=0.05, abs=1e-4)
    assert card["teacher"]["sha256"] == official_predictor(space).sha256
    assert all(search["mean_loss"] <= 0.10 for search in card["errors"]["searches"].values())


def test_one_hot_features_are_zero_where_inactive():
    predictor = OneHotMLP(SPACE, one_hot_columns(SPACE), random_layers(140, 4, 1), name="random", sha256="")
    genes = SPACE.sample(200, np.random.default_rng(9))
    features = predictor.features(genes)[:, :-1]
    assert (features.sum(axis=1) == SPACE.active(genes).sum(axis=1)).all()
    assert set(np.unique(features)) == {0, 1}
    resolution = features[:, :5].argmax(axis=1)
    assert (resolution == genes[:, 0]).all()


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_features_are_one_of_each_active_gene(space):
    columns = one_hot_columns(space)
    predictor = OneHotMLP(space, columns, random_layers(int(space.cardinality.sum()), 4, 1), name="random", sha256="")
    genes = space.sample(300, np.random.default_rng(9))
    given, active, canonical = genes.copy(), space.active(genes), space.canonical(genes)
    wanted = np.zeros((300, predictor.n_features + 1), np.float32)
    for row, i in zip(*np.nonzero(active), strict=True):
        wanted[row, columns[space.gene_names[i]][canonical[row, i]]] = 1
    for rows in (genes, np.asfortranarray(genes)):
        features = predictor.features(rows)
        assert features.dtype == np.float32
        assert (features == wanted).all()
        assert (genes == given).all(), "the caller's architectures are changed"


def test_choices_may_share_a_feature_but_genes_may_not():
    columns, layers = one_hot_columns(SPACE), random_layers(142, 4, 1)
    predictor = OneHotMLP(SPACE, columns | {"k3": [140, 141, 140]}, layers, name="random", sha256="")
    genes = SPACE.sample(200, np.random.default_rng(9))
    genes[:, SPACE.index["d0"]] = 2
    assert (predictor.features(genes)[:, 140] == (genes[:, SPACE.index["k3"]] != 1)).all()
    with pytest.raises(InputError, match=r"gene k3 has a feature of another gene, of \[140, 141, 27\]"):
        OneHotMLP(SPACE, columns | {"k3": [140, 141, columns["k2"][1]]}, layers, name="random", sha256="")


def test_one_hot_mlp_computes_a_perceptron():
    layers = random_layers(140, 8, 3, 1)
    predictor = OneHotMLP(SPACE, one_hot_columns(SPACE), layers, name="random", sha256="")
    genes = SPACE.sample(50, np.random.default_rng(10))
    hidden = predictor.features(genes)[:, :-1].astype(np.float64)
    for weight, bias in layers[:-1]:
        hidden = np.maximum(hidden @ weight + bias, 0)
    wanted = (hidden @ layers[-1][0] + layers[-1][1])[:, 0]
    assert predictor.accuracy(genes) == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("sizes", [(100, 4, 1), (140, 4, 2)])
def test_layers_of_the_wrong_width_are_refused(sizes):
    with pytest.raises(InputError, match="do not take the features"):
        OneHotMLP(SPACE, one_hot_columns(SPACE), random_layers(*sizes), name="random", sha256="")


@pytest.mark.parametrize("make", [official_predictor, embedded_predictor])
def test_space_without_a_predictor_is_refused(make):
    with pytest.raises(InputError, match="none for space other, "):
        make(MobileSpace("other", last_blocks=0, width=1.2))


@pytest.fixture(
    params=["official mbv3", "official resnet50d", *(f"embedded {space.name}" for space in SPACES), "random resnet50d"]
)
def predictor(request):
    kind, name = request.param.split()
    if kind == "random":  # of widths that are no multiple of 16
        return OneHotMLP(RESNET, one_hot_columns(RESNET), random_layers(94, 39, 36, 1), name="random", sha256="")
    space = next(space for space in SPACES if space.name == name)
    if kind == "official":
        request.getfixturevalue("assets")
    return (official_predictor if kind == "official" else embedded_predictor)(space)


def in_pieces(predictor, genes, size):
    pieces = [predictor.accuracy(genes[i : i + size]) for i in range(0, len(genes), size)]
    return np.concatenate(pieces).tobytes()


def products_are_row_wise():
    """Whether products of two rows or more, into multiples of 16 columns, do not depend on the batch here."""
    rng = np.random.default_rng(13)
    rows, weight = (rng.normal(size=size).astype(np.float32) for size in ((512, 128), (128, 128)))
    return all((rows[:n] @ weight == (rows @ weight)[:n]).all() for n in (*range(2, 20), 100, 301))


def test_a_row_is_predicted_the_same_in_any_batch(predictor, monkeypatch):
    if not products_are_row_wise():
        assert not predictor.row_wise
        pytest.skip("this machine's matrix products depend on the batch, as row_wise says")
    assert predictor.row_wise
    rng = np.random.default_rng(12)
    genes = predictor.space.sample(1100, rng)
    few, alone = genes[:100], in_pieces(predictor, genes, 1)
    for size in range(2, 50):
        assert alone.startswith(in_pieces(predictor, few, size)), size
    for size in (64, 99, 127, 128, 129, 255, 300, 383, 500, 511, 512, 513, 1000, 1024, 1100):
        assert in_pieces(predictor, genes, size) == alone, size
    order = rng.permutation(len(genes))
    assert predictor.accuracy(genes[order])[np.argsort(order)].tobytes() == alone
    for chunk in (7, 100, 2000):
        monkeypatch.setattr(accuracy, "_CHUNK", chunk)
        assert predictor.accuracy(genes).tobytes() == alone, chunk


def test_each_of_several_batches_is_predicted_as_by_itself(predictor):
    batches = np.split(predictor.space.sample(700, np.random.default_rng(5)), [1, 1, 24, 25, 60, 100, 101])
    for some in (batches[:-1], batches[:1], batches):  # of these, the last has more rows than are predicted at once
        values = predictor.accuracy_of_each(some)
        assert [one.tobytes() for one in values] == [predictor.accuracy(rows).tobytes() for rows in some]


def test_no_row_is_left_as_memory_was_found(predictor, monkeypatch):
    """Adding to a signalling NaN is an invalid operation, of which NumPy warns."""
    genes, made = predictor.space.sample(3, np.random.default_rng(6)), np.empty

    def poisoned(shape, dtype=np.float64):
        if dtype is np.float32:
            return np.full(shape, 0x7F800001, np.uint32).view(np.float32)
        return made(shape, dtype)

    monkeypatch.setattr(np, "empty", poisoned)
    with np.errstate(invalid="raise"):
        for batches in ([genes[:1]], [genes[:0], genes[:1]], [genes[:1], genes[1:2]], [genes[:2], genes[2:]], [genes]):
            assert all(np.isfinite(values).all() for values in predictor.accuracy_of_each(batches))


def test_a_sub_class_with_its_own_accuracy_predicts_each_batch_by_it():
    class Lower(OneHotMLP):
        def accuracy(self, genes):
            return super().accuracy(genes) - 0.25

    space = RESNET
    layers, rows = random_layers(94, 39, 1), space.sample(5, np.random.default_rng(0))
    made = [kind(space, one_hot_columns(space), layers, name="", sha256="") for kind in (OneHotMLP, Lower)]
    plain, lower = (predictor.accuracy_of_each([rows[:2], rows[2:]])[1] for predictor in made)
    assert (plain - 0.25 == lower).all()


def last_bit_up(values):
    return np.nextafter(values, np.float32(np.inf), dtype=np.float32)


@pytest.mark.parametrize("stage", ["_hidden", "_output"])
@pytest.mark.parametrize(
    "astray",
    [
        lambda n, i: n == 1,
        lambda n, i: n < 4,
        lambda n, i: i >= n - n % 4,
        lambda n, i: i % 12 >= 6,
        lambda n, i: n > 300,
        lambda n, i: i == n - 1,
    ],
    ids=["alone", "few", "tail of four", "half of twelve", "many", "last"],
)
def test_row_wise_is_false_where_the_last_bit_depends_on_the_batch(stage, astray, monkeypatch):
    predictor = embedded_predictor(RESNET)
    # Products that are the same in any batch, on any machine, so that what is changed here is all that differs.
    monkeypatch.setattr(predictor, "_hidden", lambda genes: np.repeat(predictor.features(genes), 2, axis=1))
    monkeypatch.setattr(predictor, "_output", lambda hidden: hidden[:, 3] + hidden[:, 9])
    assert predictor.row_wise
    del predictor.row_wise
    true = getattr(predictor, stage)

    def some_astray(values):
        result = true(values).copy()
        where = astray(len(values), np.arange(len(values))) & np.ones(len(values), bool)
        result[where] = last_bit_up(result[where])
        return result

    monkeypatch.setattr(predictor, stage, some_astray)
    assert predictor.row_wise is False


def test_a_part_passes_on_what_the_whole_predictor_says():
    class Plain(AccuracyPredictor):
        name, sha256 = "plain", ""

        def accuracy(self, genes):
            return np.ones(len(genes))

    part = CompoundSpace()
    plain, rows = SubspacePredictor(part, Plain()), part.sample(3, np.random.default_rng(0))
    assert (plain.row_wise, plain.pruning, plain.linearised(rows, rows[:, None])) == (False, None, None)
    whole = embedded_predictor(part.parent)
    within = SubspacePredictor(part, whole)
    assert within.pruning == whole.pruning == {"hidden": [256, 256], "kept": [256, 256], "error": 0.0}
    for row_wise in (True, False):
        whole.row_wise = row_wise
        assert within.row_wise is row_wise
