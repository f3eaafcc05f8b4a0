"""The ``ofa`` package as it is on PyPI, imported without what it needs and does not declare, and out of sight."""

import importlib
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["NETWORKS", "import_ofa", "ofa_accuracy_predictor", "ofa_in_sight", "ofa_latency_table"]

NETWORKS = "ofa.imagenet_classification.elastic_nn.networks"
"""The module of ``ofa`` with its supernets."""

_NEEDS_TORCHVISION: Mapping[str, tuple[str, ...]] = {
    "ofa.utils.my_dataloader": (),
    "ofa.tutorial.imagenet_eval_helper": ("evaluate_ofa_subnet", "evaluate_ofa_specialized"),
}
"""Modules of ``ofa`` that import torchvision, PIL or gdown, and the names that others import from them."""


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name, "An empty module in the place of one that loads ImageNet.")
    vars(module).update({"__all__": [], **dict.fromkeys(_NEEDS_TORCHVISION[name])})
    return module


_STAND_INS: Mapping[str, ModuleType] = {name: _stand_in(name) for name in _NEEDS_TORCHVISION}
_ours: dict[str, ModuleType] = {}
"""Our copy of ``ofa``: its modules by name, without the stand-ins; ``sys.modules`` holds them only while in sight."""

_lock = threading.RLock()


def import_ofa(name: str) -> ModuleType:
    """Import a module of ``ofa``, such as ``ofa.tutorial``, with no torchvision, a broken one or a good one.

    It comes from a copy of ``ofa`` of our own, in which empty modules stand in for the two that load ImageNet. Before
    and after, ``sys.modules`` holds what ``ofa`` modules it held: a user's own imports of ``ofa`` neither see ours nor
    change them. A second call gives the same module.

    Classes of our copy are not those that ``import ofa`` gives, and their instances cannot be pickled by reference
    (pickle a ``state_dict``, or the arguments that made them). Functions of ``ofa`` that import when called
    (``ofa.utils.count_net_flops``) must be called inside ``ofa_in_sight()``.

    Raises:
        ImportError: there is no such module, or it needs what is not installed.
    """
    with ofa_in_sight():
        return importlib.import_module(name)


@contextmanager
def ofa_in_sight() -> Iterator[None]:
    """Let ``import ofa`` mean our copy of it while the block runs; other threads' blocks wait.

    Other threads that import ``ofa`` themselves meanwhile would get ours too.
    """
    with _lock:
        if all(sys.modules.get(name) is module for name, module in _STAND_INS.items()):
            yield  # a block inside a block
            return
        theirs = _take_out()
        sys.modules.update(_ours)
        sys.modules.update(_STAND_INS)
        try:
            yield
        finally:
            found = _take_out()
            _ours.clear()
            _ours.update((name, module) for name, module in found.items() if name not in _STAND_INS)
            sys.modules.update(theirs)


def _take_out() -> dict[str, ModuleType]:
    """Remove ``ofa`` and all that is in it from ``sys.modules``."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "ofa"}


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

    table = import_ofa("ofa.tutorial").LatencyTable(resolutions=())
    estimator = import_ofa("ofa.tutorial.latency_table").LatencyEstimator
    for resolution, path in files.items():
        one = estimator.__new__(estimator)
        one.lut = yaml.safe_load(path.read_text())
        table.latency_tables[resolution] = one
    return table
