"""Reads files that others may have made: regular ones of bounded size, and JSON or Python that has one meaning only."""

import ast
import errno
import json
import math
import os
import re
import stat
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = [
    "UnreadableError",
    "content_of",
    "json_object",
    "json_value",
    "name_of",
    "plain_text",
    "python_object",
    "python_value",
]


_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
"""A text in quotes, as Python writes it."""


DEEPEST = 50
"""Levels of lists and objects within each other; ours have up to 10."""


class UnreadableError(ValueError):
    """A file or its content cannot be taken; the message says why, and leaves it to others to say which file."""


def content_of(path: Path, most: int) -> bytes:
    """Read a regular file (or what a link to one leads to) of at most ``most`` bytes.

    Nothing is waited for: a pipe, a terminal or a device is refused.

    Raises:
        UnreadableError: it cannot be read, is no regular file or is larger.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISDIR(mode):
                raise UnreadableError(os.strerror(errno.EISDIR))
            if not stat.S_ISREG(mode):
                raise UnreadableError("Not a regular file")
            content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except ValueError as error:  # a null character in the path
        raise UnreadableError(str(error)) from error
    if content is None or len(content) > most:
        raise UnreadableError(f"larger than {most:,} bytes, the most that is read")
    return content


def name_of(path: Path, *, folder: bool = False) -> str:
    """Return what a user's file is called in records and on pages: its name, without what these refuse as markup."""
    return plain_text(path.name if folder else path.stem)


def plain_text(text: str) -> str:
    """Return a text that records and cards take: what they refuse as markup is replaced."""
    plain = "".join("_" if letter in "<>$" or not letter.isprintable() else letter for letter in text)
    return plain.replace("](", "]_")


def json_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object whose numbers are finite and whose keys are distinct.

    Raises:
        UnreadableError: it is something else, or nested too deeply.
    """
    found = json_value(content)
    if not isinstance(found, dict):
        raise UnreadableError("it holds no JSON object")
    return found


def json_value(content: bytes) -> Any:
    """Parse JSON whose numbers are finite and whose keys are distinct.

    Raises:
        UnreadableError: it is something else, or nested too deeply.
    """
    try:
        found = json.loads(content, object_pairs_hook=_distinct, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except UnreadableError:
        raise
    except UnicodeDecodeError:
        raise UnreadableError("it is no text in UTF-8") from None
    except ValueError as error:
        raise UnreadableError(f"it is no JSON: {str(error).partition(';')[0]}") from error
    _check_depth(found)
    return found


def _check_depth(found: Any) -> None:
    """Check that what was parsed is not nested deeper than ``DEEPEST``: readers may call themselves for each level."""
    level = [found] if type(found) in (dict, list) else []
    for _ in range(DEEPEST):
        inner = (node.values() if type(node) is dict else node for node in level)
        level = [one for several in inner for one in several if type(one) in (dict, list)]
    if level:
        raise UnreadableError(f"it is nested too deeply; {DEEPEST} levels at most")


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise UnreadableError(f"it has the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableError(f"it has the number {text[:20]}, which is too large")
    return number


def _refuse(text: str) -> float:
    raise UnreadableError(f"it has {text}, which is no number")


def python_object(text: str, most: int = 20_000) -> dict[Any, Any]:
    """Parse a Python dict of plain values (numbers, texts, None, lists, dicts) with distinct keys; nothing is run.

    Raises:
        UnreadableError: it is something else, nested too deeply or has more than ``most`` characters outside texts.
    """
    found = python_value(text, most)
    if not isinstance(found, dict):
        raise UnreadableError("it holds no Python dict")
    return found


def python_value(text: str, most: int = 20_000) -> Any:
    """Parse plain Python values as ``python_object`` does, a list as well as a dict.

    Raises:
        UnreadableError: it is something else, nested too deeply or has more than ``most`` characters outside texts.
    """
    if len(text) > most and len(_QUOTED.sub("", text)) > most:
        raise UnreadableError(f"as a Python dict it has more than {most:,} characters outside texts, the most allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of escapes in texts
            tree = ast.parse(text.strip(), mode="eval")
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
            _distinct([(ast.dump(key) if key else "**", None) for key in node.keys])
        return ast.literal_eval(tree)
    except UnreadableError:
        raise UnreadableError("as a Python dict it has a key twice") from None
    except (RecursionError, MemoryError):
        raise UnreadableError("it is nested too deeply") from None
    except (SyntaxError, TypeError, ValueError) as error:
        raise UnreadableError("it is no Python dict of plain values") from error
