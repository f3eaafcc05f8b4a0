"""Compares chains with the controls that spent as much: what is a warm start worth beyond its smaller budget?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ofa_bench.analysis.pairs import differences
from ofa_bench.analysis.statistics import Paired
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.analysis.summary import difference
from ofa_bench.records.tables import Table
from ofa_bench.strategies import MEASURES

__all__ = ["Control", "control_table", "controls", "missing_control", "sentences"]


@dataclass(frozen=True)
class Control:
    """A chain of a study compared with a control that spent as much of ``measure``, in pairs of repeats."""

    study: Study
    chain: str
    measure: str
    paired: Paired


def controls(study: Study) -> list[Control]:
    """Compare each chain of a study with each of its controls; the chains of one control share Holm's correction."""
    found = []
    for control in study.entries:
        budget = control.records[0].budget
        if budget.match is not None:
            chains = [entry for entry in study.entries if _order(entry) and _is_control(control, entry)]
            pairs = replace(study, entries=(control, *chains))
            tested = differences(pairs, {entry.name: entry.accuracy for entry in pairs.entries}, control.name)
            known = [chain.name for chain in chains if chain.name in tested]
            found += [Control(study, name, budget.match, tested[name]) for name in known]
    return found


def _is_control(control: Entry, chain: Entry) -> bool:
    """Return whether both search each target in the same way, and the control spent as much as this very chain.

    All chains make the same generations, so there the other settings of the chain do not matter.
    """
    budget, config = control.records[0].budget, control.records[0].config
    planned, timed = config.get("budget"), budget.match == "seconds"
    spent = planned.get("chain") if isinstance(planned, dict) else None
    own, other, spent = (_settings(node, timed) for node in (config.get("strategy"), _strategy(chain), spent))
    return own["evolution"] == other["evolution"] and (budget.match == "generations" or spent == other)


def _settings(node: Any, timed: bool) -> dict[str, Any]:
    """Return the settings of a strategy; the memo of its search of one target changes only time."""
    settings = _plain(node) if isinstance(node, dict) else {}
    given = settings.get("evolution")
    evolution = {"memo": True, **(given if isinstance(given, dict) else {})}
    return {**settings, "evolution": evolution if timed else {**evolution, "memo": None}}


def _plain(node: Any) -> Any:
    """Return a config without nulls and modules, in which objects made in Python differ from options."""
    if not isinstance(node, dict):
        return node
    short = {"_target_": str(node["_target_"]).rpartition(".")[2]} if "_target_" in node else {}
    return {key: _plain(value) for key, value in node.items() if value is not None} | short


def _strategy(entry: Entry) -> Any:
    return entry.records[0].config.get("strategy")


def _order(entry: Entry) -> str | None:
    """Return the order of a chain that has its own budget; None for other entries."""
    strategy = _strategy(entry)
    order = strategy.get("order") if isinstance(strategy, dict) else None
    return None if entry.records[0].budget.match or not isinstance(order, str) else order


def missing_control(study: Study) -> str:
    """Return a note where chains are compared without a control of equal budget; empty otherwise."""
    chains = [entry.name for entry in study.entries if _order(entry)]
    if not chains or any(entry.records[0].budget.match for entry in study.entries):
        return ""
    return (
        f"{' and '.join(chains)}: they spend less than searches from scratch. A control of equal budget shows what a "
        "warm start is worth beyond that: the same command with strategy=vanilla budget=matched."
    )


def sentences(found: Sequence[Control]) -> list[str]:
    """Return a sentence for each comparison of a chain with its control."""
    return [
        f"{one.chain} less vanilla with equal {MEASURES[one.measure]}: "
        f"{difference(one.paired)} points, {one.paired.verdict}"
        for one in found
        if one.paired.difference is not None
    ]


def control_table(found: Sequence[Control]) -> Table | None:
    """Return what a warm start is worth beyond its smaller budget: chains less controls, points; None without any."""
    rows: dict[tuple[Study, str], dict[str, Paired]] = {}
    for one in found:
        rows.setdefault((one.study, one.chain), {})[one.measure] = one.paired
    columns = [measure for measure in MEASURES if any(one.measure == measure for one in found)]
    if not columns:
        return None
    heads = ["space", "device", "targets", "generations", "chain", "repeats"]
    heads += [head for measure in columns for head in (f"equal {MEASURES[measure]}", "verdict")]
    lines = [
        (
            study.space,
            study.device,
            str(len(study.targets)),
            f"{study.generations}, {study.warm_generations}",
            chain,
            " / ".join(map(str, dict.fromkeys(paired.n for paired in by_measure.values()))),
            *(cell for measure in columns for cell in _cells(by_measure.get(measure))),
        )
        for (study, chain), by_measure in rows.items()
    ]
    return Table("Chains less vanilla of equal budget, points of mean accuracy", tuple(heads), tuple(lines), left=5)


def _cells(paired: Paired | None) -> tuple[str, str]:
    return ("", "") if paired is None or paired.difference is None else (difference(paired), paired.verdict)
