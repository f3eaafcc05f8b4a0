"""Finds what differs between two records in settings, hashes, versions and machines."""

from collections.abc import Iterator
from typing import Any

from ofa_bench.records.model import Record
from ofa_bench.records.record import flat_config

__all__ = ["differing"]


def differing(a: Record, b: Record) -> Iterator[tuple[str, str, str]]:
    """Yield what differs between two records, other than results: its name, and its value in each as text."""
    facts = [_facts(record) for record in (a, b)]
    for name in dict.fromkeys([*facts[0], *facts[1]]):
        one, other = (str(of.get(name, "—")) for of in facts)
        if one != other:
            yield name, one, other
    config = a.config == b.config and a.predictor.sha256 == b.predictor.sha256 and a.device.sha256 == b.device.sha256
    if config and a.identity != b.identity:
        yield "code of your own classes (identity)", a.identity, b.identity


def _facts(record: Record) -> dict[str, Any]:
    """Return settings, hashes and circumstances of a record by name."""
    found = {"predictor hash": record.predictor.sha256[:12], "cost table hash": record.device.sha256[:12]}
    if record.frontier:
        found["best-known frontier hash"] = record.frontier.sha256[:12]
    made = {key: value for key, value in vars(record.made).items() if key not in ("at", "commits")}
    return flat_config(record.config) | found | made | flat_config(record.made.commits or {}, "commit")
