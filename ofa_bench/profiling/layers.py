"""Lists the layers of a supernet's pieces: their multiply-accumulates, and the numbers that they read and write."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ofa_bench.devices.roofline import Layer, LayerTerm
from ofa_bench.supernets.pieces import Piece, Slot

__all__ = ["list_layers", "list_terms"]

_POOLINGS = ("_adaptive_avg_pool2d", "avg_pool2d", "max_pool2d_with_indices")


def list_terms(slots: Sequence[Slot]) -> list[LayerTerm]:
    """Return the layers of every piece of all slots, by the choices of its genes."""
    pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
    listed = {key: list_layers(piece) for key, piece in pieces.items()}
    return [
        LayerTerm(slot.places, {choice: listed[piece.key] for choice, piece in slot.pieces.items()}) for slot in slots
    ]


def list_layers(piece: Piece) -> tuple[Layer, ...]:
    """Return a piece's convolutions, matrix products and poolings, for one image, in the order in which they run.

    Normalisation, activations, sums and other element-wise work are taken as done with the layer before them, as
    engines for inference do: they are no layers, and move nothing. A mean over rows and then over columns is one.
    """
    module = piece.build().to("meta")
    with torch.no_grad(), _Layers() as listing:
        module(torch.empty((1, *piece.shape), device="meta"))
    return tuple(listing.found)


class _Layers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Layer] = []
        self.averaged: Tensor | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        done = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "convolution":
            image, weights, bias = args[:3]
            assert not args[6], "a transposed convolution"
            macs = done.numel() * prod(weights.shape[1:])
            self._add(macs, image, done, _size(weights) + _size(bias))
        elif name in ("addmm", "mm"):
            bias, image, weights = args[:3] if name == "addmm" else (None, *args[:2])
            self._add(done.numel() * weights.shape[0], image, done, _size(weights) + _size(bias))
        elif name in _POOLINGS:
            self._add(0, args[0], done[0] if isinstance(done, tuple) else done, 0)
        elif name == "mean":
            self._average(args[0], done)
        return done

    def _add(self, macs: int, image: Tensor, done: Tensor, weights: int) -> None:
        self.found.append(Layer(macs, image.numel() + done.numel(), weights))
        self.averaged = None

    def _average(self, image: Tensor, done: Tensor) -> None:
        if image is self.averaged:
            read = self.found.pop().moved - image.numel()
            self.found.append(Layer(0, read + done.numel(), 0))
        else:
            self._add(0, image, done, 0)
        self.averaged = done


def _size(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.numel()
