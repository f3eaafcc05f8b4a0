"""Journals of sweeps: append-only files that list the cells that have ended."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofa_bench.files.writing import append

__all__ = ["FOLDER", "Ended", "Journal", "journals"]

FOLDER = "sweeps"
"""The folder of journals in the output of sweeps, one file for each: ``<sweep's id>.jsonl``."""


@dataclass(frozen=True)
class Ended:
    """The end of a cell: its exit code, whether its record was sent to its MLflow store, and the time."""

    address: str
    code: int
    sent: bool
    at: float


class Journal:
    """The journal of one sweep, one JSON object a line; lines that a kill cut off are ignored.

    All runs of a sweep's command write to the same journal; ``run`` tells them apart.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def sweep(self) -> str:
        """The sweep's id."""
        return self.path.stem

    def begin(self, name: str, experiment: str) -> str:
        """Record the start of a run of the sweep's command, and return its id, which ends in the file's inode."""
        self._add({})
        run = f"{uuid.uuid4().hex[:12]}-{self.path.stat().st_ino}"
        self._add({"run": run, "name": name, "experiment": experiment, "at": time.time()})
        return run

    def end(self, run: str, address: str, code: int, *, sent: bool) -> None:
        """Record the end of a cell."""
        self._add({"run": run, "cell": address, "code": code, "sent": sent, "at": time.time()})

    def _add(self, line: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        append(self.path, f"\n{json.dumps(line)}\n")  # the first newline ends a line that was cut off

    def knows(self, run: str) -> bool:
        """Return whether a run of the sweep's command began in this file, and not in one that this file copies."""
        return any(
            line["run"] == run and "name" in line and run.endswith(f"-{self.path.stat().st_ino}")
            for line in self._lines()
        )

    def first(self) -> tuple[str, str, float] | None:
        """Return the sweep's name, MLflow experiment and first start; None if it began on another disk."""
        return next(((one["name"], one["experiment"], one["at"]) for one in self._lines() if "name" in one), None)

    def ended(self, run: str | None = None) -> dict[str, Ended]:
        """Return the last end of each cell by address, in one run of the command or in all."""
        return {
            line["cell"]: Ended(line["cell"], line["code"], line["sent"], line["at"])
            for line in self._lines()
            if "cell" in line and run in (None, line["run"])
        }

    def count(self, run: str) -> int:
        """Return the number of ends of cells in a run of the command."""
        return sum("cell" in line and line["run"] == run for line in self._lines())

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.is_file():
            return
        for text in self.path.read_text(errors="replace").splitlines():
            try:
                line = json.loads(text)
            except (RecursionError, ValueError):
                continue
            if isinstance(line, dict) and {"run", "at"} <= line.keys() and _is_complete(line):
                yield line


def _is_complete(line: dict[str, Any]) -> bool:
    return {"name", "experiment"} <= line.keys() or {"cell", "code", "sent"} <= line.keys()


def journals(output: Path) -> list[Journal]:
    """Return the journals of an output folder and the folders below it."""
    return [Journal(path) for path in sorted(output.rglob(f"{FOLDER}/*.jsonl"))]
