"""Imports the ``ofa`` package from PyPI without its undeclared requirements, and hides it from ``sys.modules``."""

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
"""The modules of ``ofa`` that import torchvision, PIL or gdown, and the names that other modules import from them."""


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name, "An empty module in place of one that loads ImageNet.")
    vars(module).update({"__all__": [], **dict.fromkeys(_NEEDS_TORCHVISION[name])})
    return module


_STAND_INS: Mapping[str, ModuleType] = {name: _stand_in(name) for name in _NEEDS_TORCHVISION}
_ours: dict[str, ModuleType] = {}
"""The modules of our copy of ``ofa`` by name, without the stand-ins; hidden outside ``ofa_in_sight``."""

_lock = threading.RLock()


def import_ofa(name: str) -> ModuleType:
    """Import a module of ``ofa``, such as ``ofa.tutorial``, whether torchvision is missing, broken or works.

    It comes from our own copy of ``ofa``, in which empty modules replace the two that load ImageNet. Afterwards
    ``sys.modules`` has the same ``ofa`` modules as before, so a user's own imports of ``ofa`` neither see ours nor
    change them. A second call returns the same module.

    The classes of our copy are not those of ``import ofa``, and their instances cannot be pickled by reference
    (pickle a ``state_dict`` or the constructor's arguments instead). Functions of ``ofa`` that import when called
    (``ofa.utils.count_net_flops``) must be called inside ``ofa_in_sight()``.

    Raises:
        ImportError: there is no such module, or one of its requirements is not installed.
    """
    with ofa_in_sight():
        return importlib.import_module(name)


@contextmanager
def ofa_in_sight() -> Iterator[None]:
    """Make ``import ofa`` return our copy while the block runs; blocks of other threads wait.

    Another thread that imports ``ofa`` itself in the meantime gets our copy too.
    """
    with _lock:
        if all(sys.modules.get(name) is module for name, module in _STAND_INS.items()):
            yield  # nested blocks
            return
        theirs = _remove()
        sys.modules.update(_ours)
        sys.modules.update(_STAND_INS)
        try:
            yield
        finally:
            found = _remove()
            _ours.clear()
            _ours.update((name, module) for name, module in found.items() if name not in _STAND_INS)
            sys.modules.update(theirs)


def _remove() -> dict[str, ModuleType]:
    """Remove ``ofa`` and its submodules from ``sys.modules``, and return them."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "ofa"}


def ofa_accuracy_predictor(checkpoint: Path) -> Any:
    """Return ``ofa.tutorial.AccuracyPredictor`` on the CPU, loaded from a checkpoint; it takes lists of OFA's dicts."""
    import torch

    predictor = import_ofa("ofa.tutorial").AccuracyPredictor(pretrained=False, device="cpu")
    predictor.model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return predictor


def ofa_latency_table(files: Mapping[int, Path]) -> Any:
    """Return ``ofa.tutorial.LatencyTable``, made from one lookup file for each resolution.

    Its own constructor would download the files and read them with a call that PyYAML 6 refuses.
    """
    import yaml

    table = import_ofa("ofa.tutorial").LatencyTable(resolutions=())
    estimator = import_ofa("ofa.tutorial.latency_table").LatencyEstimator
    for resolution, path in files.items():
        one = estimator.__new__(estimator)
        one.lut = yaml.safe_load(path.read_text())
        table.latency_tables[resolution] = one
    return table
