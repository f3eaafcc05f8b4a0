"""Controls of equal budget: what they may spend, what they spend, and what their records say."""

from dataclasses import replace

import numpy as np
import pytest

from ofa_bench.engine import Match, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import result_config
from ofa_bench.search import Evolution
from ofa_bench.strategies import Budget, Limit, Vanilla
from tests.composing import cell, composed

QUICK = (
    "budget.generations=9",
    "evolution.population_size=20",
    "targets=single",
    "targets.values=[20,30,40]",
    "repeats=2",
)


def run(built):
    return list(run_repeats(built, lambda *_: None))


def total(repeat, key):
    return sum(getattr(result.counts, key) for result in repeat.results)


def matched(measure, *overrides, strategy="vanilla"):
    return cell(f"strategy={strategy}", "budget=matched", f"budget.match={measure}", *QUICK, *overrides)


def test_equal_generations_are_those_of_the_chain_spread_evenly():
    chain, control = run(cell("strategy=top_down", *QUICK)), run(matched("generations"))
    assert [one.generations for one in chain[0].results] == [3, 3, 9]  # 9 + 2 sqrt(9)
    assert [one.generations for one in control[0].results] == [5, 5, 5]
    assert control[0].limit == 15
    uneven = run(matched("generations", "budget.generations=10"))  # 10 + 2 * 4
    assert [one.generations for one in uneven[0].results] == [6, 6, 6]
    uneven = run(matched("generations", "budget.warm_generations=4"))  # 9 + 2 * 4
    assert [one.generations for one in uneven[0].results] == [6, 6, 5]


def test_an_infeasible_target_gets_no_share():
    control = matched("generations", "targets.values=[1,20,30,40]")
    assert control.budget.limit == Limit("generations", 15)
    assert [one.generations for one in run(control)[0].results] == [0, 5, 5, 5]
    evolution = Evolution(population_size=20)
    assert Vanilla(evolution).most_evaluations(control.problem, control.targets, control.budget) == 3 * 20 + 15 * 20


def test_a_control_of_equal_generations_finds_what_vanilla_finds_with_as_many():
    control, plain = run(matched("generations")), run(cell("strategy=vanilla", *QUICK, "budget.generations=5"))
    for one, other in zip(control, plain, strict=True):
        for result, same in zip(one.results, other.results, strict=True):
            assert (result.genes == same.genes).all()
            assert result.counts == same.counts


@pytest.mark.parametrize("lockstep", ["true", "false"])
@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_equal_unique_evaluations_are_those_of_the_chain_of_the_same_repeat(order, lockstep):
    wanted = run(cell("strategy=top_down", f"strategy.order={order}", *QUICK))
    control = run(matched("unique_evaluations", f"budget.chain.order={order}", f"lockstep={lockstep}"))
    for one, chain in zip(control, wanted, strict=True):
        limit = total(chain, "unique_evaluations")
        assert one.limit == limit
        assert limit <= total(one, "unique_evaluations") <= limit + 3 * 20  # up to a generation of each target more
        generations = [result.generations for result in one.results]
        assert max(generations) - min(generations) <= 1
        assert max(generations) < 9


def test_targets_take_turns_even_where_one_of_them_is_exhausted():
    """A target under which a handful of architectures exist finds nothing new; the others get what it leaves."""
    few = [
        "space=compofa",
        "device=macs",
        "targets=single",
        "targets.values=[300,900]",
        "budget.generations=60",
        "evolution.population_size=20",
    ]
    control = cell("strategy=vanilla", "budget=matched", "budget.match=unique_evaluations", *few)
    [repeat] = run(control)
    assert total(repeat, "unique_evaluations") >= repeat.limit or max(one.generations for one in repeat.results) == 60


def test_equal_seconds_end_with_the_time():
    control = matched("seconds", "budget.generations=100000", "budget.warm_generations=5", "repeats=1")
    chain = replace(control.match.strategy.evolution)
    assert chain.population_size == 20
    control = replace(control, budget=Budget(100_000, 5, Limit("seconds", 0.2)))
    [repeat] = run(control)
    assert 0.2 <= repeat.seconds < 1.5
    generations = [result.generations for result in repeat.results]
    assert 0.9 * max(generations) <= min(generations) < 100_000  # one that finds nothing new for a while may be ahead


def test_equal_seconds_are_measured_beside_the_control_and_alone():
    control = matched("seconds")
    assert not control.together
    [one, other] = run(control)
    assert one.limit != other.limit
    assert min(one.limit, other.limit) > 0


def test_a_shared_search_gets_as_many_evaluations():
    assert total(run(matched("generations", strategy="nsga2"))[0], "evaluations") == 15 * 20
    [repeat, _] = run(matched("unique_evaluations", strategy="joint"))
    assert total(repeat, "evaluations") == repeat.limit
    few = matched("generations", "strategy.evaluations=100", strategy="joint")
    assert total(run(few)[0], "evaluations") == 100


def test_a_chain_keeps_its_own_budget():
    chain = matched("unique_evaluations", strategy="bottom_up")
    assert (chain.match, chain.matched, chain.budget.limit) == (None, None, None)
    [one, _], [other, _] = run(chain), run(cell("strategy=bottom_up", *QUICK))
    assert [result.genes.tolist() for result in one.results] == [result.genes.tolist() for result in other.results]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["strategy=vanilla", "budget=matched", "budget.match=second"], "budget.match=second: must be generations, "),
        (
            ["strategy=joint", "budget=matched", "budget.match=seconds"],
            "strategy=Joint cannot be limited by it, only",
        ),
        (["strategy=ofa_reference", "budget=matched"], "strategy=OFAReference cannot be limited by it; the"),
        (["strategy=vanilla", "budget=sqrt", "budget.match=generations"], "only with budget=matched"),
        (["strategy=vanilla", "budget=matched", "budget.chain.warm_start.from=x"], "budget.chain.warm_start.from"),
        (["strategy=vanilla", "budget=matched", "budget.chain.order=up"], "budget.chain.order=up: must"),
        (
            ["strategy=vanilla", "budget=matched", "strategy@budget.chain=vanilla"],
            "budget.chain: must be the config",
        ),
        (
            ["strategy=vanilla", "budget=matched", "strategy@budget.chain=joint"],
            "budget.chain: must be the config",
        ),
    ],
)
def test_what_cannot_be_matched_is_refused(overrides, message):
    with pytest.raises(InputError, match=message):
        cell(*overrides)


@pytest.mark.parametrize("compiled", [True, False])
def test_without_a_memo_results_are_the_same_and_all_evaluations_are_predicted(compiled):
    class Counting:
        rows = 0

    def search(memo):
        built = cell("strategy=top_down", f"evolution.memo={memo}", *QUICK, "repeats=1", "lockstep=false")
        if not compiled:
            built.problem.__dict__["kernels"] = None
        predictor, count = built.problem.predictor, Counting()
        given = predictor.accuracy

        def counted(genes):
            count.rows += len(genes)
            return given(genes)

        predictor.accuracy = counted
        [repeat] = run(built)
        del predictor.accuracy
        return repeat, count.rows

    (one, few), (other, many) = search("true"), search("false")
    for result, same in zip(one.results, other.results, strict=True):
        assert (result.genes == same.genes).all()
        assert (result.accuracy, result.counts) == (same.accuracy, same.counts)
        assert [alternative.genes.tolist() for alternative in result.alternatives] == [
            alternative.genes.tolist() for alternative in same.alternatives
        ]
    assert few == total(one, "unique_evaluations") < many == total(one, "evaluations")


def test_a_chains_generations():
    assert [Budget(500, 23).chained(k) for k in (0, 1, 10)] == [0, 500, 707]
    assert Budget(9, (4, 2)).chained(4) == 9 + 4 + 2 + 2


def test_the_match_is_part_of_a_cell():
    assert isinstance(matched("seconds").match, Match)
    assert np.isclose(matched("generations").budget.limit.amount, 15)


def test_keys_that_change_nothing_are_not_part_of_what_decides_the_results():
    """Records from before these keys existed must be found again."""
    described = result_config(composed("strategy=joint")[1])
    assert "memo" not in described["evolution"]
    assert not {"match", "chain"} & set(described["budget"])
    assert not {"gradient", "gradient_cost"} & set(described["strategy"])
    assert "rescaled" not in described["device"]
    for strategy in ("vanilla", "top_down"):
        assert "memo" not in result_config(composed(f"strategy={strategy}")[1])["strategy"]["evolution"]
    changed = result_config(composed("evolution.memo=false", "budget=matched", "device.rescaled=1")[1])
    assert (changed["evolution"]["memo"], changed["budget"]["match"]) == (False, "generations")
    assert changed["strategy"]["evolution"]["memo"] is False
    assert changed["device"]["rescaled"] == 1


def test_targets_that_take_turns_share_the_time_equally():
    """The first result is there when nearly all of the search is done; it must not get all the time."""
    for lockstep in ("true", "false"):
        repeat = run(matched("unique_evaluations", "targets.values=[1,20,30,40]", f"lockstep={lockstep}"))[0]
        assert not repeat.results[0].feasible
        assert len(set(repeat.target_seconds[1:])) == 1
        assert 0.5 * repeat.seconds < sum(repeat.target_seconds) <= repeat.seconds * (1 + 1e-9)


class OwnEvolution:
    """A user's search of one target: it cannot be told to stop."""

    def steps(self, evaluator, target, generations, rng, start=None):
        return (yield from Evolution(population_size=20).steps(evaluator, target, generations, rng, start))


def test_vanilla_keeps_to_what_a_users_evolution_can_keep_to():
    assert Vanilla(OwnEvolution()).limits == ("generations",)
    assert Vanilla(Evolution()).limits == ("generations", "unique_evaluations", "seconds")
    found = run(replace(matched("generations"), strategy=Vanilla(OwnEvolution())))
    assert [one.generations for one in found[0].results] == [5, 5, 5]
