"""Splits OFA's ResNet50D supernet into pieces."""

import copy
from collections.abc import Sequence

from torch import nn

from ofa_bench.spaces import DesignSpace
from ofa_bench.spaces.resnet50d import EXPANDS, EXTRA_DEPTHS, MAX_DEPTHS, WIDTHS
from ofa_bench.supernets.ofa_package import NETWORKS, import_ofa
from ofa_bench.supernets.pieces import Piece, Slot, Supernet, make_piece, strided_size

__all__ = ["ResNetSupernet"]


class ResNetSupernet(Supernet):
    """The supernet ``OFAResNets``."""

    def __init__(self, space: DesignSpace) -> None:
        lists = {"depth_list": EXTRA_DEPTHS, "expand_ratio_list": EXPANDS, "width_mult_list": WIDTHS}
        network = import_ofa(NETWORKS).OFAResNets
        super().__init__(space, network(dropout_rate=0, **{key: list(values) for key, values in lists.items()}))

    def slots(self) -> list[Slot]:
        """Return the slots of the stem, the head and the blocks."""
        slots = [self.make_slot([["r", "d0", "w0", "w1"]], self._stem), self.make_slot([["r", "w5"]], self._head)]
        first = 0
        for stage, depth in enumerate(MAX_DEPTHS):
            before, here = f"w{stage + 1}", f"w{stage + 2}"
            slots.append(
                self.make_slot(
                    [["r", before, here, f"e{first}"]],
                    lambda r, w_in, w, e, b=first, s=stage: self._block(b, s, r, w_in, w, e),
                )
            )
            slots.append(
                self.make_slot(
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

        return make_piece(["stem", depth, mid, out], 3, int(resolution), build)

    def _block(self, block: int, stage: int, resolution: float, width_in: float, width: float, expand: float) -> Piece:
        whole = self.net.blocks[block]
        channels, out = self._channels(whole.in_channel_list, width_in), self._channels(whole.out_channel_list, width)
        size = strided_size(strided_size(int(resolution), 2), 2)
        for before in self.net.blocks[:block]:
            size = strided_size(size, before.stride)

        def build() -> nn.Module:
            whole.active_expand_ratio, whole.active_out_channel = expand, out
            module: nn.Module = whole.get_active_subnet(channels, True)
            return module

        return make_piece([stage, channels, out, expand, whole.stride], channels, size, build)

    def _head(self, resolution: float, width: float) -> Piece:
        classifier, size = self.net.classifier, strided_size(int(resolution), 32)
        channels = self._channels(self.net.blocks[-1].out_channel_list, width)
        pool = self.net.global_avg_pool

        def build() -> nn.Module:
            return nn.Sequential(copy.deepcopy(pool), classifier.get_active_subnet(channels, True))

        return make_piece(["head", channels], channels, size, build)
