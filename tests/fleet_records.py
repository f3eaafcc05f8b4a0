"""Makes records of two devices by hand: four networks, whose accuracies and costs tests can add up."""

from dataclasses import replace

import numpy as np

from ofa_bench.analysis.fleets.pooling import pool
from ofa_bench.analysis.studies import studies
from ofa_bench.devices.cost import CostModel
from ofa_bench.records.model import (
    FORMAT,
    Alternative,
    Choices,
    Made,
    Record,
    RecordedBudget,
    RecordedDevice,
    RecordedPredictor,
    RecordedRepeat,
    Result,
)
from ofa_bench.spaces import MobileNetV3Space

__all__ = ["ACCURACY", "COSTS", "GENES", "TARGETS", "Costs", "fleet_of", "make_records", "with_regret"]

SPACE = MobileNetV3Space()
ACCURACY = {"x": 0.70, "y": 0.71, "z": 0.72, "w": 0.7195}
FIRST = {"x": (0, 0), "y": (0, 1), "z": (0, 2), "w": (1, 0)}
GENES = {name: [*first, *[0] * (SPACE.n_genes - 2)] for name, first in FIRST.items()}
COSTS = {"a": {"x": 1.0, "y": 2.0, "z": 3.0, "w": 3.0}, "b": {"x": 1.0, "y": 3.0, "z": 9.0, "w": 4.0}}
TARGETS = {"a": (1.0, 2.0, 3.0), "b": (1.0, 4.0)}
FOUND = {"a": ("xyz", "xxz"), "b": ("xw", "xy")}
"""What the two repeats found on each device, by target."""


class Costs(CostModel):
    """The costs of a device, by the first two genes; other architectures cost 5 plus the first gene."""

    def __init__(self, name):
        self.name, self.unit, self.sha256, self.card = name, "ms", name, {}
        self.table = np.array([[5.0 + i for _ in range(9)] for i in range(9)])
        for network, cost in COSTS[name].items():
            self.table[FIRST[network]] = cost

    def cost(self, genes):
        return self.table[genes[:, 0], genes[:, 1]]


def make_result(device, target, network, alternatives=""):
    feasible = network != "-"
    network = network if feasible else "x"
    others = [
        Alternative(accuracy=ACCURACY[one], cost=COSTS[device][one], architecture={"name": one}, genes=GENES[one])
        for one in alternatives
    ]
    return Result(
        target=target, feasible=feasible, accuracy=ACCURACY[network], cost=COSTS[device][network], seconds=0.5,
        generations=10, evaluations=100, unique_evaluations=60, architecture={"name": network}, genes=GENES[network],
        alternatives=others if feasible else [], curve=[],
    )  # fmt: skip


def make_records(found=None, strategy="vanilla", alternatives="", budget=(10, 3)):
    """Return the record of each device; ``found`` as ``FOUND``, where "-" is a target that was not met."""
    records = []
    for device, repeats in (found or FOUND).items():
        targets = TARGETS[device]
        results = [
            [make_result(device, target, one, alternatives) for target, one in zip(targets, row, strict=True)]
            for row in repeats
        ]
        records.append(
            Record(
                format=FORMAT,
                address=f"mbv3/{device}/toy/{strategy}/b/t/seed=0",
                choices=Choices(
                    space="mbv3", device=device, predictor="toy", strategy=strategy, budget="b", targets="t"
                ),
                identity=f"{device}{strategy}",
                config={"space": {"_target_": "ofa_bench.spaces.MobileNetV3Space"}},
                seed=0,
                unit="ms",
                targets=list(targets),
                budget=RecordedBudget(generations=budget[0], warm_generations=budget[1]),
                predictor=RecordedPredictor(name="toy", sha256="p"),
                device=RecordedDevice(name=device, sha256=device, minimum=1, maximum=9),
                made=Made(at="2030-01-01", ofa_bench="1", python="3", numpy="2", machine="m", cores=1, threads=1),
                repeats=[
                    RecordedRepeat(repeat=i, seconds=sum(one.seconds for one in row), results=row)
                    for i, row in enumerate(results)
                ],
            )
        )
    return records


def fleet_of(records, unknown=()):
    """Return the only fleet of records, with the cost models of all devices but the unknown ones."""
    [fleet] = pool(
        studies(records), lambda record, _: None if record.device.name in unknown else Costs(record.device.name)
    )
    return fleet


def with_regret(record, value):
    """Return a record that was compared with a frontier: each result has the same regret, a fraction of 1."""
    repeats = [
        replace(repeat, results=[replace(one, regret=value, best_known=1.0) for one in repeat.results])
        for repeat in record.repeats
    ]
    return replace(record, repeats=repeats)
