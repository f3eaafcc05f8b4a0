"""Arrays of architectures given to public functions: a wrong shape, type or range is refused."""

import re

import numpy as np
import pytest

from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, latency_table
from ofa_bench.search import Archive, Evolution, Problem, prune
from ofa_bench.search.kernels import Kernels
from ofa_bench.search.memo import PackedMemo
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, check_genes
from ofa_bench.strategies import Budget, Chain
from ofa_bench.testing import check_cost, check_predictor, check_space

SPACE = MobileNetV3Space()
PART = CompoundSpace()
PROBLEM = Problem(SPACE, embedded_predictor(SPACE), latency_table(SPACE, "note10"))
GENES = SPACE.sample(5, np.random.default_rng(0))
ROW = GENES[0]

WITH_ROWS = {
    "accuracy": PROBLEM.predictor.accuracy,
    "features": PROBLEM.predictor.features,
    "cost": PROBLEM.cost.cost,
    "canonical": SPACE.canonical,
    "active": SPACE.active,
    "keys": SPACE.keys,
    "mutate": lambda genes: SPACE.mutate(genes, 0.1, np.random.default_rng(0)),
    "crossover": lambda genes: SPACE.crossover(genes, genes, np.random.default_rng(0)),
    "linearised": lambda genes: PROBLEM.predictor.linearised(genes, np.asarray(genes)[:, None]),
    "evaluator.accuracy": PROBLEM.evaluator().accuracy,
    "evaluator.cost": PROBLEM.evaluator().cost,
    "single_gains": PROBLEM.predictor.single_gains,
    "evaluator.single_gains": PROBLEM.evaluator().single_gains,
    "evaluator.single_costs": PROBLEM.evaluator().single_costs,
    "archive": lambda genes: Archive(PROBLEM.evaluator(), [20.0]).add(genes, np.ones(5), np.ones(5), 0),
    "warm start": lambda genes: list(
        Chain(Evolution(), "ascending", previous=genes).coroutines(
            PROBLEM, [20.0], Budget(1, 1), np.random.default_rng(0)
        )
    ),
    "start": lambda genes: Evolution().search(PROBLEM.evaluator(), 90.0, 1, np.random.default_rng(0), genes),
}
TRUSTING = ("mutate", "crossover", "archive")  # of these, what comes out is checked where it is used


@pytest.mark.parametrize("door", WITH_ROWS)
def test_one_row_without_its_axis_and_other_types_are_refused(door):
    method = WITH_ROWS[door]
    for wrong in (ROW, GENES[:, 1:], GENES[None], GENES.astype(float), GENES.astype(bool)):
        with pytest.raises((ValueError, IndexError)) as caught:
            method(wrong)
        assert re.search(r"int8 \[|changed must be|too many indices|cannot start from", str(caught.value))


@pytest.mark.parametrize("door", [door for door in WITH_ROWS if door not in TRUSTING])
def test_positions_out_of_range_are_refused(door):
    for value in (3, -1, 127):
        wrong = GENES.copy()
        wrong[3, SPACE.index["k7"]] = value
        with pytest.raises(ValueError, match=rf"mbv3.*gene k7 is {value} in row 3|cannot start from"):
            WITH_ROWS[door](wrong)


def test_the_message_says_what_to_give():
    with pytest.raises(ValueError, match=r"must be int8 \[n, 46\], not int8 \[46\]; of one row, give row\[None\]"):
        PROBLEM.predictor.accuracy(ROW)
    with pytest.raises(ValueError, match=r"int8 \[n, 46\], not float64 \[5, 46\]"):
        PROBLEM.cost.cost(GENES.astype(float))


def test_integers_of_another_type_are_converted_or_refused():
    for kind in (np.int64, np.uint8, np.int16):
        other = GENES.astype(kind)
        assert check_genes(SPACE, other).dtype == np.int8
        assert (PROBLEM.predictor.accuracy(other) == PROBLEM.predictor.accuracy(GENES)).all()
        assert (PROBLEM.cost.cost(other) == PROBLEM.cost.cost(GENES)).all()
        assert SPACE.contains(other).all()
    large = GENES.astype(np.int64)
    large[0, 0] = 256  # 0 as int8
    with pytest.raises(ValueError, match="gene r is 256 in row 0"):
        PROBLEM.predictor.accuracy(large)
    assert not SPACE.contains(large)[0]
    assert PROBLEM.predictor.accuracy(GENES.tolist()).shape == (5,)


def test_methods_of_one_row_refuse_several():
    for method in (SPACE.to_ofa, SPACE.values):
        for wrong in (GENES, ROW[1:], ROW.astype(float), ROW + np.int8(5), ROW - np.int8(9)):
            with pytest.raises(ValueError, match="not all architectures of space mbv3"):
                method(wrong)
        assert method(ROW) == method(ROW.astype(np.int64))
    with pytest.raises(ValueError, match=r"int8 \[46\], not int8 \[5, 46\]"):
        prune(PROBLEM.evaluator(), GENES, 20.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"int8 \[6\], not int8 \[5, 6\]"):
        PART.to_ofa(PART.sample(5, np.random.default_rng(0)))


def test_a_part_refuses_rows_of_the_whole():
    predictor = embedded_predictor(PART)
    for method in (PART.to_parent, predictor.accuracy):
        with pytest.raises(ValueError, match=r"space compofa: genes must be int8 \[n, 6\], not int8 \[5, 46\]"):
            method(GENES)


def test_what_has_rows_of_no_kind_is_refused_by_contains():
    for wrong in (ROW, GENES[None], GENES.astype(float)):
        with pytest.raises(ValueError, match=r"must be int8 \[n, 46\]"):
            SPACE.contains(wrong)


def test_changed_forms_must_be_of_the_architectures():
    with pytest.raises(ValueError, match="3 given for 5 architectures"):
        PROBLEM.predictor.linearised(GENES, GENES[:3, None])


def test_compiled_loops_take_no_place_outside_their_tables():
    kernels = Kernels.of(SPACE, PROBLEM.cost)
    if kernels is None:
        pytest.skip("no compiler")
    rng = np.random.default_rng(0)
    for parents in (GENES + np.int8(9), ROW, GENES[:0]):
        with pytest.raises(ValueError, match=r"architectures of space mbv3|0 parents cannot"):
            kernels.offspring(rng, parents, 0.1, 30.0, 1, 5, 10)
    memo = PackedMemo(kernels)
    for wrong in (GENES + np.int8(9), GENES - np.int8(9), ROW):
        with pytest.raises(ValueError, match="not all architectures of space mbv3"):
            memo.find(wrong)
    places, new = memo.find(GENES)
    assert (places.tolist(), new.tolist()) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    with pytest.raises(ValueError, match="11 of them mutants"):
        kernels.offspring(rng, GENES, 0.1, 30.0, 1, 11, 10)


def test_contracts_want_it_of_others_too():
    class Loose(AccuracyPredictor):
        """Returns an accuracy for anything."""

        name, sha256, row_wise = "loose", "0" * 64, True

        def accuracy(self, genes):
            return 0.5 + SPACE.canonical(np.atleast_2d(genes)).mean(axis=1) / 10 * np.ones(np.asarray(genes).shape[:1])

    with pytest.raises(AssertionError, match=r"accuracy takes int8 \[46\]; ofa_bench.spaces.check_genes"):
        check_predictor(Loose(), SPACE)

    class LooseSpace(MobileNetV3Space):
        def to_ofa(self, row):
            return super().to_ofa(row if np.ndim(row) == 1 else row[0])

    with pytest.raises(AssertionError, match=r"to_ofa takes int8 \[2, 46\]"):
        check_space(LooseSpace())
    check_cost(PROBLEM.cost, SPACE)


def test_a_gene_is_named_by_its_name_and_valued_by_a_number():
    for wrong in ("3", True, None, [3], 4, np.nan):
        with pytest.raises(ValueError, match=r"k0=.* is not one of \[3, 5, 7\]"):
            SPACE.position("k0", wrong)
    assert [SPACE.position("k0", value) for value in (5, 5.0, np.int64(5), np.float32(5))] == [1] * 4
    with pytest.raises(ValueError, match="there is no gene k20; did you mean 'k2'"):
        SPACE.row({**SPACE.values(ROW), "k20": 3})
    with pytest.raises(ValueError, match="there is no gene kk"):
        SPACE.position("kk", 3)
