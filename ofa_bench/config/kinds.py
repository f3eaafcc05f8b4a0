"""Objects of a user's classes that have what a base class of ours requires, without being derived from it."""

from abc import ABCMeta
from typing import Any

__all__ = ["adopt", "missing_members"]


def missing_members(made: object, kind: ABCMeta) -> list[str]:
    """Return what a base class requires (attributes without a default, abstract methods) and an object lacks."""
    required = [name for name in kind.__annotations__ if name not in vars(kind)]
    return [name for name in (*required, *sorted(kind.__abstractmethods__)) if not hasattr(made, name)]


def adopt(made: Any, kind: ABCMeta) -> Any:
    """Return an object; if it lacks nothing, its class counts as derived from the base class, with its defaults."""
    if not isinstance(made, kind) and not missing_members(made, kind):
        for name, value in vars(kind).items():
            if not name.startswith("_") and not hasattr(made, name):
                setattr(type(made), name, value)
        kind.register(type(made))
    return made
