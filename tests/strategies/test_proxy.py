"""The proxy: one device is searched, all others get the best of what was evaluated there."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.engine import Cell, run_fleet
from ofa_bench.errors import InputError
from ofa_bench.predictors import SimulatedMeasurement, SurrogateProcess, latency_table
from ofa_bench.search import Evolution, Fleet, Member, Problem
from ofa_bench.search.lockstep import run_single
from ofa_bench.strategies import (
    NSGA2,
    Budget,
    Chain,
    Joint,
    Limit,
    LocalSearch,
    OFAReference,
    Proxy,
    RandomSearch,
    Surrogate,
    Vanilla,
)
from ofa_bench.testing import CountingPredictor, check_strategy, toy_problem

TOY = toy_problem()
EVOLUTION = Evolution(population_size=20)
BUDGET = Budget(generations=6, warm_generations=2)
INNER = {
    "joint": Joint(evaluations=150),
    "vanilla": Vanilla(EVOLUTION),
    "chain": Chain(EVOLUTION, "descending"),
    "random": RandomSearch(evaluations=150),
    "local_search": LocalSearch(evaluations=150),
}


def member(name, shares=(0.1, 0.4), predictor=TOY.predictor):
    cost = latency_table(TOY.space, name)
    return Member(
        Problem(TOY.space, predictor, cost),
        tuple(cost.minimum + share * (cost.maximum - cost.minimum) for share in shares),
    )


def fleet_of(*names, **given):
    return Fleet(tuple(member(name, **given) for name in names))


def search(strategy, fleet, budget=BUDGET, seed=0):
    predictor = fleet.members[0].problem.predictor
    coroutines = strategy.fleet_coroutines(fleet, budget, np.random.default_rng(seed))
    return dict(item for one in coroutines for item in run_single(one, predictor))


def total(found):
    return {key: sum(vars(one.counts)[key] for one in found) for key in vars(found[0].counts)}


def inner_on(fleet, strategy, seed=0, budget=BUDGET):
    """Return what the inner strategy finds by itself on the proxy, with the targets that are searched there."""
    proxy = strategy._searched(fleet)
    return list(strategy.inner.search(proxy.problem, proxy.targets, budget, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", INNER)
def test_contract(name):
    check_strategy(Proxy(INNER[name], proxy_targets=3))


@pytest.mark.parametrize("name", INNER)
def test_a_single_device_is_searched_by_the_inner_strategy(name):
    one = member("note10")
    given = (one.problem, one.targets, BUDGET)
    alone = list(INNER[name].search(*given, np.random.default_rng(0)))
    found = list(Proxy(INNER[name]).search(*given, np.random.default_rng(0)))
    assert [(i, one.genes.tobytes(), one.counts, one.curve) for i, one in found] == [
        (i, one.genes.tobytes(), one.counts, one.curve) for i, one in alone
    ]
    assert Proxy(INNER[name]).most_evaluations(*given) == INNER[name].most_evaluations(*given)


@pytest.mark.parametrize("name", INNER)
def test_every_device_gets_the_best_of_what_the_inner_strategy_asked_for(name):
    counting = CountingPredictor(TOY.predictor)
    fleet = fleet_of("note10", "jetson_gpu", "cpu_onnx", predictor=counting)
    strategy = Proxy(INNER[name], "jetson_gpu", 4)
    found = search(strategy, fleet)
    asked, counting.asked = np.concatenate(counting.asked), []
    inner = [result for _, result in inner_on(fleet, strategy)]
    alone = np.concatenate(counting.asked)
    assert (asked[: len(alone)] == alone).all()
    assert len(asked) - len(alone) <= 2  # the cheapest of other devices
    accuracy = TOY.predictor.accuracy(asked)
    for begin, one in zip(fleet.starts, fleet.members, strict=True):
        cost = one.problem.cost.cost(asked)
        for i, target in enumerate(one.targets):
            assert found[begin + i].accuracy == accuracy[cost <= target].max()
            assert found[begin + i].curve[-1][-1] == found[begin + i].accuracy
    spent, of_inner = total([*found.values()]), total(inner)
    assert spent["evaluations"] == of_inner["evaluations"] + len(asked) - len(alone)
    assert spent["unique_evaluations"] == of_inner["unique_evaluations"] + len(asked) - len(alone)
    assert [spent[key] for key in ("proposals", "gradients")] == [of_inner[key] for key in ("proposals", "gradients")]
    assert spent["cost_lookups"] >= of_inner["cost_lookups"] + 3 * len(asked)
    assert {result.shared for result in found.values()} == {6}
    evaluations = [result.counts.evaluations for result in found.values()]
    assert max(evaluations) - min(evaluations) <= 1
    assert sum(evaluations) <= strategy.most_evaluations_of_fleet(fleet, BUDGET)


def test_the_cheapest_of_a_device_is_evaluated_only_where_nothing_found_meets_its_targets():
    worth = {"a": (0.5, 0.625, 0.75), "b": (0.0, 0.125, 0.25)}
    plain = tiny_problem(worth, {"a": (1.0, 2.0, 3.0), "b": (1.0, 2.0, 3.0)})
    other = tiny_problem(worth, {"a": (3.0, 1.0, 3.0), "b": (1.0, 2.0, 3.0)})
    for target, extra, genes in ((2.0, 1, [1, 0]), (6.0, 0, [2, 2])):
        counting = CountingPredictor(plain.predictor)
        members = [Member(Problem(plain.space, counting, one.cost), (t,)) for one, t in ((plain, 6.0), (other, target))]
        found = search(Proxy(Only([0, 0], [2, 2]), "tiny"), Fleet(tuple(members)))
        assert np.concatenate(counting.asked).tolist() == [[0, 0], [2, 2], *([[1, 0]] if extra else [])]
        assert found[0].genes.tolist() == [2, 2]
        assert found[1].genes.tolist() == genes
        assert sum(one.counts.evaluations for one in found.values()) == 2 + extra
        assert found[1].generations == 1 + extra  # batches after the first
        assert found[1].curve == (((2, 3, 3, 0.625),) if extra else ((0, 1, 1, 0.5), (1, 2, 2, 1.0)))


class Only(RandomSearch):
    """Evaluates the cheapest, as every search of all targets does, and then what it is told to."""

    def __init__(self, *rows):
        super().__init__()
        self.rows = rows

    def explore(self, budgeted, rng):
        for row in self.rows[1:]:
            yield from budgeted.evaluate(np.array([row], np.int8))


def test_by_default_the_proxy_is_the_device_that_ranks_most_like_all_others():
    names = ("jetson_gpu", "note10", "v100_b64", "titan_rtx_b64")
    fleet = fleet_of(*names)
    costs = np.stack([one.problem.cost.cost(TOY.space.sample(1000, np.random.default_rng(0))) for one in fleet.members])
    ranks = costs.argsort(axis=1).argsort(axis=1)
    most = int(np.corrcoef(ranks).sum(axis=0).argmax())
    assert names[most] == "v100_b64"
    assert Proxy(Joint())._searched(fleet).problem is fleet.members[most].problem
    assert Proxy(Joint(), "note10")._searched(fleet).problem is fleet.members[1].problem


def test_the_targets_of_the_proxy_are_spread_over_its_costs_or_its_own():
    fleet = fleet_of("note10", "cpu_onnx")
    cost = fleet.members[0].problem.cost
    spread = Proxy(Joint(), "note10", 4)._searched(fleet).targets
    assert spread == pytest.approx(cost.minimum + (cost.maximum - cost.minimum) * np.array([0.25, 0.5, 0.75, 1]))
    assert Proxy(Joint(), "note10", None)._searched(fleet).targets == fleet.members[0].targets
    assert len(Proxy(Joint(), "note10")._searched(fleet).targets) == 10


@pytest.mark.parametrize("name", ["joint", "vanilla"])
def test_the_proxy_is_searched_in_the_same_way_whatever_the_other_devices_are(name):
    asked = []
    for names in (("note10", "cpu_onnx"), ("jetson_gpu", "note10", "macs")):
        counting = CountingPredictor(TOY.predictor)
        search(Proxy(INNER[name], "note10"), fleet_of(*names, predictor=counting, shares=(0.4,)))
        asked.append(np.concatenate(counting.asked))
    size = min(map(len, asked)) - 2
    assert (asked[0][:size] == asked[1][:size]).all()
    assert size > 140


@pytest.mark.parametrize(("amount", "most"), [(40, 120), (1, 3)])
def test_a_limit_of_evaluations_leaves_room_for_the_cheapest_of_other_devices(amount, most):
    members = fleet_of("note10", "jetson_gpu", "macs", shares=(0.0, 0.3)).members
    budget = Budget(6, 2, Limit("unique_evaluations", amount))
    cells = [Cell(one.problem, Proxy(Joint(), "note10"), one.targets, budget, 0, 1, 1) for one in members]
    ((*devices,),) = run_fleet(cells, lambda *_: None)
    made = sum(result.counts.unique_evaluations for device in devices for result in device.results)
    assert most - 2 <= made <= most
    assert Proxy(Joint()).limits == ("generations", "unique_evaluations")
    assert Proxy(Vanilla(EVOLUTION)).limits == ("generations", "unique_evaluations")  # not seconds
    assert Proxy(Chain(EVOLUTION, "random")).limits == ()


@pytest.mark.parametrize(
    "inner",
    [
        Joint(evaluations=60),
        Vanilla(EVOLUTION),
        Surrogate(Joint(), SurrogateProcess, 40, initial=20, inner_evaluations=60, again=True),
    ],
    ids=["joint", "vanilla", "surrogate"],
)
def test_accuracies_are_the_first_measurements_that_the_inner_search_saw(inner):
    noisy = CountingPredictor(SimulatedMeasurement(TOY.space, TOY.predictor, 0.5))
    fleet = fleet_of("note10", "cpu_onnx", predictor=noisy)
    problems = [one.problem.with_errors_of(7) for one in fleet.members]
    fleet = Fleet(tuple(Member(p, one.targets) for p, one in zip(problems, fleet.members, strict=True)))
    found = search(Proxy(inner), fleet)
    for result in found.values():
        row = result.genes[None]
        true = TOY.predictor.accuracy(row)
        assert result.accuracy == problems[0].measure(true, row, np.zeros(1, np.int64))[0] != true[0]
    made = sum(result.counts.measurements for result in found.values())
    assert made == sum(map(len, noisy.asked))


def test_without_a_memo_what_is_asked_again_is_counted_as_the_inner_search_counts_it():
    counting = CountingPredictor(TOY.predictor)
    strategy = Proxy(Vanilla(Evolution(population_size=20, memo=False)), proxy_targets=2)
    fleet = fleet_of("note10", "cpu_onnx", predictor=counting)
    found = search(strategy, fleet)
    with_memo = search(Proxy(Vanilla(EVOLUTION), proxy_targets=2), fleet)
    assert [one.genes.tobytes() for one in found.values()] == [one.genes.tobytes() for one in with_memo.values()]
    without, with_one = total([*found.values()]), total([*with_memo.values()])
    assert without.pop("cost_lookups") > with_one.pop("cost_lookups")  # what is asked again is re-costed again
    assert without == with_one
    curves = [found[i].curve[-1][1:3] for i in found]
    assert all(unique <= evaluations for evaluations, unique in curves)


def test_the_most_evaluations_are_those_on_the_proxy_and_one_for_each_other_device():
    fleet = fleet_of("note10", "cpu_onnx", "macs")
    assert Proxy(Joint(evaluations=70)).most_evaluations_of_fleet(fleet, BUDGET) == 72
    assert Proxy(Vanilla(EVOLUTION), None, 5).most_evaluations_of_fleet(fleet, BUDGET) == 5 * 7 * 20 + 2
    assert Proxy(Vanilla(EVOLUTION), None, None).most_evaluations_of_fleet(fleet, BUDGET) == 2 * 7 * 20 + 2


def test_what_may_be_forked_and_what_memory_it_takes_are_those_of_the_inner_strategy():
    class Unsafe(Joint):
        pass

    assert Proxy(Joint()).fork_safe
    assert not Proxy(Unsafe()).fork_safe
    assert Proxy(NSGA2()).bytes_a_pair == NSGA2().bytes_a_pair > 0


def test_wrong_values_are_refused():
    with pytest.raises(InputError, match=r"strategy\.inner=OFAReference: must be a strategy with coroutines"):
        Proxy(OFAReference(EVOLUTION))
    with pytest.raises(InputError, match=r"strategy\.proxy_targets=0: must be a whole number of 1 or more"):
        Proxy(Joint(), proxy_targets=0)
    with pytest.raises(InputError, match=r"strategy\.proxy=note11: not in the fleet; there are note10, macs; did you"):
        search(Proxy(Joint(), "note11"), fleet_of("note10", "macs"))
