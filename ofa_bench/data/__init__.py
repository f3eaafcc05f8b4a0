"""Tables, predictors and measured accuracies that ship with the package, each with a card."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ofa_bench.errors import InputError, suggestion

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["FOLDER", "MEASURED", "measured", "measured_card"]

FOLDER = files("ofa_bench") / "data" / "measured"
"""Holds measured accuracies, ``<name>.csv.gz``, each with its card, ``<name>.json``."""

MEASURED = ".csv.gz"
"""How the names of files of measured accuracies end."""


def measured(name: str) -> "DataFrame":
    """Return the measured ImageNet accuracies of subnets of a supernet; one row a measurement.

    The columns are ``architecture`` (OFA's dict with ``ks``, ``e``, ``d`` and ``r``; blocks that are not built are 0),
    ``resolution`` (pixels), ``top1`` (percent, float64), ``source`` and ``part`` (see ``measured_card``): 0 if it was
    measured on all 50,000 validation images, else the number of the part of them, whose mean differs. A network that
    was measured several times has several rows. Rows of ``mbv3_w1.0`` with resolution 128 are of its supernet, but not
    of the space: ``space.from_ofa`` takes the other ones.

    Args:
        name: ``mbv3`` (OFA's supernet of width 1.2), ``mbv3_w1.0`` (width 1.0) or ``compofa_supernet`` (CompOFA's own,
            whose networks are those of ``CompoundSpace("elastic")``).

    Raises:
        InputError: there is no such file.
    """
    from pandas import DataFrame, read_csv  # imported here, because it takes long

    with (FOLDER / f"{_check(name)}{MEASURED}").open("rb") as file:
        rows = read_csv(file, compression="gzip", dtype=dict.fromkeys(("ks", "e", "d", "source"), str))
    digits = ([[int(digit) for digit in text] for text in rows[key]] for key in ("ks", "e", "d"))
    architectures = [
        {"ks": ks, "e": e, "d": d, "r": r} for ks, e, d, r in zip(*digits, rows["r"].tolist(), strict=True)
    ]
    table = DataFrame({"architecture": architectures, "resolution": rows["r"]})
    return table.join(rows[["top1", "source", "part"]])


def measured_card(name: str) -> Mapping[str, Any]:
    """Return the card of ``measured(name)``: how it was measured, noise, caveats, sources and their licences.

    Raises:
        InputError: there is no such file.
    """
    card: Mapping[str, Any] = json.loads((FOLDER / f"{_check(name)}.json").read_bytes())
    return card


def _check(name: str) -> str:
    known = sorted(path.name.removesuffix(MEASURED) for path in FOLDER.iterdir() if path.name.endswith(MEASURED))
    if name not in known:
        raise InputError(f"measured={name}: no such accuracies; there are {', '.join(known)}{suggestion(name, known)}")
    return name
