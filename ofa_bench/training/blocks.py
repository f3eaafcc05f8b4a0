"""Architectures whose lists have only the blocks that are there, as NSGANetV2 writes them."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.spaces import DesignSpace, PartSpace
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, DEPTHS, N_STAGES, MobileSpace

__all__ = ["pad_blocks"]


def pad_blocks(space: DesignSpace, arch: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return OFA's dict with 0 for the blocks that are not there, where ``ks`` and ``e`` both have only the others.

    Whatever else it is remains as it is, for ``from_ofa`` to judge.
    """
    while isinstance(space, PartSpace):
        space = space.whole
    depths, lists = arch.get("d"), [arch.get("ks"), arch.get("e")]
    if not isinstance(space, MobileSpace) or not all(isinstance(one, list | tuple) for one in (depths, *lists)):
        return arch
    stages = list(depths or ())[:N_STAGES]
    if len(stages) < N_STAGES or any(type(depth) is not int or depth not in DEPTHS for depth in stages):
        return arch
    there = sum(stages) + space.last_blocks
    if there == space.n_blocks or any(len(one) != there for one in lists if one is not None):
        return arch
    return {**arch, "ks": _pad(arch["ks"], stages), "e": _pad(arch["e"], stages)}


def _pad(values: Any, depths: list[int]) -> list[Any]:
    padded, start = list[Any](), 0
    for depth in depths:
        padded += [*values[start : start + depth], *[0] * (BLOCKS_PER_STAGE - depth)]
        start += depth
    return [*padded, *values[start:]]
