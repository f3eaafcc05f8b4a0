"""Names of records that stand side by side: by what is not the same in all of them."""

import re
from collections.abc import Sequence
from itertools import chain, count

from ofa_bench.records.model import Record

__all__ = ["OUTSIDE_BRACKETS", "distinct", "heading", "labels", "named"]

OUTSIDE_BRACKETS = r",(?![^\[]*\])"
"""The commas that part overrides in an address."""


def labels(records: Sequence[Record]) -> list[str]:
    """Name each record by its strategy, and by whatever else of its address is not the same in all of them."""
    addresses, strategy = [_parts(record) for record in records], _strategy(records)
    common = [set.intersection(*(set(items) for items in column)) for column in zip(*addresses, strict=True)]
    found = []
    for record, parts in zip(records, addresses, strict=True):
        own = [item for i, items in enumerate(parts) for item in items if i != strategy and item not in common[i]]
        found.append(named(record.choices.strategy, own))
    return found


def named(strategy: str, own: Sequence[str]) -> str:
    """Join the parts of a name; an experiment that is called after its strategy stands for both."""
    experiment = next((item for item in own if item.startswith("experiment=") and strategy in item), None)
    first = strategy if experiment is None else experiment.removeprefix("experiment=")
    rest = (re.sub(r"^(strategy|evolution)\.", "", item) for item in own if item != experiment)
    return " ".join([first, *rest])


def heading(records: Sequence[Record]) -> str:
    """Return what is the same in the addresses of all records, but for the strategy."""
    addresses, strategy = [_parts(record) for record in records], _strategy(records)
    common = [
        ",".join(item for item in column[0] if all(item in items for items in column))
        for i, column in enumerate(zip(*addresses, strict=True))
        if i != strategy
    ]
    return " / ".join(part for part in common if part)


def _strategy(records: Sequence[Record]) -> int:
    """Find the place of the strategy among the parts."""
    return list(vars(records[0].choices)).index("strategy") if records else 0


def _parts(record: Record) -> list[list[str]]:
    """Return the chosen options, and the single overrides of the address: split at commas outside brackets.

    An option's name may have slashes, so that the address alone does not tell which part is which.
    """
    last = record.address.rsplit("/", 1)[-1]
    return [*([option] for option in vars(record.choices).values()), re.split(OUTSIDE_BRACKETS, last)]


def distinct(name: str, taken: set[str]) -> str:
    """Make a file's name (no ending) that is not taken yet, and take it."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_")
    found = next(one for one in chain([plain], (f"{plain}_{i}" for i in count(2))) if one not in taken)
    taken.add(found)
    return found
