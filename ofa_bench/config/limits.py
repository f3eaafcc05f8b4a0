"""How large a cell may be: one that would be killed for want of memory is refused."""

import math
import os
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
]

TARGETS = 10_000
"""The most targets of one cell."""

SEARCHES = 100_000
"""The most searches of one cell, repeats times targets: the record of more would be too large to be read."""

THREADS = 1024
"""The most threads, and cells of a launcher at a time."""

_BYTES_A_MEMBER = 500
"""What a search's own population takes, with its candidates and features (measured; less in large populations)."""

_BYTES_A_GENERATION = 16
"""What a search remembers of each member of each generation (measured: a fifth are new, of which each takes 80)."""

_BYTES_A_SEARCH = 10_000
"""What a search takes before it begins and its result afterwards, without its last population."""


def check_range(key: str, value: float, least: float, most: float = math.inf) -> None:
    """Raise InputError where a number is too small or too large, or not a number."""
    if not least <= value <= most:
        allowed = f"at most {most:,}" if value > most else f"{least} or more"
        raise InputError(f"{key}={value}: must be {allowed}")


def check_memory(strategy: Any, *, searches: tuple[int, int], n_genes: int, cores: int, generations: int = 0) -> None:
    """Raise InputError where what a cell keeps does not fit into the memory that is free.

    It keeps the last populations of all its searches, and the evaluations of one search of each repeat.

    Args:
        strategy: has a population's size, or an evolution that has.
        searches: repeats, and targets of each.
        n_genes: bytes of a member of a population.
        cores: searches that go on at a time.
        generations: of a search, where the strategy has an evolution.

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
    if not isinstance(population, int):  # of a strategy of the user's, which may mean something else by it
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
    """Return the bytes of memory that this process can still take, within its limits and its container's."""
    found = _left_of_limits()
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
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(0, min(found)) if found else None


def _left_of_limits() -> list[int]:
    """Return what is left of the process's limits on address space and data (``ulimit -v``, ``-d``)."""
    try:
        import resource

        used = [int(pages) * resource.getpagesize() for pages in Path("/proc/self/statm").read_text().split()]
        taken = {resource.RLIMIT_AS: used[0], resource.RLIMIT_DATA: used[5]}
    except (ImportError, OSError, ValueError, IndexError):  # not Linux
        return []
    limits = {kind: resource.getrlimit(kind)[0] for kind in taken}
    return [limits[kind] - taken[kind] for kind in taken if limits[kind] != resource.RLIM_INFINITY]


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
