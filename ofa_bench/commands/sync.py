"""``ofa_bench sync``: send the records on disk that an MLflow store lacks.

    ofa_bench sync multirun                                # to mlflow.db here, which is rebuilt if it was deleted
    ofa_bench sync multirun uri=http://127.0.0.1:5000      # to a server that was down

Folders (default: multirun) hold records, at any depth. Each sweep gets its run back, with its cells below it; every
other record gets a run. Existing runs stay unchanged, so the command can be repeated.

- ``uri``: the store. Default: ``MLFLOW_TRACKING_URI``, else ``sqlite:///mlflow.db`` here.
- ``artifacts``: the place of the experiment's files, if it is created. Default: ``mlartifacts`` beside a SQLite file.
- ``experiment``: the experiment. Default: that of each sweep; for other records ``MLFLOW_EXPERIMENT_NAME``, else
  ``ofa_bench``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.commands.cli.terminal import store_lines
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.store_uri import default_experiment, uri_option
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import check_tracking

if TYPE_CHECKING:
    from ofa_bench.records.journal import Journal
    from ofa_bench.tracking.sending import Cell
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["Options", "run", "sync"]


@dataclass
class Options:
    """The options, besides folders."""

    uri: str = field(default_factory=uri_option)
    artifacts: str = ""
    experiment: str = ""

    def check(self) -> None:
        """Raise InputError if MLflow would refuse a value, or cannot write."""
        check_tracking(TrackingConfig(self.uri, None, self.experiment or TrackingConfig.experiment), "")
        if self.artifacts:
            check_folder("artifacts", Path(self.artifacts))

    def tracking(self, experiment: str) -> TrackingConfig:
        """Return the store of the records, with absolute paths."""
        return TrackingConfig.at(self.uri, self.artifacts, experiment)


def sync(folders: Sequence[Path], options: Options, experiments: set[str]) -> Iterator["Cell"]:
    """Send the missing records; yield each one sent, and add the names of the experiments to ``experiments``.

    Raises:
        InputError: there is no such folder, or no record below it.
        Exception: the store cannot be used.
    """
    from ofa_bench.records.attempts import folder_of
    from ofa_bench.records.journal import journals
    from ofa_bench.records.model import RECORD
    from ofa_bench.tracking import sending
    from ofa_bench.tracking.tracker import Tracker

    @cache
    def tracker(experiment: str) -> "Tracker":
        name = options.experiment or experiment or default_experiment()
        experiments.add(name)
        return Tracker(options.tracking(name))

    for folder in folders:
        found = sorted(path.parent for path in folder.rglob(RECORD) if path.is_file())
        if not found:
            raise InputError(f"{folder}: {'no record below it' if folder.is_dir() else 'no such folder'}")
        swept = set[Path]()
        for journal in journals(folder):
            output = journal.path.parent.parent
            swept |= {folder_of(output, address) for address in journal.ended()}
            yield from sending.send_sweep(tracker(_experiment(journal)), journal, output)
        alone = [sending.cell_in(path) for path in found if path not in swept]
        if alone:
            yield from sending.send(tracker(""), alone)


def _experiment(journal: "Journal") -> str:
    first = journal.first()
    return first[1] if first else ""


def run(options: Options, folders: Sequence[str]) -> Iterator[str]:
    """Send the missing records; yield a line for each, their number, and how to open the store.

    Raises:
        InputError: an option is not allowed, or there is no record.
    """
    options.check()
    sent, experiments = 0, set[str]()
    for cell in sync([Path(folder) for folder in folders or ["multirun"]], options, experiments):
        sent += 1
        yield f"sent {cell.folder}"
    yield f"{sent} records sent to {options.tracking('').uri}"
    yield from dict.fromkeys(line for one in sorted(experiments) for line in store_lines(options.tracking(one)))
