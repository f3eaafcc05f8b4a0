"""Measures accuracies of a supernet's networks on images: for ``ofa_bench collect`` and for ``predictor=supernet``."""

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ofa_bench.config.limits import THREADS, check_range, check_ranges
from ofa_bench.errors import InputError
from ofa_bench.files.reading import absolute_path
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.version import __version__

if TYPE_CHECKING:
    from ofa_bench.supernets.checkpoints import Weights
    from ofa_bench.supernets.pieces import Supernet
    from ofa_bench.training.collected import Scores
    from ofa_bench.training.image_sets import Sets

__all__ = ["Measured", "Settings", "SupernetMeasurer"]

RANGES = {
    "test_images": (1, np.inf),
    "calibration_images": (1, np.inf),
    "batch": (1, 4096),
    "seed": (0, np.inf),
    "threads": (1, THREADS),
}
"""The smallest and largest values of settings."""


@dataclass(frozen=True)
class Settings:
    """The weights and the images of measurements; ``ofa_bench collect --help`` explains each, and the defaults.

    ``device`` is torch's name of the processor, or ``auto``: a GPU where there is one. ``share``: the images that are
    kept in memory take a part of it, of which this process may have one of so many shares.
    """

    images: str
    classes: str = ""
    calibration: str = ""
    weights: str = "auto"
    sha256: str = ""
    test_images: int = 10_000
    calibration_images: int = 2000
    batch: int = 64
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    share: int = 1

    def check(self) -> None:
        """Raise InputError if a value is out of range or missing."""
        check_ranges(self, RANGES)
        check_range("share", self.share, 1)
        if not self.images:
            raise InputError("images=: give a folder with a folder of images for each class")

    def for_others(self, share: int) -> "Settings":
        """Return the settings for one of several processes, in any working directory."""
        files = {key: getattr(self, key) for key in ("images", "classes", "calibration", "weights")}
        given = {key: path for key, path in files.items() if path not in ("", "auto", "random")}
        paths: dict[str, Any] = {key: str(absolute_path(path)) for key, path in given.items()}
        return replace(self, share=share, **paths)


@dataclass(frozen=True)
class Measured:
    """What one network scored on so many images, after so many seconds."""

    scores: "Scores"
    images: int
    seconds: float

    @property
    def row(self) -> list[float]:
        """What a table of accuracies has of it behind the architecture: top-1, top-5, loss, images, seconds."""
        return [self.scores.top1, self.scores.top5, round(self.scores.loss, 6), self.images, round(self.seconds, 3)]


class SupernetMeasurer:
    """Cuts networks out of a supernet, recomputes their BatchNorm statistics, and tests them on images.

    A value depends on nothing else that was measured. On another processor, or with another number of ``threads``, its
    last bits may differ, and so a few images may be counted otherwise.

    Args:
        space: the design space, which declares its supernet.
        settings: the weights and the images.

    Raises:
        InputError: a setting is wrong, images or weights are missing, or no supernet builds the networks.
    """

    def __init__(self, space: DesignSpace, settings: Settings) -> None:
        from ofa_bench.supernets.checkpoints import load_weights
        from ofa_bench.supernets.pieces import supernet

        settings.check()
        self.space, self.settings = space, settings
        self.net: Supernet = supernet(space)
        self._device = _device(settings.device)
        known = settings.weights in ("auto", "random")  # so the number of classes is, before the weights are fetched
        first = self._make_sets() if known else None
        self.weights: Weights = load_weights(self.net, settings.weights, settings.sha256)
        if self.weights.random and settings.weights != "random":
            why = self.weights.hint
            raise InputError(
                f"weights={settings.weights}: {why}; weights=random measures random ones, to try things out"
            )
        self.sets: Sets = first or self._make_sets()

    def _make_sets(self) -> "Sets":
        from ofa_bench.training.image_sets import make_sets

        given = self.settings
        classes, calibration = (
            Path(text).expanduser() if text else None for text in (given.classes, given.calibration)
        )
        counts = (given.test_images, given.calibration_images, given.seed, self.net.classes, given.share)
        return make_sets(Path(given.images).expanduser(), classes, calibration, *counts)

    @cached_property
    def of(self) -> dict[str, Any]:
        """All that decides a value besides the space, as cards have it."""
        return {
            "weights": self.weights.sha256 or "random",
            **self.sets.hashes,
            "test_images": len(self.sets.test),
            "calibration_images": len(self.sets.calibration),
            "batch": self.settings.batch,
            "seed": self.settings.seed,
        }

    @property
    def images(self) -> int:
        """The images that each network takes, to calibrate and to test."""
        return len(self.sets.calibration) + len(self.sets.test)

    def card(self, title: str, of: dict[str, Any], made_by: str) -> dict[str, Any]:
        """Return the card of a table of accuracies; ``of`` has what must not change while the file grows."""
        from importlib.metadata import version

        packages = {name: version(name) for name in ("ofa", "torch", "numpy", "pillow")}
        return {
            "title": title,
            "note": "accuracy (top-1) and top5 are fractions of 1; loss is the mean cross-entropy, in nats",
            "of": of,
            "weights": asdict(self.weights),
            "images": dict(self.sets.description),
            "versions": {"ofa_bench": __version__, "python": platform.python_version(), **packages},
            "made_by": made_by,
            "date": date.today().isoformat(),
        }

    def measure(self, row: Genes, shown: Callable[[int], object] = lambda _: None) -> Measured:
        """Measure one network (int8 [n_genes]); ``shown`` is called with numbers of images as these are done.

        Raises:
            InputError: an image cannot be read, or the network's outputs are not finite.
        """
        from ofa_bench.supernets.checkpoints import recalibrate
        from ofa_bench.training.collected import measure_accuracy

        began, sets, batch, piece = time.perf_counter(), self.sets, self.settings.batch, self.net.subnet(row)
        size, order = piece.shape[1], np.random.default_rng([self.settings.seed, 2])  # the same batches for each
        with _torch_threads(self.settings.threads):
            module = piece.build().to(self._device)
            shown(recalibrate(module, sets.calibration, size, len(sets.calibration), order, batch))
            scores = measure_accuracy(module, sets.test, sets.labels, size, batch=batch, shown=shown)
        return Measured(scores, len(sets.test), time.perf_counter() - began)


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _device(name: str) -> Any:
    """Return the processor of this name; ``auto`` is a GPU where there is one."""
    import torch

    gpus = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda" if gpus else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device={name}: must be auto, cpu, cuda or cuda:<number>") from error
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise InputError(f"device={name}: torch sees {gpus or 'no'} GPU here; auto takes one where there is one")
    return device
