"""Two user-defined spaces: a variation of OFA's MobileNetV3, and a chain of blocks with its own supernet."""

import copy
from types import MappingProxyType

from torch import nn

from ofa_bench.spaces import DesignSpace, Gene
from ofa_bench.spaces.mobile import MobileSpace
from ofa_bench.spaces.ofa_dict import numbers, resolution
from ofa_bench.supernets.pieces import Supernet, make_piece

WIDTHS, DEPTHS, RESOLUTIONS, CHANNELS = (8, 12, 16, 24), (1, 2, 3), (32, 64), 16


class SmallKernels(MobileSpace):
    """MobileNetV3 with kernels of 3 and 5."""

    kernels = (3, 5)
    ofa_supernet, ofa_network = "OFAMobileNetV3", "MobileNetV3"
    stage_channels = (24, 40, 80, 112, 160)

    def __init__(self):
        super().__init__("small_kernels", last_blocks=0, width=1.2)


class ChainSpace(DesignSpace):
    """Genes ``r``, ``depth`` and ``w0`` to ``w2``."""

    fork_safe = True
    supernet = "own_space.ChainSupernet"
    gene_labels = MappingProxyType({"w": "width"})

    def __init__(self, blocks: int = 3):
        genes = [Gene("r", RESOLUTIONS, "r"), Gene("depth", DEPTHS[:blocks], "depth")]
        genes += [Gene(f"w{i}", WIDTHS, f"w{i}", owner="depth", active_from=i) for i in range(blocks)]
        super().__init__("chain", genes)

    def to_ofa(self, row):
        values = list(self.values(row).values())
        return {"r": [values[0]], "d": [values[1]], "w": values[2:]}

    def from_ofa(self, arch):
        blocks = self.n_genes - 2
        values = [
            resolution(self.name, arch),
            *numbers(self.name, arch, "d", 1),
            *numbers(self.name, arch, "w", blocks),
        ]
        return self.row(dict(zip(self.gene_names, values, strict=True)))


def block(width):
    return nn.Sequential(nn.Conv2d(CHANNELS, width, 3, padding=1), nn.BatchNorm2d(width), nn.Conv2d(width, CHANNELS, 1))


class ChainNet(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, stride=2, padding=1), nn.ReLU())
        self.blocks = nn.ModuleDict({f"{i} {width}": block(width) for i in range(blocks) for width in WIDTHS})
        self.pool, self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(CHANNELS, 10)


class ChainSupernet(Supernet):
    """A supernet that holds every choice of every block."""

    def __init__(self, space):
        super().__init__(space, ChainNet(space.n_genes - 2))

    def subnet(self, row):
        arch, net = self.space.to_ofa(row), self.net
        blocks = [net.blocks[f"{i} {width}"] for i, width in enumerate(arch["w"][: arch["d"][0]])]
        parts = [net.stem, *blocks, net.pool, net.classifier]
        return make_piece(row.tolist(), 3, int(arch["r"][0]), lambda: copy.deepcopy(nn.Sequential(*parts)))

    def slots(self):
        net, places = self.net, [["r", f"w{i}"] for i in range(self.space.n_genes - 2)]
        head = nn.Sequential(net.pool, net.classifier)

        def piece(name, channels, size, module):
            return make_piece(name, channels, int(size), lambda: copy.deepcopy(module))

        return [
            self.make_slot([["r"]], lambda r: piece("stem", 3, r, net.stem)),
            self.make_slot([["r"]], lambda r: piece("head", CHANNELS, r // 2, head)),
            self.make_slot(places, lambda r, w: piece(["block", w], CHANNELS, r // 2, net.blocks[f"0 {w}"])),
        ]


def time_by_size(path):
    """Stand for a device: larger files and images take longer."""
    import onnx

    shape = onnx.load(str(path)).graph.input[0].type.tensor_type.shape
    size = shape.dim[2].dim_value
    return [1e-4 * size**2 * (1 + path.stat().st_size / 1e4)] * 3
