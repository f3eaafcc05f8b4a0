"""Judges where accuracies are known: the truth judges what was fitted to it, and other runs judge one run."""

import numpy as np
import pytest

import ofa_bench as ob
from ofa_bench.analysis.judges import describe_source, find_judges
from ofa_bench.predictors import ProcessPredictor, table_predictor
from ofa_bench.spaces import AccelNASBenchSpace, NASBenchMacroSpace

SPACE = NASBenchMacroSpace()
ROWS = SPACE.sample(50, np.random.default_rng(0))


def judges_of(**given):
    guide = table_predictor(SPACE, **given)
    return {one.name: one for one in find_judges(SPACE, guide.sha256, guide.sources)}


@pytest.mark.parametrize(("run", "others"), [(1, (2, 3)), (2, (1, 3)), ((1, 3), (2,))])
def test_one_run_is_judged_by_the_others(run, others):
    [judge] = judges_of(run=run).values()
    assert (judge.name, judge.role) == ("other runs", "independent")
    assert (judge.predictor.accuracy(ROWS) == table_predictor(SPACE, run=others).accuracy(ROWS)).all()
    assert "guide does not know" in describe_source(judge.name)


def test_the_mean_of_all_runs_has_no_judge():
    assert judges_of() == {}


def test_what_is_fitted_to_a_sample_is_judged_by_the_truth():
    judges = judges_of(labels=50)
    assert {name: one.role for name, one in judges.items()} == {"table": "truth"}
    assert judges["table"].predictor.sha256 == table_predictor(SPACE).sha256


def test_what_is_fitted_to_one_run_is_judged_by_the_others():
    judges = judges_of(labels=50, run=3)
    assert {name: one.role for name, one in judges.items()} == {"other runs": "independent"}


def test_a_guide_that_knows_no_run_is_judged_by_all():
    assert [(one.name, one.role) for one in find_judges(SPACE, "0" * 64, ("elsewhere",))] == [("table", "independent")]


@pytest.mark.parametrize("trained", [True, False])
def test_known_accuracies_judge_only_winners_that_they_have(trained):
    space = AccelNASBenchSpace()
    table = table_predictor(space)
    rows = table.known_genes[:300]
    guide = ProcessPredictor(space, rows, table.accuracy(rows), name="own", sources=("elsewhere",))
    guide.known_genes = table.known_genes if trained else None
    problem = ob.problem(space, device="zcu102", predictor=guide)
    found = ob.run(problem, "random", targets=[3, 5], evaluations=100, progress=False).judged()
    assert ("judged_table" in found) == trained
