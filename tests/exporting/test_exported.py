"""Exported files against the networks that ``ofa`` builds; each is exported once."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from test_measuring import MEASURED

from ofa_bench.api.describing import describe
from ofa_bench.errors import InputError
from ofa_bench.exporting import networks
from ofa_bench.exporting.cards import read_card, write_card
from ofa_bench.exporting.controls import read_controls, write_controls
from ofa_bench.exporting.found import FoundNetwork
from ofa_bench.exporting.networks import Exporter
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets import network_files as files
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import supernet

SPACES = {
    space.name: space
    for space in (MobileNetV3Space(), MobileNetV3Space(width=1.0), ProxylessNASSpace(), ResNet50DSpace())
}


class Exports:
    """The smallest network of each space, with random weights, exported when first asked for: a folder and a card."""

    def __init__(self, out):
        self.exporter, self.done = Exporter(out, weights="random"), {}

    def __call__(self, space):
        if space.name not in self.done:
            self.done[space.name] = self.exporter.write(smallest(space))
        return self.done[space.name]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return Exports(tmp_path_factory.mktemp("exported"))


def smallest(space):
    return FoundNetwork(
        space=space.name, device="d", predictor="p", unit="ms", target=20.0, accuracy=0.7, cost=19.0,
        guard_band=1.0, by=("joint",),
        architecture=space.to_ofa(np.zeros(space.n_genes, np.int8)), table="",
        hashes={"device": "0", "predictor": "0"}, device_card={},
        folder=f"{space.name}_d_p/20ms", described=describe(space),
    )  # fmt: skip


def built_by_ofa(space, architecture, state):
    """Build a subnet as a user of ``ofa`` would, from a supernet's weights."""
    networks = import_ofa("ofa.imagenet_classification.elastic_nn.networks")
    mobile = {"ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4], "dropout_rate": 0}
    resnet = {"expand_ratio_list": [0.2, 0.25, 0.35], "depth_list": [0, 1, 2], "width_mult_list": [0.65, 0.8, 1.0]}
    net = {
        "mbv3": lambda: networks.OFAMobileNetV3(width_mult=1.2, **mobile),
        "mbv3_w1.0": lambda: networks.OFAMobileNetV3(width_mult=1.0, **mobile),
        "proxyless": lambda: networks.OFAProxylessNASNets(width_mult=1.3, **mobile),
        "resnet50d": lambda: networks.OFAResNets(dropout_rate=0, **resnet),
    }[space.name]()
    net.load_state_dict(state)
    net.set_active_subnet(**architecture)
    return net.get_active_subnet(preserve_weight=True).eval()


def image(card, seed=5):
    return torch.randn(card["input"]["shape"], generator=torch.Generator().manual_seed(seed))


def onnx_output(folder, pixels):
    session = onnxruntime.InferenceSession(str(folder / "network.onnx"), providers=["CPUExecutionProvider"])
    return session.run(["output"], {"image": pixels.numpy()})[0]


@pytest.mark.parametrize("name", [name for name in SPACES if name != "mbv3_w1.0"])
def test_files_compute_what_the_subnet_of_ofa_does(exported, name):
    space = SPACES[name]
    folder, card = exported(space)
    network = built_by_ofa(space, card["architecture"], supernet(space).net.state_dict())
    networks.init_batchnorm(network, card["input"]["shape"][-1])
    pixels = image(card)
    with torch.no_grad():
        wanted, other = network(pixels).numpy(), network(image(card, seed=6)).numpy()
    scale = np.abs(wanted - other).max()
    assert scale > 0.1 * np.abs(wanted).max()
    assert np.abs(onnx_output(folder, pixels) - wanted).max() < 1e-4 * scale
    if name == "mbv3":  # takes a second; of the others, the export itself compares both files
        program = torch.export.load(folder / "network.pt2").module()
        assert np.abs(program(pixels).detach().numpy() - wanted).max() < 1e-4 * scale
    assert card["parameters"] == sum(weight.numel() for weight in network.parameters())
    initial = onnx.load(str(folder / "network.onnx")).graph.initializer
    assert card["macs"] > 0.5 * card["parameters"]
    assert sum(np.prod(one.dims) for one in initial) < 1.1 * card["parameters"]
    assert card["output"]["shape"] == [1, 1000]
    assert card["weights"]["random"]
    assert "random" in card["weights"]["description"]
    assert all(one["difference_from_torch"] < 1e-4 for one in card["files"].values())
    assert read_card(folder) == json.loads(json.dumps(card))


def test_the_narrower_supernet_builds_what_ofa_does():
    """Its files are of the same layers as those of the wider one."""
    space = SPACES["mbv3_w1.0"]
    net, row = supernet(space), np.zeros(space.n_genes, np.int8)
    ours, theirs = net.subnet(row).build().eval(), built_by_ofa(space, space.to_ofa(row), net.net.state_dict())
    for network in (ours, theirs):
        networks.init_batchnorm(network, 64)
    pixels = torch.randn((2, 3, 64, 64), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert (ours(pixels) - theirs(pixels)).abs().max() < 1e-4 * theirs(pixels).diff(dim=0).abs().max()


def test_files_load_where_this_package_and_ofa_are_not(exported):
    folder, card = exported(SPACES["mbv3"])
    torch.save(image(card), folder / "image.pt")
    program = """
import sys
sys.modules["ofa_bench"] = sys.modules["ofa"] = None
import onnxruntime, torch
image = torch.load("image.pt")
[by_onnx] = onnxruntime.InferenceSession("network.onnx").run(["output"], {"image": image.numpy()})
by_torch = torch.export.load("network.pt2").module()(image).detach().numpy()
print(abs(by_onnx - by_torch).max() / abs(by_onnx).max())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1e-5


def test_what_is_there_is_kept_with_its_measurement(exported):
    folder, card = exported(SPACES["mbv3"])
    write_card(folder, card | {"measured": MEASURED})
    before = (folder / "network.onnx").stat().st_mtime_ns
    better = exported.exporter.find_more_accurate(replace(smallest(SPACES["mbv3"]), accuracy=0.65))
    assert better["accuracy"] == card["accuracy"]
    _, again = exported.exporter.write(replace(smallest(SPACES["mbv3"]), accuracy=0.75))
    assert (folder / "network.onnx").stat().st_mtime_ns == before
    assert (again["accuracy"], again["measured"]) == (0.75, MEASURED)
    assert exported.exporter.find_more_accurate(smallest(SPACES["mbv3"]))["accuracy"] == 0.75
    assert exported.exporter.find_more_accurate(replace(smallest(SPACES["mbv3"]), accuracy=0.8)) is None


def test_trained_weights_and_statistics_of_images_are_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "write_program", lambda module, shape, path, batch: path.write_bytes(b""))
    monkeypatch.setattr(networks, "differences", lambda *_: {"network.onnx": 0.0, "network.pt2": 0.0})
    space = SPACES["mbv3"]
    net = supernet(space)
    with torch.no_grad():
        for weight in net.net.parameters():
            weight.mul_(1.25)
    torch.save({"state_dict": net.net.state_dict()}, tmp_path / "mine.pth")
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
    found = smallest(space)
    exporter = Exporter(tmp_path, weights=str(tmp_path / "mine.pth"), images=tmp_path / "images", n_images=5)
    folder, card = exporter.write(found)
    assert not card["weights"]["random"]
    assert card["weights"]["batchnorm_statistics_of_images"] == 5
    assert card["weights"]["description"].endswith(
        "BatchNorm statistics are computed on 5 images of " + str(tmp_path / "images")
    )
    without = Exporter(tmp_path, weights=str(tmp_path / "mine.pth")).describe_weights(found)
    assert "BatchNorm statistics are those of the supernet, not of this network" in without
    network = built_by_ofa(space, card["architecture"], net.net.state_dict())
    pixels = image(card)
    with torch.no_grad():
        without = network(pixels).numpy()
    given = onnx_output(folder, pixels)
    assert np.abs(given - without).max() > 0.01 * np.abs(given).max()  # statistics are the images'
    first = next(one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d))
    assert (first.running_mean == 0).all()


def test_a_file_that_computes_something_else_is_refused(exported, tmp_path):
    folder, _ = exported(SPACES["mbv3"])
    other = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1000))
    files.write_onnx(other, (3, 160, 160), tmp_path / "network.onnx")
    network = supernet(SPACES["mbv3"]).subnet(np.zeros(SPACES["mbv3"].n_genes, np.int8)).build()
    with pytest.raises(RuntimeError, match=r"^network.onnx: its outputs differ from torch's by"):
        files.differences(network, (3, 160, 160), tmp_path / "network.onnx", folder / "network.pt2")


def test_onnx_is_asked_for(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'ofa_bench\[profile\]'"):
        files.need_onnx()


def test_a_wrong_file_is_refused_and_no_card_left(exported, tmp_path, monkeypatch):
    """A network of another accuracy is exported where one is; its ONNX file computes something else."""
    exporter = Exporter(tmp_path, weights="random")
    one = smallest(SPACES["mbv3"])

    def wrong(module, shape, path, batch):
        network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1000))
        files.write_onnx(network, shape, path)

    monkeypatch.setattr(networks, "write_program", lambda module, shape, path, batch: path.write_bytes(b""))
    monkeypatch.setattr(networks, "write_onnx", wrong)
    monkeypatch.setattr(torch.export, "load", lambda path: pytest.fail("the ONNX file is looked at first"))
    folder = tmp_path / one.folder
    folder.mkdir(parents=True)
    (folder / "network.onnx").write_text("the earlier one")
    with pytest.raises(
        (RuntimeError, pytest.fail.Exception), match=r"network.onnx: its outputs differ|looked at first"
    ):
        exporter.write(one)
    assert [path.name for path in folder.iterdir()] == ["network.onnx"]
    assert (folder / "network.onnx").read_text() == "the earlier one"


def test_what_was_measured_is_not_kept_for_another_table(exported):
    folder, card = exported(SPACES["mbv3"])
    one = smallest(SPACES["mbv3"])
    write_card(folder, card | {"measured": MEASURED})
    same = exported.exporter.write(replace(one, predictor="q", hashes={"device": "0", "predictor": "2"}))[1]
    assert same["measured"] == MEASURED
    assert exported.exporter.write(replace(one, hashes={"device": "1", "predictor": "0"}))[1]["measured"] is None


def test_random_networks_cost_what_the_table_says_of_them(tmp_path):
    """Exported twice, for other targets, each file is the network that its line in the list is of."""
    space = SPACES["mbv3"]
    table = latency_table(space, "note10")
    one = replace(smallest(space), hashes={"device": table.sha256, "predictor": "0"})
    folder = tmp_path / "mbv3_note10_p"
    for costs in ((20.0,), (20.0, 45.0)):
        assert write_controls(folder, [replace(one, cost=cost) for cost in costs], "note10", 2) == ""
        controls = read_controls(folder, table.sha256, 8)
        assert len(controls) == len(costs)
        listed = json.loads((folder / "controls" / "controls.json").read_text())["networks"]
        for (path, cost), about in zip(controls, listed, strict=True):
            row = np.array(about["genes"], np.int8)
            assert cost == table.cost(row[None])[0]
            piece = supernet(space).subnet(row)
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            assert session.get_inputs()[0].shape == [1, *piece.shape]
            weights = sum(np.prod(one.dims) for one in onnx.load(str(path)).graph.initializer)
            assert weights == pytest.approx(sum(one.numel() for one in piece.build().parameters()), rel=0.02)
    spread = [cost for _, cost in controls]
    assert spread == pytest.approx([20, 45], rel=0.05)
    assert len(list((folder / "controls").glob("*.onnx"))) <= 3
    assert "is not the one with which the networks were found" in write_controls(folder, [smallest(space)], "note10", 2)
    assert "unknown" in write_controls(folder, [one], "nowhere", 2)
