"""What a command finds around it: a working directory and words that must be texts, and a terminal."""

import io
import sys
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["check_texts", "print_any_text"]


def check_texts() -> None:
    """Check that the working directory and the words of the command are texts: records and pages name them.

    Raises:
        InputError: one has bytes that are no letters in this locale, or the directory is gone.
    """
    try:
        folder = str(Path.cwd())
    except OSError as error:
        raise InputError(f"the working directory cannot be found ({error.strerror})") from error
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


def print_any_text() -> None:
    """Have letters that standard output's encoding lacks written as escapes, as on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
