"""``joint`` beside ``nsga2`` and ``vanilla`` on problems it was not made on: ``python benchmarks/untuned.py [FOLDER]``.

The records come from ``ofa_bench -m experiment=untuned tracking=none`` (some minutes; OFA's official files are needed,
see docs/spaces.md), below ``multirun`` unless another folder is given. In that experiment, gradients are charged to the
budget of ``joint`` at their measured cost, so it has as many evaluations as ``nsga2`` with gradients charged.

The table has the differences in mean accuracy over the targets, ``joint`` less the other, in points: their mean over
pairs of equal seed and repeat, its 95 % interval (paired t), and in how many pairs ``joint`` is better. The *stricter*
charge counts a gradient in evaluations by batches of 100, as ``nsga2`` makes them; there, ``joint`` is taken at the
evaluation at which it has spent as much as ``nsga2``. The JSON has the runs.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anytime import mean_curve
from figures import machine, markdown
from scipy import stats

from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.records.charges import charged_evaluations
from ofa_bench.records.model import RECORD, Record, RecordedRepeat
from ofa_bench.records.record import read

DEFAULT = Path(__file__).with_name("untuned.json")
HEAD = (
    "problem", "less `nsga2`, points", "better", "stricter charge", "better", "less `vanilla`", "better", "evaluations",
    "gradients", "cost of one", "charged", "`nsga2`", "`vanilla`",
)  # fmt: skip


def is_charged(record: Record) -> bool:
    """Return whether a record is one of the experiment's: its ``joint`` is charged, or has no gradient."""
    strategy = record.config["strategy"]
    charged = strategy.get("gradient_cost") == "measured" or strategy.get("gradient") is False
    return record.choices.strategy in ("nsga2", "vanilla") or (record.choices.strategy == "joint" and charged)


def problem_of(record: Record) -> tuple[Any, ...]:
    """Return what records have in common that are compared."""
    hashes = record.device.sha256, record.predictor.sha256
    return json.dumps(record.config["space"], sort_keys=True), *hashes, tuple(record.targets), record.budget.generations


def title(joint: Record) -> str:
    """Name a problem."""
    choices, device, strategy = joint.choices, joint.config["device"], joint.config["strategy"]
    space = f"{choices.space} {joint.config['space'].get('kernels', '')}".strip()
    made_up = "" if device.get("rescaled") is None else f" rescaled ({device['rescaled']})"
    rest = ("" if choices.targets == "default" else f", {choices.targets}") + (
        "" if strategy["gradient"] else ", no gradient"
    )
    return f"{space}, {choices.device}{made_up}, {choices.predictor}{rest}"


def means(record: Record) -> list[float]:
    """Return the mean accuracy over targets of each repeat, in percent."""
    return [100 * float(np.mean([one.accuracy for one in repeat.results])) for repeat in record.repeats]


def totals(record: Record, key: str) -> list[float]:
    """Return the sum over targets of a count, of each repeat."""
    return [sum(getattr(one, key) or 0 for one in repeat.results) for repeat in record.repeats]


def at_stricter(record: Record, repeat: RecordedRepeat, budget: float) -> float:
    """Return the mean accuracy, in percent, when gradients at their cost in batches of 100 have used up a budget."""
    cost = gradient_cost(record.choices.space, record.predictor.sha256, batches_of_100=True)
    made = sum(one.evaluations for one in repeat.results)
    charge = 1 + cost * sum(one.gradients or 0 for one in repeat.results) / made
    evaluations, accuracy = mean_curve(repeat.results)
    return 100 * accuracy[max(0, int(np.searchsorted(evaluations, budget / charge, side="right")) - 1)]


def difference(ours: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """Return the mean of paired differences, its 95 % interval, and the pairs in which ours is larger."""
    interval = stats.ttest_rel(ours, others).confidence_interval()
    pairs = [a - b for a, b in zip(ours, others, strict=True)]
    won = sum(one > 0 for one in pairs)
    return {"mean": float(np.mean(pairs)), "low": interval.low, "high": interval.high, "better": won, "of": len(pairs)}


def compared(joint: Record, nsga2: Record, vanilla: Record) -> dict[str, Any]:
    """Compare the records of a problem."""
    runs = {"joint": means(joint), "nsga2": means(nsga2), "vanilla": means(vanilla)}
    budgets = totals(nsga2, "evaluations")
    stricter = [at_stricter(joint, repeat, budget) for repeat, budget in zip(joint.repeats, budgets, strict=True)]
    charged = [sum(charged_evaluations(joint, one) for one in repeat.results) for repeat in joint.repeats]
    has_gradient = any(totals(joint, "gradients"))
    return {
        "title": title(joint),
        "predictor_sha256": joint.predictor.sha256,
        "accuracy": runs | {"joint, stricter": stricter},
        "less nsga2": difference(runs["joint"], runs["nsga2"]),
        "less nsga2, stricter": difference(stricter, runs["nsga2"]),
        "less vanilla": difference(runs["joint"], runs["vanilla"]),
        "gradient_cost": gradient_cost(joint.choices.space, joint.predictor.sha256) if has_gradient else None,
        "evaluations": {
            "joint": float(np.mean(totals(joint, "evaluations"))),
            "joint, charged": float(np.mean(charged)),
        }
        | {one.choices.strategy: float(np.mean(totals(one, "evaluations"))) for one in (nsga2, vanilla)},
        "gradients": float(np.mean(totals(joint, "gradients"))),
    }


def problems(folder: Path) -> list[dict[str, Any]]:
    """Compare all records below a folder."""
    records = [record for path in sorted(folder.rglob(RECORD)) if is_charged(record := read(path.parent))]
    others = {(problem_of(one), one.choices.strategy): one for one in records}
    joints = [record for record in records if record.choices.strategy == "joint"]
    found = [[others.get((problem_of(joint), name)) for name in ("nsga2", "vanilla")] for joint in joints]
    return [compared(joint, *pair) for joint, pair in zip(joints, found, strict=True) if None not in pair]


def rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the texts of the JSON's problems under ``HEAD``."""
    return [_row(one) for one in content["problems"]]


def _row(one: dict[str, Any]) -> list[str]:
    differences = [one[key] for key in ("less nsga2", "less nsga2, stricter", "less vanilla")]
    texts = [
        (f"{part['mean']:+.3f} ({part['low']:+.3f} to {part['high']:+.3f})", f"{part['better']} of {part['of']}")
        for part in differences
    ]
    counts = one["evaluations"]
    return [
        one["title"],
        *(text for pair in texts for text in pair),
        f"{counts['joint']:,.0f}",
        f"{one['gradients']:,.0f}",
        f"{one['gradient_cost']:.1f}" if one["gradient_cost"] else "",
        *(f"{counts[key]:,.0f}" for key in ("joint, charged", "nsga2", "vanilla")),
    ]


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description="Compare joint with nsga2 and vanilla at equal cost.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("multirun"), help="folder of the records")
    parser.add_argument("--out", type=Path, default=DEFAULT, help=f"the JSON file to write ({DEFAULT.name} here)")
    given = parser.parse_args()
    content = {"machine": machine(), "problems": problems(given.folder)}
    given.out.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown(HEAD, rows(content)))


if __name__ == "__main__":
    main()
