"""Invalid values for every key of every strategy: a message of one line, and nothing is written."""

import pytest
from test_bad_input import QUICK, named, refused

STRATEGIES = {
    "vanilla": [
        ("order=x", "strategy.order: no such key; allowed: _target_, evolution"),
        ("evolution=null", "strategy.evolution=None: must be ${evolution}; its keys are set by evolution.<key>="),
        (
            "evolution.constraint=x",
            "strategy.evolution.constraint: no such key; allowed: none; did you mean 'evolution.constraint=x'?",
        ),
        ("_target_=nowhere.Strategy", "strategy._target_=nowhere.Strategy: cannot be imported"),
        ("_target_=ofa_bench.search.Problem", "strategy.evolution: no such key"),
        ("_target_=ofa_bench.search", "strategy._target_=ofa_bench.search: must be a class or a function"),
        ("_target_=ofa_bench.search.Evolution", "strategy.evolution: no such key; allowed: population_size"),
        ("_target_=null", "strategy._target_=None: cannot be imported"),
    ],
    "top_down": [
        ("ordre=x", "strategy.ordre: no such key; allowed: _target_, evolution, order"),
        ("order=up", "strategy.order=up: must be ascending or descending"),
        ("evolution=3", "strategy.evolution=3: must be ${evolution}"),
        ("warm_start=best", "strategy.warm_start=best: give its keys, such as strategy.warm_start.seed=best"),
        ("warm_start.seed=bst", "strategy.warm_start.seed=bst: must be best, population or none; did you mean 'best'?"),
        ("warm_start.prunings=0", "strategy.warm_start.prunings=0: must be a whole number of 1 or more"),
        ("warm_start.prune_resolution=1", "strategy.warm_start.prune_resolution=1: must be true or false"),
        ("warm_start.share=nan", "strategy.warm_start.share=nan: must be null, or a number above 0 and at most 1"),
        (
            "warm_start.from=nowhere",
            "strategy.warm_start.from=nowhere: no such file or folder; give a file with OFA's dict",
        ),
        ("warm_start.from_best=many", "strategy.warm_start.from_best=many: must be a whole number of 1 or more"),
        ("warm_start.form=x", "share, from, from_best; did you mean 'from'?"),
        ("warm_start._target_=builtins.int", "strategy.warm_start._target_=builtins.int: must be a class"),
        ("previous=1", "strategy.previous: no such key"),
    ],
    "bottom_up": [("order=null", "strategy.order=None: must be ascending or descending")],
    "exhaustive": [
        ("most=0", "strategy.most=0: must be a whole number of 1 or more"),
        ("most=null", "strategy.most=None: must be a whole number of 1 or more"),
    ],
    "joint": [
        ("population_size=1000000000000", "strategy.population_size=1000000000000: "),
        ("evaluations=1.5", "strategy.evaluations=1.5: must be a whole number of 1 or more"),
        ("batch=0", "strategy.batch=0: must be a whole number of 1 or more"),
        ("restart=x", "strategy.restart=x: must be a whole number of 1 or more"),
        ("most_changes=true", "strategy.most_changes=True: must be a whole number of 1 or more"),
        ("noise=nan", "strategy.noise=nan: must be a number of 0 or more"),
        ("foo=1", "strategy.foo: no such key; allowed: _target_, population_size, evaluations, batch"),
    ],
    "differentiable": [
        ("samples=0", "strategy.samples=0: must be a whole number of 1 or more"),
        ("temperature=0", "strategy.temperature=0: must be more than 0"),
        ("gradient_cost=x", "strategy.gradient_cost=x: must be a number of 0 or more, or measured"),
    ],
    "nsga2": [
        (
            "population_size=1",
            "strategy.population_size=1 (by default evolution.population_size): must be a whole number of 2 ",
        ),
        ("mutate_prob=2", "strategy.mutate_prob=2: must be from 0 to 1"),
        ("crossover_prob=null", "strategy.crossover_prob=None: must be from 0 to 1"),
        ("evaluations=0", "strategy.evaluations=0: must be a whole number of 1 or more"),
    ],
    "sms_emoa": [
        (
            "population_size=1",
            "strategy.population_size=1 (by default evolution.population_size): must be a whole number of 2 ",
        )
    ],
    "spea2": [("crossover_prob=2", "strategy.crossover_prob=2: must be from 0 to 1")],
    "map_elites": [
        (
            "population_size=0",
            "strategy.population_size=0 (by default evolution.population_size): must be a whole number of 1 ",
        ),
        ("mutate_prob=x", "strategy.mutate_prob=x: must be from 0 to 1"),
    ],
    "random": [
        (
            "population_size=x",
            "strategy.population_size=x (by default evolution.population_size): must be a whole number of 1 ",
        ),
    ],
    "local_search": [("evaluations=-1", "strategy.evaluations=-1: must be a whole number of 1 or more")],
    "tpe": [("evaluations=null", "strategy.evaluations=None: must be a whole number of 1 or more")],
    "surrogate": [
        ("inner=jiont", "strategy.inner=jiont: no such option; there are bottom_up"),
        ("inner=null", "strategy.inner=null: must be the name of an option; there are bottom_up"),
        ("inner=joint,vanilla", "strategy.inner=joint,vanilla: several values are a sweep, put -m before them"),
        ("inner.batch=0", "strategy.inner.batch=0: must be a whole number of 1 or more"),
        ("inner.foo=1", "strategy.inner.foo: no such key; allowed: _target_, population_size, evaluations"),
        ("inner._target_=ofa_bench.search.Evolution", "strategy.inner.evaluations: no such key; allowed: population"),
        ("model=nosuch", "strategy.model=nosuch: no such option; there are linear, network, process"),
        ("model=[linear]", "must be the name of an option; there are linear, network, process; set its keys one by"),
        ("model.foo=1", "strategy.model.foo: no such key; allowed: _target_, _partial_"),
        ("acquisition=meen", "strategy.acquisition=meen: must be mean, optimistic or expected_improvement; did you"),
        ("rounds=-1", "strategy.rounds=-1: must be a whole number of 0 or more"),
        ("batch=0", "strategy.batch=0: must be a whole number of 1 or more"),
        ("optimism=-1", "strategy.optimism=-1: must be a number of 0 or more"),
        ("again=2", "strategy.again=2: must be true or false"),
        ("inner_evaluations=0", "strategy.inner_evaluations=0: must be a whole number of 1 or more"),
    ],
    "proxy": [
        ("inner=jiont", "strategy.inner=jiont: no such option; there are bottom_up"),
        ("inner=ofa_reference", "strategy.inner=OFAReference: must be a strategy with coroutines"),
        ("inner.batch=0", "strategy.inner.batch=0: must be a whole number of 1 or more"),
        ("proxy_targets=0", "strategy.proxy_targets=0: must be a whole number of 1 or more"),
        ("targets=5", "strategy.targets: no such key; allowed: inner, _target_, proxy, proxy_targets"),
    ],
    "ofa_recipe": [
        ("model.epochs=x", "strategy.model.epochs=x: must be a whole number of 1 or more"),
        ("model.hidden=5", "strategy.model.hidden=5: must be a list, such as [400,400,400]"),
        ("model.hidden=[5,0]", "strategy.model.hidden=0: must be a whole number of 1 or more"),
        ("model.batch=0", "strategy.model.batch=0: must be a whole number of 1 or more"),
        ("model.learning_rate=-1", "strategy.model.learning_rate=-1: must be a number of 0 or more"),
        ("model.weight_decay=nan", "strategy.model.weight_decay=nan: must be a number of 0 or more"),
    ],
    "ofa_reference": [("evolution=x", "strategy.evolution=x: must be ${evolution}")],
}


@pytest.mark.parametrize(
    "case",
    [
        ([f"strategy={name}", f"strategy.{word}"], message)
        for name, cases in STRATEGIES.items()
        for word, message in cases
    ],
    ids=named,
)
def test_a_bad_value_of_a_strategy_is_one_line_and_leaves_nothing(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", (*QUICK, "targets=paper1", *arguments), tmp_path), tmp_path, message)


def test_a_part_is_chosen_only_where_there_is_one(forks, tmp_path):
    message = "strategy.inner: nothing to choose here; a value of your own key is set by ++strategy.inner="
    refused(forks.run("run", (*QUICK, "strategy=joint", "strategy.inner=vanilla"), tmp_path), tmp_path, message)


def test_a_proxy_that_is_not_in_the_fleet_is_refused(forks, tmp_path):
    words = (*QUICK, "targets=quantiles", "strategy=proxy", "strategy.proxy=note11")
    message = "strategy.proxy=note11: not in the fleet; there are note10, macs; did you mean 'note10'?"
    words = (*words, "device=fleet", "device.devices=[note10,macs]")
    refused(forks.run("run", words, tmp_path), tmp_path, message)
    ran = forks.run("run", ("--dry-run", *words), tmp_path)
    assert (ran.returncode, ran.stderr) == (2, f"ofa_bench: {message}\n")


def test_an_inner_chain_goes_on_from_no_record(forks, tmp_path):
    words = (*QUICK, "strategy=surrogate", "strategy.inner=top_down", "strategy.inner.warm_start.from=x")
    message = "strategy.inner.warm_start.from: an inner strategy cannot go on from a record"
    refused(forks.run("run", words, tmp_path), tmp_path, message)


def test_a_key_of_a_strategy_that_is_added_is_checked_too(forks, tmp_path):
    for word, message in (("+strategy.foo=1", "strategy.foo: no such key; allowed: evolution"),):
        refused(forks.run("run", (*QUICK, word), tmp_path), tmp_path, message)
