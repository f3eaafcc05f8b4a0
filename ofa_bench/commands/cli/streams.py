"""Standard output as commands use it, and the texts that they are given."""

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
    """Let a reader stop early (``--help | head``); characters that the terminal's encoding lacks become escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_texts() -> None:
    """Check that the working directory and the words of the command are texts: records and pages name them.

    Raises:
        InputError: one has bytes that are no characters in this locale.
    """
    try:
        folder = str(Path.cwd())
    except OSError:  # it was deleted; what is written there fails later
        folder = ""
    for kind, text in (("the working directory", folder), *(("the word", word) for word in sys.argv[1:])):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown, encoding = text.encode(errors="backslashreplace").decode(), sys.getfilesystemencoding()
            hint = "" if encoding == "utf-8" else f"this locale's encoding is {encoding}: set PYTHONUTF8=1, or "
            raise InputError(f"{kind} {shown[:200]}: its name has bytes that are no text; {hint}rename it") from error
