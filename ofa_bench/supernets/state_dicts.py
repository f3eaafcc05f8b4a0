"""Reads the state dicts of untrusted checkpoints without executing anything, and loads one only if all of it fits."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ofa_bench.files.reading import UnreadableError
from ofa_bench.supernets.numpy_scalars import skip_numpy_scalars

__all__ = ["classifier_shape", "find_fitting_state", "load_state", "read_states"]

PREFIXES = ("_orig_mod.", "module.")
"""Prefixes of names that ``torch.compile`` and, inside it, ``DataParallel`` and ``AveragedModel`` add."""

DEPTH = 2
"""The deepest level of a state dict in a checkpoint: ``model`` is level 1, ``ema.module`` level 2."""


def read_states(content: bytes, largest: int) -> dict[str, dict[str, Tensor]]:
    """Return the state dicts of a checkpoint by their keys; nothing is executed.

    A checkpoint that is a state dict itself has the key ``""``. If there is a ``state_dict``, it is the only one.
    ``PREFIXES`` that all names have are removed.

    Args:
        content: the bytes that ``torch.save`` wrote.
        largest: the most bytes when unpacked.

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
                raise UnreadableError(f"{str(name)[:80]!r} is not a named dense tensor")
    return {key: _without_prefix(state) for key, state in states.items()}


def _read(content: bytes, largest: int) -> Any:
    """Return the content of a checkpoint."""
    file = io.BytesIO(content)
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                unpacked = sum(member.file_size for member in packed.infolist())
            if unpacked > largest:
                raise UnreadableError(f"larger than {largest:,} bytes when unpacked")
        file.seek(0)
        with warnings.catch_warnings(), skip_numpy_scalars():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnreadableError:
        raise
    except Exception as error:  # torch raises many kinds of errors on broken files
        foreign = re.search(r"Unsupported (?:global|class|operand).*?GLOBAL ([\w.]{1,100})", str(error))
        if foreign:
            raise UnreadableError(
                f"it holds {foreign[1]}, which is neither tensor nor number and is not read; save only its state dict"
            ) from error
        raise UnreadableError(f"torch cannot read it: {type(error).__name__}") from error


def _dicts_of_tensors(found: Any, key: str, depth: int = 0) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield the dicts that hold tensors, with their keys (``model``, ``ema.module``)."""
    if not isinstance(found, dict):
        return
    if any(isinstance(value, Tensor) for value in found.values()):
        yield key, found
    elif depth < DEPTH:
        for name, value in found.items():
            if isinstance(name, str):
                yield from _dicts_of_tensors(value, f"{key}.{name}" if key else name, depth + 1)


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the prefixes that all names have."""
    for prefix in PREFIXES:
        named = {name: value for name, value in state.items() if name != "n_averaged"}  # of AveragedModel
        if named and all(name.startswith(prefix) for name in named):
            state = {name.removeprefix(prefix): value for name, value in named.items()}
    return state


def classifier_shape(states: Mapping[str, dict[str, Tensor]]) -> tuple[int, int]:
    """Return the outputs and the inputs of the classifier in the largest state dict; 0 and 0 if it has none."""
    largest = max(states.values(), key=len)
    shapes = [list(value.shape) for name, value in largest.items() if re.fullmatch(r"classifier\..*weight", name)]
    return (shapes[0][0], shapes[0][1]) if len(shapes) == 1 and len(shapes[0]) == 2 else (0, 0)


def find_fitting_state(net: Any, states: Mapping[str, dict[str, Tensor]]) -> tuple[str, dict[str, Tensor]]:
    """Return the key of the state dict that fits a net, and the state dict.

    Raises:
        UnreadableError: none fits (the message is about the largest one), or several do.
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
        raise UnreadableError(f"several state dicts fit, {', '.join(fitting)[:150]}; save only one")
    return fitting[0], states[fitting[0]]


class _FitsError(Exception):
    """Stops ``load_state_dict`` before it copies tensors."""


def load_state(net: Any, state: dict[str, Tensor], *, only_check: bool = False) -> None:
    """Load tensors with ofa's ``load_state_dict``, which knows the names of older files but ignores missing tensors.

    With ``only_check`` nothing is loaded.

    Raises:
        UnreadableError: a tensor is missing, unknown, of another shape or not finite; nothing is loaded then.
    """

    def check(given: Mapping[str, Tensor], *_: object) -> None:
        _check_state(net.state_dict(), given, state)
        if only_check:
            raise _FitsError

    # torch calls it with ofa's names before it copies tensors; the public function came with torch 2.5
    hook = net._register_load_state_dict_pre_hook(check)
    try:
        net.load_state_dict(state)
    except _FitsError:
        pass
    except (AssertionError, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"it has a tensor {str(error)[:100]!r}, which the supernet lacks") from error
    finally:
        hook.remove()


def _check_state(own: Mapping[str, Tensor], given: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Raise UnreadableError if ``given`` (ofa's names) does not fit the net; tensors not from ``state`` are missing.

    The counters of batches may be missing, because nothing reads them.
    """
    theirs = {id(value) for value in state.values()}
    loaded = [name for name, value in given.items() if id(value) in theirs]
    missing = [name for name in own if name not in set(loaded) and not name.endswith("num_batches_tracked")]
    if missing:
        raise UnreadableError(f"{len(missing)} of its {len(own)} tensors are missing, such as {missing[0]!r}")
    if len(loaded) < len(state):
        raise UnreadableError("it has tensors under both older and newer names")
    for name in loaded:
        if name not in own:
            raise UnreadableError(f"it has a tensor {name[:100]!r}, which the supernet lacks")
        value, wanted = given[name], own[name]
        if value.shape != wanted.shape or value.is_floating_point() != wanted.is_floating_point():
            shapes = f"{value.dtype} {list(value.shape)}, not {wanted.dtype} {list(wanted.shape)}"
            raise UnreadableError(f"{name!r} is {shapes}")
        if not bool(torch.isfinite(value).all()):
            raise UnreadableError(f"{name!r} has values that are not finite")
