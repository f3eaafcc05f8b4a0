"""Exported networks as models in MLflow: one run for an export, a model for each network, registered on request."""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from ofa_bench.config import TrackingConfig
from ofa_bench.exporting.cards import CARD, ONNX, Card
from ofa_bench.results.quiet import tracking_at
from ofa_bench.results.tracking import Tracker

__all__ = ["log_models"]

REQUIREMENTS = ["numpy", "onnx", "onnxruntime"]
"""What MLflow is told that a model needs; it would take a minute to find that out."""


def log_models(
    networks: Sequence[tuple[Path, Card]], index: Path, tracking: TrackingConfig, *, register: str, source: str
) -> str:
    """Log networks as ONNX models of one run, which has the index and the cards as artifacts; say where they are.

    Args:
        networks: folders and cards.
        index: the page.
        tracking: the store and experiment.
        register: the name of the registered model whose versions they become; none if empty.
        source: the run of the record that they are of, or the record's SHA-256: below that run theirs goes. Empty for
            networks of several records.

    Raises:
        Exception: the store cannot be used.
    """
    import mlflow
    import mlflow.onnx

    tracker = Tracker(tracking)
    tags = {"ofa_bench.kind": "export"}
    parent = tracker.cell_of(source) if len(source) == 64 else source
    run = tracker.start(f"export {index.parent.name}", tags | ({"mlflow.parentRunId": parent} if parent else {}))
    with tracking_at(tracking.uri), mlflow.start_run(run_id=run):  # ended by it, as failed where something is raised
        for folder, card in networks:
            with redirect_stderr(StringIO()):  # MLflow tells of every version
                _log(tracker, run, folder, card, register)
        for path in (index, index.with_suffix(".md"), index.with_name("networks.csv")):
            tracker.client.log_artifact(run, str(path))
    tracker.release(run)
    registered = f", registered as {register}" if register else ""
    return f"{len(networks)} model{'s' if len(networks) > 1 else ''} logged to MLflow at {tracking.uri}{registered}"


def _log(tracker: Tracker, run: str, folder: Path, card: Card, register: str) -> None:
    import mlflow.onnx
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    specs = [_spec(TensorSpec, card[key]) for key in ("input", "output")]
    name = re.sub(r"[^\w-]+", "_", f"{folder.parent.name}_{folder.name}")  # no points: MLflow refuses them
    info = mlflow.onnx.log_model(
        onnx.load(str(folder / ONNX)), name=name, registered_model_name=register or None, tags=_tags(card),
        pip_requirements=REQUIREMENTS, save_as_external_data=False, extra_files=[str(folder / CARD)],
        signature=ModelSignature(Schema([specs[0]]), Schema([specs[1]])),
    )  # fmt: skip
    tracker.client.log_batch(run, metrics=_metrics(card, info.model_id))


def _spec(kind: Any, about: Mapping[str, Any]) -> Any:
    import numpy as np

    return kind(np.dtype(np.float32), tuple(about["shape"]), name=about["name"])


def _tags(card: Card) -> dict[str, str]:
    return {
        **{key: str(card[key]) for key in ("space", "device", "predictor")},
        "target": f"{card['target']:g} {card['unit']}",
        "found_by": ", ".join(map(str, card["by"]))[:250],
        "weights": "random" if card["weights"].get("random") else "trained",
    }


def _metrics(card: Card, model: str) -> list[Any]:
    from mlflow.entities import Metric

    values = {key: card[key] for key in ("accuracy", "cost", "macs", "parameters")}
    names = {"accuracy": "predicted_accuracy", "cost": "predicted_cost"}
    if card["measured"]:
        values |= {"measured_ms": card["measured"]["ms"], "measured_median_ms": card["measured"]["median_ms"]}
    now = int(1000 * time.time())
    return [Metric(names.get(key, key), float(value), now, 0, model_id=model) for key, value in values.items()]
