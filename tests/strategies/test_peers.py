"""Peers of the paper's strategies: what they find, what they spend, and that they change no input."""

import itertools
import random
import sys

import numpy as np
import pytest

from ofa_bench.devices.cost import CostTable, Term
from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import CompoundSpace, DesignSpace, Gene
from ofa_bench.spaces.enumeration import architectures, number_of_architectures
from ofa_bench.strategies import (
    NSGA2,
    SMSEMOA,
    SPEA2,
    TPE,
    Budget,
    Exhaustive,
    LocalSearch,
    MAPElites,
    RandomSearch,
    Vanilla,
)
from ofa_bench.testing import ToyPredictor, check_strategy, toy_problem

PROBLEM = toy_problem()
COMPOUND = CompoundSpace()
SMALL = Problem(COMPOUND, ToyPredictor(COMPOUND), latency_table(COMPOUND, "note10"))
PEERS = {
    "nsga2": NSGA2(population_size=20),
    "sms_emoa": SMSEMOA(population_size=20),
    "spea2": SPEA2(population_size=20),
    "map_elites": MAPElites(population_size=20),
    "random": RandomSearch(population_size=20),
    "local_search": LocalSearch(population_size=20),
    "tpe": TPE(evaluations=15),
}
PYMOO = (NSGA2, SMSEMOA, SPEA2)
TARGETS = (20.0, 30.0, 45.0)


class Tree(DesignSpace):
    """Genes that own others, and choices that build the same network."""

    def __init__(self):
        genes = [Gene("a", (1, 2), "a", "d", 1), Gene("d", (1, 2, 3, 4), "d", same_as=(0, 1, 1, 3))]
        genes += [Gene("b", (1, 2, 3), "b", "d", 3, same_as=(0, 0, 2)), Gene("c", (1, 2), "c")]
        super().__init__("tree", genes)

    to_ofa = from_ofa = None


class OwnActivity(Tree):
    def active(self, genes):
        return np.column_stack([genes[:, 3] > 0, *[genes[:, 3] >= 0] * 3])


def summed_choices(space):
    terms = [Term(((gene.name,),), np.arange(1.0, 1 + len(gene.choices))) for gene in space.genes]
    return Problem(space, ToyPredictor(space), CostTable(space, terms, name="sum", unit="1", sha256="0" * 64, card={}))


def search(strategy, targets=TARGETS, generations=100, seed=0, problem=PROBLEM):
    return dict(strategy.search(problem, targets, Budget(generations, 1), np.random.default_rng(seed)))


def spent(results):
    return sum(result.counts.evaluations for result in results.values())


def mean(results):
    return np.mean([result.accuracy for result in results.values()])


@pytest.mark.parametrize("name", PEERS)
def test_contract(name):
    check_strategy(PEERS[name])


@pytest.mark.parametrize("name", [*(name for name in PEERS if name != "map_elites"), "exhaustive"])
def test_contract_in_a_small_space(name):
    """But for MAP-Elites, whose library takes another process seconds to import."""
    check_strategy(PEERS.get(name, Exhaustive()), SMALL)


@pytest.mark.parametrize("name", PEERS)
def test_the_budget_is_spent_on_what_is_better_than_the_cheapest(name):
    results = search(PEERS[name], generations=20)
    assert spent(results) == (15 if name == "tpe" else 400)
    cheapest = PROBLEM.predictor.accuracy(PROBLEM.cost.cheapest[None])[0]
    assert all(results[i].accuracy > cheapest for i in (1, 2))  # hardly one of 15 trials meets 20 ms
    assert {result.shared for result in results.values()} == {3}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("peer", [*PYMOO, MAPElites, RandomSearch, LocalSearch])
@pytest.mark.parametrize("evaluations", [1, 2, 33])
def test_evaluations_override_the_budget(peer, evaluations):
    assert spent(search(peer(population_size=10, evaluations=evaluations))) == evaluations


@pytest.mark.parametrize("name", [name for name in PEERS if name not in ("random", "tpe")])
def test_better_than_random_at_equal_evaluations(name):
    baseline, results = search(RandomSearch(20), generations=300), search(PEERS[name], generations=300)
    assert spent(results) == spent(baseline) == 6000
    assert all(results[i].accuracy > baseline[i].accuracy for i in results)
    assert mean(results) > mean(baseline) + 0.005


def test_tpe_learns():
    assert mean(search(TPE(150))) > mean(search(RandomSearch(evaluations=150)))


def test_random_search_begins_where_vanilla_does():
    targets, sizes = (20.0, 30.0), Evolution(population_size=50)
    drawn = search(RandomSearch(50, evaluations=101), targets)
    first = search(Vanilla(sizes), targets, generations=0)
    assert drawn[0].accuracy == max(first[0].accuracy, PROBLEM.predictor.accuracy(drawn[0].genes[None])[0])
    assert drawn[1].accuracy == max(first[0].accuracy, first[1].accuracy)


def test_random_search_meets_targets_near_the_minimum():
    target = 1.02 * PROBLEM.cost.minimum
    (result,) = search(RandomSearch(evaluations=20), (target,)).values()
    assert PROBLEM.cost.minimum < result.cost <= target


def test_local_search_ends_in_a_local_optimum():
    (result,) = search(LocalSearch(evaluations=4000), (25.0,)).values()
    row, space = result.genes, PROBLEM.space
    for i, gene in enumerate(space.genes):
        neighbours = np.repeat(row[None], len(gene.choices), axis=0)
        neighbours[:, i] = range(len(gene.choices))
        meeting = neighbours[PROBLEM.cost.cost(neighbours) <= 25.0]
        assert PROBLEM.predictor.accuracy(meeting).max() <= result.accuracy


def test_local_search_takes_pairs_of_changes(monkeypatch):
    step, sizes = LocalSearch._step, []

    def recorded(self, budgeted, target, changes, here):
        found = yield from step(self, budgeted, target, changes, here)
        if found:
            assert found[1] > here[1]
            assert found[2] <= target
            sizes.append(np.count_nonzero(PROBLEM.space.canonical(here[0][None])[0] != found[0]))
        return found

    monkeypatch.setattr(LocalSearch, "_step", recorded)
    search(LocalSearch(evaluations=3000))
    assert set(sizes) == {1, 2}


@pytest.mark.parametrize("peer", PYMOO)
def test_pymoo_ends_where_nothing_is_new(peer):
    problem = summed_choices(Tree())
    (result,) = search(peer(population_size=50), (9.0,), problem=problem).values()
    (best,) = search(Exhaustive(), (9.0,), problem=problem).values()
    assert result.accuracy == best.accuracy
    assert result.counts.evaluations <= 50


@pytest.mark.parametrize("peer", PYMOO)
@pytest.mark.parametrize("population_size", [2, 3])
def test_pymoo_with_hardly_a_population(peer, population_size):
    results = search(peer(population_size), (25.0,), generations=30)
    assert 0 < spent(results) <= 30 * population_size


def test_exhaustive_finds_the_exact_optima():
    genes = np.array(list(itertools.product(range(5), *[range(3)] * 5)), np.int8)
    cost, accuracy = SMALL.cost.cost(genes), SMALL.predictor.accuracy(genes)
    results = search(Exhaustive(), (15.0, 30.0, 20.0), problem=SMALL)
    for result in results.values():
        assert result.accuracy == accuracy[cost <= result.target].max()
    assert sum(result.counts.unique_evaluations for result in results.values()) == (cost <= 30.0).sum()
    assert sum(result.counts.proposals for result in results.values()) == 1215


def test_every_architecture_is_enumerated_once():
    for space, size in ((COMPOUND, 1215), (Tree(), None), (OwnActivity(), None)):
        everything = np.array(list(itertools.product(*map(range, space.cardinality))), np.int8)
        unique = np.unique(space.canonical(everything), axis=0)
        blocks = list(architectures(space, 10))
        rows = np.concatenate(blocks)
        assert max(map(len, blocks)) <= 10
        assert len(rows) == number_of_architectures(space)
        assert (np.unique(space.canonical(rows), axis=0) == unique).all()
        if type(space) is not OwnActivity:
            assert (np.unique(rows, axis=0) == unique).all()
            assert len(rows) == len(unique) == (size or len(unique))


def test_exhaustive_evaluates_nothing_twice_where_activity_is_a_spaces_own():
    problem = summed_choices(OwnActivity())
    (result,) = search(Exhaustive(), (problem.cost.maximum,), problem=problem).values()
    everything = np.array(list(itertools.product(*map(range, problem.space.cardinality))), np.int8)
    assert result.accuracy == problem.predictor.accuracy(everything).max()
    assert result.counts.unique_evaluations == len(np.unique(problem.space.canonical(everything), axis=0))


def test_exhaustive_refuses_what_is_too_large():
    with pytest.raises(
        InputError, match=r"strategy=exhaustive: mbv3 has 1.09e\+20 architectures, more than .*=1000000;"
    ):
        search(Exhaustive())
    with pytest.raises(InputError, match=r"compofa has 1,215 architectures, more than strategy.most=1214"):
        search(Exhaustive(most=1214), problem=SMALL)


@pytest.mark.parametrize("name", ["nsga2", "sms_emoa", "spea2", "map_elites", "tpe"])
def test_libraries_take_no_global_chance_and_print_nothing(name, capfd):
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    first = search(PEERS[name], generations=5)
    assert random.getstate() == python
    now = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(now, legacy, strict=True))
    assert capfd.readouterr() == ("", "")
    assert all((first[i].genes == again.genes).all() for i, again in search(PEERS[name], generations=5).items())


def test_optuna_is_as_talkative_as_before():
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        search(TPE(evaluations=2))
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(before)


@pytest.mark.parametrize(
    ("make", "module", "words"),
    [
        (NSGA2, "pymoo.algorithms.moo.nsga2", r"strategy=nsga2: needs pymoo; pip install 'ofa_bench\[peers\]'"),
        (SMSEMOA, "pymoo.algorithms.moo.sms", r"strategy=sms_emoa: needs pymoo; pip install"),
        (SPEA2, "pymoo.algorithms.moo.spea2", r"strategy=spea2: needs pymoo; pip install"),
        (MAPElites, "ribs.archives", r"strategy=map_elites: needs ribs; pip install 'ofa_bench\[peers\]'"),
        (TPE, "optuna", r"strategy=tpe: needs optuna; pip install 'ofa_bench\[peers\]'"),
    ],
)
def test_a_missing_library_is_named(make, module, words, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "given", "words"),
    [
        (
            NSGA2,
            {"population_size": 1},
            r"strategy.population_size=1 \(by default .*\): must be a whole number of 2 or more",
        ),
        (NSGA2, {"mutate_prob": 1.5}, "strategy.mutate_prob=1.5: must be from 0 to 1"),
        (NSGA2, {"crossover_prob": "x"}, "strategy.crossover_prob=x: must be from 0 to 1"),
        (SMSEMOA, {"mutate_prob": -0.1}, "strategy.mutate_prob=-0.1: must be from 0 to 1"),
        (SPEA2, {"evaluations": 0}, "strategy.evaluations=0: must be a whole number of 1 or more"),
        (MAPElites, {"mutate_prob": True}, "strategy.mutate_prob=True: must be from 0 to 1"),
        (
            MAPElites,
            {"population_size": 0},
            r"strategy.population_size=0 \(by default .*\): must be a whole number of 1 or more",
        ),
        (
            RandomSearch,
            {"population_size": 0},
            r"strategy.population_size=0 \(by default .*\): must be a whole number of 1 or more",
        ),
        (LocalSearch, {"evaluations": 0}, "strategy.evaluations=0: must be a whole number of 1 or more"),
        (LocalSearch, {"evaluations": 1.5}, "strategy.evaluations=1.5: must be a whole number of 1 or more"),
        (TPE, {"evaluations": None}, "strategy.evaluations=None: must be a whole number of 1 or more"),
        (TPE, {"evaluations": True}, "strategy.evaluations=True: must be a whole number of 1 or more"),
        (Exhaustive, {"most": -1}, "strategy.most=-1: must be a whole number of 1 or more"),
    ],
)
def test_bad_parameters_are_refused(make, given, words):
    with pytest.raises(InputError, match=words):
        make(**given)
