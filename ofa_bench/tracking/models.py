"""Logs networks as ONNX models in MLflow."""

import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.tracking.quiet import tracking_at
from ofa_bench.tracking.tracker import Tracker

__all__ = ["log_model", "tensor_spec"]

REQUIREMENTS = ["numpy", "onnx", "onnxruntime"]
"""Requirements of a model; MLflow would take a minute to infer them."""


def log_model(
    tracker: Tracker,
    run: str,
    path: Path,
    *,
    name: str,
    tensors: Sequence[Mapping[str, Any]],
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    files: Sequence[Path],
    register: str,
    description: str,
) -> None:
    """Log an ONNX file as the model of a run, and metrics of the run and the model; end the run.

    Args:
        tracker: writes to the store.
        run: the run's id.
        path: the ONNX file.
        name: the model's name, without dots.
        tensors: the network's input and output, each with its ``name`` and ``shape``, of float32.
        tags: of the model.
        metrics: of the model and the run.
        files: further files to store with the model.
        register: the registered model of which it becomes a version; none if empty.
        description: of that version.

    Raises:
        Exception: the store cannot be used; the run is ended as failed.
    """
    import mlflow.onnx
    import onnx
    from mlflow.entities import Metric
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    specs = [tensor_spec(one) for one in tensors]
    with tracking_at(tracker.uri), redirect_stderr(StringIO()), mlflow.start_run(run_id=run):
        info = mlflow.onnx.log_model(
            onnx.load(str(path)), name=name, registered_model_name=register or None, tags=dict(tags),
            pip_requirements=REQUIREMENTS, save_as_external_data=False, extra_files=[str(file) for file in files],
            signature=ModelSignature(*(Schema([spec]) for spec in specs)),
        )  # fmt: skip
        now = int(1000 * time.time())
        logged = [Metric(key, float(value), now, 0, model_id=info.model_id) for key, value in metrics.items()]
        tracker.client.log_batch(run, metrics=logged)
        if register:
            tracker.client.update_model_version(register, str(info.registered_model_version), description)
    tracker.release(run)


def tensor_spec(about: Mapping[str, Any]) -> Any:
    """Return MLflow's description of a float32 tensor with this ``name`` and ``shape``."""
    from mlflow.types import TensorSpec

    return TensorSpec(np.dtype(np.float32), tuple(about["shape"]), name=about["name"])
