"""Measured accuracies in the package: every row is read, and comes from a source that its card names."""

import gzip
import json
import subprocess
import sys

import make_measured
import numpy as np
import pytest

from ofa_bench import data
from ofa_bench.data import FOLDER, measured_card
from ofa_bench.errors import InputError
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space

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
    card, table = measured_card(name), data.measured(name)
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
    for ask in (data.measured, measured_card):
        with pytest.raises(
            InputError, match=r"measured=mbv3_w1: no such .*; there are compofa_supernet, mbv3, mbv3_w1\.0"
        ):
            ask("mbv3_w1")
        with pytest.raises(InputError, match=r"did you mean 'mbv3_w1\.0'\?"):
            ask("mbv3_w1.2")


def test_data_frames_are_imported_late():
    code = "import sys, ofa_bench.data; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_files_are_what_the_tool_makes_of_the_sources(measured, tmp_path, monkeypatch):
    """The archives' bytes too depend on zlib, so their content is compared; no time is in them."""
    monkeypatch.setattr(make_measured, "FOLDER", tmp_path)
    make_measured.main(measured / "accuracy")
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in FOLDER.iterdir())
    for name in made:
        ours, theirs = ((folder / name).read_bytes() for folder in (FOLDER, tmp_path))
        if name.endswith(".gz"):
            assert ours[4:8] == theirs[4:8] == bytes(4)
            ours, theirs = gzip.decompress(ours), gzip.decompress(theirs)
        assert ours == theirs, name
