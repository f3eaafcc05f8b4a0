"""OFA's ResNet50D space: elastic depth, bottleneck width, stage width and resolution (``OFAResNets`` of ``ofa``)."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.ofa_dict import by_block, check_keys, numbers, resolution

__all__ = ["BASE_DEPTHS", "MAX_DEPTHS", "ResNet50DSpace"]

RESOLUTIONS = (128, 144, 160, 176, 192, 224, 240, 256)
STEM_DEPTHS = (0, 2)
BASE_DEPTHS = (2, 2, 4, 2)
EXTRA_DEPTHS = (0, 1, 2)
EXPANDS = (0.2, 0.25, 0.35)
WIDTHS = (0.65, 0.8, 1.0)
MAX_DEPTHS = tuple(base + EXTRA_DEPTHS[-1] for base in BASE_DEPTHS)
N_BLOCKS = sum(MAX_DEPTHS)
N_WIDTHS = 2 + len(BASE_DEPTHS)
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
        """Read the width multipliers."""
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
