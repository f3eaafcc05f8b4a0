"""The tables of searches on measured accuracies: pairs, brackets and the winner's curse."""

import numpy as np
import pytest
import truth_study
import truth_tables
from truth_study import Searched, compare, mean


def rows(*values):
    """Return accuracies at two targets in three repeats: each value, and each plus 2."""
    return {(0, repeat): np.array([value, value + 2.0]) for repeat, value in enumerate(values)}


VANILLA = rows(70.0, 70.5, 71.0)


def searched(guide, lead, judged, roles, device="macs"):
    own = {name: {key: row + lead * (name == "joint") for key, row in VANILLA.items()} for name in ("vanilla", "joint")}
    opinions = {
        judge: {name: {key: row - 1 + by * (name == "joint") for key, row in VANILLA.items()} for name in own}
        for judge, by in judged.items()
    }
    return Searched("mbv3", device, guide, own, opinions, roles, dict.fromkeys(judged, 0.25))


@pytest.fixture
def group(monkeypatch):
    """Return two guides: of one a source is the judge of the other."""
    found = [
        searched("official", 0.5, {"autobuild": 0.1}, {"autobuild": "independent"}),
        searched("measured", 0.3, {"autobuild": 0.2}, {"autobuild": None}),
    ]
    monkeypatch.setattr(truth_tables, "searched", lambda: found)
    [(space, devices, group)] = truth_tables.groups(by_device=False)
    assert (space, devices) == ("mbv3", "macs")
    return group


def test_differences_are_paired_by_repeat_and_averaged_over_devices():
    base, other = rows(70.0, 71.0, 75.0), rows(70.0, 70.0, 70.0)
    pairs = [(rows(70.2, 71.3, 75.4), base), (rows(70.4, 70.5, 70.6), other)]
    found = compare({"one": pairs})["one"]
    assert (found.n, found.difference) == (3, pytest.approx(0.4))
    assert found.interval == pytest.approx((0.4 - 4.3027 * 0.1 / 3**0.5, 0.4 + 4.3027 * 0.1 / 3**0.5), abs=1e-3)


def test_repeats_and_targets_that_one_lacks_are_left_out():
    one, base = rows(71.0, 72.0, 74.0), rows(70.0, 70.0, 70.0)
    del one[0, 1]
    base[0, 0][1] = np.nan
    found = compare({"one": [(one, base)]})["one"]
    assert (found.n, found.difference) == (2, pytest.approx((1 + 4) / 2))
    assert compare({"one": [({}, base)]}) == {}


def test_means_are_over_devices_repeats_and_targets():
    assert mean([rows(70.0, 71.0), rows(80.0)]) == pytest.approx((71.5 + 81) / 2)


def test_a_judge_that_had_part_in_the_guide_is_in_brackets(group):
    text = truth_tables.truth_strategies()
    official, measured = (next(line for line in text.splitlines() if f"`{guide}` |" in line) for guide in group)
    assert official == "| `official` | `joint` | +0.50 | +0.10 |"
    assert measured == "| `measured` | `joint` | +0.30 | [+0.20] |"
    assert "at most 25 % by `autobuild`" in text


def test_overrating_is_what_exceeds_the_difference_of_sources_on_winners_of_others():
    """On winners of official, autobuild is 0.3 above ofa_w1.0; on its own it is 1.2 above."""
    group = {
        "official": [searched("official", 0.5, {"autobuild": 0.4, "ofa_w1.0": 0.1}, {})],
        "measured autobuild": [searched("measured autobuild", 0.3, {"ofa_w1.0": 0.1}, {})],
    }
    found = truth_tables.overrated(group, "measured autobuild", "ofa_w1.0")
    assert found.difference == pytest.approx((0.3 + 1 - 0.1) - (0.4 - 0.1))
    assert truth_tables.overrated(group, "official", "ofa_w1.0") is None
    del group["official"]
    assert truth_tables.overrated(group, "measured autobuild", "ofa_w1.0") is None, "nothing tells their levels"


def test_a_guide_is_compared_with_the_first_by_the_judge(group):
    assert truth_tables.lead_over_base(group, "measured", "official", "autobuild").difference == pytest.approx(0.1)
    assert truth_tables.lead_over_base(group, "official", "official", "autobuild") is None
    assert "[+0.10]" in truth_tables.truth_guides()


def test_devices_that_a_guide_lacks_are_not_averaged(group, monkeypatch):
    more = [
        *truth_tables.searched(),
        searched("official", 9.0, {"autobuild": 9.0}, {"autobuild": "independent"}, device="x"),
    ]
    monkeypatch.setattr(truth_tables, "searched", lambda: more)
    assert [(devices, list(group)) for _, devices, group in truth_tables.groups(by_device=False)] == [
        ("macs", ["official", "measured"])
    ]
    assert [devices for _, devices, _ in truth_tables.groups(by_device=True)] == ["macs", "x"]


def test_a_missing_study_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(truth_study, "FILE", tmp_path / "truth.csv.gz")
    with pytest.raises(FileNotFoundError, match=r"truth\.csv\.gz"):
        truth_study.searched.__wrapped__()
