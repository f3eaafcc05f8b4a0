"""Reads architectures that a user names: OFA's dict, a network that ``ofa`` saved, a card, or a record's results."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.experiment.named_records import FORMS, record_named
from ofa_bench.files.reading import UnreadableError, content_of, json_or_python
from ofa_bench.formatting import same_target
from ofa_bench.records.model import KIND, RECORD
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["CARD", "NamedArchitecture", "check_same_network", "content_hash", "distinct_genes", "read_architectures"]


NET_CONFIG, RUN_CONFIG, CARD = "net.config", "run.config", "card.json"


@dataclass(frozen=True)
class NamedArchitecture:
    """An architecture (int8 [n_genes], canonical) with a title; of a record, with the target it was found for."""

    name: str
    genes: Genes
    target: float | None = None


def read_architectures(
    key: str, name: str, space: DesignSpace, uri: str | None, target: float | None = None
) -> list[NamedArchitecture]:
    """Return the architectures that a user names, in their order; of a record, those found for its targets.

    Args:
        key: for messages.
        name: see ``FORMS``.
        space: the design space of all of them.
        uri: the MLflow store, for names of runs.
        target: of a record, return only what was found for this one.

    Raises:
        InputError: there is no such file, its form is unknown, or an architecture is not of the space.
    """
    if _is_inline(name):
        return [*_of_content(f"{key}=", "given", _parse(key, name.encode()), None, space)]
    path = _locate(key, name)
    if path is None or path.name == RECORD:
        return _of_record(key, name, space, uri, target)
    try:
        content = content_of(path)
    except UnreadableError as error:
        raise InputError(f"{key}={name}: cannot be read ({error})") from error
    parsed = _parse(f"{key}={name}", content)
    if isinstance(parsed, Mapping) and str(parsed.get("format")).rpartition("/")[0] == KIND:
        raise InputError(f"{key}={name}: a record; it is read as the file record.json of its folder")
    title = path.parent.resolve().name if path.name in (NET_CONFIG, CARD) else path.stem
    return [*_of_content(f"{key}={name}", title, parsed, path.parent, space)]


def content_hash(key: str, name: str) -> str | None:
    """Return the SHA-256 of the content that a name stands for (see ``FORMS``); None for a record.

    Raises:
        InputError: the file cannot be read.
    """
    if _is_inline(name):
        return sha256(name.encode()).hexdigest()
    path = _locate(key, name)
    if path is None or path.name == RECORD:
        return None
    beside = path.with_name(RUN_CONFIG)
    try:
        contents = [content_of(one) for one in (path, beside) if one == path or one.is_file()]
    except UnreadableError as error:
        raise InputError(f"{key}={name}: cannot be read ({error})") from error
    return sha256(b"".join(contents)).hexdigest()


def _is_inline(name: str) -> bool:
    """Return whether a name is the architecture itself, and not a file of such a name."""
    return name.lstrip().startswith(("{", "[")) and not os.path.lexists(name)


def distinct_genes(found: Sequence[NamedArchitecture]) -> Genes:
    """Return the distinct rows of architectures: int8 [n, n_genes]."""
    rows: Genes = np.unique(np.array([one.genes for one in found], np.int8), axis=0)
    return rows


def _locate(key: str, name: str) -> Path | None:
    """Return the file of a name; None for a record's folder, and for other names, such as an MLflow run."""
    try:
        path = Path(name).expanduser()
        if not path.is_dir():
            return path if os.path.lexists(path) else None
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{key}={name[:200]}: no such file or folder ({error.__class__.__name__})") from error
    return next((path / one for one in (NET_CONFIG, CARD) if (path / one).is_file()), None)


def _of_record(
    key: str, name: str, space: DesignSpace, uri: str | None, target: float | None
) -> list[NamedArchitecture]:
    record = record_named(key, name, uri)
    found, called = [], record.choices.space
    for result in (one for one in record.results if one.feasible):
        if target is None or same_target(result.target, target):
            genes = _from_ofa(f"{key}={name}", result.architecture, space, f", a record of {called}")
            check_same_network(f"{key}={name}", called, result.genes, genes, space)
            title = f"{record.choices.strategy} {result.target:g} {record.unit}"
            found.append(NamedArchitecture(title, genes, float(result.target)))
    if not found:
        wanted = "" if target is None else f" {target:g}; it has {', '.join(f'{one:g}' for one in record.targets)}"
        raise InputError(f"{key}={name}: nothing in this record met its target{wanted}")
    return found


def check_same_network(where: str, called: str, positions: Sequence[int], row: Genes, space: DesignSpace) -> None:
    """Check that the genes and the architecture of a result in a record (of space ``called``) are the same network.

    Raises:
        InputError: they are not.
    """
    if called != space.name or len(positions) != space.n_genes:
        return  # positions in another space
    genes = np.array([positions], np.int8)
    if not space.contains(genes).all() or (space.canonical(genes)[0] != row).any():
        raise InputError(f"{where}: the genes and the architecture of a result are not the same network")


def _parse(where: str, content: bytes) -> Any:
    try:
        return json_or_python(content)
    except UnreadableError as error:
        raise InputError(f"{where}: not readable as an architecture ({error}); give {FORMS}") from error


def _of_content(
    where: str, name: str, parsed: Any, folder: Path | None, space: DesignSpace
) -> Iterator[NamedArchitecture]:
    if isinstance(parsed, list):
        if not parsed:
            raise InputError(f"{where}: an empty list; give {FORMS}")
        for number, one in enumerate(parsed):
            yield from _of_content(f"{where}[{number}]", f"{name}[{number}]", one, folder, space)
        return
    if not isinstance(parsed, Mapping):
        raise InputError(f"{where}: holds no architecture; give {FORMS}")
    if "blocks" in parsed:
        parsed = _of_network(where, parsed, folder, space)
    elif isinstance(parsed.get("architecture"), Mapping):
        parsed = parsed["architecture"]
    yield NamedArchitecture(name, _from_ofa(where, parsed, space))


def _of_network(where: str, config: Mapping[str, Any], folder: Path | None, space: DesignSpace) -> dict[str, Any]:
    size: Any = config.get("image_size")
    beside = folder / RUN_CONFIG if folder else None
    if size is None and beside and beside.is_file():
        about = _parse(str(beside), content_of(beside))
        size = about.get("image_size") if isinstance(about, Mapping) else None
    if size is None:
        raise InputError(f"{where}: has no image_size; {RUN_CONFIG} with image_size must be in the same folder")
    try:
        return {**space.read_network(config), "image_size": size}
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _from_ofa(where: str, architecture: Mapping[str, Any], space: DesignSpace, of: str = "") -> Genes:
    try:
        return space.from_ofa(architecture)
    except InputError as error:
        raise InputError(f"{where}{of}: not an architecture of space {space.name} ({error})") from error
    except (TypeError, ValueError, KeyError) as error:  # from any content of a dict
        raise InputError(f"{where}: not an architecture of space {space.name} ({json.dumps(str(error))})") from error
