"""Simulated measurements: their errors, what a search sees of them, and what it counts."""

import numpy as np
import pytest
from scipy.stats import kstest
from tiny import tiny_problem

from ofa_bench.engine import Cell, Match, problem_of, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.predictors import (
    AccuracyPredictor,
    SimulatedMeasurement,
    SubspacePredictor,
    embedded_predictor,
    latency_table,
    table_predictor,
)
from ofa_bench.predictors.gaps import find_gaps
from ofa_bench.search import Evolution, Problem
from ofa_bench.search.problem import drive
from ofa_bench.spaces import AccelNASBenchSpace, NASBenchMacroSpace, hold
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.strategies import NSGA2, Budget, Exhaustive, Joint, Vanilla
from ofa_bench.strategies.shared import BudgetedEvaluator
from ofa_bench.testing import check_predictor, toy_problem

TOY = toy_problem()
SPACE = TOY.space
ROWS = SPACE.canonical(SPACE.sample(20_000, np.random.default_rng(0)))
EVOLUTION = Evolution(population_size=20)
TARGETS = (20.0, 5.0, 35.0, 20.0)
TABLE = NASBenchMacroSpace()


def simulated(noise=0.3, predictor=TOY.predictor, space=SPACE):
    return SimulatedMeasurement(space, predictor, noise)


def noisy(noise=0.3):
    return Problem(SPACE, simulated(noise), TOY.cost)


def errors_of(predictor, rows=ROWS, times=0, seed=1):
    return predictor.measurement_errors(rows, np.full(len(rows), times), seed)


def cell(strategy, problem=None, **given):
    given = {"seed": 0, "repeats": 2, "threads": 1, **given}
    return Cell(problem or noisy(), strategy, TARGETS, Budget(6, 3), **given)


def run(strategy, **given):
    return list(run_repeats(cell(strategy, **given), lambda *_: None))


def found(repeats):
    return [
        [(r.target, r.genes.tobytes(), r.accuracy, str(r.counts), r.curve, str(r.alternatives)) for r in one.results]
        for one in repeats
    ]


def test_errors_are_normal_with_the_noise_as_their_standard_deviation():
    errors = errors_of(simulated(0.3))
    assert abs(errors.mean()) < 4 * 0.003 / np.sqrt(len(ROWS))
    assert errors.std() == pytest.approx(0.003, rel=0.03)
    assert kstest(errors / 0.003, "norm").pvalue > 0.001
    assert errors_of(simulated(0.6)) == pytest.approx(2 * errors)


def test_errors_of_measurements_and_seeds_are_independent():
    several = [errors_of(simulated(), times=times, seed=seed) for seed in (1, 2) for times in (0, 1, 2)]
    correlations = np.corrcoef(several)[np.triu_indices(6, 1)]
    assert abs(correlations).max() < 5 / np.sqrt(len(ROWS))


class Own(AccuracyPredictor):
    """A user's predictor with errors of its own."""

    row_wise = True

    def __init__(self, scale=0.01):
        self.name, self.sha256, self.scale = "own", "1" * 64, scale

    def accuracy(self, genes):
        return 0.5 + 0.004 * SPACE.canonical(genes).mean(axis=1)

    def measurement_errors(self, genes, times, seed):
        totals = SPACE.canonical(genes).sum(axis=1)
        return self.scale * np.cos(37.0 * totals + 11.0 * times + 5.0 * seed)


class Duck:
    """A user's predictor of no class of ours, for which nothing optional is known."""

    name, sha256 = "duck", "2" * 64

    def accuracy(self, genes):
        return Own().accuracy(genes)


EMBEDDED, PART = embedded_predictor(SPACE), hold(SPACE, {"r": [224], "k": [3, 5]})
PREDICTORS = {
    "toy": (SPACE, simulated()),
    "exact": (SPACE, simulated(0)),
    "own errors": (SPACE, simulated(0.1, Own())),
    "duck": (SPACE, simulated(0.1, Duck())),
    "inside a part": (PART, SubspacePredictor(PART, simulated(0.3, EMBEDDED))),
    "around a part": (PART, simulated(0.3, SubspacePredictor(PART, EMBEDDED), PART)),
    "each run": (TABLE, table_predictor(TABLE, run="each")),
    "noise on top of each run": (TABLE, simulated(0.2, table_predictor(TABLE, run="each"), TABLE)),
}


@pytest.mark.parametrize("name", PREDICTORS)
def test_contract(name):
    space, predictor = PREDICTORS[name]
    check_predictor(predictor, space)


class BatchErrors(Own):
    """Breaks the contract: an error depends on the rows beside it."""

    def measurement_errors(self, genes, times, seed):
        return super().measurement_errors(genes, times, seed) + 1e-9 * len(genes)


class SameAgain(Own):
    """Breaks the contract: all measurements of an architecture are the same."""

    def measurement_errors(self, genes, times, seed):
        return super().measurement_errors(genes, 0 * times, seed)


class SameSeed(Own):
    """Breaks the contract: all repeats have the same errors."""

    def measurement_errors(self, genes, times, seed):
        return super().measurement_errors(genes, times, 0)


class Lucky(Own):
    """Breaks the contract: measurements are better than the truth."""

    def measurement_errors(self, genes, times, seed):
        return abs(super().measurement_errors(genes, times, seed))


class Genotype(Own):
    """Breaks the contract: inactive genes change an error."""

    def measurement_errors(self, genes, times, seed):
        return 0.01 * np.cos(37.0 * genes.sum(axis=1) + 11.0 * times + 5.0 * seed)


@pytest.mark.parametrize(
    ("kind", "why"),
    [(BatchErrors, "batch"), (SameAgain, "repeats the first"), (SameSeed, "the seed"), (Lucky, "0 on average"),
     (Genotype, "form")],
)  # fmt: skip
def test_the_contract_refuses_other_errors(kind, why):
    with pytest.raises(AssertionError, match=why):
        check_predictor(kind(), SPACE)


def test_errors_of_the_predictor_itself_are_added():
    own = Own()
    sums = errors_of(simulated(0.1, own)) - errors_of(own)
    assert sums == pytest.approx(errors_of(simulated(0.1)), abs=1e-15)
    assert errors_of(simulated(0, own)) == pytest.approx(errors_of(own))


def test_the_truth_is_the_predictors():
    predictor = simulated()
    assert (predictor.accuracy(ROWS) == TOY.predictor.accuracy(ROWS)).all()
    assert predictor.name == "toy, noise 0.3"
    assert predictor.truth == TOY.predictor.sha256 != predictor.sha256
    assert len({simulated(noise).sha256 for noise in (0, 0.1, 0.3)}) == 3
    assert simulated(0).sha256 == simulated(0.0).sha256
    assert predictor.sources is None
    table = table_predictor(TABLE)
    assert simulated(0.1, table, TABLE).sources == (table.sha256, *table.sources)
    each = table_predictor(TABLE, run="each")
    assert each.truth == simulated(0.1, each, TABLE).truth == table.sha256 != each.sha256
    assert each.sources == simulated(0.1, each, TABLE).sources == (table.sha256, *table.sources)


def test_a_simulated_measurement_has_no_gradient_even_if_it_is_exact():
    additive = tiny_problem({"a": (0.1, 0.2), "b": (0.2, 0.4)}, {"a": (1, 2), "b": (1, 3)})
    exact = simulated(0, additive.predictor, additive.space)
    rows, changed = np.zeros((1, 2), np.int8), np.ones((1, 3, 2), np.int8)
    assert additive.predictor.linearised(rows, changed) is not None
    assert exact.linearised(rows, changed) is None
    problem = Problem(additive.space, exact, additive.cost)
    assert Joint(gradient_cost="measured").charge(problem) == 0
    assert Joint(gradient_cost="measured").charge(additive) > 0
    results = [result for _, result in Joint().search(problem, (3.0, 5.0), Budget(1, 1), np.random.default_rng(0))]
    assert [result.accuracy for result in results] == pytest.approx([0.4, 0.6])
    assert all(result.counts.gradients == 0 for result in results)


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf"), "0.3", True, [0.3]])
def test_bad_noise_is_refused_with_its_key(noise):
    with pytest.raises(InputError, match=r"predictor\.noise=.*must be a number of points of 0 or more"):
        simulated(noise)


def test_unlabelled_choices_and_uncertainty_are_those_of_the_predictor():
    class Known(Own):
        unlabelled = property(lambda self: {"r": (160.0,)})

        def uncertainty(self, genes):
            return np.full(len(genes), 0.25)

    predictor = simulated(0.1, SubspacePredictor(PART, Known()), PART)
    rows = PART.sample(3, np.random.default_rng(0))
    assert (predictor.uncertainty(rows) == 0.25).all()
    small = hold(SPACE, {"r": [160, 176], "k": [3]})
    gaps = find_gaps(
        small, simulated(0.1, SubspacePredictor(small, Known()), small), np.zeros((1, small.n_genes), np.int8)
    )
    assert gaps == [{"r": [160.0]}]


def test_a_search_sees_accuracy_plus_error_once_for_each_architecture():
    problem = noisy()
    evaluator = problem.evaluator()
    wanted = problem.predictor.accuracy(ROWS[:50]) + errors_of(problem.predictor, ROWS[:50], seed=0)
    assert (evaluator.accuracy(ROWS[:50]) == wanted).all()
    assert (evaluator.accuracy(ROWS[25:50]) == wanted[25:]).all()
    assert (drive(evaluator.ask(ROWS[:50], memo=False), problem.predictor) == wanted).all()
    other = problem.with_errors_of(7).evaluator()
    assert other.accuracy(ROWS[:50]) - wanted == pytest.approx(
        errors_of(problem.predictor, ROWS[:50], seed=7) - errors_of(problem.predictor, ROWS[:50], seed=0)
    )
    assert TOY.with_errors_of(7) is TOY
    assert problem.with_errors_of(7).kernels is problem.kernels


def again(problem, rows, evaluator):
    return drive(evaluator.measure_again(rows), problem.predictor)


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_measured_again_is_new_counted_and_not_kept(compiled):
    problem = noisy()
    if not compiled:
        vars(problem)["kernels"] = None
    evaluator = problem.evaluator()
    first = evaluator.accuracy(ROWS[:4])
    rows = np.concatenate([ROWS[:2], ROWS[:1], ROWS[9:10], ROWS[9:10]])  # known, known, the first again, new, again
    measured = again(problem, rows, evaluator)
    times = np.array([1, 1, 2, 0, 1])
    wanted = problem.predictor.accuracy(rows) + problem.predictor.measurement_errors(rows, times, 0)
    assert (measured == wanted).all()
    counts = evaluator.counts
    assert (counts.evaluations, counts.unique_evaluations, counts.repeated_measurements) == (9, 5, 4)
    assert counts.measurements == 9
    assert (evaluator.accuracy(ROWS[:4]) == first).all()
    assert evaluator.accuracy(ROWS[9:10])[0] == measured[3]
    assert (evaluator.first_measured(ROWS[:4]) == first).all()
    assert counts.measurements == 9
    third = again(problem, ROWS[:1], evaluator)
    assert third - problem.predictor.accuracy(ROWS[:1]) == pytest.approx(errors_of(problem.predictor, ROWS[:1], 3, 0))
    with pytest.raises(ValueError, match="1 of 2 architectures were not evaluated"):
        evaluator.first_measured(ROWS[[0, 15]])
    assert evaluator.counts.unique_evaluations == 5


def test_a_failed_measurement_changes_nothing():
    problem = noisy()
    evaluator = problem.evaluator()
    first = evaluator.accuracy(ROWS[:2])
    request = evaluator.measure_again(ROWS[:3])
    next(request)
    with pytest.raises(InputError, match="not a finite number"):
        request.send(np.array([0.1, np.nan, 0.2]))
    assert evaluator.counts.measurements == 2
    measured = again(problem, ROWS[:3], evaluator)
    times = np.array([1, 1, 0])
    assert measured - problem.predictor.accuracy(ROWS[:3]) == pytest.approx(
        problem.predictor.measurement_errors(ROWS[:3], times, 0)
    )
    assert (evaluator.accuracy(ROWS[:2]) == first).all()


def test_measuring_again_without_errors_gives_the_same():
    evaluator = TOY.evaluator()
    first = evaluator.accuracy(ROWS[:3])
    assert (again(TOY, ROWS[:3], evaluator) == first).all()
    assert evaluator.counts.measurements == 6


def test_what_a_budgeted_search_measures_again_is_in_its_budget_and_its_archive_has_the_first():
    problem = noisy()
    budgeted = BudgetedEvaluator(problem, (1000.0,), 10)
    first, _ = drive(budgeted.evaluate(ROWS[:3]), problem.predictor)
    measured, cost = drive(budgeted.evaluate(ROWS[:5], again=True), problem.predictor)
    assert (measured[:3] != first).all()
    assert (cost == problem.cost.cost(ROWS[:5])).all()
    assert (budgeted.archive.accuracy == [*first, *first, *measured[3:]]).all()
    assert budgeted.left == 2
    last, _ = drive(budgeted.evaluate(ROWS[:5], again=True), problem.predictor)
    assert len(last) == 2
    assert budgeted.left == 0
    [result] = budgeted.archive.results(0)
    assert (result.counts.measurements, result.counts.unique_evaluations) == (10, 5)
    assert result.accuracy == max([*first, *measured[3:]])


@pytest.mark.parametrize("bad", [np.zeros(1), np.full(3, np.nan), np.array(["a", "b", "c"])])
def test_errors_of_another_shape_or_kind_are_refused(bad):
    class Bad(Own):
        def measurement_errors(self, genes, times, seed):
            return bad if len(genes) else np.zeros(0)

    with pytest.raises(InputError, match="predictor own gave measurement errors"):
        Problem(SPACE, Bad(), TOY.cost).evaluator().accuracy(ROWS[:3])


STRATEGIES = [Vanilla(EVOLUTION), Joint(population_size=10), NSGA2(population_size=10)]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: type(one).__name__)
def test_lockstep_threads_and_processes_change_nothing_of_what_is_found(strategy, monkeypatch):
    monkeypatch.setattr("ofa_bench.engine.WORTH_FORKING", 0)
    wanted = found(run(strategy, lockstep=False))
    assert found(run(strategy)) == found(run(strategy, threads=2)) == wanted
    alone = Problem(SPACE, simulated(), TOY.cost)
    vars(alone)["kernels"] = None
    assert found(run(strategy, problem=alone)) == wanted


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: type(one).__name__)
def test_a_network_has_the_same_error_under_every_strategy_of_a_repeat_and_another_in_the_next(strategy):
    made = cell(strategy)
    seeds = [problem_of(cell(Vanilla(EVOLUTION)), repeat).measurement_seed for repeat in range(2)]
    assert len({*seeds}) == 2
    assert [problem_of(made, repeat).measurement_seed for repeat in range(2)] == seeds
    predictor = made.problem.predictor
    for seed, repeat in zip(seeds, run_repeats(made, lambda *_: None), strict=True):
        results = [result for result in repeat.results if result.feasible]
        assert len(results) == 3
        for one in [other for result in results for other in (result, *result.alternatives)]:
            row = one.genes[None]
            assert one.accuracy == (predictor.accuracy(row) + errors_of(predictor, row, seed=seed))[0]


def test_seeds_of_errors_differ_by_seed_and_targets():
    one, other = cell(STRATEGIES[0]), cell(STRATEGIES[0], seed=1)
    assert problem_of(one, 0).measurement_seed != problem_of(other, 0).measurement_seed
    quiet = cell(STRATEGIES[0], problem=TOY)
    assert problem_of(quiet, 1) is TOY


def test_a_control_sees_the_errors_of_its_chain():
    seen = []

    class Watched(Vanilla):
        def search(self, problem, targets, budget, rng):
            seen.append(problem.measurement_seed)
            return super().search(problem, targets, budget, rng)

    watched = Watched(EVOLUTION)
    run(watched, match=Match("unique_evaluations", watched), repeats=1)
    assert len(seen) == 2
    assert seen[0] == seen[1] != 0


def test_a_search_selects_what_was_lucky_and_so_is_overrated():
    repeats = run(Vanilla(EVOLUTION), problem=noisy(1.0), repeats=8)
    results = [result for repeat in repeats for result in repeat.results if result.feasible]
    true = TOY.predictor.accuracy(np.array([result.genes for result in results]))
    assert np.mean([result.accuracy for result in results] - true) > 0.01


def test_an_exhaustive_search_finds_the_luckiest_network():
    each = table_predictor(TABLE, run="each")
    problem = Problem(TABLE, each, latency_table(TABLE, "macs"))
    budget, rng = Budget(1, 1), np.random.default_rng(0)
    [(_, result)] = Exhaustive().search(problem, (problem.cost.maximum,), budget, rng)
    [rows] = architectures(TABLE, 10_000)
    assert result.accuracy == (each.accuracy(rows) + errors_of(each, rows, seed=0)).max()
    assert result.accuracy > each.accuracy(rows).max()
    assert result.counts.measurements == len(rows)


def test_the_first_measurements_show_all_runs_equally_often_and_the_next_the_others_in_turn():
    each, [mean, *runs] = (
        table_predictor(TABLE, run="each"),
        [table_predictor(TABLE, run=run) for run in (None, 1, 2, 3)],
    )
    rows = TABLE.sample(3000, np.random.default_rng(0))
    columns = np.stack([one.accuracy(rows) for one in runs], axis=1)
    assert (each.accuracy(rows) == mean.accuracy(rows)).all()
    shown = np.stack([each.accuracy(rows) + errors_of(each, rows, times) for times in range(6)], axis=1)
    assert np.sort(shown[:, :3]) == pytest.approx(np.sort(columns), abs=1e-12)
    assert shown[:, 3:] == pytest.approx(shown[:, :3], abs=1e-12)
    distinct = (np.diff(np.sort(columns)) > 1e-9).all(axis=1)
    first = np.abs(columns - shown[:, :1]).argmin(axis=1)[distinct]
    assert np.bincount(first) / distinct.sum() == pytest.approx(np.full(3, 1 / 3), abs=0.05)


def test_each_run_and_noise_are_drawn_independently():
    each = table_predictor(TABLE, run="each")
    rows = TABLE.sample(4000, np.random.default_rng(0))
    noise = errors_of(simulated(0.3, each, TABLE), rows) - errors_of(each, rows)
    assert noise.std() == pytest.approx(0.003, rel=0.1)
    runs = np.stack([table_predictor(TABLE, run=run).accuracy(rows) for run in (1, 2, 3)], axis=1)
    shown = np.abs(runs - (each.accuracy(rows) + errors_of(each, rows))[:, None]).argmin(axis=1)
    means = [noise[shown == run].mean() for run in range(3)]
    assert np.abs(means).max() < 5 * 0.003 / np.sqrt(len(rows) / 3)


def test_each_run_needs_several_runs_and_no_labels():
    with pytest.raises(InputError, match=r"predictor\.run=each: accel_nasbench has one run of each network"):
        table_predictor(AccelNASBenchSpace(), run="each")
    with pytest.raises(InputError, match=r"predictor\.run=each: labels= must be null"):
        table_predictor(TABLE, run="each", labels=100)
    part = hold(TABLE, {"b0": [1, 2]})
    each, mean = table_predictor(part, run="each"), table_predictor(part)
    assert each.truth == mean.sha256
    rows = part.sample(5, np.random.default_rng(0))
    whole = table_predictor(TABLE, run="each")
    assert (errors_of(each, rows) == errors_of(whole, part.to_parent(rows))).all()


def test_a_search_of_known_networks_stays_among_them():
    space = AccelNASBenchSpace()
    table = table_predictor(space)
    predictor = simulated(0.3, table, space)
    assert predictor.known_genes is table.known_genes
    check_predictor(predictor, space)
