"""``ob.problem`` and ``ob.options``: a design space with an accuracy predictor and a cost model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any

from omegaconf import OmegaConf

from ofa_bench.api.describing import describe, to_overrides
from ofa_bench.api.fleets import FleetProblem, fleet_overrides
from ofa_bench.api.subnets import check_problem
from ofa_bench.config.kinds import missing_members
from ofa_bench.config.schema import GROUPS, PROBLEM_GROUPS
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.build import build_problem, build_problems
from ofa_bench.experiment.composition import Composed, compose_cell
from ofa_bench.experiment.fleet import is_fleet
from ofa_bench.experiment.options import PARTS, describe_options
from ofa_bench.experiment.running import expand_fleet
from ofa_bench.predictors import AccuracyPredictor, CostModel, SimulatedMeasurement
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, hold, whole_space

__all__ = ["DescribedProblem", "compose_with", "describe_problem", "name_of", "options", "problem"]

KINDS = {"space": DesignSpace, "device": CostModel, "predictor": AccuracyPredictor}

PARAMETERS = ("space", "device", "predictor", "choices", "noise", "limits")
"""Those of ``problem``, besides the keys."""

Nodes = Mapping[str, tuple[str, Any]]
"""By config group, the name and the config of an object that was given in place of an option."""


@dataclass(frozen=True, repr=False, eq=False)
class DescribedProblem(Problem):
    """A problem with the overrides and the objects that it was built from."""

    overrides: tuple[str, ...] = ()
    nodes: Nodes = field(default_factory=dict)


def problem(
    space: str | DesignSpace = "mbv3",
    *,
    device: "str | PathLike[str] | CostModel | Sequence[str] | None" = None,
    predictor: "str | PathLike[str] | AccuracyPredictor | None" = None,
    choices: Mapping[str, Sequence[float]] | None = None,
    noise: float | None = None,
    limits: Mapping[str, float] | None = None,
    **keys: Any,
) -> Any:
    """Return a problem: a design space, an accuracy predictor and a cost model.

    Args:
        space: an option of the group ``space`` (``ob.options("space")``), the path of a YAML file like those of the
            options, or a ``DesignSpace``.
        device: an option of the group ``device``, the path of a latency table, or a ``CostModel``; default:
            that of the space. Several options or paths make a fleet, whose devices ``ob.run`` searches all.
        predictor: an option of the group ``predictor``, the path of a predictor, or an ``AccuracyPredictor``;
            default: that of the space.
        choices: the values allowed, by gene or kind of genes: ``{"r": [224], "k": [3, 5]}``.
        noise: simulate measurements of the predictor, with errors of this standard deviation, in points.
        limits: the most that every architecture may cost elsewhere, by device: ``{"params": 6, "macs": 400}``.
        keys: other keys of the space, device or predictor, such as ``guard_band=True``, and ``keep`` (see ``Problem``).

    Returns:
        A ``Problem``; of several devices a ``FleetProblem``, which has one for each.

    Raises:
        InputError: there is no such option or key, or a value is not allowed; the message names the key.
    """
    overrides, nodes, built = list[str](), dict[str, tuple[str, Any]](), dict[str, Any]()
    given = {"space": space, "device": device, "predictor": predictor}
    if isinstance(device, list | tuple):
        overrides, given = fleet_overrides(device), {"space": space, "predictor": predictor}
    for group, value in given.items():
        if isinstance(value, str | PathLike):
            overrides += to_overrides(group, fspath(value))
        elif isinstance(value, type):
            raise InputError(f"{group}: {value.__name__} is a class; give an instance of it")
        elif value is not None:
            kind, missing = KINDS[group], ", ".join(missing_members(value, KINDS[group]))
            if missing:
                found = f"not {type(value).__name__}, which has no {missing}"
                raise InputError(f"{group}: must be an option or of class {kind.__name__}, {found}")
            nodes[group], built[group] = (name_of(value), describe(value)), value
    if choices:
        overrides += to_overrides("space.choices", choices)
    if noise is not None:
        overrides += to_overrides("predictor.noise", noise)
    if limits is not None:
        overrides += to_overrides("limits", limits)
    if keys:
        base = compose_with(overrides, nodes)
        for key, value in keys.items():
            overrides += to_overrides(_full_key(key, base, nodes), value)
    composed = compose_with(overrides, nodes)
    if is_fleet(composed.config):
        return _fleet(composed, overrides, nodes)
    config = composed.typed
    own = built.get("space")
    if own is not None and choices:
        own = hold(own, choices)
    made = build_problem(config, own, built.get("device"), built.get("predictor"))
    guide = made.predictor
    if noise is not None and "predictor" in built:
        guide = SimulatedMeasurement(whole_space(made.space), guide, noise)
    return DescribedProblem(made.space, guide, made.cost, made.keep, tuple(overrides), nodes)


def _fleet(composed: Composed, overrides: Sequence[str], nodes: Nodes) -> FleetProblem:
    """Return the problems of several devices; space and predictor are options."""
    if nodes:
        raise InputError(f"device: several devices need a {next(iter(nodes))} that is an option, not an object")
    return FleetProblem(build_problems(expand_fleet(composed.config)), tuple(overrides), nodes)


def describe_problem(problem: Problem) -> DescribedProblem:
    """Return a problem with what it was built from; for a plain ``Problem``, these are its three parts."""
    if isinstance(problem, DescribedProblem):
        return problem
    check_problem(problem)
    parts = {"space": whole_space(problem.space), "device": problem.cost, "predictor": problem.predictor}
    nodes = {group: (name_of(part), describe(part)) for group, part in parts.items()}
    keep = tuple(to_overrides("keep", problem.keep)) if problem.keep != Problem.keep else ()
    return DescribedProblem(problem.space, problem.predictor, problem.cost, problem.keep, keep, nodes)


def compose_with(overrides: Sequence[str], nodes: Nodes) -> Composed:
    """Compose a config from overrides, with the configs of objects in place of their groups.

    Raises:
        InputError: an override is not allowed.
    """
    composed = compose_cell([*overrides, "tracking=none"])
    for group, (name, node) in nodes.items():
        if group == "space":
            node = {**node, "choices": composed.typed.space.get("choices")}
        if group == "predictor" and composed.typed.predictor.get("noise") is not None:
            node = {**node, "noise": composed.typed.predictor["noise"]}
        OmegaConf.update(composed.config, group, node, merge=False, force_add=True)
        composed.choices[group] = name
    return composed


def name_of(built: object) -> str:
    """Return the name of an object in records: its own, else that of its class."""
    own = getattr(built, "name", None)
    return re.sub(r"[^\w.,+-]", "_", own if isinstance(own, str) and own else type(built).__name__)


def options(group: str | None = None) -> Any:
    """Return the options of a config group with their descriptions; without a group, those of all groups.

    Args:
        group: ``space``, ``device``, ``predictor``, ``strategy``, ``model``, ``budget`` or ``targets``.

    Raises:
        InputError: there is no such group.
    """
    groups = sorted({*GROUPS, *PARTS.values()})
    if group is None:
        return {one: describe_options(one) for one in groups}
    if group not in groups:
        raise InputError(f"group={group}: must be one of {', '.join(groups)}{suggestion(group, groups)}")
    return describe_options(group)


def _full_key(key: str, base: Composed, nodes: Nodes) -> str:
    """Return the full key of a key of the space, the device or the predictor."""
    if "." in key or key == "keep":
        return key
    groups = [group for group in PROBLEM_GROUPS if group not in nodes]
    allowed = {
        str(name): group
        for group in reversed(groups)
        for name in base.config[group]
        if name[0] != "_" and name != group
    }
    if key not in allowed:
        known = [*PARAMETERS, "keep", *sorted({*allowed} - {*PARAMETERS})]
        raise InputError(f"{key}: no such key of this problem; allowed: {', '.join(known)}{suggestion(key, known)}")
    return f"{allowed[key]}.{key}"
