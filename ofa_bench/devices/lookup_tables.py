"""Reads lookup tables of latencies that OFA, CompOFA and nsganetv2 publish, with a mean for each layer of a network.

A table is a file (YAML or JSON) for each resolution, ``<resolution>_lookup_table.yaml`` in a folder, or one for all.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ofa_bench.devices.cost import MAX_COST, Term
from ofa_bench.devices.gaps import Choices, suggest_choices
from ofa_bench.devices.lookup_layers import (
    Form,
    Missing,
    form_of,
    forms_of,
    layers_of,
    network_of,
    resolutions_of,
    width_of,
)
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["Lookup", "latencies", "lookup_files", "lookup_table", "names_layers", "reachable"]

logger = logging.getLogger(__name__)

_FILE = re.compile(r"(\d{1,4})_lookup_table\.(?:json|ya?ml)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Lookup:
    """A lookup table for a space: its summands, the SHA-256 of its files, and its card."""

    terms: Sequence[Term]
    sha256: str
    card: Mapping[str, Any]


def lookup_files(folder: Path) -> dict[int, Path]:
    """Return the files of a folder that are lookup tables, by resolution; a single YAML file for all has resolution 0.

    Raises:
        InputError: there are two files of one resolution.
        OSError: the folder cannot be read.
    """
    found: dict[int, Path] = {}
    names = sorted(path.name for path in folder.iterdir())
    for name in names:
        match = _FILE.fullmatch(name)
        if match and found.setdefault(int(match[1]), folder / name).name != name:
            raise InputError(f"device={folder}: {found[int(match[1])].name} and {name} are of one resolution")
    texts = [name for name in names if name.lower().endswith((".yaml", ".yml"))]
    return {0: folder / texts[0]} if not found and len(texts) == 1 else found


def reachable(space: DesignSpace) -> tuple[DesignSpace, Choices]:
    """Return the space that is no subspace itself, and which choices of its genes the given space has."""
    choices: Choices = [range(n) for n in space.cardinality.tolist()]
    while isinstance(space, Subspace):
        choices = [
            sorted(set(space.positions[gene, choices[source]].tolist())) for gene, source in enumerate(space.source)
        ]
        space = space.parent
    return space, choices


def names_layers(space: DesignSpace, names: Mapping[str, Any]) -> bool:
    """Return whether the keys of a file are the names of layers."""
    return form_of(forms_of(space), names) is not None or bool(resolutions_of(names))


def lookup_table(space: DesignSpace, device: str, files: Mapping[int, Path], choices: Choices) -> Lookup:
    """Read a lookup table for a space; log which of its resolutions the space does not have.

    Args:
        space: the design space, not a part of one.
        device: the name of the table in messages.
        files: by resolution; a file for all resolutions has the key 0.
        choices: for each gene, the positions that are searched; only their layers are needed.

    Raises:
        InputError: a file cannot be read, is not such a table or is of other networks, or a layer is missing.
    """
    asked = {int(r) for r in space.genes[space.index["r"]].choices} if "r" in space.index else set()
    tables: dict[int, Mapping[str, float]] = {}
    hashes: dict[str, str] = {}
    for r, path in sorted(files.items()):
        try:
            content = content_of(path)
            hashes[path.name] = hashlib.sha256(content).hexdigest()
            tables[r] = latencies(content) if r in (0, *asked) or len(files) == 1 else {}
        except UnreadableError as error:
            raise InputError(f"device={path}: cannot be read as a lookup table of latencies ({error})") from error
    if 0 in tables:
        tables = dict.fromkeys(sorted(resolutions_of(tables[0])), tables[0]) or tables
    terms, form = _terms(space, device, tables, choices)
    left_out = sorted(set(tables) - asked)
    if left_out:
        _log_once(f"device={device}: its resolutions {_listed(left_out)} are left out: {space.name} has none of them")
    card = {
        "title": f"Latency of the layers of space {space.name}, from a lookup table",
        "form": form.name,
        "width": network_of(space, form).width,
        "files": hashes,
        "resolutions": sorted(set(tables) & asked),
        "resolutions_left_out": left_out,
        "statistic": "mean",
        "unit": "taken for ms, which the files do not state",
    }
    several = hashlib.sha256(
        "".join(f"{name}\n{sha256}\n" for name, sha256 in hashes.items()).encode("utf-8", "surrogateescape")
    )
    return Lookup(terms, hashes[path.name] if len(files) == 1 else several.hexdigest(), card)


def _terms(
    space: DesignSpace, device: str, tables: Mapping[int, Mapping[str, float]], choices: Choices
) -> tuple[list[Term], Form]:
    """Return the summands and the form; missing layers that are not searched cost 0."""
    names = dict.fromkeys(name for table in tables.values() for name in table)
    form = form_of(forms_of(space), names)
    if form is None:
        forms = "; ".join(one.name for one in forms_of(space)) or "none"
        raise InputError(f"device={device}: a lookup table without names of blocks of space {space.name} ({forms})")
    own = network_of(space, form)
    width = width_of(form, own, names)
    if width not in (None, own.width):
        raise InputError(f"device={device}: the table is for width {width}; space {space.name} has width {own.width}")
    layers = layers_of(space, form, tables)
    held = suggest_choices(space, layers.terms, choices)
    hint = f"; hold the space to what the table has: {held}" if held else ""
    _check_resolutions(space, device, set(tables), choices, hint)
    needed = [(one.name, at) for one in layers.missing if (at := _needed(space, one, choices))]
    if needed:
        others = len({name for name, _ in needed}) - 1
        more = f"; and {others} other{'s' if others > 1 else ''}" if others else ""
        raise InputError(f"device={device}: has no layer {needed[0][0]}, which {needed[0][1]} needs{more}{hint}")
    return [Term(term.places, np.nan_to_num(term.values)) for term in layers.terms], form


def _check_resolutions(space: DesignSpace, device: str, there: set[int], choices: Choices, hint: str) -> None:
    gene = space.index["r"]
    missing = [r for i in choices[gene] if (r := int(space.genes[gene].choices[i])) not in there]
    if missing:
        raise InputError(
            f"device={device}: has no layers for r={_listed(missing)} of space {space.name}"
            f"{hint or '; there are no others'}"
        )


def _needed(space: DesignSpace, missing: Missing, choices: Choices) -> str:
    """Return the first choices of genes that need a layer, as text; empty if no searched choice does."""
    for place in missing.choices:
        if all(position in choices[space.index[gene]] for gene, position in place.items()):
            values = ((gene, space.genes[space.index[gene]].choices[i]) for gene, i in place.items())
            return ", ".join(f"{gene}={value}" for gene, value in values)
    return ""


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown}, ... ({len(numbers)} in all)"


@cache
def _log_once(line: str) -> None:
    logger.info(line)


def latencies(content: bytes) -> dict[str, float]:
    """Read the mean latency of each layer from a file's content, JSON or YAML.

    Raises:
        UnreadableError: it is neither, or an entry has no mean.
    """
    entries = json_object(content) if content.lstrip()[:1] == b"{" else _yaml_mapping(content)
    return {name: _mean(name, entry) for name, entry in entries.items()}


def _mean(name: str, entry: object) -> float:
    mean = entry.get("mean") if isinstance(entry, dict) else None
    if isinstance(mean, str) and _NUMBER.fullmatch(mean):
        mean = float(mean)
    if type(mean) not in (int, float) or not 0 <= mean <= MAX_COST:  # type: ignore[operator]
        raise UnreadableError(f"its {name[:80]!r} must have a mean: a number of milliseconds, 0 or more")
    return float(mean)  # type: ignore[arg-type]


def _yaml_mapping(content: bytes) -> dict[str, Any]:
    """Return a parsed YAML mapping of texts, lists and mappings only; tags are ignored."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        found = loader(content).get_single_data()
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise UnreadableError(f"it is no YAML: {' '.join(str(error).split())[:100]}") from error
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8 text") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise UnreadableError("it holds no YAML mapping of names")
    return found
