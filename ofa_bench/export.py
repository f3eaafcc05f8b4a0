"""Networks as ONNX files."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from ofa_bench.errors import InputError

__all__ = ["write_onnx"]

OPSET = 17


def write_onnx(module: torch.nn.Module, shape: tuple[int, int, int], path: Path) -> None:
    """Write a module for one image of ``shape`` (channels, height, width) as one ONNX file.

    Raises:
        InputError: onnx is not installed.
        OSError: the file cannot be written.
    """
    if find_spec("onnx") is None:
        raise InputError("writing ONNX files needs onnx: pip install onnx")
    image = torch.randn((1, *shape), generator=torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several are slower for so little work, and much slower where they share a core
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), (image,), str(path), input_names=["image"], output_names=["output"],
                opset_version=OPSET, dynamo=False,
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)
