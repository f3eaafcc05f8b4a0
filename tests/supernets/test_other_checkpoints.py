"""Checkpoints as people have them: prefixed names, other keys, NumPy numbers, other numbers of classes and widths."""

import argparse
import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from make_images import make_images
from test_checkpoints import MOBILE, RESNET, SPACE, has, other, thin

from ofa_bench.commands import collect as collecting
from ofa_bench.errors import InputError
from ofa_bench.spaces import MobileNetV3Space, ResNet50DSpace
from ofa_bench.supernets import pieces as supernets
from ofa_bench.supernets.checkpoints import load_weights
from ofa_bench.supernets.mobile import MobileSupernet
from ofa_bench.supernets.pieces import supernet


@pytest.fixture
def net():
    return thin(SPACE, "OFAProxylessNASNets", **MOBILE)


def prefixed(prefix, state):
    return OrderedDict((prefix + name, value) for name, value in state.items())


def averaged(state):
    return {"n_averaged": torch.tensor(3), **prefixed("module.", state)}


@pytest.mark.parametrize(
    ("form", "key"),
    [
        (lambda state: prefixed("module.", state), ""),
        (lambda state: prefixed("_orig_mod.", state), ""),
        (lambda state: {"state_dict": prefixed("_orig_mod.module.", state), "ema": state}, ""),
        (lambda state: {"model": state, "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(2)}}}}, "model"),
        (lambda state: {"net": prefixed("module.", state), "acc": 71.3}, "net"),
        (lambda state: {"ema": {"module": state, "decay": 0.999}}, "ema.module"),
        (lambda state: {"model": {"a": torch.ones(1)}, "model_ema": averaged(state)}, "model_ema"),
        (lambda state: {"state_dict": state, "best": np.float64(71.3), "epoch": np.int64(7)}, ""),
        (lambda state: {"model": state, "best": [np.float32(2), np.bool_(True), np.dtype(">f8").type(1)]}, "model"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_the_one_state_dict_that_fits_is_loaded(net, tmp_path, form, key, legacy):
    wanted = other(net)
    known = torch.serialization.get_safe_globals()
    torch.save(form(wanted), tmp_path / "mine.pth", _use_new_zipfile_serialization=not legacy)
    weights = load_weights(net, str(tmp_path / "mine.pth"))
    assert has(net, wanted)
    assert weights.description.startswith(
        f"weights are from {tmp_path / 'mine.pth'}{f', {key}' if key else ''} (SHA-256"
    )
    assert set(torch.serialization.get_safe_globals()) == set(known)


def test_numbers_of_numpy_are_skipped(tmp_path):
    from ofa_bench.supernets.state_dicts import _read

    given = [np.float64(71.25), np.int64(-3), np.bool_(True), 5]
    torch.save(given, tmp_path / "numbers")
    assert _read((tmp_path / "numbers").read_bytes(), 10**6) == [None, None, None, 5]


class Bad:
    """Would run a command where it is unpickled."""

    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            lambda state: {"model": state, "model_ema": state},
            "several state dicts fit, model, model_ema; save only one",
        ),
        (
            lambda state: {"model": state, "args": argparse.Namespace(a=1)},
            "it holds argparse.Namespace, which is neither",
        ),
        (lambda state: {"model": state, "log": np.zeros(3)}, "multiarray._reconstruct, which is neither"),
        (lambda state: {"model": state, "bad": Bad()}, "it holds print, which is neither"),
        (lambda state: {"model": {}, "epoch": 3}, "it holds no state dict"),
        (lambda state: {"model": {"a": torch.ones(1)}}, "has a tensor 'a', which the supernet lacks|are missing"),
    ],
)
def test_what_is_no_one_state_dict_is_refused(net, tmp_path, capsys, form, message):
    before = {name: value.clone() for name, value in net.net.state_dict().items()}
    torch.save(form(other(net)), tmp_path / "bad")
    with pytest.raises(InputError, match=f"bad: not weights of the supernet of space proxyless .*({message})"):
        load_weights(net, str(tmp_path / "bad"))
    assert has(net, before)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("space", "network", "kind"),
    [(SPACE, "OFAProxylessNASNets", MOBILE), (ResNet50DSpace(), "OFAResNets", RESNET)],
)
def test_the_number_of_classes_is_that_of_the_checkpoint(space, network, kind, tmp_path):
    trained = thin(space, network, **kind)
    trained.set_classes(3)
    wanted = other(trained)
    torch.save(wanted, tmp_path / "three.pth")
    net = thin(space, network, **kind)
    weights = load_weights(net, str(tmp_path / "three.pth"))
    assert net.classes == 3
    assert has(net, wanted)
    assert weights.description.endswith(", of 3 classes; predicted accuracy and cost are for 16")
    piece = net.subnet(space.canonical(np.zeros((1, space.n_genes), np.int8))[0])
    with torch.no_grad():
        assert piece.build()(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def test_a_checkpoint_that_does_not_fit_leaves_the_classes(net, tmp_path):
    trained = thin(SPACE, "OFAProxylessNASNets", **MOBILE)
    trained.set_classes(3)
    state = other(trained)
    del state["first_conv.conv.weight"]
    torch.save(state, tmp_path / "bad")
    with pytest.raises(InputError, match="such as 'first_conv"):
        load_weights(net, str(tmp_path / "bad"))
    assert net.classes == 16


def test_another_width_is_named(tmp_path):
    """A file of OFA's supernet of width 1.0, where the space's has 1.2."""
    space, other = MobileNetV3Space(), MobileNetV3Space()
    other.width = 1.0
    with torch.device("meta"):
        narrow = MobileSupernet(other)
    torch.save(
        {name: torch.zeros(one.shape).to(one.dtype) for name, one in narrow.net.state_dict().items()}, tmp_path / "w1.0"
    )
    with pytest.raises(InputError, match=r"; its width seems to be 1, but mbv3 has width 1\.2"):
        load_weights(supernet(space), str(tmp_path / "w1.0"))


def test_a_collection_maps_folders_to_the_classes_of_the_checkpoint(tmp_path, monkeypatch):
    """Two classes, in folders by name; one more folder is refused."""
    monkeypatch.setattr(supernets, "supernet", lambda space: thin(SPACE, "OFAProxylessNASNets", **MOBILE))
    trained = thin(SPACE, "OFAProxylessNASNets", **MOBILE)
    trained.set_classes(2)
    torch.save(trained.net.state_dict(), tmp_path / "two.pth")
    images = make_images(tmp_path / "images", classes=2, each=2)
    (images / "0").rename(images / "cat")
    (images / "1").rename(images / "dog")
    options = collecting.Options(
        space="proxyless", images=str(images), weights=str(tmp_path / "two.pth"), out=str(tmp_path / "pairs.csv"), n=1
    )
    [accuracy] = collecting.collect(options)
    assert 0 <= accuracy <= 1
    card = json.loads((tmp_path / "pairs.csv.json").read_text())
    assert card["images"]["classes"] == 2
    make_images(tmp_path / "images" / "more", classes=1, each=1)
    with pytest.raises(InputError, match="the numbers of its 3 classes are not known; name their folders 0 to 1"):
        collecting.collect(options)
