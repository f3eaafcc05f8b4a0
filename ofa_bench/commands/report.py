"""``ofa_bench report``: write one page, with tables and plots, about the results of sweeps.

    ofa_bench report multirun [more folders, or files of pack] out=report
    ofa_bench report before after diff=true

- ``out``: the folder; it gets ``report.html`` (one self-contained file), ``report.md``, ``report.tex``,
  ``tables.csv``, ``results.csv`` (every result) and the plots, in ``figures/``; with records of several devices also
  ``fleet.html``, ``fleet.md`` and ``fleet.csv``. Files of an earlier report there are overwritten.
- ``mlflow``: the name of an MLflow experiment, instead of folders or in addition; ``uri``: the MLflow store (default:
  ``MLFLOW_TRACKING_URI``, else ``sqlite:///mlflow.db`` here).
- ``space``: a YAML file with the ``_target_`` of your own space, so that its networks are drawn.
- ``diff=true`` compares two sweeps instead, such as those before and after a change: the difference of each strategy in
  accuracy, evaluations and seconds, and what is the same to the bit. It writes
  ``diff.html``, ``diff.md`` and ``diff.csv``.
- ``title``: of the page. ``reference``: the strategy that the others are compared with; ``vanilla`` if it is there.

Results with different predictors, devices, budgets or targets are never combined in one number; the page lists what
was kept apart, and what was left out.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.config.store_uri import uri_option
from ofa_bench.errors import InputError

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides folders."""

    out: str = "report"
    mlflow: str = ""
    uri: str = field(default_factory=uri_option)
    diff: bool = False
    title: str = ""
    reference: str = ""
    space: str = ""


def run(options: Options, folders: Sequence[str]) -> Path:
    """Write the report of folders of records; return the page's path.

    Raises:
        InputError: there are no records.
        OSError: the folder cannot be written.
    """
    if options.diff:
        return _diff(options, folders)
    if not folders and not options.mlflow:
        raise InputError("give a folder of records (ofa_bench report multirun), or mlflow=<experiment>")
    check_folder("out", Path(options.out).expanduser())
    from ofa_bench.records.gather import from_folders
    from ofa_bench.tracking.gather import from_mlflow
    from ofa_bench.tracking.quiet import collection_paused

    if options.space:
        from ofa_bench.experiment.building import load_space

        load_space(options.space)  # imports the class that records name
    gathered = from_folders([Path(folder) for folder in folders])
    if options.mlflow:
        gathered = from_mlflow(options.mlflow, options.uri, gathered)
    for reason in gathered.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    with collection_paused():  # looking for garbage would take an eighth of the time
        from ofa_bench.report.page import write_report

        return write_report(
            gathered, Path(options.out).expanduser(), options.title or "Strategies compared", options.reference
        )


def _diff(options: Options, folders: Sequence[str]) -> Path:
    """Write the page that compares two folders of records; return its path."""
    if len(folders) != 2 or options.mlflow or options.reference:
        keys = [
            f"{key}={value}" for key, value in (("mlflow", options.mlflow), ("reference", options.reference)) if value
        ]
        raise InputError(
            "diff=true compares two folders of records (ofa_bench report before after diff=true), "
            f"not {' with '.join([str(len(folders)), *keys])}"
        )
    first, second = (Path(folder) for folder in folders)
    if first.resolve() == second.resolve():
        raise InputError(f"diff=true: {folders[0]} and {folders[1]} are the same folder")
    check_folder("out", Path(options.out).expanduser())
    from ofa_bench.records.gather import from_folders
    from ofa_bench.report.diff import write_diff

    names = (folders[0], folders[1])
    a, b = from_folders([first]), from_folders([second])
    return write_diff(a, b, Path(options.out).expanduser(), names, options.title or "Two sweeps compared")
