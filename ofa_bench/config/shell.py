"""Quotes the words of printed commands, so that a shell, and then Hydra or our own options, read them as intended."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config.hydra_private import in_quotes, is_text, read_value, text_of

__all__ = ["command_line", "option", "override", "portable"]


def command_line(words: Sequence[str]) -> str:
    """Return words as one line to paste into a shell."""
    return shlex.join(words)


def override(key: str, value: str) -> str:
    """Return the word ``key=value`` of a search, with quotes where Hydra needs them around a text."""
    return f"{key}={value if _text(value) == value else in_quotes(value)}"


def option(key: str, value: object) -> str:
    """Return the word ``key=value`` of any other command; a text is taken as it is, unless it begins with a quote."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text[:1] in ("'", '"'):
        text = "'" + text.replace("'", "''") + "'"
    return f"{key}={text}"


def portable(word: str) -> str:
    """Return a word with an absolute path cut to its last part, for what is kept where others read it."""
    key, _, value = word.partition("=")
    value = _text(value) or value
    return override(key, Path(value).name) if Path(value).is_absolute() else word


def _text(written: str) -> str | None:
    """Return the text that Hydra reads in what stands behind ``key=``; None if it reads something else, or nothing."""
    value = read_value(written)
    return text_of(value) if is_text(value) else None
