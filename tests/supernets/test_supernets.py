from functools import cache

import numpy as np
import pytest
import torch

from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import count_macs, count_parameters, supernet
from ofa_bench.testing import check_cost

SPACES = [MobileNetV3Space(), MobileNetV3Space(width=1.0), ProxylessNASSpace(), ResNet50DSpace()]
MODELS = {
    "mbv3": "Mbv3FLOPsModel",
    "mbv3_w1.0": "Mbv3FLOPsModel",
    "proxyless": "ProxylessNASFLOPsModel",
    "resnet50d": "ResNet50FLOPsModel",
}
ids = [space.name for space in SPACES]


@cache
def built(name):
    """Return a space's supernet, built once for all tests that do not change it."""
    return supernet(next(space for space in SPACES if space.name == name))


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_macs_equal_those_of_ofa(space):
    """On random architectures, also where choices are merged or inactive."""
    table = latency_table(space, "macs")
    genes = space.sample(300, np.random.default_rng(0))
    model = getattr(import_ofa("ofa.nas.efficiency_predictor"), MODELS[space.name])(built(space.name).net)
    theirs = np.array([model.get_efficiency(space.to_ofa(row)) for row in genes])
    assert np.abs(table.cost(genes) - theirs).max() < 1e-8
    assert table.unit == "MMACs"
    assert len(table.targets) == 10
    assert table.minimum < min(table.targets) < max(table.targets) < table.maximum


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_macs_contract(space):
    check_cost(latency_table(space, "macs"), space)


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_shipped_macs_are_what_the_modules_give(space):
    """Some pieces of every slot, counted anew."""
    table = latency_table(space, "macs")
    rng = np.random.default_rng(1)
    for row in (table.cheapest, table.dearest, *space.canonical(space.sample(2, rng))):
        assert count_macs(built(space.name).subnet(row)) / 1e6 == pytest.approx(table.cost(row[None])[0], abs=1e-8)


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_parameters_are_those_of_the_networks(space):
    table, net, rng = latency_table(space, "params"), built(space.name), np.random.default_rng(3)
    check_cost(table, space)
    for row in (table.cheapest, table.dearest, *space.canonical(space.sample(8, rng))):
        assert count_parameters(net.subnet(row)) == round(1e6 * table.cost(row[None])[0], 3)
    assert (table.unit, len(table.targets)) == ("M params", 10)
    assert table.minimum < min(table.targets) < max(table.targets) < table.maximum


def test_parameters_are_those_of_compofas_networks_and_do_not_depend_on_the_image_size():
    space, parent = CompoundSpace(), SPACES[0]
    table, net, rows = latency_table(space, "params"), built(parent.name), space.sample(4, np.random.default_rng(4))
    for row in rows:
        [network] = space.to_parent(row[None])
        assert count_parameters(net.subnet(network)) == round(1e6 * table.cost(row[None])[0], 3)
    other = rows.copy()
    other[:, space.index["r"]] = (rows[:, space.index["r"]] + 1) % 5
    assert table.cost(other).tolist() == table.cost(rows).tolist()


@pytest.mark.parametrize("space", SPACES, ids=ids)
def test_pieces_fit_one_another_and_make_up_the_network(space):
    """Run one after another, the pieces of an architecture take each other's output, down to the classes."""
    net = built(space.name)
    slots = net.slots()
    for row in space.canonical(space.sample(1, np.random.default_rng(2))):
        active = space.active(row[None])[0]
        chosen = []
        for slot in slots:
            for place in slot.places:
                genes = [space.index[name] for name in place]
                if active[genes].all():
                    chosen.append((place, slot.pieces[tuple(int(row[gene]) for gene in genes)]))
        stem, head, *blocks = chosen
        blocks.sort(key=lambda chosen: int(chosen[0][-1][1:]))  # by the number of the expand gene
        value = torch.zeros((1, *net.subnet(row).shape))
        with torch.no_grad():
            for _, piece in (stem, *blocks, head):
                assert tuple(value.shape[1:]) == piece.shape
                value = piece.build()(value)
        assert value.shape == (1, 1000)
        assert sum(count_macs(piece) for _, piece in chosen) == count_macs(net.subnet(row))


@pytest.mark.parametrize(("space", "pieces"), [*zip(SPACES, (440, 440, 467, 1236), strict=True)], ids=ids)
def test_equal_pieces_are_one(space, pieces):
    assert len({piece.key for slot in built(space.name).slots() for piece in slot.pieces.values()}) == pieces


def test_building_leaves_the_random_state_and_the_supernet_as_they_were():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    net = supernet(SPACES[0])
    assert (torch.rand(3) == expected).all()
    before = {name: value.clone() for name, value in net.net.state_dict().items()}
    for piece in list(net.slots()[0].pieces.values())[:2]:
        torch.nn.init.zeros_(next(piece.build().parameters()))
    assert all((value == before[name]).all() for name, value in net.net.state_dict().items())


def test_spaces_without_a_supernet_are_refused():
    with pytest.raises(InputError, match="space=compofa: a part of mbv3, whose supernet builds its networks"):
        supernet(CompoundSpace())
