"""Builds the paper's tables 1 and 2 and figure 2, with its published numbers beside those measured."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.paper.measures import row_ratio
from ofa_bench.analysis.paper.protocols import PROTOCOLS, STRATEGIES
from ofa_bench.analysis.paper.published import Published, printed_seconds
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.records.tables import Table

__all__ = ["accuracies", "ratios", "seconds", "single_seconds"]

Floats = NDArray[np.float64]


def seconds(space: str, runs: Mapping[str, Runs], published: Published) -> Table:
    """Return running times (s) by number of targets, with percentages of vanilla's; see its table 1."""
    paper = printed_seconds(published, space)
    numbers = published["table1"]["targets"]
    rows = []
    for k in sorted({k for one in runs.values() for k in one.rows}):
        row = [str(k)]
        for name in STRATEGIES:
            place = numbers.index(k) if k in numbers else None
            row.append("" if place is None else _with_share(paper[name][place], paper["vanilla"][place], name))
            for one in runs.values():
                seconds = {which: _median(one.seconds(which, k)) for which in STRATEGIES} if k in one.rows else {}
                row.append(_with_share(seconds[name], seconds["vanilla"], name) if seconds else "")
        rows.append(tuple(row))
    return Table(f"Seconds, {space}", ("targets", *_heads(runs)), tuple(rows), left=0)


def ratios(space: str, runs: Mapping[str, Runs], published: Published) -> Table | None:
    """Return top-down's time in percent of each other strategy's, with intervals; None without two rows."""
    paper, numbers = printed_seconds(published, space), published["table1"]["targets"]
    rows = []
    for k in sorted({k for one in runs.values() for k in one.rows}):
        row = [str(k)]
        for other in (name for name in STRATEGIES if name != "top_down"):
            place = numbers.index(k) if k in numbers else None
            row.append("" if place is None else f"{100 * paper['top_down'][place] / paper[other][place]:.0f}")
            found = [row_ratio(one, "top_down", other, k) if k in one.rows else None for one in runs.values()]
            row += ["" if one is None else one.description(0) for one in found]
        rows.append(tuple(row))
    columns = ["paper", *(PROTOCOLS[key] for key in runs)]
    heads = [f"{name}: {column}" for name in STRATEGIES if name != "top_down" for column in columns]
    return Table(f"Top-down's time, %, {space}", ("targets", *heads), tuple(rows), left=0) if len(rows) > 1 else None


def accuracies(space: str, runs: Mapping[str, Runs], published: Published) -> Table:
    """Return means and standard deviations of predicted accuracy (percent) by target; see its table 2."""
    own = space == "mbv3"
    paper = published["table2"]["printed_percent"] if own else {}
    stds = published["table2"]["printed_std_percent"]
    latencies = published["table2"]["latency_ms"]
    targets = next(iter(runs.values())).targets
    rows = []
    for place, target in enumerate(targets):
        row = [f"{target:g}"]
        for name in STRATEGIES:
            if own:
                at = latencies.index(target) if target in latencies else None
                row.append("" if at is None else f"{paper[name][at]:.2f} ± {stds[name][at]:.2f}")
            row += [_mean_std(one.accuracy(name)[:, place]) if one.targets == targets else "" for one in runs.values()]
        rows.append(tuple(row))
    last = ["mean"]
    for name in STRATEGIES:
        whole = list(targets) == latencies and all(one.met.all() for one in runs.values())
        last += [f"{np.mean(paper[name]):.2f}" if whole else ""] if own else []
        last += [_mean_std(one.mean_accuracy(name)) if one.targets == targets else "" for one in runs.values()]
    heads = _heads(runs) if own else [head for head in _heads(runs) if "paper" not in head]
    return Table(f"Predicted accuracy %, {space}", ("ms", *heads), (*rows, tuple(last)), left=0)


def single_seconds(runs: Mapping[str, Runs], published: Published) -> Table | None:
    """Return median seconds of a search for one target by latency; see its figure 2. None for fewer than two."""
    singles = {key: {name: one.single(name) for name in STRATEGIES} for key, one in runs.items()}
    singles = {key: of for key, of in singles.items() if len(of["vanilla"]) > 1}
    latencies = published["figure2"]["latency_ms"]
    common = [set(of[name]) for of in singles.values() for name in STRATEGIES]
    targets = sorted(set.intersection(*common)) if common else []
    if len(targets) < 2:
        return None
    rows = []
    for target in targets:
        row = [f"{target:g}"]
        for name in STRATEGIES:
            known = target in latencies
            row.append(f"{published['figure2']['seconds'][name][latencies.index(target)]:.2f}" if known else "")
            row += [f"{_median(of[name][target]):.3f}" for of in singles.values()]
        rows.append(tuple(row))
    return Table("Seconds of one target's search, mbv3", ("ms", *_heads(singles)), tuple(rows), left=0)


def _heads(runs: Iterable[str]) -> list[str]:
    columns = ["paper", *(PROTOCOLS[key] for key in runs)]
    return [f"{name}: {column}" for name in STRATEGIES for column in columns]


def _with_share(value: float, of: float, name: str) -> str:
    digits = 1 if value >= 10 else 2
    return f"{value:.{digits}f}" if name == "vanilla" else f"{value:.{digits}f} ({100 * value / of:.0f} %)"


def _median(values: Floats) -> float:
    return float(np.median(values))


def _mean_std(values: Floats) -> str:
    if not np.isfinite(values).all():
        return "infeasible"
    return f"{values.mean():.2f}" + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")
