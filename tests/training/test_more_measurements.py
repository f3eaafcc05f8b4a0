"""What more measurements are worth: a Gaussian process as a guide, and its table."""

import json

import more_measurements
import more_measurements_table
import numpy as np
import pytest
from measured_rows import read_measured
from more_measurements import SPACE, Process, held_out_error
from numpy.testing import assert_allclose


@pytest.fixture(scope="module")
def halves():
    """Return 80 measured networks at 224 px, and 80 others."""
    rows = read_measured(SPACE)
    rows = rows.take(np.flatnonzero(rows.size == 224)[::10][:160])
    return rows.take(slice(0, None, 2)), rows.take(slice(1, None, 2))


@pytest.fixture(scope="module")
def guide(halves):
    return Process(halves[0])


def test_it_knows_what_was_measured_better_than_the_rest(guide, halves):
    seen, other = (held_out_error(guide, rows) for rows in halves)
    assert seen["error"] < other["error"] < np.std(halves[1].top1) / 2
    assert other["rank"] > 0.9


def test_its_gradient_is_that_of_its_accuracy(guide, halves):
    """Over single changes near an architecture the first order tells most of the difference."""
    genes = np.repeat(halves[1].genes[:40], 5, axis=0)
    changed = SPACE.canonical(SPACE.mutate(genes, 0.03, np.random.default_rng(0)))
    exact = guide.accuracy(changed) - guide.accuracy(genes)
    found = guide.linearised(genes, changed[:, None])[:, 0]
    assert np.corrcoef(exact, found)[0, 1] > 0.9
    assert_allclose(guide.linearised(genes, genes[:, None]), 0, atol=1e-9)


def test_what_is_there_is_kept(monkeypatch, tmp_path):
    """Results are written after each number of measurements, so a second start makes only what is missing."""
    made = list[int]()

    def results(size, rest, test):
        made.append(size)
        yield {"error": size / 7, "known": len(rest), "held": len(test)}

    monkeypatch.setattr(more_measurements, "OUT", tmp_path / "found.json")
    monkeypatch.setattr(more_measurements, "_results", results)
    more_measurements.main()
    first = json.loads((tmp_path / "found.json").read_text())
    assert made[:-1] == [0, *more_measurements.SIZES]
    assert made[-1] + first["held_out"] == (read_measured(SPACE).size == 224).sum()
    assert first["by_measurements"]["50"] == [{"error": 7.1429, "known": made[-1], "held": first["held_out"]}]
    del first["by_measurements"]["50"]
    (tmp_path / "found.json").write_text(json.dumps(first))
    made.clear()
    more_measurements.main()
    assert made == [50]


def test_the_table_compares_with_the_official_predictor(monkeypatch, tmp_path):
    class Judge:
        def accuracy(self, genes):
            return genes @ [0.1, 0.01, 0.001]

    def several(*judged):
        """Return searches with two winners each, which the judge rates 0.1 points below and above a number."""
        plain = {"error": 0.1, "bias": 0.0, "rank": 0.98}
        pairs = ([f"{10 * one - 1:.0f}", f"{10 * one + 1:.0f}"] for one in judged)
        return [{**plain, "guide": 1.01 * one, "winners": pair} for one, pair in zip(judged, pairs, strict=True)]

    monkeypatch.setattr(more_measurements_table, "measured_predictor", lambda *_: Judge())
    by = {"0": several(75.0, 75.2), "50": several(74.5, 74.9), "150": several(75.4, 75.6)}
    path = tmp_path / "more_measurements.json"
    path.write_text(json.dumps({"held_out": 9, "evaluations": 3000, "targets": [150.0, 375.0], "by_measurements": by}))
    monkeypatch.setattr(more_measurements_table, "OUT", path)
    table = more_measurements_table.more_measurements()
    assert "| 50 | 0.100 | 0.980 | 75.45 | 74.70 | -0.40 (-1.67 to +0.87) |" in table
    assert "from 150 to 375 million MACs" in table
    assert "+0.80 from 50 to 150." in more_measurements_table.more_measurements_in_short()
