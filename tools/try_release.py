"""Tries a release: ``python tools/try_release.py [--python PYTHON]... [--extras all] [--tests]``.

Builds the sdist of this checkout, and the wheel from the unpacked sdist, without a repository. For each Python (this
one, if none is given), installs the wheel and what it needs into a new environment, and runs commands in an empty
folder. ``--tests`` also installs pytest and runs the quick tests of the unpacked sdist there.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["COMMANDS", "ROOT", "build", "main", "make_environment", "run", "try_commands", "unpack"]

ROOT = Path(__file__).resolve().parents[1]

COMMANDS = (
    ("--help",),
    ("-m", "strategy=vanilla,joint", "budget=quick", "targets=[20,30]"),
    ("report", "multirun"),
    ("show", "multirun"),
)
"""What is run in an empty folder, one after another."""


def run(command: Sequence[object], folder: Path, **environment: str) -> str:
    """Run a command in a folder, without this process's paths of Python. Return what it prints.

    Raises:
        RuntimeError: it failed.
    """
    without = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    words = [str(word) for word in command]
    ran = subprocess.run(words, cwd=folder, env=without | environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(words)}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout


def build(kind: str, source: Path, out: Path, **environment: str) -> Path:
    """Build the ``sdist`` or the ``wheel`` of a folder of sources. Return its path."""
    out.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out], source, **environment)
    [made] = out.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return made


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist into a folder. Return the folder of the sources."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


def make_environment(python: str, folder: Path) -> Path:
    """Make a virtual environment with pip. Return its Python."""
    run([python, "-m", "venv", folder], folder.parent)
    return folder / "bin" / "python"


def try_commands(python: Path, folder: Path) -> None:
    """Run the commands of an environment in a new, empty folder, and look for what they should leave there.

    Raises:
        RuntimeError: one failed, or left nothing.
    """
    folder.mkdir()
    said = [run([python.with_name("ofa_bench"), *words], folder) for words in COMMANDS]
    if "Usage" not in said[0] and "usage" not in said[0]:
        raise RuntimeError(f"no help: {said[0]}")
    for made in ("multirun/**/record.json", "mlflow.db", "report/report.html", "report/report.md"):
        if not list(folder.glob(made)):
            raise RuntimeError(f"no {made} in {sorted(folder.iterdir())}")
    if said[3].count("ks") < 2:
        raise RuntimeError(f"no networks: {said[3]}")


def main() -> None:
    """Build, install and try; print what was done and the seconds that it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="a Python to try; may be given several times")
    parser.add_argument("--extras", default="all", help="the extras to install")
    parser.add_argument("--tests", action="store_true", help="run the quick tests of the sdist, too")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        sdist = build("sdist", ROOT, folder / "dist")
        source = unpack(sdist, folder)
        wheel = build("wheel", source, folder / "dist")
        for made in (sdist, wheel):
            print(f"{made.name}: {made.stat().st_size / 1e6:.2f} MB")
        for number, python in enumerate(given.python or [sys.executable]):
            started = time.monotonic()
            ours = make_environment(python, folder / f"environment{number}")
            run([ours, "-m", "pip", "install", "-q", f"{wheel}[{given.extras}]"], folder)
            try_commands(ours, folder / f"empty{number}")
            version = run([ours, "--version"], folder).strip()
            print(f"{version}: installed and tried in {time.monotonic() - started:.0f} s")
            if given.tests:
                run([ours, "-m", "pip", "install", "-q", "hatchling", "hypothesis", "pytest", "pytest-xdist"], folder)
                print(run([ours, "-m", "pytest", "-m", "quick"], source).splitlines()[-1])


if __name__ == "__main__":
    main()
