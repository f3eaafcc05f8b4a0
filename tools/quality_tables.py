"""Tables of how long it takes to find networks as good as those of ``ofa``, from ``benchmarks/results.json``."""

import textwrap
from collections.abc import Mapping
from statistics import mean
from typing import Any

from results_tables import read_results

from ofa_bench.records.tables import Table, markdown

__all__ = ["quality", "quality_devices", "quality_in_short", "quality_nearly", "quality_whole"]

Found = Mapping[str, Any]

ROWS = {
    "10 targets": "ten targets",
    "100 targets": "100 targets, as good on `ofa`'s ten",
    "100 targets, all": "100 targets, as good as `vanilla` on all",
    "8 devices": "8 devices together, mean over their 80 targets",
    "8 devices, one by one": "8 devices one by one, each as good",
}
PROCESSES = {
    "joint": "ten targets, from the start of the process",
    "joint, empty cache": "the same, when loops have to be compiled",
}


def _results() -> Found:
    if "time_to_quality" not in read_results():
        raise FileNotFoundError("benchmarks/results.json: no section time_to_quality")
    section: Found = read_results()["time_to_quality"]
    return section


def _spread(found: Found | None) -> str:
    """Return the median and, in brackets, the least and the largest of the runs."""
    if found is None:
        return "never"
    median, low, high = (_number(found[key]) for key in ("median", "low", "high"))
    return median if low == high else f"{median} ({low}–{high})"  # noqa: RUF001


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _of(found: Found | None, searches: int) -> str:
    """Return how many searches were as good, if not all were."""
    made = found["n"] if found else 0
    return f"; {made} of {searches}" if made < searches else ""


def quality() -> str:
    """Return the seconds until networks are as good as those of ``ofa``."""
    results, rows = _results(), []
    for name, title in ROWS.items():
        one = results["joint"][name]
        evaluations = _spread(one["evaluations"]) + _of(one["evaluations"], one["searches"])
        times = f"{one['multiple']} × " if one["multiple"] > 1 else ""  # noqa: RUF001
        ofa = times + _spread(results["ofa"]["ofa"]["seconds"])
        ratios = (_spread(one["ratios"][side]) for side in results["ofa"])
        rows.append((title, ofa, _spread(one["seconds"]), evaluations, *ratios))
    processes = results["processes"]
    for name, title in PROCESSES.items():
        seconds = (_spread(processes["seconds"][side]) for side in ("ofa", name))
        rows.append((title, *seconds, "", _spread(processes["ratios"][name]), ""))
    heads = (
        "`joint` is as good", "`ofa`, s", "`joint`, s", "evaluations of `joint`", "`ofa` / `joint`",
        "`ofa` with one thread / `joint`",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows)))


def quality_whole() -> str:
    """Return what the same searches find and take if they make all their evaluations."""
    results = _results()
    evaluations = {1: results["evaluations"], 10: results["evaluations"], 8: results["fleet_evaluations"]}
    rows = []
    for name in ("10 targets", "100 targets", "8 devices"):
        one = results["joint"][name]
        rows.append(
            (ROWS[name].partition(",")[0].removesuffix(" together"), f"{evaluations[one['multiple']]:,}",
             _spread(one["whole seconds"]), f"{one['whole accuracy']['median']:.2f}",
             _spread(one["whole ratios"]["ofa"]))
        )  # fmt: skip
    heads = ("`joint`, not stopped", "evaluations", "s", "mean accuracy, %", "`ofa` / `joint`")
    return markdown(Table("", heads, tuple(rows)))


def quality_devices() -> str:
    """Return, by device, the evaluations until ``joint`` is as good as ``vanilla``."""
    devices = _results()["devices"]
    rows = [
        (f"`{name}`", f"{one['accuracy']['median']:.2f}",
         *(_spread(one[key]) + _of(one[key], one["searches"]) for key in ("together", "one by one")),
         f"{one['lookups']['median'] / devices['note10']['lookups']['median']:.2f}")
        for name, one in devices.items()
    ]  # fmt: skip
    lookups = mean(one["lookups"]["median"] for one in devices.values()) / devices["note10"]["lookups"]["median"]
    rows.append(("mean", "", "", "", f"{lookups:.2f}"))
    heads = (
        "device", "`vanilla`, %", "evaluations of all 8 together", "evaluations of this one alone",
        "costs looked up by `vanilla`, `note10`: 1",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows)))


def quality_nearly() -> str:
    """Return the sentence on how soon ``ofa`` itself is nearly as good as in the end."""
    share = _results()["ofa"]["ofa"]["nearly"]["median"]
    return f"`ofa` itself is within 0.05 points of its final mean after {100 * share:.0f} % of its seconds (median)."


def quality_in_short() -> str:
    """Return the sentences that sum it up."""
    results = _results()
    ten, many = (results["joint"][row] for row in ("10 targets", "100 targets"))
    ofa, goal = results["ofa"]["ofa"]["seconds"], results["ofa"]["ofa"]["accuracy"]["median"]
    sentences = (
        f"**Time to quality.** `ofa`'s own search takes {_number(ofa['median'])} s for ten targets on `mbv3` and finds "
        f"networks of {goal:.2f} % on average (predicted). `joint` has found networks as good after "
        f"{_number(ten['seconds']['median'])} s: {_number(ten['ratios']['ofa']['median'])} times sooner. For 100 "
        f"targets, which would take `ofa` ten times as long, `joint` takes {_number(many['seconds']['median'])} s: "
        f"{_number(many['ratios']['ofa']['median'])} times sooner."
    )
    return textwrap.fill(sentences, 120)
