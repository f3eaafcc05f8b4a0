"""The error for bad input, and suggestions for misspelt words."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = ["LONG", "InputError", "no_such_option", "suggestion"]

LONG = 200
"""A word with more characters is not compared with keys or options."""


class InputError(ValueError):
    """Bad input: the message is one line that names the key, the value given and what is allowed."""


def suggestion(value: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest allowed word, or an empty string if none is near."""
    if len(value) > LONG:
        return ""
    words = {word.lower(): word for word in allowed}
    near = get_close_matches(value.lower(), list(words), n=1, cutoff=0.6)
    return f"; did you mean '{words[near[0]]}'?" if near else ""


def no_such_option(group: str, option: str, options: Sequence[str]) -> InputError:
    """Return the error that a config group has no such option, with those it has."""
    known = ", ".join(options)
    paths = {"device": "the path of a table", "predictor": "the path of a predictor"}
    if group in paths:
        message = f"no such option, file or folder; there are {known}, or {paths[group]}"
    else:
        message = f"no such option; there are {known}"
    return InputError(f"{group}={option}: {message}{suggestion(option.removesuffix('.yaml'), options)}")
