"""Quotes the words of printed commands for a shell, and for Hydra or our own options."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config.hydra_private import in_quotes, is_text, read_value, text_of

__all__ = ["command_line", "option", "override", "portable"]


def command_line(words: Sequence[str]) -> str:
    """Return words as one line to paste into a shell."""
    return shlex.join(words)


def override(key: str, value: str) -> str:
    """Return ``key=value`` for Hydra, with quotes around a text that needs them."""
    return f"{key}={value if _text(value) == value else in_quotes(value)}"


def option(key: str, value: object) -> str:
    """Return ``key=value`` for another command; only a text that begins with a quote is quoted."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text[:1] in ("'", '"'):
        text = "'" + text.replace("'", "''") + "'"
    return f"{key}={text}"


def portable(word: str) -> str:
    """Return a word with only the last part of an absolute path, for files that others read."""
    key, _, value = word.partition("=")
    value = _text(value) or value
    return override(key, Path(value).name) if Path(value).is_absolute() else word


def _text(written: str) -> str | None:
    """Return the text that Hydra reads after ``key=``; None if it does not read a text."""
    value = read_value(written)
    return text_of(value) if is_text(value) else None
