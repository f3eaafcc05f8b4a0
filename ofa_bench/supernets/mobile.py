"""Splits OFA's MobileNetV3 and ProxylessNAS supernets into pieces."""

import copy
from collections.abc import Iterator

from torch import nn

from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, N_STAGES, MobileSpace
from ofa_bench.supernets.ofa_package import NETWORKS, import_ofa
from ofa_bench.supernets.pieces import Piece, Slot, Supernet, make_piece, strided_size

__all__ = ["MobileSupernet"]

LAST_CHANNELS = 1280
"""Input channels of the classifier in a supernet of width 1.0."""


class MobileSupernet(Supernet):
    """The supernets ``OFAMobileNetV3`` and ``OFAProxylessNASNets``."""

    def __init__(self, space: MobileSpace) -> None:
        lists = {"ks_list": space.kernels, "expand_ratio_list": space.expands, "depth_list": space.depths}
        network = getattr(import_ofa(NETWORKS), space.ofa_supernet)
        super().__init__(
            space, network(dropout_rate=0, width_mult=space.width, **{k: list(v) for k, v in lists.items()})
        )

    def describe_width(self, channels: int) -> str:
        """Return a remark on the width of a checkpoint, given its classifier's input channels; empty if unknown."""
        width = channels / LAST_CHANNELS
        if not 0.1 <= width <= 4 or channels == self.net.classifier.in_features:
            return ""
        return f"; its width seems to be {width:.3g}, but {self.space.name} has width {self.net.width_mult:g}"

    def slots(self) -> list[Slot]:
        """Return the slots of the stem, the head and the blocks."""
        slots = [self.make_slot([["r"]], self._stem), self.make_slot([["r"]], self._head)]
        for blocks in self._alike():
            for members in (blocks[:1], blocks[1:]):
                if members:
                    places = [["r", f"k{block}", f"e{block}"] for block in members]
                    slots.append(self.make_slot(places, lambda r, k, e, block=members[0]: self._block(block, r, k, e)))
        return slots

    def _alike(self) -> Iterator[list[int]]:
        """Yield the blocks of each stage; all but the first of a stage have the same shape."""
        for stage in range(N_STAGES):
            yield list(range(stage * BLOCKS_PER_STAGE, (stage + 1) * BLOCKS_PER_STAGE))
        staged = N_STAGES * BLOCKS_PER_STAGE
        assert isinstance(self.space, MobileSpace)
        yield from ([staged + i] for i in range(self.space.last_blocks))

    def _size(self, resolution: float, block: int) -> int:
        """Return the height of a block's input (the supernet has one more block, before those of the space)."""
        size = strided_size(int(resolution), 2)
        for before in self.net.blocks[1 : block + 1]:
            size = strided_size(size, before.conv.stride)
        return size

    def _stem(self, resolution: float) -> Piece:
        parts = [self.net.first_conv, self.net.blocks[0]]
        return make_piece("stem", 3, int(resolution), lambda: copy.deepcopy(nn.Sequential(*parts)))

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
        return make_piece(
            [*config, whole.conv.act_func, whole.conv.use_se], channels, self._size(resolution, block), build
        )

    def _head(self, resolution: float) -> Piece:
        net, size = self.net, self._size(resolution, len(self.net.blocks) - 1)
        pool, flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        if hasattr(net, "final_expand_layer"):
            parts = [net.final_expand_layer, pool, net.feature_mix_layer, flat, net.classifier]
        else:
            parts = [net.feature_mix_layer, pool, flat, net.classifier]
        return make_piece("head", parts[0].in_channels, size, lambda: copy.deepcopy(nn.Sequential(*parts)))
