"""Numbers as people read them."""

import re

__all__ = ["format_number"]


def format_number(value: float, spec: str) -> str:
    """Return ``format(value, spec)``; what rounds to zero has no sign: neither ``-0.00`` nor ``+0.0%``."""
    text = format(value, spec)
    return text if re.search("[1-9]", text) or not re.search(r"\d", text) else text.lstrip("+-")
