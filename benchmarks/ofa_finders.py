"""The ``EvolutionFinder`` of ``ofa`` as its users run it: its own accuracy predictors and cost classes, on the CPU.

Only what is built before a search stays outside the clock: predictors, tables, supernets. Where ``ofa`` has two
defaults for one thing (its ``nas`` finder redraws the resolution with probability 0.5, its tutorial's with 0.1), 0.1 is
taken, as in ``strategy=vanilla``; all else is as its constructors have it.
"""

import contextlib
import io
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors.assets import asset_path
from ofa_bench.supernets.ofa_package import import_ofa, ofa_accuracy_predictor, ofa_latency_table
from ofa_bench.supernets.pieces import supernet

__all__ = ["FINDERS", "Finding", "Search", "mean_accuracy", "time_ofa"]


@dataclass(frozen=True)
class Finding:
    """What a search of ``ofa`` found for a target: accuracy (fraction of 1) and network, in ``ofa``'s own form.

    ``best`` are the best accuracy of the first population and after each further generation but the last, which
    ``ofa`` never considers; ``seconds`` are from the start of the search until each population was evaluated.
    """

    accuracy: float
    network: dict[str, Any]
    best: tuple[float, ...]
    seconds: tuple[float, ...]


Search = Callable[[float, int], Finding]
"""Takes a target and the generations."""


def _mbv3() -> Search:
    """Make ``ofa.tutorial.EvolutionFinder`` on the Note10; targets in ms."""
    tutorial = import_ofa("ofa.tutorial")
    predictor = ofa_accuracy_predictor(asset_path("ofa/acc_predictor.pth"))
    sizes = _resolutions("mbv3")
    table = ofa_latency_table({size: asset_path(f"ofa/note10/{size}_lookup_table.yaml") for size in sizes})

    def search(target: float, generations: int) -> Finding:
        finder = tutorial.EvolutionFinder("note10", target, table, predictor, max_time_budget=generations)
        return _find(finder.run_evolution_search, predictor, "predict_accuracy")

    return search


def _resnet50d() -> Search:
    """Make ``ofa.nas.search_algorithm.EvolutionFinder`` on ``ofa``'s FLOPs model of the supernet; targets in MMACs."""
    import torch

    package = import_ofa("ofa.nas.accuracy_predictor")
    encoder = package.ResNetArchEncoder(image_size_list=_resolutions("resnet50d"))
    predictor = package.AccuracyPredictor(encoder, device="cpu")
    state = torch.load(asset_path("ofa/ofa_resnet50_acc_predictor.pth"), map_location="cpu", weights_only=True)
    predictor.load_state_dict(state)
    flops = import_ofa("ofa.nas.efficiency_predictor").ResNet50FLOPsModel(supernet(load_space("resnet50d")).net)
    finder_class = import_ofa("ofa.nas.search_algorithm").EvolutionFinder

    def search(target: float, generations: int) -> Finding:
        finder = finder_class(flops, predictor, max_time_budget=generations, resolution_mutate_prob=0.1)
        return _find(lambda: finder.run_evolution_search(target), predictor, "predict_acc")

    return search


def _find(run: Callable[[], Any], predictor: Any, method: str) -> Finding:
    """Run a search; its populations are clocked by a wrapper around the predictor's method."""
    predict, seconds, began = getattr(predictor, method), list[float](), time.perf_counter()

    def clocked(networks: Any) -> Any:
        accuracy = predict(networks)
        seconds.append(time.perf_counter() - began)
        return accuracy

    setattr(predictor, method, clocked)
    try:
        best, (accuracy, network, _) = run()
    finally:
        delattr(predictor, method)
    return Finding(float(accuracy), network, tuple(map(float, best[1:])), tuple(seconds))


def _resolutions(space: str) -> list[Any]:
    built = load_space(space)
    return list(built.genes[built.index["r"]].choices)


FINDERS: Mapping[str, Callable[[], Search]] = {"mbv3": _mbv3, "resnet50d": _resnet50d}
"""By the name of the space: what makes the finder."""


def time_ofa(
    search: Search, targets: Sequence[float], generations: int, seed: int
) -> tuple[float, tuple[Finding, ...]]:
    """Search all targets once: seconds, and what was found for each."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # ofa draws from the global states
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):  # its progress bar
        found = tuple(search(target, generations) for target in targets)
    return time.perf_counter() - began, found


def mean_accuracy(found: Sequence[Finding]) -> float:
    """Return the mean accuracy over targets, in percent."""
    return 100 * float(np.mean([one.accuracy for one in found]))
