"""Reads ``net.config``, the description by layer that ``ofa`` saves beside a specialised network."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from ofa_bench.errors import InputError

__all__ = ["Config", "divisible", "reading", "stages_of"]

Config = Mapping[str, Any]


@contextmanager
def reading(config: Config, wanted: str) -> Iterator[None]:
    """Turn errors in reading the parts of a network into messages.

    Args:
        config: the ``config`` of one of ``ofa``'s networks.
        wanted: the name that ``ofa`` gives such networks.

    Raises:
        InputError: the network is of another kind, or a part is missing.
    """
    name = config.get("name")
    if name != wanted:
        raise InputError(f"its network is {str(name)[:80]!r}; must be {wanted}")
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"its {name} lacks what such a network has ({type(error).__name__}: {error})") from error


def stages_of(blocks: Sequence[Config]) -> list[tuple[int, list[Config]]]:
    """Return channels and blocks of each stage; stages differ in the channels of their outputs."""
    return [(channels, list(stage)) for channels, stage in groupby(blocks, key=lambda block: block["out_channels"])]


def divisible(channels: float) -> int:
    """Round channels to a multiple of 8 that is at least nine tenths of them, as ``ofa.utils.make_divisible`` does."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
