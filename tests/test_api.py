"""The Python API: the findings of the command, tables, figures, messages."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from calling import call
from conftest import ROOT, findings, laid_out
from matplotlib.figure import Figure

import ofa_bench as ob
from ofa_bench.predictors import latency_table
from ofa_bench.records import record as records
from ofa_bench.records.model import to_dict
from ofa_bench.search import Evolution, Problem, SearchResult
from ofa_bench.spaces import MobileNetV3Space, recognise
from ofa_bench.testing import ToyPredictor, toy_problem

QUICK = {"targets": [20, 30], "budget": (4, 2), "population_size": 20, "progress": False}
"""Of runs that take a fraction of a second."""

WORDS = ["targets=[20,30]", "budget.generations=4", "budget.warm_generations=2", "evolution.population_size=20"]
"""The same on the command line."""


def test_spaces_that_differ_by_a_key_are_told_apart_by_their_records():
    """Both widths of MobileNetV3 have the same genes and dicts."""
    wide, narrow = MobileNetV3Space(), MobileNetV3Space(width=1.0)
    results = [
        ob.run(
            Problem(space, ToyPredictor(space), latency_table(space, "i7_8700k")), "random", **QUICK | {"targets": [9]}
        )
        for space in (wide, narrow)
    ]
    made = [result.record for result in results]
    assert [record.choices.space for record in made] == ["mbv3", "mbv3_w1.0"]
    assert "width" not in made[0].config["space"]  # as in records from when there was one width
    assert made[1].config["space"]["width"] == 1.0
    for record, space in zip(made, (wide, narrow), strict=True):
        (winner,) = record.repeats[0].results
        found, row = recognise(winner.architecture, record.config["space"])
        assert (found.name, found.width, row.tolist()) == (space.name, space.width, winner.genes)
    assert recognise(winner.architecture)[0].name == "mbv3"


class Sampled(ob.strategies.Strategy):
    """The best of some random architectures, for each target."""

    def __init__(self, tries=100):
        self.tries = tries

    def search(self, problem, targets, budget, rng):
        for i, (target, chance) in enumerate(zip(targets, rng.spawn(len(targets)), strict=True)):
            evaluator = problem.evaluator()
            genes = problem.space.canonical(problem.space.sample(self.tries, chance))
            genes = np.concatenate([genes, problem.cost.cheapest[None]])
            genes = genes[evaluator.cost(genes) <= target]
            accuracy = evaluator.accuracy(genes)
            best = accuracy.argmax()
            cost = problem.cost.cost(genes[[best]])[0]
            yield i, SearchResult(target, True, genes[best], accuracy[best], cost, evaluator.counts)


@pytest.fixture(scope="module")
def problem():
    return ob.problem("mbv3", device="note10")


@pytest.fixture(scope="module")
def result(problem):
    return ob.run(problem, "joint", repeats=2, **QUICK)


@pytest.fixture(scope="module")
def commanded(tmp_path_factory, forks):
    """Run commands in a folder; return it."""
    folder = tmp_path_factory.mktemp("commanded")
    for words in (
        ["-m", "strategy=joint,top_down", "repeats=2"],
        ["space.choices={r: [192, 224], k: [3, 5]}", "strategy=joint", "device=cpu_onnx", "device.guard_band=true"],
        ["strategy=top_down", "strategy.warm_start.from=first", "keep=3", "seed=7", "lockstep=false"],
        ["strategy=bottom_up", "targets=quantiles", "targets.quantiles=[0.1,0.5]", "space=resnet50d", "device=macs"],
    ):
        given = [word for word in WORDS if word.partition("=")[0] not in {one.partition("=")[0] for one in words}]
        ran = forks.run("", (*words, *given, "tracking=none"), folder)
        assert ran.returncode == 0, ran.stderr
        if not (folder / "first").exists():
            (folder / "first").symlink_to(
                next((folder / "multirun").glob("mbv3/note10/measured/joint/**/record.json")).parent
            )
    return folder


def test_a_run_finds_what_the_command_finds(commanded, monkeypatch, problem):
    monkeypatch.chdir(commanded)
    part = ob.problem(device="cpu_onnx", choices={"r": [192, 224], "k": [3, 5]}, guard_band=True)
    scarce = {**QUICK, "targets": "quantiles", "targets.quantiles": [0.1, 0.5]}
    made = [
        ob.run(problem, "joint", repeats=2, **QUICK),
        ob.run(problem, "top_down", repeats=2, threads=2, **QUICK),
        ob.run(part, "joint", threads=2, **QUICK),
        ob.run(problem, "top_down", warm_start={"from": "first"}, seed=7, keep=3, **QUICK),
        ob.run(ob.problem("resnet50d", device="macs"), "bottom_up", **scarce),
    ]
    for result in made:
        there = records.read(commanded / "multirun" / result.record.address)
        ours, theirs = (json.loads(json.dumps(to_dict(one))) for one in (result.record, there))
        assert findings(result.record) == findings(there)
        assert {**ours, "made": 0, "repeats": 0} == {**theirs, "made": 0, "repeats": 0}
        assert result.save().resolve() == commanded / "multirun" / there.address
    assert len(list((commanded / "multirun").rglob("record.json"))) == len(made)


def test_what_is_saved_is_loaded_and_reported(result, tmp_path):
    folder = result.save(tmp_path / "out")
    assert result.save(tmp_path / "out") == folder
    assert to_dict(records.read(folder)) == json.loads(json.dumps(to_dict(result.record)))
    loaded = ob.load(tmp_path / "out")
    assert len(loaded) == 1
    assert loaded.to_dataframe().equals(result.to_dataframe())
    words = [str(tmp_path / "out"), f"out={tmp_path / 'report'}"]
    assert "joint" in call("report", words).read_text()
    other = dataclasses.replace(result, prepared=dataclasses.replace(result.prepared, identity="0" * 16))
    with pytest.raises(ob.InputError, match="holds the record of another run"):
        other.save(tmp_path / "out")
    with pytest.raises(ob.InputError, match=r"output=.*/record.json: cannot be written \(Not a directory\)"):
        result.save(folder / "record.json")


def test_a_table_has_one_row_a_target_and_repeat(result):
    frame = result.to_dataframe()
    assert frame[["repeat", "target"]].to_numpy().tolist() == [[0, 20], [0, 30], [1, 20], [1, 30]]
    wanted = {
        "space", "device", "predictor", "strategy", "budget", "seed", "repeat", "target", "accuracy", "cost", "regret",
        "evaluations", "unique_evaluations", "seconds", "architecture",
    }  # fmt: skip
    assert wanted <= set(frame)
    assert list(frame)[:6] == ["strategy", "repeat", "target", "unit", "accuracy", "cost"]
    assert frame.loc[3, "architecture"] == result.record.repeats[1].results[1].architecture


def test_the_best_of_a_target(problem, result):
    best = result.best(30)
    assert result.best(np.int64(30)).accuracy == result.best(np.float32(30)).accuracy == best.accuracy
    frame = result.to_dataframe().query("target == 30")
    assert best.accuracy == frame.accuracy.max()
    assert best.cost <= 30
    assert ob.evaluate(problem, best).accuracy == pytest.approx(best.accuracy)
    assert result.best().accuracy == result.to_dataframe().accuracy.max()
    with pytest.raises(ob.InputError, match="target=25: must be one of 20, 30 ms"):
        result.best(25)
    low = ob.run(problem, "random", **{**QUICK, "targets": [5, 30]})
    with pytest.raises(ob.InputError, match="no architecture meets it; the cheapest costs 9"):
        low.best(5)


def test_architectures_are_evaluated_in_any_form(problem, result):
    best = result.best(20)
    one = ob.evaluate(problem, best.architecture)
    assert (one.accuracy, one.cost) == pytest.approx((best.accuracy, best.cost))
    several = ob.evaluate(problem, [best, best.genes, best.architecture])
    assert [found.cost for found in several] == [one.cost] * 3
    assert ob.evaluate(problem, np.stack([best.genes] * 2))[1].architecture == best.architecture
    assert ob.evaluate(problem, []) == []


def test_a_strategy_of_ones_own(problem, result):
    own = ob.run(problem, Sampled(200), **{key: QUICK[key] for key in ("targets", "budget")}, progress=False)
    assert own.record.choices.strategy == "Sampled"
    assert own.record.config["strategy"] == {"_target_": f"{__name__}.Sampled", "tries": 200}
    assert "strategy.tries=200" in own.record.address
    assert own.best(30).accuracy < result.best(30).accuracy
    named = ob.run(problem, Sampled(), targets=30, budget=4, name="mine")
    assert named.record.choices.strategy == "mine"
    assert named.record.targets == [30]
    strategy = ob.strategies.Vanilla(Evolution(population_size=20))
    as_object, as_option = ob.run(problem, strategy, targets=[20, 30], budget=(4, 2)), ob.run(problem, **QUICK)
    assert findings(as_object.record) == findings(as_option.record)
    assert as_object.record.config["strategy"]["evolution"]["population_size"] == 20


def test_parts_of_ones_own():
    toy = toy_problem()
    made = [
        toy,
        ob.problem(toy.space, device=toy.cost, predictor=toy.predictor),
        ob.problem("mbv3", device="note10", predictor=ToyPredictor(toy.space)),
    ]
    runs = [ob.run(one, "vanilla", **QUICK) for one in made]
    assert findings(runs[0].record) == findings(runs[1].record) == findings(runs[2].record)
    assert runs[0].record.choices.predictor == "toy"
    part = ob.problem(toy.space, device="note10", choices={"r": [224]})
    assert {one.architecture["r"][0] for one in ob.run(part, **QUICK).record.repeats[0].results} == {224}


def test_a_table_of_ones_own_is_named_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "phone").mkdir()
    source = ROOT / "ofa_bench" / "data" / "devices" / "note10" / "mbv3.json"
    (tmp_path / "phone" / "mbv3.json").write_text(source.read_text())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "phone.json").write_text(source.read_text())
    monkeypatch.chdir(tmp_path)
    first, second = ob.problem(device="phone"), ob.problem(device=tmp_path / "other" / "phone.json")
    assert second.cost.minimum == first.cost.minimum
    record = ob.run(first, **{**QUICK, "targets": 30}).record
    assert (record.choices.device, record.config["device"]["device"]) == ("phone", "phone")


def test_figures_and_comparisons(problem, result):
    other = ob.run(problem, "vanilla", repeats=2, **QUICK)
    together = ob.compare([result, other])
    assert together.records == (result + other).records
    assert [record.choices.strategy for record in together] == ["joint", "vanilla"]
    assert together.select(strategy="vanilla").records == other.records
    assert together.select(strategy=["vanilla", "top_down"]).records == other.records
    assert len(together.select(targets=[30, 20])) == len(together)
    with pytest.raises(ob.InputError, match=r"targets=20: no such record; there are \[20, 30\]"):
        together.select(targets=20)
    for kind in ("tradeoff", "accuracy"):
        figure = together.plot(kind)
        assert isinstance(figure, Figure)
        assert {"joint", "vanilla"} <= {text.get_text() for text in laid_out(figure).get_legend().get_texts()}
    assert result.plot()._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ob.InputError, match=r"2 problems.* select\(\)"):
        (result + ob.run(problem, **{**QUICK, "targets": 30})).plot()


def test_every_result_is_reported(problem):
    reported = []
    ob.run(problem, "vanilla", repeats=2, on_result=lambda repeat, one: reported.append((repeat, one.target)), **QUICK)
    assert sorted(reported) == [(0, 20), (0, 30), (1, 20), (1, 30)]


def test_a_progress_bar_is_shown_where_it_is_seen(problem, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # as in a script
    ob.run(problem, "vanilla", **{**QUICK, "progress": True})
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    ob.run(problem, "vanilla", **{**QUICK, "progress": True})
    assert "vanilla" in capsys.readouterr().err
    ob.run(problem, "vanilla", **QUICK)
    assert capsys.readouterr().err == ""


def test_everything_reads_well(problem, result):
    text = "Problem(space mbv3, device note10, predictor measured: 1.09e+20 architectures of 9.89 to 92.4 ms)"
    assert repr(problem) == text
    plain = Problem(problem.space, problem.predictor, problem.cost)
    assert repr(plain) == text
    start, end = "Result(joint on mbv3, note10, measured; 2 repeats; best 20 ms: ", " %)"
    assert repr(result).startswith(start)
    assert repr(result).endswith(end)
    assert repr(result + result) == (
        "Results(2 records: space mbv3; device note10; predictor measured; strategy joint; budget sqrt)"
    )
    assert repr(result.best(20)).startswith("Subnet(")
    for wanted in ("<table", "<th>accuracy %</th>", "<th>target</th>", "<td>joint</td>"):
        assert wanted in result._repr_html_()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda problem: ob.problem("mbv"), "space=mbv: no such option; there are .* did you mean 'mbv3'?"),
        (lambda problem: ob.problem(device="note1"), "device=note1: no such option, file or folder"),
        (lambda problem: ob.problem(guard=True), "guard: no such key of this problem; .*did you mean 'guard_band'"),
        (lambda problem: ob.problem(guard_band=-1), "guard_band=-1"),
        (lambda problem: ob.problem(choices={"r": [1]}), r"space.choices.r=1: mbv3 has no such choice"),
        (
            lambda problem: ob.problem(device=3),
            "device: must be an option or of class CostModel, not int, which has no name, unit",
        ),
        (lambda problem: ob.run(problem, "jont"), "strategy=jont: no such option.*did you mean 'joint'?"),
        (lambda problem: ob.run(problem, "joint", batc=3), "strategy.batc: no such key; .*did you mean 'batch'?"),
        (lambda problem: ob.run(problem, Sampled(), tries=3), "tries: .*parameters of Sampled .* its constructor"),
        (lambda problem: ob.run(problem, 3), "strategy: must be the name of an option or a Strategy, not int"),
        (lambda problem: ob.run("mbv3"), r"problem: must be built by ob.problem\(...\), not str"),
        (lambda problem: ob.run(problem, seed="x"), "seed=x: must be a whole number"),
        (lambda problem: ob.run(problem, repeats=0), "repeats=0: must be 1 or more"),
        (lambda problem: ob.run(problem, targets=[3]), "targets: 3 ms cannot be met"),
        (lambda problem: ob.run(problem, targets=[20, 20]), r"targets\.values: 20 is given twice"),
        (lambda problem: ob.run(problem, targets="25 W"), "targets.unit=W: this device's costs are in ms"),
        (lambda problem: ob.run(problem, target=[25]), "target: no such parameter; did you mean 'targets'"),
        (lambda problem: ob.run(problem, targets=[]), r"targets.values=\[\]: give at least one target"),
        (lambda problem: ob.run(problem, budget=(1, 2, 3)), r"budget=\(1, 2, 3\): must be an option"),
        (lambda problem: ob.run(problem, population_size="x"), "evolution.population_size=x: must be a whole number"),
        (lambda problem: ob.run(problem, keep=object()), "keep: object is not a number, text, list or mapping"),
        (lambda problem: ob.run(problem, output="out"), r"output: is a key of the command; Result.save\(output\)"),
        (lambda problem: ob.evaluate(problem, {"ks": [3]}), "architecture: not one of space mbv3"),
        (lambda problem: ob.evaluate(problem, [3]), "architecture: int is not one of space mbv3"),
        (lambda problem: ob.load("/nowhere"), "/nowhere: no"),
        (lambda problem: ob.compare(ob.run(problem, budget=(1, 1), targets=20)), "compare: give a list of results"),
        (lambda problem: ob.evaluate(problem, None), "architecture: NoneType is not one of space mbv3"),
        (lambda problem: ob.evaluate(problem.space, {}), "problem: must be built by ob.problem"),
        (lambda problem: ob.run(problem, on_result=3), "on_result: must be called with a repeat and its result"),
        (lambda problem: ob.problem("mbv3", devcie="note10"), "devcie: no such key .* did you mean 'device'?"),
        (lambda problem: ob.compare([3]), "compare: int is not a result"),
        (lambda problem: ob.options("spaces"), "group=spaces: must be one of .*did you mean 'space'?"),
    ],
)
def test_messages_name_the_key(problem, call, message):
    with pytest.raises(ob.InputError, match=message) as caught:
        call(problem)
    assert "\n" not in str(caught.value)


def test_nothing_found_is_shown_too(problem):
    class Idle(ob.strategies.Strategy):
        def search(self, problem, targets, budget, rng):
            yield from ((i, SearchResult.infeasible(problem, target)) for i, target in enumerate(targets))

    idle = ob.run(problem, Idle(), targets=[20, 30])
    assert repr(idle).endswith("best 20 ms: infeasible, 30 ms: infeasible)")
    assert "<table" in idle._repr_html_()
    assert idle.to_dataframe()["accuracy"].isna().all()
    with pytest.raises(ob.InputError, match="nothing to draw"):
        idle.plot()
    assert ob.compare([]).to_dataframe().empty


def test_targets_may_have_their_unit(problem):
    quick = {"budget": (2, 1), "population_size": 4}
    plain = ob.run(problem, "top_down", targets=[20, 25], **quick)
    assert findings(plain.record) == findings(ob.run(problem, "top_down", targets=["20ms", "25 ms"], **quick).record)
    assert ob.run(problem, targets="25 ms", **quick).record.targets == [25]


def test_options_say_what_they_are():
    assert "vanilla" in ob.options("strategy")
    assert ob.options()["space"]["mbv3"].startswith("OFA MobileNetV3")
    assert list(ob.options("model")) == ["linear", "network", "process"]


def test_the_package_imports_quickly():
    code = (
        "import time; began = time.perf_counter(); import ofa_bench, sys; taken = time.perf_counter() - began\n"
        "heavy = {'torch', 'mlflow', 'hydra', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(ofa_bench.__all__) <= set(dir(ofa_bench))\n"
        "assert all(hasattr(ofa_bench, name) for name in ofa_bench.__all__)\n"
        "assert not {'torch', 'mlflow', 'matplotlib'} & set(sys.modules)\n"
        "print(taken)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.1
    with pytest.raises(AttributeError, match="has no attribute 'problems'"):
        ob.problems  # noqa: B018


class Free:
    """A cost model whose costs are not finite."""

    name, unit, sha256, card = "free", "ms", "0" * 64, {}

    def __init__(self, like):
        for name in ("cheapest", "dearest", "minimum", "maximum"):
            setattr(self, name, getattr(like, name))

    def cost(self, genes):
        return np.full(len(genes), np.nan)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda problem, _: ob.run(problem, device="macs"), "device: is a key of the problem"),
        (
            lambda problem, _: ob.run(problem, **{"device.guard_band": True}),
            "device.guard_band: is a key of the problem",
        ),
        (lambda problem, _: ob.run(problem, **{"hydra.run.dir": "x"}), "hydra.run.dir: is a key of the command"),
        (lambda problem, _: ob.problem(type(problem.space)), "space: MobileNetV3Space is a class; give an instance"),
        (lambda problem, _: ob.problem("mbv3", device=Free(problem.cost)), r"device: free gives float64 \[16\]"),
        (lambda _, result: result.best("25"), "target=25: must be a number, in ms"),
        (lambda *_: ob.load(["multirun"]), "load: list is not a folder"),
    ],
)
def test_more_messages_name_the_key(act, message, problem, result):
    with pytest.raises(ob.InputError, match=message):
        act(problem, result)
