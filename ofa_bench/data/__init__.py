"""Tables, predictors and measured accuracies that ship with the package, each with a card."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from ofa_bench.errors import InputError, suggestion

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["card", "measured", "predicted"]

FOLDER = files("ofa_bench") / "data"
"""Holds measured accuracies, ``measured/<name>.csv.gz``, and labels, ``predicted/<name>.npz``, each with a card."""

ENDINGS = {"measured": ".csv.gz", "predicted": ".npz"}
"""How the names of files of each kind end."""

DIGITS = ("ks", "e", "d", "se")
"""The parts of an architecture that ``measured`` has as strings of digits, by block or by stage."""

LABELLED = (192, 208, 224)
"""The resolutions of the labels in ``predicted``."""

NO_LABEL = 65535

BLOCKS = ((0, 0), *((kernel, expand) for kernel in (3, 5, 7) for expand in (3, 4, 6)))
"""Kernel and expand ratio of a block, by its code in ``predicted``; 0: the depth does not build it."""


def measured(name: str) -> "DataFrame":
    """Return measured ImageNet accuracies of the networks of a space; one row a measurement.

    The column ``architecture`` has the dict of the space (``ks``, ``e``, ``d``, ``r`` of OFA's supernets; blocks that
    are not built are 0), ``top1`` percent (float64). A network that was measured several times has several rows.

    Of OFA's supernets, further columns are ``resolution`` (pixels), ``source`` and ``part`` (see ``card``): 0 if it was
    measured on all 50,000 validation images, else the number of the part of them, whose mean differs. Rows of
    ``mbv3_w1.0`` with resolution 128 are of its supernet, but not of the space: ``space.from_ofa`` takes the other
    ones. Those of ``accel_nasbench`` are ``train_time_s``, ``latency_<device>`` (ms) and ``throughput_<device>``
    (images a second), nan where it was not measured.

    Args:
        name: ``mbv3`` (OFA's supernet of width 1.2), ``mbv3_w1.0`` (width 1.0), ``compofa_supernet`` (CompOFA's own,
            whose networks are those of ``CompoundSpace("elastic")``) or ``accel_nasbench`` (each network trained).

    Raises:
        InputError: there is no such file.
    """
    from pandas import DataFrame, read_csv  # imported here, because it takes long

    with (FOLDER / "measured" / f"{_check('measured', name)}{ENDINGS['measured']}").open("rb") as file:
        rows = read_csv(file, compression="gzip", dtype=dict.fromkeys((*DIGITS, "source"), str))
    keys = [key for key in DIGITS if key in rows]
    parts: dict[str, Any] = {key: [[int(digit) for digit in text] for text in rows[key]] for key in keys}
    parts |= {"r": rows["r"].tolist()} if "r" in rows else {}
    architectures = [dict(zip(parts, one, strict=True)) for one in zip(*parts.values(), strict=True)]
    table = DataFrame({"architecture": architectures})
    return table.join(rows.drop(columns=keys).rename(columns={"r": "resolution"}))


def predicted(name: str) -> "DataFrame":
    """Return accuracies that a published predictor of others (AutoBuild's) gives: labels, not measurements.

    The columns are ``architecture`` (as in ``measured``), ``resolution`` (pixels; 192, 208 or 224), ``top1`` (percent,
    float64) and ``sample``: ``random``, or ``frontier`` for networks near the frontiers of searches. An architecture is
    there at several resolutions, so split the rows by architecture.

    Args:
        name: ``mbv3`` or ``proxyless``.

    Raises:
        InputError: there is no such file.
    """
    from pandas import DataFrame  # imported here, because it takes long

    with (FOLDER / "predicted" / f"{_check('predicted', name)}{ENDINGS['predicted']}").open("rb") as file:
        arrays = dict(np.load(file, allow_pickle=False))
    labels = np.where(arrays["labels"] == NO_LABEL, np.nan, (arrays["least"] + arrays["labels"]) / arrays["unit"])
    stages = range(0, len(arrays["blocks"]), 4)
    depths = np.stack([(arrays["blocks"][first : first + 4] > 0).sum(axis=0) for first in stages])
    kernels, expands = np.array(BLOCKS).T[:, arrays["blocks"]]
    networks = list(zip(kernels.T.tolist(), expands.T.tolist(), depths.T.tolist(), strict=True))
    column, row = np.nonzero(~np.isnan(labels))
    sizes = np.array(LABELLED)[column]
    architectures = [
        dict(zip(("ks", "e", "d", "r"), (*networks[i], r), strict=True))
        for i, r in zip(row.tolist(), sizes.tolist(), strict=True)
    ]
    sample = np.where(arrays["frontier"][row], "frontier", "random")
    return DataFrame(
        {"architecture": architectures, "resolution": sizes, "top1": labels[column, row], "sample": sample}
    )


def card(kind: str, name: str) -> Mapping[str, Any]:
    """Return the card of accuracies: how they were made, noise, caveats, sources and their licences.

    Args:
        kind: ``measured`` or ``predicted``.
        name: as in the function of that name.

    Raises:
        InputError: there is no such kind or file.
    """
    if kind not in ENDINGS:
        raise InputError(f"kind={kind}: must be {' or '.join(ENDINGS)}{suggestion(kind, ENDINGS)}")
    found: Mapping[str, Any] = json.loads((FOLDER / kind / f"{_check(kind, name)}.json").read_bytes())
    return found


def _check(kind: str, name: str) -> str:
    """Return the name of a file of accuracies if it is there."""
    ending = ENDINGS[kind]
    known = sorted(path.name.removesuffix(ending) for path in (FOLDER / kind).iterdir() if path.name.endswith(ending))
    if not isinstance(name, str) or name not in known:
        raise InputError(
            f"{kind}={name}: no such accuracies; there are {', '.join(known)}{suggestion(str(name), known)}"
        )
    return name
