"""Tables of speed, from ``benchmarks/results.json``, and of the package's devices and frontiers, from its data."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import ofa_bench
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.records.frontiers import FOLDER, read
from ofa_bench.records.tables import Table, markdown

__all__ = [
    "best_known",
    "compiled_loops",
    "cpu_onnx",
    "floors",
    "machines",
    "measured_predictors",
    "overheads",
    "populations",
    "read_results",
    "scale",
    "speed_ratios",
    "speed_seconds",
]

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DATA = Path(ofa_bench.__file__).parent / "data"

Figure = Mapping[str, Any]

SECONDS = {
    "ofa": "`ofa`, with its own predictor and costs",
    "ofa on ours, one core": "`ofa`'s finder on our predictor and costs, one core",
    "ours": "ours, lockstep, both cores",
    "ours, one core": "ours, lockstep, one core",
    "ours, alone, one core": "ours, one search after another, one core",
    "floor": "floor, both cores",
    "floor, one core": "floor, one core",
}
RATIOS = {
    "ofa / ours": "`ofa` / ours, both cores",
    "ofa / ours, one core": "`ofa` / ours, one core",
    "ofa / ours, alone, one core": "`ofa` / ours, one search after another",
    "ofa on ours, one core / ours, one core": "`ofa` on our predictor and costs / ours, one core each",
    "ours / floor": "ours / floor, both cores",
    "ours, one core / floor, one core": "ours / floor, one core",
}


@cache
def read_results() -> dict[str, Any]:
    """Return what ``benchmarks/run.py`` measured, by section."""
    found: dict[str, Any] = json.loads((BENCHMARKS / "results.json").read_text())
    return found


def _spread(found: Figure, spec: str = ".3g") -> str:
    """Return the median and, in brackets, the least and the largest of the runs."""
    low, high = format(found["low"], spec), format(found["high"], spec)
    return f"{found['median']:{spec}} ({low}–{high})"  # noqa: RUF001


def _speed(kind: str, names: Mapping[str, str], head: str) -> str:
    cases = read_results()["speed"]["cases"]
    numbers = {10: "ten", 2: "two"}
    rows = []
    for name, text in names.items():
        found = [one[kind][name] for one in cases]
        rows.append((text, *(cell for one in found for cell in (_spread(one), str(one["n"])))))
    heads = [
        head for one in cases
        for head in (f"`{one['space']}`, {numbers[len(one['targets'])]} targets, n={one['generations']}", "rounds")
    ]  # fmt: skip
    return markdown(Table("", (head, *heads), tuple(rows)))


def speed_seconds() -> str:
    """Return the seconds of each way to search."""
    return _speed("seconds", SECONDS, "seconds")


def speed_ratios() -> str:
    """Return ratios of seconds."""
    return _speed("ratios", RATIOS, "ratio, computed in each round")


def floors() -> str:
    """Return seconds of whole searches and of what they ask of the predictor."""
    rows = []
    for one in read_results()["floors"]["cases"]:
        seconds = (f"{one['seconds'][key]['median']:.2g}" for key in ("search", "floor", "own calls"))
        ratios = (_spread(one["ratios"][key]) for key in ("floor", "own calls"))
        strategy, rest = one["search"].split(",", 1)
        rows.append((f"`{one['space']}`: `{strategy}`,{rest}", *seconds, *ratios))
    heads = ("search, evaluations", "s", "floor, s", "own calls, s", "search / floor", "search / own calls")
    return markdown(Table("", heads, tuple(rows)))


def machines() -> str:
    """Return when and on what each section was measured."""
    rows = []
    for name, section in read_results().items():
        kernels = {one["architecture"] for one in section["versions"]["thread_pools"] if one["user_api"] == "blas"}
        machine = section["machine"]
        processor = f"{machine['processor']}, {machine['cores']} cores"
        rows.append((f"`{name}`", section["date"][:10], processor, ", ".join(sorted(kernels))))
    return markdown(Table("", ("section", "date", "processor", "kernels of OpenBLAS"), tuple(rows), left=4))


def compiled_loops() -> str:
    """Return seconds of searches with compiled loops and with NumPy's."""
    rows = []
    for one in read_results()["compiled_loops"]["cases"]:
        seconds = (f"{one['seconds'][side]['median']:.2g}" for side in ("compiled", "NumPy"))
        title = f"`{one['space']}`, {one['k']} targets: `{one['strategy']}`"
        rows.append((title, f"{one['evaluations']:,}", *seconds, _spread(one["ratio"], ".2g")))
    heads = ("search", "evaluations", "compiled, s", "NumPy, s", "NumPy / compiled")
    return markdown(Table("", heads, tuple(rows)))


def scale() -> str:
    """Return seconds, generations and memory by the number of targets."""
    runs = {(one["strategy"], one["k"]): one for one in read_results()["scale"]["targets"]}
    rows = []
    for k in (1, 10, 100, 1000):
        row = [f"{k:,}"]
        for name in ("vanilla", "top_down", "bottom_up"):
            one = runs[name, k]
            row.append(f"{one['seconds']['median']:.3g}, {one['generations']['median']:,.0f}")
        lockstep = runs["vanilla, lockstep", k]
        peak = max(runs[name, k]["peak_mib"]["median"] for name in ("vanilla", "top_down", "bottom_up"))
        row.append(f"{lockstep['seconds']['median']:.3g}")
        row.append(f"{peak:.3g} (lockstep {lockstep['peak_mib']['median']:.3g})")
        rows.append(tuple(row))
    heads = ["k", *(f"`{name}` s, generations" for name in ("vanilla", "top_down", "bottom_up"))]
    return markdown(Table("", (*heads, "`vanilla`, lockstep, both cores", "peak MiB"), tuple(rows), left=0))


def populations() -> str:
    """Return seconds, evaluations and memory by the size of the population."""
    keys = ("evaluations", "unique_evaluations")
    rows = [
        (f"{one['population']:,}", _spread(one["seconds"], ".2g"), *(f"{one[key]['median']:,.0f}" for key in keys),
         f"{one['peak_mib']['median']:.3g}")
        for one in read_results()["scale"]["populations"]
    ]  # fmt: skip
    heads = ("population", "s", "evaluations", "of them new", "peak MiB")
    return markdown(Table("", heads, tuple(rows), left=0))


def overheads() -> str:
    """Return what starting and tracking takes."""
    tracking = read_results()["overheads"]["tracking"]
    ways: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
        "start to first generation, one cell": lambda one: one["commands"]["one cell"]["to first generation"],
        "the same, when loops have to be compiled": lambda one: one["commands"]["one cell, empty cache"][
            "to first generation"
        ],
        "the same, first cell of a sweep": lambda one: one["commands"]["sweep of 1 cell"]["to first generation"],
        "whole command, one small cell (MLflow makes its database)": lambda one: one["commands"]["one cell"][
            "whole command"
        ],
        "whole command, the 9 cells of three strategies in three spaces": lambda one: one["commands"][
            "README's sweep of 9 cells"
        ]["whole command"],
        "what a further cell of a sweep adds besides its search": lambda one: one["a further cell"],
    }
    rows = [(name, *(_spread(way(tracking[one]), ".2f") for one in ("none", "MLflow"))) for name, way in ways.items()]
    return markdown(Table("", ("", "`tracking=none`", "MLflow"), tuple(rows)))


def cpu_onnx() -> str:
    """Return the errors of the device ``cpu_onnx``, from its cards."""
    rows = []
    for name in ("mbv3", "mbv3_w1.0", "resnet50d", "proxyless", "nasbench_macro"):
        card = json.loads((DATA / "devices" / "cpu_onnx" / f"{name}.json").read_text())["card"]
        held, form = card["held_back"], card["calibration"]["form"]
        left_out = card["calibrating_networks_left_out"][form]
        low, high = left_out["range_ms"]
        digits = 0 if low >= 1 else 1
        rows.append((
            f"`{name}`", f"{card['protocol']['pieces']:,}",
            f"{100 * held['mean_error']:.1f} %", f"{100 * held['p95_error']:.1f} %",
            f"{held['rank_correlation']:.3f}", f"{100 * left_out['mean_error']:.1f} %",
            f"{low:.{digits}f}…{high:.{digits}f} ms",
        ))  # fmt: skip
    heads = (
        "`cpu_onnx`", "pieces timed", "mean error", "95th percentile", "rank correlation",
        "mean error, small to large", "their range",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows)))


def measured_predictors() -> str:
    """Return the errors of the predictors of measured accuracies on rows that were held out, from their cards."""
    rows = []
    for name in ("mbv3", "mbv3_w1.0", "proxyless", "accel_nasbench"):
        card = json.loads((DATA / "predictors" / "measured" / f"{name}.json").read_text())
        for source, about in (("all", card["all"]), *card["by_source"].items()):
            if about != card["all"] or source == "all":
                rows += [_held_out(name, source, about, held) for held in _parts(about["held_out"])]
    heads = (
        "space", "`predictor.source`", "held out", "networks", "error", "bias", "rank", "rank within tenths of latency",
        "within 1 / 1.96 uncertainties",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows), 3))


def _parts(held: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of all rows that were held out: those of 224 px, and those of smaller images, if any."""
    return [held, *([held["smaller_sizes"]] if "smaller_sizes" in held else [])]


def _held_out(name: str, source: str, about: dict[str, Any], held: dict[str, Any]) -> tuple[str, ...]:
    words = "all sources" if source == "all" and len(about["sources"]) > 1 else about["sources"][0]
    tenths, within = held.get("rank_within_tenths_of_latency"), held["within_deviations"]
    return (
        f"`{name}`", f"null: {words}" if source == "all" else f"`{source}`", held["rows"], f"{held['n']:,}",
        f"{held['rmse']:.3f}", f"{held['bias']:+.3f}", f"{held['rank_correlation']:.3f}",
        f"{tenths:.3f}" if tenths else "", f"{100 * within['1']:.0f} / {100 * within['1.96']:.0f} %",
    )  # fmt: skip


def best_known() -> str:
    """Return the mean best-known accuracy over the default targets of each frontier of the package."""
    rows = []
    for path in sorted(FOLDER.rglob("*.json")):
        space_name, device, predictor = path.relative_to(FOLDER).with_suffix("").parts
        space = load_space(space_name)
        frontier = read(path, space)
        best = [frontier.best_known(target) for target in latency_table(space, device).targets]
        mean = 100 * float(np.mean([one for one in best if one is not None]))
        rows.append((f"`{space_name}`", f"`{device}`", f"`{predictor}`", _how(frontier.about), f"{mean:.2f} %"))
    return markdown(Table("", ("space", "device", "predictor", "how", "mean over the default targets"), tuple(rows), 4))


def _how(about: Mapping[str, Any]) -> str:
    """Return how far a frontier is known to be the optimum, from its card."""
    by = " ".join(made["by"] for made in about["card"]["made"])
    if "bounds" in about:
        return "proven to 0.001 points"
    if about.get("exact") or "strategy=exhaustive" in by:
        return "exact: all are enumerated"
    records = " and of records of searches" if "records=" in by else ""
    return f"best of {sum(map(int, re.findall(r'minutes=([0-9]+)', by)))} minutes{records}"
