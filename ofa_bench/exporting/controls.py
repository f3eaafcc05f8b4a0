"""Networks drawn at random that are timed beside those found: they tell the device's drift from a search's exploits.

A machine is not as fast today as when its table was measured, by a percent or three, and a search takes what the table
underrates. Both make what was found slower than predicted; only the first does so to networks that nobody chose.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.exporting.files import write_onnx
from ofa_bench.exporting.found import Found, buildable
from ofa_bench.predictors import latency_table
from ofa_bench.reading import UnreadableError, content_of, json_object
from ofa_bench.supernets import supernet

__all__ = ["FOLDER", "read_controls", "write_controls"]

FOLDER, LIST = "controls", "controls.json"

SAMPLE = 2_000
"""Random architectures, of which those are taken whose costs are spread over the targets."""


def write_controls(folder: Path, found: Sequence[Found], device: str, n: int) -> str:
    """Write random networks' ONNX files, with what the cost table says of them; say in words why not, if it cannot be.

    Args:
        folder: of the networks found, which share a space and a table; the files go to ``controls`` in it.
        found: these networks.
        device: the cost table, by name or path, as their record has it.
        n: how many, with costs spread evenly over those of the networks found.

    Raises:
        OSError: the folder cannot be written.
    """
    space = buildable(found[0].architecture, found[0].space)[0]
    try:
        table = latency_table(space, device)
    except InputError as error:
        return f"no networks are timed beside those found: {error}"
    if table.sha256 != found[0].hashes["device"] or table.unit != "ms":
        return f"no networks are timed beside those found: the table {device} is not theirs, or not in milliseconds"
    rows = space.canonical(space.sample(SAMPLE, np.random.default_rng(0)))
    costs = table.cost(rows)
    spread = np.linspace(min(one.cost for one in found), max(one.cost for one in found), n)
    chosen = np.unique(np.abs(costs[:, None] - spread).argmin(axis=0))
    net, listed = supernet(space), []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for number, i in enumerate(chosen.tolist()):
        path, piece = folder / FOLDER / f"{number}.onnx", net.subnet(rows[i])
        if not path.exists():
            unfinished = path.with_suffix(".part")
            write_onnx(piece.build(), piece.shape, unfinished)
            unfinished.replace(path)
        listed.append({"file": path.name, "cost": float(costs[i])})
    about = {"table": table.sha256, "networks": listed}
    (folder / FOLDER / LIST).write_text(json.dumps(about, indent=1) + "\n")
    return ""


def read_controls(folder: Path) -> list[tuple[Path, float]]:
    """Read the files and the table's milliseconds of the random networks beside those found; none, if there are none.

    Raises:
        InputError: their list cannot be read.
    """
    path = folder / FOLDER / LIST
    if not path.is_file():
        return []
    try:
        return [_control(path.parent, one) for one in json_object(content_of(path, 1_000_000)).get("networks", [])]
    except UnreadableError as error:
        raise InputError(f"{path}: cannot be read ({error}); delete the folder, or export again") from error


def _control(folder: Path, one: Any) -> tuple[Path, float]:
    name, cost = (one.get(key) for key in ("file", "cost")) if isinstance(one, dict) else (None, None)
    if not isinstance(name, str) or Path(name).name != name or not isinstance(cost, int | float) or not cost > 0:
        raise UnreadableError("a network of it has no file here, or no cost")
    return folder / name, float(cost)
