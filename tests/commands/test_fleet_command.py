"""``device=fleet``: a record for each device, of searches by itself or together; limits; messages."""

import json
from pathlib import Path

import pytest

from ofa_bench.devices.tables import FOLDER, devices_of
from ofa_bench.spaces import MobileNetV3Space

SMALL = ("budget=quick", "evolution.population_size=10", "tracking=none", "targets=quantiles")
FLEET = ("device=fleet", "device.devices=[note10,macs]")
ONE = "mbv3/{}/measured/vanilla/quick/quantiles/seed=0,evolution.population_size=10/record.json"
TOGETHER = (
    "mbv3/{}/measured/{}/quick/quantiles/"
    "seed=0,device.devices=[note10,macs],evolution.population_size=10,fleet,{}/record.json"
)
TIMES = ("seconds", "seconds_within", "made")


def run(forks, folder, *words, code=0):
    ran = forks.run("run", words, folder)
    assert ran.returncode == code, ran.stderr
    return ran


def plain(node):
    """Return a record without what takes time."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items() if key not in TIMES}
    return [plain(one) for one in node] if isinstance(node, list) else node


def read(path):
    return plain(json.loads(path.read_text()))


def test_a_strategy_that_knows_no_fleets_gives_the_records_of_single_devices(forks, tmp_path):
    run(forks, tmp_path, *FLEET, *SMALL, "output=fleet")
    run(forks, tmp_path, "-m", "device=note10,macs", *SMALL, "output=alone")
    for name in ("note10", "macs"):
        assert read(tmp_path / "fleet" / ONE.format(name)) == read(tmp_path / "alone" / ONE.format(name))
    assert not (tmp_path / "fleet" / "mbv3" / "fleet").exists()
    ran = run(forks, tmp_path, "-m", "device=note10,macs", *SMALL, "output=fleet")
    assert ran.stderr.count("already there, skipped") == 2


def test_devices_that_are_searched_together_have_a_record_each(forks, tmp_path):
    words = (*FLEET, *SMALL, "strategy=joint", "strategy.evaluations=300")
    run(forks, tmp_path, *words)
    paths = [
        tmp_path / "multirun" / TOGETHER.format(name, "joint", "strategy.evaluations=300")
        for name in ("note10", "macs")
    ]
    first, second = (json.loads(path.read_text()) for path in paths)
    assert [(one["device"]["name"], one["unit"]) for one in (first, second)] == [("note10", "ms"), ("macs", "MMACs")]
    assert first["identity"] != second["identity"]
    assert list(first["config"]["fleet"]) == ["note10", "macs"]
    every = [result for one in (first, second) for result in one["repeats"][0]["results"]]
    assert sum(result["evaluations"] for result in every) == 300
    assert {result["shared"] for result in every} == {20}

    assert run(forks, tmp_path, *words).stderr.count("already there, skipped") == 2
    kept = paths[0].read_text()
    paths[1].unlink()
    run(forks, tmp_path, *words)
    assert paths[0].read_text() == kept
    assert read(paths[1]) == plain(second)
    other = run(forks, tmp_path, "device=fleet", "device.devices=[note10,i7_8700k]", *words[2:])
    assert "already there" not in other.stderr


@pytest.mark.parametrize("across", ["similarity", "given", "random"])
def test_a_chain_across_devices_searches_from_scratch_once(forks, tmp_path, across):
    run(forks, tmp_path, *FLEET, *SMALL, "strategy=top_down", f"strategy.across={across}")
    found = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
    generations = [result["generations"] for one in found for result in one["repeats"][0]["results"]]
    assert sorted(generations) == [5] * 19 + [25]


def test_a_fleet_has_all_devices_of_the_space_in_milliseconds(forks, tmp_path):
    ran = run(forks, tmp_path, "--dry-run", "device=fleet", "tracking=none")
    units = devices_of(MobileNetV3Space())
    expected = [name for name, unit in units.items() if unit.startswith("ms")]
    assert len(expected) >= 8
    assert "macs" in units
    assert [line.split("/")[1] for line in ran.stdout.splitlines() if line.startswith("to run")] == expected


def test_devices_may_be_paths_and_have_targets_of_their_own(forks, tmp_path):
    (tmp_path / "mine.json").write_bytes((FOLDER / "note10" / "mbv3.json").read_bytes())
    targets = "targets.by_device={mine: [20, 30], macs: [300]}"
    words = ("device=fleet", "device.devices=[mine.json,macs]", "budget=quick", "tracking=none", targets)
    run(forks, tmp_path, *words)
    found = {path.parts[-7]: json.loads(path.read_text()) for path in tmp_path.rglob("record.json")}
    assert {name: one["targets"] for name, one in found.items()} == {"mine": [20, 30], "macs": [300]}
    assert found["mine"]["config"]["device"]["device"] == "mine.json"


def test_limits_hold_and_are_in_the_record(forks, tmp_path):
    run(forks, tmp_path, "limits={params: 6, macs: 300}", "targets=[25]", "budget=quick", "tracking=none")
    [path] = tmp_path.rglob("record.json")
    record = json.loads(path.read_text())
    [result] = record["repeats"][0]["results"]
    assert record["config"]["limits"] == {"params": 6, "macs": 300}
    for one in (result, *result["alternatives"]):
        assert one["cost"] <= 25
        assert one["costs"]["params"] <= 6
        assert one["costs"]["macs"] <= 300
    ran = forks.run("show", [str(Path(path).parent)], tmp_path)
    assert f"params {result['costs']['params']:.4g}, macs {result['costs']['macs']:.4g}" in ran.stdout


def test_attempts_of_a_search_of_several_devices_have_one_number(forks, tmp_path):
    words = (*FLEET, *SMALL, "strategy=joint", "strategy.evaluations=60")
    run(forks, tmp_path, *words)
    [first] = (tmp_path / "multirun" / "mbv3" / "note10").rglob("record.json")
    first.unlink()
    run(forks, tmp_path, *words, "rerun=true")
    found = sorted(path.parts[-7] + path.parts[-2][-10:] for path in tmp_path.rglob("record.json"))
    assert found == ["macs,attempt=2", "macsuations=60", "note10,attempt=2"]


def test_a_hint_names_one_device_and_is_not_given_with_limits(forks, tmp_path):
    words = (*FLEET, *SMALL, "space.choices={r: [224]}")
    hints = [line for line in run(forks, tmp_path, *words).stderr.splitlines() if "this makes one" in line]
    assert len(hints) == 2
    assert all("device.devices" not in line for line in hints)
    assert "ofa_bench frontier device=note10 'space.choices={r: [224]}'" in hints[0]
    assert "this makes one" not in run(forks, tmp_path, *words, "limits={params: 8}", "output=b").stderr


def test_other_commands_take_one_device(forks, tmp_path):
    ran = forks.run("frontier", ("device=fleet",), tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == "ofa_bench: device=fleet: several devices, which only a run searches; choose one\n"
    ran = forks.run("frontier", ("limits={macs: 300}",), tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == "ofa_bench: limits: a best-known frontier is of a device alone; make it without limits\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["device=fleet", "device.devices=[note10,mcas]"],
            "device.devices=mcas: no such option, file or folder; there are",
        ),
        (["device=fleet", "device.devices=note10"], "device.devices=note10: must be a list of devices or paths"),
        (["device=fleet", "device.devices=[]"], "device.devices=[]: must be a list of devices or paths"),
        (["device=fleet", "device.devices=[macs,macs]"], "device.devices: macs is there twice"),
        (["device=fleet", "device.devices=[fleet]"], "device.devices=fleet: no such option"),
        (["device=fleet", "device.devices=[p40_b64]"], "device=p40_b64: it has no table for space mbv3"),
        (["device=fleet", "targets.by_device={macs: [300]}"], "must have the targets of each device"),
        (["targets.by_device={note10: 20}"], "targets.by_device.note10=20: must be a list of numbers"),
        (["targets.by_device={note10: [0]}"], "targets: 0.0 is not a positive finite number"),
        (["limits={params: 1, macs: 100}"], "limits: no architecture of mbv3 meets params 1 M params, macs 100 "),
        (["device=fleet", "device.devices=[roofline,note10]"], "device.devices: roofline: device.peak=null"),
        (["device=fleet", "device.devices=[note10,group]"], "device.devices: group: device.devices=None"),
        (["limits={group: 3}"], "limits.group: device.devices=None"),
        (["limits={foo: 1}"], "limits.foo: no such option, file or folder; there are "),
        (["limits={macs: -1}"], "limits.macs=-1: must be a positive finite number"),
        (["limits=3"], "limits=3: must be costs by device"),
        (["limits={macs: 250}", "targets.values=[5]"], "mbv3 on note10 within the limits costs"),
        (["strategy=top_down", "strategy.across=simlarity"], "strategy.across=simlarity: must be null, similarity"),
    ],
    ids=str,
)
def test_wrong_fleets_and_limits_are_refused_in_words(forks, tmp_path, words, message):
    ran = run(forks, tmp_path, *words, "tracking=none", "budget=quick", code=2)
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("record.json"))
