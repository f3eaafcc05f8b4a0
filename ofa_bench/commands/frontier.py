"""``ofa_bench frontier``: make or improve the best-known frontier of a space, device and predictor.

Keys are given as ``key=value``:

- ``minutes``: how long to search; no search starts later. 0 does not search: the default with ``records``, else 10.
  ``seeds``: the most searches, each with its own seed, from ``seed`` on.
- ``grid``: the number of targets, from the space's least cost to its greatest; the device's own targets are added.
- ``records``: a folder; the results of all records below it with the same space, predictor and table are added.
- ``out``: the folder; the file is ``<out>/<space>/<device>/<predictor>.json``. The default is ``frontiers`` here; in a
  checkout, for its own devices and whole spaces, ``ofa_bench/data/frontiers``. Every run looks in both.

All other keys are those of ``ofa_bench run``, such as ``space``, ``device``, ``predictor``, ``strategy``, except
Hydra's own: it searches in one process.
Architectures are evaluated again before they are added; the version rises if something is better. An interrupt keeps
what was found. ``strategy=exhaustive`` evaluates the whole space, once: the frontier is then exact at every cost, and
its file is marked ``exact``.
"""

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.composition import compose_config
from ofa_bench.commands.cli.options import check_folder
from ofa_bench.commands.cli.progress import Progress
from ofa_bench.config.limits import TARGETS, check_range
from ofa_bench.config.schema import TargetsConfig, conf_dir
from ofa_bench.config.shell import command_line, portable
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.build import build
from ofa_bench.files.writing import make_folder
from ofa_bench.records import frontiers
from ofa_bench.records.frontiers import Frontier, confirm
from ofa_bench.records.improve_frontier import (
    collect_candidates,
    fine_grid,
    improve_frontier,
    improvements,
    mean_best_known,
)
from ofa_bench.records.unlabelled import describe_points
from ofa_bench.spaces import ChosenSpace, Genes, whole_space
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.strategies import Exhaustive
from ofa_bench.strategies.exhaustive import BLOCK

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides the keys of ``ofa_bench run``."""

    minutes: float | None = None
    seeds: int = 1000
    grid: int = 250
    records: str = ""
    out: str = ""

    def check(self) -> None:
        """Raise InputError if a value is out of range."""
        if self.minutes is not None:
            check_range("minutes", self.minutes, 0)
        check_range("seeds", self.seeds, 1)
        check_range("grid", self.grid, 2, TARGETS)
        if self.out:
            check_folder("out", Path(self.out).expanduser())
        if self.records and not os.path.isdir(self.records):  # noqa: PTH112 - Path raises where the name is too long
            raise InputError(f"records={self.records}: no such folder")

    @property
    def seconds(self) -> float:
        """The time for searches."""
        return 60 * (self.minutes if self.minutes is not None else 0 if self.records else 10)


@dataclass(frozen=True)
class Task:
    """A composed cell, the option chosen of each group, and the path of the frontier."""

    cell: Cell
    names: dict[str, str]
    path: Path
    progress: bool

    @property
    def exhaustive(self) -> bool:
        """Whether all architectures are evaluated, once, whatever the time."""
        return isinstance(self.cell.strategy, Exhaustive)


def compose_task(overrides: Sequence[str], options: Options) -> Task:
    """Compose the config as ``ofa_bench run`` does, with the grid as targets.

    Raises:
        InputError: an override is not allowed, or has no effect here.
    """
    for word in overrides:
        if re.match(r"[+~]*(targets|tracking|hydra(?!\.searchpath=))", word):
            raise InputError(f"{word}: has no effect here: targets are set by grid=, and nothing is logged or swept")
    typed, names = compose_config([*overrides, "tracking=none"])
    if typed.limits is not None:
        raise InputError("limits: a best-known frontier is of a device alone; make it without limits")
    check_range("repeats", typed.repeats, 1)
    typed.targets, typed.repeats = TargetsConfig(quantiles=[0.5]), 1  # replaced when the costs are known
    cell = build(typed)
    cell = replace(cell, targets=fine_grid(cell.problem.cost, options.grid))
    space = cell.problem.space
    if cell.problem.has_errors:
        raise InputError(
            f"predictor: a best-known frontier is of the truth, not of {cell.problem.predictor.name}; make it without "
            "predictor.noise or predictor.run=each, and runs with these are compared with it too"
        )
    default = frontiers.OWN if isinstance(whole_space(space), ChosenSpace) else _default_folder(names["device"])
    out = Path(options.out).expanduser() if options.out else default
    path = out / space.name / names["device"] / f"{names['predictor']}.json"
    return Task(cell, names, path, typed.progress)


def _default_folder(device: str) -> Path:
    """Return the package's folder of frontiers for its own devices in a checkout, else the user's."""
    data = frontiers.FOLDER.parent
    checkout = conf_dir().parent == data.parents[1] and os.access(data, os.W_OK)
    return frontiers.FOLDER if checkout and (data / "devices" / device).is_dir() else frontiers.OWN


def search(task: Task, options: Options) -> Iterator[Genes]:
    """Search the grid with one seed after another until time is up; yield the genes found: int8 [k, n_genes].

    An exhaustive strategy yields all architectures instead, whatever the time.
    """
    if isinstance(task.cell.strategy, Exhaustive):
        task.cell.strategy.limit(task.cell.problem, task.cell.budget)  # refuses a space that is too large
        yield from architectures(task.cell.problem.space, BLOCK)
        return
    began = time.monotonic()
    for i in range(options.seeds):
        if time.monotonic() - began >= options.seconds:
            return
        cell = replace(task.cell, seed=task.cell.seed + i)
        with Progress(f"seed {cell.seed}", [cell], shown=task.progress) as progress:
            for repeat in run_repeats(cell, progress.report):
                yield np.stack([result.genes for result in repeat.results])


def read_known(task: Task) -> tuple[Frontier | None, int, Genes]:
    """Return the frontier to improve, the highest version so far, and the architectures of existing files.

    A file at the same path may belong to an older predictor or table; its architectures are evaluated again.

    Raises:
        InputError: a file is not a frontier of the space, or was altered.
    """
    problem, path = task.cell.problem, task.path
    files = [frontiers.read(path, problem.space)] if path.exists() else []
    if files and not files[0].fits(problem):
        print(f"{path}: belongs to another predictor or table; its architectures are evaluated again", file=sys.stderr)
    files += [found] if (found := frontiers.find(problem)) else []
    fitting = [confirm(file, problem) for file in files if file.fits(problem)]
    best = max(fitting, key=lambda file: file.version, default=None)
    genes = [file.genes for file in files]
    version = max((file.version for file in files), default=0)
    return best, version, np.concatenate([problem.cost.cheapest[None], *genes])


def improve(task: Task, options: Options, frontier: Frontier) -> tuple[Frontier, bool]:
    """Add what records and searches found; return the frontier, and whether it was interrupted."""
    try:
        if options.records:
            found = collect_candidates(Path(options.records), task.cell.problem)
            frontier = improve_frontier(task.cell.problem, frontier, found.genes)
            print(
                f"{options.records}: {found.records} records of this space, predictor and table; "
                f"{found.refused} results refused, {found.unreadable} files unreadable",
                file=sys.stderr,
            )
        if options.seconds:
            how_long = "on the whole space" if task.exhaustive else f"for {options.seconds / 60:g} min"
            print(f"strategy {task.names['strategy']} {how_long}", file=sys.stderr)
        for genes in search(task, options):
            frontier = improve_frontier(task.cell.problem, frontier, genes)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt) and not interrupts.arrived():
            raise
        return frontier, True
    return frontier, False


def finish(task: Task, frontier: Frontier, version: int, made_by: str, *, exact: bool) -> Frontier:
    """Return the frontier with its next version, and its card, which lists the commands that improved it.

    ``exact``: every architecture was evaluated now, or when it was made.
    """
    problem, names = task.cell.problem, task.names
    made = [*frontier.about.get("card", {}).get("made", []), {"version": version + 1, "by": made_by}]
    about = {
        "device": {"name": names["device"], "unit": problem.cost.unit, "sha256": frontier.device},
        "predictor": {"name": names["predictor"], "sha256": frontier.predictor},
        "date": date.today().isoformat(),
        "card": {
            "title": f"Best-known accuracies of space {frontier.space} on {names['device']}",
            "note": "Each point is the most accurate architecture found at its cost or less, by the predictor named",
            "made": made,
        },
        **({"exact": True} if exact else {}),
    }
    return replace(frontier, version=version + 1, about={**frontier.about, **about})


def describe(task: Task, before: Frontier | None, after: Frontier) -> Iterator[str]:
    """Describe how many points improved and by how much."""
    targets = task.cell.problem.cost.targets or task.cell.targets
    means = [mean_best_known(frontier, targets) for frontier in (before, after)]
    shown = " -> ".join("none" if mean is None else f"{100 * mean:.4f} %" for mean in means)
    rose, rise = "", 100 * improvements(before, after)
    if before and rise.size:
        rose = f", {len(rise)} of them raised by {rise.mean():.4f} points on average, {rise.max():.4f} at most"
    yield f"{task.path}: version {after.version}, {len(after.cost)} points{rose}"
    yield f"mean best-known accuracy over {len(targets)} targets: {shown}"
    if gaps := describe_points(task.cell.problem, after.genes):
        yield gaps


def run(options: Options, overrides: Sequence[str]) -> Iterator[str]:
    """Make or improve the frontier of the problem that overrides describe; yield lines to print.

    Raises:
        InputError: an override is not allowed, or a file is not a frontier.
        OSError: the file cannot be written.
    """
    options.check()
    task = compose_task(overrides, options)
    check_folder("out", task.path.parent)
    before, version, genes = read_known(task)
    after, interrupted = improve(task, options, improve_frontier(task.cell.problem, before, genes))
    was_exact = before is not None and bool(before.about.get("exact"))
    exact = task.exhaustive and options.seconds > 0 and not interrupted
    if interrupted:
        interrupts.note()
        print("ofa_bench: interrupted; what was found so far is kept", file=sys.stderr)
    if after is before and (was_exact or not exact):
        place = task.path if task.path.exists() else f"space {after.space} on {task.names['device']}"
        yield f"{place}: nothing better was found; version {version} of the best known stays"
    else:
        asked = [portable(word) for word in sys.argv[1:] if not word.startswith("out=")]
        made_by = command_line(["ofa_bench", "frontier", *asked])
        after = finish(task, after, version, made_by, exact=exact or was_exact)
        make_folder(task.path.parents[2])
        frontiers.write(task.path, after)
        yield from describe(task, before, after)
