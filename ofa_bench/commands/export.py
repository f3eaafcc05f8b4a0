"""``ofa_bench export``: write found networks as files that run without this package.

    ofa_bench export multirun measure=true
    ofa_bench export multirun/mbv3/note10/embedded/joint/sqrt/default/seed=0 target=25

A folder is read as ``run`` if it is a cell's, else as ``sweep``.

- ``run``: one record: the folder of a cell, or an MLflow run. ``sweep``: several records: one sweep, by its journal
  (``multirun/sweeps/<id>.jsonl``), id or name, or all records below a folder; for each target, the most accurate
  network of any strategy is exported (``which=every``: every network). ``strategy``: only of these strategies. Where
  ``ofa_bench collect run=<the record>`` measured the accuracies of a target's best networks, it is the measured best.
- ``architecture``: networks that were not searched, as ``ofa_bench evaluate`` takes them; ``space``, ``device`` and
  ``predictor`` are those of ``ofa_bench run``. With ``run`` and ``sweep``, ``space=<a YAML file>`` imports your
  own space, which the records name.
- ``target``: only the network for this target. ``out``: the folder; it gets an ``index.html``, and for each network,
  below ``<space>_<device>_<predictor>/<target>``, ``network.onnx``, ``network.pt2`` (``torch.export``) and its card.
- ``weights``: ``auto`` (OFA's supernet, downloaded once; random, with a note, if there is none), ``random``, or the
  path of a checkpoint of the supernet; ``sha256``: the expected hash of the checkpoint.
- ``batch``: images that the networks take at a time; ``dynamic`` for any number.
- ``images``: a folder of images on which BatchNorm statistics are recomputed, as subnets of a supernet need it;
  ``n_images``: the most of them.
- ``quantize=int8``: also write ``network.int8.onnx`` for each network, quantised by onnxruntime on at most
  ``calibration_images`` of the images, and print on how many of at most ``test_images`` others its first class differs
  from FP32's. If the images are in folders of classes (as for ``ofa_bench collect``, with ``classes``, a file of their
  names), print the top-1 accuracy of both too. ``measure=true`` times both.
- ``measure=true``: time the networks end to end and compare that with the predicted costs; without ``run`` and
  ``sweep``, those already in ``out``. ``statistic``: the statistic of all runs that is compared with the targets:
  ``median``, ``p10`` or ``p90``; the table shows which targets each one meets. ``controls``: the number of random
  networks that are timed too, and show whether the device is as fast as when its table was measured. ``runner``,
  ``threads``, ``rounds``, ``seed``: as for ``ofa_bench profile``.
- ``uri``: the MLflow store that gets the networks as models, if it exists (``none``: no store); ``experiment``. Their
  defaults are ``MLFLOW_TRACKING_URI`` and ``MLFLOW_EXPERIMENT_NAME``, if set. ``register``: registers
  each target as a model whose name begins with this, such as ``phone-25ms``; without ``/`` and ``:``.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.composition import is_of_problem
from ofa_bench.commands.cli.messages import report_error
from ofa_bench.commands.cli.options import check_choice, check_folder
from ofa_bench.config.batches import read_batch, show_batch
from ofa_bench.config.limits import THREADS, check_ranges
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.store_uri import default_experiment, sqlite_path, uri_option
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.experiment.checks import check_tracking
from ofa_bench.files.writing import make_folder

if TYPE_CHECKING:
    from ofa_bench.exporting.cards import Card
    from ofa_bench.exporting.found import FoundNetwork
    from ofa_bench.exporting.quantising import Quantiser
    from ofa_bench.profiling.runners import Runner
    from ofa_bench.records.model import Record

__all__ = ["Options", "export", "run"]

RANGES = {
    "n_images": (1, math.inf),
    "calibration_images": (1, math.inf),
    "test_images": (1, math.inf),
    "rounds": (2, math.inf),
    "controls": (0, math.inf),
    "seed": (0, math.inf),
    "threads": (1, THREADS),
}
"""The smallest and largest values of options."""


@dataclass
class Options:
    """The options of the command."""

    run: str = ""
    sweep: str = ""
    architecture: str = ""
    strategy: str = ""
    target: float | None = None
    which: str = "best"
    out: str = "export"
    weights: str = "auto"
    sha256: str = ""
    images: str = ""
    n_images: int = 2000
    batch: str = "1"
    quantize: str = ""
    classes: str = ""
    calibration_images: int = 200
    test_images: int = 1000
    measure: bool = False
    runner: str = "onnxruntime"
    threads: int = 1
    rounds: int = 20
    statistic: str = "median"
    controls: int = 8
    seed: int = 0
    uri: str = field(default_factory=uri_option)
    experiment: str = field(default_factory=default_experiment)
    register: str = ""

    def check(self) -> None:
        """Raise InputError if a value is out of range, or there is nothing to do."""
        if sum(map(bool, (self.run, self.sweep, self.architecture))) > 1:
            raise InputError("give one of run=, sweep= and architecture=")
        if not (self.chosen or self.measure):
            raise InputError(
                "give run=<a cell's folder or MLflow run>, sweep=<a sweep or a folder of records>, "
                "architecture=<a file>, or measure=true"
            )
        check_choice("which", self.which, ("best", "every"))
        if self.images and not Path(self.images).expanduser().is_dir():
            raise InputError(f"images={self.images}: no such folder")
        if self.register and self.uri == "none":
            raise InputError(f"register={self.register}: needs an MLflow store, but uri=none")
        if self.strategy and not (self.run or self.sweep):
            raise InputError(f"strategy={self.strategy}: needs run= or sweep=")
        if self.classes and not self.quantize:
            raise InputError(f"classes={self.classes}: needs quantize=int8")
        if self.quantize:
            check_choice("quantize", self.quantize, ("int8",))
        if self.quantize and not (self.images and self.chosen):
            raise InputError("quantize=int8: needs images=, a folder, and the networks: run=, sweep= or architecture=")
        read_batch(self.batch)
        if self.uri != "none":
            check_tracking(TrackingConfig(self.uri, None, self.experiment), "")
        if self.register:
            from ofa_bench.tracking.names import check_registered_name

            check_registered_name("register", self.register)
        from ofa_bench.profiling.statistics import check_statistic

        check_statistic(self.statistic)
        check_ranges(self, RANGES)
        check_folder("out", self.folder)

    @property
    def chosen(self) -> bool:
        """Whether networks are to be exported."""
        return bool(self.run or self.sweep or self.architecture)

    @property
    def folder(self) -> Path:
        """The folder of the networks."""
        return Path(self.out).expanduser()


def export(options: Options, overrides: Sequence[str] = ()) -> Path:
    """Export, quantise and measure networks as the options say; return the path of the index.

    Args:
        options: of the command.
        overrides: of ``space``, ``device`` and ``predictor``, for ``architecture``.

    Raises:
        InputError: an option is wrong, there are no such records or networks, or something needed is not installed.
        OSError: the folder cannot be written.
        RuntimeError: a file does not compute what its network does.
    """
    options.check()
    if not options.architecture:
        for word in overrides:
            key, _, value = word.partition("=")
            if key != "space" or not value.endswith((".yaml", ".yml")):
                raise InputError(f"{word}: only with architecture=; a record knows its space, device and predictor")
            load_space(value)  # imports the class that records name
    found = _choose(options, overrides) if options.chosen else []  # fails before what takes long to import
    from ofa_bench.profiling.runners import make_runner
    from ofa_bench.supernets.network_files import need_onnx

    need_onnx()
    if options.quantize:
        from ofa_bench.exporting.quantising import need_onnxruntime

        need_onnxruntime()
    store = _store(options)
    runner = make_runner(options.runner, options.threads) if options.measure else None
    out = options.folder
    from ofa_bench.exporting.cards import read_cards, write_card
    from ofa_bench.exporting.pages import build_sections, write_pages

    networks = _export_all(options, found, runner) if options.chosen else list(read_cards(out))
    if not networks:
        raise InputError(f"out={out}: no exported network there; give run=, sweep= or architecture= to export some")
    if runner:
        from ofa_bench.exporting.measuring import measure_networks
        from ofa_bench.records.tables import markdown

        networks = measure_networks(
            networks, runner, out, options.threads, options.rounds, options.seed, options.controls, options.statistic
        )  # fmt: skip
        for folder, card in networks:
            write_card(folder, card)
        for section in build_sections(networks):
            print(f"{section.heading}: {section.verdict}\n\n{markdown(section.table)}\n")
    index = write_pages(out)
    if store:
        _log(options, store, networks, index)
    return index


def _export_all(
    options: Options, found: "Sequence[FoundNetwork]", runner: "Runner | None"
) -> list[tuple[Path, "Card"]]:
    """Write the files of networks; return their folders and cards."""
    from tqdm import tqdm

    from ofa_bench.exporting.cards import assign_folders
    from ofa_bench.exporting.measuring import choose_batch
    from ofa_bench.exporting.networks import Exporter
    from ofa_bench.exporting.planning import describe_plan
    from ofa_bench.exporting.quantising import describe_int8

    chosen, batch = assign_folders(found, options.folder), read_batch(options.batch)
    if runner:  # fails before the export
        for one in chosen:
            choose_batch(one.unit, show_batch(batch), one.device, runner)
    images = Path(options.images).expanduser() if options.images else None
    exporter = Exporter(options.folder, options.weights, options.sha256, images, options.n_images, batch)
    quantiser = _quantiser(options)
    for description in dict.fromkeys(exporter.describe_weights(one) for one in chosen):
        print(description, file=sys.stderr)
    if quantiser:
        for why in filter(None, [quantiser.find_classes(n) for n in {exporter.count_classes(one) for one in chosen}]):
            print(why, file=sys.stderr)
    parameters = [exporter.count_parameters(one) for one in chosen]
    print(describe_plan(parameters, options.folder, int8=quantiser is not None), file=sys.stderr)
    make_folder(options.folder)
    if options.measure and options.controls:
        _write_controls(options.folder, chosen, options.controls)
    for one in chosen:
        better = exporter.find_more_accurate(one)
        if one.measured and one.measured["rank"] > 1:
            print(
                f"{one.folder}: the best of {one.measured['networks']} measured networks, "
                f"{one.measured['rank']} by predicted accuracy",
                file=sys.stderr,
            )
        elif better:
            print(
                f"{one.folder}: replaces a network of {', '.join(better['by'])} that was predicted to be "
                f"{100 * (better['accuracy'] - one.accuracy):.2f} points more accurate",
                file=sys.stderr,
            )
    made = []
    for one in tqdm(chosen, "exporting", unit=" networks", disable=len(chosen) == 1):
        folder, card = exporter.write(one)
        made.append(quantiser.write(folder, card) if quantiser else (folder, card))
    for folder, card in made if quantiser else []:
        print(f"{folder.parent.name}/{folder.name}: {describe_int8(card)}")
    return made


def _quantiser(options: Options) -> "Quantiser | None":
    from ofa_bench.exporting.quantising import Quantiser
    from ofa_bench.supernets.images import Images

    if not options.quantize:
        return None
    classes = Path(options.classes).expanduser() if options.classes else None
    images = Images(Path(options.images).expanduser(), classes)
    return Quantiser(images, options.calibration_images, options.test_images)


def _write_controls(out: Path, chosen: "Sequence[FoundNetwork]", n: int) -> None:
    """Write the random networks that are timed with those of each space and table; print why if they cannot be."""
    from itertools import groupby

    from ofa_bench.exporting.controls import write_controls

    for stem, some in groupby(chosen, key=lambda one: one.folder.partition("/")[0]):
        alike = list(some)
        description = write_controls(out / stem, alike, alike[0].table, n)
        if description:
            print(description, file=sys.stderr)


def _choose(options: Options, overrides: Sequence[str]) -> list["FoundNetwork"]:
    if options.architecture:
        from ofa_bench.commands.cli.composition import compose_problem
        from ofa_bench.exporting.given import evaluate_given

        uri = None if options.uri == "none" else options.uri
        return evaluate_given(options.architecture, *compose_problem(overrides), uri, options.target)
    from ofa_bench.exporting.found import find_networks, select_target

    records = _records(options)
    networks = find_networks(records, every=options.which == "every")
    if options.target is not None:
        return select_target(networks, records, options.target)
    if not networks:
        raise InputError(f"{options.run or options.sweep}: nothing in these records met its target")
    return networks


def _records(options: Options) -> "list[Record]":
    from ofa_bench.exporting.sources import read_sweep, select_strategies

    if options.run:
        from ofa_bench.experiment.named_records import record_named

        record = record_named("run", options.run, None if options.uri == "none" else options.uri)
        return select_strategies([record], options.strategy)
    gathered = read_sweep(options.sweep)
    for reason in gathered.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    return select_strategies(gathered.records, options.strategy)


def _store(options: Options) -> "TrackingConfig | None":
    """Return the MLflow store of the networks; None if there is none, or, with a message, if it cannot be used.

    Raises:
        InputError: networks are to be registered, but the store cannot be used.
    """
    if options.uri == "none":
        return None
    database = sqlite_path(options.uri)
    missing = database is not None and not database.is_file()
    if missing and not options.register:
        return None
    from ofa_bench.exporting.models import check_store

    tracking = TrackingConfig.at(options.uri, "", options.experiment)
    try:
        if database and missing:
            check_folder("uri", database.absolute().parent)
        else:
            check_store(tracking, register=options.register)
    except InputError as error:
        if options.register or options.uri != uri_option():  # not only the default
            raise
        report_error(error, "the networks are not sent to MLflow: ")
        return None
    return tracking


def _log(options: Options, store: "TrackingConfig", networks: "Sequence[tuple[Path, Card]]", index: Path) -> None:
    """Log the networks to MLflow; an error there leaves the files as they are."""
    from ofa_bench.exporting.models import log_models

    try:
        print(log_models(networks, index, store, register=options.register, source=_source(options)))
    except InputError as error:
        if options.register:
            raise
        report_error(error, "the networks are written, but not sent to MLflow: ")


def _source(options: Options) -> str:
    """Return the MLflow run, or else the SHA-256, of the exported record; an empty string if there are several."""
    from ofa_bench.experiment.named_records import run_named
    from ofa_bench.predictors.assets import sha256_of
    from ofa_bench.records.model import RECORD

    path = Path(options.run).expanduser()
    path = path if path.name == RECORD else path / RECORD
    if not options.run or path.is_file():
        return sha256_of(path) if options.run else ""
    return run_named(options.run) or ""


def run(options: Options, others: Sequence[str]) -> Path:
    """Export what the options, or the folders among the other arguments, name; return the path of the index."""
    from ofa_bench.records.record import RECORD

    for word in others:
        if is_of_problem(word):
            continue
        if options.run or options.sweep:
            raise InputError(f"{word}: one folder at a time")
        is_record = (Path(word) / RECORD).is_file()
        options = replace(options, run=word) if is_record else replace(options, sweep=word)
    return export(options, [word for word in others if is_of_problem(word)])
