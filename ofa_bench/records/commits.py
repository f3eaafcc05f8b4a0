"""Finds the git commits of the code that makes a record."""

import subprocess
from functools import cache
from pathlib import Path

from ofa_bench.config.schema import conf_dir

__all__ = ["commits"]

PATIENCE = 5.0
"""Seconds that git may take."""


def commits() -> dict[str, str]:
    """Return the commit of the project in the current folder, and that of the package if it is a checkout.

    The keys are ``project`` and ``ofa_bench``; one without a commit is left out. The suffix ``-dirty`` means that
    tracked files have changed since the commit.
    """
    checkout = conf_dir().parent
    found = {"project": _commit(Path.cwd())}
    if (checkout / ".git").exists():  # an installed package may be inside another project
        found["ofa_bench"] = _commit(checkout)
    return {key: commit for key, commit in found.items() if commit}


@cache
def _commit(folder: Path) -> str:
    """Return the commit of a folder; an empty string without git, a repository or a commit."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
