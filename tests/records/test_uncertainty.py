"""The uncertainty of what was found is in records, tables, metrics and commands, and searches never ask for it."""

import io
import json

import numpy as np
import pytest
from conftest import findings
from rich.console import Console

import ofa_bench as ob
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import summarize
from ofa_bench.analysis.tables import comparison, notes
from ofa_bench.commands.cli.tables import print_tables
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError
from ofa_bench.predictors import SubspacePredictor, latency_table
from ofa_bench.predictors.uncertainty import find_uncertainty
from ofa_bench.records import record as records
from ofa_bench.records.compact import pack, unpack
from ofa_bench.records.frame import tidy
from ofa_bench.records.model import to_dict
from ofa_bench.records.networks import best_networks, describe_networks
from ofa_bench.records.rows import totals
from ofa_bench.records.schema import parse
from ofa_bench.records.tables import latex, summary
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space
from ofa_bench.strategies import Budget, Chain
from ofa_bench.testing import ToyPredictor, check_predictor
from ofa_bench.tracking import values

SPACE = MobileNetV3Space()
NOTE = "± after an accuracy (the last of two) is the predictor's own uncertainty, one standard deviation of a network."


class Uncertain(ToyPredictor):
    """Is the less certain, the larger the choices; counts how often it is asked for that, and during which searches."""

    fork_safe = False

    def __init__(self, space, known=True):
        super().__init__(space)
        self.known, self.asked, self.predicted = known, [], 0

    def accuracy(self, genes):
        self.predicted += len(genes)
        return super().accuracy(genes)

    def uncertainty(self, genes):
        self.asked.append(len(genes))
        return 0.0005 + 1e-6 * self.space.canonical(genes).sum(axis=1) if self.known else None


def make(predictor, repeats=2, targets=(30.0, 5.0, 20.0)):
    problem = Problem(SPACE, predictor, latency_table(SPACE, "note10"))
    chain = Chain(Evolution(population_size=10), "ascending")
    cell = Cell(problem, chain, targets, Budget(4, 2), 0, repeats, threads=1)
    choices = {group: group[0] for group in ("space", "device", "predictor", "strategy", "budget", "targets")}
    ran = list(run_repeats(cell, lambda *_: None))
    predicted = getattr(predictor, "predicted", 0)
    assert getattr(predictor, "asked", []) == []  # by no search
    record = records.make_record(cell, ran, address="s/d/p/s/b/t/seed=0", choices=choices, identity="0" * 16, config={})
    assert getattr(predictor, "predicted", 0) == predicted
    return record


@pytest.fixture(scope="module")
def known():
    return make(Uncertain(SPACE))


def test_winners_and_alternatives_have_it_and_searches_find_the_same(known):
    predictor, plain = Uncertain(SPACE), make(ToyPredictor(SPACE))
    record = make(predictor)
    assert len(predictor.asked) == 2  # once a repeat
    assert findings(record) == findings(known)
    for result, other in zip(record.results, plain.results, strict=True):
        assert (result.genes, result.accuracy, result.evaluations) == (other.genes, other.accuracy, other.evaluations)
        assert other.uncertainty is None
        networks = [result, *result.alternatives]
        if not result.feasible:
            assert result.uncertainty is None
            continue
        assert len(networks) == 10
        genes = np.array([one.genes for one in networks], np.int8)
        assert [one.uncertainty for one in networks] == predictor.uncertainty(genes).tolist()
    text = json.dumps(to_dict(plain))
    assert "uncertainty" not in text
    assert parse(json.loads(text)) == plain  # of a file without the key
    assert parse(json.loads(json.dumps(to_dict(record)))) == record


def test_a_predictor_may_have_none_and_gives_that():
    record = make(Uncertain(SPACE, known=False), repeats=1)
    assert {one.uncertainty for result in record.results for one in (result, *result.alternatives)} == {None}
    assert "±" not in summary({"all": totals(record)})


def test_a_part_has_that_of_the_whole():
    part = CompoundSpace()
    genes = part.sample(7, np.random.default_rng(0))
    whole = Uncertain(SPACE)
    assert find_uncertainty(SubspacePredictor(part, whole), genes) == whole.uncertainty(part.to_parent(genes)).tolist()
    assert find_uncertainty(SubspacePredictor(part, ToyPredictor(SPACE)), genes) == [None] * 7


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full(2, 0.1), r"gave uncertainties float64 \[2\]; must be float64 \[3\]"),
        (np.full((3, 1), 0.1), r"gave uncertainties float64 \[3, 1\]"),
        (np.ones(3, int), r"gave uncertainties int64 \[3\]"),
        (np.array([0.1, -0.1, 0.1]), "gave an uncertainty that is not a finite number of 0 or more"),
        (np.array([0.1, np.nan, 0.1]), "gave an uncertainty that is not a finite number"),
        (np.array([0.1, np.inf, 0.1]), "gave an uncertainty that is not a finite number"),
    ],
)
def test_other_answers_are_refused(given, message, monkeypatch):
    predictor = Uncertain(SPACE)
    monkeypatch.setattr(predictor, "uncertainty", lambda _: given)
    with pytest.raises(InputError, match=f"predictor toy {message}"):
        find_uncertainty(predictor, SPACE.sample(3, np.random.default_rng(0)))


def test_the_contract_of_predictors_covers_it(monkeypatch):
    predictor = Uncertain(SPACE)
    check_predictor(predictor, SPACE)
    monkeypatch.setattr(predictor, "uncertainty", lambda genes: np.full(len(genes), 5.0))
    with pytest.raises(AssertionError, match="an uncertainty is a fraction of 1"):
        check_predictor(predictor, SPACE)


@pytest.mark.parametrize("value", [-0.1, "0.1", True])
def test_a_record_with_a_wrong_one_is_not_read(known, value):
    node = json.loads(json.dumps(to_dict(known)))
    node["repeats"][0]["results"][0]["alternatives"][3]["uncertainty"] = value
    with pytest.raises(UnreadableError, match=r"alternatives\[3\]\.uncertainty is "):
        parse(node)


def test_tables_show_it_behind_the_spread_of_repeats(known):
    row, once = totals(known), totals(make(Uncertain(SPACE), repeats=1))
    mean = np.mean([one.uncertainty for one in known.results if one.feasible])
    assert row.uncertainty == pytest.approx(mean)
    both = f"{100 * row.accuracy:.2f} ± {100 * row.accuracy_std:.2f} ± {100 * mean:.2f}"
    alone = f"{100 * once.accuracy:.2f} ± {100 * once.uncertainty:.2f}"
    shown = io.StringIO()
    print_tables([known], Console(file=shown, width=160))
    assert both in shown.getvalue()
    assert NOTE in " ".join(shown.getvalue().split())
    text = summary({"all": row, "once": once}).replace("\N{NO-BREAK SPACE}", " ")
    assert both in text
    assert f"| {alone} " in text
    assert NOTE in text
    [study] = studies([known])
    report = comparison(summarize(study))
    assert report.rows[0][report.heads.index("predicted accuracy %")] == both
    assert both.replace("±", r"$\pm$") in latex(report)
    assert NOTE in notes(summarize(study))
    assert not any("measured" in head for head in report.heads)


def test_tables_without_it_have_no_note(made):
    record = made()
    shown = io.StringIO()
    print_tables([record], Console(file=shown, width=160))
    [study] = studies([record])
    assert "own uncertainty" not in shown.getvalue() + summary({"all": totals(record)})
    assert "measured" not in shown.getvalue() + summary({"all": totals(record)})
    assert NOTE not in notes(summarize(study))


def test_data_metrics_and_packed_files_have_it(known, tmp_path):
    frame = tidy([known])
    assert frame["uncertainty"].dropna().tolist() == [one.uncertainty for one in known.results if one.feasible]
    assert frame["uncertainty"].isna().tolist() == [not one.feasible for one in known.results]
    metrics = {metric.key: metric.value for metric in values.metrics(known)}
    assert metrics["all_targets/uncertainty_points"] == pytest.approx(100 * totals(known).uncertainty)
    of_20 = [repeat.results[2].uncertainty for repeat in known.repeats]
    assert metrics["target/20 ms: uncertainty_points"] == pytest.approx(100 * np.mean(of_20))
    assert "target/5 ms: uncertainty_points" not in metrics
    pack([known], tmp_path / "a.csv.gz")
    [found] = unpack(tmp_path / "a.csv.gz")
    assert [one.uncertainty for one in found.results] == [one.uncertainty for one in known.results]


def test_networks_to_copy_have_it(known):
    [best] = best_networks(known, target=20)
    line, _ = describe_networks([best])
    assert line.startswith(f"20 ms: {100 * best.accuracy:.2f} ± {100 * best.uncertainty:.2f} %, ")


def test_the_api_and_the_command_have_it(monkeypatch):
    problem = ob.problem("mbv3", device="note10", predictor=Uncertain(SPACE))
    result = ob.run(problem, targets=20, budget=2, population_size=10, progress=False)
    best = result.best()
    assert best.uncertainty == result.to_dataframe()["uncertainty"][0] == result.record.results[0].uncertainty
    assert f"{100 * best.accuracy:.2f} ± {100 * best.uncertainty:.2f} %" in repr(best)
    assert "uncertainty (points)" in result._repr_html_()
    assert ob.evaluate(problem, best.architecture).uncertainty == best.uncertainty
    assert ob.evaluate(ob.problem("mbv3", device="note10", predictor="embedded"), best).uncertainty is None

    from ofa_bench.commands import evaluate
    from ofa_bench.commands.cli import composition

    monkeypatch.setattr(composition, "compose_problem", lambda _: (problem, None, {"space": "mbv3", "predictor": "u"}))
    named = json.dumps(best.architecture)
    _, head, line = evaluate.run(evaluate.Options(architecture=named), ())
    shown = f"{100 * best.accuracy:.2f} ± {100 * best.uncertainty:.2f}"
    assert line.index(shown) + len(shown) == head.index("accuracy %") + len("accuracy %")
    [text] = evaluate.run(evaluate.Options(architecture=named, format="json"), ())
    assert json.loads(text)[0]["uncertainty"] == best.uncertainty
