"""Names records that are compared by what differs between them."""

import hashlib
import json
import re
from collections.abc import Sequence
from itertools import chain, count

from ofa_bench.records.model import Record
from ofa_bench.strategies import MEASURES

__all__ = ["config_hash", "control", "distinct", "heading", "join_name", "labels", "overrides_of"]

OUTSIDE_BRACKETS = r",(?![^\[]*\])"
"""Matches the commas between the overrides of an address."""


CUT_LIST = re.compile(r"(\[[^\[\]]*~[0-9a-f]{8})(?=,|$)")
"""Matches a long list among the overrides, whose end was cut."""

CUT = re.compile(r"([^,]*~[0-9a-f]{12})((?:,attempt=\d+)?)$")
"""Matches the end of a long address, which was cut (see ``config.address``)."""


CHAIN = "budget.chain."
"""The settings of a control's chain. Its order has a field in the record."""

TOGETHER = re.compile(r"device\.devices=|fleet$")
"""Matches what an address has of a fleet that is searched together."""


def overrides_of(record: Record, *, without: Sequence[str]) -> list[str]:
    """Return the overrides of a record's address, except for those of some keys or groups.

    The end of an address that was cut becomes a hash of the config without these keys: the hash in the address depends
    on them too.
    """
    last = record.address.rsplit("/", 1)[-1]
    if CUT.search(last):
        last = CUT.sub(rf"~{config_hash(record, without=without)}\2", last)
    skipped = tuple(f"{key}{sign}" for key in without for sign in ".=")
    return [part for part in _split(last) if not part.startswith(skipped)]


def _split(overrides: str) -> list[str]:
    """Split the overrides of an address at commas outside brackets."""
    return re.split(OUTSIDE_BRACKETS, CUT_LIST.sub(r"\1]", overrides))


def config_hash(record: Record, *, without: Sequence[str]) -> str:
    """Return a short hash of a record's config without some keys or groups."""
    config = {key: value for key, value in record.config.items() if key not in without}
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:6]


def control(record: Record) -> str:
    """Return what a control spends as much of, and of which chain, for its name; empty for other records."""
    budget = record.budget
    if budget.match is None:
        return ""
    own = [part for part in overrides_of(record, without=["seed"]) if part.startswith(CHAIN)]
    others = [part.removeprefix(CHAIN) for part in own if not part.startswith(f"{CHAIN}order=")]
    chain = f" ({', '.join([budget.chain, *others])})" if budget.chain else ""
    return f", equal {MEASURES[budget.match]}{chain}"


def labels(records: Sequence[Record]) -> list[str]:
    """Return a name for each record: its strategy, and the parts of its address that not all of them have.

    Those of a fleet are left out where all records of the strategy have them.
    """
    addresses, strategy = [_parts(record) for record in records], _strategy(records)
    common = [set.intersection(*(set(items) for items in column)) for column in zip(*addresses, strict=True)]
    found = []
    for record, parts in zip(records, addresses, strict=True):
        alike = [one[-1] for one in addresses if one[strategy] == parts[strategy]]
        own = [item for i, items in enumerate(parts) for item in items if i != strategy and item not in common[i]]
        own = [item for item in own if not (TOGETHER.match(item) and all(item in last for last in alike))]
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
    return [*([option] for option in vars(record.choices).values()), _split(last)]


def distinct(name: str, taken: set[str]) -> str:
    """Return a file name (without suffix) that is not taken yet, and add it to those taken."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_")
    found = next(one for one in chain([plain], (f"{plain}_{i}" for i in count(2))) if one not in taken)
    taken.add(found)
    return found
