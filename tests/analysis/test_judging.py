"""Independent sources judge the winners of guides that they had no part in."""

from dataclasses import replace

import numpy as np
import pytest
from test_judges import SPACES, found, guide_of, hide_official, official_of

import ofa_bench as ob
from ofa_bench.analysis.judging import cross_evaluate, judge_records, judged_columns
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import add_judges, summarize
from ofa_bench.analysis.tables import winners_judged
from ofa_bench.api.results import Results
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.predictors.measured import measured_predictor, measured_sources
from ofa_bench.records.frame import tidy, write_csv
from ofa_bench.tracking import sweep as mlflow_sweep

EMBEDDED = guide_of(SPACES["mbv3"], "embedded")


class Shifted(AccuracyPredictor):
    """A source whose opinion is that of the embedded predictor, less some points."""

    def __init__(self, name, points=0.0, unlabelled=None):
        self.name, self.sha256, self.sources, self.unlabelled = name, f"{name:0>64}", (name,), unlabelled or {}
        self.points, self.asked = points, 0

    def accuracy(self, genes):
        self.asked += 1
        return EMBEDDED.accuracy(genes) - self.points / 100


@pytest.fixture
def two(sources):
    """Judge by two sources, one 0.3 points below the embedded predictor and the other 2 points."""
    pair = {"near": Shifted("near", 0.3), "far": Shifted("far", 2.0)}
    sources(**pair)
    return pair


def of_sources(*names, **asked):
    """Return a record of a search whose guide was fitted to these sources."""
    record = found(**asked)
    return replace(record, predictor=replace(record.predictor, sources=list(names)))


def judges(*records):
    [study] = studies(list(records))
    return {one.judge: one for one in cross_evaluate(study, "vanilla")}


def roles(*records):
    return {name: one.role for name, one in judges(*records).items()}


@pytest.mark.usefixtures("assets", "two")
def test_a_source_judges_the_guides_that_it_had_no_part_in():
    both = {"near": "independent", "far": "independent"}
    assert roles(found(guide="official")) == both
    assert roles(found(guide="embedded")) == {"official": "truth", **both}
    assert roles(of_sources("near")) == {"far": "independent", "official": "independent"}
    assert roles(of_sources("near", "far", "third")) == {"official": "independent"}
    assert next(iter(roles(found(guide="embedded")))) == "official"


@pytest.mark.usefixtures("two")
def test_a_guide_is_overrated_by_what_it_exceeds_the_source_on_one_scale():
    found_by = judges(found("vanilla"), found("top_down"))
    for name in ("vanilla", "top_down"):
        assert found_by["near"].overrated[name].difference == pytest.approx(0.3)
        assert found_by["near"].overrated[name].n == 3
    assert found_by["far"].overrated == {}
    leads = [found_by[name].leads["top_down"].difference for name in ("near", "far")]
    assert leads == pytest.approx([leads[0]] * 2)


@pytest.mark.usefixtures("assets", "sources")
def test_the_truth_is_on_the_scale_of_its_guide(monkeypatch):
    monkeypatch.setattr("ofa_bench.analysis.judging.SCALE", 0.0)
    assert set(judges(found())["official"].overrated) == {"vanilla"}


def test_what_a_source_never_saw_is_reported(sources):
    record = found(targets=(20.0, 30.0))
    resolutions = [SPACES["mbv3"].values(np.array(one.genes))["r"] for one in record.results]
    never = (resolutions[0],)
    sources(near=Shifted("near", unlabelled={"r": never}), far=Shifted("far"))
    share = np.mean([one in never for one in resolutions])
    both = judges(record)
    assert f"No label of near had r={never[0]:g}: " in both["near"].guesses
    assert f", {100 * share:.0f} % of the winners, is a guess." in both["near"].guesses
    assert both["far"].guesses == ""


def test_a_gene_that_is_not_active_is_no_guess(sources):
    """Of the last blocks, no winner here has all."""
    record = found(targets=(20.0,))
    space = SPACES["mbv3"]
    genes = np.array([one.genes for one in record.results], np.int8)
    idle = next(name for i, name in enumerate(space.gene_names) if not space.active(genes)[:, i].any())
    sources(near=Shifted("near", unlabelled={idle: space.genes[space.index[idle]].choices}))
    assert judges(record)["near"].guesses == ""


@pytest.mark.usefixtures("two")
def test_records_are_judged_once_with_predictors_that_are_loaded_once(two):
    records = [found(name) for name in ("vanilla", "top_down", "bottom_up")]
    known = judge_records(records, official=False)
    assert {one.asked for one in two.values()} == {3}
    [study] = studies(records)
    add_judges(summarize(study), known)
    judged_columns(records, known)
    assert {one.asked for one in two.values()} == {3}
    assert len({id(one.judge) for of in known.values() for one in of}) == 2


@pytest.mark.usefixtures("two")
def test_data_have_a_column_for_each_judge_in_the_order_of_rows(made, tmp_path):
    records = [found("vanilla"), made(), of_sources("near", strategy="top_down")]
    columns = judged_columns(records, judge_records(records, official=False))
    assert set(columns) == {"judged_near", "judged_far"}
    table = tidy(records).assign(**columns)
    of_guide = [table.strategy == "vanilla", table.device == "toy", table.strategy == "top_down"]
    first, toy, last = (table[rows & ((table.device == "toy") == (i == 1))] for i, rows in enumerate(of_guide))
    assert first.judged_near.to_numpy() == pytest.approx(first.accuracy.to_numpy(float) - 0.003, nan_ok=True)
    assert first.judged_near.isna().tolist() == (~first.feasible).tolist()
    assert first.judged_far.notna().any()
    assert toy.judged_near.isna().all()
    assert last.judged_near.isna().all()
    assert last.judged_far.to_numpy() == pytest.approx(last.accuracy.to_numpy(float) - 0.02, nan_ok=True)
    write_csv(records, tmp_path / "results.csv", columns)
    head = (tmp_path / "results.csv").read_text().splitlines()[0]
    assert head.endswith(",architecture,judged_near,judged_far")


@pytest.mark.usefixtures("assets", "two")
def test_the_api_has_the_same_columns():
    frame = ob.compare([Results((found("vanilla"),)), Results((found("top_down", guide="official"),))]).judged()
    assert frame.judged_near.to_numpy() == pytest.approx(frame.judged_far.to_numpy() + 0.017, nan_ok=True)
    at_30 = frame[(frame.strategy == "vanilla") & (frame.target == 30)]
    genes = np.array([SPACES["mbv3"].from_ofa(one) for one in at_30.architecture])
    assert at_30.judged_official.to_numpy() == pytest.approx(official_of().accuracy(genes))
    assert frame[frame.strategy == "top_down"].judged_official.isna().all()


@pytest.mark.usefixtures("two")
def test_the_run_of_a_sweep_has_the_means_of_the_sources():
    records = [found("vanilla"), found("top_down")]
    metrics = {one.key: one.value for one in mlflow_sweep.metrics(records)}
    for record in records:
        name = record.choices.strategy
        mean = 100 * np.mean([one.accuracy for one in record.results if one.feasible])
        assert metrics[f"searches/{name}: mean judged_near_percent"] == pytest.approx(mean - 0.3)
        assert metrics[f"searches/{name}: mean judged_far_percent"] == pytest.approx(mean - 2)
    assert not [key for key in metrics if "official" in key]


@pytest.mark.usefixtures("two")
def test_the_table_has_no_column_for_what_is_not_comparable():
    [study] = studies([found("vanilla"), found("top_down", "embedded")])
    table = winners_judged(add_judges(summarize(study)))
    heads = [head for head in table.heads if "near" in head or "far" in head]
    assert heads == ["near %", "lead by near", "overrated, by near", "far %", "lead by far"]
    assert [row[table.heads.index("overrated, by near")][:5] for row in table.rows] == ["+0.30"] * 2


@pytest.mark.usefixtures("two")
def test_the_sources_are_described(tmp_path, monkeypatch):
    hide_official(tmp_path, monkeypatch)
    [study] = studies([of_sources("near", "autobuild")])
    text = add_judges(summarize(study)).sources
    assert "is fitted to near and labels of AutoBuild's predictor. Without part in it: far" in text
    assert (
        "far is on another scale than the guide: compare its leads with those by the guide, not its accuracies." in text
    )
    assert summarize(study).sources == ""


def test_the_sources_of_a_part_are_those_of_the_whole():
    whole, part = SPACES["mbv3"], SPACES["compofa"]
    names = measured_sources(part)
    assert names == measured_sources(whole) != ()
    genes = part.sample(20, np.random.default_rng(0))
    mine, parents = measured_predictor(part, names[0]), measured_predictor(whole, names[0])
    assert mine.sources == parents.sources
    assert (mine.accuracy(genes) == parents.accuracy(part.to_parent(genes))).all()


def test_no_two_sources_have_a_part_in_common():
    whole = SPACES["mbv3"]
    several = [measured_predictor(whole, name).sources for name in measured_sources(whole)]
    assert len({one for of in several for one in of}) == sum(map(len, several))
    assert {one for of in several for one in of} <= {*measured_predictor(whole).sources}
