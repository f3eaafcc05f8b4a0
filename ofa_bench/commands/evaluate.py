"""``ofa_bench evaluate``: print the cost and accuracy of given architectures.

    ofa_bench evaluate architecture=arch.json
    ofa_bench evaluate architecture=<folder of net.config> space=proxyless device=cpu_onnx

- ``architecture``: a file with OFA's dict (JSON or Python) or a list of these; ``net.config``, or its folder, with
  ``run.config`` beside it; the ``card.json`` of an export; a record (a cell's folder, its ``record.json`` or an MLflow
  run); or the dict itself, in quotes.
- ``target``: of a record, only the network for this target. ``format``: ``text`` or ``json``.
- ``uri``: the MLflow store of runs. Default: ``MLFLOW_TRACKING_URI``, else ``sqlite:///mlflow.db`` here.

``space``, ``device``, ``predictor`` and their keys are those of ``ofa_bench run``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.options import check_choice
from ofa_bench.config.store_uri import uri_option
from ofa_bench.errors import InputError

if TYPE_CHECKING:
    from ofa_bench.experiment.evaluation import Evaluated
    from ofa_bench.search import Problem

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides the keys of ``ofa_bench run``."""

    architecture: str = ""
    target: float | None = None
    format: str = "text"
    uri: str = field(default_factory=uri_option)

    def check(self) -> None:
        """Raise InputError if a value is missing or not allowed."""
        from ofa_bench.experiment.named_records import FORMS

        if not self.architecture:
            raise InputError(f"architecture=: must be given: {FORMS}")
        check_choice("format", self.format, ("text", "json"))


def run(options: Options, overrides: Sequence[str]) -> Iterator[str]:
    """Evaluate the given architectures; yield the lines to print.

    Args:
        options: of the command.
        overrides: of ``space``, ``device`` and ``predictor``.

    Raises:
        InputError: an override is not allowed, or an architecture is not one of the space.
    """
    from ofa_bench.commands.cli.composition import compose_problem
    from ofa_bench.experiment.architectures import read_architectures
    from ofa_bench.experiment.evaluation import evaluate
    from ofa_bench.formatting import format_accuracy
    from ofa_bench.predictors.coverage import format_choices
    from ofa_bench.records.networks import json_list

    options.check()
    problem, _, names = compose_problem(overrides)
    named = read_architectures("architecture", options.architecture, problem.space, options.uri, options.target)
    found = evaluate(problem, named)
    unit = problem.cost.unit
    if options.format == "json":
        yield json_list([_plain(problem, names, one) for one in found])
        return
    width = max(len(one.named.name) for one in found)
    truth = " (its truth, without errors of measurement)" if problem.has_errors else ""
    yield f"space {names['space']}, device {problem.cost.name}, predictor {names['predictor']}{truth}"
    cost = "cost" if problem.guard_band == 1 else "guarded cost"
    places = 12 if any(one.uncertainty is not None for one in found) else 10
    yield f"{'':{width}}  {'accuracy %':>{places}}  {cost} {unit}"
    for one in found:
        guess = format_choices(one.unlabelled or {})
        worth = "a guess" if one.uncertainty is None else "less certain"
        note = f"  (no label of the predictor had {guess}: its accuracy is {worth})" if guess else ""
        accuracy = format_accuracy(one.accuracy, one.uncertainty)
        yield f"{one.named.name:{width}}  {accuracy:>{places}}  {one.cost:{len(cost) + 1 + len(unit)}.2f}{note}"


def _plain(problem: "Problem", names: dict[str, str], one: "Evaluated") -> dict[str, object]:
    return {
        "name": one.named.name,
        **{key: names[key] for key in ("space", "predictor")},
        "device": problem.cost.name,
        "accuracy": one.accuracy,
        "uncertainty": one.uncertainty,
        "cost": one.cost,
        "unit": problem.cost.unit,
        "unlabelled": one.unlabelled,
        "architecture": problem.space.to_ofa(one.named.genes),
    }
