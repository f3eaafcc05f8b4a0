"""``ofa_bench pack``: write records into one small file, to keep or to pass on.

    ofa_bench pack multirun [more folders] out=study.csv.gz
    ofa_bench report study.csv.gz

The file is a compressed CSV table: one row for each target of each repeat of each cell, with accuracy, cost, seconds,
counts, regret and genes. ``report`` and ``paper`` make the same tables of it as of the records. It lacks the further
networks of a target (``keep``) and the curves, so anytime figures are not drawn. The same records give the same bytes.

- ``out``: the file; its name ends with ``.csv.gz``. An earlier one is replaced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.errors import InputError

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides folders."""

    out: str = "study.csv.gz"


def run(options: Options, folders: Sequence[str]) -> Iterator[str]:
    """Write the file; yield what was left out, and the file with its number of records.

    Raises:
        InputError: there are no records, or the file has another ending.
        OSError: the file cannot be written.
    """
    from ofa_bench.records.compact import SUFFIX, pack
    from ofa_bench.records.gather import from_folders

    out = Path(options.out).expanduser()
    if not out.name.endswith(SUFFIX):
        raise InputError(f"out={options.out}: must end with {SUFFIX}")
    check_folder("out", out.parent)
    gathered = from_folders([Path(folder).expanduser() for folder in folders])
    for reason in gathered.left_out:
        yield f"left out: {reason}"
    out.parent.mkdir(parents=True, exist_ok=True)
    pack(gathered.records, out)
    yield f"{out}: {len(gathered.records)} records, {out.stat().st_size:,} bytes"
