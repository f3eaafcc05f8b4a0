"""Measured accuracies in the package: every row is read, and comes from a source that its card names."""

import csv
import gzip
import json
import lzma
import re
import shutil
import subprocess
import sys
from functools import partial

import make_accel_nasbench
import make_measured
import make_nasbench
import make_predicted
import numpy as np
import pytest
from conftest import ROOT

from ofa_bench import data
from ofa_bench.devices.tables import FOLDER as DEVICES
from ofa_bench.errors import InputError
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, NASBenchMacroSpace, ProxylessNASSpace

SPACES = {
    "mbv3": MobileNetV3Space(),
    "mbv3_w1.0": MobileNetV3Space(width=1.0),
    "compofa_supernet": CompoundSpace("elastic"),
}


@pytest.mark.parametrize("name", SPACES)
def test_every_row_in_the_space_goes_through_it_and_back(name):
    space, table = SPACES[name], data.measured(name)
    inside = table[table["resolution"] >= 160]
    assert len(inside) == len(table) - (752 if name == "mbv3_w1.0" else 0)
    for one in inside["architecture"]:
        there = space.to_ofa(space.from_ofa(one))
        assert {key: there[key] for key in ("d", "r")} == {"d": one["d"], "r": [one["r"]]}
        for key in ("ks", "e"):
            built = [number for number, value in enumerate(one[key]) if value]
            assert [there[key][number] for number in built] == [one[key][number] for number in built]
        assert [bool(value) for value in one["ks"]] == [block % 4 < one["d"][block // 4] for block in range(20)]


def test_rows_below_the_space_are_there_and_refused_by_it():
    table = data.measured("mbv3_w1.0")
    below = table[table["resolution"] == 128]["architecture"]
    with pytest.raises(InputError, match=r"mbv3_w1\.0: r=128 is not one of"):
        SPACES["mbv3_w1.0"].from_ofa(below.iloc[0])


@pytest.mark.parametrize(("name", "rows", "networks"), [("mbv3", 329, 300), ("mbv3_w1.0", 3993, 3819)])
def test_a_card_counts_its_rows_and_names_their_sources(name, rows, networks):
    card, table = data.card("measured", name), data.measured(name)
    texts = table["architecture"].map(json.dumps)
    assert (card["rows"], card["networks"]) == (len(table), texts.nunique()) == (rows, networks)
    assert card["rows_by_resolution"] == {str(r): n for r, n in table["resolution"].value_counts().sort_index().items()}
    assert set(card["sources"]) == set(table["source"])
    assert all({"by", "address", "licence", "caveat"} <= set(source) for source in card["sources"].values())
    assert table["top1"].between(60, 80).all()
    assert list(table.columns) == ["architecture", "resolution", "top1", "source", "part"]


@pytest.mark.parametrize(("name", "images"), [("mbv3", 50_000), ("mbv3_w1.0", 12_500), ("compofa_supernet", 6_250)])
def test_accuracies_are_of_as_many_images_as_the_card_claims(name, images):
    table = data.measured(name)
    whole = table["part"] == 0
    for rows, n in ((table[whole], 50_000), (table[~whole], images)):
        hits = rows["top1"].to_numpy() * n / 100
        assert np.abs(hits - hits.round()).max(initial=0) < 1e-6
    assert (table["part"].nunique() - whole.any()) == (0 if name == "mbv3" else 50_000 // images)


def test_an_unknown_name_is_refused_with_the_nearest():
    for ask in (data.measured, partial(data.card, "measured")):
        with pytest.raises(
            InputError,
            match=r"measured=mbv3_w1: no such .*; there are accel_nasbench, compofa_supernet, mbv3, mbv3_w1\.0",
        ):
            ask("mbv3_w1")
        with pytest.raises(InputError, match=r"did you mean 'mbv3_w1\.0'\?"):
            ask("mbv3_w1.2")


def test_data_frames_are_imported_late():
    code = "import sys, ofa_bench.data; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_files_are_what_the_tool_makes_of_the_sources(measured, tmp_path, monkeypatch):
    """The archives' bytes too depend on zlib, so their content is compared; no time is in them."""
    ours_at = make_measured.FOLDER
    monkeypatch.setattr(make_measured, "FOLDER", tmp_path)
    make_measured.main(measured / "accuracy")
    monkeypatch.setattr(make_nasbench, "FOLDER", tmp_path)
    monkeypatch.setattr(make_nasbench, "DEVICES", tmp_path / "devices")
    make_nasbench.main(measured / "benchmarks" / "nas-bench-macro_cifar10.json")
    for device in make_nasbench.COUNTED:
        file = f"{device}/nasbench_macro.json"
        assert (tmp_path / "devices" / file).read_bytes() == (DEVICES / file).read_bytes()
    shutil.rmtree(tmp_path / "devices")
    monkeypatch.setattr(make_accel_nasbench, "FOLDER", tmp_path)
    make_accel_nasbench.main(measured / "benchmarks" / "accel_nasbench.csv")
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in ours_at.iterdir())
    for name in made:
        ours, theirs = ((folder / name).read_bytes() for folder in (ours_at, tmp_path))
        if name.endswith(".xz"):
            ours, theirs = lzma.decompress(ours), lzma.decompress(theirs)
        assert ours == theirs, name


def test_every_network_of_nasbench_macro_has_its_three_runs(measured):
    table, card, space = data.measured("nasbench_macro"), data.card("measured", "nasbench_macro"), NASBenchMacroSpace()
    assert list(table.columns) == ["architecture", "top1", "source"]
    assert (card["rows"], card["networks"]) == (len(table), len(table) // 3) == (19_683, 6_561)
    assert set(table["source"]) == set(card["sources"])
    published = json.loads((measured / "benchmarks/nas-bench-macro_cifar10.json").read_bytes())
    for run, source in enumerate(card["sources"]):
        rows = table[table["source"] == source]
        codes = ["".join(map(str, space.from_ofa(one).tolist())) for one in rows["architecture"]]
        assert sorted(codes) == sorted(published)
        wanted = [published[code]["test_acc"][run] for code in codes]
        assert np.abs(rows["top1"] - wanted).max() < 1e-5
    spread = table["top1"].groupby(table["architecture"].map(str)).std()
    assert card["repeats"]["standard_deviation"] == pytest.approx(np.sqrt((spread**2).mean()), abs=0.001)


LABELLED = {"mbv3": MobileNetV3Space(), "proxyless": ProxylessNASSpace()}


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_of_the_space_and_as_many_as_the_card_counts(name):
    space, table, card = LABELLED[name], data.predicted(name), data.card("predicted", name)
    assert len(table) == card["rows"]
    assert set(table["resolution"]) == set(card["resolutions"]) == {192, 208, 224}
    assert list(table.columns) == ["architecture", "resolution", "top1", "sample"]
    assert (table["sample"] == "random").sum() == 54_000
    assert table["architecture"].map(json.dumps).is_unique
    for one in table["architecture"].iloc[::997]:
        there = space.to_ofa(space.from_ofa(one))
        assert (there["d"], there["image_size"]) == (one["d"], one["r"])
        built = [i for i, value in enumerate(one["ks"]) if value]
        assert [there["ks"][i] for i in built] == [one["ks"][i] for i in built]
    with pytest.raises(InputError, match=r"predicted=proxy: no such .*; did you mean 'proxyless'\?"):
        data.predicted("proxy")
    with pytest.raises(InputError, match="kind=measure: must be measured or predicted; did you mean 'measured'"):
        data.card("measure", name)


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_exactly_those_of_the_sources(name, measured, tmp_path, monkeypatch):
    wanted = {}
    for sample in make_predicted.SAMPLES:
        path = measured / "accuracy" / f"{make_predicted.NAMES[name]}_{sample}.csv.gz"
        for row in csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines()):
            wanted[row["ks"], row["e"], row["d"], row["r"], sample] = float(row["top1_percent"])
    table = data.predicted(name)
    found = {
        (*("".join(map(str, one[key])) for key in ("ks", "e", "d")), str(one["r"]), sample): top1
        for one, sample, top1 in zip(table["architecture"], table["sample"], table["top1"], strict=True)
    }
    assert found == wanted
    ours_at = make_predicted.FOLDER
    monkeypatch.setattr(make_predicted, "FOLDER", tmp_path)
    make_predicted.main(measured / "accuracy")
    for suffix in (".json", ".npz"):
        assert (tmp_path / f"{name}{suffix}").read_bytes() == (ours_at / f"{name}{suffix}").read_bytes()


def test_the_notice_names_every_source_and_its_licence():
    notice = (ROOT / "NOTICE").read_text()
    cards = [data.card("measured", name) for name in (*SPACES, "nasbench_macro")]
    cards += [data.card("predicted", name) for name in LABELLED]
    sources = [one for card in cards for one in card.get("sources", {"": card}).values()]
    tables = [json.loads(path.read_text())["card"] for path in (ROOT / "ofa_bench/data/devices").glob("*/*.json")]
    sources += [{"address": one["source"], "licence": one["licence"]} for one in tables if "licence" in one]
    assert len(sources) >= 10
    for one in sources:
        address = re.search(r"https://github\.com/[\w/-]+", one["address"])[0]
        part = notice[notice.index(address) :].partition("\n\n")[2].partition("\n\n")[0]
        assert {"MIT": "MIT License", "Apache-2.0": "Apache License 2.0", "none": "No licence is stated"}[
            re.match(r"[\w.-]+", one["licence"])[0]
        ] in part
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE-APACHE").read_text()
