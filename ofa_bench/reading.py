"""Reads files that others may have made: regular ones of bounded size, and JSON that has one meaning only."""

import errno
import json
import math
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["UnreadableError", "content_of", "json_object"]


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


def json_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object whose numbers are finite and whose keys are distinct.

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
    if not isinstance(found, dict):
        raise UnreadableError("it holds no JSON object")
    _check_depth(found)
    return found


def _check_depth(found: Any) -> None:
    """Check that what was parsed is not nested deeper than ``DEEPEST``: readers may call themselves for each level."""
    level = [found]
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
