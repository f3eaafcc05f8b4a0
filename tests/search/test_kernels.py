import pickle
from functools import partial

import numpy as np
import pytest

from ofa_bench.devices.cost import Term
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.search import Evolution, Problem, kernels, repair
from ofa_bench.search.children import Draw
from ofa_bench.search.kernels import Kernels
from ofa_bench.search.memo import KeyedMemo, PackedMemo
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.spaces.enumeration import single_changes
from ofa_bench.testing import ToyPredictor

CASES = [("mbv3", "note10"), ("mbv3", "macs"), ("compofa", "note10"), ("resnet50d", "cpu_onnx"), ("proxyless", "macs")]

needs_compiler = pytest.mark.skipif(kernels._library() is None, reason="no C compiler")


def problem(space_name, device, compiled):
    space = load_space(space_name)
    made = Problem(space, ToyPredictor(space), latency_table(space, device))
    if not compiled:
        vars(made)["kernels"] = None
    return made


def targets(cost):
    return [cost.minimum + share * (cost.maximum - cost.minimum) for share in (0.005, 0.1, 0.4, 0.9)]


@needs_compiler
@pytest.mark.parametrize(("space_name", "device"), CASES)
def test_costs_are_numpys_to_the_bit(space_name, device):
    made = problem(space_name, device, True)
    rows = made.space.sample(5000, np.random.default_rng(0))
    costs = np.empty(len(rows))
    made.kernels.loops.costs(made.kernels._at, rows.ctypes.data, len(rows), costs.ctypes.data)
    assert (costs == made.cost.cost(rows)).all()


@needs_compiler
@pytest.mark.parametrize(
    ("mutation_ratio", "space_name", "device"),
    [*((0.3, *case) for case in CASES), (0.0, "mbv3", "note10"), (1.0, "mbv3", "note10")],
)
def test_children_are_numpys(mutation_ratio, space_name, device):
    evolution = Evolution(population_size=61, mutation_ratio=mutation_ratio)

    def children(compiled):
        made = problem(space_name, device, compiled)
        rng, evaluator, several = np.random.default_rng(1), made.evaluator(), []
        for n_parents, target in zip((1, 2, 15, 200), targets(made.cost), strict=True):
            parents = repair.valid_samples(evaluator, target, n_parents, rng)
            several.append(evolution._children(evaluator, parents, target, rng))
        return np.concatenate(several), evaluator.counts, rng.random()

    compiled, numpys = children(True), children(False)
    assert (compiled[0] == numpys[0]).all()
    assert compiled[1:] == numpys[1:]  # the counts, and where the random stream stands


@needs_compiler
@pytest.mark.parametrize(("space_name", "device"), CASES)
def test_searches_are_numpys(space_name, device):
    def found(compiled):
        made = problem(space_name, device, compiled)
        search = partial(Evolution(population_size=30).search, made.evaluator(), generations=25)
        results = [search(target=target, rng=np.random.default_rng(2)) for target in targets(made.cost)]
        return [(r.genes.tobytes(), r.accuracy, r.cost, vars(r.counts), r.curve) for r in results]

    assert found(True) == found(False)


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_compiler), False])
def test_children_that_never_meet_the_target_are_parents(compiled, monkeypatch):
    monkeypatch.setattr(repair, "MAX_REDRAWS", 7)
    made = problem("mbv3", "note10", compiled)
    parents, evaluator = made.space.sample(5, np.random.default_rng(3)), made.evaluator()
    children = Evolution(population_size=20)._children(evaluator, parents, 0.0, np.random.default_rng(4))
    assert {row.tobytes() for row in children} <= {row.tobytes() for row in parents}
    assert evaluator.counts.proposals == evaluator.counts.cost_lookups == 7 * 20


def draw(made, n, tries, most, rng):
    """Draw what children are drawn by: gains of few values, so that scores are often equal."""
    parents, (gene, choice) = made.space.sample(n, rng), single_changes(made.space)
    gain = rng.integers(-3, 4, (n, len(gene))).astype(np.float32)
    gain[parents[:, gene] == choice] = -np.inf
    saving, noise = rng.integers(-2, 3, gain.shape).astype(np.float32), rng.integers(0, 2, n).astype(np.float32)
    target = made.cost.cost(parents) * rng.uniform(0.9, 1.2, n)
    price, wanted = rng.random((n, tries)).astype(np.float32), rng.integers(1, most + 1, (n, tries))
    return Draw(parents, target, gain, saving, noise, price, wanted, rng.integers(0, 3, (n, tries)).astype(float))


@needs_compiler
@pytest.mark.parametrize(("tries", "most"), [(10, 6), (1, 1), (40, 30)])
@pytest.mark.parametrize(("space_name", "device"), CASES)
def test_children_of_changes_are_numpys(space_name, device, tries, most):
    def children(compiled):
        made, rng = problem(space_name, device, compiled), np.random.default_rng(3)
        evaluator, several = made.evaluator(), []
        for n in (1, 30, 0, 200, 30):
            rows, of = evaluator.children(draw(made, n, tries, most, rng), rng)
            assert (made.space.canonical(rows) == rows).all()
            evaluator.accuracy(rows[::2])  # some are known from now on
            several += [*rows.tolist(), of.tolist()]
        return several, evaluator.counts, rng.random()

    (ours, counts, at), numpys = children(True), children(False)
    assert (ours, counts, at) == numpys
    assert len(ours) > (100 if tries > 1 else 20)


@needs_compiler
def test_children_that_are_drawn_leave_a_memo_as_it_was():
    made, rng = problem("resnet50d", "macs", True), np.random.default_rng(0)
    evaluator = made.evaluator()
    rows = made.space.sample(1800, rng)  # there is room for more
    evaluator.accuracy(rows)
    memo = evaluator._memo
    before = len(memo), memo._slots.copy()
    for _ in range(20):
        evaluator.children(draw(made, 50, 5, 3, rng), rng)
        evaluator.unseen(made.space.sample(30, rng))
    assert (len(memo), memo._slots.tobytes()) == (before[0], before[1].tobytes())
    assert len(evaluator.unseen(rows)) == 0


@needs_compiler
@pytest.mark.parametrize(("space_name", "device"), CASES)
def test_costs_of_single_changes_are_numpys(space_name, device):
    costs = []
    for compiled in (True, False):
        made = problem(space_name, device, compiled)
        evaluator = made.evaluator()
        costs.append(evaluator.single_costs(made.space.sample(50, np.random.default_rng(0))))
        assert evaluator.counts.cost_lookups == costs[-1].size == 50 * made.space.cardinality.sum()
    assert (costs[0] == costs[1]).all()


@needs_compiler
@pytest.mark.parametrize(
    "space_name", ["mbv3", "mbv3_w1.0", "compofa", "resnet50d", "proxyless", "nasbench_macro", "accel_nasbench"]
)
def test_memos_agree(space_name):
    made = problem(space_name, "macs", True)
    packed, keyed = PackedMemo(made.kernels), KeyedMemo(made.space)
    rng, few = np.random.default_rng(5), made.space.sample(40, np.random.default_rng(6))
    for size in (1, 700, 3, 2500, 0, 100):  # the packed one grows several times
        rows = np.concatenate([made.space.sample(size, rng), few])
        rows = np.where(made.space.active(rows), rows, made.space.sample(len(rows), rng))
        places, new = packed.find(rows)
        assert all((a == b).all() for a, b in zip((places, new), keyed.find(rows), strict=True))
        values = rng.random(len(new))
        packed.store(values)
        keyed.store(values)
        assert (packed.at(places) == keyed.at(places)).all()


def test_numpy_serves_where_operators_or_costs_are_not_the_packages():
    class Own(MobileNetV3Space):
        def mutate(self, parents, prob, rng):
            return parents

    class Doubled(CostTable):
        def cost(self, genes):
            return 2 * super().cost(genes)

    space, own = MobileNetV3Space(), Own()
    table = latency_table(space, "note10")
    doubled = latency_table(space, "note10")
    doubled.__class__ = Doubled
    assert Kernels.of(own, table) is None
    assert Kernels.of(space, doubled) is None
    assert Kernels.of(load_space("compofa"), table) is None  # another space's table
    result = Evolution().search(Problem(own, ToyPredictor(own), table).evaluator(), 30.0, 3, np.random.default_rng(0))
    assert result.feasible


@needs_compiler
def test_kernels_are_made_anew_in_another_process():
    made = problem("mbv3", "note10", True)
    assert made.kernels is not None
    again = pickle.loads(pickle.dumps(made))
    assert again.kernels is not made.kernels
    assert again.kernels.n_words == 2


@needs_compiler
@pytest.mark.parametrize("dtype", [np.int64, np.int16])
def test_rows_of_another_type_are_the_same_rows(dtype):
    made = problem("mbv3", "note10", True)
    rows = made.space.sample(50, np.random.default_rng(7))
    accuracy = made.evaluator().accuracy(rows)
    assert (made.evaluator().accuracy(rows.astype(dtype)) == accuracy).all()
    assert (made.evaluator().accuracy(np.asfortranarray(rows)) == accuracy).all()
    start = repair.valid_samples(made.evaluator(), 30.0, 10, np.random.default_rng(8))
    found = [
        Evolution(population_size=20).search(made.evaluator(), 30.0, 5, np.random.default_rng(9), given)
        for given in (start, start.astype(dtype))
    ]
    assert (found[0].genes == found[1].genes).all()


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_compiler), False])
def test_what_is_no_architecture_is_refused(compiled):
    made = problem("mbv3", "note10", compiled)
    rows = made.space.sample(3, np.random.default_rng(7))
    for wrong in (rows + made.space.cardinality, rows - 9, rows[:, 1:], rows[0]):
        with pytest.raises(ValueError, match="not all architectures of space mbv3"):
            made.evaluator().accuracy(wrong)
    with pytest.raises(ValueError, match="cannot start from architectures outside space mbv3"):
        Evolution().search(made.evaluator(), 30.0, 5, np.random.default_rng(9), rows + np.int8(5))


@needs_compiler
def test_a_table_of_other_floats_is_looked_up_right():
    space = MobileNetV3Space()
    rng = np.random.default_rng(0)
    terms = [Term(((gene.name,),), rng.random(len(gene.choices)).astype(np.float32)) for gene in space.genes]
    table = CostTable(space, terms, name="float32", unit="ms", sha256="", card={})
    made = Kernels.of(space, table)  # adds in float64, so it may disagree with NumPy's float32 and be None
    rows, costs = space.sample(100, rng), np.empty(100)
    if made:
        made.loops.costs(made._at, rows.ctypes.data, 100, costs.ctypes.data)
        assert (costs == table.cost(rows)).all()


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_compiler), False])
def test_an_evaluator_survives_a_predictor_that_fails(compiled):
    made, answers = problem("mbv3", "note10", compiled), []

    class Failing(ToyPredictor):
        def accuracy(self, genes):
            if not answers:
                raise OSError("not now")
            return answers.pop()(genes)

    failing = Problem(made.space, Failing(made.space), made.cost)
    vars(failing)["kernels"] = made.kernels
    evaluator, rows = failing.evaluator(), made.space.sample(40, np.random.default_rng(1))
    right = made.predictor.accuracy
    answers.append(right)
    evaluator.accuracy(rows[:10])
    with pytest.raises(OSError, match="not now"):
        evaluator.accuracy(rows)
    for wrong in (lambda genes: right(genes)[1:], lambda genes: np.nan * right(genes)):
        answers.append(wrong)
        with pytest.raises(ValueError, match="predictor toy gave"):
            evaluator.accuracy(rows)
    answers.append(right)
    assert (evaluator.accuracy(rows) == right(rows)).all()
    assert evaluator.counts.unique_evaluations == 40
