"""The search's inner loops in numba beside those in C: ``python benchmarks/numba_kernels.py`` (``pip install numba``).

Both make the children of a generation (100 of 25 parents, 50 of them mutants) and costs of 100 architectures from the
same seeds, which must be equal bit for bit. Printed are medians of runs in turns, and the
processor's seconds until a new process has its first children: with an empty cache (cold), and after that (warm).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import latency_table
from ofa_bench.search.kernels import Kernels
from ofa_bench.spaces import MobileNetV3Space

_began = sum(os.times()[:4])
from numba import njit  # noqa: E402 -- its import is timed

IMPORT = sum(os.times()[:4]) - _began

__all__ = ["main"]

RUNS, STARTS, TARGET, PROB, REDRAWS = 2000, 3, 30.0, 0.1, 100


@njit(cache=True)
def _cost_of(row, sums, offset, begin, gene, stride, entries):
    total, whole = 0.0, len(offset) - len(offset) % 8
    for term in range(len(offset)):
        place = offset[term]
        for j in range(begin[term], begin[term + 1]):
            place += row[gene[j]] * stride[j]
        if term < whole:
            sums[term % 8] = entries[place] if term < 8 else sums[term % 8] + entries[place]
            if term == whole - 1:
                total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
        else:
            total += entries[place]
    return total


@njit(cache=True)
def _costs(rows, offset, begin, gene, stride, entries):
    found, sums = np.empty(len(rows)), np.empty(8)
    for i in range(len(rows)):
        found[i] = _cost_of(rows[i], sums, offset, begin, gene, stride, entries)
    return found


@njit(cache=True)
def _offspring(rng, parents, prob, target, redraws, n_mutants, n, cardinality, group, n_groups, *table):
    width, children, drawn = parents.shape[1], np.empty((n, parents.shape[1]), np.int8), 0
    others, candidates, sums = np.zeros(n, np.int64), np.empty((n, parents.shape[1]), np.int8), np.empty(8)
    for begin, end in ((0, n_mutants), (n_mutants, n)):
        mutants = begin == 0
        for slot, parent in zip(range(begin, end), rng.integers(0, len(parents), end - begin)):  # noqa: B905 -- numba has no strict
            children[slot] = parents[parent]
        if not mutants:
            others[begin:end] = rng.integers(0, len(parents), end - begin)
        slots, missing = np.arange(begin, end), end - begin
        for _ in range(redraws):
            if not missing:
                break
            drawn += missing
            hit = rng.random(missing * n_groups if mutants else 0, np.float32)
            uniform = rng.random(missing * width, np.float32)
            for s in range(missing):
                first, second = children[slots[s]], parents[others[slots[s]]]
                for i in range(width):
                    u = uniform[s * width + i]
                    if mutants:
                        redrawn = hit[s * n_groups + group[i]] < prob
                        candidates[s, i] = np.int8(u * cardinality[i]) if redrawn else first[i]
                    else:
                        candidates[s, i] = first[i] if u < np.float32(0.5) else second[i]
            left = 0
            for s in range(missing):
                if _cost_of(candidates[s], sums, *table) <= target:
                    children[slots[s]] = candidates[s]
                else:
                    slots[left] = slots[s]
                    left += 1
            missing = left
    return children, drawn


def _sides() -> dict[str, dict[str, Callable[[int], tuple[NDArray[Any], int]]]]:
    """Return what is timed, by function and side: from a seed to arrays and a count that must be equal."""
    space = MobileNetV3Space()
    cost = latency_table(space, "note10")
    sampled = space.sample(3000, np.random.default_rng(0))
    parents = np.ascontiguousarray(sampled[cost.cost(sampled) <= TARGET][:25])
    fixed = (PROB, TARGET, REDRAWS, 50, 100)
    term, gene = np.nonzero(cost.strides.T)
    begin = np.searchsorted(term, np.arange(len(cost.offsets) + 1))
    table = (cost.offsets, begin, gene, cost.strides.T[term, gene].astype(np.int64), cost.entries)

    @cache
    def kernels() -> Kernels:
        made = Kernels.of(space, cost)
        assert made is not None
        return made

    def in_c(seed: int) -> tuple[NDArray[Any], int]:
        return kernels().offspring(np.random.default_rng(seed), parents, *fixed)

    def in_numba(seed: int) -> tuple[NDArray[Any], int]:
        genes = (space.cardinality.astype(np.float32), space.group, space.n_groups)
        return _offspring(np.random.default_rng(seed), parents, np.float32(PROB), *fixed[1:], *genes, *table)

    def costs_in_c(seed: int) -> tuple[NDArray[Any], int]:
        rows, found = sampled[seed : seed + 100], np.empty(100)
        kernels().loops.costs(kernels()._at, rows.ctypes.data, 100, found.ctypes.data)
        return found, 0

    def costs_in_numba(seed: int) -> tuple[NDArray[Any], int]:
        return _costs(sampled[seed : seed + 100], *table), 0

    return {"offspring": {"C": in_c, "numba": in_numba}, "costs": {"C": costs_in_c, "numba": costs_in_numba}}


def _start(side: str, folder: str) -> float:
    """Return the seconds in which a new process has its first children."""
    environment = os.environ | {"XDG_CACHE_HOME": folder, "NUMBA_CACHE_DIR": folder}
    ran = subprocess.run([sys.executable, __file__, side], env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def main() -> None:
    """Print the figures as JSON; with a side's name, the seconds of its start alone."""
    sides = _sides()
    if len(sys.argv) > 1:
        began = sum(os.times()[:4])
        sides["offspring"][sys.argv[1]](0)
        print(sum(os.times()[:4]) - began + (IMPORT if sys.argv[1] == "numba" else 0.0))
        return
    found: dict[str, Any] = {}
    for name, runs in sides.items():
        times: dict[str, list[float]] = {side: [] for side in runs}
        for seed in range(RUNS):
            results = {}
            for side, run in runs.items():
                began = time.perf_counter()
                results[side] = run(seed)
                times[side].append(time.perf_counter() - began)
            assert results["C"][1] == results["numba"][1]
            assert (results["C"][0] == results["numba"][0]).all()
        found[name] = {side: f"{1e6 * statistics.median(one):.1f} us" for side, one in times.items()}
    for side in ("C", "numba"):
        cold, warm = list[float](), list[float]()
        for _ in range(STARTS):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(_start(side, folder))
                warm.append(_start(side, folder))
        found[f"first children, {side}"] = {"cold": statistics.median(cold), "warm": statistics.median(warm)}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
