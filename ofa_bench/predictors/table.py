"""Accuracies of trained networks, as a predictor; and a predictor fitted to a sample of them."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.data import card, measured
from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, SubspacePredictor
from ofa_bench.predictors.process import ProcessPredictor
from ofa_bench.predictors.simulated import uniform_draws
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_genes
from ofa_bench.spaces.enumeration import number_of_architectures

__all__ = ["TABLES", "TablePredictor", "table_predictor", "table_sources"]

Floats = NDArray[np.float64]

EACH = "each"
"""The value of ``run`` with which each measurement of a network shows one of its runs."""

TABLES = ("accel_nasbench", "nasbench_macro")
"""The spaces of which networks were trained, all or some; ``data.measured`` has their accuracies."""


_READ: dict[str, tuple[Genes, Floats]] = {}


class TablePredictor(AccuracyPredictor):
    """The known accuracies of architectures; others are refused.

    Args:
        space: the design space.
        genes: the architectures whose accuracies are known, int8 [n, n_genes]; none is there twice.
        accuracy: theirs, fractions of 1, float64 [n].
        name: of the predictor in records.
        sources: the sources of the accuracies; None if they are not known.
        runs: the accuracies by run, float64 [n, runs], where a measurement shows one of them: the first one of an
            architecture one that is drawn at random, and further ones the next in turn. ``accuracy`` is their mean.

    Raises:
        ValueError: the rows are not architectures of the space.
        InputError: there are not as many accuracies as architectures, or an architecture is there twice.
    """

    fork_safe = True
    row_wise = True

    def __init__(
        self,
        space: DesignSpace,
        genes: Genes,
        accuracy: Floats,
        *,
        name: str,
        sources: tuple[str, ...] | None = None,
        runs: Floats | None = None,
    ) -> None:
        genes, values = space.canonical(check_genes(space, genes)), np.asarray(accuracy, np.float64)
        keys = np.array(space.keys(genes))
        order = np.argsort(keys)
        if values.shape != (len(genes),) or (keys[order][1:] == keys[order][:-1]).any():
            raise InputError(f"predictor {name}: there must be one accuracy for each architecture")
        self.space, self.name, self.sources = space, name, sources
        self.known_genes = None if len(genes) == number_of_architectures(space) else genes[order]
        self._keys, self._accuracy = keys[order], values[order]
        content = genes[order].tobytes() + self._accuracy.tobytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._errors: Floats | None = None
        if runs is not None:
            self._errors = runs[order] - self._accuracy[:, None]
            self.truth = self.sha256
            self.sources = None if sources is None else (self.truth, *sources)
            self.sha256 = hashlib.sha256(content + runs[order].tobytes()).hexdigest()

    def accuracy(self, genes: Genes) -> Floats:
        """Return the known accuracies, fractions of 1: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
            InputError: the accuracy of one is not known.
        """
        return np.asarray(self._accuracy[self._find(genes)])

    def measurement_errors(self, genes: Genes, times: NDArray[np.int64], seed: int) -> Floats | None:
        """Return by how much a run of each architecture misses the mean, fractions of 1: float64 [n].

        None if measurements show the mean.
        """
        if self._errors is None:
            return None
        drawn = uniform_draws(self.space, genes, np.zeros_like(times), seed, "run")
        count = self._errors.shape[1]
        first = np.fromiter((int(count * one) for one in drawn), np.int64, len(times))
        return np.asarray(self._errors[self._find(genes), (first + times) % count])

    def _find(self, genes: Genes) -> NDArray[np.intp]:
        """Return the places of architectures (int8 [n, n_genes]) in the table: intp [n]."""
        keys = np.array(self.space.keys(check_genes(self.space, genes)), self._keys.dtype)
        places = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        unknown = self._keys[places] != keys
        if unknown.any():
            raise InputError(f"predictor {self.name}: it does not know {unknown.sum()} of {len(keys)} architectures")
        return places


def table_sources(space: DesignSpace) -> tuple[str, ...]:
    """Return the sources of the known accuracies of a space, one a run, in the order of the runs; empty without any."""
    while isinstance(space, Subspace):
        space = space.parent
    return tuple(card("measured", space.name)["sources"]) if space.name in TABLES else ()


def table_predictor(
    space: DesignSpace, run: int | str | Sequence[int] | None = None, labels: int | None = None, seed: int = 0
) -> AccuracyPredictor:
    """Return the known accuracies of a space's networks, or a predictor fitted to a sample of them.

    A subspace gets the predictor of its parent.

    Args:
        space: its design space.
        run: the number of one run, from 1, or of several, whose mean is taken; None for the mean of all. With
            ``"each"``, the mean of all is the truth, and each measurement of a network shows one of its runs.
        labels: a predictor is fitted to so many of these accuracies; None for the accuracies themselves.
        seed: of the choice of these labels.

    Raises:
        InputError: the package knows no accuracies of the space, or there is no such run or number of labels.
    """
    if isinstance(space, Subspace):
        return SubspacePredictor(space, table_predictor(space.parent, run, labels, seed))
    if space.name not in TABLES:
        raise InputError(f"predictor=table: no accuracies of space {space.name} are known, only of {', '.join(TABLES)}")
    (rows, top1), sources = _read(space), table_sources(space)
    runs = _check_runs(run, len(sources))
    accuracy = top1[:, [one - 1 for one in runs]].mean(axis=1) / 100
    if run == EACH and (len(sources) == 1 or labels is not None):
        why = "labels= must be null" if labels is not None else f"{space.name} has one run of each network"
        raise InputError(f"predictor.run={EACH}: {why}; predictor.noise simulates measurements of any predictor")
    name = "table" if run is None else f"table run {run if run == EACH else '+'.join(map(str, runs))}"
    known = tuple(sources[one - 1] for one in runs)
    table = TablePredictor(space, rows, accuracy, name=name, sources=known, runs=top1 / 100 if run == EACH else None)
    return table if labels is None else _fit(table, rows, accuracy, labels, seed)


def _check_runs(run: int | str | Sequence[int] | None, count: int) -> Sequence[Any]:
    """Return the numbers of runs."""
    if run is None or run == EACH:
        return range(1, count + 1)
    runs = list(run) if isinstance(run, Sequence) and not isinstance(run, str) else [run]
    if not runs or any(type(one) is not int or not 1 <= one <= count for one in runs) or len({*runs}) < len(runs):
        raise InputError(
            f"predictor.run={run}: must be null, the number of a run, from 1 to {count}, or a list of these, or {EACH}"
        )
    return runs


def _fit(table: TablePredictor, rows: Genes, accuracy: Floats, labels: int, seed: int) -> AccuracyPredictor:
    """Return a predictor that is fitted to some of a table's accuracies; the table is its truth."""
    if type(labels) is not int or not 10 <= labels <= len(rows):
        raise InputError(f"predictor.labels={labels}: must be a whole number from 10 to {len(rows):,}")
    if type(seed) is not int or seed < 0:
        raise InputError(f"predictor.seed={seed}: must be a whole number of 0 or more")
    drawn = np.random.default_rng(seed).choice(len(rows), labels, replace=False)
    predictor = ProcessPredictor(
        table.space,
        rows[drawn],
        accuracy[drawn],
        name=f"{table.name}, {labels} labels" + (f", seed {seed}" if seed else ""),
        sources=(table.sha256, *(table.sources or ())),
    )
    predictor.known_genes = table.known_genes
    return predictor


def _read(space: DesignSpace) -> tuple[Genes, Floats]:
    """Return the architectures, int8 [n, n_genes], and their accuracies by run, percent, [n, runs]; read once.

    Of a space with one source, an architecture that is there twice has the mean.
    """
    if space.name not in _READ:
        found: dict[str, list[float]] = {}
        rows = measured(space.name)
        for architecture, top1 in zip(rows["architecture"].map(json.dumps), rows["top1"].tolist(), strict=True):
            found.setdefault(architecture, []).append(top1)
        genes = np.array([space.from_ofa(json.loads(architecture)) for architecture in found])
        one = rows["source"].nunique() == 1
        _READ[space.name] = genes, np.array([[np.mean(top1)] if one else top1 for top1 in found.values()])
    return _READ[space.name]
