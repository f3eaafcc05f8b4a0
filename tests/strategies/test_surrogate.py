"""``strategy=surrogate``: what it measures, by which model it chooses, and which architectures win."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from tiny import Additive, tiny_problem

from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.predictors import (
    AccuracyPredictor,
    SimulatedMeasurement,
    SurrogateProcess,
    latency_table,
    table_predictor,
)
from ofa_bench.search import Problem, SearchResult
from ofa_bench.search.alternatives import Alternative
from ofa_bench.spaces import AccelNASBenchSpace, CompoundSpace, NASBenchMacroSpace, hold
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.strategies import NSGA2, Budget, Exhaustive, Joint, Limit, RandomSearch, Strategy, Surrogate
from ofa_bench.strategies import surrogate as module
from ofa_bench.strategies.acquisition import Optimistic, choose_batch, expected_improvement
from ofa_bench.testing import CountingPredictor, ToyPredictor, check_strategy, toy_problem

TOY = toy_problem()
SPACE = TOY.space
COMPOUND = CompoundSpace()
SMALL = Problem(COMPOUND, ToyPredictor(COMPOUND), latency_table(COMPOUND, "note10"))
EVERY = np.concatenate(list(architectures(COMPOUND, 2000)))
TARGETS = (30.0, 5.0, 20.0, 45.0, 20.0)
FEASIBLE = [20.0, 30.0, 45.0]


def surrogate(evaluations=47, inner=None, model=SurrogateProcess, **given):
    given = {"initial": 20, "batch": 10, "inner_evaluations": 150, "optimism": 1.0, **given}
    return Surrogate(inner or Joint(), model, evaluations, **given)


def noisy(problem=SMALL, noise=0.3, **given):
    return Problem(problem.space, SimulatedMeasurement(problem.space, problem.predictor, noise), problem.cost, **given)


def search(strategy, problem=SMALL, targets=TARGETS, seed=0):
    """Return the results in the order of targets, and the batches that were measured."""
    counting = CountingPredictor(problem.predictor)
    counted = Problem(problem.space, counting, problem.cost, measurement_seed=problem.measurement_seed)
    found = dict(strategy.search(counted, targets, Budget(30, 5), np.random.default_rng(seed)))
    return [found[i] for i in range(len(targets))], counting.asked


def total(results, key):
    return sum(getattr(result.counts, key) for result in results)


def distinct(rows, space=COMPOUND):
    return len(set(space.keys(np.concatenate(rows))))


class Models:
    """A model that keeps what it is fitted to, and what it gives."""

    def __init__(self):
        self.given, self.made = [], []

    def __call__(self, space, genes, accuracy, *, name):
        assert name == "surrogate"
        self.given.append((genes, accuracy))
        self.made.append(SurrogateProcess(space, genes, accuracy, name=name))
        return self.made[-1]


class Spy(Strategy):
    """An inner strategy that keeps what it is asked to search."""

    limits = ("unique_evaluations",)

    def __init__(self, inner):
        self.inner, self.asked = inner, []

    def search(self, problem, targets, budget, rng):
        self.asked.append((problem, list(targets), budget))
        return self.inner.search(problem, targets, budget, rng)


class Known(AccuracyPredictor):
    """A mean and a standard deviation for each of a few architectures, in their order in ``EVERY``."""

    name, sha256 = "known", ""

    def __init__(self, mean, deviation):
        self.mean, self.deviation = np.array(mean), np.array(deviation)

    def accuracy(self, genes):
        return self.mean[self._places(genes)]

    def uncertainty(self, genes):
        return self.deviation[self._places(genes)]

    def linearised(self, genes, changed):
        return np.full(changed.shape[:2], 7, np.float32)

    def _places(self, genes):
        places = {row.tobytes(): i for i, row in enumerate(EVERY)}
        return np.array([places[row.tobytes()] for row in genes])


class Unsure(SurrogateProcess):
    """A model without uncertainty."""

    def uncertainty(self, genes):
        return None


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("acquisition", ["mean", "optimistic", "expected_improvement"])
def test_contract(again, acquisition):
    check_strategy(surrogate(33, again=again, acquisition=acquisition), SMALL)


def test_contract_in_a_large_space():
    check_strategy(surrogate(45))


@pytest.mark.parametrize("noise", [None, 0.3])
@pytest.mark.parametrize("evaluations", [1, 2, 5, 20, 21, 47])
def test_the_budget_is_kept_exactly_and_nothing_is_measured_twice(evaluations, noise):
    results, asked = search(surrogate(evaluations), SMALL if noise is None else noisy())
    assert sum(map(len, asked)) == distinct(asked) == evaluations
    for key in ("evaluations", "unique_evaluations", "measurements", "proposals"):
        assert total(results, key) == evaluations - (key == "proposals")  # but for the cheapest
    assert [result.feasible for result in results] == [True, False, True, True, True]
    assert {result.shared for result in results if result.feasible} == {4}


def test_with_again_architectures_are_measured_again_within_the_budget():
    results, asked = search(surrogate(60, again=True), noisy(noise=2.0))
    assert sum(map(len, asked)) == total(results, "measurements") == total(results, "evaluations") == 60
    assert total(results, "unique_evaluations") == distinct(asked) < 60
    assert total(results, "repeated_measurements") == 60 - distinct(asked)
    assert all(distinct([batch]) == len(batch) for batch in asked)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({}, [1, 19, 10, 10, 7]),
        ({"rounds": 2}, [1, 26, 10, 10]),
        ({"rounds": 0}, [1, 43, 3]),
        ({"initial": 100}, [1, 46]),
        ({"initial": 1, "batch": 30}, [1, 1, 30, 15]),
        ({"rounds": 9}, [1, 1, 10, 10, 10, 10, 5]),
    ],
)
def test_measurements_are_initial_and_in_batches(given, sizes):
    _, asked = search(surrogate(**given))
    assert [len(batch) for batch in asked] == sizes
    assert (asked[0][0] == SMALL.cost.cheapest).all()


def test_first_measurements_are_random_whatever_follows():
    first = [search(surrogate(**given))[1][1] for given in ({}, {"batch": 3}, {"model": Models()})]
    assert (first[0] == first[1]).all()
    assert (first[0] == first[2]).all()
    assert len(np.unique(SMALL.cost.cost(first[0]))) > 15


def test_a_budgets_limit_is_kept():
    results = dict(
        surrogate(47).search(SMALL, TARGETS, Budget(30, 5, Limit("unique_evaluations", 31)), np.random.default_rng(0))
    )
    assert total(results.values(), "evaluations") == 31


def test_the_inner_strategy_searches_targets_on_the_model_optimistically_but_for_the_last_batch():
    spy, models = Spy(Joint()), Models()
    search(surrogate(inner=spy, model=models, optimism=2.5))
    kinds = [type(problem.predictor) for problem, _, _ in spy.asked]
    assert kinds == [Optimistic, Optimistic, SurrogateProcess]
    assert [problem.predictor.optimism for problem, _, _ in spy.asked[:2]] == [2.5, 2.5]
    assert spy.asked[0][0].predictor.model is models.made[0]
    assert spy.asked[2][0].predictor is models.made[2]
    for problem, targets, budget in spy.asked:
        assert (problem.space, problem.cost) == (COMPOUND, SMALL.cost)
        assert targets == FEASIBLE
        assert budget == Budget(30, 5, Limit("unique_evaluations", 150))


@pytest.mark.parametrize("given", [{"acquisition": "mean"}, {"rounds": 0, "acquisition": "optimistic"}])
def test_with_the_mean_or_without_rounds_it_is_the_model_itself(given):
    spy, models = Spy(Joint()), Models()
    search(surrogate(inner=spy, model=models, inner_evaluations=None, **given))
    assert [problem.predictor for problem, _, _ in spy.asked] == models.made
    assert {budget.limit for _, _, budget in spy.asked} == {None}


def test_an_inner_strategy_without_limits_gets_none():
    spy = Spy(Joint())
    spy.limits = ()
    search(surrogate(inner=spy))
    assert {budget.limit for _, _, budget in spy.asked} == {None}


def test_a_model_is_fitted_to_all_measurements_each_with_its_architecture():
    models = Models()
    _, asked = search(surrogate(model=models))
    assert [len(accuracy) for _, accuracy in models.given] == [20, 30, 40]
    for i, (genes, accuracy) in enumerate(models.given):
        assert sorted(COMPOUND.keys(genes)) == sorted(COMPOUND.keys(np.concatenate(asked[: i + 2])))
        assert (SMALL.predictor.accuracy(genes) == accuracy).all()
    assert (models.given[0][0] != np.concatenate(asked[:2])).any()  # in another order


def test_without_rounds_the_winners_on_the_model_are_measured():
    models = Models()
    _, asked = search(surrogate(60, inner=Exhaustive(), model=models, rounds=0))
    [model] = models.made
    mean, cost = model.accuracy(EVERY), SMALL.cost.cost(EVERY)
    winners = [EVERY[np.where(cost <= target, mean, 0).argmax()] for target in FEASIBLE]
    before = set(COMPOUND.keys(np.concatenate(asked[:2])))
    new = [row.tolist() for row in winners if COMPOUND.keys(row[None])[0] not in before]
    assert len(new) > 1
    assert all(row in asked[2].tolist() for row in new)
    assert len(asked[2]) == 3


@pytest.mark.parametrize("rounds", [None, 0])
def test_with_errors_the_highest_mean_of_the_model_wins_and_not_the_luckiest_measurement(rounds):
    models, problem = Models(), noisy(noise=2.0, measurement_seed=5)
    results, asked = search(surrogate(60, model=models, rounds=rounds), problem)
    rows = np.concatenate(asked)
    measured = problem.measure(SMALL.predictor.accuracy(rows), rows, np.zeros(60, np.int64))
    mean, cost = models.made[-1].accuracy(rows), SMALL.cost.cost(rows)
    assert len(models.given[-1][0]) == (60 if rounds is None else 57)
    lucky = []
    for result in (result for result in results if result.feasible):
        within = np.where(cost <= result.target, mean, -1)
        assert COMPOUND.keys(result.genes[None]) == COMPOUND.keys(rows[within.argmax()][None])
        assert result.accuracy == pytest.approx(within.max(), abs=1e-12)
        lucky.append(np.where(cost <= result.target, measured, -1).argmax() != within.argmax())
    assert any(lucky)


@pytest.mark.parametrize("problem", [SMALL, noisy(noise=0)])
def test_exact_measurements_are_the_accuracies_of_results(problem):
    results, asked = search(surrogate(), problem)
    rows = np.concatenate(asked)
    accuracy, cost = SMALL.predictor.accuracy(rows), SMALL.cost.cost(rows)
    for result in (result for result in results if result.feasible):
        assert result.accuracy == SMALL.predictor.accuracy(result.genes[None])[0]
        assert result.accuracy == accuracy[cost <= result.target].max()


def choose(model, rows, meets, size, first, worth=None):
    return choose_batch(model, EVERY[rows], np.array(meets, bool), size, first, worth).tolist()


def test_targets_choose_in_turn_each_its_best_that_is_left():
    mean = np.zeros(len(EVERY))
    mean[:4] = (0.5, 0.8, 0.7, 0.6)
    model, meets = Known(mean, 0 * mean), [[1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]]
    assert choose(model, range(4), meets, 4, 0) == [3, 1, 2, 0]
    assert choose(model, range(4), meets, 3, 1) == [1, 2, 3]
    assert choose(model, range(4), meets, 9, 2) == [1, 3, 0, 2]  # the others have none left
    assert choose(model, range(4), [[0, 0, 0, 0], [1, 0, 0, 0]], 9, 0) == [0]


def test_what_is_chosen_counts_as_measured():
    """Two that teach the same are not both chosen; with no covariance, or by the mean, they are."""

    class Correlated(Known):
        noise = 0.01

        def covariance(self, genes):
            alike = np.eye(len(EVERY))
            alike[0, 1] = alike[1, 0] = 0.99
            places = self._places(genes)
            return (alike * np.outer(self.deviation, self.deviation))[np.ix_(places, places)]

    mean, deviation = np.zeros(len(EVERY)), np.full(len(EVERY), 0.1)
    mean[:3], meets = (0.50, 0.49, 0.47), [[1, 1, 1]]

    def worth(mean, deviation, _):
        return mean + 2 * deviation

    assert choose(Correlated(mean, deviation), range(3), meets, 3, 0, worth) == [0, 2, 1]
    assert choose(Known(mean, deviation), range(3), meets, 3, 0, worth) == [0, 1, 2]
    assert choose(Correlated(mean, deviation), range(3), meets, 3, 0) == [0, 1, 2]


def test_nothing_is_measured_twice():
    for seed in range(3):
        _, asked = search(surrogate(60, batch=7), seed=seed)
        assert distinct(asked) == sum(map(len, asked)) == 60


def test_the_search_goes_on_where_all_that_the_inner_strategy_reported_is_measured(monkeypatch):
    """By what the inner strategy reports beyond it; only where there is nothing, by random architectures."""

    class Ordered(Strategy):
        """Reports the ``keep`` first architectures, of 30."""

        def search(self, problem, targets, budget, rng):
            others = tuple(Alternative(row, 0.5, 1.0) for row in EVERY[1 : min(problem.keep, 30)])
            for i, target in enumerate(targets):
                yield i, SearchResult(target, True, EVERY[0], 0.5, 1.0, alternatives=others)

    def places(evaluations):
        _, asked = search(surrogate(evaluations, Ordered(), initial=1, batch=4), targets=(45.0,))
        assert distinct(asked) == evaluations
        return [EVERY.tolist().index(row) for row in np.concatenate(asked).tolist()]

    monkeypatch.setattr(module, "KEPT", 4)
    assert set(places(20)[2:]) < set(range(30))  # behind the cheapest and a random one
    assert set(places(40)) > set(range(30))


def test_every_architecture_of_a_small_space_is_measured():
    part = hold(COMPOUND, {"r": [160]})
    problem, size = Problem(part, ToyPredictor(part), latency_table(part, "note10")), len(EVERY) // 5
    _, asked = search(surrogate(size, Exhaustive(), batch=40), problem, (problem.cost.maximum,))
    assert distinct(asked, part) == sum(map(len, asked)) == size


def test_expected_improvement_orders_the_candidates():
    """The first candidate has the highest quantile, the second the highest expected improvement over the best."""
    mean, deviation = np.full(len(EVERY), 0.5), np.zeros(len(EVERY))
    mean[[7, 8]], deviation[[7, 8]] = (0.80, 0.90), (0.3, 0.15)

    class Candidates(Strategy):
        def search(self, problem, targets, budget, rng):
            others = (Alternative(EVERY[8], 0.5, 1.0),)
            for i, target in enumerate(targets):
                yield i, SearchResult(target, True, EVERY[7], 0.5, 1.0, alternatives=others)

    def model(*_, name):
        return Known(mean, deviation)

    measured = {}
    for acquisition in ("optimistic", "expected_improvement"):
        strategy = surrogate(6, Candidates(), model, initial=3, batch=1, acquisition=acquisition)
        measured[acquisition] = search(strategy)[1][2].tolist()
    assert measured == {"optimistic": [EVERY[7].tolist()], "expected_improvement": [EVERY[8].tolist()]}


@pytest.mark.parametrize(("mean", "deviation"), [(0.7, 0.02), (0.7, 0.2), (0.76, 0.01), (0.75, 0.05)])
def test_expected_improvement_is_an_integral(mean, deviation):
    model = Known(np.full(len(EVERY), mean), np.full(len(EVERY), deviation))
    exact, _ = quad(lambda x: (x - 0.75) * norm.pdf(x, mean, deviation), 0.75, mean + 0.05 + 12 * deviation)
    assert expected_improvement(model.accuracy(EVERY[:3]), model.uncertainty(EVERY[:3]), 0.75) == pytest.approx(
        [exact] * 3, rel=1e-6, abs=1e-12
    )


def test_without_uncertainty_the_improvement_is_that_of_the_mean():
    model = Known(np.linspace(0.5, 0.9, len(EVERY)), np.zeros(len(EVERY)))
    gain = model.accuracy(EVERY) - 0.75
    assert expected_improvement(model.mean, model.deviation, 0.75) == pytest.approx(gain.clip(min=0), abs=1e-12)


def test_an_optimistic_quantile_is_above_the_mean_and_has_its_gradient():
    model = Known(np.linspace(0.5, 0.9, len(EVERY)), np.linspace(0, 0.1, len(EVERY)))
    guide = Optimistic(model, 2.5)
    assert guide.accuracy(EVERY) == pytest.approx(model.mean + 2.5 * model.deviation)
    assert guide.linearised(EVERY[:2], EVERY[:6].reshape(2, 3, -1)).tolist() == [[7, 7, 7], [7, 7, 7]]


@pytest.mark.parametrize("acquisition", ["optimistic", "expected_improvement"])
def test_a_model_without_uncertainty_has_only_a_mean(acquisition):
    message = r"^strategy\.acquisition: strategy\.model does not know its uncertainty; choose mean$"
    with pytest.raises(InputError, match=message):
        search(surrogate(model=Unsure, acquisition=acquisition))
    results, _ = search(surrogate(model=Unsure, acquisition="mean"))
    assert total(results, "evaluations") == 47


@pytest.mark.parametrize("noise", [None, 0.0])
@pytest.mark.parametrize("rounds", [None, 0])
def test_nothing_is_learned_from_equal_measurements(noise, rounds):
    equal = Problem(COMPOUND, Additive(COMPOUND, [np.zeros(9)] * COMPOUND.n_genes), SMALL.cost)
    models = Models()
    results, asked = search(surrogate(model=models, rounds=rounds), equal if noise is None else noisy(equal, noise))
    assert sum(map(len, asked)) == distinct(asked) == 47
    assert not models.given
    assert {result.accuracy for result in results if result.feasible} == {0.0}


def test_a_space_smaller_than_the_budget_is_measured_wholly():
    worth = {"a": [0.0, 0.25, 0.5], "b": [0.25, 0.0, 0.5]}
    tiny = tiny_problem(worth, {"a": [1, 2, 3], "b": [1, 2, 3]})
    results, asked = search(surrogate(50, initial=4, batch=3), tiny, (3.0, 6.0))
    assert distinct(asked, tiny.space) == sum(map(len, asked)) == 9
    assert [result.accuracy for result in results] == [0.5, 1.0]  # an accuracy of 1 is a measurement as any other
    single = tiny_problem({"a": [0.5]}, {"a": [1]})
    assert search(surrogate(50), single, (3.0,))[0][0].accuracy == 0.5


def test_a_listed_space_has_only_its_own_architectures():
    space = AccelNASBenchSpace()
    listed = Problem(space, table_predictor(space), latency_table(space, "zcu102"))
    target = float(np.quantile(listed.cost.cost(listed.space.rows), 0.4))
    found, drawn = [], []
    for seed in range(3):
        results, asked = search(surrogate(100), listed, (target,), seed)
        assert distinct(asked, space) == sum(map(len, asked)) == 100
        assert listed.space.contains(np.concatenate(asked)).all()
        found.append(results[0].accuracy)
        drawn.append(search(RandomSearch(20, evaluations=100), listed, (target,), seed)[0][0].accuracy)
    assert np.mean(found) > np.mean(drawn) + 0.004


def test_a_part_of_a_space_has_only_its_own_choices():
    part = hold(SPACE, {"r": [160, 192]})
    problem = Problem(part, ToyPredictor(part), latency_table(part, "note10"))
    results, asked = search(surrogate(), problem, (25.0,))
    assert distinct(asked, part) == 47
    assert part.contains(np.concatenate(asked)).all()
    assert results[0].cost <= 25


def test_real_noise_of_trainings():
    space = NASBenchMacroSpace()
    each = Problem(space, table_predictor(space, run="each"), latency_table(space, "macs"))
    low, high = each.cost.minimum, each.cost.maximum
    targets = [low + share * (high - low) for share in (0.2, 0.4)]
    results, _ = search(surrogate(120, initial=40, batch=20), each, targets)
    every = np.concatenate(list(architectures(space, 10_000)))
    truth, cost = each.predictor.accuracy(every), each.cost.cost(every)
    best = [truth[cost <= target].max() for target in targets]
    found = [each.predictor.accuracy(result.genes[None])[0] for result in results]
    assert (np.array(best) - found).max() < 0.01
    assert any(result.accuracy != one for result, one in zip(results, found, strict=True))


def found(repeats):
    return [
        [(r.target, r.genes.tobytes(), r.accuracy, str(r.counts), r.curve, str(r.alternatives)) for r in one.results]
        for one in repeats
    ]


def test_forks_threads_and_lockstep_find_the_same():
    problem = noisy(TOY)
    base = {"problem": problem, "strategy": surrogate(40), "targets": (25.0, 40.0), "budget": Budget(1000, 5)}
    several = [
        found(run_repeats(Cell(**base, seed=0, repeats=2, threads=threads, lockstep=lockstep), lambda *_: None))
        for threads, lockstep in ((1, True), (2, True), (1, False), (2, False))
    ]
    assert several[0] == several[1] == several[2] == several[3]
    assert several[0][0] != several[0][1]
    assert base["strategy"].fork_safe


def test_it_is_fork_safe_as_its_parts_are():
    assert not surrogate(inner=Spy(Joint())).fork_safe
    assert not surrogate(model=Models()).fork_safe
    assert not surrogate(model=Unsure).fork_safe  # does not declare it


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_better_than_others_at_equal_measurements(noise):
    problem, targets = noisy(TOY, noise), (20.0, 30.0, 45.0)
    strategies = {
        "random": RandomSearch(20, evaluations=100),
        "joint": Joint(evaluations=100),
        "nsga2": NSGA2(20, evaluations=100),
        "surrogate": surrogate(100, initial=40, batch=20, inner_evaluations=400),
    }
    means = {}
    for name, strategy in strategies.items():
        runs = [search(strategy, problem, targets, seed)[0] for seed in range(3)]
        assert {total(results, "measurements") for results in runs} == {100}
        means[name] = np.mean([TOY.predictor.accuracy(np.array([r.genes for r in results])) for results in runs])
    assert means["surrogate"] > 0.008 + max(means[name] for name in ("random", "joint", "nsga2"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"evaluations": 0}, "strategy.evaluations=0: must be a whole number of 1 or more"),
        ({"initial": 0}, "strategy.initial=0: must be a whole number of 1 or more"),
        ({"batch": 0}, "strategy.batch=0: must be a whole number of 1 or more"),
        ({"rounds": -1}, "strategy.rounds=-1: must be a whole number of 0 or more"),
        ({"acquisition": "meen"}, "strategy.acquisition=meen: must be mean, optimistic or expected_improvement; did"),
        ({"optimism": -1}, "strategy.optimism=-1: must be a number of 0 or more"),
        ({"again": 1}, "strategy.again=1: must be true or false"),
        ({"inner_evaluations": 0}, "strategy.inner_evaluations=0: must be a whole number of 1 or more"),
        ({"inner": "joint"}, "strategy.inner: must be the config of a strategy, as in conf/strategy/surrogate.yaml"),
        ({"model": 3}, "strategy.model: must be the config of a model, as in conf/model/process.yaml"),
    ],
)
def test_bad_parameters_are_refused(given, message):
    with pytest.raises(InputError) as raised:
        surrogate(**given)
    assert str(raised.value).startswith(message)
