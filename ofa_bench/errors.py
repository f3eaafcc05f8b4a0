"""The error for bad input, and suggestions for misspelt words."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = ["LONG", "NEAR", "InputError", "no_such_option", "suggestion"]

LONG = 200
"""A word with more characters is not compared with keys or options."""

NEAR = 0.61
"""The least similarity of a misspelt word and the one that is suggested: ``rerun`` for ``order`` would have 0.6."""


class InputError(ValueError):
    """Bad input: the message is one line that names the key, the value given and what is allowed."""


def suggestion(value: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest allowed word, or an empty string if none is near."""
    if len(value) > LONG:
        return ""
    words = {word.lower(): word for word in allowed}
    near = get_close_matches(value.lower(), list(words), n=1, cutoff=NEAR)
    return f"; did you mean '{words[near[0]]}'?" if near else ""


def no_such_option(group: str, option: str, options: Sequence[str], *, given: str = "") -> InputError:
    """Return the error that a config group has no such option, with those it has.

    The message begins with what was ``given``; by default, this is the option of the group.
    """
    known = ", ".join(options)
    paths = {"device": "the path of a table", "predictor": "the path of a predictor", "space": "a YAML file"}
    what = "option, file or folder" if group in ("device", "predictor") else "option"
    message = f"no such {what}; there are {known}{f', or {paths[group]}' if group in paths else ''}"
    return InputError(f"{given or f'{group}={option}'}: {message}{suggestion(option.removesuffix('.yaml'), options)}")
