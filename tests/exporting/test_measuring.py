import json
import re

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import ONNX, read_card, write_card
from ofa_bench.exporting.measuring import measured, verdict
from ofa_bench.exporting.pages import sections, write_pages

CARD = {
    "format": "ofa_bench.network/1", "space": "mbv3", "device": "mine", "predictor": "embedded", "unit": "ms",
    "target": 20.0, "by": ["joint"], "accuracy": 0.8, "cost": 19.0,
    "guard_band": 1, "macs": 200_000_000, "parameters": 5_000_000,
    "architecture": {"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "r": [160]}, "hashes": {},
    "table": {"runner": "Phone", "protocol": {"statistic": "10th percentile"}}, "measured": None,
    "weights": {"random": True, "told": "weights are random"}, "files": {ONNX: {"sha256": "0", "bytes": 12_300_000}},
    "input": {"name": "image", "shape": [1, 3, 160, 160], "type": "float32", "what": "RGB", "mean": [0],
              "standard_deviation": [1]},
    "output": {"name": "output", "shape": [1, 1000], "what": "logits"},
    "made": {"ofa_bench": "0", "torch": "2", "opset": 17, "date": "2026-01-01"},
}  # fmt: skip


class Phone:
    """A device whose runs take 0, 1, ... % longer than what is said of a file."""

    name = "Phone"

    def __init__(self, times):
        self.times, self.calls = times, 0

    def __call__(self, path):
        self.calls += 1
        return self.times[path.parent.name] * (1 + np.arange(3) / 100)


def exported(out, **costs):
    """Make the folders of networks: targets of 20 and 30 ms, whose costs are said to be these."""
    made = []
    for name, (target, cost) in costs.items():
        folder = out / "mbv3_mine_embedded" / name
        folder.mkdir(parents=True)
        (folder / ONNX).write_bytes(b"")
        made.append((folder, CARD | {"target": target, "cost": cost, "files": {ONNX: {"sha256": name, "bytes": 1}}}))
        write_card(*made[-1])
    return made


def test_measured_latency_is_held_against_prediction_and_target(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9))
    phone = Phone({"a": 19.5, "b": 30.2})
    (_, a), (_, b) = measured(networks, phone, tmp_path, threads=1, rounds=4, seed=0)
    assert phone.calls == 1 + 4 * 2
    assert a["measured"]["ms"] == pytest.approx(np.percentile(19.5 * (1 + np.tile(np.arange(3), 4) / 100), 10))
    assert a["measured"]["median_ms"] == pytest.approx(19.5 * 1.01)
    assert (a["measured"]["statistic"], a["measured"]["unlike"]) == ("10th percentile", [])
    found = verdict([a, b])
    assert (found.networks, found.met, found.met_by_median) == (2, 1, 1)
    errors = [1 - 19 / a["measured"]["ms"], 1 - 29.9 / b["measured"]["ms"]]
    assert found.mean_error == pytest.approx(np.mean(errors))
    assert found.worst_error == pytest.approx(max(errors))
    assert "1 of 2 (50%) are met when measured" in found.sentence
    assert "another device" not in found.sentence
    assert not (tmp_path / "unfinished").exists()
    assert len((tmp_path / "measurements.jsonl").read_text().splitlines()) == 1 + 4


def test_random_networks_beside_them_tell_the_drift(tmp_path):
    """Everything takes 2 % more than the table says; what was found, 3 % more still."""
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.0))
    folder = tmp_path / "mbv3_mine_embedded" / "controls"
    folder.mkdir()
    about = {"networks": [{"file": "0.onnx", "cost": 20.0}, {"file": "1.onnx", "cost": 25.0}]}
    (folder / "controls.json").write_text(json.dumps(about))
    times = {"a": 19.0, "b": 29.0}

    def phone(path):
        if path.parent == folder:
            return 1.02 * {"0.onnx": 20.0, "1.onnx": 25.0}[path.name]
        return 1.02 * 1.03 * times[path.parent.name]

    cards = [card for _, card in measured(networks, phone, tmp_path, threads=1, rounds=2, seed=0)]
    found = verdict(cards)
    assert (found.controls, found.met, found.met_but_for_drift) == (2, 1, 2)
    assert found.drift == pytest.approx(0.02)
    assert found.beyond == pytest.approx(0.03)
    assert "2 random networks, timed in the same rounds, took 2.0% more than the table says" in found.sentence
    assert "those found took 3.0% more than predicted, and 2 of 2 targets are met" in found.sentence


@pytest.mark.parametrize("name", ["../../outside.onnx", "/etc/passwd", 5])
def test_random_networks_of_elsewhere_are_refused(tmp_path, name):
    networks = exported(tmp_path, a=(20.0, 19.0))
    folder = tmp_path / "mbv3_mine_embedded" / "controls"
    folder.mkdir()
    (folder / "controls.json").write_text(json.dumps({"networks": [{"file": name, "cost": 20.0}]}))
    with pytest.raises(InputError, match=r"controls.json: cannot be read .a network of it has no file here"):
        measured(networks, Phone({"a": 19.5}), tmp_path, threads=1, rounds=2, seed=0)


def test_a_table_of_another_device_is_said_to_be_one(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    networks[0][1]["table"] = {"title": "Samsung Note10"}
    [(_, card)] = measured(networks, Phone({"a": 50.0}), tmp_path, threads=1, rounds=2, seed=0)
    assert card["measured"]["statistic"] == "median"
    assert card["measured"]["unlike"] == ["runner"]
    assert "it is another device's" in verdict([card]).sentence


def test_an_interrupted_measurement_goes_on(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9))

    class Stopped(Phone):
        def __call__(self, path):
            if self.calls == 4:
                raise KeyboardInterrupt
            return super().__call__(path)

    with pytest.raises(KeyboardInterrupt):
        measured(networks, Stopped({"a": 19.5, "b": 30.2}), tmp_path, threads=1, rounds=3, seed=0)
    phone = Phone({"a": 19.5, "b": 30.2})
    measured(networks, phone, tmp_path, threads=1, rounds=3, seed=0)
    assert phone.calls == 1 + 2 * 2  # the first round was whole


def test_pages_show_all_that_is_there(tmp_path):
    for folder, card in exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9)):
        write_card(folder, card | {"by": ["<script>alert(1)</script>"]})
    index = write_pages(tmp_path)
    page = index.read_text()
    assert "<script>" not in page
    assert page.count("<tr>") == 1 + 2
    assert "measured, ms" not in page  # nothing is
    for name in ("a", "b"):
        assert f'href="mbv3_mine_embedded/{name}/card.md"' in page
        assert "RGB" in (tmp_path / "mbv3_mine_embedded" / name / "card.md").read_text()
    there = [(path.parent, read_card(path.parent)) for path in sorted(tmp_path.glob("*/*/card.json"))]
    networks = measured(there, Phone({"a": 19.5, "b": 30.2}), tmp_path, threads=1, rounds=2, seed=0)
    [section] = sections(networks)
    assert "1 of 2 (50%)" in section.verdict
    column = section.table.heads.index("target met when measured")
    assert [row[column] for row in section.table.rows] == ["yes", "no"]
    assert [one.name for one in section.pictures] == ["mbv3_mine_embedded/latency", "mbv3_mine_embedded/networks"]
    for folder, card in networks:
        write_card(folder, card)
    assert "measured, ms" in write_pages(tmp_path).read_text()
    for link in re.findall(r"\]\((.*?)\)", (tmp_path / "index.md").read_text()):
        assert (tmp_path / link).is_file()


def test_costs_that_are_no_milliseconds_are_compared_with_nothing(tmp_path):
    networks = exported(tmp_path, a=(200.0, 190.0))
    networks[0][1]["unit"] = "MMACs"
    networks = measured(networks, Phone({"a": 50.0}), tmp_path, threads=1, rounds=2, seed=0)
    assert verdict([card for _, card in networks]) is None
    [section] = sections(networks)
    assert section.verdict == "Costs are not in milliseconds: what was measured is compared with nothing."
    assert "prediction off" not in section.table.heads


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "it is not of format"),
        ({"target": "20"}, "its 'target' is 20"),
        ({"by": None}, "its 'by' is None"),
        ({"macs": True}, "its 'macs' is True"),
        ({"measured": {"ms": "fast"}}, "its 'ms' is fast"),
        ({"files": {}}, "its 'network.onnx' is absent"),
        ({"weights": {"told": 5}}, "its 'told' is 5"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path, change, said):
    [(folder, _)] = exported(tmp_path, a=(20.0, 19.0))
    write_card(folder, CARD | change)
    with pytest.raises(InputError, match=f"not readable as the card of an exported network .{said}"):
        write_pages(tmp_path)
