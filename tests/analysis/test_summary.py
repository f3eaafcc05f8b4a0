import warnings

import numpy as np
import pytest

from ofa_bench.analysis.figures.drawings import headline
from ofa_bench.analysis.overview import overview
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import summarize
from ofa_bench.analysis.tables import comparison, provenance
from ofa_bench.records.tables import latex, markdown

THREE = ("vanilla", "bottom_up", "top_down")


@pytest.fixture(autouse=True)
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def shifted(record, points):
    for repeat in record.repeats:
        for result in repeat.results:
            result.accuracy += points / 100
    return record


def alone(record):
    """Return a record as if each of its searches had been timed by itself."""
    record.made.lockstep = False
    return record


def test_a_strategy_stands_to_vanilla_as_its_repeats_do(made):
    better = shifted(made(repeats=6), 0.5)
    better.choices.strategy = "better"
    for repeat in better.repeats:
        repeat.seconds = 0.25 * made(repeats=6).repeats[repeat.repeat].seconds
    (study,) = studies([alone(made(repeats=6)), alone(better)])
    summary = summarize(study)
    assert summary.reference == "vanilla"
    assert [line.name for line in summary.lines] == ["better", "vanilla"]
    line = summary.by_name["better"]
    assert line.paired.difference == pytest.approx(0.5)
    assert line.ratio.ratio == pytest.approx(0.25)
    assert summary.by_name["vanilla"].paired is None
    (sentence,) = summary.sentences
    assert "100 % of the evaluations and 25 % of the time of vanilla, +0.50 points" in sentence
    assert sentence.endswith("significantly better")


def test_only_repeats_that_both_have_are_paired(made):
    (study,) = studies([made(), made(seed=1), made(strategy="bottom_up", seed=1)])
    line = summarize(study).by_name["bottom_up"]
    assert line.paired.n == 3
    first, second = (next(e for e in study.entries if e.name == name) for name in ("vanilla", "bottom_up"))
    assert line.paired.difference == pytest.approx(np.mean(second.mean_accuracy - first.mean_accuracy[3:]))


def test_differences_are_over_the_targets_that_both_met(made):
    other = made(strategy="bottom_up", targets=(20.0, 30.0, 35.0))
    first = made(targets=(20.0, 30.0, 35.0))
    for repeat in first.repeats:
        vars(repeat.results[0]).update(feasible=False, accuracy=None)
    for result in other.repeats[1].results[1:]:
        vars(result).update(feasible=False, accuracy=None)
    (study,) = studies([first, other])
    chain, vanilla = (entry.accuracy for entry in study.entries)
    paired = summarize(study).by_name["bottom_up"].paired
    assert paired.n == 2  # in the second repeat, there is no target that both met
    assert paired.difference == pytest.approx((chain - vanilla)[[0, 2], 1:].mean())


def test_without_common_seeds_nothing_is_paired(made):
    (study,) = studies([made(), made(strategy="bottom_up", seed=1)])
    assert summarize(study).by_name["bottom_up"].paired is None


def test_seconds_that_were_taken_otherwise_give_no_ratio(made):
    other = made(strategy="bottom_up")
    other.made.lockstep = False
    (study,) = studies([made(), other])
    assert summarize(study).by_name["bottom_up"].ratio is None


@pytest.mark.parametrize(("lockstep", "repeats", "compared"), [(True, 6, False), (False, 1, False), (False, 2, True)])
def test_times_are_compared_where_searches_were_timed_by_themselves_and_more_than_once(
    made, lockstep, repeats, compared
):
    both = made(repeats=repeats), made(repeats=repeats, strategy="bottom_up")
    for record in both:
        record.made.lockstep = lockstep
    summary = summarize(studies(both)[0])
    assert bool(summary.study.untimed) != compared
    assert bool(summary.by_name["bottom_up"].ratio) == compared
    assert ("of the time" in summary.sentences[0]) == ("time" in comparison(summary).heads) == compared
    assert ("seconds" in comparison(summary).heads) == ("its time" in overview([summary]).heads) == compared


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("names", [THREE[:1], THREE[:2], THREE])
@pytest.mark.parametrize("targets", [(30.0,), (5.0,), (5.0, 20.0, 30.0)])
def test_few_strategies_repeats_and_targets_are_described_briefly(made, repeats, names, targets):
    (study,) = studies([made(strategy=name, repeats=repeats, targets=targets) for name in names])
    summary = summarize(study)
    assert len(summary.lines) == len(names)
    assert (summary.ranking is None) == (len(names) < 3 or repeats < 3 or targets == (5.0,))
    assert bool(summary.unranked) == (len(names) == 3 and summary.ranking is None)
    for text in (markdown(comparison(summary)), latex(comparison(summary)), *summary.sentences):
        assert "nan" not in text.replace("nsga", "").lower()
        assert "None" not in text


def test_strategies_are_ranked_over_runs_not_targets(made):
    targets = (20.0, 30.0, 35.0)
    several = [made(strategy=name, targets=targets, repeats=4) for name in THREE]
    for record, points in zip(several, (0.0, 5.0, 10.0), strict=True):
        shifted(record, points)
    (study,) = studies(several)
    found = summarize(study).ranking
    assert found.runs == 4
    assert (found.names, found.ranks) == (("top_down", "bottom_up", "vanilla"), (1, 2, 3))


def test_runs_are_ranked_by_the_targets_that_all_met_in_them(made):
    targets = (20.0, 30.0)
    vanilla, bottom_up, top_down = (made(strategy=name, targets=targets, repeats=4) for name in THREE)
    shifted(bottom_up, 5.0)
    shifted(top_down, 10.0)
    # a target that top_down alone met does not count, and a run without a common target is left out
    for result in (vanilla.repeats[0].results[0], *vanilla.repeats[1].results):
        vars(result).update(feasible=False, accuracy=None)
    bottom_up.repeats[0].results[0].accuracy = 0.0
    (study,) = studies([vanilla, bottom_up, top_down])
    found = summarize(study).ranking
    assert found.runs == 3
    assert found.names == ("top_down", "bottom_up", "vanilla")
    assert found.ranks == (1, 2, 3)


def test_only_runs_that_all_have_are_ranked(made):
    several = [made(repeats=3), made(strategy="bottom_up", repeats=2), made(strategy="top_down", repeats=3)]
    summary = summarize(studies(several)[0])
    assert summary.ranking is None
    assert summary.unranked == "No ranking: it needs 3 runs that all strategies have, not 2."
    more = [made(strategy=name, seed=1, repeats=2) for name in THREE]
    found = summarize(studies([*several, *more])[0])
    assert (found.ranking.runs, found.unranked) == (4, "")
    apart = [made(strategy="bottom_up"), *(made(strategy=name, seed=1) for name in THREE)]
    assert summarize(studies(apart)[0]).ranking.runs == 3


def test_of_a_family_the_study_of_most_targets_is_the_headline(made):
    every = [made(strategy=name, targets=targets) for name in THREE for targets in ((20.0,), (20.0, 30.0))]
    (study,) = headline(studies(every))
    assert len(study.targets) == 2
    alone = studies([made(), made(targets=(20.0,))])
    assert headline(alone) == alone


def test_more_targets_without_a_common_seed_do_not_displace_what_is_compared(made):
    pair = [made(targets=(20.0,)), made(strategy="bottom_up", targets=(20.0,))]
    apart = [made(), made(strategy="bottom_up", seed=1)]
    (study,) = headline(studies([*apart, *pair]))
    assert study.targets.tolist() == [20]
    (study,) = headline(studies([*apart, *pair, made(strategy="top_down")]))
    assert study.targets.tolist() == [20, 30]
    alone = studies(apart)
    assert headline(alone) == alone


def test_tables_have_a_line_a_strategy_and_say_what_made_it(made):
    (study,) = studies([made(strategy=name) for name in THREE])
    summary = summarize(study)
    table = comparison(summary)
    assert [row[0] for row in table.rows] == [line.name for line in summary.lines]
    assert markdown(table).count("\n") == 4
    assert r"bottom\_up & " in latex(table)
    assert latex(table).count(r"\\") == 4
    row = provenance([summary]).rows[0]
    assert row[2] == "toy " + 12 * "0"
    assert "0 (3 repeats)" in row


def test_vanilla_with_another_setting_is_the_reference_where_there_is_no_plain_one(made):
    variant = made(last=",evolution.reference_compat=true")
    (study,) = studies([made(strategy="bottom_up"), variant])
    assert summarize(study).reference == "vanilla reference_compat=true"
    (study,) = studies([made(strategy="bottom_up"), variant, made()])
    assert summarize(study).reference == "vanilla"
    assert summarize(study, "bottom_up").reference == "bottom_up"
