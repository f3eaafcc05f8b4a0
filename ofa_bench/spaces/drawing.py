"""Lays out an architecture to be drawn: blocks by stage, whose colours and heights stand for choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ofa_bench.spaces.genes import Gene, kind_of

__all__ = ["BLOCK", "SLOT", "STEM", "Block", "Drawing", "lay_out_blocks"]

BLOCK, STEM, SLOT = "block", "stem", "slot"
"""The kinds of places: a block that is built, a convolution of the stem, and a block that is not built."""


@dataclass(frozen=True)
class Block:
    """A place of a network; ``shade`` and ``height`` are positions among choices."""

    kind: str
    shade: int = 0
    height: int = 0


@dataclass(frozen=True)
class Drawing:
    """The blocks of each stage, and the meaning of shade and height, with their choices, smallest first."""

    resolution: float | None
    stages: Mapping[str, Sequence[Block]]
    shade: str
    shades: tuple[float, ...]
    height: str
    heights: tuple[float, ...]


def lay_out_blocks(
    genes: Sequence[Gene], values: Mapping[str, float], active: Mapping[str, bool], labels: Mapping[str, str]
) -> Drawing | None:
    """Lay out a network whose genes are numbered by block, such as ``k0`` and ``e0``.

    Blocks whose genes have the same owner make a stage. The first kind of gene is the colour, the last one the height.

    Args:
        genes: of the space.
        values: of each gene.
        active: whether a gene makes a difference.
        labels: what the genes of a kind are called (``{"k": "kernel"}``); by default as their names begin.

    Returns:
        None if no gene is numbered by block.
    """
    owning, kinds = {kind_of(gene.owner) for gene in genes if gene.owner}, dict[str, set[float]]()
    stages, numbered = dict[str, dict[int, bool]](), list[str]()
    for gene in genes:
        kind, number = kind_of(gene.name), gene.name[len(kind_of(gene.name)) :]
        if not number or kind in owning:
            continue
        kinds.setdefault(kind, set()).update(gene.choices)
        if gene.owner is not None and gene.owner not in numbered:
            numbered.append(gene.owner)
        name = f"stage {numbered.index(gene.owner) + 1}" if gene.owner else "last" if numbered else "blocks"
        stages.setdefault(name, {})[int(number)] = active[gene.name]
    if not kinds:
        return None
    choices = {kind: tuple(sorted(found)) for kind, found in kinds.items()}
    shade, *_, height = [*kinds, *kinds] if len(kinds) == 1 else [*kinds]

    def place(kind: str, block: int) -> int:
        value = values.get(f"{kind}{block}")
        return 0 if value is None else choices[kind].index(value)

    return Drawing(
        values.get("r"),
        {
            name: [
                Block(BLOCK if built else SLOT, place(shade, i), place(height, i))
                for i, built in sorted(blocks.items())
            ]
            for name, blocks in stages.items()
        },
        labels.get(shade, shade),
        choices[shade],
        labels.get(height, height),
        choices[height],
    )
