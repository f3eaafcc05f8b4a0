"""The commits of the code that made a record, where there are any."""

import subprocess
from functools import cache
from pathlib import Path

from ofa_bench.config.schema import conf_dir

__all__ = ["commits"]

PATIENCE = 5.0
"""Seconds that git may take; a commit is not worth more."""


def commits() -> dict[str, str]:
    """Return the commit of the project in whose folder the command runs, and of the package where it is a checkout.

    Keys are ``project`` and ``ofa_bench``, each only where there is one. ``-dirty`` behind a commit says that tracked
    files were changed since.
    """
    checkout = conf_dir().parent
    found = {"project": _commit(Path.cwd())}
    if (checkout / ".git").exists():  # otherwise the package is installed, maybe inside some project
        found["ofa_bench"] = _commit(checkout)
    return {key: commit for key, commit in found.items() if commit}


@cache
def _commit(folder: Path) -> str:
    """Return the commit of a folder; an empty text without git, without a repository or without a commit."""
    words = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
