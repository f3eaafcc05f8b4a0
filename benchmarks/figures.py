"""What the benchmarks share: figures with their spread, the machine and the versions they were made with, tables."""

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from threadpoolctl import threadpool_info

import ofa_bench
from ofa_bench.config.limits import available_cores
from ofa_bench.records import tables

__all__ = ["Figure", "figure", "machine", "markdown", "ratio", "show", "table", "versions"]

Figure = dict[str, Any]
"""``runs``, and of them ``median``, ``low`` (the least), ``high`` (the most) and ``n`` (how many)."""

PACKAGES = ("numpy", "scipy", "torch", "ofa", "hydra-core", "mlflow", "threadpoolctl")


def figure(runs: Iterable[float]) -> Figure:
    """Sum up the runs of one quantity."""
    values = [float(run) for run in runs]
    return {"runs": values, "median": median(values), "low": min(values), "high": max(values), "n": len(values)}


def ratio(above: Sequence[float], below: Sequence[float]) -> Figure:
    """Sum up one ratio a round; where one side ran in fewer rounds, those are the first ones."""
    return figure(a / b for a, b in zip(above, below, strict=False))


def show(found: Figure) -> str:
    """Write the median, and the least and the most where there is more than one run."""
    if found["n"] == 1:
        return _number(found["median"])
    return f"{_number(found['median'])} ({_number(found['low'])} to {_number(found['high'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table; the first column stands left, the others right."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    laid_out = ([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines)
    return "\n".join([title, *("  ".join(cells) for cells in laid_out), ""])


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table for a page of the docs; the first column stands left, the others right."""
    return tables.markdown(tables.Table("", tuple(head), tuple(map(tuple, rows)))) + "\n"


def machine() -> dict[str, Any]:
    """Describe the machine: platform, processor, cores that may be used, memory."""
    about: dict[str, Any] = {"platform": platform.platform(), "processor": _processor(), "cores": available_cores()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        about["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return about


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def versions() -> dict[str, Any]:
    """Describe which versions run, and which BLAS and thread pools are loaded, without the places of their files."""
    import numpy  # noqa: F401  # loads its BLAS

    pools = [
        {key: pool[key] for key in sorted(pool) if key not in ("filepath", "prefix")} for pool in threadpool_info()
    ]
    found: dict[str, Any] = {"python": platform.python_version(), "ofa_bench": ofa_bench.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found | {"thread_pools": pools}
