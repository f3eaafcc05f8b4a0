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

from ofa_bench.exporting.quantising import quantise
from ofa_bench.profiling.runners import OnnxRuntime

__all__ = ["timer", "write_int8"]

_folder = tempfile.TemporaryDirectory()
_quantised: dict[Path, Path] = {}
_runner = OnnxRuntime(threads=1, runs=2)


def write_int8(path: Path, out: Path) -> None:
    """Write a network in INT8, calibrated on an image of noise."""
    network = onnx.load(str(path))
    if any(node.op_type == "QuantizeLinear" for node in network.graph.node):
        out.write_bytes(path.read_bytes())
        return
    [given] = network.graph.input
    shape = [size.dim_value for size in given.type.tensor_type.shape.dim]
    noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / out.name
        quantise(path, made, iter([{given.name: noise}]))
        out.write_bytes(made.read_bytes())


def timer(path: Path) -> list[float]:
    """Return milliseconds of a network's runs in INT8."""
    if path not in _quantised:
        out = Path(_folder.name) / f"{len(_quantised)}.onnx"
        write_int8(path, out)
        _quantised[path] = out
    return _runner(_quantised[path])


if __name__ == "__main__":
    write_int8(Path(sys.argv[1]), Path(sys.argv[2]))
