"""The ``ofa`` package as it is on PyPI, imported without what it needs and does not declare."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["import_ofa", "ofa_accuracy_predictor", "ofa_latency_table"]

_NEEDS_TORCHVISION: Mapping[str, tuple[str, ...]] = {
    "ofa.utils.my_dataloader": (),
    "ofa.tutorial.imagenet_eval_helper": ("evaluate_ofa_subnet", "evaluate_ofa_specialized"),
}
"""Modules of ``ofa`` that import torchvision or gdown, and the names that others import from them."""


def import_ofa(name: str) -> ModuleType:
    """Import a module of ``ofa``, such as ``ofa.tutorial``, with no torchvision, a broken one or a good one.

    Empty modules stand in for the two that load ImageNet while the import runs; they are removed afterwards, so that
    nobody else's imports change.
    """
    stand_ins = {module: ModuleType(module) for module in _NEEDS_TORCHVISION if module not in sys.modules}
    for module, stand_in in stand_ins.items():
        vars(stand_in).update({"__all__": [], **dict.fromkeys(_NEEDS_TORCHVISION[module])})
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(name)
    finally:
        for module, stand_in in stand_ins.items():
            if sys.modules.get(module) is stand_in:
                del sys.modules[module]


def ofa_accuracy_predictor(checkpoint: Path) -> Any:
    """Make ``ofa.tutorial.AccuracyPredictor`` on the CPU from a checkpoint; it takes lists of OFA's dicts."""
    import torch

    predictor = import_ofa("ofa.tutorial").AccuracyPredictor(pretrained=False, device="cpu")
    predictor.model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return predictor


def ofa_latency_table(files: Mapping[int, Path]) -> Any:
    """Make ``ofa.tutorial.LatencyTable`` from one look-up file a resolution.

    Its own constructor would download the files, and reads them with a call that PyYAML 6 refuses.
    """
    import yaml

    tutorial = import_ofa("ofa.tutorial")
    estimator = importlib.import_module("ofa.tutorial.latency_table").LatencyEstimator
    table = tutorial.LatencyTable(resolutions=())
    for resolution, path in files.items():
        one = estimator.__new__(estimator)
        one.lut = yaml.safe_load(path.read_text())
        table.latency_tables[resolution] = one
    return table
