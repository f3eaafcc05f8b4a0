"""Lets ONNX files share one file of random weights: what a network computes does not change how long it takes."""

from pathlib import Path

import numpy as np

__all__ = ["WEIGHTS", "share_weights"]

WEIGHTS = "weights.bin"
"""The shared file, beside the ONNX files."""

_LEAST = 1024  # bytes of a tensor that leaves its file
_PAGE = 4096  # bytes; tensors begin at pages
_SCALE = 0.02  # large enough that no output is a slow denormal number, small enough that none overflows


def share_weights(path: Path, folder: Path) -> None:
    """Replace the large float32 weights of an ONNX file by places in the file ``WEIGHTS`` of ``folder``.

    The weights of one file do not overlap, so that they need as much memory as its own. The file of weights grows when
    it is too short. The ONNX file must then be moved to ``folder``.
    """
    import onnx

    model, end = onnx.load(path), 0
    for tensor in model.graph.initializer:
        size = len(tensor.raw_data)
        if size >= _LEAST and tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", WEIGHTS), ("offset", str(end)), ("length", str(size))):
                tensor.external_data.add(key=key, value=value)
            end += -(-size // _PAGE) * _PAGE
    shared = folder / WEIGHTS
    there = shared.stat().st_size if shared.exists() else 0
    if there < end:
        numbers = np.random.default_rng(there).standard_normal((end - there) // 4, dtype=np.float32)
        with shared.open("ab") as file:
            file.write((_SCALE * numbers).tobytes())
    path.write_bytes(model.SerializeToString())
