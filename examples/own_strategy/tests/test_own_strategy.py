"""Holds the strategy to the contract that every strategy of ofa_bench keeps, and to what its docstring says."""

import numpy as np
import pytest
from own_strategy import Aging

from ofa_bench.errors import InputError
from ofa_bench.strategies import Budget
from ofa_bench.testing import check_strategy, toy_problem

SMALL = {"population_size": 20, "sample_size": 5, "batches": 4, "mutate_prob": 0.1}


def test_keeps_the_contract():
    """Valid, honestly counted and the same in another process, alone and in lockstep."""
    check_strategy(Aging(**SMALL))


@pytest.mark.parametrize("batches", [1, 3, 100])
def test_asks_for_as_many_accuracies_as_vanilla(batches):
    """The first population and one more a generation, however a generation is cut."""
    problem, budget = toy_problem(), Budget(generations=6, warm_generations=3)
    strategy = Aging(**SMALL | {"batches": batches})
    [(_, result)] = strategy.search(problem, [30.0], budget, np.random.default_rng(0))
    assert result.counts.evaluations == 20 * (1 + 6)


@pytest.mark.parametrize("wrong", [{"sample_size": 0}, {"batches": 0}, {"mutate_prob": 1.5}])
def test_refuses_bad_values_in_words(wrong):
    """The message names the key and the value."""
    [(key, value)] = wrong.items()
    with pytest.raises(InputError, match=f"strategy.{key}={value}: must be"):
        Aging(**SMALL | wrong)
