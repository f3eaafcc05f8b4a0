"""``predictor=supernet``: each architecture that a search asks for is measured on images, once."""

import hashlib
import json
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, absolute_path
from ofa_bench.predictors.accuracy import AccuracyPredictor, SubspacePredictor
from ofa_bench.records.measured import read_card
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_genes
from ofa_bench.training.collection import SharedCollection
from ofa_bench.training.measuring import Settings, SupernetMeasurer
from ofa_bench.training.workers import Named, Workers, make_workers

__all__ = ["SupernetPredictor", "supernet_predictor"]

LOG_EVERY = 30.0
"""Seconds between two messages about the progress, outside a terminal."""

_KEY = re.compile(
    r"(?<![\w./?&])(?=(images|classes|calibration|weights|sha256|test_images|calibration_images|batch|seed|threads|device"
    r"|cache|processes|executor)=)"
)
"""Where a message names a key."""

_log = logging.getLogger(__name__)


class SupernetPredictor(AccuracyPredictor):
    """Measures the accuracies of a supernet's networks, and keeps them in a file.

    An accuracy is the share of the test images that a network classifies correctly, after its BatchNorm statistics were
    recomputed. It is the same whoever measures it, in which order, in one process or several. ``sha256`` is of all that
    decides it: space, weights, images, classes, calibration images, their numbers, batch and seed. The processor is not
    part of it: a GPU, or another version of torch, may classify a few images otherwise than a CPU.

    Args:
        measurer: the supernet and the images.
        workers: who measures.
        cache: the path of the file; None for ``supernet-<space>-<8 digits of sha256>.csv`` in the working directory.
        progress: whether to show a bar in a terminal or a notebook, or else log a line every 30 seconds.

    Raises:
        InputError: the file has other measurements.
    """

    name, sampled = "supernet", True

    def __init__(self, measurer: SupernetMeasurer, workers: Workers, cache: str | None, *, progress: bool) -> None:
        self.space, self._measurer, self._workers, self._progress = measurer.space, measurer, workers, progress
        of = {"space": self.space.name, **measurer.of}
        self.sha256 = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
        self.sources, self._noted = (self.sha256,), False
        self.path = absolute_path(cache or f"supernet-{self.space.name}-{self.sha256[:8]}.csv")
        title = f"Accuracies of networks of space {self.space.name} that searches asked for, measured on images"
        card = measurer.card(title, of | {"space": _name_in(self.path, self.space)}, "predictor=supernet")
        self._collection = SharedCollection(self.path, card, "cache")

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Return accuracies, fractions of 1; what is not in the file is measured: int8 [n, n_genes] to float64 [n].

        Raises:
            InputError: an image cannot be read, outputs are not finite, or the file is another one by now.
            OSError: the file cannot be written.
            RuntimeError: a process that measured ended.
        """
        rows = self.space.canonical(check_genes(self.space, genes))
        names = [json.dumps(self.space.to_ofa(row)) for row in rows]
        with _own_keys():
            self._collection.refresh()
            known = self._collection.known
            missing = {name: row for name, row in zip(names, rows, strict=True) if name not in known}
            if missing:
                self._measure(missing)
        return np.array([known[name] for name in names], np.float64)

    def uncertainty(self, genes: Genes) -> NDArray[np.float64]:
        """Return the standard error of each accuracy, because the test images are a sample: float64 [n]."""
        accuracy = self.accuracy(genes)
        return np.sqrt(accuracy * (1 - accuracy) / len(self._measurer.sets.test))

    def _measure(self, missing: Mapping[str, Genes]) -> None:
        if not self._noted:
            self._noted = True
            _log.info("%s; accuracies measured with them are kept in %s", self._measurer.weights.description, self.path)
        done, began, noted = 0, time.monotonic(), time.monotonic()
        with self._bar(len(missing)) as bar, closing(self._workers.measure(self._left(missing), bar.update)) as found:
            for name, measured in found:
                self._collection.add([name, *measured.row])
                done, now = done + 1, time.monotonic()
                bar.set_postfix_str(f"{done} of {len(missing)} networks", refresh=False)
                if bar.disable and self._progress and now - noted > LOG_EVERY:
                    noted, left = now, (now - began) / done * (len(missing) - done)
                    _log.info("measured %d of %d networks, %s left", done, len(missing), bar.format_interval(left))

    def _left(self, missing: Mapping[str, Genes]) -> Iterator[Named]:
        """Yield the networks that no other process has measured meanwhile."""
        for name, row in missing.items():
            self._collection.refresh()
            if name not in self._collection.known:
                yield name, row

    def _bar(self, networks: int) -> Any:
        """Return a progress bar in images."""
        from tqdm.auto import tqdm

        visible = self._progress and (sys.stderr.isatty() or "ipykernel" in sys.modules) and parent_process() is None
        total = networks * self._measurer.images
        return tqdm(None, "measuring", total, unit=" images", leave=False, delay=1, disable=not visible)


def supernet_predictor(
    space: DesignSpace,
    images: str | None = None,
    calibration: str | None = None,
    classes: str | None = None,
    weights: str = "auto",
    sha256: str = "",
    test_images: int = 10_000,
    calibration_images: int = 2000,
    batch: int = 64,
    seed: int = 0,
    cache: str | None = None,
    processes: int = 1,
    executor: str = "processes",
    threads: int = 1,
    device: str = "auto",
    progress: bool = True,
) -> AccuracyPredictor:
    """Return a predictor that measures the networks of a space's supernet on images (see ``SupernetPredictor``).

    Args:
        space: a design space whose class declares its supernet, or a part of one.
        images: a folder with one folder of test images for each class.
        calibration: a folder of images for BatchNorm statistics, best of the training set; default: others of
            ``images``.
        classes: a file of the names of the class folders, in the order of the network's outputs.
        weights: ``auto`` (published ones), the path of a checkpoint, or ``random``.
        sha256: the required SHA-256 of the checkpoint; empty for any.
        test_images: the most images to test on, drawn at random.
        calibration_images: the most images to calibrate on, drawn at random.
        batch: images at a time.
        seed: of these draws.
        cache: the file of the measurements.
        processes: the networks measured at a time.
        executor: ``processes`` of this machine, or ``ray``: tasks of a Ray cluster.
        threads: of torch, in each process.
        device: torch's name of the processor; ``auto`` is a GPU where there is one.
        progress: whether the progress of each batch is shown.

    Raises:
        InputError: images or weights are missing, no supernet builds the networks, or the file has other measurements.
    """
    if isinstance(space, Subspace):
        given = {key: value for key, value in locals().items() if key != "space"}
        return SubspacePredictor(space, supernet_predictor(space.parent, **given))
    with _own_keys():
        settings = Settings(
            images or "", classes or "", calibration or "", weights, sha256, test_images, calibration_images, batch,
            seed, threads, device,
        )  # fmt: skip
        measurer = SupernetMeasurer(space, settings)
        return SupernetPredictor(measurer, make_workers(measurer, processes, executor), cache, progress=progress)


def _name_in(path: Path, space: DesignSpace) -> str:
    """Return the name of a space in the card of a file: ``ofa_bench collect`` may have got it as the path of a YAML."""
    try:
        name = str(read_card(path).get("space"))
    except UnreadableError:  # there is none yet, or it is refused later
        return space.name
    return name if name.endswith((".yaml", ".yml")) else space.name


@contextmanager
def _own_keys() -> Iterator[None]:
    """Name the keys in messages as the command line does: ``predictor.images=``."""
    try:
        yield
    except InputError as error:
        raise InputError(_KEY.sub("predictor.", str(error))) from error
