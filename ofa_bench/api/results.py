"""The results of runs: tables, figures and the best architectures; ``ob.load`` and ``ob.compare``."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ofa_bench.api.subnets import Subnet, evaluate
from ofa_bench.config.schema import PROBLEM_GROUPS
from ofa_bench.engine import Repeat
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.running import PreparedCell
from ofa_bench.formatting import same_target, same_targets
from ofa_bench.records import attempts
from ofa_bench.records import record as records
from ofa_bench.records.frame import tidy
from ofa_bench.records.gather import from_folders
from ofa_bench.records.model import Record
from ofa_bench.search import Problem

if TYPE_CHECKING:
    from pandas import DataFrame

    from ofa_bench.analysis.figures.drawing import Figure

__all__ = ["Result", "Results", "compare", "load"]

SHOWN = [
    "accuracy", "true_accuracy", "uncertainty", "measured", "cost", "regret", "evaluations", "unique_evaluations",
    "seconds",
]  # fmt: skip
"""Columns of the small table in a notebook: means over repeats."""

FIRST = ("strategy", "repeat", "target", "unit", "accuracy", "cost", "regret", "evaluations", "seconds")
"""The columns that a data frame begins with."""

NAMED = [*PROBLEM_GROUPS, "strategy", "budget"]

CHOSEN = [*NAMED, "targets"]
"""What ``select`` takes."""


@dataclass(frozen=True, repr=False, eq=False)
class Results:
    """The records of several runs, to iterate over.

    ``left_out`` lists what was not loaded from the folders, and why.
    """

    records: tuple[Record, ...]
    left_out: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __add__(self, other: "Results") -> "Results":
        return Results((*self.records, *other.records), (*self.left_out, *other.left_out))

    def __repr__(self) -> str:
        frame = self.to_dataframe()
        parts = [f"{key} {', '.join(map(str, frame[key].unique()))}" for key in NAMED]
        more = f"; {len(self.left_out)} left out" if self.left_out else ""
        number = f"{len(self)} {'record' if len(self) == 1 else 'records'}"
        return f"{type(self).__name__}({number}: {'; '.join(parts)}{more})"

    def _repr_html_(self) -> str:
        frame = self.to_dataframe()
        differing = [key for key in NAMED if frame[key].nunique() > 1] or ["strategy"]
        keys = [*differing, "target", "unit"]
        table = frame.groupby(keys, sort=False)[SHOWN].mean(numeric_only=False).reset_index()
        for key in ("accuracy", "true_accuracy", "uncertainty", "measured", "regret"):
            table[key] *= 100
        titles = {"accuracy": "accuracy %", "uncertainty": "uncertainty (points)", "measured": "measured %"}
        titles |= {"true_accuracy": "true %", "regret": "regret (points)", "unique_evaluations": "unique"}
        shown = table.rename(columns=titles).dropna(axis=1, how="all")
        return str(shown.to_html(index=False, float_format="{:.4g}".format, max_rows=40))

    def to_dataframe(self) -> "DataFrame":
        """Return one row a target and repeat.

        ``accuracy``, ``true_accuracy`` (without errors of simulated measurements), ``uncertainty`` (one standard
        deviation), ``measured`` (the accuracy measured on images) and ``regret`` (how far below the best known) are
        fractions of 1, NaN where the target is infeasible or nothing is known; ``target`` and ``cost`` are in ``unit``;
        ``seconds`` are of the search; ``architecture`` is OFA's dict. What is read most comes first.
        """
        table = tidy(self.records)
        return table[[*FIRST, *(column for column in table if column not in FIRST)]]

    def judged(self) -> "DataFrame":
        """Return the table of ``to_dataframe`` with the accuracies by those that may judge the predictor's winners.

        A column ``judged_<name>`` has the accuracies (fractions of 1) by a predictor of another source of labels, such
        as ``judged_autobuild``, or by the one that made the predictor's labels (``judged_official``). It is NaN where
        that one had part in the predictor of the search, where the target is infeasible, or where nothing is known.
        """
        from ofa_bench.analysis.judging import judge_records, judged_columns

        return self.to_dataframe().assign(**judged_columns(self.records, judge_records(self.records)))

    def select(self, **choices: Any) -> "Results":
        """Return the records of these options: ``select(device="note10", strategy=["joint", "vanilla"])``.

        ``targets`` are an option, or the numbers: ``select(targets=[20, 30])``.

        Raises:
            InputError: there is no such column, or no such record.
        """
        found = list(self.records)
        for key, value in choices.items():
            if key not in CHOSEN:
                raise InputError(f"{key}: no such choice; there are {', '.join(CHOSEN)}{suggestion(key, CHOSEN)}")
            values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
            numbers = key == "targets" and all(isinstance(one, Real) for one in values)
            there = sorted({_numbers(one) if numbers else str(getattr(one.choices, key)) for one in found})
            found = [
                one
                for one in found
                if (same_targets(one.targets, values) if numbers else getattr(one.choices, key) in values)
            ]
            if not found:
                raise InputError(f"{key}={value}: no such record; there are {', '.join(there)}")
        return Results(tuple(found))

    def plot(self, kind: str = "tradeoff") -> "Figure":
        """Return a figure (of Matplotlib) that compares the strategies of one problem, for the same targets and budget.

        Args:
            kind: ``tradeoff`` (accuracy over cost), ``accuracy`` or ``regret`` (over the targets).

        Raises:
            InputError: there is no such kind, nothing to draw, or what is here must not be compared.
        """
        from ofa_bench.analysis.figures.drawing import Style
        from ofa_bench.analysis.figures.strategies import accuracy_over_targets, fronts, regret_over_targets
        from ofa_bench.analysis.studies import studies

        kinds = {"tradeoff": fronts, "accuracy": accuracy_over_targets, "regret": regret_over_targets}
        if kind not in kinds:
            raise InputError(f"kind={kind}: must be one of {', '.join(kinds)}{suggestion(kind, kinds)}")
        found = studies(self.records)
        if len(found) != 1:
            there = "; ".join(f"{one.title}, {one.description}" for one in found[:5])
            raise InputError(f"plot: {len(found)} problems, targets or budgets, which select() chooses from: {there}")
        figure = kinds[kind](found[0], Style([entry.name for entry in found[0].entries]))
        if figure is None:
            raise InputError(
                f"plot: kind={kind}: nothing to draw; no target was met, or the best-known accuracy is unavailable"
            )
        return figure


@dataclass(frozen=True, repr=False, eq=False)
class Result(Results):
    """The result of one run.

    ``problem`` is what was searched; ``repeats`` have the ``SearchResult`` of each target, with its curve and last
    population; ``record`` is what ``save`` writes.
    """

    prepared: PreparedCell = field(kw_only=True)
    repeats: tuple[Repeat, ...] = field(kw_only=True)

    @property
    def record(self) -> Record:
        """The record of the run."""
        return self.records[0]

    @property
    def problem(self) -> Problem:
        """What was searched."""
        return self.prepared.cell.problem

    def __repr__(self) -> str:
        choices, cell, unit = self.prepared.choices, self.prepared.cell, self.problem.cost.unit
        problem = ", ".join(choices[group] for group in PROBLEM_GROUPS)
        number = f"{cell.repeats} {'repeat' if cell.repeats == 1 else 'repeats'}"
        best = []
        for i, target in enumerate(cell.targets):
            found = [accuracy for one in self.repeats if (accuracy := one.results[i].accuracy) is not None]
            best.append(f"{target:g} {unit}: {f'{100 * max(found):.2f} %' if found else 'infeasible'}")
        shown = ", ".join(best if len(best) <= 10 else [*best[:5], "...", *best[-5:]])
        return f"Result({choices['strategy']} on {problem}; {number}; best {shown})"

    def best(self, target: float | None = None) -> Subnet:
        """Return the most accurate architecture of all repeats that was found for a target.

        Args:
            target: one of the run's, in the device's unit; None for the best of all targets.

        Raises:
            InputError: there is no such target, or no architecture meets it.
        """
        cell, unit = self.prepared.cell, self.problem.cost.unit
        if target is not None and not isinstance(target, Real):
            raise InputError(f"target={target}: must be a number, in {unit}")
        places = [i for i, one in enumerate(cell.targets) if target is None or same_target(one, target)]
        if not places:
            listed = ", ".join(f"{one:g}" for one in cell.targets)
            raise InputError(f"target={target:g}: must be one of {listed} {unit}")
        results = [repeat.results[i] for repeat in self.repeats for i in places]
        found = [(result.accuracy, result) for result in results if result.accuracy is not None]
        if not found:
            minimum = self.problem.cost.minimum
            asked = "target" if target is None else f"target={target:g}"
            raise InputError(f"{asked}: no architecture meets it; the cheapest costs {minimum:.4g} {unit}")
        accuracy, best = max(found, key=lambda one: one[0])
        return replace(evaluate(self.problem, best.genes[None])[0], accuracy=accuracy, cost=best.cost)

    def save(self, output: str | Path = "multirun") -> Path:
        """Write the record where ``ofa_bench run output=...`` with the same keys writes it; return its folder.

        ``ob.load``, ``ofa_bench report`` and ``ofa_bench sync`` read it there. A record of the same run that is there
        already stays.

        Raises:
            InputError: another record is there, and nothing is overwritten; or the folder cannot be written.
        """
        if not isinstance(output, str | PathLike):
            raise InputError(f"output: {type(output).__name__} is not a folder")
        folder = attempts.folder_of(Path(output), self.record.address)
        if (folder / records.RECORD).exists():
            if records.read(folder).identity != self.prepared.identity:
                raise InputError(f"{folder}: holds the record of another run; save to another folder")
            return folder
        try:
            records.write(folder, self.record, self.prepared.yaml)
        except OSError as error:
            raise InputError(f"output={output}: cannot be written ({error.strerror or error})") from error
        return folder


def _numbers(record: Record) -> str:
    return f"[{', '.join(f'{one:g}' for one in sorted(record.targets))}]"


def load(*folders: "str | PathLike[str]") -> Results:
    """Return all records below folders, each run once.

    Args:
        folders: the ``output`` of the command or of ``Result.save``. Default: ``multirun``.

    Raises:
        InputError: there is no such folder, or no record below it that can be read.
    """
    wrong = [folder for folder in folders if not isinstance(folder, str | PathLike)]
    if wrong:
        raise InputError(f"load: {type(wrong[0]).__name__} is not a folder; give ob.load(first, second)")
    gathered = from_folders([Path(folder).expanduser() for folder in folders or ("multirun",)])
    return Results(tuple(gathered.records), tuple(gathered.left_out))


def compare(results: Iterable[Results]) -> Results:
    """Return the records of several results as one: ``ob.compare([first, second]).plot()``.

    Raises:
        InputError: one of the objects is not a result.
    """
    if isinstance(results, Results) or not isinstance(results, Iterable):
        raise InputError("compare: give a list of results: ob.compare([first, second])")
    together = Results(())
    for one in results:
        if not isinstance(one, Results):
            raise InputError(f"compare: {type(one).__name__} is not a result of ob.run or ob.load")
        together += one
    return together
