"""Protects standard output against broken pipes, and checks the encoding of arguments."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["check_texts", "ignore_broken_pipe"]


@contextmanager
def ignore_broken_pipe() -> Iterator[None]:
    """Ignore readers that stop early (``--help | head``); escape characters that the terminal cannot encode."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_texts() -> None:
    """Check that the working directory and the arguments can be encoded, because records and pages name them.

    Raises:
        InputError: one has bytes that are not valid in this locale's encoding.
    """
    try:
        folder = str(Path.cwd())
    except OSError:  # it was deleted; writing there fails later
        folder = ""
    for kind, text in (("the working directory", folder), *(("the argument", word) for word in sys.argv[1:])):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown, encoding = text.encode(errors="backslashreplace").decode(), sys.getfilesystemencoding()
            raise InputError(f"{kind} {shown[:200]}: has bytes that are not {encoding}; rename it") from error
