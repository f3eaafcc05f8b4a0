"""``ob.run``: searches a problem with a strategy."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tqdm import TqdmWarning

from ofa_bench.api.describing import describe, parameters, to_overrides
from ofa_bench.api.fleets import FleetProblem, FleetResult
from ofa_bench.api.problems import compose_with, describe_problem, name_of
from ofa_bench.api.results import Result
from ofa_bench.config.address import address
from ofa_bench.config.schema import PROBLEM_GROUPS, Config, EvolutionConfig
from ofa_bench.config.store_uri import default_uri
from ofa_bench.errors import InputError
from ofa_bench.experiment import previous
from ofa_bench.experiment.running import address_on_device, prepare_cell, prepare_cells, run_cells
from ofa_bench.experiment.shorthand import expand
from ofa_bench.search import Problem, SearchResult
from ofa_bench.strategies import Strategy

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # without ipywidgets, the bar is text
    from tqdm.auto import tqdm

__all__ = ["run"]

_OF_COMMAND = ("output", "rerun", "tracking")
"""Keys of the command alone: where and whether it keeps records."""

_PARAMETERS = ("targets", "budget", "seed", "repeats")
"""Parameters that are easily written in the plural, or without it."""


def run(
    problem: Problem | FleetProblem,
    strategy: str | Strategy = "vanilla",
    *,
    targets: str | float | Sequence[float | str] | None = None,
    budget: str | int | tuple[int, int | str | Sequence[int]] | None = None,
    seed: int = 0,
    repeats: int = 1,
    name: str | None = None,
    progress: bool = True,
    on_result: Callable[[int, SearchResult], object] | None = None,
    **keys: Any,
) -> Any:
    """Search all targets with a strategy; return the result.

    It is, bit for bit, the result of ``ofa_bench run`` with the same keys. Nothing is written: see ``Result.save``.

    Args:
        problem: built by ``ob.problem``; of several devices, all are searched.
        strategy: an option of the group ``strategy`` (``ob.options("strategy")``), or a ``Strategy``.
        targets: the largest costs allowed, in the device's unit, or as texts with the unit, such as ``"25ms"``; or an
            option of the group ``targets``, such as ``quantiles``. Default: those that come with the device's table.
        budget: an option of the group ``budget``; or the generations of a search from scratch, alone or with those of a
            warm-started one: ``(500, "sqrt")``.
        seed: all chance comes from it.
        repeats: independent runs.
        name: what tables and figures call a strategy that is given as an object. Default: the name of its class.
        progress: whether to show a progress bar, in a notebook or a terminal.
        on_result: called with the number of the repeat and each ``SearchResult``, outside the timed part.
        keys: other keys of the config: of the evolution (``population_size=50``) or the strategy (``batch=10``), and
            ``keep``, ``lockstep``, ``threads``. A mapping sets what is inside a key: ``warm_start={"seed": "none"}``.

    Returns:
        A ``Result``; for several devices a ``FleetResult``, which has one for each.

    Raises:
        InputError: a key or a value is not allowed; the message names the key.
        RuntimeError: your own strategy left a target out, returned one twice, or returned an invalid result.
    """
    if on_result is not None and not callable(on_result):
        raise InputError(f"on_result: must be called with a repeat and its result, but {on_result} cannot")
    described = problem if isinstance(problem, FleetProblem) else describe_problem(problem)
    overrides, nodes = [*described.overrides], dict(described.nodes)
    own, kept = (None, {}) if isinstance(strategy, str) else (strategy, parameters(strategy))
    if isinstance(strategy, str):
        overrides += to_overrides("strategy", strategy)
    elif isinstance(strategy, Strategy):
        nodes["strategy"] = (name or name_of(strategy), describe(strategy))
    else:
        raise InputError(f"strategy: must be the name of an option or a Strategy, not {type(strategy).__name__}")
    overrides += [*_targets(targets), *_budget(budget), *to_overrides("seed", seed)]
    overrides += to_overrides("repeats", repeats) if repeats != 1 else ()
    for key, value in keys.items():
        overrides += to_overrides(_full_key(key, own), value)
    composed = compose_with(overrides, nodes)
    config = composed.config
    if own is None and previous.named_by(composed.typed.strategy) and config.tracking.uri is None:
        config.tracking.uri = default_uri(Path.cwd())  # where a record may be named by its run in MLflow
    differing = [text for key, value in kept.items() for text in to_overrides(f"strategy.{key}", value)]
    words = [*composed.overrides, *differing]
    if isinstance(described, FleetProblem):
        problems = {name: replace(one, keep=config.keep) for name, one in described.problems.items()}
        cells = prepare_cells(config, composed.choices, problems=problems, strategy=own)
        places = [address_on_device(one, composed.choices, words) for one in cells]
    else:
        cells = [prepare_cell(config, composed.choices, problem=replace(described, keep=config.keep), strategy=own)]
        places = [address(composed.choices, words, config.seed)]

    best, total = 0.0, sum(one.cell.repeats * len(one.cell.targets) for one in cells)
    visible = progress and (sys.stderr.isatty() or "ipykernel" in sys.modules)

    def report(repeat: int, result: SearchResult) -> None:
        nonlocal best
        best = max(best, result.accuracy or 0.0)
        bar.set_postfix_str(f"best {100 * best:.2f} %", refresh=False)
        bar.update()
        if on_result:
            on_result(repeat, result)

    title = cells[0].choices["strategy"]
    with tqdm(total=total, desc=title, unit="target", leave=False, disable=not visible) as bar:
        found = run_cells(cells, places, report)
    results = [
        Result((record,), prepared=one, repeats=tuple(repeats))
        for one, (record, repeats) in zip(cells, found, strict=True)
    ]
    if isinstance(described, FleetProblem):
        return FleetResult.of({one.prepared.choices["device"]: one for one in results})
    return results[0]


def _targets(targets: Any) -> Iterator[str]:
    values = targets.tolist() if hasattr(targets, "tolist") else targets
    if isinstance(values, str) or (isinstance(values, Sequence) and any(isinstance(one, str) for one in values)):
        yield from expand([*to_overrides("targets", values)])[0]
    elif values is not None:
        yield "targets=single"
        yield from to_overrides("targets.values", [values] if isinstance(values, int | float) else list(values))


def _budget(budget: Any) -> Iterator[str]:
    if isinstance(budget, str):
        yield from to_overrides("budget", budget)
    elif budget is not None:
        generations, *warm = budget if isinstance(budget, tuple | list) else (budget,)
        yield from to_overrides("budget.generations", generations)
        if len(warm) > 1:
            raise InputError(f"budget={budget}: must be an option, generations, or (generations, warm generations)")
        yield from to_overrides("budget.warm_generations", warm[0]) if warm else ()


def _full_key(key: str, own: Strategy | None) -> str:
    """Return the full key of a key of the config, the evolution or the strategy."""
    near = next((one for one in _PARAMETERS if one.rstrip("s") == key.rstrip("s")), None)
    if near:
        raise InputError(f"{key}: no such parameter; did you mean '{near}'?")
    if key in _OF_COMMAND:
        raise InputError(f"{key}: is a key of the command; Result.save(output) writes the record")
    group = key.partition(".")[0]
    if group in PROBLEM_GROUPS:
        raise InputError(f"{key}: is a key of the problem; ob.problem takes it")
    if group == "hydra":
        raise InputError(f"{key}: is a key of the command")
    if "." in key or key in (one.name for one in fields(Config)):
        return key
    if own is not None:
        raise InputError(f"{key}: no such key; the parameters of {type(own).__name__} are given to its constructor")
    return f"evolution.{key}" if key in (one.name for one in fields(EvolutionConfig)) else f"strategy.{key}"
