"""Pairs of a study's entries: the repeats that a strategy and the reference share."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ofa_bench.report.gather import Entry, Study
from ofa_bench.report.statistics import Paired, paired

__all__ = ["Keys", "differences", "families", "of_pairs"]

Floats = NDArray[np.float64]
Keys = tuple[tuple[int, int], ...]


def families(study: Study, reference: str) -> list[tuple[Keys, list[str]]]:
    """Sort the strategies by the repeats that they share with the reference: each group is one family of tests."""
    entries = {entry.name: entry for entry in study.entries}
    found: dict[Keys, list[str]] = {}
    for name in entries:
        if name != reference and (keys := study.paired([entries[reference], entries[name]])):
            found.setdefault(keys, []).append(name)
    return list(found.items())


def of_pairs(study: Study, values: Mapping[str, Floats], names: list[str], keys: Keys) -> dict[str, Floats]:
    """Give some entries' numbers (float64 [repeats] each) for some of their repeats, in their order."""
    entries: dict[str, Entry] = {entry.name: entry for entry in study.entries}
    return {name: values[name][[entries[name].keys.index(key) for key in keys]] for name in names}


def differences(study: Study, values: Mapping[str, Floats], reference: str) -> dict[str, Paired]:
    """Compare each strategy with the reference by one number a repeat: float64 [repeats] by entry, points."""
    found: dict[str, Paired] = {}
    for keys, others in families(study, reference):
        pairs = of_pairs(study, values, [reference, *others], keys)
        found |= {one.name: one for one in paired(pairs, reference)}
    return found
