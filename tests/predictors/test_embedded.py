"""Which predictor is embedded in a space: our own network, or where there is none, the measured one."""

import json

import numpy as np
import pytest
from published_proxyless import FILE, published_proxyless

from ofa_bench.errors import InputError
from ofa_bench.predictors import (
    EnsemblePredictor,
    SubspacePredictor,
    embedded_predictor,
    measured_predictor,
    official_predictor,
)
from ofa_bench.records import frontiers
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.testing import check_predictor

PROXYLESS = ProxylessNASSpace()


@pytest.fixture(scope="module")
def published():
    return published_proxyless()


@pytest.mark.parametrize("space", [PROXYLESS, MobileNetV3Space(width=1.0)], ids=lambda space: space.name)
def test_a_space_without_a_network_of_its_own_has_the_measured_ensemble(space):
    embedded, measured = embedded_predictor(space), measured_predictor(space)
    check_predictor(embedded, space)
    assert isinstance(embedded, EnsemblePredictor)
    assert (embedded.name, measured.name) == ("embedded", "measured")
    for about in ("sha256", "sources", "unlabelled"):
        assert getattr(embedded, about) == getattr(measured, about)
    genes = space.sample(500, np.random.default_rng(0))
    assert (embedded.accuracy(genes) == measured.accuracy(genes)).all()
    assert (embedded.uncertainty(genes) == measured.uncertainty(genes)).all()


def test_proxyless_names_the_sources_of_its_labels():
    assert embedded_predictor(PROXYLESS).sources == ("autobuild", "ofa_w1.0")


def test_a_higher_resolution_and_a_wider_last_block_are_better_on_average():
    genes = PROXYLESS.sample(2000, np.random.default_rng(2))
    for name in ("r", "e20"):
        values = []
        for choice in range(PROXYLESS.cardinality[PROXYLESS.index[name]]):
            genes[:, PROXYLESS.index[name]] = choice
            values.append(embedded_predictor(PROXYLESS).accuracy(genes).mean())
        assert (np.diff(values) > 0).all()


def test_the_frontier_of_proxyless_is_by_this_predictor():
    frontier = json.loads((frontiers.FOLDER / "proxyless/cpu_onnx/embedded.json").read_text())
    assert embedded_predictor(PROXYLESS).sha256 == frontier["predictor"]["sha256"]


def test_published_networks_are_counted_as_published(published):
    listed = json.loads(FILE.read_text())["networks"]
    assert published.pairs == len(listed) == 16
    assert len(published.top1) == 13
    assert len(set(published.blocks)) == 11
    for net in listed:
        assert f"_top1@{net['top1']}_" in net["name"]
        alike = (published.sizes == net["image_size"]) & (np.abs(published.top1 - net["top1"]) <= 0.1)
        alike &= np.abs(published.macs - net["macs"]) < 0.6
        assert (np.abs(published.parameters[alike] - net["parameters"]) < 0.051).sum() == 1


def test_published_networks_of_labelled_sizes_differ_as_measured(published):
    """They were finetuned, and so are better than the subnets as cut, whose accuracies the predictor gives."""
    sizes = PROXYLESS.genes[0].choices
    known = np.isin(published.sizes, [size for size in sizes if size >= 192])
    genes = published.genes[known].copy()
    genes[:, 0] = [sizes.index(size) for size in published.sizes[known]]
    less = published.top1[known] - 100 * embedded_predictor(PROXYLESS).accuracy(genes)
    assert len(less) == 2
    assert np.ptp(less) < 0.3
    assert ((less > 0.5) & (less < 1.5)).all()


@pytest.mark.parametrize("kernels", ["fixed", "elastic"])
def test_a_part_of_a_space_is_judged_by_the_predictor_of_the_whole(kernels):
    part = CompoundSpace(kernels)
    predictor = embedded_predictor(part)
    check_predictor(predictor, part)
    genes = part.sample(500, np.random.default_rng(3))
    assert isinstance(predictor, SubspacePredictor)
    assert (predictor.accuracy(genes) == embedded_predictor(part.parent).accuracy(part.to_parent(genes))).all()


def test_official_is_refused_and_embedded_named():
    with pytest.raises(
        InputError, match=r"none for space proxyless, which declares no official_predictor; use predictor=embedded"
    ):
        official_predictor(PROXYLESS)


def test_what_there_is_is_listed():
    space = ResNet50DSpace()
    space.name = "other"
    with pytest.raises(
        InputError, match=r"space other, only for accel_nasbench, mbv3, mbv3_w1\.0, proxyless, resnet50d$"
    ):
        embedded_predictor(space)


@pytest.mark.parametrize("member", [1, 4, "mean"])
def test_a_space_whose_embedded_predictor_is_the_measured_one_has_no_members(member):
    with pytest.raises(InputError, match=r"predictor=member: there is none for space proxyless, only for mbv3, resnet"):
        embedded_predictor(PROXYLESS, member)
