"""Distributions over choices: their samples, their expected costs and gradients, by hand and by enumeration."""

import itertools

import numpy as np
import pytest
import torch
from tiny import TinySpace, tiny_problem

from ofa_bench.devices.cost import CostTable, Term
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import Gene
from ofa_bench.strategies.descent import Adam, Descent, Known
from ofa_bench.strategies.relaxed import Choices, ExpectedCost, one_thread

SPACE = TinySpace(
    [
        Gene("d", (1, 2, 3), "d"),
        Gene("a", (1, 2), "a", "d", 1),
        Gene("b", (1, 2, 3, 4), "b", "d", 2, same_as=(0, 1, 1, 3)),
        Gene("one", (1,), "one"),
    ]
)
TERMS = [
    Term((("d",),), np.array([1.0, 2.0, 4.0])),
    Term((("a", "b"), ("a", "b")), np.arange(8.0).reshape(2, 4)),
    Term((("b", "one"),), np.array([[1.0], [0.0], [3.0], [2.5]])),
    Term((("d", "a"),), np.arange(6.0).reshape(3, 2)),
]
TABLE = CostTable(SPACE, TERMS, name="tiny", unit="ms", sha256="0" * 64, card={})


def likely(choices, seed, n=3):
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, *choices.shape)))
    return logits, torch.softmax(choices.bar(logits), dim=-1)


def test_the_expected_cost_is_that_of_all_architectures_by_their_probability():
    choices = Choices(SPACE)
    _, probabilities = likely(choices, 0)
    every = np.array(list(itertools.product(*map(range, SPACE.cardinality))), np.int8)
    weight = probabilities.numpy()[:, np.arange(SPACE.n_genes), every].prod(axis=-1)
    assert weight.sum(axis=1) == pytest.approx(1)
    assert ExpectedCost(TABLE)(probabilities).numpy() == pytest.approx(weight @ TABLE.cost(every), rel=1e-12)


@pytest.mark.parametrize(("name", "device"), [("mbv3", "note10"), ("resnet50d", "macs"), ("compofa", "note10")])
def test_the_expected_cost_is_the_mean_of_samples(name, device):
    space = load_space(name)
    choices, cost = Choices(space), latency_table(space, device)
    logits, probabilities = likely(choices, 1, 2)
    rows = choices.rows(choices.perturb(logits, 20_000, torch.Generator().manual_seed(0)))
    costs = cost.cost(rows).reshape(2, -1)
    error = costs.std(axis=1) / np.sqrt(costs.shape[1])
    assert (np.abs(ExpectedCost(cost)(probabilities).numpy() - costs.mean(axis=1)) < 4 * error).all()
    for i, row in enumerate((cost.cheapest, cost.dearest)):
        certain = torch.zeros((1, *choices.shape), dtype=torch.float64)
        certain[0, torch.arange(space.n_genes), torch.from_numpy(row.astype(np.int64))] = 1
        assert float(ExpectedCost(cost)(certain)) == pytest.approx((cost.minimum, cost.maximum)[i])


def test_samples_are_canonical_and_as_likely_as_their_likelihood():
    choices = Choices(SPACE)
    logits, _ = likely(choices, 2, 1)
    rows = choices.rows(choices.perturb(logits, 40_000, torch.Generator().manual_seed(0)))
    assert (SPACE.canonical(rows) == rows).all()
    unique, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(unique) == 1 + 2 + 2 * 3
    share = np.exp(choices.log_likelihood(logits, unique)[0].numpy())
    assert share.sum() == pytest.approx(1)
    assert (np.abs(counts / len(rows) - share) < 4 * np.sqrt(share / len(rows))).all()


def test_changes_are_of_one_gene_and_lie_where_their_choices_do():
    choices, row = Choices(SPACE), np.array([[2, 1, 3, 0]], np.int8)
    changed = choices.changed(row)[0]
    assert len(changed) == SPACE.cardinality.sum()
    assert ((changed != row).sum(axis=1) <= 1).all()
    spread = choices.spread((changed @ np.array([1000, 100, 10, 1]))[None])
    assert spread[0, 0, :3].tolist() == [130, 1130, 2130]
    assert spread[0, 2].tolist() == [2100, 2110, 2120, 2130]
    assert spread[0, 3].tolist() == [2130, 0, 0, 0]


def test_adam_is_torchs():
    start = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    mine, reference = Adam(ours, 0.2), torch.optim.Adam([theirs], lr=0.2)
    for values in ([[1.0, 1e-3, 0.0]], [[-3.0, 2e-3, 5.0]], [[0.5, 1e-3, -5.0]]):
        mine.step(torch.tensor(values, dtype=torch.float64))
        theirs.grad = torch.tensor(values, dtype=torch.float64)
        reference.step()
        assert ours.detach().numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-9)
    assert (ours != start).any()


def descent(problem, targets, expected=True, samples=50):
    choices = Choices(problem.space)
    made = Descent(
        choices,
        ExpectedCost(problem.cost) if expected else None,
        targets,
        samples=samples,
        learning_rate=0.1,
        generator=torch.Generator().manual_seed(0),
    )
    return choices, made


def known(problem, choices, rows, gradient=True, expected=True):
    changed = choices.changed(rows)
    gains = problem.predictor.linearised(rows, changed) if gradient else None
    cost = problem.cost.cost(rows)
    after = problem.cost.cost(changed.reshape(-1, rows.shape[1])).reshape(changed.shape[:2])
    return Known(
        problem.predictor.accuracy(rows), gains, *((None, None) if expected else (cost, after - cost[:, None]))
    )


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("expected", [True, False])
def test_costs_come_to_the_targets_and_the_worthier_choice_of_equal_cost_wins(gradient, expected):
    worth = {"a": tuple(np.sqrt(np.arange(9)) / 8), "b": (0.0, 0.25), "c": (0.25, 0.0)}
    cost = {"a": tuple(float(i) for i in range(1, 10)), "b": (1.0, 1.0), "c": (1.0, 1.0)}
    problem = tiny_problem(worth, cost)
    targets = [4.0, 7.0, 100.0]
    choices, made = descent(problem, targets, expected)
    for _ in range(300):
        rows = made.draw()
        made.step(1.0, known(problem, choices, rows, gradient, expected))
    probabilities = torch.softmax(choices.bar(made.logits.detach()), dim=-1)
    assert (probabilities[:, 1, 1] > 0.9).all()
    assert (probabilities[:, 2, 0] > 0.9).all()
    costs = ExpectedCost(problem.cost)(probabilities).numpy()
    assert costs[:2] == pytest.approx(targets[:2], abs=1.05), "a choice of the gene that costs"
    assert costs[1] > costs[0] + 1.5
    assert costs[2] > 10.5, "a target that all meet has no price"
    assert made.prices[2] < 1e-3 * made.prices[:2].min()


def test_a_price_rises_while_the_cost_is_above_its_target():
    problem = tiny_problem({"a": (0.5, 0.75)}, {"a": (1.0, 3.0)})
    choices, made = descent(problem, [1.0, 3.0])
    prices = []
    for _ in range(3):
        made.step(1.0, known(problem, choices, made.draw()))
        prices.append(made.prices.numpy())
    assert (np.diff(prices, axis=0)[:, 0] > 0).all()
    assert (np.diff(prices, axis=0)[:, 1] < 0).all()


def test_torch_has_as_many_threads_again_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="1"), one_thread():
            raise ValueError(torch.get_num_threads())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
