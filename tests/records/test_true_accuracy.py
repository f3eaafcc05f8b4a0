"""Simulated measurements in configs and records: the true accuracy, regret of the truth, judges and commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
from calling import call
from composing import composed

import ofa_bench as ob
from ofa_bench.analysis.agreement import describe_parts
from ofa_bench.analysis.judging import cross_evaluate, judge_records
from ofa_bench.analysis.studies import studies
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import build_predictor
from ofa_bench.experiment.checks import result_config
from ofa_bench.files.reading import UnreadableError
from ofa_bench.predictors import AccuracyPredictor, SimulatedMeasurement, TablePredictor, table_predictor
from ofa_bench.records import frontiers
from ofa_bench.records.compact import pack, unpack
from ofa_bench.records.frame import tidy
from ofa_bench.records.improve_frontier import collect_candidates
from ofa_bench.records.model import to_dict
from ofa_bench.records.regret import hypervolume_ratio
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.schema import parse
from ofa_bench.records.tables import summary
from ofa_bench.search.problem import drive
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.testing import ToyPredictor

SPACE = MobileNetV3Space()


def problem(noise=None, run=None, predictor="table", **given):
    return ob.problem("nasbench_macro", device="macs", predictor=predictor, noise=noise, run=run, **given)


def search(made, strategy="random", **given):
    return ob.run(made, strategy, targets=[30.0, 60.0, 5.0], budget=(4, 2), repeats=3, progress=False, **given)


LUCKY = search(problem(2.0), "vanilla")


def test_records_have_the_accuracy_that_was_seen_and_the_true_one_of_all_that_was_found():
    record, predictor = LUCKY.record, LUCKY.problem.predictor
    assert [result.feasible for result in record.repeats[0].results] == [True, True, False]
    networks = [one for result in record.results for one in result.networks]
    assert len(networks) > 20
    true = predictor.accuracy(np.array([one.genes for one in networks], np.int8))
    assert [one.true_accuracy for one in networks] == true.tolist()
    winners = [result for result in record.results if result.feasible]
    assert np.mean([one.accuracy - one.true_accuracy for one in winners]) > 0.01
    missed = [result for result in record.results if not result.feasible]
    assert all(one.true_accuracy is None for one in missed)
    assert "true_accuracy" not in to_dict(missed[0])


def test_other_records_have_neither_key_nor_column():
    record = search(problem()).record
    text = json.dumps(to_dict(record))
    assert "true_accuracy" not in text
    assert '"measurements"' not in text
    assert "noise" not in text
    assert " true" not in summary({"": totals(record)})


def test_regret_and_hypervolume_are_of_the_truth_and_never_lucky():
    record = LUCKY.record
    table = table_predictor(LUCKY.problem.space)
    assert record.predictor.sha256 != table.sha256
    assert record.frontier is not None
    compared = [result for result in record.results if result.feasible]
    assert any(result.accuracy > result.best_known for result in compared)
    for result in compared:
        assert result.regret == result.best_known - result.true_accuracy >= 0
        assert result.evaluations_within is result.seconds_within is None
    frontier = frontiers.find(LUCKY.problem)
    for repeat in record.repeats:
        true = [replace(one, accuracy=one.true_accuracy, true_accuracy=None) for one in repeat.results]
        assert repeat.hypervolume_ratio == hypervolume_ratio(true, frontier)
    near = search(problem(), "vanilla", population_size=400).record
    assert any(result.evaluations_within for result in near.results)


def test_each_run_of_a_network_is_compared_with_the_frontier_of_their_mean():
    record = search(problem(run="each"), "exhaustive").record
    results = [result for result in record.results if result.feasible]
    for result in results:
        assert result.accuracy > result.true_accuracy
        assert result.regret == result.best_known - result.true_accuracy >= 0
    assert any(result.regret > 0 for result in results)


def test_tables_show_both_accuracies_and_explain_them(tmp_path):
    total, [row, *_] = totals(LUCKY.record), rows(LUCKY.record)
    assert total.true_accuracy == pytest.approx(
        np.mean([one.true_accuracy for one in LUCKY.record.results if one.feasible])
    )
    text = summary({"all": total, "30": row})
    assert f"{100 * total.true_accuracy:.2f}" in text
    assert "true is what" not in text
    assert "Measurements are simulated: accuracy is what the search saw" in text
    assert "never" not in text
    assert "within 0.1" not in text
    frame = tidy([LUCKY.record])
    assert frame["true_accuracy"].notna().tolist() == [True, True, False] * 3
    assert (frame["measurements"] == frame["unique_evaluations"]).all()
    assert "true %" in LUCKY._repr_html_()


def test_records_are_read_and_packed_with_both(tmp_path):
    node = json.loads(json.dumps(to_dict(LUCKY.record)))
    assert to_dict(parse(node)) == node
    pack([LUCKY.record], tmp_path / "some.csv.gz")
    [back] = unpack(tmp_path / "some.csv.gz")
    for result, there in zip(LUCKY.record.results, back.results, strict=True):
        assert (there.accuracy, there.true_accuracy, there.regret) == (
            result.accuracy, result.true_accuracy, result.regret,
        )  # fmt: skip
    node["repeats"][0]["results"][0]["true_accuracy"] = 78.3
    with pytest.raises(UnreadableError, match=r"true_accuracy is 78\.3; must be a fraction of 1"):
        parse(node)


class Again(ob.strategies.Vanilla):
    """Measures the cheapest architecture three times."""

    def __init__(self):
        super().__init__(ob.search.Evolution())

    def search(self, problem, targets, budget, rng):
        for i, target in enumerate(targets):
            evaluator, row = problem.evaluator(), problem.cost.cheapest[None]
            first = evaluator.accuracy(row)[0]
            drive(evaluator.measure_again(row.repeat(2, axis=0)), problem.predictor)
            if target < problem.cost.minimum:
                yield i, ob.search.SearchResult.infeasible(problem, target)
                continue
            yield i, ob.search.SearchResult(
                target, True, problem.space.canonical(row)[0], first, problem.cost.minimum, evaluator.counts,
                ((0, 1, 1, first),),
            )  # fmt: skip


def test_measurements_are_counted_where_some_were_made_again():
    record = search(problem(0.1), Again()).record
    made = [(one.evaluations, one.unique_evaluations, one.measurements) for one in record.results if one.feasible]
    assert made == [(3, 1, 3)] * 6
    assert parse(json.loads(json.dumps(to_dict(record)))).results[0].measurements == 3
    assert tidy([record])["measurements"].tolist() == [3, 3, 0] * 3


def judged(result):
    [study] = studies([result.record])
    return {one.judge: one for one in cross_evaluate(study, study.entries[0].name)}


def test_the_truth_judges_what_was_found_once():
    by = judged(LUCKY)
    assert {name: one.role for name, one in by.items()} == {"table": "truth"}
    [entry] = by["table"].overrated
    assert by["table"].overrated[entry].difference > 1
    shown = judged(search(problem(run="each")))
    assert {name: one.role for name, one in shown.items()} == {"table": "truth"}
    both = judged(search(problem(0.1, run="each")))
    assert {name: one.role for name, one in both.items()} == {"table": "truth"}


@pytest.mark.parametrize("given", [{"labels": 50}, {"run": 2}])
def test_the_truth_judges_though_the_package_could_not_load_it(given):
    made = ob.problem("nasbench_macro", device="macs", predictor="table", noise=1.0, **given)
    result = search(made)
    by = judged(result)
    assert by["truth"].role == "truth"
    text = describe_parts("table", ["a"], list(by.values()))
    assert "truth is the guide without errors of simulated measurements: it is the truth of the guide." in text
    [judgement] = [one for one in judge_records([result.record])[id(result.record)] if one.judge.name == "truth"]
    true = [[100 * (one.true_accuracy or np.nan) for one in repeat.results] for repeat in result.record.repeats]
    assert judgement.accuracy == pytest.approx(np.array(true), nan_ok=True)


def test_the_truth_judges_winners_of_a_users_predictor_of_unknown_sources():
    made = ob.problem("mbv3", device="note10", predictor=ToyPredictor(SPACE), noise=1.0)
    assert made.predictor.name == "toy, noise 1"
    result = ob.run(made, "random", targets=[30.0], budget=(2, 2), progress=False)
    assert {name: one.role for name, one in judged(result).items()} == {"truth": "truth"}
    assert result.record.config["predictor"]["noise"] == 1.0


class OwnNoise(AccuracyPredictor):
    """A user's predictor with a parameter of this name."""

    def __init__(self, space, noise=7):
        self.space, self.noise, self.name, self.sha256 = space, noise, "own", "0" * 64

    def accuracy(self, genes):
        return np.full(len(genes), 0.5)


def test_any_predictor_takes_the_key_and_one_with_such_a_parameter_gets_it():
    node = {"_target_": "ofa_bench.testing.ToyPredictor", "seed": 3}
    simulated = build_predictor({**node, "noise": 0.2}, SPACE)
    assert isinstance(simulated, SimulatedMeasurement)
    assert simulated.noise == 0.2
    assert isinstance(build_predictor({**node, "noise": 0}, SPACE), SimulatedMeasurement)
    assert isinstance(build_predictor({**node, "noise": None}, SPACE), ToyPredictor)
    assert isinstance(build_predictor(node, SPACE), ToyPredictor)
    own = {"_target_": f"{__name__}.OwnNoise"}
    assert build_predictor({**own, "noise": 0.2}, SPACE).noise == 0.2
    assert build_predictor({**own, "noise": None}, SPACE).noise == build_predictor(own, SPACE).noise == 7
    with pytest.raises(InputError, match=r"predictor\.noize: no such key; allowed: seed, noise; did you mean 'noise'"):
        build_predictor({**node, "noize": 0.2}, SPACE)


def test_the_key_is_in_every_config_and_only_a_noise_is_part_of_an_identity():
    for options in ([], ["predictor=embedded"], ["predictor=member"], ["space=nasbench_macro", "device=macs"]):
        config = composed(*options)[1]
        assert config.predictor.noise is None
        assert "noise" not in result_config(config)["predictor"]
    assert result_config(composed("predictor.noise=0.3")[1])["predictor"]["noise"] == 0.3
    assert result_config(composed("predictor.noise=0")[1])["predictor"]["noise"] == 0


@pytest.mark.parametrize("noise", [-1, float("nan"), True, "much"])
def test_bad_values_are_refused_with_the_key(noise):
    with pytest.raises(InputError, match=r"^predictor\.noise="):
        problem(noise)


def test_python_takes_noise_for_options_paths_and_objects():
    table = table_predictor(ob.problem("nasbench_macro", device="macs").space)
    given = problem(0.5), ob.problem("nasbench_macro", device="macs", predictor=table, noise=0.5)
    direct = SimulatedMeasurement(table.space, table, 0.5)
    given += (ob.problem("nasbench_macro", device="macs", predictor=direct),)
    found = [search(one).record for one in given]
    assert {one.predictor.name for one in found} == {"table, noise 0.5"}
    assert len({one.predictor.sha256 for one in found}) == 1
    assert len({str([(r.genes, r.accuracy) for r in one.results]) for one in found}) == 1
    assert "predictor.noise=0.5" in found[0].address
    assert isinstance(problem().predictor, TablePredictor)
    own = OwnNoise(SPACE, 5)
    assert ob.problem("mbv3", predictor=own).predictor is own
    assert ob.problem("mbv3", predictor=own, noise=0.1).predictor.predictor is own


def test_no_frontier_is_of_measurements(tmp_path):
    LUCKY.save(tmp_path)
    with_truth = collect_candidates(tmp_path, problem())
    assert with_truth.records == 0
    for words in (["predictor.noise=0.1"], ["predictor=table", "predictor.run=each"]):
        with pytest.raises(InputError, match="a best-known frontier is of the truth, not of table"):
            list(
                call("frontier", ["space=nasbench_macro", "device=macs", "predictor=table", f"out={tmp_path}", *words])
            )


def test_evaluate_shows_the_truth_and_names_it():
    words = ["space=nasbench_macro", "device=macs", "predictor=table", 'architecture={"layers": [2,2,2,1,2,2,2,0]}']
    plain, noisy = list(call("evaluate", words)), list(call("evaluate", [*words, "predictor.noise=2"]))
    assert noisy[0] == f"{plain[0]} (its truth, without errors of measurement)"
    assert noisy[1:] == plain[1:]
    assert "93.13" in noisy[-1]
