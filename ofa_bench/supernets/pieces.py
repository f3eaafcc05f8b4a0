"""The supernets of ``ofa``, taken apart: the pieces that the cost of a network is the sum of, and whole subnets."""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, DEPTHS, EXPANDS, KERNELS, N_STAGES, MobileSpace
from ofa_bench.spaces.resnet50d import MAX_DEPTHS
from ofa_bench.supernets.ofa_package import import_ofa

__all__ = ["Piece", "Slot", "Supernet", "count_macs", "supernet", "width_of"]

_NETWORKS = "ofa.imagenet_classification.elastic_nn.networks"


@dataclass(frozen=True)
class Piece:
    """A part of a network that can be run by itself on one image.

    ``shape`` is its input's, without the batch: (channels, height, width). Equal pieces have equal keys.
    """

    key: str
    shape: tuple[int, int, int]
    build: Callable[[], nn.Module] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Slot:
    """Where pieces stand: each tuple of genes in ``places`` chooses one, by the positions of their choices."""

    places: tuple[tuple[str, ...], ...]
    pieces: Mapping[tuple[int, ...], Piece]


class Supernet(ABC):
    """A supernet of ``ofa`` with random weights, for a design space."""

    def __init__(self, space: DesignSpace, net: Any) -> None:
        self.space, self.net = space, net

    @property
    def classes(self) -> int:
        """Outputs of its networks."""
        return int(self.net.classifier.out_features)

    def set_classes(self, classes: int) -> None:
        """Return it a new classifier, of random weights, for another number of classes."""
        old = self.net.classifier
        config = {key: value for key, value in old.config.items() if key != "name"} | {"out_features": classes}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net.classifier = type(old)(**config).eval()

    def subnet(self, row: Genes) -> Piece:
        """Return one architecture (int8 [n_genes]) as a whole network."""
        arch = self.space.to_ofa(row)
        size = int(arch["image_size"])

        def build() -> nn.Module:
            self.net.set_active_subnet(**arch)
            module: nn.Module = self.net.get_active_subnet(preserve_weight=True)
            return module.eval()

        return Piece(json.dumps([arch["image_size"], row.tolist()]), (3, size, size), build)

    @abstractmethod
    def slots(self) -> list[Slot]:
        """Return all slots; the pieces of a network's active places make up the network."""

    def _slot(self, places: Sequence[Sequence[str]], piece: Callable[..., Piece]) -> Slot:
        """Make the pieces for every choice of the genes in the first place."""
        genes = [self.space.genes[self.space.index[name]] for name in places[0]]
        pieces = {}
        for choice in product(*(range(len(gene.choices)) for gene in genes)):
            values = (gene.choices[position] for gene, position in zip(genes, choice, strict=True))
            pieces[choice] = piece(*values)
        return Slot(tuple(tuple(place) for place in places), pieces)


def _piece(config: Any, channels: int, size: int, build: Callable[[], nn.Module]) -> Piece:
    return Piece(json.dumps([config, size]), (channels, size, size), lambda: build().eval())


def _strided(size: int, stride: int) -> int:
    return (size - 1) // stride + 1


class _MobileSupernet(Supernet):
    """``OFAMobileNetV3`` and ``OFAProxylessNASNets``."""

    def slots(self) -> list[Slot]:
        slots = [self._slot([["r"]], self._stem), self._slot([["r"]], self._head)]
        for blocks in self._alike():
            for members in (blocks[:1], blocks[1:]):
                if members:
                    places = [["r", f"k{block}", f"e{block}"] for block in members]
                    slots.append(self._slot(places, lambda r, k, e, block=members[0]: self._block(block, r, k, e)))
        return slots

    def _alike(self) -> Iterator[list[int]]:
        """Return the blocks of each stage; all but the first of a stage have the same shape."""
        for stage in range(N_STAGES):
            yield list(range(stage * BLOCKS_PER_STAGE, (stage + 1) * BLOCKS_PER_STAGE))
        staged = N_STAGES * BLOCKS_PER_STAGE
        assert isinstance(self.space, MobileSpace)
        yield from ([staged + i] for i in range(self.space.last_blocks))

    def _size(self, resolution: float, block: int) -> int:
        """Height of a block's input (the supernet's first block comes before all of the space's)."""
        size = _strided(int(resolution), 2)
        for before in self.net.blocks[1 : block + 1]:
            size = _strided(size, before.conv.stride)
        return size

    def _stem(self, resolution: float) -> Piece:
        parts = [self.net.first_conv, self.net.blocks[0]]
        return _piece("stem", 3, int(resolution), lambda: copy.deepcopy(nn.Sequential(*parts)))

    def _block(self, block: int, resolution: float, kernel: int, expand: int) -> Piece:
        whole = self.net.blocks[block + 1]
        channels = whole.conv.in_channel_list[0]
        residual = import_ofa("ofa.utils.layers").ResidualBlock

        def build() -> nn.Module:
            whole.conv.active_kernel_size, whole.conv.active_expand_ratio = kernel, expand
            conv = whole.conv.get_active_subnet(channels, True)
            module: nn.Module = residual(conv, copy.deepcopy(whole.shortcut))
            return module

        config = [channels, whole.conv.out_channel_list[0], kernel, expand, whole.conv.stride, whole.shortcut is None]
        return _piece([*config, whole.conv.act_func, whole.conv.use_se], channels, self._size(resolution, block), build)

    def _head(self, resolution: float) -> Piece:
        net, size = self.net, self._size(resolution, len(self.net.blocks) - 1)
        pool, flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        if hasattr(net, "final_expand_layer"):
            parts = [net.final_expand_layer, pool, net.feature_mix_layer, flat, net.classifier]
        else:
            parts = [net.feature_mix_layer, pool, flat, net.classifier]
        return _piece("head", parts[0].in_channels, size, lambda: copy.deepcopy(nn.Sequential(*parts)))


class _ResNetSupernet(Supernet):
    """``OFAResNets``."""

    def slots(self) -> list[Slot]:
        slots = [self._slot([["r", "d0", "w0", "w1"]], self._stem), self._slot([["r", "w5"]], self._head)]
        first = 0
        for stage, depth in enumerate(MAX_DEPTHS):
            before, here = f"w{stage + 1}", f"w{stage + 2}"
            slots.append(
                self._slot(
                    [["r", before, here, f"e{first}"]],
                    lambda r, w_in, w, e, b=first, s=stage: self._block(b, s, r, w_in, w, e),
                )
            )
            slots.append(
                self._slot(
                    [["r", here, f"e{block}"] for block in range(first + 1, first + depth)],
                    lambda r, w, e, b=first + 1, s=stage: self._block(b, s, r, w, w, e),
                )
            )
            first += depth
        return slots

    def _channels(self, channels: Sequence[int], width: float) -> int:
        chosen: int = channels[self.net.width_mult_list.index(width)]
        return chosen

    def _stem(self, resolution: float, depth: float, middle: float, width: float) -> Piece:
        stem, pool = self.net.input_stem, self.net.max_pooling
        mid, out = self._channels(stem[0].out_channel_list, middle), self._channels(stem[2].out_channel_list, width)
        residual = import_ofa("ofa.utils.layers").ResidualBlock

        def build() -> nn.Module:
            stem[0].active_out_channel = stem[1].conv.active_out_channel = mid
            stem[2].active_out_channel = out
            parts = [stem[0].get_active_subnet(3, True)]
            if depth == max(self.net.depth_list):
                parts.append(residual(stem[1].conv.get_active_subnet(mid, True), copy.deepcopy(stem[1].shortcut)))
            return nn.Sequential(*parts, stem[2].get_active_subnet(mid, True), copy.deepcopy(pool))

        return _piece(["stem", depth, mid, out], 3, int(resolution), build)

    def _block(self, block: int, stage: int, resolution: float, width_in: float, width: float, expand: float) -> Piece:
        whole = self.net.blocks[block]
        channels, out = self._channels(whole.in_channel_list, width_in), self._channels(whole.out_channel_list, width)
        size = _strided(_strided(int(resolution), 2), 2)
        for before in self.net.blocks[:block]:
            size = _strided(size, before.stride)

        def build() -> nn.Module:
            whole.active_expand_ratio, whole.active_out_channel = expand, out
            module: nn.Module = whole.get_active_subnet(channels, True)
            return module

        return _piece([stage, channels, out, expand, whole.stride], channels, size, build)

    def _head(self, resolution: float, width: float) -> Piece:
        classifier, size = self.net.classifier, _strided(int(resolution), 32)
        channels = self._channels(self.net.blocks[-1].out_channel_list, width)
        pool = self.net.global_avg_pool

        def build() -> nn.Module:
            return nn.Sequential(copy.deepcopy(pool), classifier.get_active_subnet(channels, True))

        return _piece(["head", channels], channels, size, build)


def _mobile(network: str, width: float) -> Callable[[DesignSpace], Supernet]:
    def make(space: DesignSpace) -> Supernet:
        lists = {"ks_list": list(KERNELS), "expand_ratio_list": list(EXPANDS), "depth_list": list(DEPTHS)}
        net = getattr(import_ofa(_NETWORKS), network)
        return _MobileSupernet(space, net(dropout_rate=0, width_mult=width, **lists))

    return make


def _resnet50d(space: DesignSpace) -> Supernet:
    lists = {"depth_list": [0, 1, 2], "expand_ratio_list": [0.2, 0.25, 0.35], "width_mult_list": [0.65, 0.8, 1.0]}
    return _ResNetSupernet(space, import_ofa(_NETWORKS).OFAResNets(dropout_rate=0, **lists))


LAST_CHANNELS = 1280
"""Channels that the classifier of a mobile supernet of width 1.0 takes."""


def width_of(net: Supernet, channels: int) -> str:
    """Say of which width a mobile supernet seems to be whose classifier takes so many channels.

    Empty where it is the same, or cannot be told.
    """
    own, width = net.net.classifier, channels / LAST_CHANNELS
    if not isinstance(net, _MobileSupernet) or not 0.1 <= width <= 4 or channels == own.in_features:
        return ""
    return f"; it seems to be of width {width:.3g}, that of {net.space.name} has width {net.net.width_mult:g}"


_SUPERNETS: Mapping[str, Callable[[DesignSpace], Supernet]] = {
    "mbv3": _mobile("OFAMobileNetV3", 1.2),
    "proxyless": _mobile("OFAProxylessNASNets", 1.3),
    "resnet50d": _resnet50d,
}


def supernet(space: DesignSpace) -> Supernet:
    """Build the supernet of a space as ``ofa.model_zoo.ofa_net`` does, with random weights (fixed seed), for inference.

    Raises:
        InputError: ``ofa`` has none for the space.
    """
    if isinstance(space, Subspace):
        raise InputError(f"space={space.name}: a part of {space.parent.name}, whose supernet builds its networks")
    if space.name not in _SUPERNETS:
        raise InputError(f"space={space.name}: there is no supernet of it in ofa, only of {', '.join(_SUPERNETS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = _SUPERNETS[space.name](space)
        made.net.eval()
    return made


def count_macs(piece: Piece) -> int:
    """Count the multiply-accumulates of a piece's convolutions and matrix products, for one image."""
    module = piece.build().to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty((1, *piece.shape), device="meta"))
    return int(counter.get_total_flops()) // 2
