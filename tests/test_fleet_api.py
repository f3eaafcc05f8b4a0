"""Several devices and limits in the Python API."""

import json

import pytest

import ofa_bench as ob

DEVICES = ["note10", "macs"]


def test_a_fleet_has_a_problem_and_a_result_for_each_device(tmp_path):
    fleet = ob.problem("mbv3", device=DEVICES, keep=3)
    assert list(fleet.problems) == DEVICES
    assert fleet["macs"].predictor is fleet["note10"].predictor
    assert fleet["macs"].cost.unit == "MMACs"
    together = ob.run(fleet, "joint", evaluations=200, repeats=2, progress=False)
    assert isinstance(together, ob.FleetResult)
    assert [one.device.name for one in together] == DEVICES
    every = [result for record in together for result in record.repeats[1].results]
    assert (sum(one.evaluations for one in every), {one.shared for one in every}) == (200, {20})
    assert {len(one.networks) for one in every} == {3}
    folders = together.save(tmp_path)
    assert [json.loads((one / "record.json").read_text())["device"]["name"] for one in folders] == DEVICES
    assert [path.relative_to(tmp_path).parts[1] for path in folders] == DEVICES
    assert list(ob.problem("mbv3", device="fleet", devices=DEVICES).problems) == DEVICES


def test_what_knows_no_fleets_finds_what_it_finds_on_each_device_alone():
    fleet = ob.run(ob.problem("mbv3", device=DEVICES), "vanilla", budget=(5, 2), progress=False)
    for name in DEVICES:
        alone = ob.run(ob.problem("mbv3", device=name), "vanilla", budget=(5, 2), progress=False)
        found = [
            [(one.genes.tolist(), one.accuracy, one.cost) for one in result.repeats[0].results]
            for result in (fleet[name], alone)
        ]
        assert found[0] == found[1]
        assert fleet[name].record.address == alone.record.address
        assert fleet[name].prepared.identity == alone.prepared.identity


def test_limits_hold():
    problem = ob.problem("mbv3", device="note10", limits={"macs": 300})
    result = ob.run(problem, "joint", targets=[25.0, 60.0], evaluations=100, progress=False)
    assert [result.best(target).cost <= target for target in (25.0, 60.0)] == [True, True]
    assert all(one.costs["macs"] <= 300 for one in result.record.results)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ob.problem("mbv3", device=["note10", "mcas"]), "device.devices=mcas: no such option, file or folder"),
        (lambda: ob.problem("mbv3", device=["note10", 3]), "device: a list must have options and paths, not int"),
        (lambda: ob.problem("mbv3", device=[]), r"device.devices=\[\]: must be a list of devices"),
        (lambda: ob.problem("mbv3", device=["note10"])["macs"], "device=macs: not in the fleet; there are note10"),
        (lambda: ob.problem("mbv3", limits={"macs": 1}), "limits: no architecture of mbv3 meets macs 1 MMACs"),
    ],
    ids=["no such device", "a number", "none", "another", "too low"],
)
def test_wrong_fleets_are_refused_in_words(make, message):
    with pytest.raises(ob.InputError, match=message):
        make()
