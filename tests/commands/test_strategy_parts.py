"""Parts of a strategy, ``strategy.inner`` and ``strategy.model``, on the command line, in experiments and in Python."""

import json
from functools import partial

import pytest
from conftest import findings

import ofa_bench as ob
from ofa_bench.commands import experiments
from ofa_bench.experiment.options import choose_parts
from ofa_bench.predictors import SurrogateProcess
from ofa_bench.records.record import read
from ofa_bench.strategies import NSGA2, Joint, Surrogate

SMALL = {"evaluations": 30, "initial": 15, "batch": 10, "inner_evaluations": 60}
WORDS = [f"strategy.{key}={value}" for key, value in SMALL.items()]
RUN = {"targets": [20, 30], "progress": False}
MODEL = """
from ofa_bench.predictors import SurrogateProcess

class Mine(SurrogateProcess):
    noises = (1e-5,)

def fit_mine(space, genes, accuracy, *, name, decay=0.5):
    Mine.decays = (decay,)
    return Mine(space, genes, accuracy, name=name)
"""


@pytest.fixture(scope="module")
def problem():
    return ob.problem("compofa", predictor="embedded")


def test_a_sweep_over_inner_strategies_has_an_address_for_each(forks, tmp_path):
    words = ("-m", "strategy=surrogate", "strategy.inner=random,joint", "space=compofa", "predictor=embedded")
    words = (*words, "targets=[20,30]", "tracking=none", *WORDS)
    assert forks.run("run", words, tmp_path).returncode == 0
    records = [read(path.parent) for path in tmp_path.rglob("record.json")]
    inner = {record.address.partition("strategy.inner=")[2].partition(",")[0]: record for record in records}
    assert sorted(inner) == ["joint", "random"]
    assert inner["random"].config["strategy"]["inner"]["_target_"] == "ofa_bench.strategies.RandomSearch"
    assert findings(inner["random"]) != findings(inner["joint"])
    for record in records:
        assert record.choices.strategy == "surrogate"
        assert sum(result.evaluations for result in record.repeats[0].results) == 30
    again = forks.run("run", words, tmp_path)
    assert (again.returncode, again.stderr.count("already there, skipped")) == (0, 2)


def test_python_finds_what_the_command_finds(forks, tmp_path, problem):
    words = ("strategy=surrogate", "strategy.inner=nsga2", "strategy.inner.population_size=10", "space=compofa")
    words = (*words, "predictor=embedded", "targets.values=[20,30]", "targets=single", "tracking=none", *WORDS)
    assert forks.run("run", words, tmp_path).returncode == 0
    [path] = tmp_path.rglob("record.json")
    keys = SMALL | {"strategy.inner.population_size": 10}
    found = ob.run(problem, "surrogate", inner="nsga2", **keys, **RUN).record
    assert findings(found) == findings(json.loads(path.read_text()))
    assert (found.address, found.identity) == (read(path.parent).address, read(path.parent).identity)
    given = Surrogate(NSGA2(10), SurrogateProcess, **SMALL, optimism=found.config["strategy"]["optimism"])
    own = ob.run(problem, given, **RUN).record
    assert findings(own) == findings(found)
    assert own.config["strategy"]["model"] == "ofa_bench.predictors.process.SurrogateProcess"
    assert own.config["strategy"]["inner"]["population_size"] == 10


def test_a_model_of_ones_own(problem, tmp_path, monkeypatch):
    (tmp_path / "own_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    from own_model import fit_mine

    by_name = [
        ob.run(problem, "surrogate", **SMALL, **RUN, **{"strategy.model._target_": "own_model.fit_mine"}, **others)
        for others in ({}, {"+strategy.model.decay": 0.9})
    ]
    given = {**SMALL, "optimism": by_name[0].record.config["strategy"]["optimism"]}
    by_hand = [ob.run(problem, Surrogate(Joint(), partial(fit_mine, decay=one), **given), **RUN) for one in (0.5, 0.9)]
    assert [findings(one.record) for one in by_name] == [findings(one.record) for one in by_hand]
    assert findings(by_hand[0].record) != findings(by_hand[1].record)
    assert by_hand[0].record.identity != by_hand[1].record.identity


def test_parts_are_chosen_in_the_sweeps_of_an_experiment(tmp_path, monkeypatch):
    (tmp_path / "experiment").mkdir()
    line = "[strategy=surrogate, 'strategy.inner=vanilla,joint', strategy.model=linear]"
    (tmp_path / "experiment" / "mine.yaml").write_text(f"sweeps:\n  - {line}\n")
    monkeypatch.setattr(experiments, "conf_dir", lambda: tmp_path)
    monkeypatch.setattr(experiments, "prepare", choose_parts)
    chosen = ["strategy=surrogate", "strategy@strategy.inner=vanilla,joint", "model@strategy.model=linear"]
    assert list(experiments.commands(["-m", "experiment=mine"])) == [["-m", *chosen]]
    replaced = ["-m", chosen[0], chosen[2], "strategy@strategy.inner=nsga2"]
    assert list(experiments.commands(["-m", "experiment=mine", "strategy.inner=nsga2"])) == [replaced]
