"""Quotes the words of printed commands, so that a shell, and then Hydra or our own options, read them as intended."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

__all__ = ["command_line", "option", "override", "portable"]


def command_line(words: Sequence[str]) -> str:
    """Return words as one line to paste into a shell."""
    return shlex.join(words)


def override(key: str, value: str) -> str:
    """Return the word ``key=value`` of ``python -m ofa_bench``, with quotes where Hydra needs them around a text."""
    word = f"{key}={value}"
    return word if _text(word) == value else f"{key}={QuotedString(value, Quote.double).with_quotes()}"


def option(key: str, value: object) -> str:
    """Return the word ``key=value`` of any other command; a text is taken as it is, unless it begins with a quote."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text[:1] in ("'", '"'):
        text = "'" + text.replace("'", "''") + "'"
    return f"{key}={text}"


def portable(word: str) -> str:
    """Return a word with an absolute path cut to its last part, for what is kept where others read it."""
    key, _, value = word.partition("=")
    value = _text(word) or value
    return override(key, Path(value).name) if Path(value).is_absolute() else word


def _text(word: str) -> str | None:
    """Return the text that Hydra reads as an override's value; None if it reads something else, or nothing."""
    try:
        value = OverridesParser.create().parse_override(word).value()
    except HydraException:
        return None
    text = value.text if isinstance(value, QuotedString) else value
    return text if isinstance(text, str) else None
