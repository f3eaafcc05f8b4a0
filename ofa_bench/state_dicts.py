"""Tensors of checkpoints that others made: read without executing anything, and loaded only where they all fit."""

import io
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ofa_bench.reading import UnreadableError

__all__ = ["load_state", "state_of"]


def state_of(content: bytes, largest: int) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint: a state dict, or a dict that has one as ``state_dict``; nothing is executed.

    Args:
        content: what ``torch.save`` wrote.
        largest: the most bytes that it may have when unpacked.

    Raises:
        UnreadableError: it is something else.
    """
    file = io.BytesIO(content)
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                unpacked = sum(member.file_size for member in packed.infolist())
            if unpacked > largest:
                raise UnreadableError(f"larger than {largest:,} bytes when unpacked")
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(file, map_location="cpu", weights_only=True)
    except UnreadableError:
        raise
    except Exception as error:  # of whatever bytes, torch raises whatever
        raise UnreadableError(f"torch reads no tensors from it: {type(error).__name__}") from error
    state = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not state:
        raise UnreadableError("it holds no state dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout != torch.strided:
            raise UnreadableError(f"{str(name)[:80]!r} is no dense tensor with a name")
    return state


def load_state(net: Any, state: dict[str, Tensor]) -> None:
    """Load tensors by ``load_state_dict`` of ``ofa``, which knows the names of older files but lets tensors be missing.

    Raises:
        UnreadableError: a tensor is missing, unknown, of another shape or not finite; nothing has been loaded then.
    """

    def check(given: Mapping[str, Tensor], *_: object) -> None:
        _check_state(net.state_dict(), given, state)

    # torch calls it with ofa's names, before any tensor is copied; its public like came with torch 2.5
    hook = net._register_load_state_dict_pre_hook(check)
    try:
        net.load_state_dict(state)
    except (AssertionError, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"it has a tensor {str(error)[:100]!r}, which the supernet has not") from error
    finally:
        hook.remove()


def _check_state(own: Mapping[str, Tensor], given: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Check the tensors to be loaded (``given``, ofa's names) with the net's own; those not of ``state`` are missing.

    Counters of batches may be missing: nothing reads them.
    """
    theirs = {id(value) for value in state.values()}
    loaded = [name for name, value in given.items() if id(value) in theirs]
    missing = [name for name in own if name not in set(loaded) and not name.endswith("num_batches_tracked")]
    if missing:
        raise UnreadableError(f"{len(missing)} of its {len(own)} tensors are missing, such as {missing[0]!r}")
    if len(loaded) < len(state):
        raise UnreadableError("it has tensors twice, under older and newer names")
    for name in loaded:
        if name not in own:
            raise UnreadableError(f"it has a tensor {name[:100]!r}, which the supernet has not")
        value, wanted = given[name], own[name]
        if value.shape != wanted.shape or value.is_floating_point() != wanted.is_floating_point():
            shapes = f"{value.dtype} {list(value.shape)}, not {wanted.dtype} {list(wanted.shape)}"
            raise UnreadableError(f"{name!r} is {shapes}")
        if not bool(torch.isfinite(value).all()):
            raise UnreadableError(f"{name!r} has values that are not finite")
