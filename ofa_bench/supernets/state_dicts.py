"""Tensors of checkpoints that others made: read without executing anything, and loaded only where they all fit."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ofa_bench.files.reading import UnreadableError
from ofa_bench.supernets.numpy_scalars import numpy_scalars

__all__ = ["classes_in", "fitting_state", "load_state", "states_of"]

PREFIXES = ("_orig_mod.", "module.")
"""Of names: what ``torch.compile`` and, within it, ``DataParallel`` and ``AveragedModel`` put before them."""

DEPTH = 2
"""How deep in a checkpoint a state dict may lie: ``model``, ``ema.module``."""


def states_of(content: bytes, largest: int) -> dict[str, dict[str, Tensor]]:
    """Read the state dicts of a checkpoint, by the key that each has in it; nothing is executed.

    A state dict alone has the key ``""``. Where there is a ``state_dict``, it is the only one, whatever is beside it.
    The prefix that ``DataParallel``, ``AveragedModel`` or ``torch.compile`` gives to all names is taken off.

    Args:
        content: what ``torch.save`` wrote.
        largest: the most bytes that it may have when unpacked.

    Raises:
        UnreadableError: it is something else.
    """
    found = _read(content, largest)
    if isinstance(found, dict) and "state_dict" in found:
        found = {"state_dict": found["state_dict"]}
    states = dict(_dicts_of_tensors(found, ""))
    if not states:
        raise UnreadableError("it holds no state dict")
    for state in states.values():
        for name, value in state.items():
            if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout != torch.strided:
                raise UnreadableError(f"{str(name)[:80]!r} is no dense tensor with a name")
    return {key: _without_prefix(state) for key, state in states.items()}


def _read(content: bytes, largest: int) -> Any:
    """Read whatever a checkpoint holds."""
    file = io.BytesIO(content)
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                unpacked = sum(member.file_size for member in packed.infolist())
            if unpacked > largest:
                raise UnreadableError(f"larger than {largest:,} bytes when unpacked")
        file.seek(0)
        with warnings.catch_warnings(), numpy_scalars():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnreadableError:
        raise
    except Exception as error:  # of whatever bytes, torch raises whatever
        foreign = re.search(r"Unsupported (?:global|class|operand).*?GLOBAL ([\w.]{1,100})", str(error))
        if foreign:
            raise UnreadableError(
                f"it holds {foreign[1]} beside tensors and numbers, which is not unpickled; save its state dict alone"
            ) from error
        raise UnreadableError(f"torch reads no tensors from it: {type(error).__name__}") from error


def _dicts_of_tensors(found: Any, key: str, depth: int = 0) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Find the dicts that hold tensors, and their keys (``model``, ``ema.module``)."""
    if not isinstance(found, dict):
        return
    if any(isinstance(value, Tensor) for value in found.values()):
        yield key, found
    elif depth < DEPTH:
        for name, value in found.items():
            if isinstance(name, str):
                yield from _dicts_of_tensors(value, f"{key}.{name}" if key else name, depth + 1)


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take prefixes off that all names have."""
    for prefix in PREFIXES:
        named = {name: value for name, value in state.items() if name != "n_averaged"}  # of AveragedModel
        if named and all(name.startswith(prefix) for name in named):
            state = {name.removeprefix(prefix): value for name, value in named.items()}
    return state


def classes_in(states: Mapping[str, dict[str, Tensor]]) -> tuple[int, int]:
    """Return the classes and the channels of the classifier in the largest state dict, 0 and 0 where it has none."""
    largest = max(states.values(), key=len)
    shapes = [list(value.shape) for name, value in largest.items() if re.fullmatch(r"classifier\..*weight", name)]
    return (shapes[0][0], shapes[0][1]) if len(shapes) == 1 and len(shapes[0]) == 2 else (0, 0)


def fitting_state(net: Any, states: Mapping[str, dict[str, Tensor]]) -> tuple[str, dict[str, Tensor]]:
    """Choose the state dict that fits a net, and give its key.

    Raises:
        UnreadableError: none does (the message is of the one with the most tensors), or several do.
    """
    fitting, reasons = list[str](), dict[str, UnreadableError]()
    for key, state in states.items():
        try:
            load_state(net, state, only_check=True)
            fitting.append(key)
        except UnreadableError as error:
            reasons[key] = error
    if not fitting:
        largest = max(states, key=lambda key: len(states[key]))
        raise reasons[largest]
    if len(fitting) > 1:
        raise UnreadableError(f"it has several that fit, {', '.join(fitting)[:150]}; save the one you mean alone")
    return fitting[0], states[fitting[0]]


class _FitsError(Exception):
    """Ends a check before tensors are copied."""


def load_state(net: Any, state: dict[str, Tensor], *, only_check: bool = False) -> None:
    """Load tensors by ``load_state_dict`` of ``ofa``, which knows the names of older files but lets tensors be missing.

    With ``only_check`` nothing is loaded.

    Raises:
        UnreadableError: a tensor is missing, unknown, of another shape or not finite; nothing has been loaded then.
    """

    def check(given: Mapping[str, Tensor], *_: object) -> None:
        _check_state(net.state_dict(), given, state)
        if only_check:
            raise _FitsError

    # torch calls it with ofa's names, before any tensor is copied; its public like came with torch 2.5
    hook = net._register_load_state_dict_pre_hook(check)
    try:
        net.load_state_dict(state)
    except _FitsError:
        pass
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
