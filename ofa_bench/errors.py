"""What a person did that cannot be done, said in one line."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["InputError", "suggestion"]


class InputError(ValueError):
    """Bad input: the message is one line that names the key, the value given and what is allowed."""


def suggestion(value: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest allowed word, or an empty string if none is near."""
    near = get_close_matches(value, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
