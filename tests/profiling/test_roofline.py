"""Rooflines: the layers of all spaces, their arithmetic, and the device by a data sheet."""

import numpy as np
import pytest
from composing import cell
from own_layers import LayersSpace
from torch import nn

from ofa_bench.devices import roofline
from ofa_bench.devices.roofline import DataSheet, Layer, read_layers
from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.profiling import roofline_table
from ofa_bench.profiling.layers import list_layers, list_terms
from ofa_bench.spaces import (
    AccelNASBenchSpace,
    CompoundSpace,
    MobileNetV3Space,
    NASBenchMacroSpace,
    ProxylessNASSpace,
    ResNet50DSpace,
)
from ofa_bench.supernets.pieces import make_piece, supernet
from ofa_bench.testing import check_cost

SPACES = [
    MobileNetV3Space(), MobileNetV3Space(width=1.0), ProxylessNASSpace(), ResNet50DSpace(), NASBenchMacroSpace(),
]  # fmt: skip
ids = [space.name for space in SPACES]
PHONE = {"peak": 45.4, "bandwidth": 34.1}


class Scaled(nn.Module):
    """Squeeze-and-excitation, whose mean is taken over rows and then over columns, and a sum."""

    def __init__(self):
        super().__init__()
        self.inner, self.act = nn.Conv2d(8, 8, 1), nn.Hardswish()

    def forward(self, image):
        squeezed = image.mean(3, keepdim=True).mean(2, keepdim=True)
        return image + image * self.act(self.inner(squeezed))


def test_layers_are_those_that_an_engine_runs():
    def build():
        depthwise = nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False)
        return nn.Sequential(
            nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), depthwise, Scaled(), nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
        )  # fmt: skip

    assert list_layers(make_piece("x", 3, 8, build)) == (
        Layer(3 * 8 * 64, (3 + 8) * 64, 3 * 8),
        Layer(8 * 9 * 16, 8 * (64 + 16), 8 * 9),
        Layer(0, 8 * 16 + 8, 0),
        Layer(64, 16, 64 + 8),
        Layer(0, 8 * 16 + 8 * 4, 0),
        Layer(0, 8 * 4 + 8, 0),
        Layer(40, 13, 45),
    )


def test_a_layer_takes_the_longer_of_arithmetic_and_traffic_and_an_overhead():
    slow_arithmetic, slow_memory = Layer(5_000_000, 1000, 0), Layer(0, 100_000, 150_000)
    sheet = DataSheet(peak=10, bandwidth=1)
    assert sheet.latency([slow_arithmetic]) == pytest.approx(1.0)
    assert sheet.latency([slow_memory]) == pytest.approx(1.0)
    assert sheet.latency([slow_arithmetic, slow_memory]) == pytest.approx(2.0)
    assert DataSheet(10, 1, overhead=100).latency([slow_arithmetic, slow_memory]) == pytest.approx(2.2)
    batch = DataSheet(10, 1, overhead=100, batch=4)
    assert batch.latency([slow_arithmetic]) == pytest.approx(4.1)
    assert batch.latency([slow_memory]) == pytest.approx(0.1 + 4 * (4 * 0.1 + 0.15))
    assert DataSheet(10, 1, bytes=2).latency([slow_memory]) == pytest.approx(0.5)
    assert DataSheet(10, 1, bytes=2).latency([slow_arithmetic]) == pytest.approx(1.0)


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_without_limits_of_memory_it_is_the_macs(space):
    table, macs = roofline_table(space, peak=2.0, bandwidth=1e12), latency_table(space, "macs")
    genes = space.sample(500, np.random.default_rng(0))
    assert table.cost(genes) == pytest.approx(macs.cost(genes), rel=1e-6)


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_a_cost_is_the_sum_over_the_layers_of_the_whole_network(space):
    sheet = {**PHONE, "overhead": 7.0, "batch": 3, "bytes": 2}
    table, net = roofline_table(space, **sheet), supernet(space)
    check_cost(table, space)
    assert table.unit == "ms a batch of 3"
    for row in (table.cheapest, *space.canonical(space.sample(1, np.random.default_rng(1)))):
        whole = DataSheet(**sheet).latency(list_layers(net.subnet(row)))
        assert table.cost(row[None])[0] == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_shipped_layers_are_those_of_the_modules(space):
    """Some pieces of every slot, listed anew."""
    rng = np.random.default_rng(2)
    slots, shipped = supernet(space).slots(), read_layers(space.name)
    assert len(slots) == len(shipped)
    for slot, term in zip(slots, shipped, strict=True):
        assert (slot.places, list(slot.pieces)) == (term.places, list(term.layers))
        for i in rng.choice(len(slot.pieces), size=1):
            choice = list(slot.pieces)[i]
            assert list_layers(slot.pieces[choice]) == term.layers[choice]


def test_the_tool_writes_what_is_shipped(tmp_path, monkeypatch):
    import make_layers

    shipped = (make_layers.FOLDER / "nasbench_macro.json").read_text()
    monkeypatch.setattr(make_layers, "FOLDER", tmp_path)
    make_layers.main(["nasbench_macro"])
    assert (tmp_path / "nasbench_macro.json").read_text() == shipped


def test_layers_without_a_list_are_those_of_the_supernet(tmp_path, monkeypatch):
    space = NASBenchMacroSpace()
    shipped = roofline_table(space, **PHONE)
    monkeypatch.setattr(roofline, "FOLDER", tmp_path)
    counted = roofline_table(space, **PHONE)
    assert (counted.sha256, counted.targets) == (shipped.sha256, shipped.targets)
    own = LayersSpace()
    table = roofline_table(own, **PHONE)
    assert table.cost(own.sample(5, np.random.default_rng(3))).min() > 0
    assert len(list_terms(supernet(own).slots())) == len(supernet(own).slots())


def test_a_subspace_has_the_table_of_its_parent_and_targets_of_its_own():
    space = CompoundSpace()
    table, whole = roofline_table(space, **PHONE), roofline_table(space.parent, **PHONE)
    rows = space.sample(50, np.random.default_rng(4))
    assert table.cost(rows) == pytest.approx(whole.cost(space.to_parent(rows)))
    assert table.sha256 == whole.sha256
    assert table.targets != whole.targets
    assert table.minimum <= table.targets[0] < table.targets[-1] < table.maximum


def test_the_option_builds_it_with_targets():
    made = cell("device=roofline", "device.peak=45.4", "device.bandwidth=34.1", "device.name=phone", "device.batch=8")
    cost = made.problem.cost
    assert (cost.name, cost.unit, len(made.targets)) == ("phone", "ms a batch of 8", 10)
    assert made.targets == cost.targets == cell(
        "device=roofline", "device.peak=45.4", "device.bandwidth=34.1", "device.batch=8", "targets=quantiles"
    ).targets  # fmt: skip
    assert (cost.card["peak"], cost.card["bandwidth"], cost.card["overhead"]) == (45.4, 34.1, 0)
    assert cost.sha256 != roofline_table(MobileNetV3Space(), **PHONE).sha256


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), r"^device\.peak=null: must be a positive number of GFLOP/s, 1e-6 to 1e12$"),
        (("device.peak=9",), r"^device\.bandwidth=null: must be a positive number of GB/s"),
        (("device.peak=0",), r"^device\.peak=0: must be a positive number of GFLOP/s"),
        (("device.peak=inf",), r"^device\.peak=inf: must be"),
        (("device.peak=fast",), r"^device\.peak=fast: must be"),
        (("device.peak=9", "device.bandwidth=-1"), r"^device\.bandwidth=-1: must be"),
        (("device.peak=9", "device.bandwidth=1", "device.bytes=0"), r"^device\.bytes=0: must be a positive number, "),
        (("device.peak=9", "device.bandwidth=1", "device.overhead=-1"), r"^device\.overhead=-1: .* microseconds a "),
        (("device.peak=9", "device.bandwidth=1", "device.batch=1.5"), r"^device\.batch=1\.5: .* whole number of 1 to"),
        (("device.peak=9", "device.bandwidth=1", "device.name='a b'"), r"^device\.name=a b: must be 1 to 40 letters"),
    ],
)
def test_values_that_no_device_has_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        cell("device=roofline", *given)


def test_a_space_whose_layers_are_not_known_is_refused():
    with pytest.raises(InputError, match=r"^device=roofline: the layers of space accel_nasbench are not known"):
        roofline_table(AccelNASBenchSpace(), **PHONE)
