"""Predicts the accuracy and cost of networks that the user gives, so that they can be exported."""

from collections.abc import Mapping

from ofa_bench.config.schema import Config
from ofa_bench.experiment.architectures import read_architectures
from ofa_bench.experiment.evaluation import evaluate
from ofa_bench.exporting.found import GIVEN, FoundNetwork, build_stem, resolve_space
from ofa_bench.records.labels import distinct
from ofa_bench.search import Problem

__all__ = ["evaluate_given"]


def evaluate_given(
    name: str, problem: Problem, config: Config, names: Mapping[str, str], uri: str | None, target: float | None
) -> list[FoundNetwork]:
    """Return the given networks with their predictions; the target of each is its own cost, unless a record has one.

    Args:
        name: names one or several architectures (see ``architectures.FORMS``).
        problem: what they are evaluated on.
        config: the config from which the problem was built.
        names: the chosen option of each config group.
        uri: the MLflow store, for an architecture of a run; None for no store.
        target: if a record is named, only its networks for this target.

    Raises:
        InputError: ``name`` names no architecture, or no supernet builds it.
    """
    device = config.device.get("device", "") if isinstance(config.device, dict) else ""
    of_problem = {"space": names["space"], "device": problem.cost.name, "predictor": names["predictor"]}
    stem, taken = distinct(build_stem(of_problem, problem.guard_band), set()), set[str]()
    made = []
    for one in evaluate(problem, read_architectures("architecture", name, problem.space, uri, target)):
        space, row = resolve_space(problem.space.to_ofa(one.named.genes), names["space"], config.space)
        made.append(
            FoundNetwork(
                **of_problem,
                unit=problem.cost.unit,
                target=one.cost if one.named.target is None else one.named.target,
                architecture=space.to_ofa(row),
                accuracy=one.accuracy,
                cost=one.cost / problem.guard_band,
                guard_band=problem.guard_band,
                by=(f"{GIVEN}{one.named.name}",),
                hashes={"device": problem.cost.sha256, "predictor": problem.predictor.sha256},
                table=str(device),
                described=config.space,
                device_card=problem.cost.card,
                folder=f"{stem}/{distinct(one.named.name, taken)}",
                unlabelled=one.unlabelled,
                uncertainty=one.uncertainty,
                measured=None,
            )
        )
    return made
