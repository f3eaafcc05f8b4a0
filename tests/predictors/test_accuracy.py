import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from ofa_bench.errors import InputError
from ofa_bench.ofa_package import import_ofa, ofa_accuracy_predictor
from ofa_bench.predictors import OneHotMLP, embedded_predictor, official_predictor
from ofa_bench.predictors.assets import ASSETS, asset_path
from ofa_bench.predictors.embedded import FOLDER, one_hot_columns
from ofa_bench.spaces import MobileNetV3Space, ResNet50DSpace
from ofa_bench.spaces.resnet50d import RESOLUTIONS
from ofa_bench.testing import check_predictor

SPACE, RESNET = MobileNetV3Space(), ResNet50DSpace()


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
    space = MobileNetV3Space()
    space.name = "other"
    with pytest.raises(InputError, match="space other, only for mbv3"):
        make(space)
