import pytest
from plain import plain_record

from ofa_bench.records.labels import heading, labels, overrides_of


def record(strategy="top_down", last="seed=0", **choices):
    chosen = {"space": "s", "device": "d", "predictor": "p", "strategy": strategy, "budget": "b", "targets": "t"}
    chosen |= choices
    return plain_record(choices=chosen, address="/".join([*chosen.values(), last]))


def test_without_records_there_is_nothing_to_name():
    assert labels([]) == []
    assert heading([]) == ""


def test_one_record_is_named_by_its_strategy():
    assert labels([record(last="seed=0,evolution.population_size=10")]) == ["top_down"]


@pytest.mark.parametrize("strategy", ["top_down", "bottom_up"])
def test_an_experiment_called_after_its_strategy_stands_for_both(strategy):
    authors = f"seed=0,experiment=authors_{strategy}"
    several = [record(strategy), record(strategy, authors), record(strategy, f"{authors},repeats=2")]
    named = [strategy, f"authors_{strategy}", f"authors_{strategy} repeats=2"]
    assert labels(several) == named


def test_another_experiment_stands_beside_the_strategy():
    several = [record(last="seed=0,experiment=mine"), record("vanilla", "seed=0,experiment=mine"), record()]
    assert labels(several) == ["top_down experiment=mine", "vanilla experiment=mine", "top_down"]


def test_an_experiment_of_all_records_is_in_the_heading():
    last = "seed=0,experiment=authors_top_down"
    several = [record(last=last), record(last=f"{last},repeats=2")]
    assert labels(several) == ["top_down", "top_down repeats=2"]
    assert heading(several) == f"s / d / p / b / t / {last}"


def test_the_keys_of_strategy_and_evolution_are_named_short():
    last = "seed=0,evolution.mutate_prob=0.5,strategy.warm_start.seed=best,device.strategy.x=1"
    [_, named] = labels([record(), record(last=last)])
    assert named == "top_down mutate_prob=0.5 warm_start.seed=best device.strategy.x=1"


def test_a_fleet_is_named_where_a_strategy_has_others():
    last = "seed=0,device.devices=[d,e],fleet"
    together, alone, other = record("joint", last), record("vanilla"), record("joint", last.replace("e", "x", 1))
    assert labels([together, alone]) == ["joint", "vanilla"]
    assert labels([together, record("joint")]) == ["joint device.devices=[d,e] fleet", "joint"]
    assert len(set(labels([together, other]))) == 2


def test_commas_in_brackets_part_nothing():
    lists = [record(last=f"seed=0,targets.values={values}") for values in ("[35,30]", "[35]")]
    assert labels(lists) == ["top_down targets.values=[35,30]", "top_down targets.values=[35]"]
    assert heading(lists) == "s / d / p / b / t / seed=0"


def test_options_whose_names_have_slashes_are_one_part():
    several = [record(targets="my/own"), record("vanilla", targets="my/own"), record("vanilla")]
    assert labels(several) == ["top_down my/own", "vanilla my/own", "vanilla t"]
    assert heading(several) == "s / d / p / b / seed=0"


def cut(seed, config, digits):
    last = f"seed={seed},budget.match=seconds,evolution~{digits}"
    return plain_record(choices=vars(record().choices), address=f"s/d/p/top_down/b/t/{last}", config=config)


def test_the_end_of_a_long_address_is_named_alike_for_all_seeds():
    """The hash of an address depends on its seed; what differs besides must still differ in the name."""
    without = ("seed", "budget")
    few, many = {"evolution": {"population_size": 10}}, {"evolution": {"population_size": 50}}
    one = overrides_of(cut(0, {"seed": 0, "budget": {"match": "seconds"}, **few}, "0123456789ab"), without=without)
    same = overrides_of(cut(1, {"seed": 1, "budget": {"match": None}, **few}, "ba9876543210"), without=without)
    other = overrides_of(cut(0, {"seed": 0, "budget": {"match": "seconds"}, **many}, "0123456789ab"), without=without)
    assert one == same != other
    assert [len(part) for part in one] == [7]
    again = record(last="seed=0,evolution.memo=false,a~0123456789ab,attempt=2")
    assert overrides_of(again, without=["seed"])[::2] == ["evolution.memo=false", "attempt=2"]


def test_overrides_of_other_keys_are_kept():
    several = record(last="seed=3,budget.generations=9,evolution.memo=false,targets.values=[1,2]")
    assert overrides_of(several, without=["seed", "budget"]) == ["evolution.memo=false", "targets.values=[1,2]"]
