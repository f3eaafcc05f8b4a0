"""Time networks in INT8, or quantise them: a runner for ``ofa_bench profile`` and ``export``.

``runner=int8.timer`` times each file in INT8 on this machine's CPU. ``python3 int8.py IN OUT`` writes the INT8 file,
for other devices. Files are quantised as by ``ofa_bench export quantize=int8``, but on a random image: that changes the
accuracy of a network, not its latency. A file that is in INT8 already is timed as it is.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ofa_bench.profiling.runners import OnnxRuntime

__all__ = ["quantise", "timer"]

_folder = tempfile.TemporaryDirectory()
_quantised: dict[Path, Path] = {}
_runner = OnnxRuntime(threads=1, runs=2)


class RandomImage(CalibrationDataReader):
    """One image of noise for a network.

    Args:
        path: its ONNX file, for a fixed batch.
    """

    def __init__(self, path: Path) -> None:
        [given] = onnx.load(str(path)).graph.input
        shape = [size.dim_value for size in given.type.tensor_type.shape.dim]
        self._images = iter([{given.name: np.random.default_rng(0).standard_normal(shape, dtype=np.float32)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the image once."""
        return next(self._images, None)


def quantise(path: Path, out: Path) -> None:
    """Write a network in INT8."""
    if any(node.op_type == "QuantizeLinear" for node in onnx.load(str(path)).graph.node):
        out.write_bytes(path.read_bytes())
        return
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared), str(out), RandomImage(path), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8,
    )  # fmt: skip
    prepared.unlink()


def timer(path: Path) -> list[float]:
    """Return milliseconds of a network's runs in INT8."""
    if path not in _quantised:
        out = Path(_folder.name) / f"{len(_quantised)}.onnx"
        quantise(path, out)
        _quantised[path] = out
    return _runner(_quantised[path])


if __name__ == "__main__":
    quantise(Path(sys.argv[1]), Path(sys.argv[2]))
