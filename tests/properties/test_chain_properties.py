"""Strategies on arbitrary targets: each target once, contracts kept, reproducible, alone and in lockstep."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from arbitrary import draw_few, examples, problems, seeds, targets_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.config.schema import GROUPS, BudgetConfig
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.experiment.budget import resolve_budget
from ofa_bench.records.model import to_dict
from ofa_bench.records.record import make_record
from ofa_bench.records.schema import parse
from ofa_bench.search import Evolution
from ofa_bench.spaces.enumeration import number_of_architectures
from ofa_bench.strategies import Budget, Chain, Exhaustive, Joint, LocalSearch, RandomSearch, Vanilla, WarmStart
from ofa_bench.strategies.chain import ORDERS
from ofa_bench.strategies.warm_start import SEEDS


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    draw_few(monkeypatch)


def evolutions():
    return st.builds(
        Evolution,
        population_size=st.integers(1, 8),
        initial_ratio=st.floats(0.1, 1),
        constraint=st.sampled_from(["hard", "hard", "soft"]),
    )


def warm_starts():
    return st.builds(
        WarmStart,
        seed=st.sampled_from(SEEDS),
        prunings=st.integers(1, 3),
        prune_resolution=st.booleans(),
        share=st.none() | st.floats(0.01, 1),
        from_best=st.integers(1, 5),
    )


def chains(evolution, problem):
    rows = st.integers(0, 5).map(lambda n: problem.space.canonical(problem.space.sample(n, np.random.default_rng(n))))
    return st.builds(Chain, st.just(evolution), st.sampled_from(ORDERS), warm_starts(), st.none() | rows)


def shared(evolution):
    sizes = {"population_size": st.integers(1, 8), "evaluations": st.integers(1, 40)}
    kinds = [st.builds(kind, **sizes) for kind in (Joint, LocalSearch, RandomSearch)]
    return st.one_of(st.just(Vanilla(evolution)), *kinds)


def budgets():
    warm = st.sampled_from(["sqrt", "log", "tenth", "full"]) | st.integers(1, 6)
    config = st.builds(BudgetConfig, st.integers(1, 9), warm | st.lists(st.integers(1, 6), min_size=1, max_size=3))
    return config.map(lambda given: Budget(*resolve_budget(given)))


@st.composite
def cells(draw, only_chains=False, repeats=1):
    problem, evolution = draw(problems()), draw(evolutions())
    kinds = [chains(evolution, problem), *([] if only_chains else [shared(evolution)])]
    if not only_chains and problem.space.name == "own":
        kinds.append(st.just(Exhaustive()))
    strategy, targets = draw(st.one_of(kinds)), draw(targets_of(problem.cost))
    return Cell(problem, strategy, targets, draw(budgets()), draw(seeds()), repeats, threads=1, lockstep=False)


def run(cell, lockstep=False):
    """Run a cell. Return the results of its repeats, and the order in which those of each repeat came."""
    description = []
    made = Cell(**{**vars(cell), "lockstep": lockstep})
    repeats = list(run_repeats(made, lambda repeat, result: description.append((repeat, result.target))))
    return [repeat.results for repeat in repeats], description, repeats


def prints(results):
    return [(r.genes.tobytes(), r.accuracy, r.cost, r.counts, r.curve, r.generations) for r in results]


@examples(110)
@given(cells())
def test_every_target_gets_one_valid_result(cell):
    (results,), description, _ = run(cell)
    problem = cell.problem
    assert tuple(result.target for result in results) == cell.targets
    assert Counter(target for _, target in description) == Counter(cell.targets)
    for result in results:
        row = result.genes[None]
        assert problem.space.contains(row).all()
        assert (problem.space.canonical(row) == row).all()
        assert result.cost == problem.cost.cost(row)[0]
        assert result.feasible == (result.target >= problem.cost.minimum)
        if result.feasible:
            assert result.cost <= result.target
            assert result.accuracy == problem.predictor.accuracy(row)[0] == result.curve[-1][-1]
            assert all(a < b for a, b in pairwise(point[-1] for point in result.curve))
        else:
            assert (result.accuracy, result.cost, result.curve) == (None, problem.cost.minimum, ())
            assert vars(result.counts) == dict.fromkeys(vars(result.counts), 0)


@examples(80)
@given(cells(only_chains=True))
def test_a_chain_takes_n_generations_once_and_warm_ones_for_the_rest(cell):
    (results,), description, _ = run(cell)
    strategy, n, low = cell.strategy, cell.budget.generations, cell.problem.cost.minimum
    k = sum(target >= low for target in cell.targets)
    warm = k if strategy.previous is not None else max(0, k - 1)
    wanted = (n if k > warm else 0) + sum(cell.budget.warm(i) for i in range(warm))
    assert sum(result.generations for result in results) == wanted
    size = strategy.evolution.population_size
    least = size * wanted + k * min(strategy.evolution.initial_size, size)
    assert sum(result.counts.evaluations for result in results) >= least
    order = [target for _, target in description]
    if strategy.order in ("ascending", "descending"):
        assert order == sorted(order, reverse=strategy.order == "descending")
    if strategy.order == "middle_out":
        ranks = sorted(order)
        assert order[0] == ranks[len(ranks) // 2]
        assert all(sorted(order[:i]) == ranks[_begin(ranks, i) : _begin(ranks, i) + i] for i in range(1, len(ranks)))


def _begin(ranks, i):
    """Return where the ``i`` targets around the middle begin."""
    return len(ranks) // 2 - i // 2


@examples(60)
@given(cells(repeats=2))
def test_together_and_again_the_same_is_found(cell):
    alone, again, together = run(cell)[0], run(cell)[0], run(cell, lockstep=True)[0]
    assert [prints(results) for results in alone] == [prints(results) for results in again]
    assert [prints(results) for results in alone] == [prints(results) for results in together]


@examples(60)
@given(cells())
def test_one_search_for_all_targets_keeps_to_its_budget(cell):
    (results,), _, _ = run(cell)
    feasible = [result for result in results if result.feasible]
    made, asked = (sum(getattr(result.counts, f"{kind}evaluations") for result in results) for kind in ("unique_", ""))
    assert made <= asked
    assert bool(feasible) == (made > 0)
    if hasattr(cell.strategy, "limit"):
        assert asked <= cell.strategy.limit(cell.problem, cell.budget)
        assert {result.shared for result in feasible} <= {len(feasible)}
    if isinstance(cell.strategy, Exhaustive):
        assert made <= number_of_architectures(cell.problem.space)


@examples(40)
@given(cells(repeats=2), st.booleans())
def test_a_record_is_plain_json(cell, lockstep):
    repeats, choices = run(cell, lockstep)[2], dict.fromkeys(GROUPS, "x")
    record = make_record(cell, repeats, address="a", choices=choices, identity="i", config={})
    node = json.loads(json.dumps(to_dict(record), allow_nan=False))
    assert to_dict(parse(node)) == node
    assert [len(repeat.results) for repeat in record.repeats] == [len(cell.targets)] * 2


@examples(40)
@given(problems(named=False), st.data(), seeds())
def test_the_exhaustive_optimum_is_never_exceeded_and_grows_with_the_target(problem, data, seed):
    targets = data.draw(targets_of(problem.cost))
    found = {}
    for strategy in (Exhaustive(), Chain(Evolution(population_size=8), "random"), RandomSearch(evaluations=30)):
        results = strategy.search(problem, targets, Budget(5, 2), np.random.default_rng(seed))
        found[type(strategy)] = {i: -np.inf if r.accuracy is None else r.accuracy for i, r in results}
    for i in range(len(targets)):
        assert all(one[i] <= found[Exhaustive][i] + 1e-6 for one in found.values())  # but for rounding
    best = [found[Exhaustive][i] for i in sorted(range(len(targets)), key=lambda i: targets[i])]
    assert best == sorted(best)
