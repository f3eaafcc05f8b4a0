"""The networks of NAS-Bench-Macro (Su et al., CVPR 2021), with every block of every layer, and random weights."""

import copy
import json
from collections.abc import Sequence

from torch import Tensor, nn

from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.nasbench_macro import BLOCKS, STAGES
from ofa_bench.supernets.pieces import Piece, Slot, Supernet, make_piece

__all__ = ["NASBenchMacroSupernet"]

IMAGE, STEM, LAST, CLASSES = 32, 32, 1280, 10
"""Height and width of an image; channels of the stem and of the last convolution; classes of CIFAR-10."""

LAYERS = [
    (STEM << stage + (place > 0), STEM << stage + 1, IMAGE >> stage + (place > 0), 1 if place else 2)
    for stage, layers in enumerate(STAGES)
    for place in range(layers)
]
"""Of each layer: channels of its input and output, height and width of its input, and stride."""


class NASBenchMacroSupernet(Supernet):
    """The supernet of ``NASBenchMacroSpace``."""

    def __init__(self, space: DesignSpace) -> None:
        super().__init__(space, _Net())

    def subnet(self, row: Genes) -> Piece:
        """Return the network of one row (int8 [n_genes])."""
        net = self.net
        blocks = [net.layers[layer][choice] for layer, choice in enumerate(row.tolist())]
        return self._piece(json.dumps(row.tolist()), 3, IMAGE, net.stem, *blocks, net.head, net.classifier)

    def slots(self) -> list[Slot]:
        """Return the slots: that of the last layer with the head, that of the first with the stem, and the others.

        An identity adds nothing.
        """
        last = len(LAYERS) - 1
        alike = [[layer for layer in range(last) if LAYERS[layer] == shape] for shape in dict.fromkeys(LAYERS)]
        return [self._slot([last], self.net.head, self.net.classifier), *map(self._slot, alike)]

    def _slot(self, layers: Sequence[int], *after: nn.Module) -> Slot:
        """Return the slot of layers of one shape, or of the last with what comes after it."""
        first, (channels, _, size, _), pieces = layers[0], LAYERS[layers[0]], dict[tuple[int, ...], Piece]()
        for choice, block in enumerate(self.net.layers[first]):
            if first == 0:
                pieces[choice,] = self._piece(f"stem {choice}", 3, IMAGE, self.net.stem, block)
            elif choice or len(block) or after:
                pieces[choice,] = self._piece(f"{first} {choice}", channels, size, block, *after)
        return Slot(tuple((f"b{layer}",) for layer in layers), pieces)

    def _piece(self, name: str, channels: int, size: int, *modules: nn.Module) -> Piece:
        return make_piece(name, channels, size, lambda: copy.deepcopy(nn.Sequential(*modules)))


class _Net(nn.Module):
    """All blocks of all layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, STEM, 3)
        self.layers = nn.ModuleList(nn.ModuleList(_blocks(*layer)) for layer in LAYERS)
        pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(_convolution(LAYERS[-1][1], LAST, 1), pool, nn.Flatten())
        self.classifier = nn.Linear(LAST, CLASSES)


class _Shortcut(nn.Module):
    """Adds the output of a block to its input."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*modules)

    def forward(self, image: Tensor) -> Tensor:
        """Return the sum: float32 [n, channels, height, width]."""
        moved: Tensor = self.block(image)
        return image + moved


def _blocks(before: int, after: int, _: int, stride: int) -> list[nn.Module]:
    """Return the choices of a layer: an identity, or a convolution where the shape changes, and the MBConvs."""
    whole = _Shortcut if stride == 1 else nn.Sequential
    identity = nn.Sequential() if stride == 1 else _convolution(before, after, 1, stride, act=False)
    blocks: list[nn.Module] = [identity]
    for kernel, expand in BLOCKS:
        middle = before * expand
        blocks.append(
            whole(
                _convolution(before, middle, 1),
                _convolution(middle, middle, kernel, stride, groups=middle),
                _convolution(middle, after, 1, act=False),
            )
        )
    return blocks


def _convolution(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, *, act: bool = True
) -> nn.Sequential:
    """Return a convolution, BatchNorm, and ReLU."""
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), *([nn.ReLU()] if act else []))
