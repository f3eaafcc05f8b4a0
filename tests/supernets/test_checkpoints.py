"""Weights are loaded only if they fit and are authentic; random ones are never taken for OFA's."""

import copy
import functools
import hashlib
import io
import threading
import time
import zipfile
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from make_images import make_images

from ofa_bench.errors import InputError
from ofa_bench.predictors import assets
from ofa_bench.spaces import MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets import checkpoints
from ofa_bench.supernets.checkpoints import load_weights, recalibrate
from ofa_bench.supernets.images import Images
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import supernet

SPACE = ProxylessNASSpace()
NAME = SPACE.published_weights.path


def thin(space, network, **kind):
    """Return a space's supernet with few channels and classes, so that a test takes no time."""
    made = copy.copy(supernet(space))
    made.net = getattr(import_ofa("ofa.imagenet_classification.elastic_nn.networks"), network)(n_classes=16, **kind)
    made.net.eval()
    return made


MOBILE = {"width_mult": 0.1, "ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4]}
RESNET = {"width_mult_list": [0.1, 0.15, 0.2], "expand_ratio_list": [0.2, 0.25, 0.35], "depth_list": [0, 1, 2]}


@pytest.fixture(scope="module")
def net():
    return thin(SPACE, "OFAProxylessNASNets", **MOBILE)


def other(net):
    """Return weights that differ from those of a supernet."""
    change = torch.Generator().manual_seed(1)
    return {
        name: torch.rand(value.shape, generator=change) if value.is_floating_point() else value
        for name, value in net.net.state_dict().items()
    }


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has(net, state):
    return all(torch.equal(value, state[name]) for name, value in net.net.state_dict().items())


@pytest.fixture
def kept(net):
    """Put a supernet's weights back afterwards."""
    before = {name: value.clone() for name, value in net.net.state_dict().items()}
    yield before
    torch.nn.Module.load_state_dict(net.net, before)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return the folder of OFA's files and the cache, both empty, without a network."""
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(assets, "BASE_URL", "http://127.0.0.1:9/")
    return SimpleNamespace(assets=tmp_path / "assets", cache=tmp_path / "cache/ofa_bench", www=tmp_path / "www")


@pytest.fixture
def served(places, monkeypatch):
    """Serve a folder in place of OFA's repository. Return the list of requests."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    places.www.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(places.www)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(assets, "BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    yield asked
    server.shutdown()


def test_random_weights_are_labelled_random(net, kept):
    weights = load_weights(net, "random")
    assert (weights.random, weights.sha256) == (True, None)
    assert "has the architecture and the speed of the one found, not its accuracy" in weights.description
    assert has(net, kept)
    with pytest.raises(InputError, match="random weights come from no file"):
        load_weights(net, "random", "0" * 64)


@pytest.mark.parametrize(
    ("space", "network", "kind"),
    [(MobileNetV3Space(), "OFAMobileNetV3", MOBILE), (ResNet50DSpace(), "OFAResNets", RESNET)],
)
def test_checkpoints_of_every_supernet_are_loaded(space, network, kind, tmp_path):
    net = thin(space, network, **kind)
    wanted = other(net)
    sha256 = write(tmp_path / "mine.pth", {"state_dict": wanted, "epoch": 3})
    weights = load_weights(net, str(tmp_path / "mine.pth"), sha256.upper())
    assert has(net, wanted)
    assert (weights.source, weights.sha256, weights.random) == (str(tmp_path / "mine.pth"), sha256, False)
    assert weights.description.endswith(f"(SHA-256 {sha256}, as given)")


@pytest.mark.parametrize("legacy", [False, True])
def test_names_of_older_files_are_those_of_the_supernet(net, kept, legacy, tmp_path):
    """They have other names of blocks and convolutions, and no counters of batches."""
    wanted = other(net)
    old = {
        name.replace(".conv.depth_conv.", ".mobile_inverted_conv.depth_conv."): value.half().float()
        for name, value in wanted.items()
        if "num_batches" not in name
    }
    assert any("mobile_inverted_conv" in name for name in old)
    torch.save(old, tmp_path / "old", _use_new_zipfile_serialization=not legacy)
    weights = load_weights(net, str(tmp_path / "old"))
    assert weights.description.endswith("not checked, because no sha256= was given)")
    assert has(
        net, {name: value.half().float() if value.is_floating_point() else value for name, value in wanted.items()}
    )


def bomb(state):
    """Write a checkpoint that is small as long as it is packed."""
    plain, packed = io.BytesIO(), io.BytesIO()
    torch.save({name: torch.zeros_like(value) for name, value in state.items()}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    return packed.getvalue()


WEIGHT = "classifier.linear.weight"
OLD = "blocks.1.mobile_inverted_conv.depth_conv.conv.conv.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {name: value for name, value in state.items() if name != WEIGHT}, f"such as '{WEIGHT}'"),
        (lambda state: state | {"strange.thing": state[WEIGHT]}, "has a tensor 'strange.thing', which the supernet"),
        (lambda state: state | {"strange.conv.weight": state[WEIGHT]}, "has a tensor 'strange.conv.conv.weight'"),
        (lambda state: state | {"classifier.weight": state[WEIGHT]}, "has a tensor 'classifier.weight'"),
        (lambda state: state | {OLD: torch.zeros(3)}, "tensors under both older and newer names"),
        (lambda state: state | {WEIGHT: state[WEIGHT].T}, r"\[128, 16\], not torch.float32 \[16, 128\]"),
        (lambda state: state | {WEIGHT: state[WEIGHT].long()}, "torch.int64"),
        (lambda state: state | {WEIGHT: state[WEIGHT] / 0}, "values that are not finite"),
        (lambda state: state | {WEIGHT: [1.0]}, "is not a named dense tensor"),
        (lambda state: state | {WEIGHT: state[WEIGHT].to_sparse()}, "is not a named dense tensor"),
        (lambda state: {"state_dict": 3}, "it holds no state dict"),
        (lambda state: list(state.values()), "it holds no state dict"),
        (lambda state: torch.nn.Linear(2, 2), "it holds torch.nn.modules.linear.Linear, which is neither"),
        (lambda state: b"no checkpoint", "torch cannot read it"),
        (lambda state: b"", "torch cannot read it"),
        (bomb, "larger than 500,000 bytes when unpacked"),
    ],
)
def test_what_does_not_fit_changes_nothing(change, message, net, kept, tmp_path, monkeypatch):
    if change is bomb:
        monkeypatch.setattr(checkpoints, "LARGEST", 500_000)
    content = change(other(net))
    if isinstance(content, bytes):
        (tmp_path / "bad").write_bytes(content)
    else:
        write(tmp_path / "bad", content)
    with pytest.raises(InputError, match=f"bad: not weights of the supernet of space proxyless .*{message}"):
        load_weights(net, str(tmp_path / "bad"))
    assert has(net, kept)


def test_bad_arguments_are_reported(net, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"nowhere: cannot be read .No such file"):
        load_weights(net, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="sha256=12: must be 64 hexadecimal digits"):
        load_weights(net, "auto", "12")
    (tmp_path / "cut").write_bytes(b"something")
    with pytest.raises(InputError, match=r"SHA-256 is 3fc9b689459d..., not 000000000000...; another file"):
        load_weights(net, str(tmp_path / "cut"), "0" * 64)
    monkeypatch.setattr(checkpoints, "LARGEST", 5)
    with pytest.raises(InputError, match="larger than 5 bytes"):
        load_weights(net, str(tmp_path / "cut"))


def test_without_a_network_weights_are_random_at_once(net, kept, places):
    began = time.monotonic()
    weights = load_weights(net)
    assert weights.random
    assert time.monotonic() - began < 5
    assert f"http://127.0.0.1:9/{NAME} could not be fetched" in weights.hint
    assert f"save it as {places.assets / NAME}" in weights.hint
    assert has(net, kept)


def test_the_first_file_pins_the_later_ones(net, kept, places):
    """Wherever it lies: the pin is in the cache."""
    wanted = other(net)
    sha256 = write(places.assets / NAME, wanted)
    first = load_weights(net)
    assert "not known before: only its structure was checked; later files must have the same" in first.description
    assert has(net, wanted)
    assert (places.cache / f"{NAME}.sha256").read_text() == f"{sha256}  {places.assets.joinpath(NAME).name}\n"
    assert "same as at its first use, when only its structure was checked" in load_weights(net).description
    assert load_weights(net).sha256 == first.sha256 == sha256
    changed = write(places.assets / NAME, kept)
    with pytest.raises(InputError, match=rf"not {sha256[:12]}..., the one at its first use .*\.sha256"):
        load_weights(net)
    assert "as given" in load_weights(net, "auto", changed).description  # the user knows better
    (places.cache / f"{NAME}.sha256").write_text("nonsense")
    with pytest.raises(InputError, match=r"not nonsense..., the one at its first use .*\.sha256"):
        load_weights(net)


def test_what_does_not_fit_is_not_pinned(net, places):
    write(places.assets / NAME, {"state_dict": {"a": torch.zeros(3)}})
    with pytest.raises(InputError, match="has a tensor 'a'"):
        load_weights(net)
    assert (places.assets / NAME).exists()  # the user's own
    assert not list(places.cache.rglob("*.sha256"))


def test_fetched_once_and_pinned(net, kept, places, served):
    wanted = other(net)
    sha256 = write(places.www / NAME, {"state_dict": wanted})
    weights = load_weights(net)
    assert has(net, wanted)
    assert weights.source == assets.BASE_URL + NAME
    assert weights.sha256 == sha256
    assert load_weights(net).source == str(places.cache / NAME)
    assert served == [f"/{NAME}"]
    (places.cache / NAME).unlink()
    write(places.www / NAME, {"state_dict": kept})
    with pytest.raises(InputError, match="the one at its first use"):
        load_weights(net)
    assert not (places.cache / NAME).exists()


def test_fetched_files_that_are_none_are_thrown_away(net, kept, places, served):
    assert "HTTPError" in load_weights(net).hint  # not there
    (places.www / NAME).parent.mkdir(parents=True)
    (places.www / NAME).write_text("<html>Sign in to this network</html>")
    with pytest.raises(InputError, match="torch cannot read it"):
        load_weights(net)
    with pytest.raises(InputError, match=r"http://.* does not return OFA's file .*hash"):
        load_weights(net, "auto", "0" * 64)
    assert not [path for path in places.cache.rglob("*") if path.is_file()]
    assert has(net, kept)


def test_a_pinned_file_must_be_the_pinned_one(places, net, monkeypatch):
    published = ResNet50DSpace.published_weights
    assert published.sha256 == "3406a4c852f4573a58e9a01f35406baa4ad3787044ffadc6ea45571ad2b9123a"
    assert published.address.startswith("https://huggingface.co/han-cai/ofa/resolve/47a736a0be6a")
    sha256 = write(places.assets / NAME, other(net))
    pinned = replace(SPACE.published_weights, sha256="1" * 64)
    monkeypatch.setattr(SPACE, "published_weights", pinned)
    with pytest.raises(InputError, match=f"SHA-256 is {sha256[:12]}..., not 111111111111...; another file"):
        load_weights(net)
    monkeypatch.setattr(SPACE, "published_weights", replace(pinned, sha256=sha256))
    assert "as pinned by ofa_bench" in load_weights(net).description
    assert not list(places.cache.rglob("*.sha256"))


def test_statistics_become_those_of_the_images(net, kept, tmp_path):
    """Compared with the first convolution's outputs, and with ofa's function on batches made here."""
    images = Images(make_images(tmp_path / "images"))
    row = SPACE.canonical(np.zeros((1, SPACE.n_genes), np.int8))[0]
    module, again = net.subnet(row).build(), net.subnet(row).build()
    assert recalibrate(module, images, 32, 100, np.random.default_rng(3), batch=8) == 24
    order = np.random.default_rng(3).permutation(24)
    batches = list(images.batches(32, 8, order))
    with torch.no_grad():
        outputs = torch.stack([again.first_conv.conv(batch) for batch in batches])
    bn = module.first_conv.bn
    torch.testing.assert_close(bn.running_mean, outputs.mean(dim=(0, 1, 3, 4)))
    torch.testing.assert_close(bn.running_var, outputs.var(dim=(1, 3, 4), correction=0).mean(0))
    set_statistics = import_ofa("ofa.imagenet_classification.elastic_nn.utils").set_running_statistics
    set_statistics(again, [(batch, None) for batch in batches])
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in module.state_dict().items())
    assert not module.training
    assert has(net, kept)


def test_an_image_that_cannot_be_read_leaves_nothing_behind(net, tmp_path):
    images, rng = Images(make_images(tmp_path / "images", classes=1)), np.random.default_rng(0)
    module = net.subnet(SPACE.sample(1, rng)[0]).build()
    assert recalibrate(module, images, 32, 3, rng) == 3
    images = Images(tmp_path / "images")
    images.paths[0].write_text("bad")
    with pytest.raises(InputError, match=r"0\.png"):
        recalibrate(module, images, 32, 4, rng)
    dynamic = import_ofa("ofa.imagenet_classification.elastic_nn.modules.dynamic_op")
    assert not dynamic.DynamicBatchNorm2d.SET_RUNNING_STATISTICS
