"""Imports the ``_target_`` of a config, and finds the line of a user's file that raised an error."""

import importlib
import inspect
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ofa_bench.config.user_code import is_third_party
from ofa_bench.errors import suggestion

__all__ = ["at_user_line", "import_target", "name_and_line", "user_line"]

OURS = Path(__file__).resolve().parents[1]

STANDARD = Path(importlib.__file__).resolve().parents[1]
"""The folder of the standard library."""

_roots = set[str]()
"""Packages of a ``_target_``: they count as the user's even if they are installed."""


def import_target(target: str) -> Any:
    """Return the module, or the object in one, with this dotted name.

    Raises:
        ImportError: there is no such module, or nothing of that name in it.
        Exception: any error that a module raises during its import.
    """
    parts = target.replace(":", ".").split(".")
    if not all(part.isidentifier() for part in parts):
        raise ImportError("not a dotted name, such as my_package.MyStrategy")
    _roots.add(parts[0])
    found: Any = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 1):
        place = ".".join(parts[:i])
        if not hasattr(found, part) and hasattr(found, "__path__"):
            try:
                importlib.import_module(f"{place}.{part}")
            except ModuleNotFoundError as error:
                if error.name != f"{place}.{part}":
                    raise
        if not hasattr(found, part):
            kind = "module" if isinstance(found, ModuleType) else "class"
            raise ImportError(f"{kind} {place} has no {part}{suggestion(part, [n for n in dir(found) if n[0] != '_'])}")
        found = getattr(found, part)
    return found


def user_line(error: BaseException) -> str:
    """Return the last line of a user's own file in the traceback of an error or its cause; empty if there is none.

    Example: ``my_strategy.py, line 31, in search``.
    """
    seen = set[int]()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        found = [*_lines(one)]
        if found:
            return found[-1]
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return ""


def at_user_line(error: BaseException) -> str:
    """Return ``user_line`` in brackets after a space; empty if there is none."""
    line = user_line(error)
    return f" ({line})" if line else ""


def name_and_line(kind: type) -> str:
    """Return the name of a class; of a user's class also its file and line: ``Mine (mine.py, line 4)``."""
    try:
        path, line = Path(inspect.getfile(kind)), inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):  # a built-in class, or one without a file
        return kind.__name__
    return f"{kind.__name__} ({_shown(path)}, line {line})" if _is_users(path, kind.__module__) else kind.__name__


def _lines(error: BaseException) -> Iterator[str]:
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        path = Path(frame.f_code.co_filename)
        if _is_users(path, name):
            where = frame.f_code.co_name
            yield f"{_shown(path)}, line {line}" + (f", in {where}" if where.isidentifier() else "")
    if isinstance(error, SyntaxError) and error.filename and _is_users(Path(error.filename), ""):
        yield f"{_shown(Path(error.filename))}, line {error.lineno}"


def _is_users(path: Path, module: str) -> bool:
    """Return whether a file of code is the user's: neither ours nor a library's."""
    if path.suffix != ".py" or OURS in path.parents:
        return False
    if is_third_party(path):
        return module.partition(".")[0] in _roots or (not module and bool(_roots & set(path.parts)))
    return STANDARD not in path.absolute().parents


def _shown(path: Path) -> str:
    """Return a path relative to the working directory, if it is below that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
