"""Best-known frontiers: the best known accuracy at each cost, for a space, a predictor and a cost model."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import write_whole
from ofa_bench.records.schema import check_node
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["FOLDER", "FORMAT", "NOISE", "OWN", "Frontier", "agree", "confirm", "find", "read", "staircase", "write"]

Floats = NDArray[np.float64]

FORMAT = "ofa_bench.frontier/1"

FOLDER = Path(__file__).parents[1] / "data" / "frontiers"
"""The package's frontiers: ``<space>/<device>/<predictor>.json``."""

OWN = Path("frontiers")
"""A user's frontiers, laid out in the same way, below the current folder."""

NOISE = 1e-6
"""Accuracies (fractions of 1) this close count as equal: float32 sums differ between processors, by less."""

_SHA256 = {"sha256": (str,)}
_SHAPE: Mapping[str, Any] = {
    "predictor": _SHA256,
    "device": _SHA256,
    "version": (int,),
    "points": (list,),
    "card?": {"made?": (list,)},
}
"""The keys of every file (see ``schema.check_node``)."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Frontier:
    """A staircase of architectures: each costs more than the one before it and is more accurate.

    Its points are ``genes`` (int8 [n, n_genes], canonical), ``cost`` (float64 [n], in the cost model's unit) and
    ``accuracy`` (float64 [n], fractions of 1); the first has the least cost in the space. ``predictor`` and ``device``
    are the SHA-256 of weights and table. ``about`` has the file's other keys: ``card``, ``bounds`` where optima are
    proven, and ``exact``, true if every architecture of the space was evaluated. ``sha256`` and ``path`` are those of
    the file; empty and None before it is written.
    """

    space: str
    predictor: str
    device: str
    genes: Genes
    cost: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    version: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    path: Path | None = None

    def at(self, target: float) -> int:
        """Return the position of the most accurate point within a target; -1 if there is none."""
        return int(np.searchsorted(self.cost, target, side="right")) - 1

    def best_known(self, target: float) -> float | None:
        """Return the best known accuracy within a target (a fraction of 1); None if no architecture meets it."""
        place = self.at(target)
        return float(self.accuracy[place]) if place >= 0 else None

    def fits(self, problem: Problem) -> bool:
        """Return whether the frontier is of this problem: it has the hashes of its truth and table, and no guard band.

        A guard band would raise the costs.
        """
        truth = problem.predictor.truth or problem.predictor.sha256
        identity = problem.space.name, truth, problem.cost.sha256
        if (self.space, self.predictor, self.device) != identity or not problem.space.contains(self.genes).all():
            return False
        return bool(np.allclose(problem.cost.cost(self.genes), self.cost, rtol=1e-9, atol=0.0))


def staircase(cost: NDArray[np.float64], accuracy: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions of the points, by rising cost, that beat all cheaper ones by more than ``NOISE``.

    Args:
        cost: float64 [n].
        accuracy: float64 [n].
    """
    kept: list[int] = []
    highest = -np.inf
    for place in np.lexsort((-accuracy, cost)).tolist():
        if accuracy[place] > highest + NOISE:
            kept.append(place)
            highest = accuracy[place]
    return np.array(kept, np.intp)


def find(problem: Problem, folders: Sequence[Path] = (FOLDER, OWN)) -> Frontier | None:
    """Return a problem's frontier: the highest version, and among equal versions that of the last folder.

    A user's frontier is evaluated again before it is returned.

    Raises:
        InputError: a file of the space cannot be read as a frontier, or differs from the problem's predictor.
    """
    hashes = [problem.predictor.truth or problem.predictor.sha256, problem.cost.sha256]
    found, own = None, False
    for folder in folders:
        for path in sorted((folder / problem.space.name).glob("*/*.json")):
            file = _parsed(path, problem.space)
            if [file["predictor"]["sha256"], file["device"]["sha256"]] == hashes:
                frontier = _decoded(file, path, problem.space)
                if frontier.fits(problem) and (found is None or frontier.version >= found.version):
                    found, own = frontier, folder == FOLDER
    return found if found is None or own else confirm(found, problem)


def read(path: Path, space: DesignSpace) -> Frontier:
    """Read the frontier of a space.

    Raises:
        InputError: the file has another format or space, or its points are no staircase.
    """
    return _decoded(_parsed(path, space), path, space)


def agree(problem: Problem, genes: Genes, accuracy: Floats, cost: Floats) -> NDArray[np.bool_]:
    """Return which architectures have the given accuracies and costs (float64 [n] each): bool [n].

    Raises:
        ValueError: these are no architectures of the space.
    """
    close = np.abs(problem.predictor.accuracy(genes) - accuracy) <= NOISE
    return close & np.isclose(problem.cost.cost(genes), cost, rtol=1e-9, atol=0.0)


def confirm(frontier: Frontier, problem: Problem) -> Frontier:
    """Return a frontier after its accuracies and costs were evaluated again.

    Raises:
        InputError: one differs, because the file was altered.
    """
    wrong = ~agree(problem, frontier.genes, frontier.accuracy, frontier.cost)
    if wrong.any():
        where = f" ({frontier.path})" if frontier.path else ""
        raise InputError(
            f"frontier of {frontier.space}, version {frontier.version}: {int(wrong.sum())} of its points have "
            f"another accuracy or cost than it says; the file was altered: move it away{where}"
        )
    return frontier


def _parsed(path: Path, space: DesignSpace) -> dict[str, Any]:
    """Return the object in a file, and its SHA-256, after a check of the keys that identify it."""
    try:
        content = content_of(path)
        file = json_object(content)
        if file.get("format") != FORMAT or file.get("space") != space.name:
            raise UnreadableError(f"it is not of format {FORMAT} and space {space.name}")
        check_node("", file, _SHAPE)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as a frontier ({error}); move it away") from error
    return {**file, "sha256": hashlib.sha256(content).hexdigest()}


def _decoded(file: dict[str, Any], path: Path, space: DesignSpace) -> Frontier:
    """Return the frontier of a file's object, after a check of its points."""
    try:
        rows, cost, accuracy = zip(*file["points"], strict=True)
        digits = np.array([list(row.encode()) for row in rows], np.int16)
        if digits.shape != (len(rows), space.n_genes):
            raise ValueError(f"of {digits.shape[1:]} digits")
        genes = np.where(digits < ord("a"), digits - ord("0"), digits - ord("a") + 10).astype(np.int8)
        frontier = Frontier(
            space.name,
            file["predictor"]["sha256"],
            file["device"]["sha256"],
            genes,
            np.array(cost, np.float64),
            np.array(accuracy, np.float64),
            file["version"],
            {key: file[key] for key in file if key not in ("format", "space", "version", "points", "sha256")},
            file["sha256"],
            path,
        )
        rising = (np.diff(frontier.cost) > 0).all() and (np.diff(frontier.accuracy) > 0).all()
        if not rising or not space.contains(frontier.genes).all():
            raise ValueError(f"they are no staircase of architectures of space {space.name}")
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        wanted = f"[{space.n_genes} digits, cost, accuracy] each"
        raise InputError(
            f"{path}: not readable as a frontier (its points must be {wanted}: {error}); move it away"
        ) from error
    return frontier


def write(path: Path, frontier: Frontier) -> None:
    """Write a frontier atomically: a head, and one line for each point (genes, cost, accuracy).

    Raises:
        OSError: the file cannot be written.
    """
    head = {"format": FORMAT, "version": frontier.version, "space": frontier.space, **frontier.about}
    rows = ["".join(_DIGITS[choice] for choice in row) for row in frontier.genes.tolist()]
    points = zip(rows, frontier.cost.tolist(), frontier.accuracy.tolist(), strict=True)
    lines = ",\n  ".join(json.dumps(point) for point in points)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f'{json.dumps(head, indent=1)[:-2]},\n "points": [\n  {lines}\n ]\n}}\n')
