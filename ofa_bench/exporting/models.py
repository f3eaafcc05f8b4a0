"""Logs exported networks as models to MLflow: a run for the export, with a child run and a model for each network."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import CARD, ONNX, Card
from ofa_bench.exporting.quantising import int8_metrics
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.profiling.statistics import PERCENTILES
from ofa_bench.tracking.client import open_store
from ofa_bench.tracking.models import log_model
from ofa_bench.tracking.names import short
from ofa_bench.tracking.tracker import Tracker

__all__ = ["check_store", "export_name", "log_models"]

MAX_CHARS = 250
"""The most characters of a tag's value; every MLflow store keeps that many."""


def check_store(tracking: TrackingConfig, *, register: str = "") -> None:
    """Raise InputError if a store cannot be used; nothing is created in it."""
    try:
        client = open_store(tracking.uri)
        client.get_experiment_by_name(tracking.experiment)
        if register:
            client.search_registered_models(max_results=1)
    except InputError:
        raise
    except Exception as error:
        message = " ".join(str(error).split())
        raise InputError(f"uri={tracking.uri}: MLflow cannot be used ({message}); uri=none disables it") from error


def log_models(
    networks: Sequence[tuple[Path, Card]], index: Path, tracking: TrackingConfig, *, register: str, source: str
) -> str:
    """Log networks as ONNX models, each in its own child run of the export's run; return where they are.

    A network that the store has, with the same card and under the same name, is not logged again. Each model needs its
    own run, because MLflow copies the metrics of a run to its new models. The export's run has the
    index as artifacts.

    Args:
        networks: folders and cards.
        index: the path of the index page.
        tracking: the store and experiment.
        register: the beginning of the names of the registered models, one for each target (and space and device, if
            there are several), of which the networks become versions; empty for none.
        source: the run of the record that found the networks, or the record's SHA-256; that run becomes the parent.
            Empty for networks of several records.

    Raises:
        Exception: the store cannot be used.
    """
    tracker, every = Tracker(tracking), [card for _, card in networks]
    named = [(folder, card, _registered_name(register, folder, card, every)) for folder, card in networks]
    new = [(*one, digest) for one in named if not tracker.network_of(digest := _hash(*one[1:]))]
    there = f"{len(named) - len(new)} there already, " if len(new) < len(named) else ""
    if not new:
        return f"{there}0 models logged to MLflow at {tracking.uri}"
    cards, names = [card for _, card, *_ in new], [name for _, _, name, _ in new]
    tags = {"ofa_bench.kind": "export", "found_by": _found_by(cards, MAX_CHARS)}
    parent = tracker.cell_of(source) if len(source) == 64 else source
    run = tracker.start(export_name(cards), tags | ({"mlflow.parentRunId": parent} if parent else {}))
    status = "FAILED"
    try:
        for folder, card, name, digest in new:
            _log(tracker, run, folder, card, name, digest)
        for path in (index, index.with_suffix(".md"), index.with_name("networks.csv")):
            tracker.client.log_artifact(run, str(path))
        status = "FINISHED"
    finally:
        tracker.end(run, status)
    registered = f", registered as {', '.join(dict.fromkeys(names))}" if register else ""
    return f"{there}{len(new)} model{'s' if len(new) > 1 else ''} logged to MLflow at {tracking.uri}{registered}"


def _registered_name(register: str, folder: Path, card: Card, cards: Sequence[Card]) -> str:
    """Return the name of a network's registered model, such as ``phone-25ms``; empty if it is not registered."""
    if not register:
        return ""
    several = len({(one["space"], one["device"]) for one in cards}) > 1
    words = [register, *((card["space"], card["device"]) if several else ()), folder.name]
    return short(re.sub("[/:]+", "-", "-".join(words)))


def export_name(cards: Sequence[Card]) -> str:
    """Return the name of an export's run: its spaces and devices, strategies and targets.

    Example: ``export mbv3 note10 joint, 5 targets``.
    """
    problems = dict.fromkeys(f"{card['space']} {card['device']}" for card in cards)
    strategies = dict.fromkeys(label for card in cards for label in card["by"])
    targets = dict.fromkeys(f"{card['target']:g} {card['unit']}" for card in cards)
    where = " + ".join(problems) if len(problems) < 3 else f"{len(problems)} problems"
    by = _found_by(cards, 80) if len(strategies) < 3 else f"best of {len(strategies)} strategies"
    return f"export {where} {by}, {next(iter(targets)) if len(targets) == 1 else f'{len(targets)} targets'}"


def _found_by(cards: Sequence[Card], most: int) -> str:
    return ", ".join(dict.fromkeys(str(label) for card in cards for label in card["by"]))[:most]


def _hash(card: Card, register: str) -> str:
    """Return the hash of a network's card and of the name that it is registered under."""
    return hashlib.sha256(json.dumps([card, register], sort_keys=True).encode()).hexdigest()


def _log(tracker: Tracker, export: str, folder: Path, card: Card, register: str, digest: str) -> None:
    """Log a network as a model in a child run of the export's run."""
    tags = _tags(card)
    run = tracker.start(
        f"{card['space']} {card['device']} {folder.name}",
        {key: tags[key] for key in ("space", "device", "predictor", "target", "found_by", "weights")}
        | {"ofa_bench.kind": "network", "mlflow.parentRunId": export, "ofa_bench.network": digest},
    )
    log_model(
        tracker,
        run,
        folder / ONNX,
        name=re.sub(r"[^\w-]+", "_", f"{folder.parent.name}_{folder.name}"),
        tensors=[card["input"], card["output"]],
        tags=tags,
        metrics=_metrics(card),
        files=[folder / CARD],
        register=register,
        description=_description(card),
    )


def _description(card: Card) -> str:
    """Return what a version is, in a line: accuracy, cost, strategy."""
    cost = f"{card['cost']:.4g} {card['unit']} on {card['device']}"
    return f"{100 * card['accuracy']:.2f} % predicted by {card['predictor']}, {cost}, found by {_found_by([card], 200)}"


def _metrics(card: Card) -> dict[str, float]:
    values = {"predicted_accuracy_percent": 100 * card["accuracy"], "predicted_cost": card["cost"]}
    values |= {key: card[key] for key in ("macs", "parameters")}
    if card.get("uncertainty") is not None:
        values["uncertainty_points"] = 100 * card["uncertainty"]
    if card.get("measured_accuracy"):
        values["measured_accuracy_percent"] = 100 * card["measured_accuracy"]["top1"]
    if card["guard_band"] != 1:
        values["guarded_cost"] = card["guarded_cost"]
    for name in PERCENTILES if card["measured"] else ():
        values[f"measured_{name}_ms"] = card["measured"][f"{name}_ms"]
    return values | int8_metrics(card)


def _tags(card: Card) -> dict[str, str]:
    return {
        **{key: str(card[key]) for key in ("space", "device", "predictor")},
        "target": f"{card['target']:g} {card['unit']}",
        "found_by": _found_by([card], MAX_CHARS),
        "weights": "random" if card["weights"].get("random") else "trained",
        **({"unlabelled": unlabelled[:250]} if (unlabelled := format_choices(card.get("unlabelled") or {})) else {}),
        **({"target_statistic": card["measured"]["statistic"]} if card["measured"] else {}),
    }
