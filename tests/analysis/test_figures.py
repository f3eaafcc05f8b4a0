import copy
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from conftest import inside, laid_out
from plain import change_record, older

from ofa_bench.analysis.figures import strategies as figures
from ofa_bench.analysis.figures.anytime import anytime
from ofa_bench.analysis.figures.drawing import Style
from ofa_bench.analysis.studies import studies
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.records import frontiers
from ofa_bench.records import record as records
from ofa_bench.records.improve_frontier import improve_frontier
from ofa_bench.records.regret import add_regret
from ofa_bench.search import Evolution
from ofa_bench.strategies import Budget, Chain, Joint, RandomSearch, Vanilla
from ofa_bench.testing import toy_problem

EVOLUTION = Evolution(population_size=10)
STRATEGIES = {
    "vanilla": Vanilla(EVOLUTION),
    "bottom_up": Chain(EVOLUTION, "ascending"),
    "top_down": Chain(EVOLUTION, "descending"),
    "joint": Joint(10),
    "random": RandomSearch(10),
}
TARGETS = (30.0, 5.0, 20.0, 25.0)  # nothing meets 5 ms
OVER_TARGETS = (figures.accuracy_over_targets, figures.regret_over_targets, figures.seconds_over_target)
ONE = (*OVER_TARGETS, figures.fronts, anytime, lambda study, style: anytime(study, style, "seconds"))
SEVERAL = (figures.seconds_over_targets, figures.generations_over_targets)


@cache
def searched(strategy, targets, repeats, lockstep):
    cell = Cell(toy_problem(), STRATEGIES[strategy], targets, Budget(6, 2), 0, repeats, threads=1, lockstep=lockstep)
    groups = ("space", "device", "predictor", "strategy", "budget", "targets")
    return records.make_record(
        cell,
        list(run_repeats(cell, lambda *_: None)),
        address=f"s/d/p/{strategy}/b/t/seed=0",
        choices={group: group[0] for group in groups} | {"strategy": strategy},
        identity="0123456789abcdef",
        config={},
    )


def make(strategy="vanilla", targets=TARGETS, repeats=2, lockstep=False):
    return copy.deepcopy(searched(strategy, targets, repeats, lockstep))


@cache
def frontier():
    space = toy_problem().space
    results = [one for name in STRATEGIES for repeat in make(name).repeats for one in repeat.results]
    found = np.array([one.genes for one in results], np.int8)
    return improve_frontier(toy_problem(), None, np.concatenate([found, space.sample(2000, np.random.default_rng(0))]))


def study_of(*several, compared=True):
    [study] = studies([add_regret(one, frontier() if compared else None) for one in several])
    return study, Style([entry.name for entry in study.entries])


def family_of(names=tuple(STRATEGIES), sizes=(1, 3, 4)):
    family = studies([make(name, TARGETS[-size:]) for name in names for size in sizes])
    assert len({study.family for study in family}) == 1
    return family, Style(names)


def drawn(figure):
    """Lay out the figure, with warnings as errors. Return the axes."""
    axes = laid_out(figure)
    inside(figure, [axes.title, axes.xaxis.label, axes.yaxis.label, axes.get_legend()])
    return axes


def named(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize(("targets", "repeats"), [(TARGETS, 2), ((20.0,), 1), ((5.0, 30.0), 1)])
@pytest.mark.parametrize("names", [("vanilla",), tuple(STRATEGIES)])
def test_everything_of_a_study_is_drawn(names, targets, repeats):
    study, style = study_of(*(make(name, targets, repeats) for name in names))
    times = (figures.seconds_over_target, ONE[-1])
    assert repeats > 1 or [figure(study, style) for figure in times] == [None, None]
    for figure in ONE if repeats > 1 else [one for one in ONE if one not in times]:
        axes = drawn(figure(study, style))
        assert axes.get_title() == "s on d"
        assert set(named(axes)) - {"best known"} <= set(names)
    assert "best known" in named(figures.accuracy_over_targets(study, style).axes[0])


@pytest.mark.parametrize("names", [("vanilla",), tuple(STRATEGIES)])
def test_everything_of_a_family_is_drawn(names):
    family, style = family_of(names)
    for figure in SEVERAL:
        assert set(names) <= set(named(drawn(figure(family, style))))


def test_without_best_known_there_is_no_regret():
    study, style = study_of(make(), make("joint"), compared=False)
    assert figures.regret_over_targets(study, style) is None
    for figure in (figures.accuracy_over_targets, figures.fronts, anytime):
        assert set(named(drawn(figure(study, style)))) == {"joint", "vanilla"}


def test_different_frontiers_are_not_compared():
    study, style = study_of(make(), make("joint"))
    for number, entry in enumerate(study.entries):
        entry.records[0].frontier.sha256 = str(number)
    assert figures.regret_over_targets(study, style) is None
    assert "best known" not in named(drawn(figures.accuracy_over_targets(study, style)))


def test_records_from_before_frontiers_are_drawn():
    old = older(make(), "frontier", "best_known", "regret", "evaluations_within", "seconds_within", "shared")
    [study] = studies([old])
    for figure in (figures.accuracy_over_targets, figures.seconds_over_target, figures.fronts, anytime):
        assert named(drawn(figure(study, Style(["vanilla"])))) == ["vanilla"]
    assert figures.regret_over_targets(study, Style(["vanilla"])) is None


def test_nothing_feasible_is_not_drawn():
    study, style = study_of(make(targets=(5.0,)))
    assert [figure(study, style) for figure in ONE] == [None] * len(ONE)


def test_one_number_of_targets_is_not_drawn_over_numbers():
    family, style = family_of(sizes=(3,))
    other = studies([make(targets=(20.0, 25.0, 26.0))])
    assert [figure([*family, *other], style) for figure in SEVERAL] == [None, None]
    assert [figure([], style) for figure in SEVERAL] == [None, None]


def test_seconds_that_must_not_be_compared_are_not_drawn():
    for several in ([make(), make("top_down", lockstep=True)], [make(lockstep=True)], [make(repeats=1)]):
        study, style = study_of(*several)
        assert anytime(study, style, "seconds") is None
        assert anytime(study, style) is not None
        assert figures.seconds_over_target(study, style) is None
    family, style = family_of()
    family[0].entries[0].records[0].made.cores = 999
    assert figures.seconds_over_targets(family, style) is None
    assert figures.generations_over_targets(family, style) is not None


def test_shared_searches_have_no_seconds_of_a_target():
    study, style = study_of(make("joint"), make())
    assert named(figures.seconds_over_target(study, style).axes[0]) == ["vanilla"]
    study, style = study_of(make("joint"))
    assert figures.seconds_over_target(study, style) is None


def test_generations_lie_on_the_models():
    family, style = family_of(("vanilla", "bottom_up", "joint"))
    family = [study for study in family if 5.0 not in study.targets]
    family += studies([make(name, (20.0, 25.0)) for name in ("vanilla", "bottom_up", "joint")])
    lines = {line.get_label(): line for line in figures.generations_over_targets(family, style).axes[0].lines}
    assert lines["vanilla"].get_ydata().tolist() == [6, 12]
    assert lines["bottom_up"].get_ydata().tolist() == [6, 8]
    [joint] = [one for study in family if len(study.targets) == 2 for one in study.entries if one.name == "joint"]
    means = np.mean([repeat.results[0].generations for repeat in joint.records[0].repeats])
    assert lines["joint"].get_ydata()[1] == means
    assert any("6·k" in label for label in lines)
    assert any("6 + 2·(k" in label for label in lines)


def test_a_schedule_of_warm_generations_has_no_model():
    several = [change_record(make(targets=TARGETS[-k:]), budget={"warm_generations": [3, 2]}) for k in (1, 3)]
    axes = drawn(figures.generations_over_targets(studies(several), Style(["vanilla"])))
    assert named(axes) == ["k·n = 6·k", "vanilla"]


def test_anytime_ends_where_searches_end():
    study, style = study_of(make(), make("joint"), make("bottom_up"))
    lines = {line.get_label(): line for line in anytime(study, style).axes[0].lines}
    for entry in study.entries:
        x, y = lines[entry.name].get_data()
        assert x[-1] == pytest.approx(entry.evaluations.mean())
        assert y[-1] == pytest.approx(entry.mean_accuracy.mean())
        assert (np.diff(y) >= 0).all()
    assert len(lines["bottom_up"].get_xdata()) == 1
    assert len(lines["vanilla"].get_xdata()) > 1
    assert lines["vanilla"].get_xdata()[0] == pytest.approx(10 * 3)
    seconds = {line.get_label(): line for line in anytime(study, style, "seconds").axes[0].lines}
    for entry in study.entries:
        assert seconds[entry.name].get_xdata()[-1] == pytest.approx(entry.seconds.mean())


def test_anytime_charges_gradients_as_evaluations():
    joint = make("joint")
    for one in joint.results:
        one.gradients = 7.0
    study, style = study_of(make(), joint)
    axes = anytime(study, style).axes[0]
    ends = {line.get_label(): line.get_xdata()[-1] for line in axes.lines}
    plain = {entry.name: entry.evaluations.mean() for entry in study.entries}
    charge = 7 * len(TARGETS) * gradient_cost("s", joint.predictor.sha256)
    assert ends["vanilla"] == pytest.approx(plain["vanilla"])
    assert ends["joint"] == pytest.approx(plain["joint"] + charge)
    assert axes.get_xlabel() == "evaluations, all targets together, gradients charged"
    assert anytime(*study_of(make("joint"))).axes[0].get_xlabel() == "evaluations, all targets together"


def test_the_note_says_how_separate_searches_are_followed():
    study, style = study_of(make(), make("joint"), make("bottom_up"))
    figure = anytime(study, style)
    assert figure.get_supxlabel().splitlines() == [
        "vanilla: after equally many evaluations for each target",
        "bottom_up: the end only, as each search needs the one before",
    ]
    study, style = study_of(make("joint"))
    assert anytime(study, style).get_supxlabel() == ""


def steps(study, style):
    [line] = [line for line in figures.fronts(study, style).axes[0].lines if line.get_label() == "best known"]
    return line.get_data()


def test_winners_lie_below_the_best_known(tmp_path, monkeypatch):
    study, style = study_of(*map(make, STRATEGIES))
    for entry in study.entries:
        costs, best = steps(study, style)
        within = best[np.searchsorted(costs, entry.cost[:, 1:].ravel() - 1e-9, side="right") - 1]
        assert (entry.accuracy[:, 1:].ravel() <= within + 1e-6).all()
    points = [["0", cost, accuracy] for cost, accuracy in zip(frontier().cost, frontier().accuracy, strict=True)]
    path = tmp_path / "s" / "d" / "p.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"points": points}))
    for entry in study.entries:
        entry.records[0].frontier.sha256 = sha256_of(path)
    monkeypatch.setattr(frontiers, "OWN", tmp_path)
    costs, best = steps(study, style)
    least, most = min(np.nanmin(entry.cost) for entry in study.entries), max(study.targets)
    assert (costs[0], costs[-1]) == (least, most)
    assert best[0] == pytest.approx(100 * frontier().best_known(least))
    assert best[-1] == pytest.approx(100 * frontier().best_known(most))
    for entry in study.entries:
        for cost, accuracy in zip(entry.cost[:, 1:].ravel(), entry.accuracy[:, 1:].ravel(), strict=True):
            assert accuracy <= best[np.searchsorted(costs, cost, side="right") - 1] + 1e-4


def test_looks_are_fixed_and_differ():
    names = ["vanilla", "top_down", "bottom_up", "joint", *(f"own{i:02}" for i in range(20))]
    style, again = Style(names), Style(reversed(names))
    looks = [style.look(name) for name in names]
    assert looks == [again.look(name) for name in names]
    assert len(set(looks)) == len(names)
    assert looks[:4] == [Style([]).look(name) for name in names[:4]]
    assert len({look.colour for look in looks[:8]}) == len({look.marker for look in looks[:8]}) == 8


def test_a_long_legend_stands_beside():
    several = [replace(make(), address=f"s/d/p/vanilla/b/t/seed=0,strategy.a_long_parameter={i}") for i in range(8)]
    study, style = study_of(*several)
    axes = drawn(figures.accuracy_over_targets(study, style))
    assert len(named(axes)) == 9
    assert axes.get_legend().get_window_extent().x0 >= axes.get_window_extent().x1


def test_of_as_many_targets_the_first_of_the_longest_list_are_drawn():
    style = Style(["vanilla"])
    lists = [(5.0,), (20.0,), (5.0, 20.0), (20.0, 25.0), (5.0, 20.0, 25.0, 30.0)]
    every = studies([make(targets=targets) for targets in lists])
    axes = laid_out(figures.generations_over_targets(every, style))
    (line,) = [one for one in axes.lines if one.get_label() == "vanilla"]
    drawn = dict(zip(*line.get_data(), strict=True))
    assert drawn == {1: 0, 2: 6, 4: 18}  # nothing meets 5 ms, which is the first
