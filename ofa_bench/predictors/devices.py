"""The cost tables of devices: one JSON file for each space, in the package or a user's folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.predictors.cost import CostTable, Term
from ofa_bench.spaces import DesignSpace, PartSpace

__all__ = ["FOLDER", "FORMAT", "latency_table", "write_table"]

FORMAT = "ofa_bench.cost_table/1"
FOLDER = Path(__file__).parents[1] / "data" / "devices"
"""Holds a folder for each device, with ``<space>.json``."""


def latency_table(space: DesignSpace, device: str, guard_band: bool = False) -> CostTable:
    """Load a device's table for a space: from the package, or from a user's file or folder of ``<space>.json``.

    A part of a space (``PartSpace``) is served by the table of the whole.

    Args:
        space: the design space.
        device: the name of one that the package has, or a path.
        guard_band: raise all costs by the table's own error (see ``CostTable.guarded``).

    Raises:
        InputError: there is no such device or file, it has no table for the space, or none with an error to guard by.
    """
    if not isinstance(guard_band, bool):
        raise InputError(f"device.guard_band={guard_band}: must be true or false")
    if guard_band:
        return latency_table(space, device).guarded()
    if isinstance(space, PartSpace):
        return latency_table(space.whole, device).within(space)
    devices = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    path = Path(str(device))
    if device in devices:
        folder = FOLDER / device
    elif path.is_file():
        return _read(space, path, path.stem)
    elif path.is_dir():
        folder = path
    else:
        near = suggestion(str(device), devices)
        raise InputError(f"device={device}: unknown; there are {', '.join(devices)}, or the path of a table{near}")
    tables = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    if space.name not in tables:
        others = [name for name in devices if (FOLDER / name / f"{space.name}.json").is_file()]
        raise InputError(
            f"device={device}: it has no table for space {space.name}, only for {', '.join(tables) or 'none'}; "
            f"devices with a table for {space.name}: {', '.join(others) or 'none'}"
        )
    return _read(space, folder / f"{space.name}.json", folder.name)


def _read(space: DesignSpace, path: Path, device: str) -> CostTable:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"device={path}: cannot be read ({error.strerror})") from error
    try:
        table = json.loads(content)
        if not isinstance(table, dict):
            raise TypeError("it holds no JSON object")
        if table["format"] != FORMAT or table["space"] != space.name:
            raise InputError(
                f"device={path}: a table of format {table['format']} for space {table['space']}, "
                f"not of {FORMAT} for {space.name}"
            )
        terms = [
            Term(tuple(tuple(place) for place in term["places"]), np.array(term["values"], dtype=np.float64))
            for term in table["terms"]
        ]
        targets = [float(target) for target in table.get("targets", ())]
        head: dict[str, Any] = {"unit": str(table["unit"]), "card": dict(table["card"]), "targets": targets}
        return CostTable(space, terms, name=device, sha256=hashlib.sha256(content).hexdigest(), **head)
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"device={path}: not a cost table (it has no {error})") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"device={path}: not a cost table ({error})") from error


def write_table(
    path: Path,
    terms: Sequence[Term],
    *,
    space: str,
    device: str,
    unit: str,
    card: Mapping[str, Any],
    targets: Sequence[float] = (),
) -> None:
    """Write a table that ``latency_table`` reads: a head and one line for each term; folders are made.

    Raises:
        OSError: the file cannot be written.
    """
    about = {
        "format": FORMAT,
        "space": space,
        "device": device,
        "unit": unit,
        "targets": list(targets),
        "card": dict(card),
    }
    rows = ",\n  ".join(json.dumps({"places": term.places, "values": term.values.tolist()}) for term in terms)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(f'{json.dumps(about, indent=1)[:-2]},\n "terms": [\n  {rows}\n ]\n}}\n')
    unfinished.replace(path)
