"""``ofa_bench collect``: measure the accuracies of random subnets of a supernet on images.

Keys are given as ``key=value``:

- ``space``: the space of the supernet.
- ``weights``: ``auto`` (OFA's, downloaded once), the path of a checkpoint (with any number of classes), or ``random``
  (for trying things out). ``sha256``: the expected hash of the checkpoint.
- ``images``: a folder with one folder of images for each class. The number of a class is the name of its folder; or
  its line in the file ``classes`` (one folder name a line, in the order of the network's outputs); or, if there are as
  many folders as outputs, its place in their sorted order, as in ImageNet.
- ``test_images``: the most images to test on, drawn at random (OFA used 10,000).
- ``calibration``: a folder of images of any classes, on which the BatchNorm statistics of each subnet are computed. OFA
  uses training images. The default is other images of ``images``, if there are any. ``calibration_images``: the most
  of them (``ofa.tutorial`` uses 2,000). ``batch``: images at a time; statistics are means over batches.
- ``n``: the number of distinct subnets; each gene is drawn uniformly. ``seed``: the seed of everything that is drawn.
  ``threads``: of torch.
- ``out``: the CSV file, with one row for each subnet: ``architecture`` (OFA's dict as JSON), ``accuracy`` (top-1) and
  ``top5`` as fractions of 1, ``loss``, ``images``, ``seconds``. ``<out>.json`` describes how it was measured.

After an interrupt, the same command continues with the next subnet; a larger ``n`` adds more. To train a predictor on
the file, run ``ofa_bench train data=<out>``.

Collecting takes long: an image takes about 30 ms to test and 100 ms to calibrate on (``mbv3``, one CPU core), so a
subnet takes about 9 minutes with the defaults. Fewer images are faster, but the accuracies are less precise.
"""

import json
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

from ofa_bench.commands.cli.options import check_folder, given_options
from ofa_bench.config.limits import THREADS, check_ranges
from ofa_bench.config.shell import command_line, option, portable
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.files.reading import absolute_path
from ofa_bench.version import __version__

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
"""The smallest and largest values of options."""


@dataclass
class Options:
    """The options of the command."""

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
        """Raise InputError if a value is out of range or missing."""
        check_ranges(self, RANGES)
        if not self.images:
            raise InputError("images=: give a folder with a folder of images for each class")
        if not self.path.name:
            raise InputError(f"out={self.out}: must be the path of a CSV file")
        check_folder("out", self.path.parent)

    @property
    def path(self) -> Path:
        """The absolute path of the CSV file."""
        return absolute_path(self.out)


def collect(options: Options) -> NDArray[np.float64]:
    """Measure the missing rows; return the accuracy of every row: float64 [rows], fractions of 1.

    Raises:
        InputError: an option is wrong, images or weights are missing, or the file is from another collection.
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
    """Add the missing rows; return the accuracies of all rows."""
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
    """Return a progress bar in images; outside a terminal it prints a line every 30 seconds."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30.0
    total = max(options.n, done) * each
    return tqdm(
        None, "collecting", total, initial=done * each, mininterval=every, maxinterval=2 * every, unit=" images",
    )  # fmt: skip


def _card(options: Options, weights: "Weights", sets: "Sets") -> dict[str, Any]:
    """Return the card; its ``of`` has what must not change while the file grows."""
    from importlib.metadata import version

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
        "versions": {"ofa_bench": __version__, "python": platform.python_version(), **packages},
        "made_by": command_line(["ofa_bench", "collect", *map(portable, given_options(options))]),
        "date": date.today().isoformat(),
    }


def run(options: Options, _: Sequence[str]) -> str:
    """Collect; return a description of the file and the command that uses it."""
    accuracy = collect(options)
    use = command_line(["ofa_bench", "train", option("data", options.out), option("space", options.space)])
    return (
        f"{options.path}: {len(accuracy):,} networks, accuracy {accuracy.min():.1%} to {accuracy.max():.1%}, mean "
        f"{accuracy.mean():.1%}\nuse it: {use}"
    )
