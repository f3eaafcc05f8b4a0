import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from calling import call
from fleet_records import make_records
from pages import Checked

from ofa_bench.devices.cost import CostLimit
from ofa_bench.devices.limited import LimitedCost
from ofa_bench.devices.tables import FOLDER, latency_table
from ofa_bench.records import record as records
from ofa_bench.report import fleet as page_of_fleet
from ofa_bench.report.rebuilding import rebuild_cost
from ofa_bench.spaces import MobileNetV3Space

QUICK = ("budget.generations=2", "repeats=2", "predictor=embedded", "tracking=none", "progress=false")
DEVICES = ("note10", "macs", "i7_8700k")


@pytest.fixture(scope="module")
def swept(forks, tmp_path_factory):
    """Return a folder in which a fleet was searched, together and one device after another, and its report."""
    folder = tmp_path_factory.mktemp("swept")
    fleet = ("device=fleet", f"device.devices=[{','.join(DEVICES)}]", "strategy=joint,vanilla")
    assert forks.run("run", ("-m", *fleet, *QUICK), folder).returncode == 0
    ran = forks.run("report", ("multirun", "out=out"), folder)
    assert (ran.returncode, ran.stdout) == (0, "out/report.html\n")
    assert ran.stderr == "ofa_bench: out/fleet.html: which networks serve all devices\n"
    return folder


def rows_of(path):
    return list(csv.DictReader(path.open()))


def test_each_place_has_its_best_network_at_its_exact_cost(swept):
    rows = rows_of(swept / "out" / "fleet.csv")
    space = MobileNetV3Space()
    found = [records.read(path.parent) for path in sorted(swept.rglob("record.json"))]
    assert len(found) == 6
    every = {tuple(one.genes): one.accuracy for record in found for result in record.results for one in result.networks}
    genes, accuracy = np.array([*every], np.int8), 100 * np.array([*every.values()])
    assert {row["device"] for row in rows} == set(DEVICES)
    for row in rows:
        cost = latency_table(space, row["device"])
        assert float(row["target"]) in cost.targets
        met = accuracy[cost.cost(genes) <= float(row["target"])]
        assert float(row["best_accuracy"]) == pytest.approx(met.max())
        assert 0 <= float(row["loss"]) < 0.1000001
        assert float(row["best_accuracy"]) - float(row["accuracy"]) == pytest.approx(float(row["loss"]))
        for key in ("", "best_"):
            one = space.from_ofa(json.loads(row[f"{key}architecture"]))
            assert cost.cost(one[None])[0] == pytest.approx(float(row[f"{key}cost"]))
            assert float(row[f"{key}cost"]) <= float(row["target"])
    by_name = {row["network"]: row["architecture"] for row in rows}
    assert len(set(by_name.values())) == len(by_name) <= len({row["best_network"] for row in rows})


def test_the_page_stands_alone_and_has_every_device(swept):
    text = (swept / "out" / "fleet.html").read_text()
    page = Checked(text)
    assert page.pictures == 3
    assert [one for one in page.sources if not one.startswith("data:image/png;base64,")] == ["report.html"]
    for words in (*DEVICES, "ms", "regret", "evaluations", "networks serve all 30 targets", "By the formulas"):
        assert words in page.words
    assert "nan" not in re.findall(r"\w+", page.words.lower())
    chosen = {row["network"] for row in rows_of(swept / "out" / "fleet.csv")}
    assert set(re.findall(r'<td class="text">(N\d+)</td>', text)) == chosen
    assert f"{len(chosen)} networks, and what each serves" in page.words


def test_the_other_files_lead_to_it(swept):
    out = swept / "out"
    report = Checked((out / "report.html").read_text())
    assert "fleet.html" in report.sources
    assert "networks serve all 30 targets" in report.words
    assert "device.devices" not in report.words.partition("Kept the same")[0]
    assert "(fleet.md)" in (out / "report.md").read_text()
    text = (out / "fleet.md").read_text()
    for picture in re.findall(r"\((figures/[^)]+)\)", text):
        assert (out / picture).stat().st_size > 1000
    for name in ("fleet.md", "tables.csv", "report.tex"):
        assert "What the whole fleet cost" in (out / name).read_text()


def test_a_report_of_one_device_has_no_fleet_page(swept, tmp_path):
    page = call("report", [str(swept / "multirun" / "mbv3" / "macs"), f"out={tmp_path}/out"]).read_text()
    assert "fleet.html" not in page
    assert not (tmp_path / "out" / "fleet.html").exists()


def test_of_many_devices_the_page_has_the_first_and_the_files_all(swept, tmp_path, monkeypatch):
    monkeypatch.setattr(page_of_fleet, "MAX_ROWS", 1)
    monkeypatch.setattr(page_of_fleet, "MAX_COLUMNS", 2)
    monkeypatch.setattr(page_of_fleet, "MAX_LISTED", 2)
    monkeypatch.setattr("ofa_bench.report.sections.MAX_DRAWN", 1)
    report = Checked(call("report", [str(swept / "multirun"), f"out={tmp_path}/out"]).read_text())
    page = Checked((tmp_path / "out" / "fleet.html").read_text())
    assert "The first 1 of 3 devices; fleet.csv and tables.csv have all." in page.words
    assert "These matrices, as tables" not in page.words
    assert len(rows_of(tmp_path / "out" / "fleet.csv")) == 30
    assert "Rank correlation of devices" in (tmp_path / "out" / "tables.csv").read_text()
    assert "Rank correlation of devices" not in (tmp_path / "out" / "fleet.md").read_text()
    assert report.words.count("Pictures are of the first 1 studies only.") == 2
    names = {path.name.split("_measured")[0] for path in (tmp_path / "out" / "figures").glob("mbv3_*_accuracy.png")}
    assert len(names) == 1


def one_record(device, **config):
    record = make_records()[0]
    record.config = {**record.config, "device": device, **config}
    record.device.sha256 = latency_table(MobileNetV3Space(), "note10").sha256
    return record


NOTE10 = {"_target_": "ofa_bench.predictors.latency_table", "device": "note10", "guard_band": False}


def test_the_cost_model_of_a_record_is_built_again():
    space = MobileNetV3Space()
    genes = space.sample(5, np.random.default_rng(0))
    record = one_record(NOTE10)
    plain = latency_table(space, "note10")
    assert (rebuild_cost(record, space).cost(genes) == plain.cost(genes)).all()
    limited = one_record(NOTE10, limits={"params": 6})
    assert rebuild_cost(limited, space) is None  # the hash is that of the table without limits
    record.device.sha256 = "another"
    assert rebuild_cost(record, space) is None


def test_limits_are_part_of_it():
    space = MobileNetV3Space()
    record = one_record(NOTE10, limits={"params": 6})
    wanted = LimitedCost(space, latency_table(space, "note10"), [CostLimit(latency_table(space, "params"), 6.0)])
    record.device.sha256 = wanted.sha256
    genes = space.sample(50, np.random.default_rng(0))
    costs = rebuild_cost(record, space).cost(genes)
    assert (costs == wanted.cost(genes)).all()
    assert 0 < np.isinf(costs).sum() < 50


def test_a_table_in_a_file_must_be_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (FOLDER / "note10" / "mbv3.json").read_text()
    Path("mine.json").write_text(text)
    record = one_record({**NOTE10, "device": "mine.json"})
    assert rebuild_cost(record, MobileNetV3Space()).name == "mine"
    Path("mine.json").write_text(text + "\n")
    assert rebuild_cost(record, MobileNetV3Space()) is None
    Path("mine.json").unlink()
    assert rebuild_cost(record, MobileNetV3Space()) is None


@pytest.mark.parametrize(
    "device",
    [
        None,
        {},
        "note10",
        {"_target_": "os.mkdir", "path": "marker"},
        {"_target_": "ofa_bench.predictors.latency_table", "device": "note10", "x": 1},
    ],
)
def test_nothing_else_that_a_record_names_is_called(device, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert rebuild_cost(one_record(device), MobileNetV3Space()) is None
    assert not (tmp_path / "marker").exists()
