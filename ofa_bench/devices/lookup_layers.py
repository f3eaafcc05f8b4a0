"""Names of the layers of OFA's mobile networks in lookup tables of latencies, and their sums by gene."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add

import numpy as np

from ofa_bench.config.importing import import_target
from ofa_bench.devices.cost import Term
from ofa_bench.spaces import DesignSpace
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, N_STAGES, MobileSpace

__all__ = [
    "MBV3_FORMS",
    "PROXYLESS_FORMS",
    "Form",
    "Layers",
    "Missing",
    "Network",
    "form_of",
    "forms_of",
    "layers_of",
    "network_of",
    "resolutions_of",
    "width_of",
]


@dataclass(frozen=True)
class Network:
    """Channels of a supernet: of its first convolution, its first block, each stage, and of what follows."""

    width: float
    stem: int
    channels: tuple[int, ...]
    expanded: int
    features: int = 0


@dataclass(frozen=True)
class Block:
    """A block, as a name describes it: shapes, kernel, expand ratio, flags."""

    size: int
    channels: int
    out_size: int
    out_channels: int
    kernel: int
    expand: int
    stride: int
    skip: bool
    se: bool
    hs: bool


_MBV3 = (
    Network(1.2, 24, (24, 32, 48, 96, 136, 192), 1152, 1536),
    Network(1.0, 16, (16, 24, 40, 80, 112, 160), 960, 1280),
)
_PROXYLESS = (
    Network(1.3, 40, (24, 32, 56, 104, 128, 248, 416), 1664),
    Network(1.0, 32, (16, 24, 40, 80, 96, 192, 320), 1280),
)
_STRIDES = (2, 2, 2, 1, 2, 1)
_SQUEEZE_EXCITE = (False, True, False, True, True)
_HARD_SWISH = (False, False, True, True, True)


@dataclass(frozen=True)
class Form:
    """A kind of lookup table: its names for the layers that all networks have, and for the blocks.

    The names of blocks match ``pattern``. ``networks`` are those that have such names.
    """

    name: str
    pattern: str
    networks: tuple[Network, ...]
    common: Callable[[Network, int, int], list[str]]
    block: Callable[[Block], str]


def _shapes(block: Block) -> str:
    shape = f"{block.size}x{block.size}x{block.channels}-output:{block.out_size}x{block.out_size}x{block.out_channels}"
    return f"-input:{shape}"


def _ofa_mbv3_block(block: Block) -> str:
    choice = f"-expand:{round(block.channels * block.expand)}-kernel:{block.kernel}-stride:{block.stride}"
    return f"expanded_conv{_shapes(block)}{choice}-idskip:{block.skip:d}-se:{block.se:d}-hs:{block.hs:d}"


def _ofa_mbv3(net: Network, r: int, last: int) -> list[str]:
    half, out, wide = (r + 1) // 2, net.channels[-1], net.expanded
    return [
        f"Conv-input:{r}x{r}x3-output:{half}x{half}x{net.stem}",
        _ofa_mbv3_block(Block(half, net.stem, half, net.channels[0], 3, 1, 1, True, False, False)),
        f"Conv_1-input:{last}x{last}x{out}-output:{last}x{last}x{wide}",
        f"AvgPool2D-input:{last}x{last}x{wide}-output:1x1x{wide}",
        f"Conv_2-input:1x1x{wide}-output:1x1x{net.features}",
        f"Logits-input:1x1x{net.features}-output:1000",
    ]


def _ofa_proxyless_block(block: Block) -> str:
    choice = f"-expand:{block.expand}-kernel:{block.kernel}-stride:{block.stride}"
    return f"expanded_conv{_shapes(block)}{choice}-idskip:{block.skip:d}"


def _ofa_proxyless(net: Network, r: int, last: int) -> list[str]:
    half, out, wide = (r + 1) // 2, net.channels[-1], net.expanded
    return [
        f"Conv-input:{r}x{r}x3-output:{half}x{half}x{net.stem}",
        _ofa_proxyless_block(Block(half, net.stem, half, net.channels[0], 3, 1, 1, False, False, False)),
        f"Conv_1-input:{last}x{last}x{out}-output:{last}x{last}x{wide}",
        f"Logits-input:{last}x{last}x{wide}-output:1000",
    ]


def _nsganetv2_block(block: Block) -> str:
    choice = f"-expand:{block.expand}-kernel:{block.kernel}-stride:{block.stride}"
    return f"MBConv{_shapes(block)}{choice}-idskip:{block.skip:d}-se:{block.se:d}"


def _nsganetv2(net: Network, r: int, last: int) -> list[str]:
    half, out, wide = (r + 1) // 2, net.channels[-1], net.expanded
    return [
        f"first_conv-input:{r}x{r}x3-output:{half}x{half}x{net.stem}",
        _nsganetv2_block(Block(half, net.stem, half, net.channels[0], 3, 1, 1, True, False, False)),
        f"final_expand_layer-input:{last}x{last}x{out}-output:{last}x{last}x{wide}",
        f"feature_mix_layer-input:1x1x{wide}-output:1x1x{net.features}",
        f"classifier-input:{net.features}-output:1000",
    ]


MBV3_FORMS = (
    Form("OFA's form for MobileNetV3", r"expanded_conv-input:.*-hs:[01]", _MBV3, _ofa_mbv3, _ofa_mbv3_block),
    Form("nsganetv2's form", r"MBConv-input:.*-se:[01]", _MBV3, _nsganetv2, _nsganetv2_block),
)
PROXYLESS_FORMS = (
    Form(
        "OFA's form for ProxylessNAS",
        r"expanded_conv-input:.*-idskip:[01]",
        _PROXYLESS,
        _ofa_proxyless,
        _ofa_proxyless_block,
    ),
)


def forms_of(space: DesignSpace) -> Sequence[Form]:
    """Return the forms of lookup tables that a space declares."""
    forms: Sequence[Form] = import_target(space.lookup_forms) if space.lookup_forms else ()
    return forms


def form_of(forms: Iterable[Form], names: Iterable[str]) -> Form | None:
    """Return the form of a table, by the first name that is a block's; None if there is none."""
    return next((form for name in names for form in forms if re.fullmatch(form.pattern, name)), None)


def resolutions_of(names: Iterable[str]) -> set[int]:
    """Return the resolutions of the first convolutions among a table's names."""
    found = (re.match(r"(?:Conv|first_conv)-input:(\d+)x\1x3-", name) for name in names)
    return {int(match[1]) for match in found if match}


def network_of(space: DesignSpace, form: Form) -> Network:
    """Return the network of a form that has the space's width; the first if none has."""
    assert isinstance(space, MobileSpace)
    return next((net for net in form.networks if net.width == space.width), form.networks[0])


def width_of(form: Form, own: Network, names: Iterable[str]) -> float | None:
    """Return the supernet's width by a first convolution: that of ``own`` if it is among them, None if unknown."""
    stems = {int(match[1]) for name in names if (match := re.match(r"(?:Conv|first_conv)-.*x(\d+)$", name))}
    return next((net.width for net in (own, *form.networks) if net.stem in stems), None)


@dataclass(frozen=True)
class Missing:
    """A layer that a table lacks: its name, and the choices (positions) of genes that need it, by place."""

    name: str
    choices: tuple[Mapping[str, int], ...]


@dataclass(frozen=True)
class Layers:
    """The summands of a space's costs, NaN where a table lacks a layer, and the missing layers."""

    terms: Sequence[Term]
    missing: Sequence[Missing]


def layers_of(space: DesignSpace, form: Form, tables: Mapping[int, Mapping[str, float]]) -> Layers:
    """Return the latencies of all layers of a space's own network.

    Args:
        space: has declared the form.
        form: of the table.
        tables: by resolution, the latency of each layer by its name; a missing resolution is left NaN.
    """
    assert isinstance(space, MobileSpace)
    missing: list[Missing] = []

    def found(r: int, name: str, choices: Sequence[Mapping[str, int]]) -> float:
        if r in tables and name not in tables[r]:
            missing.append(Missing(name, tuple(choices)))
        return tables.get(r, {}).get(name, np.nan)

    net, resolutions = network_of(space, form), [int(r) for r in space.genes[space.index["r"]].choices]
    common = [
        reduce(add, [found(r, name, [{"r": i}]) for name in form.common(net, r, -(-r // 32))])  # added as OFA adds them
        for i, r in enumerate(resolutions)
    ]
    terms = [Term((("r",),), np.array(common))]
    for members, stage, first in _places(space):
        places = tuple(("r", f"k{block}", f"e{block}") for block in members)
        genes = [space.genes[space.index[name]] for name in places[0]]
        values = np.empty([len(gene.choices) for gene in genes])
        for at in product(*map(range, values.shape)):
            r, kernel, expand = (int(gene.choices[i]) for gene, i in zip(genes, at, strict=True))
            name = form.block(_block(net, r, stage, first, kernel, expand))
            values[at] = found(r, name, [dict(zip(place, at, strict=True)) for place in places])
        terms.append(Term(places, values))
    return Layers(terms, missing)


def _places(space: MobileSpace) -> list[tuple[range, int, bool]]:
    """Return the blocks of each shape: their numbers, their stage, and whether they are a stage's first."""
    staged, found = N_STAGES * BLOCKS_PER_STAGE, list[tuple[range, int, bool]]()
    for stage in range(N_STAGES):
        blocks = range(stage * BLOCKS_PER_STAGE, (stage + 1) * BLOCKS_PER_STAGE)
        found += [(blocks[:1], stage, True), (blocks[1:], stage, False)]
    return found + [(range(staged + i, staged + i + 1), N_STAGES + i, True) for i in range(space.last_blocks)]


def _block(net: Network, r: int, stage: int, first: bool, kernel: int, expand: int) -> Block:
    size = (r + 1) // 2
    for stride in _STRIDES[: stage + (not first)]:
        size = (size - 1) // stride + 1
    stride, into = (_STRIDES[stage], net.channels[stage]) if first else (1, net.channels[stage + 1])
    se, hs = (flags[stage] if stage < N_STAGES else False for flags in (_SQUEEZE_EXCITE, _HARD_SWISH))
    out = net.channels[stage + 1]
    return Block(size, into, (size - 1) // stride + 1, out, kernel, expand, stride, not first, se, hs)
