"""Protects standard output against broken pipes and characters that a terminal cannot encode."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ignore_broken_pipe"]


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
