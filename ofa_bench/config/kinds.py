"""Lets objects of a user's classes count as instances of a base class that they are not derived from."""

from abc import ABCMeta
from typing import Any

__all__ = ["adopt", "missing_members"]


def missing_members(built: object, kind: ABCMeta) -> list[str]:
    """Return the attributes without a default and the abstract methods of a base class that an object lacks."""
    required = [name for name in kind.__annotations__ if name not in vars(kind)]
    return [name for name in (*required, *sorted(kind.__abstractmethods__)) if not hasattr(built, name)]


def adopt(built: Any, kind: ABCMeta) -> Any:
    """Return an object; if it lacks nothing, register its class as a sub-class of the base class, with its defaults."""
    if not isinstance(built, kind) and not missing_members(built, kind):
        for name, value in vars(kind).items():
            if not name.startswith("_") and not hasattr(built, name):
                setattr(type(built), name, value)
        kind.register(type(built))
    return built
