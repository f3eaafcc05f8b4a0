import numpy as np
import pytest

from ofa_bench.config.schema import TargetsConfig
from ofa_bench.errors import InputError
from ofa_bench.experiment.targets import resolve_targets
from ofa_bench.predictors import CostModel, latency_table
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space

SPACE = MobileNetV3Space()
NOTE10 = latency_table(SPACE, "note10")


def resolved(cost=NOTE10, space=SPACE, **given):
    return resolve_targets(TargetsConfig(**given), space, cost)


def test_range_is_even_and_ends_where_it_should():
    assert resolved(start=10, stop=20, count=5) == (10, 12.5, 15, 17.5, 20)
    assert resolved(start=10, stop=20, count=1) == (10,)


def test_values_keep_their_order():
    assert resolved(values=[60, 5, 20], unit="ms") == (60, 5, 20)


def test_nothing_given_takes_the_tables_own():
    assert resolved() == (15, 20, 25, 30, 35, 40, 45, 50, 55, 60)
    macs = latency_table(SPACE, "macs")
    assert resolved(macs) == tuple(macs.targets)
    assert resolved(macs, unit="MMACs") == tuple(macs.targets)
    assert resolved(macs, first=3) == tuple(sorted(macs.targets)[:3])


@pytest.mark.parametrize("space", [SPACE, CompoundSpace("fixed")], ids=lambda space: space.name)
@pytest.mark.parametrize("device", ["note10", "macs"])
def test_quantiles_are_what_that_share_of_random_architectures_costs(space, device):
    cost, fractions = latency_table(space, device), [0.5, 0.01, 0.9]
    found = resolved(cost, space, quantiles=fractions)
    assert found == resolved(cost, space, quantiles=fractions)
    others = cost.cost(space.sample(20_000, np.random.default_rng(1)))
    assert [(others <= value).mean() for value in found] == pytest.approx(fractions, abs=0.02)
    assert all(value == float(f"{value:.4g}") for value in found)
    assert resolved(cost, space, quantiles=fractions[:1]) == found[:1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 1.0, "count": 2}, r"give start, stop and count \(missing: stop\)"),
        ({"values": [20, 5, 20]}, r"targets\.values: 20 is given twice"),
        ({"values": []}, r"targets\.values=\[\]: give at least one target"),
        ({"quantiles": []}, r"targets\.quantiles=\[\]: give at least one target"),
        ({"values": [10.0], "start": 1.0}, "not values with start, stop and count"),
        ({"values": [10.0], "quantiles": [0.5]}, "not values with quantiles"),
        ({"quantiles": [0.5], "count": 3}, "not quantiles with start, stop and count"),
        ({"values": [float("nan")]}, "nan is not a positive finite"),
        ({"values": [float("inf")]}, "inf is not a positive finite"),
        ({"values": [0.0]}, "0.0 is not a positive finite"),
        ({"start": 1.0, "stop": 2.0, "count": 0}, "targets.count=0"),
        ({"quantiles": [0.5, 0.0]}, "targets.quantiles: 0.0 is not a fraction between 0 and 1"),
        ({"quantiles": [1.0]}, "targets.quantiles: 1.0 is not a fraction"),
        ({"quantiles": [float("nan")]}, "targets.quantiles: nan is not a fraction"),
        ({"values": [10.0], "unit": "s"}, "targets.unit=s: this device's costs are in ms; targets=default"),
        ({"first": 0}, "targets.first=0: must be 1 to 10, as many as the device has of its own"),
        ({"first": 11}, "targets.first=11: must be 1 to 10"),
        ({"first": 2, "values": [15.0]}, "targets.first=2: takes of the device's own targets; not with values"),
        ({"unit": "s"}, "targets.unit=s: this device's costs are in ms"),
    ],
)
def test_bad_targets_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        resolved(**given)


def test_a_cost_model_without_targets_of_its_own_says_what_to_give():
    class Phone(CostModel):
        name, unit = "phone", "mJ"

        def cost(self, genes):
            return np.ones(len(genes))

    mine = Phone()
    with pytest.raises(InputError, match=r"device phone has none of its own for mbv3; give targets=quantiles"):
        resolved(mine)
    assert resolved(mine, values=[3]) == (3,)
