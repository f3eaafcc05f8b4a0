"""The example that times networks in INT8, on a small network."""

import importlib.util

import onnx
import torch
from conftest import ROOT

from ofa_bench.supernets.network_files import write_onnx


def test_networks_are_quantised_once_and_timed(tmp_path):
    spec = importlib.util.spec_from_file_location("int8", ROOT / "examples" / "int8" / "int8.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net, first, second = tmp_path / "net.onnx", tmp_path / "first.onnx", tmp_path / "second.onnx"
    write_onnx(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3)), (3, 8, 8), net)
    times = module.timer(net)
    assert len(times) == 2
    assert min(times) > 0
    module.write_int8(net, first)
    module.write_int8(first, second)
    assert first.read_bytes() == second.read_bytes()
    kinds = [one.data_type for one in onnx.load(str(first)).graph.initializer if len(one.dims) == 4]
    assert kinds == [onnx.TensorProto.INT8] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.onnx", "net.onnx", "second.onnx"]
