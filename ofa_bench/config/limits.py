"""Limits of a cell's size, and the memory and the cores that this process may use."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError

__all__ = [
    "SEARCHES",
    "TARGETS",
    "THREADS",
    "available_cores",
    "available_memory",
    "check_memory",
    "check_range",
    "check_ranges",
]

TARGETS = 10_000
"""The most targets of one cell."""

SEARCHES = 100_000
"""The most searches of one cell, repeats times targets: the record of more would be too large to be read."""

THREADS = 1024
"""The most threads, and cells of a launcher at a time."""

_BYTES_A_MEMBER = 500
"""Memory of a search's population with its candidates and features, per member (measured; less if it is large)."""

_BYTES_A_GENERATION = 16
"""Memory of a search's memo, per member and generation (measured: a fifth are new, of which each takes 80)."""

_BYTES_A_SEARCH = 10_000
"""Memory of a search before it begins and of its result afterwards, without its last population."""


def check_range(key: str, value: float, least: float, most: float = math.inf) -> None:
    """Raise InputError if a number is too small, too large or NaN."""
    if not least <= value <= most:
        allowed = f"at most {most:,}" if value > most else f"{least} or more"
        raise InputError(f"{key}={value}: must be {allowed}")


def check_ranges(options: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise InputError if an option is outside its range, the smallest and the largest value allowed."""
    for key, (least, most) in ranges.items():
        check_range(key, getattr(options, key), least, most)


def check_memory(strategy: Any, searches: tuple[int, int], n_genes: int, cores: int, generations: int = 0) -> None:
    """Raise InputError if a cell does not fit into the free memory.

    It keeps the last populations of all its searches, and the evaluations of one search of each repeat.

    Args:
        strategy: its population size, or that of its evolution, is read.
        searches: number of repeats and of targets.
        n_genes: bytes of a member of a population.
        cores: searches that run at a time.
        generations: of a search, if the strategy has an evolution.

    Raises:
        InputError: there are too many searches, or their populations are too large.
    """
    repeats, targets = searches
    if repeats * targets > SEARCHES:
        raise InputError(
            f"repeats={repeats}: with {targets:,} targets at most {SEARCHES // targets:,}; use seed= and -m"
        )
    evolution = strategy.evolution or strategy
    population = getattr(evolution, "population_size", 0)
    if not isinstance(population, int):  # a user's strategy may use the name for something else
        return
    needed = repeats * targets * (population * n_genes + _BYTES_A_SEARCH) + cores * population * _BYTES_A_MEMBER
    needed += population**2 * strategy.bytes_a_pair
    if evolution is not strategy:
        needed += repeats * population * generations * _BYTES_A_GENERATION
    free = available_memory()
    if free is not None and needed > free:
        key = "strategy" if evolution is strategy else "evolution"
        long = f" and budget.generations={generations}" if key == "evolution" else ""
        raise InputError(
            f"{key}.population_size={population}{long}: {repeats * targets:,} searches of this size take "
            f"{_size(needed)} of memory, of which {_size(free)} are free"
        )


def available_memory() -> int | None:
    """Return the bytes of free memory on this machine and in its container; None if unknown."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        pass
    try:
        most, used = (Path("/sys/fs/cgroup", name).read_text() for name in ("memory.max", "memory.current"))
        found.append(int(most) - int(used))
    except (OSError, ValueError):  # "max": no limit
        pass
    return max(0, min(found)) if found else None


def _size(count: float) -> str:
    return f"{count / 2**30:,.1f} GiB"


def available_cores() -> int:
    """Return the number of cores that this process may use: its affinity, and a container's share (cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores
