"""Splits supernets into pieces, whose costs add up to the cost of a network, and builds whole subnets."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ofa_bench.config.importing import import_target
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes, Subspace

__all__ = ["Piece", "Slot", "Supernet", "count_macs", "count_parameters", "make_piece", "strided_size", "supernet"]


@dataclass(frozen=True)
class Piece:
    """A part of a network, or a whole one, that can be run by itself.

    ``shape`` is the shape of one input: (channels, height, width). Equal pieces have equal keys.
    """

    key: str
    shape: tuple[int, int, int]
    build: Callable[[], nn.Module] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Slot:
    """Places that share a set of pieces: each place is a tuple of genes, whose choices (by index) select a piece."""

    places: tuple[tuple[str, ...], ...]
    pieces: Mapping[tuple[int, ...], Piece]


class Supernet(ABC):
    """A builder of the networks of a design space, with random weights at first.

    A net of ``ofa`` has ``set_active_subnet`` and ``get_active_subnet``; for another net, a subclass overrides
    ``subnet``.

    Args:
        space: the design space.
        net: a torch module with all weights; its ``classifier`` is the last layer.
    """

    def __init__(self, space: DesignSpace, net: Any) -> None:
        self.space, self.net = space, net.eval()

    @property
    def classes(self) -> int:
        """The number of outputs of its networks."""
        return int(self.net.classifier.out_features)

    def set_classes(self, classes: int) -> None:
        """Replace the classifier by one with random weights for another number of classes."""
        old = self.net.classifier
        if isinstance(old, nn.Linear):
            config = {"in_features": old.in_features, "bias": old.bias is not None}
        else:
            config = {key: value for key, value in old.config.items() if key != "name"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net.classifier = type(old)(**config | {"out_features": classes}).eval()

    def subnet(self, row: Genes) -> Piece:
        """Return the network of an architecture (int8 [n_genes])."""
        arch = self.space.to_ofa(row)
        size = int(arch["image_size"])

        def build() -> nn.Module:
            self.net.set_active_subnet(**arch)
            module: nn.Module = self.net.get_active_subnet(preserve_weight=True)
            return module.eval()

        return Piece(json.dumps([arch["image_size"], row.tolist()]), (3, size, size), build)

    def describe_width(self, channels: int) -> str:  # noqa: ARG002
        """Return a remark on the width of a checkpoint, given its classifier's input channels; empty if unknown."""
        return ""

    @abstractmethod
    def slots(self) -> list[Slot]:
        """Return all slots; the pieces of the active places together are the network."""

    def make_slot(self, places: Sequence[Sequence[str]], piece: Callable[..., Piece]) -> Slot:
        """Return a slot with the pieces for all choices of the genes of the first place."""
        genes = [self.space.genes[self.space.index[name]] for name in places[0]]
        choices = product(*(enumerate(gene.choices) for gene in genes))
        pieces = {tuple(i for i, _ in choice): piece(*(value for _, value in choice)) for choice in choices}
        return Slot(tuple(tuple(place) for place in places), pieces)


def make_piece(config: Any, channels: int, size: int, build: Callable[[], nn.Module]) -> Piece:
    """Return a piece whose input has shape [channels, size, size]; its key is its configuration."""
    return Piece(json.dumps([config, size]), (channels, size, size), lambda: build().eval())


def strided_size(size: int, stride: int) -> int:
    """Return the output size of a padded convolution."""
    return (size - 1) // stride + 1


def supernet(space: DesignSpace) -> Supernet:
    """Return the supernet that a space declares, with random weights (fixed seed), in evaluation mode.

    Raises:
        InputError: the space declares none, or its class cannot be imported.
    """
    if isinstance(space, Subspace):
        raise InputError(f"space={space.name}: a part of {space.parent.name}, whose supernet builds its networks")
    if not space.supernet:
        raise InputError(f"space={space.name}: its class declares no supernet, so its networks cannot be built")
    try:
        build = import_target(space.supernet)
    except ImportError as error:
        raise InputError(f"space={space.name}: its supernet {space.supernet} cannot be imported ({error})") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: Supernet = build(space)
    return made


def count_macs(piece: Piece) -> int:
    """Return the multiply-accumulates of a piece's convolutions and matrix products for one image."""
    module = piece.build()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.zeros((1, *piece.shape)))
    return int(counter.get_total_flops()) // 2


def count_parameters(piece: Piece) -> int:
    """Return the number of parameters of a piece: all weights and biases, also those of normalisations, no buffers."""
    return sum(one.numel() for one in piece.build().parameters())
