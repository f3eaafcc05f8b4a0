"""Exported networks on a device: end to end, in shuffled rounds, against what the cost table says of them."""

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
from ofa_bench.profiling.runners import OnnxRuntime, Runner, about, check_runner
from ofa_bench.profiling.statistics import PERCENTILES, describe, statistic_of, summarise_runs

__all__ = ["Verdict", "alike", "comparable_ms", "measured", "met", "timed_batch", "verdict"]


def measured(
    networks: Sequence[tuple[Path, Card]],
    runner: Runner,
    out: Path,
    threads: int,
    rounds: int,
    seed: int,
    n_controls: int,
    statistic: str = "median",
) -> list[tuple[Path, Card]]:
    """Time the ONNX files of networks and give their folders and cards, with what was measured.

    Random networks that lie beside them (``controls``) are timed in the same rounds.

    Args:
        networks: folders and cards.
        runner: gives milliseconds for one file (see ``profiling.runners``).
        out: keeps the rounds, so that an interrupted measurement goes on.
        threads: of the runner, where it is onnxruntime.
        rounds: how often each file is timed, two or more.
        seed: of the orders.
        n_controls: how many of the random networks that lie beside them are timed too; 0 for none.
        statistic: of all runs, that the targets are about: ``p10``, ``median`` or ``p90``.

    Raises:
        InputError: the runner fails, a file is not its card's, its batch is not its table's (see ``timed_batch``), or
            another measurement was left unfinished in ``out``.
    """
    work = out / "unfinished"
    batches = [timed_batch(card["unit"], card.get("batch", 1), card["device"], runner) for _, card in networks]
    controls = {
        (folder.parent, card["hashes"]["device"]): read_controls(folder.parent, card["hashes"]["device"], n_controls)
        for folder, card in networks
    }
    beside = list(dict.fromkeys(path for some in controls.values() for path, _ in some))
    wanted = {folder / ONNX: card["files"][ONNX]["sha256"] for folder, card in networks}
    wanted |= {folder / INT8: card["int8"]["file"]["sha256"] for folder, card in networks if card.get("int8")}
    paths = [*wanted, *beside]
    files = [_timed(path) for path in paths]
    for (path, one), sha256 in zip(wanted.items(), files, strict=False):
        if one != sha256:
            raise InputError(f"{path}: is not the file that its card is of; export it again")
    how = about(runner, threads)
    asked = {"files": files, **how, **({} if set(batches) == {1} else {"batches": batches})}
    if isinstance(runner, OnnxRuntime):
        for (folder, _), batch in zip(networks, batches, strict=True):
            runner.batches.update({folder / ONNX: batch, folder / INT8: batch})
    with runner if isinstance(runner, OnnxRuntime) else nullcontext():
        check_runner(runner, paths[0])  # what is wrong with the runner is said before minutes are spent
        times, load = measure(paths, runner, work, asked, rounds, seed)
    (work / MEASUREMENTS).replace(out / MEASUREMENTS)
    work.rmdir()
    of = dict(zip(paths, times, strict=True))
    extra = {"load_average": [min(load), max(load)], "date": date.today().isoformat(), **how}
    made = []
    for (folder, card), batch in zip(networks, batches, strict=True):
        summary = _summary(of[folder / ONNX], card["table"], how, statistic)
        drift = _drift(controls[folder.parent, card["hashes"]["device"]], of, _compared(summary))
        int8 = {}
        if card.get("int8"):
            timed = _summary(of[folder / INT8], card["table"], how, statistic)
            int8 = {"int8": card["int8"] | {"measured": timed | extra | {"batch": batch}}}
        made.append((folder, card | int8 | {"measured": summary | drift | extra | {"batch": batch}}))
    return made


def timed_batch(unit: str, batch: int | str, device: str, runner: Runner) -> int:
    """Return the batch with which a network is timed: its own, or for ``dynamic`` that of its cost table.

    Args:
        unit: of the table.
        batch: of the network, as its card has it.
        device: the table's name.
        runner: that times it; one of the user's is told no batch.

    Raises:
        InputError: the table's latency is of another batch, or nothing tells the runner which.
    """
    of_table = batch_of_unit(unit)
    if batch != DYNAMIC:
        if of_table not in (None, batch):
            raise InputError(
                f"batch={batch}: costs of {device} are of batch {of_table} ({unit}), not comparable; "
                f"export with batch={of_table} or batch={DYNAMIC} to measure"
            )
        return int(batch)
    if not isinstance(runner, OnnxRuntime):
        raise InputError(
            f"batch={DYNAMIC}: runner={runner.name} is not told how many images to take; give batch={of_table or 1}"
        )
    return of_table or 1


def _timed(path: Path) -> str:
    """Hash a file that is timed."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); export it again") from error


def _drift(controls: Sequence[tuple[Path, float]], times: Mapping[Path, Times], statistic: str) -> dict[str, Any]:
    """Describe how much longer random networks took than the table says: mean and standard error (fractions)."""
    if len(controls) < 2:
        return {"controls": 0, "drift": None, "drift_error": None}
    ratios = [summarise_runs(times[path])[f"{statistic}_ms"] / cost for path, cost in controls]
    error = float(np.std(ratios, ddof=1)) / len(ratios) ** 0.5
    return {
        "controls": len(ratios),
        "drift": round(float(np.mean(ratios)) - 1, 5),
        "drift_error": round(error, 5),
    }


def _summary(times: Times, table: Mapping[str, Any], how: Mapping[str, Any], statistic: str) -> dict[str, Any]:
    """Sum up one file's milliseconds [rounds, runs]; ``unlike`` says in what the measurement is not the table's."""
    return {
        **summarise_runs(times),
        "p95_ms": round(float(np.percentile(times, 95)), 5),
        "statistic": statistic,
        "table_statistic": statistic_of(table),
        "rounds": times.shape[0],
        "timed_runs_a_round": times.shape[1],
        "unlike": sorted(key for key in how if table.get(key) != how[key]),
    }


def _compared(summary: Mapping[str, Any]) -> str:
    """Return the statistic that is compared with the table: the table's own or, where unknown, the target's."""
    return str(summary["table_statistic"] or summary["statistic"])


def comparable_ms(card: Card) -> float:
    """Return the measured milliseconds that the predicted ones are compared with: of the same statistic."""
    return float(card["measured"][f"{_compared(card['measured'])}_ms"])


def met(card: Card, statistic: str | None = None) -> bool | None:
    """Return whether the target is met by a statistic, by default the one it is about; None where there is no target.

    A network that no search found has none.
    """
    if is_given(card):
        return None
    return bool(card["measured"][f"{statistic or card['measured']['statistic']}_ms"] <= card["target"])


@dataclass(frozen=True)
class Verdict:
    """How predicted and measured latency agree, over the networks that were measured.

    ``searched`` of them were found for a target.
    ``mean_error`` and ``worst_error`` are absolute, relative to what was measured, both of the table's statistic
    (``compared``, which is ``known`` or taken for the targets'); ``met`` says how many targets are met by the statistic
    that they are about (``statistic``), ``met_by`` how many by each of the others that are known. Where random networks
    were timed beside them (``controls``, else 0), ``drift`` is how much longer than predicted these took, ``beyond``
    how much longer those found took, allowing for that (means and standard errors, fractions), and
    ``met_but_for_drift`` how many would then be met.
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
        """Say it in words."""
        others = ", ".join(f"{count} by {describe(name)}" for name, count in self.met_by.items())
        message = (
            f"{self.networks} network{'s' if self.networks > 1 else ''} measured: predicted latency is off by "
            f"{self.mean_error:.1%} on average, {self.worst_error:.1%} at most (by {describe(self.compared)} of all "
            f"runs{'' if self.known else '; the table does not say of which statistic it is'})"
        )
        if self.searched:
            message += (
                f"; of the targets met in the search, {self.met} of {self.searched} ({self.met / self.searched:.0%}) "
                f"are met when measured, by {describe(self.statistic)} of all runs{f' ({others})' if others else ''}"
            )
        message += "."
        if self.searched and self.known and self.compared != self.statistic:
            message += (
                f" The search met the targets by the table's statistic, {describe(self.compared)}; here they are "
                f"judged by {describe(self.statistic)}."
            )
        if self.unlike:
            other = ", ".join(self.unlike)
            message = f"the table is not of this device, version or setting ({other}: not as it says). {message}"
        if self.controls:
            message += (
                f" {self.controls} random networks, timed in the same rounds, took {_longer(*self.drift)} than the "
                f"table says; allowing for that, those {'found' if self.searched else 'given'} took "
                f"{_longer(*self.beyond)} than predicted"
            )
            message += f", and {self.met_but_for_drift} of {self.searched} targets are met." if self.searched else "."
        return message


def _longer(part: float, error: float) -> str:
    return f"{abs(part):.1%} {'more' if part >= 0 else 'less'} (± {100 * error:.1f}, standard error)"


def alike(cards: Sequence[Card]) -> list[list[Card]]:
    """Part measured cards by the statistics that their targets and their tables are about."""
    groups: dict[Any, list[Card]] = {}
    for card in cards:
        if card["measured"]:
            key = card["measured"]["statistic"], card["measured"]["table_statistic"]
            groups.setdefault(key, []).append(card)
    return list(groups.values())


def verdict(cards: Sequence[Card]) -> Verdict | None:
    """Sum up the cards that have a measurement in milliseconds to compare; None if there is none.

    Their targets are about one statistic, and so are their tables (see ``alike``).
    """
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
        met=sum(bool(met(card)) for card in searched),
        met_by={name: sum(bool(met(card, name)) for card in searched) for name in others},
        controls=min(one["controls"] for _, one in known),
        drift=(float(np.mean(drifts)), error),
        beyond=(float(np.mean(beyond)), float(np.hypot(spread, error))),
        met_but_for_drift=sum(
            ms <= card["target"] and not is_given(card) for (card, _), ms in zip(known, undrifted, strict=True)
        ),
        unlike=tuple(sorted({key for _, one in known for key in one["unlike"]})),
    )
