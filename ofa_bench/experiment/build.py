"""Builds a cell, or a problem, from a composed config and checks each part."""

import dataclasses
import re
from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

import numpy as np
from omegaconf import DictConfig

from ofa_bench.config.keys import suggest_key
from ofa_bench.config.kinds import adopt
from ofa_bench.config.limits import available_cores, check_memory, check_range
from ofa_bench.config.schema import Config, to_config
from ofa_bench.devices.cost import CostLimit
from ofa_bench.devices.limited import LimitedCost
from ofa_bench.engine import Cell, Match
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment import previous
from ofa_bench.experiment.budget import resolve_budget
from ofa_bench.experiment.building import build_object, build_predictor, build_space
from ofa_bench.experiment.checks import check_rerun, check_tracking, resolve_threads
from ofa_bench.experiment.fleet import find_device, is_fleet
from ofa_bench.experiment.targets import resolve_targets
from ofa_bench.predictors import AccuracyPredictor, CostModel
from ofa_bench.predictors.coverage import check_unlabelled
from ofa_bench.search import Problem, may_fork
from ofa_bench.spaces import DesignSpace, plain_space
from ofa_bench.strategies import MEASURES, Budget, Chain, Limit, Strategy, is_fork_safe

__all__ = ["build", "build_problem", "build_problems"]


def build(config: Config, problem: Problem | None = None, strategy: Strategy | None = None) -> Cell:
    """Build a cell from its composed config; a given problem or strategy is used as it is.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """
    _check_keys(config, "")
    check_range("seed", config.seed, 0)
    check_range("repeats", config.repeats, 1)
    check_range("keep", config.keep, 1)
    check_rerun(config.rerun)
    check_tracking(config.tracking)
    problem = problem or _make_problem(config)
    space, cost = problem.space, problem.cost
    _check_costs(space, cost)
    targets = resolve_targets(config.targets, space, cost)
    if cost.minimum > max(targets):
        within = " within the limits" if cost.limits else ""
        raise InputError(
            f"targets: {max(targets):g} {cost.unit} cannot be met; the cheapest architecture of {space.name} on "
            f"{cost.name}{within} costs {cost.minimum:.4g} {cost.unit}"
        )
    strategy = strategy or _build_strategy(config, space)
    if not isinstance(strategy, Strategy):
        raise InputError(f"strategy._target_={config.strategy['_target_']}: not a sub-class of ofa_bench's Strategy")
    budget = Budget(*resolve_budget(config.budget))
    match = _build_match(config, strategy)
    if match and match.measure == "generations":
        met = sum(target >= cost.minimum for target in targets)
        budget = dataclasses.replace(budget, limit=Limit("generations", budget.chained(met)))
    searches = (config.repeats, len(targets))
    check_memory(strategy, searches, space.n_genes, available_cores(), budget.generations)
    can_use_several = problem.predictor.row_wise or (is_fork_safe(strategy) and may_fork(problem))
    settings = (targets, budget, config.seed, config.repeats)
    cell = Cell(problem, strategy, *settings, threads=1, lockstep=config.lockstep, match=match)
    return dataclasses.replace(cell, threads=resolve_threads(config, several=cell.together and can_use_several))


def build_problem(
    config: Config,
    space: DesignSpace | None = None,
    cost: CostModel | None = None,
    predictor: AccuracyPredictor | None = None,
) -> Problem:
    """Build the problem of a composed config; given parts are used as they are.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """
    _check_keys(config, "")
    check_range("keep", config.keep, 1)
    made = _make_problem(config, space, cost, predictor)
    _check_costs(made.space, made.cost)
    return made


def _make_problem(
    config: Config,
    space: DesignSpace | None = None,
    cost: CostModel | None = None,
    predictor: AccuracyPredictor | None = None,
) -> Problem:
    space = space or _build_part("space", config.space, DesignSpace)
    if cost is None and is_fleet(config):
        raise InputError("device=fleet: several devices, which only a run searches; choose one")
    cost = cost or _build_part("device", config.device, CostModel, space)
    if config.limits is not None:
        if not isinstance(config.limits, dict) or not config.limits:
            raise InputError(f"limits={config.limits}: must be costs by device, such as {{params: 6, macs: 400}}")
        cost = LimitedCost(space, cost, [_build_limit(space, str(name), most) for name, most in config.limits.items()])
    return Problem(space, predictor or _build_predictor(config, space), cost, config.keep)


def _build_limit(space: DesignSpace, name: str, most: Any) -> CostLimit:
    if isinstance(most, bool) or not isinstance(most, int | float) or not 0 < most < np.inf:
        raise InputError(f"limits.{name}={most}: must be a positive finite number, the largest cost allowed")
    device = find_device(name, f"limits.{name}")
    try:
        cost = _build_part("device", device.node, CostModel, space)
    except InputError as error:
        raise InputError(f"limits.{name}: {error}") from error
    return CostLimit(cost, float(most))


def build_problems(configs: Mapping[str, DictConfig]) -> dict[str, Problem]:
    """Build the problems of composed configs that differ only in ``device``; space and predictor are built once.

    Args:
        configs: by the name of the device.

    Returns:
        By the name of the device too.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """
    typed, problems = {name: to_config(config) for name, config in configs.items()}, dict[str, Problem]()
    first = next(iter(typed.values()))
    space = _build_part("space", first.space, DesignSpace)
    predictor = _build_predictor(first, space)
    for name, config in typed.items():
        try:
            problems[name] = build_problem(config, space, None, predictor)
        except InputError as error:
            raise InputError(
                f"device.devices: {name}: {error}" if str(error).startswith("device") else str(error)
            ) from error
    return problems


def _check_costs(space: DesignSpace, cost: CostModel) -> None:
    """Raise InputError if a cost model does not give a finite cost of 0 or more for some architectures."""
    rows = space.sample(16, np.random.default_rng(0))
    costs = np.asarray(cost.without_limits(rows))
    if costs.shape != (16,) or costs.dtype.kind not in "fiu" or not (np.isfinite(costs) & (costs >= 0)).all():
        shown = f"{costs.dtype} {list(costs.shape)}, such as {costs.ravel()[:1].tolist()}"
        raise InputError(
            f"device: {cost.name} gives {shown} for 16 architectures; must be finite costs [16], 0 or more"
        )


def _build_predictor(config: Config, space: DesignSpace) -> AccuracyPredictor:
    predictor: AccuracyPredictor = _build_part("predictor", config.predictor, AccuracyPredictor, space)
    check_unlabelled(space, predictor)
    return predictor


def _build_part(key: str, node: Any, kind: ABCMeta, space: DesignSpace | None = None) -> Any:
    """Build what a group describes; raise InputError if it lacks what its kind requires."""
    if space is None:
        built = build_space(node)
    else:
        built = build_predictor(node, space) if key == "predictor" else build_object(key, node, space=space)
    if not isinstance(adopt(built, kind), kind):
        raise InputError(f"{key}._target_={node['_target_']}: makes {type(built).__name__}; must make {kind.__name__}")
    return built


def _build_strategy(config: Config, space: DesignSpace) -> Any:
    """Build the strategy; one that names a previous record gets the architectures found there, as ``previous``."""
    name, node = previous.named_by(config.strategy), _without_from(config.strategy)
    inner = node.get("inner") if isinstance(node, dict) else None
    if inner is not None:
        if previous.named_by(inner) is not None:
            raise InputError("strategy.inner.warm_start.from: an inner strategy cannot go on from a record")
        node = {**node, "inner": _without_from(inner)}
    besides = {"strategy.warm_start": ["from"]}
    if name is None:
        return build_object("strategy", node, besides=besides)
    genes = previous.read(name, config.tracking.uri).genes_in(space, plain_space(config.space))
    return build_object("strategy", node, besides=besides, previous=genes)


def _without_from(node: Any) -> Any:
    """Return the config of a strategy without the name of a previous record."""
    if not isinstance(node, dict) or not isinstance(node.get("warm_start"), dict):
        return node
    return {**node, "warm_start": {key: value for key, value in node["warm_start"].items() if key != "from"}}


def _build_match(config: Config, strategy: Strategy) -> Match | None:
    """Return what a control is matched with; None for other budgets, and for a chain, which has its own.

    Raises:
        InputError: the measure is unknown, the chain is none, or the strategy does not keep to a limit of the measure.
    """
    measure, node = config.budget.match, config.budget.chain
    if measure is None:
        return None
    if measure not in MEASURES:
        near = suggestion(str(measure), MEASURES)
        *others, last = MEASURES
        raise InputError(f"budget.match={measure}: must be {', '.join(others)} or {last}{near}")
    if node is None:
        raise InputError(f"budget.match={measure}: only with budget=matched, which has the chain too")
    if previous.named_by(node) is not None:
        raise InputError("budget.chain.warm_start.from: a chain that goes on from a record has no control")
    try:
        chain = build_object("budget.chain", _without_from(node))
    except InputError as error:
        raise InputError(re.sub("^strategy", "budget.chain", str(error))) from error
    if not isinstance(chain, Chain):
        raise InputError("budget.chain: must be the config of a chain, as in conf/budget/matched.yaml")
    if isinstance(strategy, Chain):
        return None
    if measure not in strategy.limits:
        able = f", only by {' or '.join(strategy.limits)}" if strategy.limits else ""
        raise InputError(
            f"budget.match={measure}: strategy={type(strategy).__name__} cannot be limited by it{able}; "
            "the control of a chain is strategy=vanilla"
        )
    return Match(measure, chain)


def _check_keys(node: Any, path: str, config: Any = None) -> None:
    """Raise InputError for keys that the schema lacks, which ``+key=value`` on the command line adds."""
    config = config or node
    allowed = [field.name for field in dataclasses.fields(node)]
    for name, value in vars(node).items():
        if name not in allowed:
            raise InputError(
                f"{path}{name}: no such key; allowed: {', '.join(allowed)}"
                f"{suggest_key(f'{path}{name}', allowed, config=config, given=f'{name}={value}')}"
            )
        if dataclasses.is_dataclass(value):
            _check_keys(value, f"{path}{name}.", config)
