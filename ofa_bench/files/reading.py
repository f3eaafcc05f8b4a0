"""Reads files of unknown origin: regular files of limited size, JSON, and Python values without running them."""

import ast
import errno
import json
import math
import os
import stat
import warnings
from pathlib import Path
from typing import Any

__all__ = [
    "LARGEST",
    "UnreadableError",
    "absolute_path",
    "content_of",
    "json_object",
    "json_or_python",
    "json_value",
    "name_of",
    "plain_text",
    "python_value",
]

LARGEST = 100_000_000
"""Maximum size of a file by default, in bytes: parsed, it takes 20 times as much memory."""

LONGEST = 5_000_000
"""Maximum number of characters of a Python text that is parsed: it may take 500 times as much memory."""

DEEPEST = 50
"""Maximum number of nested lists and objects; our files have up to 10."""


class UnreadableError(ValueError):
    """A file or its content cannot be read; the message has the reason, and the caller adds the file."""


def content_of(path: Path, most: int = LARGEST) -> bytes:
    """Return the content of a regular file, or of a link to one, of at most ``most`` bytes.

    A pipe, a terminal or a device is refused without waiting for it.

    Raises:
        UnreadableError: it cannot be read, is not a regular file or is larger.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if stat.S_ISDIR(about.st_mode):
                raise UnreadableError(os.strerror(errno.EISDIR))
            if not stat.S_ISREG(about.st_mode):
                raise UnreadableError("Not a regular file")
            if about.st_size > most:
                raise UnreadableError(f"larger than {most:,} bytes, the most that is read")
            return file.read(most)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except UnreadableError:
        raise
    except ValueError as error:  # a null character in the path
        raise UnreadableError(str(error)) from error


def name_of(path: Path, *, folder: bool = False) -> str:
    """Return the name of a user's file as records and pages show it (see ``plain_text``)."""
    return plain_text(path.name if folder else path.stem)


def plain_text(text: str) -> str:
    """Return a text without the characters that records and cards refuse, because they may be markup."""
    plain = "".join("_" if letter in "<>$" or not letter.isprintable() else letter for letter in text)
    return plain.replace("](", "]_")


def json_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object with finite numbers.

    Raises:
        UnreadableError: it is something else, or nested too deeply.
    """
    found = json_value(content)
    if not isinstance(found, dict):
        raise UnreadableError("it holds no JSON object")
    return found


def json_value(content: bytes) -> Any:
    """Parse JSON with finite numbers.

    Raises:
        UnreadableError: it is something else, or nested too deeply.
    """
    try:
        found = _DECODER.decode(content.decode(json.detect_encoding(content), "surrogatepass"))
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8 text") from None
    except ValueError as error:
        raise UnreadableError(f"it is no JSON: {str(error).partition(';')[0]}") from error
    _check_depth(found)
    return found


def _check_depth(found: Any) -> None:
    """Raise UnreadableError for deeply nested values, because some readers are recursive."""
    level = [found]
    for _ in range(DEEPEST + 1):
        if not level:
            return
        inner = (node.values() if type(node) is dict else node for node in level if type(node) in (dict, list))
        level = [one for several in inner for one in several]
    if level:
        raise UnreadableError(f"it is nested too deeply; {DEEPEST} levels at most")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is not finite")
    return number


_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def json_or_python(content: bytes) -> Any:
    """Parse JSON or plain Python values; no code is run.

    Raises:
        UnreadableError: it is neither, nested too deeply or too long.
    """
    try:
        return json_value(content)
    except UnreadableError as error:
        if not str(error).startswith("it is no JSON") or content.lstrip()[:1] not in (b"{", b"["):
            raise
        try:
            return python_value(content.decode(errors="replace"))
        except UnreadableError as other:
            raise UnreadableError(f"{error}; and {other}") from error


def python_value(text: str) -> Any:
    """Parse plain Python values (numbers, texts, None, lists, dicts); no code is run.

    Raises:
        UnreadableError: it is something else, nested too deeply or too long.
    """
    if len(text) > LONGEST:
        raise UnreadableError(f"as Python it has more than {LONGEST:,} characters, the most that is read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of escapes in texts
            return ast.literal_eval(text.strip())
    except (RecursionError, MemoryError):
        raise UnreadableError("it is nested too deeply") from None
    except (SyntaxError, TypeError, ValueError) as error:
        raise UnreadableError("it is no Python dict of plain values") from error


def absolute_path(text: str) -> Path:
    """Return the absolute path of a text from a user, with their home for ``~``; links keep their names.

    Raises:
        OSError: the working directory is gone.
        RuntimeError: there is no such user.
    """
    return Path(os.path.normpath(Path.cwd() / Path(text).expanduser()))
