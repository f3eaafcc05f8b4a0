"""A user's space is searched, profiled, exported, drawn and judged as ours are."""

import json
import sys

import numpy as np
import own_space
import pytest
import torch
from own_space import ChainSpace, SmallKernels

from ofa_bench.analysis.figures import networks
from ofa_bench.analysis.studies import studies
from ofa_bench.commands import export, profile
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable, embedded_predictor, latency_table, official_predictor
from ofa_bench.profiling.plan import count_terms
from ofa_bench.records import record as records
from ofa_bench.records.model import to_dict
from ofa_bench.search import Evolution, Problem, may_fork
from ofa_bench.spaces import hold, recognise, space_of
from ofa_bench.spaces.drawing import BLOCK, SLOT
from ofa_bench.strategies import Budget, Vanilla
from ofa_bench.supernets.checkpoints import load_weights
from ofa_bench.supernets.pieces import count_macs, supernet
from ofa_bench.testing import ToyPredictor, check_cost, check_space

SPACES = [SmallKernels(), ChainSpace(), ChainSpace(2)]
CONFIG = {"_target_": "own_space.ChainSpace", "blocks": 3}
HEAD = {"name": "mine", "unit": "ms", "sha256": "0" * 64, "card": {}}


@pytest.fixture(scope="module")
def chain():
    net = supernet(ChainSpace())
    return Problem(net.space, ToyPredictor(net.space), CostTable(net.space, count_terms(net.slots()), **HEAD))


@pytest.fixture(scope="module")
def found(chain):
    """Return the record of a search."""
    targets = tuple(chain.cost.minimum + share * (chain.cost.maximum - chain.cost.minimum) for share in (0.2, 0.6))
    cell = Cell(chain, Vanilla(Evolution(population_size=10)), targets, Budget(3, 2), seed=0, repeats=1, threads=1)
    return records.make_record(
        cell,
        list(run_repeats(cell, lambda *_: None)),
        address="a",
        choices=dict.fromkeys(("predictor", "strategy", "budget", "targets"), "x") | {"space": "c", "device": "mine"},
        identity="0" * 16,
        config={"space": CONFIG},
    )


@pytest.mark.parametrize("space", SPACES, ids=["variation", "chain", "short chain"])
def test_contracts(space):
    check_space(space)
    table = CostTable(space, count_terms(supernet(space).slots()), **HEAD) if space.name == "chain" else None
    if table:
        check_cost(table, space)


@pytest.mark.parametrize("space", SPACES[:2], ids=["variation", "chain"])
def test_networks_are_built_and_drawn(space):
    net = supernet(space)
    for row in space.canonical(space.sample(3, np.random.default_rng(0))):
        piece = net.subnet(row)
        with torch.no_grad():
            assert piece.build()(torch.zeros(2, *piece.shape)).shape == (2, net.classes)
        drawing = space.drawing(row)
        blocks = [block for stage in drawing.stages.values() for block in stage]
        arch = space.to_ofa(row)
        assert sum(block.kind == BLOCK for block in blocks) == sum(arch["d"])
        assert {block.kind for block in blocks} <= {BLOCK, SLOT}
        assert drawing.resolution == arch["r"][0]


def test_a_variation_is_read_as_ofa_saves_it():
    space = SmallKernels()
    row = space.canonical(space.sample(1, np.random.default_rng(1)))[0]
    config = supernet(space).subnet(row).build().config
    assert (space.from_ofa({**space.read_network(config), "image_size": space.to_ofa(row)["image_size"]}) == row).all()


def test_costs_are_those_of_whole_networks(chain):
    net = supernet(chain.space)
    for row in chain.space.canonical(chain.space.sample(4, np.random.default_rng(2))):
        assert chain.cost.cost(row[None])[0] == pytest.approx(count_macs(net.subnet(row)) / 1e6)


def test_what_is_not_declared_is_refused():
    space = SmallKernels()
    with pytest.raises(InputError, match="which declares no official_predictor"):
        official_predictor(space)
    with pytest.raises(InputError, match="there is none for space small_kernels"):
        embedded_predictor(space)
    assert "no weights are published for space small_kernels" in load_weights(supernet(space)).hint
    space.supernet = "nowhere.Supernet"
    with pytest.raises(InputError, match=r"its supernet nowhere\.Supernet cannot be imported"):
        supernet(space)


def test_it_is_forked_as_it_declares(chain):
    held = hold(chain.space, {"r": [32]})
    part = Problem(held, chain.predictor, chain.cost.within(held))
    assert may_fork(chain) == may_fork(part) == (sys.platform == "linux")
    assert not may_fork(Problem(SmallKernels(), chain.predictor, chain.cost))


def test_a_space_is_known_by_its_config_alone():
    space = ChainSpace()
    row = space.canonical(space.sample(1, np.random.default_rng(3)))[0]
    assert recognise(space.to_ofa(row)) is None
    found, there = recognise(space.to_ofa(row), {**CONFIG, "choices": {"r": [32, 64]}})
    assert (type(found), there.tolist()) == (ChainSpace, row.tolist())
    assert space_of({**CONFIG, "choices": {"r": [32]}}).parent.name == "chain"
    small = SmallKernels()
    architecture = small.to_ofa(small.canonical(small.sample(1, np.random.default_rng(4)))[0])
    assert recognise(architecture, {"_target_": "own_space.SmallKernels"})[0].name == "small_kernels"
    for config in ({"_target_": "not_imported.Space"}, {**CONFIG, "no": 1}):
        assert recognise(architecture, config) is None


def test_what_was_found_is_drawn(found):
    [study] = studies([found])
    figure = networks.draw(study, study.entries[0])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"stage 1", "colour: width", "height: width", "8", "12", "24"} <= set(texts)


def test_what_was_found_is_exported(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cell"
    folder.mkdir()
    (folder / "record.json").write_text(json.dumps(to_dict(found)))
    (tmp_path / "chain.yaml").write_text(json.dumps(CONFIG))
    index = export.export(export.Options(run="cell", uri="none"), ["space=chain.yaml"])
    assert "The networks." in index.read_text()
    cards = [json.loads(path.read_text()) for path in tmp_path.rglob("card.json")]
    assert [card["output"]["shape"] for card in cards] == [[1, 10]] * 2
    assert {card["space_config"]["_target_"] for card in cards} == {"own_space.ChainSpace"}
    with pytest.raises(InputError, match="space=chain: only with architecture="):
        export.export(export.Options(run="cell", uri="none"), ["space=chain"])


def test_it_is_profiled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chain.yaml").write_text(json.dumps(CONFIG))
    options = profile.Options(space="chain.yaml", out="mine", runner="own_space.time_by_size", rounds=7, held_back=10)
    path = profile.profile(options)
    table = latency_table(load_space("chain.yaml"), str(path))
    assert table.card["held_back"]["rank_correlation"] > 0.9
    assert own_space.ChainSpace().contains(table.cheapest[None])[0]
