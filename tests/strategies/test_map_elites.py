"""MAP-Elites: nested niches, mutants of elites, and what it imports."""

import subprocess
import sys

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.search import Problem
from ofa_bench.strategies import Budget, MAPElites
from ofa_bench.strategies.map_elites import _Niches
from ofa_bench.testing import CountingPredictor, toy_problem

PROBLEM = toy_problem()


def search(strategy, targets, problem=PROBLEM, generations=10):
    return dict(strategy.search(problem, targets, Budget(generations, 1), np.random.default_rng(0)))


def niches(*targets):
    return _Niches(targets, 1, np.random.default_rng(0))


def offer(archive, *found):
    genes, accuracy, cost = zip(*found, strict=True)
    archive.offer(np.array(genes, np.int8)[:, None], np.array(accuracy), np.array(cost, float))


def elites(archive, n=1000):
    rows = archive.elites(n)
    assert rows.dtype == np.int8
    return dict(zip(*(part.tolist() for part in np.unique(rows[:, 0], return_counts=True)), strict=True))


def test_an_architecture_belongs_to_every_niche_that_it_meets():
    archive = niches(1.0, 2.0, 3.0)
    offer(archive, (7, 0.5, 1.0), (8, 0.4, 2.5), (9, 0.9, 3.5))
    assert elites(archive) == {7: 1000}  # 8 is less accurate and 9 meets no target
    offer(archive, (5, 0.6, 1.5))
    found = elites(archive)
    assert set(found) == {5, 7}
    assert 600 < found[5] < 730  # two niches of three, drawn uniformly
    offer(archive, (6, 0.6, 0.5), (4, 0.7, 3.0))
    assert set(elites(archive)) == {4, 5, 6}  # of equals, the first stays


def test_only_niches_with_an_elite_have_parents():
    archive = niches(1.0, 2.0)
    offer(archive, (3, 0.5, 1.5))
    assert elites(archive) == {3: 1000}


def test_children_are_mutants_of_the_elites_that_meet_the_largest_target(monkeypatch):
    low, targets, parents = PROBLEM.cost.minimum, (25.0, 18.0), []
    take = _Niches.elites

    def recorded(self, n):
        parents.append(take(self, n))
        return parents[-1]

    monkeypatch.setattr(_Niches, "elites", recorded)
    predictor = CountingPredictor(PROBLEM.predictor)
    results = search(MAPElites(30), targets, Problem(PROBLEM.space, predictor, PROBLEM.cost))
    children = PROBLEM.cost.cost(np.concatenate(predictor.asked[2:]))  # after the cheapest and the first population
    assert low <= children.min() <= children.max() <= 25.0
    assert len(children) > 150  # of 270; the others were found before
    assert (children > 18.0).mean() > 0.2
    assert len(parents) == 10
    for rows in parents:
        assert len(np.unique(rows, axis=0)) <= len(targets)
    last = {row.tobytes() for row in PROBLEM.space.canonical(parents[-1])}
    best = {result.genes.tobytes() for result in results.values()}
    assert last & best  # few elites are bettered by the last batch


def test_the_first_population_is_of_all_niches():
    predictor, targets = CountingPredictor(PROBLEM.predictor), np.array([18.0, 25.0, 40.0])
    problem = Problem(PROBLEM.space, predictor, PROBLEM.cost)
    search(MAPElites(300, evaluations=301), targets, problem)
    cost = PROBLEM.cost.cost(np.concatenate(predictor.asked[1:]))
    assert len(cost) == 300
    within = np.searchsorted(targets, cost)
    assert np.bincount(within, minlength=3).min() > 60
    assert cost.max() <= 40.0


def test_without_mutation_nothing_new_is_found():
    problem = tiny_problem({"a": (0.5, 0.625, 0.75, 0.875)}, {"a": (1.0, 2.0, 3.0, 4.0)})
    results = search(MAPElites(5, mutate_prob=0.0, evaluations=500), (1.5,), problem)
    assert results[0].counts.evaluations == 500
    assert results[0].counts.unique_evaluations == 1


@pytest.mark.parametrize("evaluations", [1, 300])
def test_proposals_count_what_was_drawn_and_redrawn(evaluations):
    results = search(MAPElites(30, evaluations=evaluations), (20.0,))
    assert results[0].counts.evaluations == evaluations
    assert (results[0].counts.proposals > evaluations) == (evaluations > 1)


def test_pyribs_and_numba_are_imported_only_for_it(tmp_path):
    """With an empty package in pyribs' place, which takes seconds to import."""
    (tmp_path / "ribs").mkdir()
    for name in ("__init__", "archives"):
        (tmp_path / f"ribs/{name}.py").touch()
    code = (
        "import sys, ofa_bench, ofa_bench.strategies as s; s.Vanilla; "
        "assert not {'ribs', 'numba', 'pymoo'} & set(sys.modules); s.MAPElites(); assert 'ribs.archives' in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
