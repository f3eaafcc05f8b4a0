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
"""Holds measured accuracies, ``measured/<name>.csv.xz``, and labels, ``predicted/<name>.npz``, each with a card."""

ENDINGS = {"measured": ".csv.xz", "predicted": ".npz"}
"""How the names of files of each kind end."""

DIGITS = ("ks", "e", "d", "se", "layers")
"""Columns of ``measured`` that are parts of an architecture: a digit for each block, stage or layer."""

LABELLED = (192, 208, 224)
"""The resolutions of the labels in ``predicted``."""

BLOCKS = ((0, 0), *((kernel, expand) for kernel in (3, 5, 7) for expand in (3, 4, 6)))
"""Kernel and expand ratio of a block, by its code in ``predicted``; 0: the depth does not build it."""


def measured(name: str) -> "DataFrame":
    """Return measured accuracies of the networks of a space; one row a measurement.

    The columns are ``architecture`` (the dict that ``space.to_ofa`` returns), ``top1`` (percent, float64) and
    ``source`` (see ``card``). Subnets of a supernet, measured on ImageNet, also have ``resolution`` (pixels) and
    ``part``: 0 if it was measured on all 50,000 validation images, else the number of the part of them, whose mean
    differs. In their architectures, blocks that are not built are 0. A network that was measured several times has
    several rows. Rows of ``mbv3_w1.0`` with resolution 128 are of its supernet, but not of the space:
    ``space.from_ofa`` takes the other ones. ``accel_nasbench`` has ``latency_<device>`` (ms) and
    ``throughput_<device>`` (images a second) too, nan where it was not measured.

    Args:
        name: ``mbv3`` (OFA's supernet of width 1.2), ``mbv3_w1.0`` (width 1.0), ``compofa_supernet`` (CompOFA's own,
            whose networks are those of ``CompoundSpace("elastic")``), ``nasbench_macro`` (CIFAR-10; all its
            networks, each trained by itself, three runs) or ``accel_nasbench`` (ImageNet; 5,125 networks, each trained
            by itself).

    Raises:
        InputError: there is no such file.
    """
    from pandas import DataFrame, read_csv  # imported here, because it takes long

    with (FOLDER / "measured" / f"{_check('measured', name)}{ENDINGS['measured']}").open("rb") as file:
        rows = read_csv(file, compression="xz", dtype=dict.fromkeys((*DIGITS, "source"), str))
    keys = [key for key in rows if key in DIGITS]
    if "top1" not in rows:  # a column for each source
        rows = rows.melt(keys, var_name="source", value_name="top1")
    digits = [[[int(digit) for digit in text] for text in rows[key]] for key in keys]
    if "r" in rows:
        keys, digits = [*keys, "r"], [*digits, rows["r"].tolist()]
        rows = rows.rename(columns={"r": "resolution"})
    table = DataFrame({"architecture": [dict(zip(keys, one, strict=True)) for one in zip(*digits, strict=True)]})
    rows = rows if "source" in rows else rows.assign(source=name)
    first = [key for key in ("resolution", "top1", "source", "part") if key in rows]
    return table.join(rows[[*first, *(key for key in rows if key not in (*keys, *first))]])


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
    high, low = arrays["steps"].astype(np.uint16)
    above = np.cumsum((high << 8) + low, axis=0, dtype=np.uint16)  # modulo 65,536, as the steps are
    labels = np.where(arrays["missing"], np.nan, (arrays["least"] + above) / arrays["unit"])
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
