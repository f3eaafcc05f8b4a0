"""Budgets, by hand: of searches for all targets at once, and of vanilla with as much as a chain spends."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.search import Evolution
from ofa_bench.strategies import Budget, Limit, SharedSearch, Vanilla

# Four architectures of 1 to 4 ms; each is more accurate than the cheaper ones.
PROBLEM = tiny_problem({"a": (0.5, 0.625, 0.75, 0.875)}, {"a": (1.0, 2.0, 3.0, 4.0)})
BUDGET = Budget(generations=9, warm_generations=3)


class Scripted(SharedSearch):
    """Evaluates what it is told to, and keeps what it has seen of the budget."""

    def __init__(self, *batches, **sizes):
        super().__init__(**sizes)
        self.batches, self.seen = batches, []

    def explore(self, budgeted, rng):
        self.seen.append((budgeted.targets, budgeted.left, budgeted.archive.genes[:, 0].tolist()))
        for batch in self.batches:
            rows = np.array(batch, np.int8)[:, None]
            accuracy, cost = yield from budgeted.evaluate(rows)
            self.seen.append((accuracy.tolist(), cost.tolist(), budgeted.left))


def search(strategy, targets, budget=BUDGET, problem=PROBLEM):
    return list(strategy.search(problem, targets, budget, np.random.default_rng(0)))


def test_a_search_for_all_begins_at_the_cheapest_and_ends_with_the_budget():
    strategy = Scripted([2, 3], [1, 1, 3, 2], evaluations=6)
    found = search(strategy, (3.5, 0.5, 2.0, 3.5))
    assert strategy.seen == [
        ([2.0, 3.5], 5, [0]),
        ([0.75, 0.875], [3.0, 4.0], 3),
        ([0.625, 0.625, 0.875], [2.0, 2.0, 4.0], 0),  # one too many
    ]
    assert [position for position, _ in found] == [0, 2, 3, 1]  # infeasible ones come last
    results = dict(found)
    assert [results[i].genes.tolist() for i in range(4)] == [[2], [0], [1], [2]]
    assert [results[i].feasible for i in range(4)] == [True, False, True, True]
    assert [results[i].generations for i in range(4)] == [2, 0, 2, 2]  # batches after the first
    assert sum(result.counts.evaluations for _, result in found) == 6
    assert sum(result.counts.unique_evaluations for _, result in found) == 4
    assert results[0].curve == ((0, 1, 1, 0.5), (1, 3, 3, 0.75))
    assert results[2].curve == ((0, 1, 1, 0.5), (2, 6, 4, 0.625))


def test_without_a_feasible_target_nothing_is_evaluated():
    strategy = Scripted([1])
    [(_, result)] = search(strategy, (0.5,))
    assert (strategy.seen, result.feasible, result.counts.evaluations) == ([], False, 0)
    assert strategy.most_evaluations(PROBLEM, (0.5,), BUDGET) == 0


@pytest.mark.parametrize(
    ("sizes", "limit", "wanted"),
    [
        ({"population_size": 4}, None, 36),
        ({"population_size": 4, "evaluations": 5}, None, 5),
        ({"population_size": 4}, Limit("generations", 15), 60),
        ({"population_size": 4}, Limit("unique_evaluations", 15), 15),
        ({"population_size": 4, "evaluations": 5}, Limit("unique_evaluations", 15), 5),
        ({"population_size": 4, "evaluations": 50}, Limit("unique_evaluations", 15), 15),
    ],
)
def test_a_shared_search_may_make_as_many_evaluations(sizes, limit, wanted):
    strategy = Scripted(*[[1] * 10] * 20, **sizes)
    budget = Budget(9, 3, limit)
    assert strategy.most_evaluations(PROBLEM, (2.0,), budget) == wanted
    assert sum(result.counts.evaluations for _, result in search(strategy, (2.0, 3.0), budget)) == wanted


@pytest.mark.parametrize(
    ("budget", "k", "wanted"),
    [
        (Budget(9, 3), 0, 0),
        (Budget(9, 3), 1, 9),
        (Budget(9, 3), 4, 9 + 3 * 3),
        (Budget(9, (4, 2)), 2, 9 + 4),
        (Budget(9, (4, 2)), 4, 9 + 4 + 2 + 2),
    ],
)
def test_the_generations_of_a_chain(budget, k, wanted):
    assert budget.chained(k) == wanted


@pytest.mark.parametrize(("amount", "wanted"), [(15, [5, 0, 5, 5]), (16, [6, 0, 5, 5]), (17, [6, 0, 6, 5])])
def test_generations_are_spread_evenly_over_feasible_targets(amount, wanted):
    vanilla, budget = Vanilla(Evolution(population_size=2)), Budget(9, 3, Limit("generations", amount))
    targets = (4.0, 0.5, 3.0, 2.0)
    assert [result.generations for _, result in search(vanilla, targets, budget)] == wanted
    assert vanilla.most_evaluations(PROBLEM, targets, budget) == 2 * (amount + 3)


def test_targets_together_make_as_many_unique_evaluations_and_what_is_known_does_not_count():
    names = "abcd"
    problem = tiny_problem(
        dict.fromkeys(names, (0.0, 0.0625, 0.125, 0.1875)), dict.fromkeys(names, (1.0, 2.0, 3.0, 4.0))
    )
    vanilla, limit = Vanilla(Evolution(population_size=10)), 45
    found = search(vanilla, (16.0, 12.0), Budget(1000, 3, Limit("unique_evaluations", limit)), problem)
    unique = [result.counts.unique_evaluations for _, result in found]
    evaluations = [result.counts.evaluations for _, result in found]
    generations = [result.generations for _, result in found]
    assert limit <= sum(unique) < limit + 20
    assert sum(evaluations) > limit + 20
    assert evaluations == [10 * (n + 1) for n in generations]
