"""Networks that a user names are exported as those are that a search found; each meets its own cost as a target."""

from collections.abc import Mapping

from ofa_bench.config.schema import Config
from ofa_bench.experiment.architectures import read_architectures
from ofa_bench.experiment.evaluation import evaluate
from ofa_bench.exporting.found import GIVEN, Found, buildable
from ofa_bench.records.labels import distinct
from ofa_bench.search import Problem

__all__ = ["given_networks"]


def given_networks(
    name: str, problem: Problem, config: Config, names: Mapping[str, str], uri: str | None, target: float | None
) -> list[Found]:
    """Return named networks with what is predicted of them.

    Args:
        name: of one or several (see ``architectures.FORMS``).
        problem: what they are evaluated on.
        config: the config that it was built from.
        names: the option chosen of each group.
        uri: the MLflow store, where a run is named; None for none.
        target: of a record, only what was found for this one.

    Raises:
        InputError: nothing is named, or no supernet builds it.
    """
    named = read_architectures("architecture", name, problem.space, uri, target)
    device = config.device.get("device", "") if isinstance(config.device, dict) else ""
    guard = problem.guard_band
    guarded = ["guarded"] if guard != 1 else []
    stem, taken = (
        distinct("_".join([names["space"], problem.cost.name, names["predictor"], *guarded]), set()),
        set[str](),
    )
    made = []
    for one in evaluate(problem, named):
        architecture = problem.space.to_ofa(one.named.genes)
        space, row = buildable(architecture, names["space"], config.space)
        made.append(
            Found(
                space=names["space"],
                device=problem.cost.name,
                predictor=names["predictor"],
                unit=problem.cost.unit,
                target=one.cost if one.named.target is None else one.named.target,
                architecture=space.to_ofa(row),
                accuracy=one.accuracy,
                cost=one.cost / guard,
                guard_band=guard,
                by=(f"{GIVEN}{one.named.name}",),
                hashes={"device": problem.cost.sha256, "predictor": problem.predictor.sha256},
                table=str(device),
                described=config.space,
                device_card=problem.cost.card,
                folder=f"{stem}/{distinct(one.named.name, taken)}",
                unlabelled=one.unlabelled,
            )
        )
    return made
