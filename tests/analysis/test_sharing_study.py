"""The study of what sharing a network costs: its rows, what the committed ones must meet, its table and picture."""

import csv
import gzip
import io

import numpy as np
import pytest
import sharing
from conftest import inside
from sharing import DEVICES

from ofa_bench.analysis.figures.sharing import draw_sharing
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import MobileNetV3Space


@pytest.mark.parametrize("name", ["worst", "i7_8700k"])
def test_a_row_has_what_is_found_for_a_level(name, monkeypatch):
    monkeypatch.setattr(sharing, "EVALUATIONS", 300)
    monkeypatch.setattr(sharing, "REPEATS", 2)
    rows = [dict(zip(sharing.COLUMNS, row, strict=True)) for row in sharing.rows_of(name)]
    assert [(row["repeat"], row["level"]) for row in rows] == [(i, k) for i in range(2) for k in range(1, 11)]
    tables = [latency_table(MobileNetV3Space(), device) for device in DEVICES]
    for row in rows:
        assert row["searched_for"] == name
        assert 70 < float(row["accuracy"]) < 80
        for table in tables if name == "worst" else [tables[1]]:
            assert float(row[table.name]) <= table.targets[row["level"] - 1] * (1 + 1e-5)
        for table in tables:
            assert table.minimum <= float(row[table.name]) <= table.maximum


def test_the_study_meets_the_limits_that_it_states():
    found, limits = sharing.found(), np.array([sharing.device_levels()[device] for device in DEVICES]).T
    assert set(found) == {*DEVICES, "worst", "mean"}
    assert {one.accuracy.shape for one in found.values()} == {(10, 10)}
    assert (found["worst"].costs <= limits * (1 + 1e-5)).all()
    for place, device in enumerate(DEVICES):
        assert (found[device].costs[:, :, place] <= limits[:, place] * (1 + 1e-5)).all()
        assert (sharing.lost(device).mean(axis=0) > 0).all()  # a shared network is one that the device could have alone
    mean = (found["mean"].costs / limits.mean(axis=0)).mean(axis=2)
    assert (mean <= (limits / limits.mean(axis=0)).mean(axis=1) * (1 + 1e-3)).all()
    assert (sharing.over("worst") <= 1e-3).all()
    assert (sharing.over("mean").mean(axis=0) > 0).any()


def test_the_table_has_the_means_of_the_study():
    rows = [line.strip("| ").split(" | ") for line in sharing.sharing().splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["level", "---", *map(str, range(1, 11)), "mean"]
    text = gzip.decompress(sharing.OUT.read_bytes()).decode()
    by_hand = {}
    for row in csv.DictReader(io.StringIO(text)):
        by_hand.setdefault((row["searched_for"], row["level"]), []).append(float(row["accuracy"]))
    for row in rows[2:12]:
        worst = np.mean(by_hand["worst", row[0]])
        assert row[2] == f"{worst:.2f}"
        for cell, device in zip(row[3:7], DEVICES, strict=True):
            assert float(cell.split(" ")[0]) == pytest.approx(np.mean(by_hand[device, row[0]]) - worst, abs=0.0051)


def test_the_picture_shows_each_device_and_each_way():
    line = {1: (70.0, 0.5), 2: (75.0, 0.2)}
    own = dict.fromkeys(DEVICES, line)
    lost = {device: {1: (place + 0.5, 0.1), 2: (0.1, 0.0)} for place, device in enumerate(DEVICES)}
    figure = draw_sharing(own, {"worst": line, "mean": line}, lost)
    figure.draw_without_rendering()
    left, right = figure.axes
    assert len(left.containers) == 6
    assert [one.lines[0].get_ydata().tolist() for one in right.containers] == [[i + 0.5, 0.1] for i in range(4)]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*(f"{one} alone" for one in DEVICES), "worst", "mean"]
    inside(figure, legend.get_texts())
