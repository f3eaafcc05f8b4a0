"""What MLflow takes as keys, names, values and numbers, whatever a user's files are called."""

import hashlib
import posixpath
import re
from typing import Any

import numpy as np

__all__ = ["MAX_KEY", "MAX_VALUE", "clean", "safe", "short"]

MAX_KEY = 250
"""Characters of a key, and of a run's name in a database."""

MAX_VALUE = 6000
"""Characters of a parameter's value."""


def safe(key: str, most: int = MAX_KEY) -> str:
    """Return a key that MLflow takes for parameters and metrics: other characters become ``_``, what is long is cut."""
    plain = re.sub(r"[^\w.\- /:]", "_", key)
    if posixpath.normpath(plain) != plain or plain.startswith((".", "/")):  # MLflow takes keys for paths of files
        plain = plain.replace("/", "_").lstrip(".") or "_"
    return short(plain, most)


def short(name: str, most: int = MAX_KEY) -> str:
    """Return a name of at most so many characters; one that is cut ends with a hash, so that it stays distinct."""
    return name if len(name) <= most else f"{name[: most - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def clean(value: Any) -> float | None:
    """Return a number as MLflow can show it, without a negative zero; None for what is no finite number."""
    number = float("nan") if value is None else float(value)
    return number + 0.0 if np.isfinite(number) else None
