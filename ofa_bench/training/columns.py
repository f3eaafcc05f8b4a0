"""Finds the columns of a table that hold architectures and accuracies, and the unit of the accuracies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace

__all__ = ["Column", "Columns", "find_columns"]

Unit = Literal["fraction", "percent", "error"]


@dataclass(frozen=True)
class Column:
    """A column of accuracies: fractions of 1, percent, or errors in percent (100 minus the accuracy)."""

    name: str
    unit: Unit


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are read: one column of architectures or, with ``by_gene``, one for each gene."""

    accuracy: Column
    architecture: tuple[str, ...]
    by_gene: bool


_TOP1 = ("top1", "top1acc", "top1accuracy", "acctop1", "accuracytop1")

UNITS: dict[str, Unit] = {
    "accuracy": "fraction",
    **dict.fromkeys(_TOP1, "percent"),
    **dict.fromkeys([f"{name}%" for name in (*_TOP1, "acc", "accuracy")], "percent"),
    **dict.fromkeys(["top1err", "top1error", "top1err%", "top1error%"], "error"),
}
"""The unit of a column by its name, in lower case and without punctuation."""

ARCHITECTURE = (
    "architecture", "arch", "childarch", "config", "subnetconfig", "netconfig",
    "subnet", "subnetwork", "network", "netid",
)  # fmt: skip
"""The names of a column of architectures, in lower case and without punctuation."""


def find_columns(names: Sequence[str], space: DesignSpace, place: str) -> Columns:
    """Return the columns that hold the accuracy and the architecture; each name must occur once.

    ``accuracy`` takes precedence over ``top1``, and both over other names; ``architecture`` takes precedence over a
    column for each gene, and both over other names.

    Raises:
        InputError: one is missing or occurs twice; the message names ``place``.
    """
    accuracy = _find_accuracy(names, place)
    columns, by_gene = _find_architecture(names, space, place)
    for name in (accuracy.name, *columns):
        if names.count(name) > 1:
            raise InputError(f"{place}: has the column {name} twice")
    return Columns(accuracy, columns, by_gene)


def _find_accuracy(names: Sequence[str], place: str) -> Column:
    fitting = [name for name in names if _plain(name) in UNITS]
    exact = [name for name in ("accuracy", "top1") if name in names]
    if not exact and len(set(fitting)) > 1:
        raise InputError(f"{place}: has accuracies in {' and '.join(fitting)}; name one of them accuracy or top1")
    if not exact and not fitting:
        unclear = [name for name in names if re.search("acc|top|err", _plain(name))]
        hint = f"; {unclear[0][:40]} has no unit in its name: rename it" if unclear else _list_columns(names)
        raise InputError(f"{place}: must name a column accuracy (a fraction of 1) or top1 (percent){hint}")
    name = [*exact, *fitting][0]
    return Column(name, UNITS[_plain(name)])


def _find_architecture(names: Sequence[str], space: DesignSpace, place: str) -> tuple[tuple[str, ...], bool]:
    if "architecture" in names:
        return ("architecture",), False
    lacking = [name for name in space.gene_names if name not in names]
    if not lacking:
        return space.gene_names, True
    fitting = [name for name in names if _plain(name) in ARCHITECTURE]
    if len(set(fitting)) > 1:
        raise InputError(f"{place}: has architectures in {' and '.join(fitting)}; name one of them architecture")
    if fitting:
        return (fitting[0],), False
    shown = ", ".join(lacking[:3]) + (" and others" if len(lacking) > 3 else "")
    raise InputError(
        f"{place}: must name a column architecture (OFA's dict as JSON), "
        f"or one for each gene of {space.name}; there is none for {shown}{_list_columns(names)}"
    )


def _list_columns(names: Sequence[str]) -> str:
    """Return a list of the columns for a message."""
    shown = ", ".join(name[:30] for name in names[:6]) + (" and others" if len(names) > 6 else "")
    return f"; its columns are {shown}" if names else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9%]", "", re.sub("percent|pct", "%", name.lower()))
