"""INT8 files beside those of FP32: their outputs, the report on them, and what is kept."""

import csv
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from make_images import make_image, make_images
from test_measuring import CARD, Phone

from ofa_bench.errors import InputError
from ofa_bench.exporting import quantising
from ofa_bench.exporting.cards import INT8, ONNX, read_card, write_card
from ofa_bench.exporting.measuring import measure_networks
from ofa_bench.exporting.models import _metrics
from ofa_bench.exporting.pages import build_sections, write_pages
from ofa_bench.exporting.quantising import Quantiser, describe_int8, int8_metrics
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.supernets.images import Images
from ofa_bench.supernets.network_files import write_onnx

CLASSES = 3


def network_in(folder, batch=1):
    """Write a small network's file for images of 16 x 16, which takes the brightest colour for the class; its card."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(3, CLASSES),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_onnx(network, (3, 16, 16), folder / ONNX, batch)
    file = {"sha256": sha256_of(folder / ONNX), "bytes": (folder / ONNX).stat().st_size}
    shapes = {"input": CARD["input"] | {"shape": [batch or -1, 3, 16, 16]},
              "output": CARD["output"] | {"shape": [batch or -1, CLASSES]}}  # fmt: skip
    card = CARD | shapes | {"batch": batch or "dynamic", "files": CARD["files"] | {ONNX: file}}
    write_card(folder, card)
    return card


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A network quantised on 5 of 13 images of three classes, and tested on 9."""
    place = tmp_path_factory.mktemp("quantised")
    images = make_images(place / "images", classes=CLASSES)
    make_image(images / "0" / "more.png", (40, 40), np.random.default_rng(5))
    folder = place / "out" / "mbv3_mine_embedded" / "20ms"
    card = network_in(folder)
    quantiser = Quantiser(Images(images), 5, 9)
    assert quantiser.find_classes(CLASSES) == ""
    return SimpleNamespace(images=images, folder=folder, quantiser=quantiser, card=quantiser.write(folder, card)[1])


def top1(path, pixels):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": pixels})[0].argmax(axis=1)


def test_the_report_matches_the_outputs_of_the_files(made):
    """By the files themselves, on the images that are tested."""
    images = Images(made.images)
    rows = np.sort(np.random.default_rng(0).permutation(13)[-9:])
    pixels = [one.numpy() for one in images.batches(16, 1, rows)]
    fp32, int8 = (np.concatenate([top1(made.folder / name, one) for one in pixels]) for name in (ONNX, INT8))
    labels, one = images.labels(CLASSES)[rows], made.card["int8"]
    assert one["differs"] == (fp32 != int8).mean()
    assert (one["fp32_top1"], one["int8_top1"]) == ((fp32 == labels).mean(), (int8 == labels).mean())
    assert (one["calibration_images"], one["test_images"], one["tested_on_calibration_images"]) == (5, 9, 1)
    assert one["file"] == {"sha256": sha256_of(made.folder / INT8), "bytes": (made.folder / INT8).stat().st_size}
    assert read_card(made.folder) == {"guarded_cost": made.card["cost"]} | made.card
    nodes = onnx.load(str(made.folder / INT8)).graph.node
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in nodes}
    scales = [one for one in onnx.load(str(made.folder / INT8)).graph.initializer if one.name.endswith("weight_scale")]
    assert any(list(one.dims) == [3] for one in scales)  # one a channel


def test_what_is_there_is_kept_until_something_else_is_asked_for(made):
    before = (made.folder / INT8).stat().st_mtime_ns
    assert made.quantiser.write(made.folder, made.card)[1] == made.card
    assert (made.folder / INT8).stat().st_mtime_ns == before
    other = Quantiser(Images(made.images), 5, 4)
    assert other.write(made.folder, made.card)[1]["int8"]["test_images"] == 4
    assert (made.folder / INT8).stat().st_mtime_ns > before
    (made.folder / INT8).write_bytes(b"cut off")
    assert other.write(made.folder, read_card(made.folder))[1]["int8"]["file"]["bytes"] > 100
    made.quantiser.write(made.folder, read_card(made.folder))
    assert sorted(path.name for path in made.folder.iterdir()) == ["card.json", INT8, ONNX]


@pytest.mark.parametrize("batch", [4, None])
def test_the_batch_size_does_not_change_the_report(made, tmp_path, batch):
    """Of 5 and 9 images the last batch of 4 is filled up, which counts for nothing."""
    quantiser = Quantiser(Images(made.images), 5, 9)
    quantiser.find_classes(CLASSES)
    _, card = quantiser.write(tmp_path / "n", network_in(tmp_path / "n", batch))
    wanted = made.card["int8"]
    for key in ("fp32_top1", "test_images", "calibration_images"):
        assert card["int8"][key] == wanted[key]
    assert abs(card["int8"]["differs"] - wanted["differs"]) < 0.25
    session = onnxruntime.InferenceSession(str(tmp_path / "n" / INT8), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[0] == (batch or "batch")


def test_both_are_timed_in_the_same_rounds_and_shown(made, tmp_path, monkeypatch):
    monkeypatch.setattr(Phone, "__call__", lambda self, path: [5.0 if path.name == INT8 else 19.5])
    out = made.folder.parent.parent
    [(folder, card)] = measure_networks([(made.folder, made.card)], Phone({}), out, 1, 2, 0, 0)
    assert (card["measured"]["median_ms"], card["int8"]["measured"]["median_ms"]) == (19.5, 5.0)
    write_card(folder, card)
    page = write_pages(out).read_text()
    assert "INT8 median, ms" in page
    assert "INT8: other first class %" in page
    [section] = build_sections([(folder, read_card(folder))])
    one, shown = card["int8"], dict(zip(section.table.heads, section.table.rows[0], strict=True))
    assert shown["INT8 median, ms"] == "5.00"
    assert shown["INT8: other first class %"] == f"{100 * one['differs']:.1f}"
    assert float(shown["INT8: top-1 less FP32's, points"]) == pytest.approx(
        100 * (one["int8_top1"] - one["fp32_top1"]), abs=0.06
    )
    assert "INT8 predicts another first class" in (folder / "card.md").read_text()
    assert "measured beside `network.onnx`: 5.000 ms" in (folder / "card.md").read_text()
    with (out / "networks.csv").open() as file:
        [row] = csv.DictReader(file)
    assert (float(row["int8_ms"]), float(row["int8_differs"])) == (5, one["differs"])
    values = _metrics(card)
    assert values["int8_ms"] == 5
    assert values["int8_top1"] == one["int8_top1"]
    (made.folder / INT8).write_bytes((made.folder / INT8).read_bytes() + b"0")
    with pytest.raises(InputError, match=r"network.int8.onnx: is not the file that its card describes"):
        measure_networks([(made.folder, made.card)], Phone({}), out, 1, 2, 0, 0)


SAID = "INT8 predicts another first class than FP32 on 12.5% of 1,000 images"


def about(**change):
    one = {"differs": 0.125, "test_images": 1000, "fp32_top1": None, "int8_top1": None, "measured": None}
    one |= {
        "calibration_images": 200,
        "tested_on_calibration_images": 0,
        "file": {"bytes": 9, "sha256": "0"},
        "of": "0",
    }
    return CARD | {"weights": {"random": False, "description": ""}, "int8": one | change}


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (CARD, ""),
        (about(), SAID),
        (
            about(fp32_top1=0.72, int8_top1=0.71),
            f"{SAID}; top-1 is 71.0%, for FP32 72.0% (-1.0 points)",
        ),
        (
            about(tested_on_calibration_images=3) | {"weights": {"random": True, "description": ""}},
            f"{SAID}; 3 of the images were also used for calibration; weights are random, so this says nothing about "
            "accuracy",
        ),
    ],
)
def test_changes_are_described_in_a_sentence(card, message):
    assert describe_int8(card) == message
    assert int8_metrics(CARD) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"differs": "all"}, "its int8.differs is .all.; must be a number"),
        ({"differs": -1}, "its int8.differs is -1; must be 0 or more"),
        ({"test_images": "0"}, "its int8.test_images is .0.; must be a whole number"),
        ({"measured": {"median_ms": 1, "statistic": "median"}}, "it has no int8.measured.p10_ms"),
        ({"file": {}}, "it has no int8.file.bytes"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path, change, message):
    write_card(tmp_path, about(**change))
    with pytest.raises(InputError, match=message):
        read_card(tmp_path)
    write_card(tmp_path, about())
    assert read_card(tmp_path)["int8"]["differs"] == 0.125


def test_unknown_classes_are_reported_and_wrong_ones_refused(tmp_path):
    for number in range(2):
        make_image(tmp_path / "images" / f"{number}.png", (40, 40), np.random.default_rng(number))
    quantiser = Quantiser(Images(tmp_path / "images"), 1, 1)
    assert "top-1 of INT8 and FP32 is unknown" in quantiser.find_classes(CLASSES)
    (tmp_path / "classes.txt").write_text("a\nb\n")
    make_images(tmp_path / "sorted", classes=1)
    wrong = Quantiser(Images(tmp_path / "sorted", tmp_path / "classes.txt"), 1, 1)
    with pytest.raises(InputError, match="must have 3 distinct lines, has 2"):
        wrong.find_classes(CLASSES)


def test_onnxruntime_is_asked_for(monkeypatch):
    monkeypatch.setattr(quantising, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="quantize=int8: needs onnxruntime: pip install onnxruntime"):
        quantising.need_onnxruntime()
