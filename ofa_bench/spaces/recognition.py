"""Finds the space of a record, a card or an architecture."""

import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.chosen import hold, split_choices
from ofa_bench.spaces.genes import Genes
from ofa_bench.spaces.mbv3 import MobileNetV3Space
from ofa_bench.spaces.part import Subspace
from ofa_bench.spaces.proxyless import ProxylessNASSpace
from ofa_bench.spaces.resnet50d import ResNet50DSpace

__all__ = ["recognise", "space_of"]

_SPACES: tuple[DesignSpace, ...] = (MobileNetV3Space(), ProxylessNASSpace(), ResNet50DSpace())
"""The spaces that are tried for an architecture of unknown space."""


def space_of(described: Any) -> DesignSpace | None:
    """Build the space that a record's config describes; None if that is not possible.

    A record may come from anybody, so nothing that it names is imported, and nothing but a space is called. The class
    must be imported already, as those of this package are; ``load_space`` imports a user's.
    """
    node = dict(described) if isinstance(described, Mapping) else {}
    module, _, name = str(node.pop("_target_", "")).rpartition(".")
    kind = vars(sys.modules[module]).get(name) if module in sys.modules else None
    if not (isinstance(kind, type) and issubclass(kind, DesignSpace)):
        return None
    try:
        return _build(kind, json.dumps(node))
    except Exception:  # of whatever class, given whatever a record holds
        return None


@lru_cache(maxsize=16)
def _build(kind: type[DesignSpace], settings: str) -> DesignSpace:
    plain, choices = split_choices(json.loads(settings))
    space = kind(**plain)
    return hold(space, choices) if choices else space


def recognise(architecture: Mapping[str, Any], described: Any = None) -> tuple[DesignSpace, Genes] | None:
    """Find the space whose supernet builds an architecture, and its canonical row there (int8 [n_genes]).

    Args:
        architecture: the dict that ``to_ofa`` gives.
        described: the config of its space, as a record has it. Without one, the spaces of OFA's supernets are tried.

    Returns:
        None if the architecture is not of the space, or the space cannot be built here.
    """
    spaces = _SPACES
    if isinstance(described, Mapping) and "_target_" in described:
        space = space_of(described)
        while isinstance(space, Subspace):
            space = space.parent
        spaces = (space,) if space else ()
    for space in spaces:
        try:
            return space, space.from_ofa(architecture)
        except (InputError, TypeError, ValueError, KeyError):  # of whatever a record holds
            continue
    return None
