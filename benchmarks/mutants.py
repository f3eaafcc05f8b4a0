"""Test the tests: ``python benchmarks/mutants.py [--only WORD] [--jobs N] [--limit SECONDS]``.

Each entry of ``mutants.yaml`` is a mutant: one change of our code that a test should notice. It is made in a temporary
copy, never in the checkout, and its tests are run there, without those of golden traces: a mutant should die of a test
that says what is wrong. The script prints which test killed each, and exits with 1 if one survives or does not run. An
entry whose old text is not found exactly once is an error, also in ``tests/test_mutants.py``.

These mutants were chosen: each is a mistake of an algorithm or of a statistic that someone could make. A generator such
as mutmut changes every operator and number instead, thousands of them here, most of them equal in what they do (other
chunk sizes, messages, types); it makes no mistake that takes more than a token, such as another anchor's price.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import yaml

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_suffix(".yaml")
COPIED = ("ofa_bench", "conf", "tests", "tools", "pyproject.toml")
BASELINE = 600
"""The time limit of all tests together without a mutant, in seconds."""


@dataclass(frozen=True)
class Mutant:
    """A change of a file of the package, and the files of tests, one after another, that should fail of it."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def paths(self) -> list[str]:
        """The files of tests, below the root."""
        return [f"tests/{name}" for name in self.tests.split()]

    def mutated(self, root: Path) -> str:
        """Return the file's text with the change.

        Raises:
            ValueError: the old text is not there exactly once.
        """
        text = (root / "ofa_bench" / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: ofa_bench/{self.file} has {text.count(self.old)} times: {self.old}")
        return text.replace(self.old, self.new)


def read(path: Path = TABLE) -> list[Mutant]:
    """Return the mutants of a table: by file, a list of them."""
    table = yaml.safe_load(path.read_text())
    return [Mutant(file=file, **one) for file, several in table.items() for one in several]


def copy(folder: Path) -> Path:
    """Copy what tests need into a folder."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def run(root: Path, tests: Sequence[str], limit: float) -> tuple[str, str]:
    """Run tests in a copy: ``killed``, ``survived`` or ``error``, and the test that failed or the output's end."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-k", "not golden", "-o", "addopts=", "-p"]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    environment |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # plugins take most of the time
    try:
        done = subprocess.run(
            [*command, "no:cacheprovider", *tests],
            cwd=root, env=environment, capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "killed", "the time limit"
    if done.returncode == 0:
        return "survived", ""
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return "killed", failed[1].removeprefix("tests/")
    return "error", (done.stdout + done.stderr)[-400:]


def judge(root: Path, mutant: Mutant, limit: float) -> tuple[str, str]:
    """Make a mutant in a copy, run its tests, and undo it."""
    path = root / "ofa_bench" / mutant.file
    whole = path.read_text()
    path.write_text(mutant.mutated(root))
    try:
        return run(root, mutant.paths, limit)
    finally:
        path.write_text(whole)


def main() -> None:
    """Judge the mutants and print a table."""
    parser = argparse.ArgumentParser(description="Run the tests on mutants of the package.")
    parser.add_argument("--only", default="", help="a part of the names or files of mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    parser.add_argument("--limit", type=float, default=120, help="seconds for a mutant's tests")
    given = parser.parse_args()
    mutants = [mutant for mutant in read() if given.only in f"{mutant.file}: {mutant.name}"]
    for mutant in mutants:
        mutant.mutated(ROOT)
    began, counts = time.perf_counter(), dict.fromkeys(("killed", "survived", "error"), 0)
    with tempfile.TemporaryDirectory() as folder:
        roots: SimpleQueue[Path] = SimpleQueue()
        for i in range(given.jobs):
            roots.put(copy(Path(folder, str(i))))

        def judged(mutant: Mutant) -> tuple[str, str]:
            root = roots.get()
            try:
                return judge(root, mutant, given.limit)
            finally:
                roots.put(root)

        fate, test = run(Path(folder, "0"), sorted({path for mutant in mutants for path in mutant.paths}), BASELINE)
        if fate != "survived":
            sys.exit(f"without a mutant the tests do not pass: {test}")
        with ThreadPoolExecutor(given.jobs) as pool:
            for mutant, (fate, test) in zip(mutants, pool.map(judged, mutants), strict=True):
                counts[fate] += 1
                print(f"{fate:9} {mutant.file}: {mutant.name}  {test}", flush=True)
    numbers = ", ".join(f"{count} {fate}" for fate, count in counts.items())
    print(f"{len(mutants)} mutants: {numbers}; {time.perf_counter() - began:.0f} s")
    sys.exit(counts["killed"] < len(mutants))


if __name__ == "__main__":
    main()
