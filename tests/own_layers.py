"""A user's own design space with its own supernet: five layers of one of six blocks each, or none."""

import copy

from torch import nn

from ofa_bench.spaces import DesignSpace, Gene
from ofa_bench.spaces.ofa_dict import numbers
from ofa_bench.supernets.pieces import Supernet, make_piece

SIZE, CHANNELS, CLASSES = 28, 16, 8
BLOCKS = ((), (1, 8), (1, 32), (3, 8), (3, 32), (5, 8), (5, 32))
"""The choices of a layer: kernel and inner channels of its block; none is an identity."""

SIZES = (14, 14, 14, 7, 7)
"""Height and width of each layer's input."""


class LayersSpace(DesignSpace):
    """Genes ``b0`` to ``b4``: the number of a layer's block."""

    fork_safe = True
    supernet = "own_layers.LayersSupernet"

    def __init__(self):
        super().__init__("layers", [Gene(f"b{i}", tuple(range(len(BLOCKS))), f"b{i}") for i in range(len(SIZES))])

    def to_ofa(self, row):
        return {"layers": list(self.values(row).values())}

    def from_ofa(self, arch):
        found = numbers(self.name, arch, "layers", self.n_genes)
        return self.row(dict(zip(self.gene_names, found, strict=True)))


class Shortcut(nn.Sequential):
    def forward(self, image):
        return image + super().forward(image)


def block(kernel=None, width=0):
    if kernel is None:
        return nn.Identity()
    return Shortcut(
        nn.Conv2d(CHANNELS, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False), nn.BatchNorm2d(width),
        nn.ReLU(), nn.Conv2d(width, CHANNELS, 1, bias=False), nn.BatchNorm2d(CHANNELS),
    )  # fmt: skip


class LayersNet(nn.Module):
    """All blocks of all layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, 2, 1, bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU())
        self.layers = nn.ModuleList(nn.ModuleList(block(*choice) for choice in BLOCKS) for _ in SIZES)
        self.shrink = nn.MaxPool2d(2)
        self.pool, self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(CHANNELS, CLASSES)

    def path(self, row):
        """Return the modules of one network, in their order."""
        blocks = [self.layers[i][choice] for i, choice in enumerate(row)]
        return [self.stem, *blocks[:3], self.shrink, *blocks[3:], self.pool, self.classifier]


class LayersSupernet(Supernet):
    """The supernet of ``LayersSpace``."""

    def __init__(self, space):
        super().__init__(space, LayersNet())

    def subnet(self, row):
        parts = self.net.path(row.tolist())
        return make_piece(row.tolist(), 3, SIZE, lambda: copy.deepcopy(nn.Sequential(*parts)))

    def slots(self):
        """Return the slots: the stem with the first layer, and the others."""
        net = self.net

        def piece(name, channels, size, *modules):
            return make_piece(name, channels, size, lambda: copy.deepcopy(nn.Sequential(*modules)))

        def layer(i, choice):
            inner = net.layers[i][choice]
            return (
                piece(f"first {choice}", 3, SIZE, net.stem, inner)
                if i == 0
                else piece(f"{SIZES[i]} {choice}", CHANNELS, SIZES[i], inner)
            )

        return [self.make_slot([[f"b{i}"]], lambda choice, i=i: layer(i, choice)) for i in range(len(SIZES))]
