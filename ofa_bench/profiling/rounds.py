"""Times ONNX files in shuffled rounds, and saves each round so that an interrupted profile can continue."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ofa_bench.errors import InputError
from ofa_bench.files.writing import append, cut_unfinished_line, work_folder, write_whole
from ofa_bench.profiling.runners import Runner, check_runner
from ofa_bench.profiling.weights import share_weights
from ofa_bench.supernets.network_files import write_onnx
from ofa_bench.supernets.pieces import Piece

__all__ = ["MEASUREMENTS", "Times", "export_all", "measure"]

Times = NDArray[np.float64]
"""Milliseconds: float64 [items, rounds, runs]."""

MEASUREMENTS = "measurements.jsonl"
"""A file whose first line describes what is measured; each further line is a round: the milliseconds of all runs."""


def export_all(items: Mapping[str, Piece], folder: Path, batch: int = 1, shared: bool = False) -> list[Path]:
    """Write the ONNX file of every item for a batch, unless it is there; return the paths in the order of items.

    If ``shared``, the files share their weights (see ``share_weights``) and cannot be used outside the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suffix = (f" {batch}" if batch != 1 else "") + (" shared" if shared else "")
    names = [key + suffix for key in items]
    paths = [folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.onnx" for name in names]
    with work_folder(folder) as place:
        for path, item in _progress("exporting", zip(paths, items.values(), strict=True), len(paths)):
            if not path.exists():
                write_onnx(item.build(), item.shape, place / path.name, batch)
                if shared:
                    share_weights(place / path.name, folder)
                (place / path.name).replace(path)
    return paths


def measure(
    paths: Sequence[Path],
    runner: Runner,
    folder: Path,
    about: Mapping[str, Any],
    rounds: int,
    seed: int,
) -> tuple[Times, list[float]]:
    """Time every file once in each round, in a new random order; rounds already in ``folder`` are kept.

    Args:
        paths: the ONNX files.
        runner: returns milliseconds for one file.
        folder: the folder that keeps the rounds.
        about: a description of what is measured and how; it must equal that of existing rounds.
        rounds: the total number of rounds.
        seed: seed of the orders.

    Returns:
        Milliseconds [items, rounds, runs], and the machine's load average after each round.

    Raises:
        InputError: the folder has rounds of something else, or the runner returns no times or a varying number of them.
    """
    done = _read_rounds(folder / MEASUREMENTS, about)
    runs = len(done[0]["ms"][0]) if done else 0
    with _progress("measuring", None, rounds * len(paths), initial=len(done) * len(paths)) as bar:
        for number in range(len(done), rounds):
            order = np.random.default_rng([seed, number]).permutation(len(paths))
            times: list[list[float]] = [[] for _ in paths]
            for i in order:
                times[i] = check_runner(runner, paths[i])
                runs = runs or len(times[i])
                if len(times[i]) != runs:
                    raise InputError(
                        f"runner: returned {len(times[i])} times for {paths[i].name}, but {runs} for other files"
                    )
                bar.update()
            load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")
            done.append({"round": number, "load": load, "ms": times})
            append(folder / MEASUREMENTS, json.dumps(done[-1]) + "\n")
    table = np.array([one["ms"] for one in done[:rounds]])
    return table.transpose(1, 0, 2), [one["load"] for one in done[:rounds]]


def _read_rounds(path: Path, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the complete rounds in a file; start a new file if there are none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        whole = [json.loads(line) for line in cut_unfinished_line(path).splitlines()] if path.exists() else []
    except ValueError as error:
        raise InputError(f"{path}: cannot be read ({error}); move the folder away") from error
    if len(whole) < 2:
        write_whole(path, json.dumps(dict(about)) + "\n")
        return []
    if whole[0] != json.loads(json.dumps(dict(about))):
        differing = sorted(key for key in {*whole[0], *about} if whole[0].get(key) != about.get(key))
        raise InputError(
            f"{path.parent}: has measurements of another profile (other {', '.join(differing)}); "
            "move the folder away or choose another out="
        )
    return whole[1:]


def _progress(what: str, items: Any, total: int, initial: int = 0) -> Any:
    """Return a progress bar on standard error; outside a terminal it is a line every 30 seconds."""
    every, place = (0.5, sys.stderr) if sys.stderr.isatty() else (30.0, _Lines())
    return tqdm(
        items,
        what,
        total,
        file=place,
        initial=initial,
        mininterval=every,
        maxinterval=2 * every,
        unit=" files",
        disable=total == 1,
    )


class _Lines:
    """A file that prints each state of a progress bar on a line of its own, on standard error."""

    def write(self, text: str) -> None:
        """Print a state, which begins with a carriage return."""
        if text.strip():
            sys.stderr.write(f"{text.strip()}\n")

    def flush(self) -> None:
        """Show what was printed."""
        sys.stderr.flush()
