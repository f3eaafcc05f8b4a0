"""Times exported networks end to end, and compares their latency with its prediction by the cost table."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.config.batches import DYNAMIC, batch_of_unit
from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import INT8, ONNX, Card, is_given
from ofa_bench.exporting.controls import read_controls
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.profiling.rounds import MEASUREMENTS, Times, measure
from ofa_bench.profiling.runners import OnnxRuntime, Runner, check_runner, describe_runner
from ofa_bench.profiling.statistics import PERCENTILES, describe_statistic, read_statistic, summarise_runs

__all__ = [
    "Verdict",
    "choose_batch",
    "comparable_ms",
    "compute_verdict",
    "group_by_statistic",
    "measure_networks",
    "meets_target",
]


def measure_networks(
    networks: Sequence[tuple[Path, Card]],
    runner: Runner,
    out: Path,
    threads: int,
    rounds: int,
    seed: int,
    n_controls: int,
    statistic: str = "median",
) -> list[tuple[Path, Card]]:
    """Time the ONNX files of networks; return their folders and cards, with the measurements.

    The controls beside them are timed in the same rounds.

    Args:
        networks: folders and cards.
        runner: returns milliseconds for one file (see ``profiling.runners``).
        out: the folder that keeps the rounds, so that an interrupted measurement can continue.
        threads: the threads of onnxruntime, if that is the runner.
        rounds: how often each file is timed; two or more.
        seed: seed of the orders.
        n_controls: the most controls to time for each space and table.
        statistic: the statistic of all runs that must meet the targets: ``p10``, ``median`` or ``p90``.

    Raises:
        InputError: the runner fails, a file does not match its card, its batch is not that of its table (see
            ``choose_batch``), or ``out`` has another unfinished measurement.
    """
    work = out / "unfinished"
    batches = [choose_batch(card["unit"], card.get("batch", 1), card["device"], runner) for _, card in networks]
    controls = {
        (folder.parent, card["hashes"]["device"]): read_controls(folder.parent, card["hashes"]["device"], n_controls)
        for folder, card in networks
    }
    beside = list(dict.fromkeys(path for some in controls.values() for path, _ in some))
    expected = {folder / ONNX: card["files"][ONNX]["sha256"] for folder, card in networks}
    expected |= {folder / INT8: card["int8"]["file"]["sha256"] for folder, card in networks if card.get("int8")}
    paths = [*expected, *beside]
    try:
        hashes = {path: sha256_of(path) for path in paths}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror}); export it again") from error
    for path, sha256 in expected.items():
        if hashes[path] != sha256:
            raise InputError(f"{path}: is not the file that its card describes; export it again")
    how = describe_runner(runner, threads)
    about = {"files": list(hashes.values()), **how, **({} if set(batches) == {1} else {"batches": batches})}
    if isinstance(runner, OnnxRuntime):
        for (folder, _), batch in zip(networks, batches, strict=True):
            runner.batches.update({folder / ONNX: batch, folder / INT8: batch})
    with runner if isinstance(runner, OnnxRuntime) else nullcontext():
        check_runner(runner, paths[0])  # fail early
        times, load = measure(paths, runner, work, about, rounds, seed)
    (work / MEASUREMENTS).replace(out / MEASUREMENTS)
    work.rmdir()
    by_path = dict(zip(paths, times, strict=True))
    extra = {"load_average": [min(load), max(load)], "date": date.today().isoformat(), **how}
    made = []
    for (folder, card), batch in zip(networks, batches, strict=True):
        summary = _summarise(by_path[folder / ONNX], card["table"], how, statistic)
        drift = _drift(controls[folder.parent, card["hashes"]["device"]], by_path, _compared(summary))
        int8 = {}
        if card.get("int8"):
            timed = _summarise(by_path[folder / INT8], card["table"], how, statistic)
            int8 = {"int8": card["int8"] | {"measured": timed | extra | {"batch": batch}}}
        made.append((folder, card | int8 | {"measured": summary | drift | extra | {"batch": batch}}))
    return made


def choose_batch(unit: str, batch: int | str, device: str, runner: Runner) -> int:
    """Return the batch with which a network is timed: its own, or for ``dynamic`` that of its cost table.

    Args:
        unit: the unit of the table.
        batch: the batch of the network, as in its card.
        device: the name of the table.
        runner: what times it; only onnxruntime can choose a batch.

    Raises:
        InputError: the table is for another batch, or the runner cannot choose one.
    """
    of_table = batch_of_unit(unit)
    if batch != DYNAMIC:
        if of_table not in (None, batch):
            raise InputError(
                f"batch={batch}: costs of {device} are for batch {of_table} ({unit}), not comparable; "
                f"export with batch={of_table} or batch={DYNAMIC} to measure"
            )
        return int(batch)
    if not isinstance(runner, OnnxRuntime):
        raise InputError(
            f"batch={DYNAMIC}: runner={runner.name} cannot choose how many images to take; give batch={of_table or 1}"
        )
    return of_table or 1


def _drift(controls: Sequence[tuple[Path, float]], times: Mapping[Path, Times], statistic: str) -> dict[str, Any]:
    """Return how much longer the controls took than predicted: mean and standard error (fractions)."""
    if len(controls) < 2:
        return {"controls": 0, "drift": None, "drift_error": None}
    ratios = [summarise_runs(times[path])[f"{statistic}_ms"] / cost for path, cost in controls]
    error = float(np.std(ratios, ddof=1)) / len(ratios) ** 0.5
    return {
        "controls": len(ratios),
        "drift": round(float(np.mean(ratios)) - 1, 5),
        "drift_error": round(error, 5),
    }


def _summarise(times: Times, table: Mapping[str, Any], how: Mapping[str, Any], statistic: str) -> dict[str, Any]:
    """Return the statistics of a file's milliseconds [rounds, runs]; ``unlike`` names what differs from the table."""
    return {
        **summarise_runs(times),
        "p95_ms": round(float(np.percentile(times, 95)), 5),
        "statistic": statistic,
        "table_statistic": read_statistic(table),
        "rounds": times.shape[0],
        "timed_runs_a_round": times.shape[1],
        "unlike": sorted(key for key in how if table.get(key) != how[key]),
    }


def _compared(summary: Mapping[str, Any]) -> str:
    """Return the statistic that is compared with the table: the table's own or, if unknown, that of the targets."""
    return str(summary["table_statistic"] or summary["statistic"])


def comparable_ms(card: Card) -> float:
    """Return the measured milliseconds with which the prediction is compared, of the same statistic."""
    return float(card["measured"][f"{_compared(card['measured'])}_ms"])


def meets_target(card: Card, statistic: str | None = None) -> bool:
    """Return whether a statistic of the measured milliseconds meets the target, by default the one it is about."""
    return bool(card["measured"][f"{statistic or card['measured']['statistic']}_ms"] <= card["target"])


@dataclass(frozen=True)
class Verdict:
    """The agreement of predicted and measured latency over measured networks.

    ``searched`` of the networks were found for a target. ``mean_error`` and ``worst_error`` are absolute errors,
    relative to the measured latency. They use the statistic ``compared``: that of the table if it is ``known``, else
    that of the targets. ``met`` counts the targets that are met by the statistic that they are about (``statistic``),
    ``met_by`` those that are met by each other one. If there were ``controls`` (else 0), ``drift`` is how much longer
    they took than predicted, ``beyond`` how much longer the networks took after correction for drift (means and
    standard errors, fractions), and ``met_but_for_drift`` how many targets would then be met.
    """

    networks: int
    searched: int
    statistic: str
    compared: str
    known: bool
    mean_error: float
    worst_error: float
    met: int
    met_by: Mapping[str, int]
    controls: int
    drift: tuple[float, float]
    beyond: tuple[float, float]
    met_but_for_drift: int
    unlike: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The verdict as sentences."""
        others = ", ".join(f"{count} by {describe_statistic(name)}" for name, count in self.met_by.items())
        message = (
            f"{self.networks} network{'s' if self.networks > 1 else ''} measured: predicted latency is off by "
            f"{self.mean_error:.1%} on average, {self.worst_error:.1%} at most "
            f"(by {describe_statistic(self.compared)} of all runs"
            f"{'' if self.known else '; the table does not name its statistic'})"
        )
        if self.searched:
            message += (
                f"; of the targets met in the search, {self.met} of {self.searched} ({self.met / self.searched:.0%}) "
                f"are met when measured, by {describe_statistic(self.statistic)} of all runs"
                f"{f' ({others})' if others else ''}"
            )
        message += "."
        if self.searched and self.known and self.compared != self.statistic:
            message += (
                f" The search met the targets by the table's statistic, {describe_statistic(self.compared)}; here they "
                f"are judged by {describe_statistic(self.statistic)}."
            )
        if self.unlike:
            other = ", ".join(self.unlike)
            message = f"the table was made on another device, version or setting (other {other}). {message}"
        if self.controls:
            message += (
                f" {self.controls} random networks, timed in the same rounds, took {_longer(*self.drift)} than the "
                f"table predicts; corrected for that, those {'found' if self.searched else 'given'} took "
                f"{_longer(*self.beyond)} than predicted"
            )
            message += f", and {self.met_but_for_drift} of {self.searched} targets are met." if self.searched else "."
        return message


def _longer(part: float, error: float) -> str:
    return f"{abs(part):.1%} {'more' if part >= 0 else 'less'} (± {100 * error:.1f}, standard error)"


def group_by_statistic(cards: Sequence[Card]) -> list[list[Card]]:
    """Return the measured cards in groups that share the statistics of their targets and tables."""
    groups: dict[Any, list[Card]] = {}
    for card in cards:
        if card["measured"]:
            key = card["measured"]["statistic"], card["measured"]["table_statistic"]
            groups.setdefault(key, []).append(card)
    return list(groups.values())


def compute_verdict(cards: Sequence[Card]) -> Verdict | None:
    """Return the verdict on cards of one group (see ``group_by_statistic``); None if no cost is in milliseconds."""
    known = [(card, card["measured"]) for card in cards if card["measured"] and batch_of_unit(card["unit"])]
    if not known:
        return None
    errors = [abs(card["cost"] / comparable_ms(card) - 1) for card, _ in known]
    drifts = [one["drift"] or 0.0 for _, one in known]
    beyond = [
        comparable_ms(card) / (1 + drift) / card["cost"] - 1 for (card, _), drift in zip(known, drifts, strict=True)
    ]
    error = float(np.mean([one["drift_error"] or 0.0 for _, one in known]))
    spread = float(np.std(beyond, ddof=1)) / len(beyond) ** 0.5 if len(beyond) > 1 else 0.0
    first = known[0][1]
    statistic = str(first["statistic"])
    undrifted = [one[f"{statistic}_ms"] / (1 + drift) for (_, one), drift in zip(known, drifts, strict=True)]
    searched = [card for card, _ in known if not is_given(card)]
    others = [name for name in PERCENTILES if name != statistic and searched]
    return Verdict(
        networks=len(known),
        searched=len(searched),
        statistic=statistic,
        compared=_compared(first),
        known=first["table_statistic"] is not None,
        mean_error=float(np.mean(errors)),
        worst_error=max(errors),
        met=sum(map(meets_target, searched)),
        met_by={name: sum(meets_target(card, name) for card in searched) for name in others},
        controls=min(one["controls"] for _, one in known),
        drift=(float(np.mean(drifts)), error),
        beyond=(float(np.mean(beyond)), float(np.hypot(spread, error))),
        met_but_for_drift=sum(
            ms <= card["target"] and not is_given(card) for (card, _), ms in zip(known, undrifted, strict=True)
        ),
        unlike=tuple(sorted({key for _, one in known for key in one["unlike"]})),
    )
