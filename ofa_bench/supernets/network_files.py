"""Writes networks as ONNX files and ``torch.export`` programs, which run without this package."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ofa_bench.config.batches import Batch
from ofa_bench.errors import InputError

__all__ = ["OPSET", "differences", "need_onnx", "open_session", "write_onnx", "write_program"]

OPSET = 17

MAX_DIFFERENCE = 1e-3
"""The largest allowed difference from torch's outputs, relative to the difference between two images."""

SEVERAL = (1, 2, 5)
"""The batches with which a file for any batch is checked."""

Shape = tuple[int, int, int]
"""The shape of one image: channels, height, width."""


def need_onnx() -> None:
    """Raise InputError if onnx is not installed."""
    if find_spec("onnx") is None:
        raise InputError("writing ONNX files needs onnx and onnxruntime: pip install 'ofa_bench[profile]'")


def write_onnx(module: torch.nn.Module, shape: Shape, path: Path, batch: Batch = 1) -> None:
    """Write a module for ``batch`` images of ``shape`` as one ONNX file, with input ``image`` and output ``output``.

    Raises:
        InputError: onnx is not installed.
        OSError: the file cannot be written.
    """
    need_onnx()
    with _quietly():
        torch.onnx.export(
            module.eval(), (_images(shape, batch or 2),), str(path), input_names=["image"], output_names=["output"],
            opset_version=OPSET, dynamo=False,
            dynamic_axes=None if batch else {"image": {0: "batch"}, "output": {0: "batch"}},
        )  # fmt: skip


def write_program(module: torch.nn.Module, shape: Shape, path: Path, batch: Batch = 1) -> None:
    """Write a module for ``batch`` images of ``shape`` as a program that ``torch.export.load`` reads.

    Raises:
        OSError: the file cannot be written.
    """
    content = io.BytesIO()
    with _quietly():
        free = None if batch else ({0: torch.export.Dim("batch", min=1)},)
        program = torch.export.export(module.eval(), (_images(shape, batch or 2),), dynamic_shapes=free)
        torch.export.save(program, content)
    path.write_bytes(content.getvalue())


def differences(
    module: torch.nn.Module, shape: Shape, onnx: Path, program: Path, batch: Batch = 1
) -> dict[str, float | None]:
    """Run both files on two or more images and compare their outputs with those of the module.

    Files for any batch are run with batches of several sizes.

    Returns:
        For each file name, the largest absolute difference, relative to the largest difference between the module's
        outputs for two images, because a part that does not depend on the image would hide errors. None for ONNX if
        onnxruntime is not installed.

    Raises:
        RuntimeError: they differ by more than ``MAX_DIFFERENCE``.
    """
    sizes = SEVERAL if batch is None else (1, 1) if batch == 1 else (batch,)
    images = [_images(shape, size, seed) for seed, size in enumerate(sizes)]
    with _quietly():
        wanted = torch.cat([module.eval()(image[None]) for image in torch.cat(images)])
        loaded = torch.export.load(program).module()
        found = {
            onnx.name: _onnx_outputs(onnx, images),
            program.name: torch.cat([loaded(image) for image in images]),
        }
    spread = float((wanted[0] - wanted[1]).abs().max())
    off = {
        name: None if output is None else float((output - wanted).abs().max()) / max(spread, 1e-30)
        for name, output in found.items()
    }
    for name, difference in off.items():
        if difference is not None and not difference <= MAX_DIFFERENCE:
            raise RuntimeError(
                f"{name}: its outputs differ from torch's by {difference:.2g} of what they differ between two images"
            )
    return off


def _onnx_outputs(path: Path, images: list[torch.Tensor]) -> torch.Tensor | None:
    if find_spec("onnxruntime") is None:
        return None
    session = open_session(path, threads=1)
    return torch.cat([torch.from_numpy(session.run(None, {"image": image.numpy()})[0]) for image in images])


def open_session(path: Path, threads: int = 0) -> Any:
    """Return an onnxruntime session on the CPU for an ONNX file; 0 threads for as many as there are cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _images(shape: Shape, n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, *shape), generator=torch.Generator().manual_seed(seed))


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore warnings and gradients, and use one thread, which is faster for a single network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)
