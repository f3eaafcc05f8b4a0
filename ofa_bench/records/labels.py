"""Names records that are compared by what differs between them."""

import re
from collections.abc import Sequence
from itertools import chain, count

from ofa_bench.records.model import Record

__all__ = ["OUTSIDE_BRACKETS", "distinct", "heading", "join_name", "labels"]

OUTSIDE_BRACKETS = r",(?![^\[]*\])"
"""Matches the commas between the overrides of an address."""


def labels(records: Sequence[Record]) -> list[str]:
    """Return a name for each record: its strategy, and the parts of its address that not all of them have."""
    addresses, strategy = [_parts(record) for record in records], _strategy(records)
    common = [set.intersection(*(set(items) for items in column)) for column in zip(*addresses, strict=True)]
    found = []
    for record, parts in zip(records, addresses, strict=True):
        own = [item for i, items in enumerate(parts) for item in items if i != strategy and item not in common[i]]
        found.append(join_name(record.choices.strategy, own))
    return found


def join_name(strategy: str, own: Sequence[str]) -> str:
    """Return a name of a strategy and other parts; an experiment join_name after its strategy replaces both."""
    experiment = next((item for item in own if item.startswith("experiment=") and strategy in item), None)
    first = strategy if experiment is None else experiment.removeprefix("experiment=")
    rest = (re.sub(r"^(strategy|evolution|budget)\.", "", item) for item in own if item != experiment)
    return " ".join([first, *rest])


def heading(records: Sequence[Record]) -> str:
    """Return what the addresses of all records share, except for the strategy."""
    addresses, strategy = [_parts(record) for record in records], _strategy(records)
    common = [
        ",".join(item for item in column[0] if all(item in items for items in column))
        for i, column in enumerate(zip(*addresses, strict=True))
        if i != strategy
    ]
    return " / ".join(part for part in common if part)


def _strategy(records: Sequence[Record]) -> int:
    """Return the position of the strategy among the parts."""
    return list(vars(records[0].choices)).index("strategy") if records else 0


def _parts(record: Record) -> list[list[str]]:
    """Return the chosen options, and the overrides of the address, split at commas outside brackets.

    The options are not read from the address, because their names may have slashes.
    """
    last = record.address.rsplit("/", 1)[-1]
    return [*([option] for option in vars(record.choices).values()), re.split(OUTSIDE_BRACKETS, last)]


def distinct(name: str, taken: set[str]) -> str:
    """Return a file name (without suffix) that is not taken yet, and add it to those taken."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_")
    found = next(one for one in chain([plain], (f"{plain}_{i}" for i in count(2))) if one not in taken)
    taken.add(found)
    return found
