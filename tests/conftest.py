"""Where the tests find OFA's official files, and how they run the command."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "ofa-files"

if "OFA_BENCH_ASSETS" not in os.environ and BESIDE.is_dir():
    os.environ["OFA_BENCH_ASSETS"] = str(BESIDE)


@pytest.fixture(scope="session")
def assets() -> Path:
    """Give the folder of OFA's official files; skip the test where there is none."""
    folder = os.environ.get("OFA_BENCH_ASSETS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("OFA_BENCH_ASSETS does not point to OFA's official files")
    return Path(folder)


for variable in ("HYDRA_FULL_ERROR", "OFA_BENCH_SWEEP", "OFA_BENCH_TRACEBACK"):
    os.environ.pop(variable, None)


def findings(record: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Give a record's results of each repeat without seconds: what is equal for equal seeds."""
    return [
        [{key: value for key, value in result.items() if "seconds" not in key} for result in repeat["results"]]
        for repeat in record["repeats"]
    ]


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ofa_bench(tmp_path: Path) -> Command:
    """Run ``python -m ofa_bench`` in an empty directory."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ofa_bench", *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False,
        )  # fmt: skip

    return run
