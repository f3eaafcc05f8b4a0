"""The table of ``benchmarks/studies/more_measurements.json``: what further measurements are worth."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
from more_measurements import OUT, SPACE
from scipy import stats

from ofa_bench.formatting import format_number
from ofa_bench.predictors import measured_predictor
from ofa_bench.records.tables import Table, markdown

__all__ = ["more_measurements", "more_measurements_in_short"]


JUDGE = "autobuild"
"""A source that shares no measurement with the guides."""


def _results() -> dict[str, Any]:
    """Return the results, with the mean accuracy of winners by the judge.

    Raises:
        FileNotFoundError: they are not there.
    """
    if not OUT.is_file():
        raise FileNotFoundError(f"{OUT.parent.name}/{OUT.name}")
    found: dict[str, Any] = json.loads(OUT.read_text())
    judge = measured_predictor(SPACE, JUDGE)
    for one in (one for several in found["by_measurements"].values() for one in several):
        genes = np.array([list(map(int, digits)) for digits in one.pop("winners")], np.int8)
        one[JUDGE] = float(100 * judge.accuracy(genes).mean())
    return found


def more_measurements() -> str:
    """Return by number of measurements: errors, and what a search finds with them."""
    found = _results()
    by = found["by_measurements"]
    official = np.array([one[JUDGE] for one in by["0"]])
    rows = []
    for size, several in by.items():
        column = {key: np.array([one[key] for one in several]) for key in several[0]}
        guide, judge = column["guide"], column[JUDGE]
        own = size != "0"
        rows.append((
            f"{int(size):,}" if own else "none: the official predictor",
            _spread(column["error"]), f"{column['rank'].mean():.3f}",
            f"{guide.mean():.2f}", f"{judge.mean():.2f}",
            _over(judge - official) if own else "", _over(guide - judge) if own else "",
        ))  # fmt: skip
    heads = ("measured networks", "held-out error, points", "held-out rank correlation", "winners by the guide %",
             f"by `{JUDGE}` %", "less the official predictor's, points", f"guide less `{JUDGE}`, points")  # fmt: skip
    note = (
        f"n = {len(by['0'])} samples and searches ({found['evaluations']:,} evaluations, {len(found['targets'])} "
        f"targets from {found['targets'][0]:g} to {found['targets'][-1]:g} million MACs); intervals (95 %, t) are over "
        f"them. All {list(by)[-1]} are one sample, searched {len(by['0'])} times. Held out are {found['held_out']} "
        "networks; the mean error is taken off."
    )
    return f"{markdown(Table('', heads, tuple(rows)))}\n\n{note}"


def more_measurements_in_short() -> str:
    """Return what each step is worth in points for a hundred measurements, as a sentence."""
    by = _results()["by_measurements"]
    sizes = [size for size in by if size != "0"]
    means = {size: np.mean([one[JUDGE] for one in by[size]]) for size in sizes}
    steps = [
        f"{format_number(float(100 * (means[b] - means[a]) / (int(b) - int(a))), '+.2f')} from {a} to {b}"
        for a, b in pairwise(sizes)
    ]
    return f"A hundred more measurements are worth, in points of accuracy by `{JUDGE}`: {', '.join(steps)}."


def _spread(values: Any) -> str:
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if np.ptp(values) > 0 else "")


def _over(values: Any) -> str:
    """Return a mean with its 95 % t interval."""
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    return f"{_signed(values.mean())} ({_signed(low)} to {_signed(high)})"


def _signed(value: float) -> str:
    return format_number(float(value), "+.2f")
