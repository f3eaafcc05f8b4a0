import hashlib
import json

import numpy as np
import pytest
from make_proxyless import TREATMENT, at_sizes, fit, last_block, scores
from published_proxyless import published_proxyless

from ofa_bench.errors import InputError
from ofa_bench.predictors import OneHotMLP, SubspacePredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.predictors.transfer import transferred_layers
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.testing import check_predictor

SPACE, SOURCE = ProxylessNASSpace(), MobileNetV3Space()
CARD = json.loads((FOLDER / "proxyless.json").read_text())
TRANSFER = CARD["transfer"]


@pytest.fixture(scope="module")
def published():
    return published_proxyless()


def by_formula(genes, transfer=TRANSFER):
    f = embedded_predictor(SOURCE).accuracy(genes[:, [SPACE.index[name] for name in SOURCE.gene_names]])
    for gene, effects in transfer["effects"].items():
        f = f + np.array(effects)[genes[:, SPACE.index[gene]]]
    return transfer["intercept"] + transfer["slope"] * f


def test_contract():
    predictor = embedded_predictor(SPACE)
    check_predictor(predictor, SPACE)
    assert isinstance(predictor, OneHotMLP)
    assert predictor.name == "transfer"


def test_it_is_the_line_and_the_effects_of_the_last_block():
    genes = SPACE.sample(2000, np.random.default_rng(0))
    assert np.abs(embedded_predictor(SPACE).accuracy(genes) - by_formula(genes)).max() < 1e-6


def test_any_sign_of_slope_and_effects_is_carried():
    transfer = {"slope": -0.5, "intercept": 0.9, "effects": {"k20": [-0.2, 0.1, 0], "e20": [0.05, -0.3, -0.1]}}
    source, columns = one_hot_columns(SOURCE), one_hot_columns(SPACE)
    layers = transferred_layers(embedded_predictor(SOURCE).layers, source, columns, transfer)
    genes = SPACE.sample(500, np.random.default_rng(1))
    found = OneHotMLP(SPACE, columns, layers, name="test", sha256="").accuracy(genes)
    assert found == pytest.approx(by_formula(genes, transfer), abs=1e-6)


def test_its_hash_covers_the_card_and_the_weights():
    card = {key: value for key, value in CARD.items() if key != "coverage"}  # which changes no prediction
    content = f"{json.dumps(card, indent=1)}\n".encode() + (FOLDER / "mbv3.npz").read_bytes()
    assert embedded_predictor(SPACE).sha256 == hashlib.sha256(content).hexdigest()
    frontier = json.loads((FOLDER.parent / "frontiers/proxyless/cpu_onnx/embedded.json").read_text())
    assert embedded_predictor(SPACE).sha256 == frontier["predictor"]["sha256"], "as records have it"


def test_a_higher_resolution_and_a_wider_last_block_are_better():
    genes = SPACE.sample(2000, np.random.default_rng(2))
    for name in ("r", "e20"):
        values = []
        for choice in range(SPACE.cardinality[SPACE.index[name]]):
            genes[:, SPACE.index[name]] = choice
            values.append(embedded_predictor(SPACE).accuracy(genes))
        assert (np.diff(values, axis=0) > 0).all()


def test_published_networks_are_counted_as_published(published):
    listed = json.loads((FOLDER.parent / "published" / "proxyless.json").read_text())["networks"]
    assert published.pairs == len(listed) == 16
    assert len(published.top1) == 13
    assert len(set(published.blocks)) == 11
    for net in listed:
        assert f"_top1@{net['top1']}_" in net["name"]
        alike = (published.sizes == net["image_size"]) & (np.abs(published.top1 - net["top1"]) <= 0.1)
        alike &= np.abs(published.macs - net["macs"]) < 0.6
        assert (np.abs(published.parameters[alike] - net["parameters"]) < 0.051).sum() == 1


def test_card_tells_the_truth(published):
    source = embedded_predictor(SOURCE)
    assert CARD["predictor_sha256"] == source.sha256, "mbv3 was trained anew: make the card again"
    effects = last_block(source)
    for gene, values in effects.items():
        assert values == pytest.approx(TRANSFER["effects"][gene], abs=2e-6)
    x = at_sizes(source, published, effects, TREATMENT)
    slope, intercept = fit(x, published.top1)
    assert slope == pytest.approx(TRANSFER["slope"], abs=1e-4)
    assert intercept / 100 == pytest.approx(TRANSFER["intercept"], abs=1e-4)
    errors = CARD["errors"]
    baselines = errors["baselines"]
    for values, message in (
        (x, errors["leave_one_out"]),
        (published.log_macs, baselines["log_macs"]),
        (published.log_size, baselines["log_macs_and_log_parameters"]),
    ):
        assert scores(values, published) == pytest.approx(message, abs=2e-3)


def test_networks_of_trained_resolutions_are_predicted_in_use_as_in_the_fit(published):
    genes, known = published.genes.copy(), np.isin(published.sizes, SPACE.genes[0].choices)
    genes[known, 0] = [SPACE.genes[0].choices.index(size) for size in published.sizes[known]]
    x = at_sizes(embedded_predictor(SOURCE), published, TRANSFER["effects"], TREATMENT)[known, 0]
    fitted = TRANSFER["intercept"] + TRANSFER["slope"] * x / 100
    assert known.sum() == 2
    assert embedded_predictor(SPACE).accuracy(genes[known]) == pytest.approx(fitted, abs=1e-6)


@pytest.mark.parametrize("kernels", ["fixed", "elastic"])
def test_a_part_of_a_space_is_judged_by_the_predictor_of_the_whole(kernels):
    part = CompoundSpace(kernels)
    predictor = embedded_predictor(part)
    check_predictor(predictor, part)
    genes = part.sample(500, np.random.default_rng(3))
    assert isinstance(predictor, SubspacePredictor)
    assert (predictor.accuracy(genes) == embedded_predictor(SOURCE).accuracy(part.to_parent(genes))).all()


def test_official_is_refused_and_embedded_named():
    with pytest.raises(
        InputError, match=r"none for space proxyless, which declares no official_predictor; use predictor=embedded"
    ):
        official_predictor(SPACE)


def test_what_there_is_is_listed():
    space = ResNet50DSpace()
    space.name = "other"
    with pytest.raises(InputError, match="space other, only for mbv3, proxyless"):
        embedded_predictor(space)
