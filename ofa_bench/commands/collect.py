"""``ofa_bench collect``: measure the accuracies of subnets of a supernet on images: random ones, or those found.

    ofa_bench collect images=imagenet/val calibration=imagenet/train           # random ones, to train a predictor on
    ofa_bench collect run=<a cell's folder> images=imagenet/val calibration=imagenet/train

Keys are given as ``key=value``:

- ``run``: the folder of a record whose best networks are measured: for each target the ``top`` best distinct ones that
  it kept; ``target``: only those of this target. They are measured in the order of their ranks, first the best of each
  target. ``measured.csv`` beside the record gets the accuracies; ``show``, ``report`` and ``export`` read them there.
- ``space``: the space of the supernet, without ``run``; a record names its own.
- ``weights``: ``auto`` (OFA's, downloaded once), the path of a checkpoint (with any number of classes), or ``random``
  (for trying things out). ``sha256``: the expected hash of the checkpoint.
- ``images``: a folder with one folder of images for each class. The number of a class is the name of its folder; or
  its line in the file ``classes`` (one folder name a line, in the order of the network's outputs); or, if there are as
  many folders as outputs, its place in their sorted order, as in ImageNet.
- ``test_images``: the most images to test on, drawn at random. Default: 10,000, as OFA used; with ``run`` all, because
  the best networks differ by less than the noise of 10,000 images (one standard error of an accuracy is 0.4 points).
- ``calibration``: a folder of images of any classes, on which the BatchNorm statistics of each subnet are computed. OFA
  uses training images. The default is other images of ``images``, if there are any. ``calibration_images``: the most
  of them (``ofa.tutorial`` uses 2,000). ``batch``: images at a time; statistics are means over batches.
- ``n``: the number of distinct random subnets; each gene is drawn uniformly. ``seed``: the seed of everything that is
  drawn. ``threads``: of torch.
- ``processes``: networks that are measured at a time, each by a process with so many ``threads``. ``device``: ``cpu``,
  ``cuda`` or ``auto``, a GPU where there is one.
- ``out``: the CSV file, with one row for each subnet: ``architecture`` (OFA's dict as JSON), ``accuracy`` (top-1) and
  ``top5`` as fractions of 1, ``loss``, ``images``, ``seconds``. ``<out>.json`` describes how it was measured. Default:
  ``pairs.csv``; with ``run``, ``measured.csv`` beside the record.

After an interrupt, the same command continues with the next subnet; a larger ``n`` or ``top`` adds more. To train a
predictor on the file, run ``ofa_bench train data=<out>``.

Collecting takes long: an image takes about 30 ms to test and 100 ms to calibrate on (``mbv3``, one CPU core), so a
random subnet takes about 9 minutes with the defaults, and one of a record about half an hour on the 50,000 images of
ImageNet's validation set. Fewer images are faster, but the accuracies are less precise.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
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
from ofa_bench.records.measured import MEASURED
from ofa_bench.records.model import RECORD
from ofa_bench.training.measuring import Measured, Settings, SupernetMeasurer

if TYPE_CHECKING:
    from ofa_bench.records.model import Record
    from ofa_bench.training.plans import Plan
    from ofa_bench.training.workers import Workers

__all__ = ["Options", "collect", "run"]

RANGES = {
    "n": (1, np.inf),
    "top": (1, np.inf),
    "processes": (1, THREADS),
}
"""The smallest and largest values of options."""

SHARED = (
    "images", "classes", "calibration", "weights", "sha256", "calibration_images", "batch", "seed", "threads", "device",
)  # fmt: skip
"""The options that are settings of the measurements."""

TEST_IMAGES = 10_000
"""The default for random subnets."""


@dataclass
class Options:
    """The options of the command."""

    space: str = "mbv3"
    images: str = ""
    out: str = ""
    run: str = ""
    top: int = 10
    target: float | None = None
    n: int = 1000
    weights: str = "auto"
    sha256: str = ""
    classes: str = ""
    test_images: int | None = None
    calibration: str = ""
    calibration_images: int = 2000
    batch: int = 64
    seed: int = 0
    threads: int = 1
    processes: int = 1
    device: str = "cpu"

    def check(self) -> None:
        """Raise InputError if a value is out of range or missing."""
        check_ranges(self, RANGES)
        if self.target is not None and not self.run:
            raise InputError(f"target={self.target:g}: needs run=")
        if self.run and self.weights == "random" and not self.out:
            raise InputError("weights=random: not what the record's networks are worth; give out=<another file>")
        self.settings.check()
        if not self.path.name:
            raise InputError(f"out={self.out}: must be the path of a CSV file")
        check_folder("out", self.path.parent)

    @property
    def settings(self) -> Settings:
        """The weights and the images."""
        given, default = self.test_images, sys.maxsize if self.run else TEST_IMAGES
        shared = {key: getattr(self, key) for key in SHARED}
        return Settings(test_images=default if given is None else given, **shared)

    @property
    def path(self) -> Path:
        """The absolute path of the CSV file."""
        return absolute_path(self.out or (str(self.folder / MEASURED) if self.run else "pairs.csv"))

    @property
    def folder(self) -> Path:
        """The folder of the record."""
        path = absolute_path(self.run)
        return path.parent if path.name == RECORD else path


def collect(options: Options) -> NDArray[np.float64]:
    """Measure the missing rows; return the accuracy of every row: float64 [rows], fractions of 1.

    Raises:
        InputError: an option is wrong, images or weights are missing, or the file is from another collection.
        OSError: the file cannot be written.
    """
    options.check()
    plan, record = _plan(options)
    from ofa_bench.training.workers import make_workers

    measurer = SupernetMeasurer(plan.space, options.settings)
    workers = make_workers(measurer, options.processes)
    print(f"ofa_bench: {measurer.weights.description}", file=sys.stderr)
    return np.array(_measure(options, plan, measurer, workers, _card(options, record, measurer)))


def _plan(options: Options) -> "tuple[Plan, Record | None]":
    """Return the networks to measure, and the record that they are of."""
    space = load_space(options.space)  # of a user's class, imports it, which a record may name
    from ofa_bench.records.record import read
    from ofa_bench.training.plans import plan_random, plan_record

    if not options.run:
        return plan_random(space, options.n, options.seed), None
    if not (options.folder / RECORD).is_file():
        raise InputError(f"run={options.run}: there is no {RECORD}; give a cell's folder")
    record = read(options.folder)
    return plan_record(record, options.top, options.target), record


def _measure(
    options: Options, plan: "Plan", measurer: SupernetMeasurer, workers: "Workers", card: dict[str, Any]
) -> list[float]:
    """Add the missing rows, in the order of the plan; return the accuracies of all rows."""
    from ofa_bench.training.collection import open_collection

    options.path.parent.mkdir(parents=True, exist_ok=True)
    table, accuracies = open_collection(options.path, card, plan.belongs)
    missing = {name: row for name, row in zip(plan.names, plan.genes, strict=True) if name not in accuracies}
    total, each, early = len(accuracies) + len(missing), measurer.images, dict[str, Measured]()
    turn = iter(missing)
    with _bar(total * each, len(accuracies) * each) as bar:
        bar.set_postfix_str(f"network {len(accuracies) + 1} of {total}", refresh=False)
        due = next(turn, None)
        for name, measured in workers.measure(missing.items(), bar.update):
            early[name] = measured
            while due in early:
                found = early.pop(due)
                table.add([due, *found.row])
                accuracies[due] = found.scores.top1
                bar.set_postfix_str(f"network {len(accuracies) + 1} of {total}", refresh=False)
                due = next(turn, None)
    return list(accuracies.values())


def _bar(total: int, done: int) -> Any:
    """Return a progress bar in images; outside a terminal it prints a line every 30 seconds."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30.0
    return tqdm(None, "collecting", total, initial=done, mininterval=every, maxinterval=2 * every, unit=" images")


def _card(options: Options, record: "Record | None", measurer: SupernetMeasurer) -> dict[str, Any]:
    """Return the card; its ``of`` has what must not change while the file grows."""
    space = record.choices.space if record else options.space
    which = f"the best networks of {record.address}" if record else f"random subnets of OFA's supernet of space {space}"
    of = {**({"record": record.identity} if record else {}), "space": space, **measurer.of}
    made_by = command_line(["ofa_bench", "collect", *map(portable, given_options(options))])
    return measurer.card(f"Accuracies of {which}, measured on images", of, made_by)


def run(options: Options, _: Sequence[str]) -> str:
    """Collect; return a description of the file and the command that uses it."""
    accuracy = collect(options)
    use = ["train", option("data", options.out or "pairs.csv"), option("space", options.space)]
    if options.run and not options.out:
        use = ["export", option("run", options.run)]
    return (
        f"{options.path}: {len(accuracy):,} networks, accuracy {accuracy.min():.1%} to {accuracy.max():.1%}, mean "
        f"{accuracy.mean():.1%}\nuse it: {command_line(['ofa_bench', *use])}"
    )
