"""Known accuracies as a predictor, one run of them, and what is fitted to a sample."""

import csv
import lzma

import numpy as np
import pytest
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits
from tiny import TinySpace

from ofa_bench.data import ENDINGS
from ofa_bench.data import FOLDER as DATA
from ofa_bench.errors import InputError
from ofa_bench.predictors import ProcessPredictor, TablePredictor, measured_predictor, table_predictor, table_sources
from ofa_bench.spaces import Gene, MobileNetV3Space, NASBenchMacroSpace, hold
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.testing import check_predictor

SPACE = NASBenchMacroSpace()
[ROWS] = architectures(SPACE, 10_000)
NESTED = TinySpace(
    [Gene("d", (1, 2), "d"), Gene("a", (3, 5, 7), "a"), Gene("b", (3, 5, 7), "b", "d", 1), Gene("c", (1, 2, 3), "c")]
)
"""A space where one gene is not always active: 3 * 3 + 3 * 3 * 3 = 36 architectures."""


def published():
    """Return the accuracies by code, percent: three runs."""
    path = DATA / "measured" / f"nasbench_macro{ENDINGS['measured']}"
    rows = csv.reader(lzma.decompress(path.read_bytes()).decode().splitlines()[1:])
    return {code: [float(one) for one in runs] for code, *runs in rows}


@pytest.mark.parametrize(("run", "columns"), [(None, [0, 1, 2]), (1, [0]), (3, [2]), ((2, 3), [1, 2])])
def test_accuracies_are_those_of_the_runs(run, columns):
    known = published()
    wanted = [np.mean([known["".join(map(str, row))][i] for i in columns]) / 100 for row in ROWS.tolist()]
    predictor = table_predictor(SPACE, run=run)
    assert predictor.accuracy(ROWS) == pytest.approx(np.array(wanted), abs=1e-12)
    assert predictor.sources == tuple(f"nasbench_macro_run{1 + i}" for i in columns)
    assert predictor.known_genes is None


def test_the_best_network_is_the_published_one():
    table = table_predictor(SPACE)
    best = ROWS[table.accuracy(ROWS).argmax()]
    assert SPACE.to_ofa(best)["layers"] == [2, 2, 2, 1, 2, 2, 2, 0]
    assert 100 * table.accuracy(best[None])[0] == pytest.approx(93.1267, abs=1e-4)


def test_the_best_of_a_run_is_overrated_by_it():
    """On average, it shows 93.37 %, and the mean of the other two runs is 92.94 %."""
    shown, others = [], []
    for run in (1, 2, 3):
        accuracy = table_predictor(SPACE, run=run).accuracy(ROWS)
        winner = ROWS[accuracy.argmax()][None]
        shown.append(100 * accuracy.max())
        others.append(100 * table_predictor(SPACE, run=[one for one in (1, 2, 3) if one != run]).accuracy(winner)[0])
    assert np.mean(shown) == pytest.approx(93.373, abs=0.001)
    assert np.mean(others) == pytest.approx(92.942, abs=0.001)


@pytest.mark.parametrize("given", [{}, {"run": 1}, {"labels": 100}, {"labels": 1000, "run": 2, "seed": 5}])
def test_contract(given):
    check_predictor(table_predictor(SPACE, **given), SPACE)


def test_each_run_sample_and_seed_has_its_own_hash_and_name():
    given = [{}, {"run": 1}, {"run": 2}, {"labels": 100}, {"labels": 200}, {"labels": 100, "seed": 1}]
    given.append({"labels": 100, "run": 1})
    made = [table_predictor(SPACE, **one) for one in given]
    assert len({one.sha256 for one in made}) == len({one.name for one in made}) == len(given)
    assert [one.sha256 for one in made] == [table_predictor(SPACE, **one).sha256 for one in given]


def test_a_fitted_predictor_names_the_table_that_it_is_fitted_to_and_its_runs():
    table = table_predictor(SPACE, run=2)
    assert table_predictor(SPACE, run=2, labels=50).sources == (table.sha256, "nasbench_macro_run2")
    assert table_predictor(SPACE, labels=50).sources[1:] == table_sources(SPACE)


@pytest.mark.parametrize(
    ("labels", "rmse", "rank", "rank_of_best"),
    [(100, 1.3, 0.94, 0.25), (300, 0.8, 0.975, 0.2), (1000, 0.45, 0.99, 0.55)],
)
def test_a_sample_predicts_the_rest(labels, rmse, rank, rank_of_best):
    """Errors in points, and rank correlations, of the networks that were not drawn; and of the best tenth."""
    truth = table_predictor(SPACE).accuracy(ROWS)
    for seed in (0, 1):
        predictor = table_predictor(SPACE, labels=labels, seed=seed)
        found, off = predictor.accuracy(ROWS), predictor.uncertainty(ROWS)
        best = truth > np.quantile(truth, 0.9)
        assert 100 * np.sqrt(((found - truth) ** 2).mean()) < rmse
        assert spearmanr(found, truth).statistic > rank
        assert spearmanr(found[best], truth[best]).statistic > rank_of_best
        inside = [float((np.abs(found - truth) < factor * off).mean()) for factor in (1, 2)]
        assert 0.6 < inside[0] < 0.9
        assert 0.9 < inside[1] < 0.99


def test_labels_are_drawn_from_all_networks():
    """Only the drawn ones are nearly as labelled; with other seeds, they are others."""
    truth = table_predictor(SPACE).accuracy(ROWS)
    near = [np.abs(table_predictor(SPACE, labels=300, seed=s).accuracy(ROWS) - truth) < 5e-4 for s in (0, 1)]
    assert 300 < near[0].sum() < 3000
    assert (near[0] & near[1]).sum() < 0.6 * near[0].sum()


def test_effects_of_single_changes_are_exact_also_of_a_gene_that_owns_another():
    rng = np.random.default_rng(0)
    [rows] = architectures(NESTED, 100)
    accuracy = 0.6 + 0.3 * rng.random(len(rows))
    own = ProcessPredictor(NESTED, rows[:20], accuracy[:20], name="own")
    for space, predictor in ((SPACE, table_predictor(SPACE, labels=150)), (NESTED, own)):
        genes = space.canonical(space.sample(40, rng))
        changed = genes[:, None].repeat(space.n_genes, axis=1)
        for i, size in enumerate(space.cardinality):
            changed[:, i, i] = (changed[:, i, i] + 1) % size
        wanted = predictor.accuracy(changed.reshape(-1, space.n_genes)).reshape(changed.shape[:2])
        wanted -= predictor.accuracy(genes)[:, None]
        one = np.ones(space.n_genes, bool) if space is SPACE else np.array([False, True, True, True])
        assert predictor.linearised(genes, changed)[:, one] == pytest.approx(wanted[:, one], abs=1e-6)
        assert np.abs(wanted[:, one]).max() > 0.001
        assert (predictor.linearised(genes, genes[:, None]) == 0).all()


def test_inactive_genes_do_not_matter():
    [rows] = architectures(NESTED, 100)
    predictor = ProcessPredictor(NESTED, rows, np.linspace(0.5, 0.9, len(rows)), name="own")
    check_predictor(predictor, NESTED)
    assert predictor.unlabelled == {}


def test_choices_without_labels_are_named():
    rows = NESTED.canonical(NESTED.sample(30, np.random.default_rng(0)))
    rows = np.unique(rows[(rows[:, 3] < 2) & ((rows[:, 0] == 0) | (rows[:, 2] > 0))], axis=0)
    predictor = ProcessPredictor(NESTED, rows, np.linspace(0.5, 0.9, len(rows)), name="own")
    assert predictor.unlabelled == {"b": (3,), "c": (3,)}


def test_a_table_of_some_architectures_knows_these_alone():
    """So it serves a space of which only a part was trained; inactive genes are ignored."""
    [rows] = architectures(NESTED, 100)
    shuffled = np.random.default_rng(0).permutation(len(rows))[:20]
    accuracy = np.linspace(0.5, 0.9, 20)
    table = TablePredictor(NESTED, rows[shuffled], accuracy, name="mine", sources=("mine",))
    assert table.accuracy(rows[shuffled]).tolist() == accuracy.tolist()
    assert {tuple(row) for row in table.known_genes.tolist()} == {tuple(row) for row in rows[shuffled].tolist()}
    other = np.setdiff1d(np.arange(len(rows)), shuffled)
    with pytest.raises(InputError, match="predictor mine: it does not know 1 of 2 architectures"):
        table.accuracy(rows[[shuffled[0], other[0]]])
    assert TablePredictor(NESTED, rows[shuffled][::-1], accuracy[::-1], name="mine").sha256 == table.sha256
    assert TablePredictor(NESTED, rows[shuffled], accuracy[::-1], name="mine").sha256 != table.sha256
    with pytest.raises(InputError, match="predictor mine: there must be one accuracy for each architecture"):
        TablePredictor(NESTED, rows[[0, 0]], accuracy[:2], name="mine")


def test_a_part_of_the_space_has_the_same_accuracies():
    part = hold(SPACE, {"b0": [1, 2], "b7": [0]})
    rows = part.sample(50, np.random.default_rng(0))
    assert (table_predictor(part).accuracy(rows) == table_predictor(SPACE).accuracy(part.to_parent(rows))).all()
    assert table_sources(part) == table_sources(SPACE) != ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": 4}, "predictor.run=4: must be null, the number of a run, from 1 to 3, or a list of these"),
        ({"run": True}, "predictor.run=True"),
        ({"run": 1.5}, "predictor.run=1.5: must be"),
        ({"run": (1, 1)}, r"predictor.run=\(1, 1\)"),
        ({"labels": 5}, "predictor.labels=5: must be a whole number from 10 to 6,561"),
        ({"labels": 6562}, "predictor.labels=6562"),
        ({"labels": 100, "seed": -1}, "predictor.seed=-1: must be a whole number of 0 or more"),
    ],
)
def test_what_does_not_exist_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        table_predictor(SPACE, **given)


def test_a_space_without_known_accuracies_is_refused():
    with pytest.raises(InputError, match="mbv3 are known, only of accel_nasbench, nasbench_macro"):
        table_predictor(MobileNetV3Space())
    assert table_sources(MobileNetV3Space()) == ()
    with pytest.raises(InputError, match=r"there is none for space nasbench_macro.* such as embedded, official, table"):
        measured_predictor(SPACE)
    with pytest.raises(InputError, match="predictor own: labels must be below 1 and not all equal"):
        ProcessPredictor(SPACE, ROWS[:9], np.full(9, 0.9), name="own")


def test_a_fitted_predictor_is_the_same_with_any_number_of_threads():
    fitted = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            predictor = table_predictor(SPACE, labels=300)
        fitted.append(predictor.accuracy(ROWS).tobytes())
    assert len({*fitted}) == 1
