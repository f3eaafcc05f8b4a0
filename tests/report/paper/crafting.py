"""Made-up records of the paper's experiments, without a search."""

import json
from functools import cache

import numpy as np
from composing import composed
from plain import change_record, plain_record, plain_result

from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.protocols import CHAINS, STRATEGIES
from ofa_bench.analysis.paper.published import published_paper
from ofa_bench.analysis.paper.runs import runs_of
from ofa_bench.config.address import address
from ofa_bench.config.schema import GROUPS
from ofa_bench.experiment.checks import result_config
from ofa_bench.records.model import RecordedRepeat

PLAIN = "evolution.memo=false"
CELLS = {
    "fair": {name: (f"strategy={name}", "budget=sqrt", PLAIN) for name in STRATEGIES},
    "as_published": {
        "vanilla": ("strategy=vanilla", "budget=paper", "evolution.reference_compat=true", PLAIN),
        "top_down": ("experiment=authors_top_down", PLAIN),
        "bottom_up": ("experiment=authors_bottom_up", PLAIN),
    },
    "fair_memo": {name: (f"strategy={name}", "budget=sqrt") for name in STRATEGIES},
}
ORDERS = {"top_down": "descending", "bottom_up": "ascending"}
CONTROLS = {
    f"{match} {chain}": (
        "strategy=vanilla",
        "budget=matched",
        f"budget.match={match}",
        f"budget.chain.order={order}",
        PLAIN,
    )
    for match in ("generations", "unique_evaluations", "seconds")
    for chain, order in ORDERS.items()
}
PUBLISHED = published_paper()
NOISE = np.array([-1.0, 1.0, -0.5, 0.5, -0.2, 0.2])
TEN = (15, 20, 25, 30, 35, 40, 45, 50, 55, 60)
ROWS = (1, 2, 3, 4, 5, 10)
OF_TOP_DOWN = [(35,), (35, 30), (35, 30, 25), (35, 30, 25, 20), (35, 30, 25, 20, 15)]


@cache
def _asked(words):
    config, task = composed("predictor=embedded", *words)
    choices = {group: str(config.hydra.runtime.choices[group]) for group in GROUPS}
    name = address(config.hydra.runtime.choices, config.hydra.overrides.task, config.seed)
    return choices, name, json.dumps(result_config(task))


def asked(*words):
    """Return what a record says of the command that made it, as the command says it."""
    choices, name, config = _asked(words)
    return plain_record(choices=choices, address=name, config=json.loads(config))


def crafted(protocol, strategy, targets, seconds=(1.0, 1.0), accuracy=None, generations=None, **changes):
    """Make a record of a protocol: a repeat for each number of seconds.

    ``accuracy`` is by repeat and target, percent; ``generations`` by target, those of the protocol if not given.
    """
    record = asked(*(CELLS[protocol] | CONTROLS)[strategy])
    n, w = 500, 63 if protocol == "as_published" else 23
    if generations is None:
        generations = [n] + [w] * (len(targets) - 1) if strategy in CHAINS else [n] * len(targets)
    if accuracy is None:
        accuracy = np.full((len(seconds), len(targets)), 80.0)
    record.config["targets"]["values"] = list(targets)
    record.address += f",targets.values=[{','.join(map(str, targets))}]"
    record = change_record(
        record,
        targets=list(map(float, targets)),
        budget={"generations": n, "warm_generations": w},
        predictor={"name": "embedded"},
        device={"name": "note10"},
        made={"compiled": True},
        repeats=[
            RecordedRepeat(
                repeat=number,
                seconds=spent,
                results=[
                    plain_result(
                        target=float(target), accuracy=found / 100, generations=made, seconds=spent / len(targets)
                    )
                    for target, found, made in zip(targets, row, generations, strict=True)
                ],
            )
            for number, (spent, row) in enumerate(zip(seconds, accuracy, strict=True))
        ],
    )
    return change_record(record, **changes)


def first(*numbers):
    return [TEN[:k] for k in numbers]


def crafted_set(protocol="fair", lists=None, **changes):
    """Make a record of every strategy for each list of targets."""
    lists = lists or first(1, 2, 10)
    return [crafted(protocol, name, targets, **changes) for name in STRATEGIES for targets in lists]


def crafted_rows(seconds=None, accuracy=None, repeats=6, protocol="fair", **changes):
    """Make records of table 1's rows: seconds and accuracies by strategy, functions of the number of targets, k."""
    made = []
    for name in STRATEGIES:
        for k in ROWS:
            spent = (seconds or {}).get(name, lambda k: np.full(repeats, 1.0 * k))(k)
            found = (accuracy or {}).get(name, lambda k: np.full((repeats, k), 80.0))(k)
            made.append(crafted(protocol, name, TEN[:k], seconds=spent, accuracy=found, **changes))
    return made


def answers(records, theme):
    """Return the rows of a table of claims, without their space, by claim."""
    table = verdicts(runs_of(records), PUBLISHED)[theme]
    assert all(len(row) == len(table.heads) for row in table.rows)
    return {row[1]: row[2:] for row in table.rows}


def of_fair(rows, claim):
    """Return the measurement and the verdict of the fair protocol on the one claim with these words."""
    [row] = [row for text, row in rows.items() if claim in text]
    return row[3:5]


def unmet(records, target):
    """Mark one target of each record as infeasible, as a search does: without a generation."""
    for one in (one for record in records for one in record.results):
        if one.target == target:
            vars(one).update(feasible=False, accuracy=None, generations=0)
    return records


def official(records):
    """Name the official predictor as the guide of these records."""
    for record in records:
        record.choices.predictor = "official"
        vars(record.predictor).update(name="official", sha256="3" * 64)
    return records
