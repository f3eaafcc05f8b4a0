"""The networks of NAS-Bench-Macro, and what is counted on them: equal to what is published, for every network."""

import json

import numpy as np
import pytest
import torch

from ofa_bench.commands.profile import make_table
from ofa_bench.predictors import latency_table
from ofa_bench.profiling.plan import make_plan
from ofa_bench.spaces import NASBenchMacroSpace
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.supernets.pieces import count_macs, count_parameters, supernet
from ofa_bench.testing import check_cost

SPACE = NASBenchMacroSpace()
TABLES = {"macs": "flops", "params": "params"}


def pieces_of(net, row):
    """Return the pieces of an architecture, in the order of the layers."""
    chosen = [
        (int(gene[1:]), slot.pieces[int(row[SPACE.index[gene]]),])
        for slot in net.slots()
        for (gene,) in slot.places
        if (int(row[SPACE.index[gene]]),) in slot.pieces
    ]
    return [piece for _, piece in sorted(chosen, key=lambda one: one[0])]


@pytest.mark.parametrize("device", TABLES)
def test_tables_are_as_published_for_every_network(device, measured):
    published = json.loads((measured / "benchmarks/nas-bench-macro_cifar10.json").read_bytes())
    table = latency_table(SPACE, device)
    [rows] = architectures(SPACE, 10_000)
    wanted = [published["".join(map(str, row))][TABLES[device]] for row in rows.tolist()]
    assert (np.round(1e6 * table.cost(rows), 3) == wanted).all()


@pytest.mark.parametrize("device", TABLES)
def test_tables_are_what_the_networks_have(device):
    table, net, rng = latency_table(SPACE, device), supernet(SPACE), np.random.default_rng(0)
    count = {"macs": count_macs, "params": count_parameters}[device]
    for row in (table.cheapest, table.dearest, *SPACE.sample(8, rng)):
        assert count(net.subnet(row)) == round(1e6 * table.cost(row[None])[0])
    check_cost(table, SPACE)
    assert table.minimum < min(table.targets) < max(table.targets) < table.maximum
    assert len(table.targets) == 10


def test_pieces_fit_one_another_and_make_up_the_network():
    net = supernet(SPACE)
    for row in (np.zeros(8, np.int8), np.full(8, 2, np.int8), *SPACE.sample(4, np.random.default_rng(1))):
        whole, pieces = net.subnet(row), pieces_of(net, row)
        value = torch.zeros((1, *whole.shape))
        with torch.no_grad():
            for piece in pieces:
                assert tuple(value.shape[1:]) == piece.shape
                value = piece.build()(value)
        assert value.shape == (1, 10)
        assert sum(map(count_macs, pieces)) == count_macs(whole)
        assert sum(map(count_parameters, pieces)) == count_parameters(whole)


def test_an_mbconv_has_a_shortcut_where_the_shape_stays():
    """With the last BatchNorm of a block at 0, only the shortcut is left."""
    net = supernet(SPACE).net
    for layer, (before, after, size, stride) in enumerate([(32, 64, 32, 2), (64, 64, 16, 1)]):
        block = net.layers[layer][1]
        torch.nn.init.zeros_([one for one in block.modules() if isinstance(one, torch.nn.BatchNorm2d)][-1].weight)
        image = torch.randn(1, before, size, size)
        out = block(image)
        assert out.shape == (1, after, size // stride, size // stride)
        assert torch.equal(out, image) if stride == 1 else not out.any()


def test_a_space_without_resolutions_is_profiled(tmp_path, monkeypatch):
    """Times that are exact sums of pieces, times a factor, give back this factor; and targets by the known truth."""
    monkeypatch.setattr("ofa_bench.search.saturation.COSTS", 5)
    net, macs = supernet(SPACE), latency_table(SPACE, "macs")
    plan = make_plan(net, macs, 8, 10, 0)
    assert len(plan.calibration) == 8
    assert macs.cost(plan.calibration).max() > 4 * macs.cost(plan.calibration).min()
    genes = dict(zip((one.key for one in plan.networks), [*plan.calibration, *plan.held_back], strict=True))
    times = [
        1.5 * macs.cost(genes[key][None])[0] if key in genes else count_macs(piece) / 1e6
        for key, piece in plan.items.items()
    ]
    path = tmp_path / "nasbench_macro.json"
    card = {"device": "x", "statistic": "median"}
    make_table(SPACE, plan, np.array(times)[:, None, None].repeat(7, axis=1), path, card)
    table = latency_table(SPACE, str(tmp_path))
    rows = SPACE.sample(50, np.random.default_rng(0))
    assert table.cost(rows) == pytest.approx(1.5 * macs.cost(rows), rel=1e-4)
    assert len(table.targets) == 10


def test_another_number_of_classes_is_possible():
    net = supernet(SPACE)
    net.set_classes(100)
    assert net.classes == 100
    assert net.subnet(np.zeros(8, np.int8)).build()(torch.zeros(1, 3, 32, 32)).shape == (1, 100)
