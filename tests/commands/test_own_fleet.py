"""Strategies that know nothing of fleets, also a user's own: the records are those of single devices, to the bit."""

import json

import pytest

OWN = '''
from ofa_bench.search import Evolution
from ofa_bench.strategies import CoroutineStrategy, Strategy

class Plain(Strategy):
    """Every target from scratch; it has no coroutines and knows nothing of fleets."""

    def __init__(self, evolution: Evolution):
        self.evolution = evolution

    def search(self, problem, targets, budget, rng):
        for i, (target, stream) in enumerate(zip(targets, rng.spawn(len(targets)))):
            yield i, self.evolution.search(problem.evaluator(), target, budget.generations, stream)

class Lockstep(CoroutineStrategy):
    """One search after another, all from the same stream."""

    def __init__(self, evolution: Evolution):
        self.evolution = evolution

    def coroutines(self, problem, targets, budget, rng):
        def coroutine():
            for i, target in enumerate(targets):
                yield i, (yield from self.evolution.steps(problem.evaluator(), target, budget.generations, rng))
        return [coroutine()]
'''
SMALL = ("budget.generations=4", "evolution.population_size=10", "tracking=none", "targets=quantiles", "repeats=2")
TIMES = ("seconds", "seconds_within", "made")
NAMES = ("nsga2", "random", "top_down", "surrogate", "differentiable", "plain", "lockstep")
FEW = {"surrogate": ("strategy.evaluations=30", "strategy.initial=15", "strategy.inner_evaluations=60")}


def timeless(node):
    """Return a record without what takes time."""
    if isinstance(node, dict):
        return {key: timeless(value) for key, value in node.items() if key not in TIMES}
    return [timeless(one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_that_knows_no_fleets_gives_the_records_of_single_devices(forks, tmp_path, name, monkeypatch):
    for module in {"nsga2": ["pymoo"], "differentiable": ["torch"]}.get(name, []):
        pytest.importorskip(module)
    folder = tmp_path / "conf" / "strategy"
    folder.mkdir(parents=True)
    (tmp_path / "own_fleet_strategies.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    for own in ("Plain", "Lockstep"):
        text = f"_target_: own_fleet_strategies.{own}\nevolution: ${{evolution}}\n"
        (folder / f"{own.lower()}.yaml").write_text(text)
    words = ("--config-dir", "conf", f"strategy={name}", *SMALL, *FEW.get(name, ()))
    given = (("together", "device=fleet", "device.devices=[note10,macs]"), ("alone", "-m", "device=note10,macs"))
    for output, *devices in given:
        ran = forks.run("run", (*words, *devices, f"output={output}"), tmp_path)
        assert ran.returncode == 0, ran.stderr
    found = [
        {path.relative_to(tmp_path / output): json.loads(path.read_text()) for path in paths(tmp_path / output)}
        for output, *_ in given
    ]
    assert len(found[0]) == 2
    assert [*found[0]] == [*found[1]]
    assert timeless([*found[0].values()]) == timeless([*found[1].values()])
    assert all(len(record["repeats"]) == 2 for record in found[0].values())


def paths(folder):
    return sorted(folder.rglob("record.json"))
