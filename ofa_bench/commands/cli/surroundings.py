"""What a command finds around it: a working directory and words that must be texts, and a terminal."""

import io
import sys
from itertools import accumulate
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["check_texts", "print_any_text"]


DEEPEST = 50
"""Brackets within brackets in a word of a command."""


def check_texts() -> None:
    """Check that the working directory and the words of the command are texts: records and pages name them.

    Raises:
        InputError: one has bytes that are no characters in this locale, or a word has brackets within brackets that no
            parser would bear.
    """
    try:
        folder = str(Path.cwd())
    except OSError:  # it is gone, which is said where something is written
        folder = ""
    for kind, text in (("the working directory", folder), *(("the word", word) for word in sys.argv[1:])):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown = text.encode(errors="backslashreplace").decode()
            if sys.getfilesystemencoding() == "utf-8":
                hint = "rename it"
            else:
                hint = f"this locale's encoding is {sys.getfilesystemencoding()}: set PYTHONUTF8=1, or rename it"
            raise InputError(f"{kind} {shown[:200]}: its name has bytes that are no text; {hint}") from error

    for word in sys.argv[1:]:
        if _depth(word) > DEEPEST:
            raise InputError(f"{word[:40]}...: nested too deeply; {DEEPEST} brackets within each other at most")


def _depth(word: str) -> int:
    """Count the brackets that are open at most at a time."""
    steps = [1 if letter in "[{(" else -1 for letter in word if letter in "[{()}]"]
    return max(accumulate(steps, initial=0))


def print_any_text() -> None:
    """Have characters that standard output's encoding lacks written as escapes, as on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
