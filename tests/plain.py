"""Made-up records, for tests that do not search."""

import json
from dataclasses import is_dataclass, replace

from ofa_bench.records.model import (
    FORMAT,
    Choices,
    Made,
    Record,
    RecordedBudget,
    RecordedDevice,
    RecordedPredictor,
    RecordedRepeat,
    Result,
    to_dict,
)
from ofa_bench.records.schema import parse


def plain_result(**fields):
    """Return a result: what is not given is empty."""
    about = {"target": 20.0, "feasible": True, "accuracy": 0.75, "cost": 19.0, "seconds": 1.0, "generations": 1}
    about |= {"evaluations": 5, "unique_evaluations": 5, "architecture": {}, "genes": [0], "curve": []}
    return Result(**about | fields)


def plain_record(results=(), **fields):
    """Return a record of one repeat; a dict that is given for a part changes the part."""
    words = dict.fromkeys(("at", "ofa_bench", "python", "numpy", "machine"), "0")
    record = Record(
        format=FORMAT, address="mbv3/d/p/joint/b/t/seed=0", identity="0" * 16, config={}, seed=0, unit="ms",
        choices=Choices(space="mbv3", device="d", predictor="p", strategy="joint", budget="b", targets="t"),
        targets=[result.target for result in results], budget=RecordedBudget(generations=1, warm_generations=1),
        predictor=RecordedPredictor(name="p", sha256="1" * 64),
        device=RecordedDevice(name="d", sha256="2" * 64, minimum=1.0, maximum=99.0),
        made=Made(**words, cores=1, threads=1),
        repeats=[RecordedRepeat(repeat=0, seconds=1.0, results=list(results))],
    )  # fmt: skip
    return change_record(record, **fields)


def older(record, *keys):
    """Return a record as it is read of a file that lacks these keys, wherever they would be."""

    def without(node):
        if isinstance(node, dict):
            return {key: without(value) for key, value in node.items() if key not in keys}
        return [without(one) for one in node] if isinstance(node, list) else node

    return parse(without(json.loads(json.dumps(to_dict(record)))))


def change_record(record, **fields):
    """Return a record with other fields; a dict that is given for a part changes the part."""
    parts = {key: getattr(record, key) for key in fields}
    return replace(
        record,
        **{key: replace(parts[key], **one) if is_dataclass(parts[key]) else one for key, one in fields.items()},
    )
