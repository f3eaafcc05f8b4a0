"""``ofa_bench paper``: the claims of Kumar & Szidon (arXiv 2012.06748), judged by records.

    python -m ofa_bench -m experiment=paper
    ofa_bench paper multirun [more folders] out=paper

It writes ``paper.md`` and its pictures, in ``paper/``, into the folder ``out``. What an earlier one left there is
replaced. A part of the experiments, such as ``experiment=table1``, gives a part of the page.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ofa_bench.commands.cli.messages import (
    allow_tracebacks,
    check_folder,
    exit_on_error,
    options_and_folders,
    show_help,
)
from ofa_bench.errors import InputError

__all__ = ["Options", "main", "run"]


@dataclass
class Options:
    """What can be set on the command line, besides folders."""

    out: str = "paper"


def run(words: Sequence[str]) -> Path:
    """Write the page that the command's words ask for; return its path.

    Raises:
        InputError: a word is not allowed, or there are no records of the paper's experiments.
        OSError: the folder cannot be written.
    """
    options, folders = options_and_folders(Options, words)
    if not folders:
        raise InputError("give a folder of records: ofa_bench paper multirun")
    check_folder("out", Path(options.out).expanduser())
    from ofa_bench.records.gather import from_folders

    gathered = from_folders([Path(folder) for folder in folders])
    from ofa_bench.report.paper.page import write_page

    return write_page(gathered, folders, Path(options.out).expanduser())


def main() -> None:
    """Read the words, write the page. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    show_help(__doc__, Options())
    allow_tracebacks()
    with exit_on_error():
        print(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
