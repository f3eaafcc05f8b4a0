"""Reads and writes the cost tables of devices: one JSON file for each space, in the package or a user's folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostTable, Term
from ofa_bench.devices.gaps import Choices, suggest_choices, without_gaps
from ofa_bench.devices.lookup_tables import lookup_files, lookup_table, names_layers, reachable
from ofa_bench.errors import InputError, suggestion
from ofa_bench.files.reading import UnreadableError, content_of, json_object, name_of
from ofa_bench.files.writing import write_whole
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["FOLDER", "FORMAT", "devices_of", "latency_table", "write_table"]

FORMAT = "ofa_bench.cost_table/1"
FOLDER = Path(__file__).parents[1] / "data" / "devices"
"""Holds a folder for each device, with ``<space>.json``."""

MAX_CHARS = 40
"""The maximum length of a unit, which is shown beside every cost."""


def latency_table(space: DesignSpace, device: str, guard_band: bool = False, rescaled: int | None = None) -> CostTable:
    """Load a device's table for a space: from the package, or from a user's file or folder of ``<space>.json``.

    A subspace gets the table of its parent. A user's file or folder may also be a lookup table in OFA's form (see
    ``lookup_tables``); for a subspace, it needs only the layers of the subspace's networks.

    Args:
        space: the design space.
        device: the name of a device of the package, or a path.
        guard_band: whether to raise all costs by the table's own error (see ``CostTable.guarded``).
        rescaled: the seed of a made-up device; each term is multiplied by its own factor (see ``CostTable.rescaled``).

    Raises:
        InputError: there is no such device or file, it has no table for the space, its card has no ``guard_band``, or
            the seed is not a whole number.
    """
    if not isinstance(guard_band, bool):
        raise InputError(f"device.guard_band={guard_band}: must be true or false")
    if rescaled is not None and (type(rescaled) is not int or rescaled < 0):
        raise InputError(f"device.rescaled={rescaled}: must be null or a seed, a whole number of 0 or more")
    if guard_band and rescaled is not None:
        raise InputError("device.rescaled: not with device.guard_band=true; a made-up device has no measured error")
    if guard_band:
        return latency_table(space, device).guarded()
    whole, choices = reachable(space)
    table = _load(whole, device, choices)
    return _within(table if rescaled is None else _made_up(table, rescaled), space)


def devices_of(space: DesignSpace) -> dict[str, str]:
    """Return the devices of the package that have a table for a space, with their units."""
    whole = space.parent if isinstance(space, Subspace) else space
    if isinstance(whole, Subspace):
        return devices_of(whole)
    paths = sorted(FOLDER.glob(f"*/{whole.name}.json"))
    return {path.parent.name: str(json.loads(path.read_text())["unit"]) for path in paths}


def _made_up(table: CostTable, seed: int) -> CostTable:
    """Return the table of a made-up device, without targets; its hash is that of the table's hash and the seed."""
    made = table.rescaled(np.random.default_rng(seed))
    made.name, made.targets = f"{table.name}~{seed}", ()
    made.sha256 = hashlib.sha256(f"{table.sha256} rescaled {seed}".encode()).hexdigest()
    made.card = {"title": f"Made up: {table.name}, each term times its own factor (seed {seed})", "made_of": table.card}
    return made


def _within(table: CostTable, space: DesignSpace) -> CostTable:
    """Return the table of a space for a subspace of it, or of a subspace."""
    return _within(table, space.parent).within(space) if isinstance(space, Subspace) else table


def _load(space: DesignSpace, device: str, choices: Choices) -> CostTable:
    devices = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    folder = FOLDER / device if device in devices else Path(str(device))
    try:
        if not folder.is_dir() and folder.exists():
            return _read(space, folder, name_of(folder), choices)
        tables = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    except FileNotFoundError as error:
        near = suggestion(str(device), devices)
        there = f"there are {', '.join(devices)}, or the path of a table{near}"
        raise InputError(f"device={device}: unknown; {there}") from error
    except OSError as error:
        raise InputError(f"device={str(device)[:200]}: cannot be read ({error.strerror})") from error
    if space.name not in tables:
        files = lookup_files(folder)
        if files:
            return _of_lookup(space, str(device), files, choices)
        others = [name for name in devices if (FOLDER / name / f"{space.name}.json").is_file()]
        raise InputError(
            f"device={device}: it has no table for space {space.name}, only for {', '.join(tables) or 'none'}; "
            f"devices with a table for {space.name}: {', '.join(others) or 'none'}"
        )
    return _read(space, folder / f"{space.name}.json", name_of(folder, folder=True), choices)


def _of_lookup(space: DesignSpace, device: str, files: Mapping[int, Path], choices: Choices) -> CostTable:
    found = lookup_table(space, device, files, choices)
    name = name_of(Path(device), folder=Path(device).is_dir())
    return CostTable(space, found.terms, name=name, unit="ms", sha256=found.sha256, card=found.card)


def _read(space: DesignSpace, path: Path, device: str, choices: Choices) -> CostTable:
    """Read the table of a file; messages of errors name the file."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_lookup(space, str(path), {0: path}, choices)
    try:
        content = content_of(path)
    except UnreadableError as error:
        raise InputError(f"device={path}: cannot be read ({error})") from error
    try:
        table = json_object(content)
        if not names_layers(space, table):
            return _table(space, table, device, hashlib.sha256(content).hexdigest(), choices)
    except UnreadableError as error:
        raise InputError(f"device={path}: not a cost table ({error})") from error
    except InputError as error:
        raise InputError(f"device={path}: {error}") from error
    return _of_lookup(space, str(path), {0: path}, choices)


def _table(space: DesignSpace, table: Mapping[str, Any], device: str, sha256: str, choices: Choices) -> CostTable:
    """Return the table of a file; a value may be null, for not measured, where no searched choice needs it."""
    missing = [key for key in ("format", "space", "unit", "card", "terms") if key not in table]
    if missing:
        raise UnreadableError(f"it has no {missing[0]!r}")
    if table["format"] != FORMAT or table["space"] != space.name:
        raise InputError(
            f"a table of format {table['format']} for space {table['space']}, not of {FORMAT} for {space.name}"
        )
    unit, card, terms = (table[key] for key in ("unit", "card", "terms"))
    if not isinstance(unit, str) or not unit.isprintable() or not 0 < len(unit) <= MAX_CHARS:
        raise UnreadableError(f"its unit is {json.dumps(unit)[:MAX_CHARS]}; must be a word, such as 'ms'")
    if not isinstance(card, dict) or not isinstance(terms, list) or not terms:
        raise UnreadableError("its card must be an object, and its terms a list of at least one")
    try:
        targets = [float(target) for target in table.get("targets", ())]
    except (TypeError, ValueError) as error:
        raise UnreadableError("its targets must be a list of numbers") from error
    read = [_term(term, number) for number, term in enumerate(terms)]
    made = [without_gaps(space, term, choices) for term in read]
    if "part" in card and any(np.isnan(term.values).any() for term in made):
        held = suggest_choices(space, read, choices) or "space.choices"
        raise InputError(f"measured for {str(card['part'])[:80]} only; hold the space to that: {held}")
    return CostTable(space, made, name=device, unit=unit, sha256=sha256, card=card, targets=targets)


def _term(term: Mapping[str, Any], number: int) -> Term:
    """Return one summand: the genes of each place by name, and its values."""
    try:
        return Term(tuple(map(tuple, term["places"])), np.array(term["values"], np.float64))
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise UnreadableError(
            f"its term {number} must be an object with places, lists of the names of genes, and values, lists of "
            f"numbers within lists ({type(error).__name__}: {str(error)[:80]})"
        ) from error


def _nullable(values: NDArray[np.float64]) -> Any:
    """Return values as lists, with None for NaN."""
    found: NDArray[np.object_] = values.astype(object)
    found[np.isnan(values)] = None
    return found.tolist()


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

    A value that is NaN, for not measured, is null in the file.

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
    rows = ",\n  ".join(json.dumps({"places": term.places, "values": _nullable(term.values)}) for term in terms)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f'{json.dumps(about, indent=1)[:-2]},\n "terms": [\n  {rows}\n ]\n}}\n')
