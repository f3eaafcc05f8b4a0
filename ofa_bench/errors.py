"""What a person did that cannot be done, said in one line."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = ["LONG", "InputError", "no_such_option", "suggestion"]

LONG = 200
"""Characters beyond which a word is no key and no option: it is compared with none."""


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
    """Say that a config group has no such option, and which it has."""
    known = ", ".join(options)
    paths = {"device": "the path of a table", "predictor": "the path of a predictor"}
    if group in paths:
        words = f"no such option, file or folder; there are {known}, or {paths[group]}"
    else:
        words = f"no such option; there are {known}"
    return InputError(f"{group}={option}: {words}{suggestion(option.removesuffix('.yaml'), options)}")
