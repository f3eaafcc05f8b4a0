"""``ofa_bench paper``: judge the claims of Kumar & Szidon (arXiv 2012.06748) by records.

    ofa_bench -m experiment=paper
    ofa_bench paper multirun [more folders, or files of pack] out=paper

It writes ``paper.md`` and its plots, in ``paper/``, to the folder ``out``, and replaces an earlier page there. Part of
the experiments, such as ``experiment=table1``, gives part of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ofa_bench.commands.cli.options import check_folder
from ofa_bench.errors import InputError

__all__ = ["Options", "run"]


@dataclass
class Options:
    """The options, besides folders."""

    out: str = "paper"


def run(options: Options, folders: Sequence[str]) -> Path:
    """Write the page about folders of records; return its path.

    Raises:
        InputError: there are no records of the paper's experiments.
        OSError: the folder cannot be written.
    """
    if not folders:
        raise InputError("give a folder of records: ofa_bench paper multirun")
    check_folder("out", Path(options.out).expanduser())
    from ofa_bench.records.gather import from_folders

    gathered = from_folders([Path(folder) for folder in folders])
    from ofa_bench.report.paper.page import write_page

    return write_page(gathered, folders, Path(options.out).expanduser())
