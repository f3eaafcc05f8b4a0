"""Pairs the repeats of a study's entries with those of the reference."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.studies import Study, finite_means

__all__ = ["differences", "of_pairs"]

Floats = NDArray[np.float64]


def of_pairs(study: Study, values: Mapping[str, Floats], reference: str) -> dict[str, Floats]:
    """Return each entry's numbers (float64 [repeats, ...]) in the reference's repeats, NaN where it lacks one.

    Entries that share no repeat with the reference are left out.
    """
    keys = next(entry.keys for entry in study.entries if entry.name == reference)
    found = {}
    for entry in study.entries:
        if set(entry.keys) & set(keys):
            rows = np.full((len(keys), *values[entry.name].shape[1:]), np.nan)
            for i, key in enumerate(keys):
                if key in entry.keys:
                    rows[i] = values[entry.name][entry.keys.index(key)]
            found[entry.name] = rows
    return found


def differences(study: Study, accuracy: Mapping[str, Floats], reference: str) -> dict[str, Paired]:
    """Compare each strategy with the reference in mean accuracy over the targets that both met, repeat by repeat.

    Args:
        study: whose entries are compared.
        accuracy: by entry, float64 [repeats, targets], percent; NaN where a target was not met.
        reference: one of the entries.
    """
    pairs = of_pairs(study, accuracy, reference)
    means = {name: finite_means(rows - pairs[reference]) for name, rows in pairs.items()}  # the reference: 0
    return {one.name: one for one in paired(means, reference)}
