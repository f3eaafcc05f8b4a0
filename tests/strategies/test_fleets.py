"""Joint and chains on fleets: who gets what, what is spent, and what goes from one device to another."""

from itertools import pairwise

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.engine import Cell, run_fleet, run_repeats, total_budget
from ofa_bench.errors import InputError
from ofa_bench.predictors import SimulatedMeasurement, embedded_predictor, latency_table
from ofa_bench.search import Evolution, Fleet, LockstepRunner, Member, Problem
from ofa_bench.search.lockstep import run_single
from ofa_bench.strategies import Budget, Chain, CoroutineStrategy, Joint, Limit, Proxy, Vanilla, WarmStart
from ofa_bench.testing import CountingPredictor, check_strategy, toy_problem

TOY = toy_problem()
DEVICES = ("note10", "cpu_onnx", "jetson_gpu")
EVOLUTION = Evolution(population_size=20)
BUDGET = Budget(generations=9, warm_generations=3)
SHARES = (0.3, -0.1, 0.1, 0.3, 0.6)
"""Where targets are between a device's cheapest and dearest architecture; the second one is infeasible."""


def joint(evaluations=300, **keys):
    return Joint(evaluations=evaluations, **keys)


def chain(order="ascending", across="similarity", evolution=EVOLUTION, **warm_start):
    return Chain(evolution, order, WarmStart(**warm_start), across=across)


TOGETHER = {
    "joint": joint(),
    "chain": chain(),
    "random": chain("random", "random"),
    "given": chain("middle_out", "given", seed="population"),
    "proxy": Proxy(joint()),
}


def member(name="note10", shares=SHARES, predictor=TOY.predictor):
    cost = latency_table(TOY.space, name)
    targets = tuple(cost.minimum + share * (cost.maximum - cost.minimum) for share in shares)
    return Member(Problem(TOY.space, predictor, cost), targets)


def fleet_of(*names, shares=SHARES, predictor=TOY.predictor):
    return Fleet(tuple(member(name, shares, predictor) for name in names or DEVICES))


def search(strategy, fleet, budget=BUDGET, seed=0):
    """Return the results by position, in the order in which they were found."""
    rng, predictor = np.random.default_rng(seed), fleet.members[0].problem.predictor
    found = [item for one in strategy.fleet_coroutines(fleet, budget, rng) for item in run_single(one, predictor)]
    assert sorted(position for position, _ in found) == list(range(fleet.number_of_targets))
    return dict(found)


def bits(result):
    return (result.target, result.genes.tobytes(), result.accuracy, result.cost, vars(result.counts), result.curve)


def total(found, key="evaluations"):
    return sum(getattr(result.counts, key) for result in found.values())


@pytest.mark.parametrize("name", TOGETHER)
def test_contract_of_fleets(name):
    check_strategy(TOGETHER[name])


@pytest.mark.parametrize("order", ["ascending", "descending", "middle_out", "random"])
@pytest.mark.parametrize("across", ["similarity", "given", "random"])
def test_a_chain_across_one_device_is_the_chain_of_that_device(order, across):
    found, alone = search(chain(order, across), fleet_of("note10")), search_alone(chain(order, None))
    assert list(found) == list(alone)
    assert [bits(found[i]) for i in range(5)] == [bits(alone[i]) for i in range(5)]


def test_a_joint_search_of_one_device_is_that_of_the_device():
    found, alone = search(joint(), fleet_of("note10")), search_alone(joint())
    assert [bits(found[i]) for i in range(5)] == [bits(alone[i]) for i in range(5)]


def search_alone(strategy):
    one = member()
    return dict(strategy.search(one.problem, one.targets, BUDGET, np.random.default_rng(0)))


@pytest.mark.parametrize("name", ["joint", "proxy"])
def test_each_target_gets_the_best_of_all_that_was_evaluated_for_any_device(name):
    counting = CountingPredictor(TOY.predictor)
    fleet = fleet_of(predictor=counting)
    found = search(TOGETHER[name], fleet)
    genes = np.concatenate(counting.asked)
    accuracy = TOY.predictor.accuracy(genes)
    for begin, one in zip(fleet.starts, fleet.members, strict=True):
        cost = one.problem.cost.cost(genes)
        for i, target in enumerate(one.targets):
            result = found[begin + i]
            assert result.feasible == (i != 1)
            if result.feasible:
                assert result.accuracy == accuracy[cost <= target].max()
                best = [result.accuracy, *(other.accuracy for other in result.alternatives)]
                assert len(best) == one.problem.keep
                assert all(a >= b for a, b in pairwise(best))
                assert all(other.cost <= target for other in result.alternatives)


def test_joint_evaluates_nothing_twice_on_any_device_and_divides_the_counts():
    counting = CountingPredictor(TOY.predictor)
    found = search(joint(357), fleet_of(predictor=counting))
    keys = [key for genes in counting.asked for key in TOY.space.keys(genes)]
    assert len(keys) == len(set(keys)) == total(found) == total(found, "unique_evaluations") == 357
    feasible = [result for result in found.values() if result.feasible]
    assert len(feasible) == 12
    assert {result.counts.evaluations for result in feasible} == {29, 30}
    assert {result.shared for result in feasible} == {12}
    assert [result.feasible for result in found.values()] == [True] * 12 + [False] * 3  # infeasible ones come last


def test_joint_searches_every_device():
    """With the targets of one device alone, another one's are met less well."""
    fleet, both = fleet_of("note10"), fleet_of("note10", "jetson_gpu")
    gpu = both.members[1]
    alone = Fleet((fleet.members[0], Member(gpu.problem, (gpu.problem.cost.maximum,))))
    found = search(joint(1000), both)
    gained = [
        found[fleet.number_of_targets + i].accuracy - reached(search(joint(1000), alone), gpu.targets[i], gpu)
        for i in (0, 2)
    ]
    assert min(gained) > 0


def reached(found, target, on):
    """Return the highest accuracy of all reported networks that meet a target."""
    rows = np.array([one.genes for result in found.values() for one in (result, *result.alternatives)])
    accuracy = on.problem.predictor.accuracy(rows)
    return accuracy[on.problem.cost.cost(rows) <= target].max(initial=0)


@pytest.mark.parametrize("strategy", [joint(), Proxy(joint())], ids=["joint", "proxy"])
def test_a_cheapest_architecture_is_evaluated_only_where_nothing_else_meets_the_targets(strategy):
    worth = {"a": (0.5, 0.625), "b": (0.0, 0.125)}
    equal = tiny_problem(worth, {"a": (1.0, 2.0), "b": (1.0, 2.0)})
    other = tiny_problem(worth, {"a": (2.0, 1.0), "b": (1.0, 2.0)})
    counting = CountingPredictor(equal.predictor)
    problems = [Problem(equal.space, counting, one.cost) for one in (equal, equal, other, other)]
    found = search(strategy, Fleet(tuple(Member(one, (2.0,)) for one in problems)))
    assert [found[i].genes.tolist() for i in range(4)] == [[0, 0], [0, 0], [1, 0], [1, 0]]
    asked = np.concatenate(counting.asked).tolist()
    assert len(asked) == len({tuple(row) for row in asked}) == total(found)


def test_a_budget_too_small_for_the_cheapest_of_all_devices_is_refused():
    worth = {"a": (0.5, 0.625)}
    members = [Member(tiny_problem(worth, {"a": cost}), (1.0,)) for cost in ((1.0, 2.0), (2.0, 1.0))]
    assert len(search(joint(2), Fleet(tuple(members)))) == 2
    with pytest.raises(InputError, match="1 evaluations are too few for 2 devices"):
        search(joint(1), Fleet(tuple(members)))


@pytest.mark.parametrize("across", ["similarity", "given", "random"])
@pytest.mark.parametrize("order", ["ascending", "random"])
def test_a_chain_across_devices_makes_n_generations_once_and_warm_ones_elsewhere(order, across):
    found = search(chain(order, across), fleet_of(), Budget(9, (5, 4, 3)))
    generations = [result.generations for result in found.values() if result.feasible]
    assert generations == [9, 5, 4, *[3] * 9]
    assert [result.generations for result in found.values() if not result.feasible] == [0, 0, 0]
    assert chain().most_evaluations_of_fleet(fleet_of(), Budget(9, (5, 4, 3))) == total(found) == 20 * (12 + 18 + 27)


def test_the_first_search_from_scratch_is_that_of_vanilla_with_the_same_stream():
    fleet = fleet_of("note10", "jetson_gpu")
    found = search(chain("ascending", "given"), fleet)
    (stream,) = np.random.default_rng(0).spawn(fleet.number_of_targets)[2:3]
    one = fleet.members[0]
    alone = EVOLUTION.search(one.problem.evaluator(), one.targets[2], BUDGET.generations, stream)
    assert bits(found[2]) == bits(alone)


def visited(strategy, fleet, seed=0):
    """Return the order in which the devices of a fleet are searched."""
    starts = np.array(fleet.starts)
    owners = [int(np.searchsorted(starts, i, side="right")) - 1 for i in search(strategy, fleet, Budget(1, 1), seed)]
    changes = [owners[0], *(b for a, b in pairwise(owners) if a != b)]
    assert len(changes) == len(set(changes)) == len(fleet.members)  # one device after another
    return changes


def test_devices_are_searched_in_the_order_of_similarity_as_given_or_at_random():
    fleet = fleet_of("note10", "jetson_gpu", "titan_rtx_b64", "jetson_cpu")
    assert visited(chain(across="given"), fleet) == [0, 1, 2, 3]
    assert visited(chain(across="similarity"), fleet) in ([2, 0, 3, 1], [1, 3, 0, 2])
    orders = {tuple(visited(chain(across="random"), fleet, seed)) for seed in range(8)}
    assert len(orders) > 4
    assert visited(chain(across="random"), fleet, 3) == visited(chain(across="random"), fleet, 3)


class Recorder(Evolution):
    """Keeps what each search starts from."""

    starts: list = []  # noqa: RUF012

    def steps(self, evaluator, target, generations, rng, start=None):
        self.starts.append(start)
        return super().steps(evaluator, target, generations, rng, start)


def recorded(fleet, order="ascending", budget=BUDGET, **warm_start):
    Recorder.starts.clear()
    found = search(chain(order, "given", Recorder(20), **warm_start), fleet, budget)
    return found, [*Recorder.starts]


def test_a_winner_of_another_device_is_a_seed():
    """Two equal devices: without a generation, the second one has what the first one found."""
    shares = (0.1, 0.3)
    for order in ("ascending", "descending"):
        found, started = recorded(fleet_of("note10", "note10", shares=shares), order, Budget(12, 0))
        for i in (0, 1):
            assert found[2 + i].accuracy >= found[i].accuracy
        first = found[0 if order == "ascending" else 1]
        assert started[0] is None
        meeting = [one for one in (found[0], found[1]) if one.cost <= first.target]
        best = max(meeting, key=lambda one: one.accuracy)
        assert started[2].tolist() == [best.genes.tolist()]
    alone = search_each(chain("ascending", None), fleet_of("note10", "note10", shares=shares), Budget(0, 0))
    assert found[2].accuracy > alone[2].accuracy


def search_each(strategy, fleet, budget, seed=0):
    """Return what searches of each device by itself find, by position."""
    found = {}
    for begin, one in zip(fleet.starts, fleet.members, strict=True):
        given = strategy.search(one.problem, one.targets, budget, np.random.default_rng(seed))
        found |= {begin + i: result for i, result in given}
    return found


def test_seeds_are_the_last_winner_of_the_device_and_the_best_of_others_that_meets_the_target():
    fleet = Fleet((member("note10", (0.1, 0.2, 0.5)), member("macs", (0.02, 0.2, 0.5))))
    found, started = recorded(fleet)
    macs = fleet.members[1]
    others = np.array([found[i].genes for i in range(3)])
    cost = macs.problem.cost.cost(others)
    for i, target in enumerate(macs.targets):
        own, (other,) = started[3 + i][:-1], started[3 + i][-1:]
        assert own.tolist() == ([found[2 + i].genes.tolist()] if i else [])
        assert macs.problem.cost.cost(started[3 + i]).max() <= target
        meeting = [j for j in range(3) if cost[j] <= target]
        wanted = max(meeting, key=lambda j: found[j].accuracy) if meeting else int(cost.argmin())
        assert (other <= others[wanted]).all()
        assert (other == others[wanted]).all() == bool(meeting)
    assert macs.targets[0] < cost.min() < cost.max() <= macs.targets[2]


def test_where_no_winner_of_other_devices_meets_the_target_the_nearest_is_pruned():
    fleet = Fleet((member("note10", (0.5, 0.9)), member("macs", (0.02,))))
    found, started = recorded(fleet)
    macs = fleet.members[1]
    rows = np.array([found[0].genes, found[1].genes])
    cost = macs.problem.cost.cost(rows)
    assert cost.min() > macs.targets[0]
    (seed,) = started[2]
    assert macs.problem.cost.cost(seed[None])[0] <= macs.targets[0]
    assert (seed <= rows[cost.argmin()]).all()


def test_without_seeds_nothing_goes_from_device_to_device():
    _, started = recorded(fleet_of("note10", "note10", shares=(0.1, 0.3)), seed="none")
    assert [None if start is None else len(start) for start in started] == [None, 0, 0, 0]


@pytest.mark.parametrize("name", TOGETHER)
def test_a_device_without_a_feasible_target_is_left_out(name):
    fleet = Fleet((member("note10", (-0.5, -0.1)), member("jetson_gpu", (0.3,)), member("cpu_onnx", (-0.1,))))
    found = search(TOGETHER[name], fleet)
    assert [found[i].feasible for i in range(4)] == [False, False, True, False]
    for i, one in ((0, 0), (1, 0), (3, 2)):
        assert (found[i].genes == fleet.members[one].problem.cost.cheapest).all()
        assert vars(found[i].counts) == dict.fromkeys(vars(found[i].counts), 0)
    assert found[2].shared == 1
    if name == "joint":
        assert found[2].counts.evaluations == 300


@pytest.mark.parametrize("name", TOGETHER)
def test_where_nothing_is_feasible_nothing_is_evaluated(name):
    counting = CountingPredictor(TOY.predictor)
    fleet = fleet_of(shares=(-0.1, -0.2), predictor=counting)
    assert [result.feasible for result in search(TOGETHER[name], fleet).values()] == [False] * 6
    assert counting.asked == []
    assert TOGETHER[name].most_evaluations_of_fleet(fleet, BUDGET) == 0


@pytest.mark.parametrize("name", ["joint", "proxy"])
def test_duplicates_of_targets_and_devices_get_the_same(name):
    found = search(TOGETHER[name], fleet_of("note10", "note10", shares=(0.3, 0.3, 0.1)))
    assert len({found[i].genes.tobytes() for i in (0, 1, 3, 4)}) == 1
    assert (found[2].genes == found[5].genes).all()


@pytest.mark.parametrize("name", TOGETHER)
def test_all_chance_comes_from_one_stream(name):
    first, again, other = (search(TOGETHER[name], fleet_of(), seed=seed) for seed in (1, 1, 2))
    assert [bits(one) for one in first.values()] == [bits(one) for one in again.values()]
    assert [bits(one) for one in first.values()] != [bits(one) for one in other.values()]


def cells(strategy, budget=BUDGET, names=DEVICES, predictor=TOY.predictor, **changes):
    members = fleet_of(*names, predictor=predictor).members
    given = {"seed": 0, "repeats": 2, "threads": 1} | changes
    return [Cell(one.problem, strategy, one.targets, budget, **given) for one in members]


def run(made):
    return list(run_fleet(made, lambda *_: None))


@pytest.mark.parametrize("name", TOGETHER)
def test_repeats_of_a_fleet_differ_and_seeds_repeat(name):
    found = [
        [[bits(result) for device in repeat for result in device.results] for repeat in run(cells(TOGETHER[name]))]
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
    (other, _) = run(cells(TOGETHER[name], seed=1))
    assert [bits(result) for device in other for result in device.results] != found[0][0]


def test_repeats_have_the_results_of_their_device_and_its_share_of_the_seconds():
    made = cells(joint())
    for repeat in run(made):
        for device, cell in zip(repeat, made, strict=True):
            assert tuple(result.target for result in device.results) == cell.targets
            assert device.seconds == pytest.approx(sum(device.target_seconds))
        shares = [second for device in repeat for second in device.target_seconds]
        assert shares[0] == shares[-1] > 10 * shares[1]  # the second target is infeasible


@pytest.mark.parametrize("strategy", [joint(None), Proxy(joint(None))], ids=["joint", "proxy"])
@pytest.mark.parametrize(("measure", "amount", "most"), [("unique_evaluations", 70, 210), ("generations", 2, 600)])
def test_a_limit_holds_for_all_devices_together(strategy, measure, amount, most):
    budget = Budget(9, 3, Limit(measure, amount))
    assert total_budget([budget] * 3).limit == Limit(measure, 3 * amount)
    for repeat in run(cells(strategy, budget)):
        evaluations = sum(result.counts.unique_evaluations for device in repeat for result in device.results)
        assert most - 2 <= evaluations <= most
        assert {device.limit for device in repeat} == {3 * amount}


def test_devices_see_the_same_measurement_errors():
    noisy = SimulatedMeasurement(TOY.space, TOY.predictor, 0.5)
    for strategy in TOGETHER.values():
        (repeat, other) = run(cells(strategy, predictor=noisy))
        seen, true = {}, {}
        for device in repeat:
            for result in device.results:
                for one in (result, *result.alternatives) if result.feasible else ():
                    key = one.genes.tobytes()
                    assert seen.setdefault(key, one.accuracy) == one.accuracy
                    true[key] = float(TOY.predictor.accuracy(one.genes[None])[0])
        errors = {key: seen[key] - true[key] for key in seen}
        assert 0.002 < np.std(list(errors.values())) < 0.01
        for device in other:
            for result in device.results:
                if result.feasible and result.genes.tobytes() in errors:
                    error = result.accuracy - true[result.genes.tobytes()]
                    assert error != errors[result.genes.tobytes()]


def test_a_fleet_is_forked_only_where_all_devices_may_be(monkeypatch):
    asked = []

    class Runner(LockstepRunner):
        def __init__(self, problem, coroutines, threads, *, fork):
            asked.append(fork)
            super().__init__(problem, coroutines, threads)

    monkeypatch.setattr("ofa_bench.engine.LockstepRunner", Runner)
    monkeypatch.setattr("ofa_bench.engine.WORTH_FORKING", 1)
    made = cells(joint(100), names=("note10", "jetson_gpu"))
    run(made)
    made[1].problem.cost.fork_safe = False
    run(made)
    assert asked == [True, False]


class Own(CoroutineStrategy):
    """A user's own, which knows nothing of fleets."""

    def coroutines(self, problem, targets, budget, rng):
        return Vanilla(EVOLUTION).coroutines(problem, targets, budget, rng)


def test_a_strategy_that_knows_no_fleets_says_so():
    assert not Own().across_devices
    with pytest.raises(NotImplementedError, match="Own searches each device by itself"):
        run(cells(Own()))
    assert len([*run_repeats(cells(Own())[0], lambda *_: None)]) == 2
    assert Own().most_evaluations_of_fleet(fleet_of(), BUDGET) is None


def test_devices_that_are_searched_together_find_more_than_each_with_its_share():
    fleet = fleet_of("note10", "cpu_onnx", "i7_8700k", "v100_b64", predictor=embedded_predictor(TOY.space))
    means = [
        [np.mean([result.accuracy for result in found.values() if result.feasible]) for found in several]
        for several in (
            [search(joint(1200), fleet, seed=seed) for seed in range(3)],
            [search_each(joint(300), fleet, BUDGET, seed) for seed in range(3)],
        )
    ]
    assert np.mean(means[0]) > np.mean(means[1]) + 0.001
