import csv
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from nasty import NASTY_NAMES

from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import ONNX, PROGRAM, assign_folders, read_card, read_cards, write_card
from ofa_bench.exporting.found import FoundNetwork
from ofa_bench.exporting.measuring import compute_verdict, measure_networks
from ofa_bench.exporting.models import _metrics
from ofa_bench.exporting.pages import build_sections, write_pages
from ofa_bench.predictors.assets import sha256_of

CARD = {
    "format": "ofa_bench.network/1", "space": "mbv3", "device": "mine", "predictor": "embedded", "unit": "ms",
    "target": 20.0, "by": ["joint"], "accuracy": 0.8, "cost": 19.0,
    "guard_band": 1, "macs": 200_000_000, "parameters": 5_000_000,
    "architecture": {"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "r": [160]},
    "hashes": {"device": "t1", "predictor": "p1"},
    "table": {"runner": "Phone", "protocol": {"statistic": "10th percentile"}}, "measured": None,
    "weights": {"random": True, "description": "weights are random"},
    "files": {name: {"sha256": "0", "bytes": 12_300_000} for name in (ONNX, PROGRAM)},
    "input": {"name": "image", "shape": [1, 3, 160, 160], "type": "float32", "what": "RGB", "mean": [0],
              "standard_deviation": [1]},
    "output": {"name": "output", "shape": [1, 1000], "what": "logits"},
    "made": {"ofa_bench": "0", "torch": "2", "opset": 17, "date": "2026-01-01", "of": "0"},
}  # fmt: skip


class Phone:
    """A device whose runs take 0, 1, ... % longer than the time set for a file."""

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
        (folder / ONNX).write_text(name)
        files = CARD["files"] | {ONNX: {"sha256": sha256_of(folder / ONNX), "bytes": 1}}
        made.append((folder, CARD | {"target": target, "cost": cost, "files": files}))
        write_card(*made[-1])
    return made


def test_measured_latency_is_held_against_prediction_and_target(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9))
    phone = Phone({"a": 19.5, "b": 30.2})
    (_, a), (_, b) = measure_networks(networks, phone, tmp_path, 1, 4, 0, 8)
    assert phone.calls == 1 + 4 * 2
    runs = 19.5 * (1 + np.tile(np.arange(3), 4) / 100)
    for name, percent in (("p10", 10), ("median", 50), ("p90", 90)):
        assert a["measured"][f"{name}_ms"] == pytest.approx(np.percentile(runs, percent))
    assert a["measured"]["mean_ms"] == pytest.approx(runs.mean())
    assert (a["measured"]["statistic"], a["measured"]["table_statistic"]) == ("median", "p10")
    assert a["measured"]["unlike"] == []
    found = compute_verdict([a, b])
    assert (found.networks, found.met, found.met_by) == (2, 1, {"p10": 1, "p90": 1})
    errors = [1 - 19 / a["measured"]["p10_ms"], 1 - 29.9 / b["measured"]["p10_ms"]]  # like with like
    assert found.mean_error == pytest.approx(np.mean(errors))
    assert found.worst_error == pytest.approx(max(errors))
    assert "1 of 2 (50%) are met when measured, by the median of all runs" in found.sentence
    assert "(1 by the 10th percentile (p10), 1 by the 90th percentile (p90))" in found.sentence
    message = "The search met the targets by the table's statistic, the 10th percentile (p10); here they are judged by"
    assert f"{message} the median" in found.sentence
    assert "another device" not in found.sentence
    assert not (tmp_path / "unfinished").exists()
    assert len((tmp_path / "measurements.jsonl").read_text().splitlines()) == 1 + 4


def with_controls(out, *listed, table="t1"):
    """Make files and the list of random networks beside those found."""
    folder = out / "mbv3_mine_embedded" / "controls"
    folder.mkdir(parents=True)
    for one in listed:
        if isinstance(one, dict) and "/" not in str(one["file"]):
            (folder / str(one["file"])).write_text("control")
    (folder / "controls.json").write_text(json.dumps({"table": table, "networks": list(listed)}))
    return folder


CONTROLS = [{"file": f"{i:016x}.onnx", "cost": cost} for i, cost in enumerate((20.0, 24.0, 25.0))]


def drifting(path):
    """Everything takes 2 % more than the table says; what was found, 3 % more still."""
    if path.parent.name == "controls":
        return 1.02 * CONTROLS[int(path.stem, 16)]["cost"]
    return 1.02 * 1.03 * {"a": 19.0, "b": 29.0}[path.parent.name]


def test_random_networks_beside_them_tell_the_drift(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.0))
    with_controls(tmp_path, *CONTROLS)
    cards = [card for _, card in measure_networks(networks, drifting, tmp_path, 1, 2, 0, 8)]
    for card in cards:
        card["measured"]["unlike"] = []
    found = compute_verdict(cards)
    assert (found.controls, found.met, found.met_but_for_drift) == (3, 1, 2)
    assert found.drift == pytest.approx((0.02, 0))
    assert found.beyond == pytest.approx((0.03, 0))
    assert "3 random networks, timed in the same rounds, took 2.0% more (± 0.0" in found.sentence
    assert "those found took 3.0% more (± 0.0, standard error) than predicted, and 2 of 2 targets" in found.sentence
    [one, _] = [card for _, card in measure_networks(networks, drifting, tmp_path, 1, 2, 0, 2)]
    assert (one["measured"]["controls"], one["measured"]["drift"]) == (2, 0.02)
    [none, _] = [card for _, card in measure_networks(networks, drifting, tmp_path, 1, 2, 0, 0)]
    assert (none["measured"]["controls"], none["measured"]["drift"]) == (0, None)
    assert "random networks" not in compute_verdict([none]).sentence


def test_each_network_is_freed_of_its_own_days_drift(tmp_path):
    """Measured on a slow day and on a fast one, each as the table says but for the day."""
    (_, a), (_, b) = exported(tmp_path, a=(20.0, 19.9), b=(20.0, 19.9))
    about = MEASURED | {"table_statistic": "median", "controls": 4, "drift_error": 0.01}
    a["measured"] = about | {"median_ms": 19.9 * 1.1, "drift": 0.1}
    b["measured"] = about | {"median_ms": 19.9 * 0.9, "drift": -0.1}
    found = compute_verdict([a, b])
    assert (found.met, found.met_but_for_drift) == (1, 2)
    assert found.beyond == pytest.approx((0, 0.01), abs=1e-9)


def test_random_networks_of_another_table_are_not_timed(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    with_controls(tmp_path, *CONTROLS, table="t2")
    phone = Phone({"a": 19.5})
    [(_, card)] = measure_networks(networks, phone, tmp_path, 1, 2, 0, 8)
    assert card["measured"]["controls"] == 0
    assert phone.calls == 1 + 2


@pytest.mark.parametrize("file", ["../../outside.onnx", "/etc/passwd", "..", 5, "0" * 16])
def test_random_networks_of_elsewhere_are_refused(tmp_path, file):
    networks = exported(tmp_path, a=(20.0, 19.0))
    with_controls(tmp_path, *CONTROLS)
    path = tmp_path / "mbv3_mine_embedded" / "controls" / "controls.json"
    path.write_text(json.dumps({"table": "t1", "networks": [*CONTROLS, {"file": file, "cost": 20.0}]}))
    with pytest.raises(InputError, match=r"controls.json: cannot be read .it must list networks, each with a file"):
        measure_networks(networks, Phone({"a": 19.5}), tmp_path, 1, 2, 0, 8)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"networks": None}, "it must list networks"),
        ({"networks": 5}, "it must list networks"),
        ({"networks": [{"file": "0" * 16 + ".onnx", "cost": 10**400}]}, "it must list networks"),
        ({"networks": [{"file": "0" * 16 + ".onnx", "cost": "x"}]}, "it must list networks"),
    ],
)
def test_an_invalid_list_of_random_networks_is_refused(tmp_path, about, message):
    networks = exported(tmp_path, a=(20.0, 19.0))
    folder = with_controls(tmp_path)
    (folder / "controls.json").write_text(json.dumps({"table": "t1"} | about))
    with pytest.raises(InputError, match=message):
        measure_networks(networks, Phone({"a": 19.5}), tmp_path, 1, 2, 0, 8)


def test_a_file_that_is_not_its_cards_is_not_timed(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    (networks[0][0] / ONNX).write_text("another")
    with pytest.raises(InputError, match=r"network.onnx: is not the file that its card describes; export it again"):
        measure_networks(networks, Phone({"a": 19.5}), tmp_path, 1, 2, 0, 8)


def test_an_interrupted_measurement_is_not_gone_on_with_where_a_file_changed(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    folder = with_controls(tmp_path, *CONTROLS)

    class Stopped(Phone):
        def __call__(self, path):
            if self.calls > 6:
                raise KeyboardInterrupt
            self.calls += 1
            return 1.0

    with pytest.raises(KeyboardInterrupt):
        measure_networks(networks, Stopped({}), tmp_path, 1, 3, 0, 8)
    (folder / CONTROLS[0]["file"]).write_text("another control")
    with pytest.raises(InputError, match="has measurements of another profile"):
        measure_networks(networks, drifting, tmp_path, 1, 3, 0, 8)


def test_networks_of_another_table_go_to_another_folder(tmp_path):
    exported(tmp_path, a=(20.0, 19.0))
    one = FoundNetwork(
        **{key: CARD[key] for key in ("space", "device", "predictor", "unit", "target", "accuracy", "cost")},
        architecture={}, guard_band=1, by=(), hashes=CARD["hashes"], table="", device_card={},
        folder="mbv3_mine_embedded/a",
    )  # fmt: skip
    others = [one, replace(one, hashes={"device": "t2", "predictor": "p1"}), replace(one, guard_band=1.01)]
    folders = [found.folder for found in assign_folders(others, tmp_path)]
    assert folders[0] == "mbv3_mine_embedded/a"
    assert len(set(folders)) == 3
    assert all(re.fullmatch(r"mbv3_mine_embedded_[0-9a-f]{6}/a", folder) for folder in folders[1:])
    assert [found.folder for found in assign_folders(others, tmp_path / "new")] == ["mbv3_mine_embedded/a"] * 3


def test_a_table_of_another_device_is_pointed_out(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    networks[0][1]["table"] = {"title": "Samsung Note10"}
    [(_, card)] = measure_networks(networks, Phone({"a": 50.0}), tmp_path, 1, 2, 0, 8)
    assert (card["measured"]["statistic"], card["measured"]["table_statistic"]) == ("median", None)
    assert "by the median of all runs; the table does not name its statistic" in compute_verdict([card]).sentence
    assert card["measured"]["unlike"] == ["runner"]
    assert compute_verdict([card]).sentence.startswith(
        "the table was made on another device, version or setting (other runner)."
    )
    [section] = build_sections([(networks[0][0], card)])
    assert "target met when measured here, on another device or runner than the table's (by median)" in (
        section.table.heads
    )


def test_an_interrupted_measurement_goes_on(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9))

    class Stopped(Phone):
        def __call__(self, path):
            if self.calls == 4:
                raise KeyboardInterrupt
            return super().__call__(path)

    with pytest.raises(KeyboardInterrupt):
        measure_networks(networks, Stopped({"a": 19.5, "b": 30.2}), tmp_path, 1, 3, 0, 8)
    phone = Phone({"a": 19.5, "b": 30.2})
    measure_networks(networks, phone, tmp_path, 1, 3, 0, 8)
    assert phone.calls == 1 + 2 * 2  # the first round was whole


def test_pages_show_all_that_is_there(tmp_path):
    there = exported(tmp_path, a=(20.0, 19.0), b=(30.0, 29.9))
    page = write_pages(tmp_path).read_text()
    assert page.count("<tr>") == 1 + 2
    assert "measured median, ms" not in page  # nothing is
    for name in ("a", "b"):
        assert f'href="./mbv3_mine_embedded/{name}/card.md"' in page
        assert "RGB" in (tmp_path / "mbv3_mine_embedded" / name / "card.md").read_text()
    networks = measure_networks(there, Phone({"a": 19.5, "b": 30.2}), tmp_path, 1, 2, 0, 8)
    [section] = build_sections(networks)
    assert "1 of 2 (50%)" in section.verdict
    column = section.table.heads.index("target met when measured (by median)")
    assert [row[column] for row in section.table.rows] == ["yes", "no"]
    assert [one.name for one in section.pictures] == ["mbv3_mine_embedded/latency", "mbv3_mine_embedded/networks"]
    for folder, card in networks:
        write_card(folder, card)
    assert "measured median, ms" in write_pages(tmp_path).read_text()
    for link in re.findall(r"\]\((.*?)\)", (tmp_path / "index.md").read_text()):
        assert (tmp_path / link).is_file()


def test_links_lead_to_networks_in_folders_of_any_name(tmp_path):
    names = [name for name in NASTY_NAMES if "/" not in name]
    exported(tmp_path, **dict.fromkeys(names, (20.0, 19.0)))
    (tmp_path / "mbv3_mine_embedded").rename(tmp_path / "[v2] R&D, 100%20 #?")
    page = write_pages(tmp_path)
    linked = [unquote(html.unescape(link)) for link in re.findall(r'href="([^"#][^"]*)"', page.read_text())]
    assert sorted(Path(link).parts[1] for link in linked) == sorted(names)
    written = [unquote(link) for link in re.findall(r"\]\((.*?)\)", (tmp_path / "index.md").read_text())]
    assert len(written) == len(names) + 1
    for link in linked + written:
        assert (tmp_path / link).is_file()


def test_the_table_of_all_networks_is_read_back(tmp_path):
    """Of two sections, one of them measured: one head, one row a network."""
    measured_ones = measure_networks(exported(tmp_path, a=(20.0, 19.0)), Phone({"a": 19.5}), tmp_path, 1, 2, 0, 8)
    write_card(*measured_ones[0])
    other = tmp_path / "proxyless_mine_embedded" / "b#1"
    other.mkdir(parents=True)
    write_card(other, CARD | {"space": "proxyless", "unit": "MMACs"})
    write_pages(tmp_path)
    with (tmp_path / "networks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["folder"] for row in rows] == ["mbv3_mine_embedded/a", "proxyless_mine_embedded/b#1"]
    assert [row["space"] for row in rows] == ["mbv3", "proxyless"]
    assert [float(row["cost"]) for row in rows] == [19.0, 19.0]
    assert (float(rows[0]["median_ms"]), rows[1]["median_ms"]) == (pytest.approx(19.5 * 1.01), "")
    assert (rows[0]["statistic"], rows[0]["table_statistic"]) == ("median", "p10")
    assert json.loads(rows[0]["architecture"]) == CARD["architecture"]
    assert 'href="./proxyless_mine_embedded/b%231/card.md"' in (tmp_path / "index.html").read_text()


def test_costs_that_are_no_milliseconds_are_compared_with_nothing(tmp_path):
    networks = exported(tmp_path, a=(200.0, 190.0))
    networks[0][1]["unit"] = "MMACs"
    networks = measure_networks(networks, Phone({"a": 50.0}), tmp_path, 1, 2, 0, 8)
    assert compute_verdict([card for _, card in networks]) is None
    [section] = build_sections(networks)
    assert section.verdict == "Costs are not in milliseconds, so they are not compared with the measured latency."
    assert "prediction off" not in section.table.heads


MEASURED = {
    "p10_ms": 19.5, "median_ms": 19.6, "p90_ms": 20.5, "mean_ms": 19.7, "statistic": "median", "table_statistic": None,
    "runner": "Phone", "date": "2026-01-01", "unlike": [], "controls": 0, "drift": None, "drift_error": None,
}  # fmt: skip


BEST = {"top1": 0.7612, "images": 50_000, "rank": 3, "networks": 10}
"""The measured accuracy of a network that was third by prediction."""


def test_the_uncertainty_and_the_measured_accuracy_are_on_all_pages(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.8), b=(30.0, 29.0))
    known = networks[0][1] | {"accuracy": 0.7634, "uncertainty": 0.00084, "measured_accuracy": BEST}
    write_card(networks[0][0], known)
    write_pages(tmp_path)
    text = (networks[0][0] / "card.md").read_text()
    assert "| predicted accuracy (predictor embedded, ± one standard deviation) | 76.34 ± 0.08 % |" in text
    assert "| measured accuracy (`ofa_bench collect`), on 50,000 images | 76.12 % |" in text
    assert "among the networks kept for this target, of which 10 were measured | 3 |" in text
    other = (networks[1][0] / "card.md").read_text()
    assert "| predicted accuracy (predictor embedded) | 80.00 % |" in other
    assert "measured accuracy" not in other
    [section] = build_sections(read_cards(tmp_path))
    first, second = (dict(zip(section.table.heads, row, strict=True)) for row in section.table.rows)
    heads = ("predicted accuracy %", "accuracy on images %", "rank by prediction")
    assert [first[head] for head in heads] == ["76.34 ± 0.08", "76.12", "3"]
    assert [second[head] for head in heads] == ["80.00", "", ""]
    with (tmp_path / "networks.csv").open() as file:
        first, second = csv.DictReader(file)
    names = ("uncertainty", "measured_accuracy", "measured_images", "rank_by_prediction")
    assert [first[name] for name in names] == ["0.00084", "0.7612", "50000", "3"]
    assert [second[name] for name in names] == [""] * 4
    assert _metrics(known) == _metrics(networks[0][1] | {"accuracy": 0.7634}) | {
        "uncertainty_points": pytest.approx(0.084), "measured_accuracy_percent": pytest.approx(76.12)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "it is not of format"),
        ({"target": "20"}, "its target is .20.; must be a number"),
        ({"target": 0}, "its target is 0; must be more than 0"),
        ({"by": None}, "its by is null; must be a list"),
        ({"by": ["<script>"]}, r"its by is .*script.*; must be printable and without markup"),
        ({"space": "<img src=x>"}, "must be printable and without markup"),
        ({"device": "![](http://evil)"}, "must be printable and without markup"),
        ({"device": r"$\\frac$"}, "must be printable and without markup"),
        ({"macs": True}, "its macs is true; must be a number"),
        ({"measured": {"p10_ms": "fast"}}, "its measured.p10_ms is .fast.; must be a number"),
        ({"measured": MEASURED | {"p10_ms": 0}}, "its measured.p10_ms is 0; must be more than 0"),
        (
            {"measured": MEASURED | {"statistic": "p50"}},
            "its measured.statistic is p50, that of .* must be p10, median, p90",
        ),
        (
            {"measured": MEASURED | {"table_statistic": "p50"}},
            "its measured.statistic is median, that of the table p50",
        ),
        ({"measured": MEASURED | {"p90_ms": None}}, "its measured.p90_ms is null; must be a number"),
        ({"guarded_cost": "20"}, "its guarded_cost is .20.; must be a number"),
        ({"measured": MEASURED | {"drift": -1}}, "its measured.drift is 0; must be more than 0"),
        ({"measured": MEASURED | {"unlike": [{}]}}, "its measured.unlike is .*; must be a list of names"),
        ({"uncertainty": -0.1}, "its uncertainty is -0.1; must be 0 or more"),
        ({"uncertainty": "0.1"}, "its uncertainty is .0.1.; must be a number or null"),
        ({"measured_accuracy": {"top1": 0.7}}, "it has no measured_accuracy.images"),
        ({"measured_accuracy": BEST | {"top1": 75}}, "its measured_accuracy.top1 is 75; must be a fraction of 1"),
        ({"measured_accuracy": BEST | {"rank": 0}}, "its measured_accuracy.rank is 0; must be more than 0"),
        ({"measured_accuracy": BEST | {"networks": 0.5}}, "its measured_accuracy.networks is 0.5; must be a whole"),
        ({"files": {}}, "it has no files.network.onnx"),
        ({"weights": {"description": 5, "random": True}}, "its weights.description is 5; must be a string"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path, change, message):
    [(folder, _)] = exported(tmp_path, a=(20.0, 19.0))
    write_card(folder, CARD | change)
    with pytest.raises(InputError, match=f"not readable as the card of an exported network .*{message}"):
        write_pages(tmp_path)


def test_a_target_met_by_the_10th_percentile_only_is_missed_by_the_median(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.8))
    phone = Phone({"a": 19.85})  # runs of 19.85, 20.05 and 20.25 ms
    description = {}
    for statistic in ("p10", "median", "p90"):
        [(folder, card)] = measure_networks(networks, phone, tmp_path, 1, 4, 0, 8, statistic)
        write_card(folder, card)
        write_pages(tmp_path)
        [section] = build_sections([(folder, read_card(folder))])
        row = dict(zip(section.table.heads, section.table.rows[0], strict=True))
        description[statistic] = row[f"target met when measured (by {statistic})"]
        assert row["met by p10, median, p90"] == "yes, no, no"
        assert row["prediction off (by p10)"] == "-0.3%"
        assert "yes by the 10th percentile (p10), no by the median" in (folder / "card.md").read_text()
    assert description == {"p10": "yes", "median": "no", "p90": "no"}
    assert "0 of 1 (0%) are met when measured, by the 90th percentile (p90) of all runs" in section.verdict


def test_targets_about_several_statistics_are_summed_up_apart(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.8), b=(30.0, 29.0))
    phone = Phone({"a": 19.85, "b": 29.0})
    cards = [
        *measure_networks(networks[:1], phone, tmp_path, 1, 2, 0, 8),
        *measure_networks(networks[1:], phone, tmp_path, 1, 2, 0, 8, "p90"),
    ]
    [section] = build_sections(cards)
    assert "0 of 1 (0%) are met when measured, by the median of all runs" in section.verdict
    assert "1 of 1 (100%) are met when measured, by the 90th percentile (p90) of all runs" in section.verdict


def test_a_table_of_means_is_compared_with_means(tmp_path):
    networks = exported(tmp_path, a=(20.0, 19.0))
    networks[0][1]["table"] = {"statistic": "mean", "runner": "Phone"}
    [(_, card)] = measure_networks(networks, lambda path: np.array([18.0, 18.0, 24.0]), tmp_path, 1, 2, 0, 8)
    assert compute_verdict([card]).mean_error == pytest.approx(1 / 20)
    assert compute_verdict([card]).met == 1


def test_a_cost_raised_by_the_guard_band_is_named_so(tmp_path):
    [(folder, card)] = exported(tmp_path, a=(20.0, 19.0))
    write_card(folder, card | {"guard_band": 1.02})
    [section] = build_sections([(folder, read_card(folder))])
    row = dict(zip(section.table.heads, section.table.rows[0], strict=True))
    assert (row["predicted cost, ms"], row["guarded cost, ms"]) == ("19.00", "19.38")
    write_pages(tmp_path)
    assert (
        "| guarded cost, which the search held below the target: raised by a guard band of 1.02 | 19.380 ms |"
        in (folder / "card.md").read_text()
    )
    with (tmp_path / "networks.csv").open() as file:
        [line] = csv.DictReader(file)
    assert (float(line["cost"]), float(line["guarded_cost"])) == (19.0, pytest.approx(19.38))
