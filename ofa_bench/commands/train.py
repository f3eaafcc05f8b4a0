"""``ofa_bench train``: train and evaluate an accuracy predictor of a space.

    ofa_bench train data=pairs.csv space=mbv3 out=predictors/mine

trains on pairs of an architecture and its accuracy. ``predictor=predictors/mine`` then searches with the result:
``<out>/<space>.npz`` (weights), ``<out>/<space>.json`` (the card) and ``<out>/<space>.png`` (a plot of the errors).
Keys are given as ``key=value``:

- ``data``: a table, such as ``ofa_bench collect`` writes, separated by commas, semicolons or tabs. An architecture is
  OFA's dict (JSON or Python) in the column ``architecture`` (``config``, ``subnet`` ...), or else one column for the
  value of each gene (``r``, ``d0`` ...; inactive ones may be empty). Its accuracy is the column ``accuracy``, a
  fraction of 1, or else ``top1`` (``Top-1 Acc (%)`` ...), in percent; values in the other unit are refused. Other
  columns are ignored. OFA's ``acc.dict`` and ``iter_<n>.stats`` of NSGANetV2 are read too.
- ``space``: the name of a space, or a YAML file with the ``_target_`` of your own (``conf/space/mine.yaml``).
- ``out``: the folder; its name is the predictor's. Existing files are not replaced.
- ``hidden``: units of each hidden layer, 2 or more. ``epochs``: of each training; 0 chooses them by the pairs.
- ``folds``: of the cross-validation. ``seed``: on one thread, the same seed gives the same weights. ``threads``: of
  torch.

A ridge regression that knows the order of a gene's choices is fitted first, then a network to its residuals. The
network's share is the one that predicts held-out pairs best; with few or noisy pairs it is small. All pairs of one
architecture are in one fold. The card has the errors on held-out pairs, those of a plain ridge regression on one-hot
genes and of the mean, and the learning curve, which shows whether more pairs would help. It also lists the choices
that no pair has; a search reports a winner with one of them.

Without ``data``, it distils OFA's official predictor, the teacher, as the embedded predictors were made. The keys are
then ``space``, ``device``, ``hidden``, ``seconds``, ``repeats``, ``seed``, ``threads`` and ``out``. The card has the
student's errors on uniform samples and on the frontier, and what a search with it loses according to the teacher.

``ofa_bench train data=pairs.csv --help`` shows the defaults with ``data``, ``ofa_bench train --help`` those without.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ofa_bench.commands.cli.options import check_new_name
from ofa_bench.config.limits import THREADS, check_range
from ofa_bench.config.shell import command_line, override, portable
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space

__all__ = ["Options", "PairsOptions", "options_for", "run", "train", "train_pairs"]

WIDEST = 10_000
"""The largest width of a hidden layer."""


@dataclass
class Common:
    """The options of both uses of the command."""

    data: str = ""
    space: str = "mbv3"
    hidden: list[int] = field(default_factory=lambda: [256, 256])
    seed: int = 0
    threads: int = 1
    out: str = "predictors/own"

    def check(self) -> None:
        """Raise InputError if a value is out of range."""
        check_range("seed", self.seed, 0, 2**63 - 1)
        check_range("threads", self.threads, 1, THREADS)
        check_new_name("predictor", self.out, self.folder)
        least = 2 if self.data else 1
        if not self.hidden or min(self.hidden) < least or max(self.hidden) > WIDEST:
            raise InputError(f"hidden={self.hidden}: must be one or more layer widths of {least} to {WIDEST:,}")

    @property
    def folder(self) -> Path:
        """The folder of the predictor."""
        return Path(self.out).expanduser()

    def check_free(self, space: str) -> None:
        """Raise InputError if the folder has a predictor of the space already."""
        for path in (self.folder / f"{space}.{kind}" for kind in ("npz", "json", "png")):
            if path.exists():
                raise InputError(f"out={self.out}: {path} is already there; move it away or choose another out=")


@dataclass
class Options(Common):
    """The options without ``data``. Training lasts ``seconds``, so the weights depend on the machine."""

    device: str = "note10"
    seconds: float = 2400.0
    repeats: int = 10

    def check(self) -> None:
        """Raise InputError if a value is out of range."""
        check_range("seconds", self.seconds, 1)
        check_range("repeats", self.repeats, 2)
        super().check()


@dataclass
class PairsOptions(Common):
    """The options with ``data``."""

    hidden: list[int] = field(default_factory=lambda: [128, 128])
    folds: int = 5
    epochs: int = 0

    def check(self) -> None:
        """Raise InputError if a value is out of range."""
        if not self.data:
            raise InputError("data=: give the path of a CSV file")
        check_range("folds", self.folds, 2)
        check_range("epochs", self.epochs, 0)
        super().check()


def train(options: Options) -> dict[str, Any]:
    """Distil, evaluate and write a predictor; return its errors.

    Raises:
        InputError: there is no such space or device, the space has no official predictor, or the folder has a
            predictor already.
        OSError: the folder cannot be written.
    """
    from ofa_bench.predictors import latency_table, official_predictor

    space = load_space(options.space)
    cost, teacher, out = latency_table(space, options.device), official_predictor(space), options.folder
    options.check_free(space.name)
    out.mkdir(parents=True, exist_ok=True)
    import torch
    from threadpoolctl import threadpool_limits

    from ofa_bench.training.distill import Distillation, judge
    from ofa_bench.training.fitting import write_predictor

    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads):
        training = Distillation(
            space, teacher, cost, hidden=options.hidden, seconds=options.seconds, seed=options.seed, report=_report
        )
        student = training.run().predictor()
        errors = judge(teacher, student, cost, space, options.repeats, options.seed + 1)
    card = {
        "title": f"Accuracy predictor of space {space.name}, distilled from OFA's official one",
        "note": "It repeats the official predictor, not ImageNet accuracy; errors are in percentage points against it",
        "coverage": {
            "labels": "accuracies by the official predictor, the teacher, of random architectures (each gene uniform), "
            "of those that searches met and of mutants of these: they have every choice of every gene",
            "unlabelled": {},
        },
        "teacher": {"name": teacher.name, "sha256": teacher.sha256},
        "hidden": list(options.hidden),
        "parameters": sum(weight.size + bias.size for weight, bias in student.layers),
        "made_by": _made_by(),
        "training": {"seconds": options.seconds, "batches": training.steps, "batch": training.batch},
        "date": date.today().isoformat(),
        "errors": errors,
    }
    write_predictor(out, space.name, {space.name: student.layers}, card)
    return errors


def train_pairs(options: PairsOptions) -> dict[str, Any]:
    """Train on pairs, evaluate and write a predictor; return its card.

    Raises:
        InputError: there is no such space, the data cannot be read, or the folder has a predictor already.
        OSError: the folder cannot be written.
    """
    from ofa_bench.spaces import ChosenSpace
    from ofa_bench.training.pairs import read_pairs

    space = load_space(options.space)
    if isinstance(space, ChosenSpace):
        raise InputError(
            f"space={options.space}: has choices; train for {space.parent.name} without them, which serves the part"
        )
    options.check_free(space.name)
    pairs = read_pairs(Path(options.data).expanduser(), space)
    from ofa_bench.training.on_pairs import train_on_pairs

    return train_on_pairs(
        space, pairs, options.folder, hidden=options.hidden, folds=options.folds, epochs=options.epochs,
        seed=options.seed, threads=options.threads, made_by=_made_by(),
    )  # fmt: skip


def _describe(card: Mapping[str, Any], out: str) -> str:
    """Describe a predictor trained on pairs in a few lines."""
    data, found = card["data"], card["cross_validation"]
    lines = [
        f"{Path(out) / card['space']}.npz: trained on {data['pairs']:,} pairs ({data['distinct']:,} architectures); of "
        f"pairs held out in {found['folds']} folds:"
    ]
    for name, label in (("predictor", "the predictor"), ("ridge", "a plain ridge regression"), ("mean", "the mean")):
        rmse, mae, *ranks = (found[name][key]["value"] for key in ("rmse", "mae", "spearman", "kendall"))
        ranked = "" if None in ranks else f", rank correlation {ranks[0]:.4f} (Spearman), {ranks[1]:.4f} (Kendall)"
        lines.append(f"  {label}: off by {rmse:.3f} points (root mean square), {mae:.3f} (mean){ranked}")
    if found["predictor"]["rmse"]["value"] >= found["mean"]["rmse"]["value"]:
        lines.append("  it is no better than the mean: it needs more pairs, or less noisy accuracies")
    return "\n".join([*lines, *_gaps(card["coverage"]), f"use it: {command_line([override('predictor', out)])}"])


def _gaps(coverage: Mapping[str, Any]) -> list[str]:
    """Describe which choices are rare or missing in the pairs."""
    from ofa_bench.predictors.coverage import FEW, format_choices
    from ofa_bench.spaces.chosen import choices_override

    lines = []
    if coverage["unlabelled"]:
        held = (
            f"; {choices_override(coverage['labelled'])} restricts a search to the others"
            if coverage["labelled"]
            else ""
        )
        missing = format_choices(coverage["unlabelled"])
        lines.append(f"  no pair has {missing}: its predictions for these are guesses{held}")
    if coverage["rare"]:
        rare = {gene: sorted(map(float, found)) for gene, found in coverage["rare"].items()}
        lines.append(f"  fewer than {FEW} architectures have {format_choices(rare)} (the card counts them)")
    return lines


def _made_by() -> str:
    """Return the command line without ``out``, which does not change the weights."""
    given = [portable(word) for word in sys.argv[1:] if not word.startswith("out=")]
    return command_line(["ofa_bench", "train", *given])


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def options_for(arguments: Sequence[str]) -> type[Options] | type[PairsOptions]:
    """Return the options of training on pairs if ``data`` is given, else those of distillation."""
    return PairsOptions if any(word.startswith("data=") for word in arguments) else Options


def run(options: Options | PairsOptions, _: Sequence[str]) -> str:
    """Train; return a description of the predictor.

    Raises:
        InputError: an option is not allowed.
        OSError: the folder cannot be written.
    """
    options.check()
    if isinstance(options, PairsOptions):
        return _describe(train_pairs(options), options.out)
    return json.dumps(train(options), indent=1)
