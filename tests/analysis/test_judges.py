import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pooch
import pytest

from ofa_bench.analysis.judges import find_judges, find_role, find_sources
from ofa_bench.analysis.judging import cross_evaluate
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import add_judges, summarize
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.predictors import embedded_predictor, latency_table, measured_predictor, official_predictor
from ofa_bench.predictors.assets import ASSETS
from ofa_bench.predictors.embedded import EARLIER
from ofa_bench.records import record as records
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace
from ofa_bench.strategies import Budget, Chain, Vanilla

pytestmark = pytest.mark.usefixtures("sources")

SPACES = {space.name: space for space in (MobileNetV3Space(), ProxylessNASSpace(), CompoundSpace())}
SPACE = SPACES["mbv3"]
EVOLUTION = Evolution(population_size=10)
STRATEGIES = {
    "vanilla": Vanilla(EVOLUTION),
    "bottom_up": Chain(EVOLUTION, "ascending"),
    "top_down": Chain(EVOLUTION, "descending"),
}
TARGETS = (30.0, 5.0, 20.0)  # nothing meets 5 ms


def guide_of(space, guide):
    if guide == "official":
        return official_predictor(space, fetch=False)
    return embedded_predictor(space, int(guide.removeprefix("member ")) if guide.startswith("member") else None)


@cache
def _found(strategy, guide, targets, repeats, seed, name):
    space = SPACES[name]
    device = "cpu_onnx" if name == "proxyless" else "note10"
    problem = Problem(space, guide_of(space, guide), latency_table(space, device))
    cell = Cell(problem, STRATEGIES[strategy], targets, Budget(4, 2), seed, repeats, threads=1)
    groups = ("space", "device", "predictor", "strategy", "budget", "targets")
    return records.make_record(
        cell,
        list(run_repeats(cell, lambda *_: None)),
        address=f"{name}/{device}/p/{strategy}/b/t/seed={seed}",
        choices={group: group[0] for group in groups}
        | {"space": name, "device": device, "predictor": guide.split()[0], "strategy": strategy},
        identity=f"{seed:04}0123456789ab",
        config={"space": {"_target_": f"{type(space).__module__}.{type(space).__name__}"}},
    )


def found(strategy="vanilla", guide="embedded", targets=TARGETS, repeats=3, seed=0, space="mbv3"):
    """Return the record of a tiny search in a true space, guided by a true predictor."""
    return copy.deepcopy(_found(strategy, guide, targets, repeats, seed, space))


def study_of(*names, **asked):
    [study] = studies([found(name, **asked) for name in names or STRATEGIES])
    return study


def hide_official(tmp_path, monkeypatch):
    """Make OFA's files and the network unavailable."""
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path / "none"))
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.setattr(pooch, "retrieve", None)


@pytest.fixture(params=["as it is", "hidden"])
def official(request, tmp_path, monkeypatch):
    """Return whether the official predictor is available: once yes, once no."""
    if request.param == "hidden":
        hide_official(tmp_path, monkeypatch)
        return False
    request.getfixturevalue("assets")
    return True


def official_of(name="mbv3"):
    return official_predictor(SPACES[name], fetch=False)


def by_hand(entry, judge):
    """Return a judge's accuracies by repeat and target, ascending, one architecture at a time; NaN if not met."""
    rows = []
    for record in entry.records:
        for repeat in record.repeats:
            ascending = sorted(repeat.results, key=lambda one: one.target)
            genes = [np.array([one.genes], np.int8) if one.feasible else None for one in ascending]
            rows.append([np.nan if row is None else 100 * judge.accuracy(row)[0] for row in genes])
    return np.array(rows)


@pytest.mark.parametrize("guide", ["embedded", "member 2"])
def test_the_official_predictor_judges_those_that_were_fitted_to_it(guide, official):
    names = [one.judge for one in cross_evaluate(study_of(guide=guide), "vanilla")]
    assert names == (["official"] if official else [])


@pytest.mark.usefixtures("assets")
def test_nothing_of_the_package_judges_the_official_guide():
    """All other predictors were fitted to its own values."""
    assert cross_evaluate(study_of(guide="official"), "vanilla") == []


@pytest.mark.parametrize(
    ("judge", "guide", "role"),
    [
        (("teacher", ["by OFA"]), ("guide", ["teacher"]), "truth"),
        (("teacher", None), ("guide", ["teacher"]), "truth"),
        (("other", ["elsewhere"]), ("guide", ["teacher"]), "independent"),
        (("other", ["elsewhere", "by others"]), ("guide", ["by OFA"]), "independent"),
        (("other", ["elsewhere", "by OFA"]), ("guide", ["by OFA"]), None),
        (("other", ["elsewhere"]), ("guide", ["by OFA", "elsewhere"]), None),
        (("student", ["guide"]), ("guide", ["by OFA"]), None),
        (("sibling", ["teacher"]), ("guide", ["teacher"]), None),
        (("guide", ["by OFA"]), ("guide", ["by OFA"]), None),
        (("guide", ["by OFA"]), ("guide", ["elsewhere"]), None),
        (("other", None), ("guide", ["by OFA"]), None),
        (("other", ["by OFA"]), ("guide", None), None),
    ],
)
def test_a_judge_is_the_truth_of_the_guide_or_shares_no_source_with_it(judge, guide, role):
    assert find_role(judge, guide) == role


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("guide", ["embedded", "member 2"])
def test_accuracy_is_what_the_judge_says_of_each_winner(guide):
    study = study_of(guide=guide, targets=(5.0, 20.0, 30.0))
    [found] = cross_evaluate(study, "vanilla")
    assert set(found.accuracy) == set(STRATEGIES)
    for entry in study.entries:
        assert found.accuracy[entry.name] == pytest.approx(by_hand(entry, official_of()), abs=1e-4, nan_ok=True)


@pytest.mark.usefixtures("assets")
def test_leads_are_differences_in_pairs():
    study = study_of()
    (truth,) = cross_evaluate(study, "bottom_up")
    assert set(truth.leads) == {"vanilla", "top_down"}
    for name, lead in truth.leads.items():
        pairs = np.nanmean(truth.accuracy[name] - truth.accuracy["bottom_up"], axis=1)
        assert (lead.reference, lead.n) == ("bottom_up", 3)
        assert lead.difference == pytest.approx(pairs.mean())
        assert lead.interval[0] < pairs.mean() < lead.interval[1]


@pytest.mark.usefixtures("assets")
def test_pairs_are_those_of_the_same_seed_and_repeat():
    both = [found("vanilla"), found("vanilla", seed=1), found("bottom_up", seed=1, repeats=2)]
    [study] = studies(both[::-1])
    (truth,) = cross_evaluate(study, "vanilla")
    assert truth.accuracy["vanilla"].shape == (6, 3)
    lead = truth.leads["bottom_up"]
    assert lead.n == 2
    pairs = truth.accuracy["bottom_up"] - truth.accuracy["vanilla"][3:5]
    assert lead.difference == pytest.approx(np.nanmean(pairs))


@pytest.mark.usefixtures("assets")
def test_targets_that_nothing_meets_do_not_count():
    (truth,) = cross_evaluate(study_of(targets=(5.0, 20.0, 30.0)), "vanilla")
    for values in truth.accuracy.values():
        assert np.isfinite(values).tolist() == [[False, True, True]] * 3
    assert all(lead.n == 3 for lead in truth.leads.values())
    (truth,) = cross_evaluate(study_of(targets=(5.0,)), "vanilla")
    assert all(np.isnan(values).all() for values in truth.accuracy.values())
    assert all((lead.n, lead.difference) == (0, None) for lead in truth.leads.values())


@pytest.mark.usefixtures("assets")
def test_targets_in_another_order_are_the_same_targets():
    several = [found("vanilla", targets=(5.0, 20.0, 30.0)), found("bottom_up", targets=(30.0, 20.0, 5.0))]
    [study] = studies(several)
    (truth,) = cross_evaluate(study, "vanilla")
    hand = {entry.name: by_hand(entry, official_of()) for entry in study.entries}
    for name, rows in hand.items():
        assert truth.accuracy[name] == pytest.approx(rows, abs=1e-4, nan_ok=True)
    wanted = np.nanmean(hand["bottom_up"] - hand["vanilla"])
    assert truth.leads["bottom_up"].difference == pytest.approx(wanted, abs=1e-4)


@pytest.mark.usefixtures("assets")
def test_a_subspace_has_the_judge_of_its_parent():
    (truth,) = cross_evaluate(study_of(targets=(30.0,), space="compofa"), "vanilla")
    for entry in study_of(targets=(30.0,), space="compofa").entries:
        assert truth.accuracy[entry.name] == pytest.approx(by_hand(entry, official_of("compofa")), abs=1e-4)


@pytest.mark.usefixtures("assets")
def test_a_guide_of_all_sources_has_no_judge(sources):
    """The only source of measurements of its space had part in it."""
    sources(autobuild=measured_predictor(SPACES["proxyless"], "autobuild"))
    targets = (latency_table(SPACES["proxyless"], "cpu_onnx").minimum * 2,)
    assert cross_evaluate(study_of(targets=targets, space="proxyless"), "vanilla") == []


def guided(**changes):
    [study] = studies([replace(found(), predictor=replace(found().predictor, **changes))])
    return study


def test_an_unknown_guide_has_no_judge():
    assert cross_evaluate(guided(sha256="f" * 64, sources=None), "vanilla") == []


@pytest.mark.usefixtures("assets")
def test_a_guide_is_known_by_its_recorded_sources_or_by_its_hash():
    """Records of before have no sources."""
    assert found().predictor.sources == [official_of().sha256]
    for changes in ({"sources": None}, {"sha256": "f" * 64}):
        assert [(one.judge, one.role) for one in cross_evaluate(guided(**changes), "vanilla")] == [
            ("official", "truth")
        ]
    of_official = replace(found(guide="official").predictor, sources=None)
    assert find_sources(SPACE, of_official) == ("measured by OFA",)


def test_a_guide_that_the_package_had_earlier_is_known_by_its_hash(sources):
    sources(autobuild=measured_predictor(SPACES["proxyless"], "autobuild"))
    [(sha256, labels)] = EARLIER.items()
    before = replace(found().predictor, sha256=sha256, sources=None)
    assert find_sources(SPACES["proxyless"], before) == labels == (ASSETS["ofa/acc_predictor.pth"],)
    judges = find_judges(SPACES["proxyless"], sha256, labels)
    assert [(one.name, one.role) for one in judges] == [("autobuild", "independent")]


def test_a_space_that_cannot_be_built_has_no_judges(made):
    [study] = studies([made(), made(strategy="bottom_up")])
    assert cross_evaluate(study, "vanilla") == []
    for config in (
        {},
        {"space": None},
        {"space": {"_target_": "nowhere.Space"}},
        {"space": {"_target_": "argparse.Namespace"}},
    ):
        [study] = studies([replace(found(), config=config)])
        assert cross_evaluate(study, "vanilla") == []


MAKES = {"_target_": "os.makedirs", "name": "made"}
TRUE = "ofa_bench.spaces.MobileNetV3Space"


@pytest.mark.parametrize(
    "node",
    [
        MAKES,
        {"_target_": TRUE, "inner": MAKES},
        {"_target_": "ofa_bench.spaces.CompoundSpace", "kernels": MAKES},
        {"_target_": TRUE, "_args_": [MAKES]},
        {"_target_": TRUE, "_inner": [MAKES]},
        {"_target_": "ofa_bench.spaces.DesignSpace"},
        {"_target_": "ofa_bench.predictors.embedded_predictor"},
        [MAKES],
        "os.makedirs",
    ],
    ids=str,
)
def test_of_what_a_record_names_only_a_space_is_called(node, tmp_path, monkeypatch):
    """Records may be others'."""
    monkeypatch.chdir(tmp_path)
    [study] = studies([replace(found(), config={"space": node})])
    assert cross_evaluate(study, "vanilla") == []
    assert not (tmp_path / "made").exists()


def test_a_space_of_other_genes_has_no_judges():
    [study] = studies([replace(found(), config={"space": {"_target_": "ofa_bench.spaces.ProxylessNASSpace"}})])
    assert cross_evaluate(study, "vanilla") == []


@pytest.mark.usefixtures("assets")
def test_a_lead_that_only_the_guide_sees_is_none_by_the_truth():
    better = found("top_down")
    for repeat, other in zip(better.repeats, found().repeats, strict=True):
        for one, of in zip(repeat.results, other.results, strict=True):
            one.genes = of.genes
            one.accuracy = of.accuracy and of.accuracy + 0.005
    [study] = studies([found(), better])
    summary = add_judges(summarize(study))
    assert summary.by_name["top_down"].paired.difference == pytest.approx(0.5)
    assert [one.leads["top_down"].difference for one in summary.judges] == [0]
