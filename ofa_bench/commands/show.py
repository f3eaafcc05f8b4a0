"""``ofa_bench show``: print the networks that were found, as OFA's dicts.

    ofa_bench show multirun                             # of every record below a folder
    ofa_bench show multirun strategy=joint              # of one strategy
    ofa_bench show <a cell's folder> target=25 top=10   # the ten best for one target

Records are given as folders (default: ``multirun``), as ``record.json`` or as the id of an MLflow run.

- ``strategy``: only the records of this strategy. ``target``: only the networks for this target.
- ``top``: the number of best distinct networks for each target; a record keeps at most ``keep`` of them.
- ``format``: ``text``, or ``json``: a list, which ``architecture=<file>`` of other commands reads.
- ``uri``: the MLflow store of runs. Default: ``MLFLOW_TRACKING_URI``, else ``sqlite:///mlflow.db`` here.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.options import check_choice
from ofa_bench.config.limits import check_range
from ofa_bench.config.store_uri import uri_option
from ofa_bench.errors import InputError, suggestion

if TYPE_CHECKING:
    from ofa_bench.records.model import Record

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides records."""

    strategy: str | None = None
    target: float | None = None
    top: int = 1
    format: str = "text"
    uri: str = field(default_factory=uri_option)

    def check(self) -> None:
        """Raise InputError if a value is not allowed."""
        check_range("top", self.top, 1)
        check_choice("format", self.format, ("text", "json"))


def run(options: Options, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines that describe the networks.

    Raises:
        InputError: there is no such record, or none has the strategy or the target.
    """
    from ofa_bench.records.networks import FoundNetwork, best_networks, describe_networks, json_list

    options.check()
    records = list(_records(names or ["multirun"], options.uri))
    if options.strategy is not None:
        there = sorted({record.choices.strategy for record in records})
        if options.strategy not in there:
            hint = suggestion(options.strategy, there)
            raise InputError(f"strategy={options.strategy}: no record is of it; there are {', '.join(there)}{hint}")
        records = [record for record in records if record.choices.strategy == options.strategy]
    listed, missing = list[FoundNetwork](), list[InputError]()
    for record in records:
        try:
            networks = best_networks(record, options.top, options.target)
        except InputError as error:
            missing.append(error)
            continue
        listed += networks
        if options.format == "text":
            yield record.address
            yield from describe_networks(networks)
            yield "" if networks else "nothing met its target\n"
    if len(missing) == len(records):
        raise missing[0]
    if options.format == "json":
        yield json_list([vars(one) for one in listed])


def _records(names: Sequence[str], uri: str) -> "Iterator[Record]":
    from ofa_bench.experiment.named_records import record_named, run_named
    from ofa_bench.records.gather import from_folders
    from ofa_bench.records.model import RECORD

    for name in names:
        path = Path(name).expanduser()
        if path.is_dir() and not (path / RECORD).exists():
            gathered = from_folders([path])
            for reason in gathered.left_out:
                print(f"left out: {reason}", file=sys.stderr)
            yield from gathered.records
        else:
            if not path.exists() and run_named(name) is None:
                raise InputError(f"{name}: no such folder of records; give one, or the id of an MLflow run")
            yield record_named("show", name, uri)
