"""Problems in which only some architectures have an accuracy: each search stays among them."""

import numpy as np
import pytest
from toy_table import KNOWN, SPACE, ToyTable

from ofa_bench.errors import InputError
from ofa_bench.predictors import SubspacePredictor, latency_table
from ofa_bench.search import Evolution, Problem, prune
from ofa_bench.spaces import ListedSpace, hold
from ofa_bench.spaces.enumeration import architectures, number_of_architectures
from ofa_bench.strategies import (
    NSGA2,
    TPE,
    Budget,
    Chain,
    Exhaustive,
    Joint,
    LocalSearch,
    OFAReference,
    RandomSearch,
    Vanilla,
    WarmStart,
)
from ofa_bench.testing import check_predictor, check_strategy

SMALL = Evolution(population_size=20)


def listed_problem():
    return Problem(SPACE, ToyTable(), latency_table(SPACE, "note10"))


def optima(problem, targets):
    """Return the best accuracy within each target, by looking at all."""
    cost, accuracy = problem.cost.cost(KNOWN), problem.predictor.accuracy(KNOWN)
    return [accuracy[cost <= target].max() for target in targets]


def test_a_problem_has_only_the_architectures_that_its_predictor_knows():
    problem = listed_problem()
    costs = problem.cost.cost(KNOWN)
    assert isinstance(problem.space, ListedSpace)
    assert (problem.cost.minimum, problem.cost.maximum) == (costs.min(), costs.max())
    assert (problem.cost.cheapest == KNOWN[costs.argmin()]).all()
    assert (problem.cost.dearest == KNOWN[costs.argmax()]).all()
    assert number_of_architectures(problem.space) == 400
    assert "400 architectures" in repr(problem)
    assert sorted(row.tobytes() for block in architectures(problem.space, 64) for row in block) == sorted(
        row.tobytes() for row in KNOWN
    )
    check_predictor(problem.predictor, SPACE)


def test_the_nearest_listed_architecture_is_the_one_with_the_least_sum_of_distances():
    space, rows = ListedSpace(SPACE, KNOWN), SPACE.sample(50, np.random.default_rng(1))
    scale = np.maximum(SPACE.cardinality - 1, 1)
    distance = (np.abs(SPACE.canonical(rows)[:, None] - space.rows[None]) / scale).sum(axis=2)
    chosen = (np.abs(SPACE.canonical(rows) - space.snap(rows)) / scale).sum(axis=1)
    assert chosen == pytest.approx(distance.min(axis=1))
    assert (space.snap(KNOWN) == KNOWN).all()


def test_a_small_change_of_a_listed_architecture_leads_to_another_one():
    space = ListedSpace(SPACE, KNOWN)
    changed = KNOWN.copy()
    changed[:, 0] = (changed[:, 0] + 1) % SPACE.cardinality[0]
    assert (space.snap(changed) == KNOWN).all(axis=1).mean() > 0.9  # without its parent, it would be undone
    assert not (space.snap(changed, KNOWN) == KNOWN).all(axis=1).any()
    rng = np.random.default_rng(0)
    mutants, crossed = space.mutate(KNOWN, 0.1, rng), space.crossover(KNOWN, KNOWN[::-1].copy(), rng)
    assert space.contains(np.concatenate([mutants, crossed])).all()
    assert (mutants != KNOWN).any(axis=1).mean() > 0.8
    assert (crossed != KNOWN).any(axis=1).all()
    assert (crossed != KNOWN[::-1]).any(axis=1).all()
    assert (space.mutate(KNOWN, 0.0, rng) == KNOWN).all()


def test_what_is_not_listed_is_outside():
    space, other = ListedSpace(SPACE, KNOWN), SPACE.canonical(SPACE.sample(5, np.random.default_rng(9)))
    assert not space.contains(other).any()
    assert not space.contains(KNOWN[:, 1:]).any()
    assert (space.from_ofa(space.to_ofa(KNOWN[0])) == KNOWN[0]).all()
    with pytest.raises(InputError, match="not one of the 400 architectures that the predictor knows"):
        space.from_ofa(SPACE.to_ofa(other[0]))
    with pytest.raises(InputError, match="knows none"):
        ListedSpace(SPACE, KNOWN[:0])


def test_pruning_ends_with_a_listed_architecture_that_meets_the_target():
    problem = listed_problem()
    target = float(np.quantile(problem.cost.cost(KNOWN), 0.05))
    for seed in range(20):
        row = prune(problem.evaluator(), problem.cost.dearest, target, np.random.default_rng(seed))
        assert problem.space.contains(row[None])[0]
        assert problem.cost.cost(row[None])[0] <= target


@pytest.mark.parametrize(
    "strategy",
    [
        Vanilla(SMALL), Chain(SMALL, "descending", WarmStart()), Chain(SMALL, "ascending", WarmStart()), Joint(20),
        NSGA2(20), RandomSearch(20), LocalSearch(20), TPE(20), Exhaustive(), OFAReference(SMALL),
    ],
    ids=["vanilla", "top_down", "bottom_up", "joint", "nsga2", "random", "local_search", "tpe", "exhaustive", "ofa"],
)  # fmt: skip
def test_strategies_keep_their_contract_among_listed_architectures(strategy):
    check_strategy(strategy, listed_problem())


def test_exhaustive_finds_the_exact_optimum():
    problem = listed_problem()
    targets = np.quantile(problem.cost.cost(KNOWN), [0, 0.1, 0.5, 1]).tolist()
    found = Exhaustive().search(problem, targets, Budget(1, 1), np.random.default_rng(0))
    assert [result.accuracy for _, result in sorted(found)] == optima(problem, targets)


def test_joint_learns_from_what_it_found():
    """With half as many evaluations as there are architectures, it finds much more than as many random ones."""
    problem = listed_problem()
    targets = np.quantile(problem.cost.cost(KNOWN), [0.2, 0.5, 0.9]).tolist()
    best = np.array(optima(problem, targets))

    def regret(one):
        found = [one.search(problem, targets, Budget(10, 10), np.random.default_rng(seed)) for seed in range(2)]
        return np.mean([best - [result.accuracy for _, result in sorted(results)] for results in found])

    assert regret(Joint(20)) < 0.5 * regret(RandomSearch(20))


def test_a_part_of_the_space_knows_what_of_it_is_listed():
    part = hold(SPACE, {"r": [160, 176, 192]})
    predictor = SubspacePredictor(part, ToyTable())
    inside = KNOWN[KNOWN[:, SPACE.index["r"]] <= part.genes[part.index["r"]].choices.index(192)]
    assert sorted(row.tobytes() for row in part.to_parent(predictor.known_genes)) == sorted(
        row.tobytes() for row in inside
    )
    problem = Problem(part, predictor, latency_table(part, "note10"))
    found = dict(Exhaustive().search(problem, [problem.cost.maximum], Budget(1, 1), np.random.default_rng(0)))
    assert found[0].accuracy == ToyTable().accuracy(inside).max()


def test_a_step_counts_each_change_that_it_proposes_though_several_lead_to_one_architecture():
    problem, strategy = listed_problem(), LocalSearch(evaluations=22)
    [(_, result)] = strategy.search(problem, [problem.cost.maximum], Budget(1, 1), np.random.default_rng(0))
    assert result.counts.evaluations == 22
    assert result.counts.proposals > 200  # a network has about a hundred changes of one gene
