"""``ofa_bench collect``: measure the accuracies of random subnets of a supernet on images.

Keys are given as ``key=value``:

- ``space``: whose supernet; ``weights``: its weights: ``auto`` (OFA's, at hand or fetched once), the path of a
  checkpoint (of whatever number of classes), or ``random`` (to try things out); ``sha256``: what the checkpoint's
  bytes must have.
- ``images``: a folder with a folder of images for each class. A class's number is its folder's name; or its line in
  the file ``classes`` (one folder's name a line, in the order of the network's outputs); or, where there are as many
  folders as outputs, its place in their sorted order, as in ImageNet's.
- ``test_images``: at most so many of them, drawn at random, are tested (OFA measured on 10,000).
- ``calibration``: a folder of images, of whatever classes, on which each subnet's BatchNorm statistics are computed:
  OFA takes training images. By default, others of ``images`` are taken, as far as there are. ``calibration_images``: at
  most so many (``ofa.tutorial`` takes 2,000). ``batch``: images at a time; statistics are means over batches.
- ``n``: how many subnets, distinct ones, each gene drawn uniformly. ``seed``: of all that is drawn.
  ``threads``: of torch.
- ``out``: the CSV file, one row a subnet: ``architecture`` (OFA's dict as JSON), ``accuracy`` (top-1) and ``top5`` as
  fractions of 1, ``loss``, ``images``, ``seconds``. ``<out>.json`` says what it was measured with.

Interrupted, the same command goes on with the next subnet; with a larger ``n`` it adds more. Train a predictor on the
file with ``ofa_bench train data=<out>``.

It is long work: an image takes some 30 ms to test and 100 ms to calibrate on (``mbv3``, one core of a CPU), so a subnet
takes some 9 minutes with the defaults. Fewer images make it shorter, and the accuracies coarser.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.config.limits import THREADS, check_range
from ofa_bench.config.shell import command_line, option, portable
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space

if TYPE_CHECKING:
    from ofa_bench.supernets.checkpoints import Weights
    from ofa_bench.supernets.pieces import Supernet
    from ofa_bench.training.image_sets import Sets

__all__ = ["Options", "collect", "run"]

RANGES = {
    "n": (1, np.inf),
    "seed": (0, np.inf),
    "test_images": (1, np.inf),
    "calibration_images": (1, np.inf),
    "batch": (1, 4096),
    "threads": (1, THREADS),
}
"""The least and the most that options may be."""


@dataclass
class Options:
    """What can be set on the command line."""

    space: str = "mbv3"
    images: str = ""
    out: str = "pairs.csv"
    n: int = 1000
    weights: str = "auto"
    sha256: str = ""
    classes: str = ""
    test_images: int = 10_000
    calibration: str = ""
    calibration_images: int = 2000
    batch: int = 64
    seed: int = 0
    threads: int = 1

    def check(self) -> None:
        """Raise InputError where a value is out of range or missing."""
        for key, (least, most) in RANGES.items():
            check_range(key, getattr(self, key), least, most)
        if not self.images:
            raise InputError("images=: give a folder with a folder of images for each class")
        if not self.path.name:
            raise InputError(f"out={self.out}: must be the path of a CSV file")
        check_folder("out", self.path.parent)

    @property
    def path(self) -> Path:
        """Where the CSV file goes, absolute."""
        return Path(os.path.normpath(Path.cwd() / Path(self.out).expanduser()))


def collect(options: Options) -> NDArray[np.float64]:
    """Measure what is not measured yet; give the accuracy of every row: float64 [rows], fractions of 1.

    Raises:
        InputError: an option is wrong, images or weights cannot be had, or the file is of another collection.
        OSError: the file cannot be written.
    """
    options.check()
    space = load_space(options.space)
    import torch

    from ofa_bench.supernets.checkpoints import load_weights
    from ofa_bench.supernets.pieces import supernet

    net = supernet(space)
    first = _sets(options, net.classes) if options.weights in ("auto", "random") else None
    weights = load_weights(net, options.weights, options.sha256)
    if weights.random and options.weights != "random":
        raise InputError(
            f"weights={options.weights}: {weights.hint}; weights=random measures random ones, to try things out"
        )
    sets = first or _sets(options, net.classes)
    print(f"ofa_bench: {weights.description}", file=sys.stderr)
    threads = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        return np.array(_measure(options, net, sets, _card(options, weights, sets)))
    finally:
        torch.set_num_threads(threads)


def _measure(options: Options, net: "Supernet", sets: "Sets", card: dict[str, Any]) -> list[float]:
    """Add the rows that are missing; give the accuracy of all."""
    from ofa_bench.supernets.checkpoints import recalibrate
    from ofa_bench.training.collected import measure_accuracy, sample_distinct
    from ofa_bench.training.collection import open_collection

    rows = sample_distinct(net.space, options.n, np.random.default_rng([options.seed, 0]))
    names = [json.dumps(net.space.to_ofa(row)) for row in rows]
    options.path.parent.mkdir(parents=True, exist_ok=True)
    each = len(sets.calibration) + len(sets.test)
    table, accuracies = open_collection(options.path, names, card)
    with _bar(options, each, len(accuracies)) as bar:
        for number in range(len(accuracies), options.n):
            bar.set_postfix_str(f"network {number + 1} of {options.n}", refresh=False)
            began, piece = time.perf_counter(), net.subnet(rows[number])
            module, size = piece.build(), piece.shape[1]
            order = np.random.default_rng([options.seed, 2])  # the same images in the same batches for each network
            bar.update(recalibrate(module, sets.calibration, size, len(sets.calibration), order, options.batch))
            found = measure_accuracy(module, sets.test, sets.labels, size, batch=options.batch, shown=bar.update)
            seconds = round(time.perf_counter() - began, 3)
            table.add([names[number], found.top1, found.top5, round(found.loss, 6), len(sets.test), seconds])
            accuracies.append(found.top1)
    return accuracies


def _sets(options: Options, outputs: int) -> "Sets":
    from ofa_bench.training.image_sets import make_sets

    classes, calibration = (
        Path(text).expanduser() if text else None for text in (options.classes, options.calibration)
    )
    images, counts = Path(options.images).expanduser(), (options.test_images, options.calibration_images)
    return make_sets(images, classes, calibration, *counts, options.seed, outputs)


def _bar(options: Options, each: int, done: int) -> Any:
    """Show progress in images and the time left: a bar on a terminal and elsewhere a line now and then."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30.0
    total = max(options.n, done) * each
    return tqdm(
        None, "collecting", total, initial=done * each, mininterval=every, maxinterval=2 * every, unit=" images",
    )  # fmt: skip


def _card(options: Options, weights: "Weights", sets: "Sets") -> dict[str, Any]:
    """Describe what is measured; ``of`` has what must not change while the file grows."""
    from importlib.metadata import version

    import ofa_bench

    packages = {name: version(name) for name in ("ofa", "torch", "numpy", "pillow")}
    return {
        "title": f"Accuracies of random subnets of OFA's supernet of space {options.space}, measured on images",
        "note": "accuracy (top-1) and top5 are fractions of 1; loss is the mean cross-entropy, in nats",
        "of": {
            "space": options.space,
            "weights": weights.sha256 or "random",
            **sets.hashes,
            "test_images": len(sets.test),
            "calibration_images": len(sets.calibration),
            "batch": options.batch,
            "seed": options.seed,
        },
        "weights": asdict(weights),
        "images": dict(sets.description),
        "versions": {"ofa_bench": ofa_bench.__version__, "python": platform.python_version(), **packages},
        "made_by": command_line(["ofa_bench", "collect", *_asked(options)]),
        "date": date.today().isoformat(),
    }


def _asked(options: Options) -> list[str]:
    """Return the options that differ from the defaults, but for the place of the file."""
    standard = asdict(Options())
    given = {key: value for key, value in asdict(options).items() if value != standard[key] and key != "out"}
    return [portable(option(key, value)) for key, value in given.items()]


def run(options: Options, _: Sequence[str]) -> str:
    """Collect, and describe where the rows are."""
    accuracy = collect(options)
    use = command_line(["ofa_bench", "train", option("data", options.out), option("space", options.space)])
    return (
        f"{options.path}: {len(accuracy):,} networks, accuracy {accuracy.min():.1%} to {accuracy.max():.1%}, mean "
        f"{accuracy.mean():.1%}\nuse it: {use}"
    )
