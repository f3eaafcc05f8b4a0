"""The columns of all tables: terminal, CSV, data frame, MLflow and report.

A new column is one entry of ``COLUMNS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ofa_bench.config.schema import GROUPS
from ofa_bench.formatting import format_accuracy
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.records.charges import charged_evaluations
from ofa_bench.records.costs import format_costs, guard_band_of
from ofa_bench.records.model import Record, RecordedRepeat, Result
from ofa_bench.records.regret import format_ratio, format_regret
from ofa_bench.records.rows import Row
from ofa_bench.records.unlabelled import MARK

__all__ = ["COLUMNS", "Column", "data_columns", "shown_columns"]


@dataclass(frozen=True)
class Column:
    """One column, and the tables that have it.

    - Data (one row for each result): the value of ``of_record``, ``of_repeat``, ``of_result`` or ``of_both`` (of record
      and result), under ``name``.
    - MLflow: ``of_record`` as the parameter ``parameter``; ``number`` as a metric of all targets (``total_metric``) and
      of each target (``target_metric``), where ``{cost}`` stands for the name of the costs.
    - Tables for people: ``text``, by default ``number`` in the format ``spec``, under ``head`` and ``unit``; in a
      report, which has more columns, under ``report``, by default ``head``. ``compared`` marks columns that need a
      best-known frontier.

    A column is left out where its name or head is empty.
    """

    name: str = ""
    of_record: Callable[[Record], Any] | None = None
    of_repeat: Callable[[RecordedRepeat], Any] | None = None
    of_result: Callable[[Result], Any] | None = None
    of_both: Callable[[Record, Result], Any] | None = None
    parameter: str = ""
    number: Callable[[Row], float | None] | None = None
    total_metric: str = ""
    target_metric: str = ""
    spec: str = ".2f"
    text: Callable[[Row], str] | None = None
    head: str = ""
    unit: str = ""
    report: str | None = None
    compared: bool = False

    def datum(self, record: Record, repeat: RecordedRepeat, result: Result) -> Any:
        """Return the value for a row of data."""
        if self.of_record:
            return self.of_record(record)
        if self.of_both:
            return self.of_both(record, result)
        return self.of_repeat(repeat) if self.of_repeat else self.of_result and self.of_result(result)

    def cell(self, row: Row) -> str:
        """Return the text for a row of a table for people."""
        if self.text:
            return self.text(row)
        value = self.number(row) if self.number else None
        return "" if value is None else format(value, self.spec)


def _accuracy(row: Row) -> str:
    if row.accuracy is None:
        return "infeasible"
    spread = format_accuracy(row.accuracy, row.accuracy_std or None)
    uncertain = "" if row.uncertainty is None else f" ± {100 * row.uncertainty:.2f}"
    return f"{spread}{uncertain}{MARK if row.unlabelled else ''}"


def _near_number(row: Row) -> float | None:
    if row.target is not None:
        return row.evaluations_near
    return row.near if row.compared and row.true_accuracy is None else None


def _times_100(name: str) -> Callable[[Row], float | None]:
    return lambda row: None if getattr(row, name) is None else 100 * getattr(row, name)


_regret = _times_100("regret")

COLUMNS: Sequence[Column] = (
    Column("address", of_record=attrgetter("address")),
    *(Column(group, of_record=attrgetter(f"choices.{group}"), parameter=group) for group in GROUPS),
    Column("seed", of_record=attrgetter("seed"), parameter="seed"),
    Column(of_record=lambda record: len(record.repeats), parameter="repeats"),
    Column(of_record=attrgetter("budget.generations"), parameter="generations"),
    Column(of_record=attrgetter("budget.warm_generations"), parameter="warm_generations"),
    Column("match", of_record=attrgetter("budget.match")),
    Column("chain", of_record=attrgetter("budget.chain")),
    Column("limit", of_repeat=attrgetter("limit")),
    Column(of_record=lambda record: ", ".join(f"{one:g}" for one in record.targets), parameter="targets_values"),
    Column("repeat", of_repeat=attrgetter("repeat")),
    Column("unit", of_record=attrgetter("unit"), parameter="unit"),
    Column("guard_band", of_record=guard_band_of, parameter="guard_band"),
    Column(of_record=attrgetter("made.threads"), parameter="threads"),
    Column(of_record=attrgetter("made.lockstep"), parameter="lockstep"),
    Column("target", of_result=attrgetter("target")),
    Column("feasible", of_result=attrgetter("feasible")),
    Column(
        "accuracy", of_result=attrgetter("accuracy"), number=_times_100("accuracy"), total_metric="accuracy_percent",
        target_metric="accuracy_percent", text=_accuracy, head="accuracy", unit="%", report="predicted accuracy %",
    ),
    Column(
        "true_accuracy", of_result=attrgetter("true_accuracy"), number=_times_100("true_accuracy"),
        total_metric="true_accuracy_percent", target_metric="true_accuracy_percent", head="true", unit="%",
        report="accuracy without errors of measurement %",
    ),
    Column(number=_times_100("accuracy_std"), total_metric="std_of_accuracy_percent"),
    Column(
        "uncertainty", of_result=attrgetter("uncertainty"), number=_times_100("uncertainty"),
        total_metric="uncertainty_points", target_metric="uncertainty_points",
    ),
    Column(
        "measured", of_result=lambda result: result.measured and result.measured.top1, number=_times_100("measured"),
        head="on images", unit="%", report="accuracy on images %",
    ),
    Column("best_known", of_result=attrgetter("best_known")),
    Column(
        "regret", of_result=attrgetter("regret"), number=_regret, total_metric="regret_points",
        target_metric="regret_points", text=lambda row: format_regret(_regret(row)), head="regret",
        report="regret, points", compared=True,
    ),
    Column(
        "evaluations_within", of_result=attrgetter("evaluations_within"), number=_near_number,
        total_metric="targets_within_0.1", target_metric="evaluations_to_within_0.1",
    ),
    Column(
        "seconds_within", of_result=attrgetter("seconds_within"), number=attrgetter("seconds_near"),
        target_metric="seconds_to_within_0.1",
    ),
    Column(
        "hypervolume_ratio", of_repeat=attrgetter("hypervolume_ratio"), number=attrgetter("hypervolume_ratio"),
        total_metric="hypervolume_ratio", text=lambda row: format_ratio(row.hypervolume_ratio), report="hypervolume",
        compared=True,
    ),
    Column(
        "cost", of_result=attrgetter("cost"), number=attrgetter("cost"), target_metric="{cost}", head="{cost}",
        unit="{unit}", report="",
    ),
    Column("costs", of_result=lambda result: format_costs(result.costs)),
    Column(
        "seconds", of_result=attrgetter("seconds"), number=attrgetter("seconds"), total_metric="seconds",
        head="seconds",
    ),
    Column(
        "evaluations", of_result=attrgetter("evaluations"), number=lambda row: row.mean_sum("evaluations"),
        total_metric="evaluations", spec=",.0f", head="evaluations",
    ),
    Column(
        "unique_evaluations", of_result=attrgetter("unique_evaluations"), spec=",.0f", report="unique",
        number=lambda row: row.mean_sum("unique_evaluations"), total_metric="unique_evaluations",
    ),
    Column("measurements", of_result=lambda result: result.measurements or result.unique_evaluations),
    Column("gradients", of_result=attrgetter("gradients")),
    Column("charged_evaluations", of_both=charged_evaluations),
    Column("proposals", of_result=attrgetter("proposals")),
    Column("cost_lookups", of_result=attrgetter("cost_lookups")),
    Column("generations", of_result=attrgetter("generations")),
    Column("shared", of_result=attrgetter("shared")),
    Column("unlabelled", of_result=lambda result: format_choices(result.unlabelled or {})),
    Column("architecture", of_result=attrgetter("architecture")),
)  # fmt: skip


def data_columns() -> list[Column]:
    """Return the columns of the data frame and the CSV file."""
    return [column for column in COLUMNS if column.name]


def shown_columns(*, compared: bool = True, report: bool = False) -> list[Column]:
    """Return the columns of tables for people, or of a report; those that need a frontier only if ``compared``."""
    shown = [column for column in COLUMNS if column.head or (report and column.report)]
    return [column for column in shown if compared or not column.compared]
