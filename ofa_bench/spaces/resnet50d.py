"""OFA's ResNet50D space: elastic depth, bottleneck width, stage width and resolution (``OFAResNets`` of ``ofa``)."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.declarations import OFAEncoder, PublishedFile
from ofa_bench.spaces.drawing import SLOT, STEM, Block, Drawing
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.network_config import divisible, reading, stages_of
from ofa_bench.spaces.ofa_dict import by_block, check_keys, numbers, resolution

__all__ = ["BASE_DEPTHS", "MAX_DEPTHS", "ResNet50DSpace"]

RESOLUTIONS = (128, 144, 160, 176, 192, 224, 240, 256)
STEM_DEPTHS = (0, 2)
BASE_DEPTHS = (2, 2, 4, 2)
EXTRA_DEPTHS = (0, 1, 2)
EXPANDS = (0.2, 0.25, 0.35)
WIDTHS = (0.65, 0.8, 1.0)
MAX_DEPTHS = tuple(base + EXTRA_DEPTHS[-1] for base in BASE_DEPTHS)
N_WIDTHS = 2 + len(BASE_DEPTHS)
CHANNELS = (256, 512, 1024, 2048)
"""Channels of the stages' outputs at width 1.0 (``ofa.imagenet_classification.elastic_nn.networks``)."""

KEYS = ("d", "e", "w", "image_size", "r")


def _genes() -> list[Gene]:
    genes = [Gene("r", RESOLUTIONS, group="r"), Gene("d0", STEM_DEPTHS, group="d0")]
    genes += [Gene(f"d{stage}", EXTRA_DEPTHS, group=f"d{stage}") for stage in range(1, 1 + len(BASE_DEPTHS))]
    # The stem's first two convolutions have 24, 24 or 32 channels: two widths are one network.
    genes += [Gene(f"w{i}", WIDTHS, group=f"w{i}", same_as=(0, 0, 2) if i == 0 else None) for i in range(N_WIDTHS)]
    for stage, (base, most) in enumerate(zip(BASE_DEPTHS, MAX_DEPTHS, strict=True), start=1):
        for place in range(most):
            block = len(genes) - 12
            genes.append(Gene(f"e{block}", EXPANDS, f"e{block}", f"d{stage}", max(0, place + 1 - base)))
    return genes


class ResNet50DSpace(DesignSpace):
    """30 genes: resolution ``r``, stem ``d0``, extra depths ``d1``-``d4``, widths ``w0``-``w5``, expand ``e0``-``e17``.

    ``d0`` is 2 where the stem keeps its residual convolution. ``w0`` is the width of the stem's first convolutions,
    ``w1`` of its last, ``w2``-``w5`` of the stages. A block's middle has ``e`` times its stage's width.
    """

    fork_safe = True
    supernet = "ofa_bench.supernets.resnet.ResNetSupernet"
    ofa_encoder = OFAEncoder("ResNetArchEncoder")
    published_weights = PublishedFile(
        "ofa/ofa_nets/ofa_resnet50_d0-1-2_e0.2-0.25-0.35_w0.65-0.8-1.0",
        "3406a4c852f4573a58e9a01f35406baa4ad3787044ffadc6ea45571ad2b9123a",
        "https://huggingface.co/han-cai/ofa/resolve/47a736a0be6ad593f936d91ae168ccdd05326be1/ofa_supernet_resnet50",
    )
    official_predictor = "ofa_bench.predictors.official.load_resnet50d"
    gene_labels = {"w": "width multiplier", "e": "expand ratio"}  # noqa: RUF012 -- never changed

    def __init__(self) -> None:
        super().__init__("resnet50d", _genes())

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row to OFA's dict: ``d``, ``e``, ``image_size``, and ``w`` as positions of width multipliers."""
        values = list(self.values(row).values())
        widths = [int(choice) for choice in row[6 : 6 + N_WIDTHS]]
        return {"d": values[1:6], "e": values[6 + N_WIDTHS :], "w": widths, "image_size": values[0]}

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert OFA's dict to a canonical row; inactive blocks may hold 0, as in ``feature2arch``, or be left out.

        ``w`` has positions of the widths, as in OFA's code, or the widths themselves: a list with 0 or 2 in it is of
        positions, one with 0.65 or 0.8 of widths. Of a list of ones only, whole numbers are positions, and 1.0 is
        refused, because it can be read either way.
        """
        check_keys(self.name, arch, KEYS)
        depths = numbers(self.name, arch, "d", 1 + len(BASE_DEPTHS))
        for i, depth in enumerate(depths):
            self.position(f"d{i}", depth)
        values: dict[str, Any] = {"r": resolution(self.name, arch)}
        values |= {f"d{i}": depth for i, depth in enumerate(depths)}
        stages = zip(BASE_DEPTHS, MAX_DEPTHS, depths[1:], strict=True)
        built = [place < base + extra for base, most, extra in stages for place in range(most)]
        values |= {f"e{block}": value for block, value in enumerate(by_block(self.name, arch, "e", built))}
        values |= {f"w{i}": width for i, width in enumerate(self._widths(arch))}
        return self.row(values)

    def _widths(self, arch: Mapping[str, Any]) -> list[float]:
        """Return the width multipliers."""
        given = numbers(self.name, arch, "w", N_WIDTHS)
        positions, widths = any(one in (0, 2) for one in given), any(one in WIDTHS[:2] for one in given)
        if positions and widths:
            raise InputError(
                f"{self.name}: 'w' has positions (0, 1, 2) and widths {list(WIDTHS)} in one list: {given!r}"
            )
        if not positions and not widths and not all(isinstance(one, Integral) for one in given if one == 1):
            raise InputError(
                f"{self.name}: w={given!r} may be positions or widths; for widths of 1.0 write {[2] * N_WIDTHS}, "
                f"for the position of {WIDTHS[1]} write whole numbers"
            )
        return list(given) if widths else [WIDTHS[int(one)] if one in range(len(WIDTHS)) else one for one in given]

    def drawing(self, row: Genes) -> Drawing:
        """Lay out the stem (two convolutions of width ``w0``, the second if ``d0`` > 0, one of ``w1``) and stages."""
        laid = super().drawing(row)
        assert laid is not None
        values, blocks = self.values(row), {name: list(one) for name, one in laid.stages.items() if name != "blocks"}
        shade = {f"w{i}": laid.shades.index(values[f"w{i}"]) for i in range(N_WIDTHS)}
        middle = len(laid.heights) // 2
        second = STEM if values["d0"] else SLOT
        kinds = ((STEM, "w0"), (second, "w0"), (STEM, "w1"))
        stages = {"stem": [Block(kind, shade[width], middle) for kind, width in kinds]}
        for number, (name, stage) in enumerate(blocks.items(), start=2):
            stages[name] = [replace(block, shade=shade[f"w{number}"]) for block in stage]
        return replace(laid, stages=stages)

    def read_network(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return OFA's dict, without the image size, of a ``net.config``; what is not built is 0.

        Raises:
            InputError: it is a network of another kind, or a part is missing.
        """
        with reading(config, "ResNets"):
            stages, stem = stages_of(config["blocks"]), config["input_stem"]
            if len(stages) != len(CHANNELS):
                raise InputError(f"its blocks are of {len(stages)} stages; must be {len(CHANNELS)}")
            widths = [_width(stem[0]["out_channels"], 32), _width(stem[-1]["out_channels"], 64)]
            expands, depths = list[float](), [STEM_DEPTHS[len(stem) - 2]]
            for (channels, stage), full, base, most in zip(stages, CHANNELS, BASE_DEPTHS, MAX_DEPTHS, strict=True):
                if not base <= len(stage) <= most:
                    raise InputError(f"a stage has {len(stage)} blocks; must be {base} to {most}")
                widths.append(_width(channels, full))
                expands += [*(block["expand_ratio"] for block in stage), *[0] * (most - len(stage))]
                depths.append(len(stage) - base)
        return {"d": depths, "e": expands, "w": widths}


def _width(channels: int, full: int) -> int:
    """Return the first position of a width multiplier that gives so many channels (in the stem two may)."""
    found = [divisible(full * width) for width in WIDTHS]
    if channels not in found:
        raise InputError(f"it has {channels} channels where OFA's supernet has one of {sorted(set(found))}")
    return found.index(channels)
