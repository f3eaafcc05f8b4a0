"""Networks for other batch sizes than one: their files, their cards, and how they are timed."""

import copy
import json
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from test_exported import smallest
from test_measuring import CARD, Phone, exported

from ofa_bench.commands.profile import make_table
from ofa_bench.config.batches import batch_of_unit, milliseconds, read_batch
from ofa_bench.errors import InputError
from ofa_bench.exporting import controls, networks
from ofa_bench.exporting.cards import read_card, write_card
from ofa_bench.exporting.found import find_networks
from ofa_bench.exporting.measuring import choose_batch, compute_verdict, measure_networks
from ofa_bench.exporting.networks import Exporter
from ofa_bench.exporting.pages import build_sections, write_pages
from ofa_bench.predictors import latency_table
from ofa_bench.profiling.plan import make_plan
from ofa_bench.profiling.rounds import export_all
from ofa_bench.profiling.runners import OnnxRuntime
from ofa_bench.spaces import ProxylessNASSpace
from ofa_bench.supernets import network_files as files
from ofa_bench.supernets.pieces import Piece, supernet
from ofa_bench.tracking.models import tensor_spec

SPACE = ProxylessNASSpace()


@pytest.fixture(scope="module")
def small():
    """A network that takes no time, for images of 8 x 8."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 5),
    )


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch", [8, None])
def test_files_take_the_batch_that_is_asked_for(tmp_path, monkeypatch, small, batch):
    piece = Piece("small", (3, 8, 8), lambda: copy.deepcopy(small))
    monkeypatch.setattr(networks, "supernet", lambda space: SimpleNamespace(subnet=lambda row: piece, classes=5))
    exporter, one = Exporter(tmp_path, "random", batch=batch), smallest(SPACE)
    parameters = exporter.count_parameters(one)
    folder, card = exporter.write(one)
    assert card["batch"] == (batch or "dynamic")
    shape = [batch or -1, 3, 8, 8]
    assert (card["input"]["shape"], card["output"]["shape"]) == (shape, [batch or -1, 5])
    assert all(file["difference_from_torch"] < 1e-4 for file in card["files"].values())
    assert parameters == card["parameters"]
    assert exporter.count_parameters(one) == 0  # it is there
    assert Exporter(tmp_path, "random").count_parameters(one) == parameters  # not for batch 1
    assert read_card(folder) == json.loads(json.dumps(card))
    onnx, program = session(folder / "network.onnx"), torch.export.load(folder / "network.pt2").module()
    for n in (8,) if batch else (1, 3, 8):
        images = torch.randn((n, *shape[1:]), generator=torch.Generator().manual_seed(n))
        with torch.no_grad():
            wanted = small(images).numpy()
        scale = np.abs(wanted).max()
        assert np.abs(onnx.run(None, {"image": images.numpy()})[0] - wanted).max() < 1e-4 * scale
        assert np.abs(program(images).detach().numpy() - wanted).max() < 1e-4 * scale

    assert tensor_spec(card["input"]).shape == tuple(shape)
    write_pages(tmp_path)
    assert f"np.zeros([{batch or 1}, 3, 8, 8]" in (folder / "card.md").read_text()
    [section] = build_sections([(folder, card)])
    assert section.table.rows[0][section.table.heads.index("batch")] == str(batch or "dynamic")


class Mixing(torch.nn.Module):
    """Is right with one image at a time only."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        outputs = self.network(images)
        return outputs + (outputs - outputs.mean(0, keepdim=True))


@pytest.mark.parametrize("batch", [4, None])
def test_a_file_that_mixes_the_images_of_a_batch_is_refused(tmp_path, small, batch):
    onnx, program = tmp_path / "network.onnx", tmp_path / "network.pt2"
    files.write_onnx(small, (3, 8, 8), onnx, batch)
    files.write_program(small, (3, 8, 8), program, batch)
    assert max(files.differences(small, (3, 8, 8), onnx, program, batch).values()) < 1e-4
    files.write_onnx(Mixing(small), (3, 8, 8), onnx, batch)
    with pytest.raises(RuntimeError, match=r"^network.onnx: its outputs differ from torch's by"):
        files.differences(small, (3, 8, 8), onnx, program, batch)


@pytest.mark.parametrize("text", ["0", "-1", "1025", "eight", "", "2.0", "dynamics"])
def test_what_is_no_batch_is_refused(text):
    with pytest.raises(InputError, match=rf"^batch={text}: must be a whole number of 1 to 1,024, or dynamic$"):
        read_batch(text)


def test_the_unit_says_the_batch():
    assert (read_batch("8"), read_batch("dynamic")) == (8, None)
    assert (milliseconds(1), milliseconds(8)) == ("ms", "ms a batch of 8")
    units = ("ms", "ms a batch of 8", "MMACs", "s", "ms a batch of x")
    assert [batch_of_unit(unit) for unit in units] == [1, 8, None, None, None]


@pytest.mark.parametrize(
    ("unit", "batch", "wanted"),
    [
        ("ms", 1, 1),
        ("ms a batch of 8", 8, 8),
        ("ms a batch of 8", "dynamic", 8),
        ("MMACs", 4, 4),
        ("MMACs", "dynamic", 1),
    ],
)
def test_like_is_timed_with_like(unit, batch, wanted):
    assert choose_batch(unit, batch, "mine", OnnxRuntime()) == wanted


@pytest.mark.parametrize(
    ("unit", "batch", "message"),
    [
        (
            "ms a batch of 8",
            1,
            r"batch=1: costs of mine are for batch 8 \(ms a batch of 8\), .*; export with batch=8 or",
        ),
        ("ms", 8, r"batch=8: costs of mine are for batch 1 \(ms\)"),
        (
            "ms a batch of 8",
            "dynamic",
            "batch=dynamic: runner=Phone cannot choose how many images to take; give batch=8",
        ),
    ],
)
def test_other_batches_are_not_compared(unit, batch, message):
    with pytest.raises(InputError, match=message):
        choose_batch(unit, batch, "mine", Phone({}))


def test_a_network_of_another_batch_is_not_timed(tmp_path):
    [(folder, card)] = exported(tmp_path, a=(20.0, 19.0))
    phone = Phone({"a": 19.5})
    with pytest.raises(InputError, match=r"batch=8: costs of mine are for batch 1 \(ms\)"):
        measure_networks([(folder, card | {"batch": 8})], phone, tmp_path, 1, 2, 0, 8)
    assert phone.calls == 0


def test_a_network_of_any_batch_is_timed_with_the_tables(tmp_path, small, monkeypatch):
    """And compared with it, in the table's unit."""
    from ofa_bench.predictors.assets import sha256_of

    [(folder, card)] = exported(tmp_path, a=(20.0, 19.0))
    files.write_onnx(small, (3, 8, 8), folder / "network.onnx", None)
    file = {"sha256": sha256_of(folder / "network.onnx"), "bytes": 1}
    change = {"unit": "ms a batch of 8", "batch": "dynamic", "files": card["files"] | {"network.onnx": file}}
    runner, fed = OnnxRuntime(), []
    opened = runner._open

    def open_and_note(path):
        one, feed = opened(path)
        fed.append(feed["image"].shape)
        return one, feed

    monkeypatch.setattr(runner, "_open", open_and_note)
    [(_, card)] = measure_networks([(folder, card | change)], runner, tmp_path, 1, 2, 0, 0)
    assert set(fed) == {(8, 3, 8, 8)}
    assert card["measured"]["batch"] == 8
    assert compute_verdict([card]).networks == 1
    write_card(folder, card)
    write_pages(tmp_path)
    [section] = build_sections([(folder, read_card(folder))])
    assert {"target, ms a batch of 8", "measured median, ms a batch of 8"} <= set(section.table.heads)
    assert any(head.startswith("prediction off (by") for head in section.table.heads)
    assert "ms a batch of 8 |" in (folder / "card.md").read_text()


def test_random_networks_take_the_batch_of_the_table(tmp_path, monkeypatch):
    wanted, table = [], latency_table(SPACE, "cpu_onnx")
    monkeypatch.setattr(controls, "write_onnx", lambda module, shape, path, batch: wanted.append(batch) or path.touch())
    monkeypatch.setattr(controls, "init_batchnorm", lambda *_: None)
    one = smallest(SPACE)
    for unit in ("ms", "ms a batch of 8"):
        table.unit = unit
        monkeypatch.setattr(controls, "latency_table", lambda *_: table)
        one.hashes["device"] = table.sha256
        assert controls.write_controls(tmp_path, [one], "mine", 1) == ""
    assert wanted == [1, 8]


def test_a_profile_of_batches_names_its_unit(tmp_path, small, monkeypatch):
    monkeypatch.setattr("ofa_bench.search.default_targets", lambda *_: [60.0])
    plan = make_plan(supernet(SPACE), latency_table(SPACE, "macs"), 3, 10, 0)
    times = np.array([1 + number % 7 + 20 * key.startswith("[[") for number, key in enumerate(plan.items)], float)
    times = np.repeat(times[:, None], 7, axis=1)[..., None]
    sizes = dict(zip(plan.items, times[:, 0, 0], strict=True))
    for network in plan.networks:
        times[list(plan.items).index(network.key)] = 30 + 3 * sizes[network.key]
    make_table(SPACE, plan, times, tmp_path / "proxyless.json", {"device": "mine", "batch": 8, "statistic": "median"})
    table = latency_table(SPACE, str(tmp_path / "proxyless.json"))
    assert (table.unit, table.card["batch"]) == ("ms a batch of 8", 8)
    [path] = export_all({"a": Piece("a", (3, 8, 8), lambda: small)}, tmp_path / "onnx", 8)
    assert session(path).get_inputs()[0].shape == [8, 3, 8, 8]
    [other] = export_all({"a": Piece("a", (3, 8, 8), lambda: small)}, tmp_path / "onnx")
    assert session(other).get_inputs()[0].shape == [1, 3, 8, 8]  # a file of another batch is not taken


def test_folders_are_named_plainly_whatever_the_unit(made):
    for unit, name in (("ms a batch of 8", "20ms_a_batch_of_8"), ("mJ/image", "20mJ_image")):
        record = made()
        record.unit = unit
        assert find_networks([record])[0].folder == f"mbv3_note10_toy/{name}"
    assert CARD["unit"] == "ms"
