"""Keys, names and numbers in a form that MLflow accepts."""

import hashlib
import posixpath
import re
from typing import Any

import numpy as np

from ofa_bench.errors import InputError

__all__ = ["MAX_KEY", "MAX_VALUE", "check_registered_name", "clean", "safe", "short"]

MAX_KEY = 250
"""Characters of a key, and of a run's name in a database."""

MAX_VALUE = 6000
"""Characters of a parameter's value."""


def safe(key: str, most: int = MAX_KEY) -> str:
    """Return a key that MLflow accepts for parameters and metrics: other characters become ``_``, long keys are cut."""
    plain = re.sub(r"[^\w.\- /:]", "_", key)
    if posixpath.normpath(plain) != plain or plain.startswith((".", "/")):  # MLflow uses keys as file paths
        plain = plain.replace("/", "_").lstrip(".") or "_"
    return short(plain, most)


def short(name: str, most: int = MAX_KEY) -> str:
    """Return a name of at most ``most`` characters; a name that is cut ends with a hash, so that it stays distinct."""
    return name if len(name) <= most else f"{name[: most - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def clean(value: Any) -> float | None:
    """Return a number as MLflow's tables show it well: whole, or of seven digits; None if it is not finite."""
    number = float("nan") if value is None else float(value)
    if not np.isfinite(number):
        return None
    return (number if number.is_integer() else float(f"{number:.7g}")) + 0.0  # no negative zero


def check_registered_name(key: str, name: str) -> None:
    """Check the name of a registered model by MLflow's rule: not empty, no slash, no colon, no relative path.

    Raises:
        InputError: MLflow refuses it; the message names the key and the nearest valid name.
    """
    if len(name) > MAX_KEY:
        raise InputError(f"{key}={name}: must be at most {MAX_KEY} characters")
    if not name.strip() or re.search("[/:]", name) or name.startswith("..") or name == ".":
        near = re.sub(r"[/:.]+", "-", name).strip("- ") or "nets"
        raise InputError(
            f"{key}={name}: MLflow's names of registered models have no '/' or ':', and are not paths; "
            f"did you mean '{near}'?"
        )
