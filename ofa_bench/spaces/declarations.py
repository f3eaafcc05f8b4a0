"""Declarations of spaces, as plain data, and the declaration ``fork_safe`` of any part of a problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["OFAEncoder", "PublishedFile", "declares_fork_safe"]


def declares_fork_safe(part: object) -> bool:
    """Return whether an object's own class declares ``fork_safe`` and it is true.

    It means that searches may run in forked processes: no change outside a search is needed later, and no thread or
    lock of a library such as torch is used. An inherited declaration does not count, because it does not cover what a
    sub-class adds.
    """
    return "fork_safe" in vars(type(part)) and bool(part.fork_safe)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class PublishedFile:
    """A file: its path among OFA's files, the SHA-256 of its bytes, if known, and its address where that is another."""

    path: str
    sha256: str | None = None
    address: str = ""


@dataclass(frozen=True)
class OFAEncoder:
    """A class of ``ofa.nas.accuracy_predictor``, and the attributes that are set on it."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
