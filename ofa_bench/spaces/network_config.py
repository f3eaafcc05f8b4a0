"""Reading ``net.config``, the layer by layer description that ``ofa`` saves beside a specialised network."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, DEPTHS, N_STAGES
from ofa_bench.spaces.resnet50d import BASE_DEPTHS, MAX_DEPTHS, STEM_DEPTHS, WIDTHS

__all__ = ["architecture_of"]

Config = Mapping[str, Any]

MOBILENET_STAGES = (24, 40, 80, 112, 160)
PROXYLESS_STAGES = (24, 40, 80, 96, 192, 320)
RESNET_STAGES = (256, 512, 1024, 2048)
"""Channels of the stages' outputs at width 1.0 (``ofa.imagenet_classification.elastic_nn.networks``)."""


def architecture_of(config: Config, size: Any) -> dict[str, Any]:
    """Return the architecture of a network as OFA's dict; what is not built is 0.

    Args:
        config: ``net.config``: the ``config`` of one of ``ofa``'s networks.
        size: height and width of its images, from ``run.config``.

    Raises:
        InputError: the network is of another kind or width than OFA's supernets here, or a part is missing.
    """
    name = config.get("name")
    if name not in _READERS:
        raise InputError(f"its network is {str(name)[:80]!r}; must be one of {', '.join(_READERS)}")
    try:
        return {**_READERS[name](config), "image_size": size}
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"its {name} lacks what such a network has ({type(error).__name__}: {error})") from error


def _mobile(stages: Sequence[int], width: float) -> Callable[[Config], dict[str, Any]]:
    def read(config: Config) -> dict[str, Any]:
        blocks = [block["mobile_inverted_conv"] if "conv" not in block else block["conv"] for block in config["blocks"]]
        grouped = _by_channels(blocks[1:], [_divisible(channels * width) for channels in stages], width)
        kernels, expands, depths = list[int](), list[float](), list[int]()
        for number, stage in enumerate(grouped):
            room = BLOCKS_PER_STAGE if number < N_STAGES else 1
            if len(stage) > room or (number < N_STAGES and len(stage) not in DEPTHS):
                raise InputError(f"stage {number + 1} has {len(stage)} blocks; must be one of {list(DEPTHS)}")
            absent = [0] * (room - len(stage))
            kernels += [*(block["kernel_size"] for block in stage), *absent]
            expands += [*(block["expand_ratio"] for block in stage), *absent]
            depths.append(len(stage))
        return {"ks": kernels, "e": expands, "d": depths}

    return read


def _resnet(config: Config) -> dict[str, Any]:
    blocks, stem = config["blocks"], config["input_stem"]
    stages = [list(stage) for _, stage in groupby(blocks, key=lambda block: block["out_channels"])]
    if len(stages) != len(RESNET_STAGES):
        raise InputError(f"its blocks are of {len(stages)} stages; must be {len(RESNET_STAGES)}")
    widths = [_position(stem[0]["out_channels"], 32), _position(stem[-1]["out_channels"], 64)]
    expands, depths = list[float](), [STEM_DEPTHS[len(stem) - 2]]
    for stage, channels, base, most in zip(stages, RESNET_STAGES, BASE_DEPTHS, MAX_DEPTHS, strict=True):
        if not base <= len(stage) <= most:
            raise InputError(f"a stage has {len(stage)} blocks; must be {base} to {most}")
        widths.append(_position(stage[0]["out_channels"], channels))
        expands += [*(block["expand_ratio"] for block in stage), *[0] * (most - len(stage))]
        depths.append(len(stage) - base)
    return {"d": depths, "e": expands, "w": widths}


_READERS: Mapping[Any, Callable[[Config], dict[str, Any]]] = {
    "MobileNetV3": _mobile(MOBILENET_STAGES, 1.2),
    "ProxylessNASNets": _mobile(PROXYLESS_STAGES, 1.3),
    "ResNets": _resnet,
}
"""By the name that ``ofa`` gives a network."""


def _by_channels(blocks: Sequence[Config], wanted: Sequence[int], width: float) -> list[list[Config]]:
    """Group blocks into stages, which differ in their output's channels."""
    stages = [(channels, list(stage)) for channels, stage in groupby(blocks, key=lambda block: block["out_channels"])]
    channels = [found for found, _ in stages]
    if channels != list(wanted):
        raise InputError(f"its stages have {channels} channels; must be {list(wanted)}, of width {width}")
    return [stage for _, stage in stages]


def _position(channels: int, full: int) -> int:
    """Return the first position of a width multiplier that gives so many channels (in the stem two may)."""
    found = [i for i, width in enumerate(WIDTHS) if _divisible(full * width) == channels]
    if not found:
        allowed = sorted({_divisible(full * width) for width in WIDTHS})
        raise InputError(f"it has {channels} channels where OFA's supernet has one of {allowed}")
    return found[0]


def _divisible(channels: float) -> int:
    """Round to a multiple of 8 that is at least nine tenths of it, as ``ofa.utils.make_divisible`` does."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
