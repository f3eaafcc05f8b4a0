"""Accel-NASBench's space: its genes, the trained networks, the tables and predictors fitted to them."""

import csv
import json
import lzma
from functools import cache

import make_accel_nasbench
import make_accelerators
import numpy as np
import pytest
from conftest import skip_without_library

from ofa_bench import data
from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table, measured_predictor, measured_sources, table_predictor
from ofa_bench.records.frontiers import find
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import AccelNASBenchSpace, recognise
from ofa_bench.spaces.enumeration import number_of_architectures
from ofa_bench.strategies import (
    NSGA2,
    SMSEMOA,
    SPEA2,
    TPE,
    Budget,
    Chain,
    Differentiable,
    Exhaustive,
    Joint,
    LocalSearch,
    MAPElites,
    OFAReference,
    RandomSearch,
    Vanilla,
)
from ofa_bench.testing import check_cost, check_predictor, check_space

SPACE = AccelNASBenchSpace()
DEVICES = tuple(make_accelerators.DEVICES)
SMALL = Evolution(population_size=20)
STRATEGIES = {
    "vanilla": lambda: Vanilla(SMALL),
    "top_down": lambda: Chain(SMALL, "descending"),
    "bottom_up": lambda: Chain(SMALL, "ascending"),
    "joint": lambda: Joint(evaluations=300, restart=100, batch=16),
    "differentiable": lambda: Differentiable(population_size=20, steps=20),
    "nsga2": lambda: NSGA2(population_size=20),
    "sms_emoa": lambda: SMSEMOA(population_size=20),
    "spea2": lambda: SPEA2(population_size=20),
    "map_elites": lambda: MAPElites(population_size=20),
    "random": lambda: RandomSearch(population_size=20),
    "local_search": lambda: LocalSearch(population_size=20),
    "tpe": lambda: TPE(evaluations=30),
    "ofa_reference": lambda: OFAReference(SMALL),
}


@cache
def trained():
    """Return the distinct trained networks, int8 [5125, 28], and their mean accuracies, fractions of 1."""
    table = data.measured("accel_nasbench")
    genes = np.stack([SPACE.from_ofa(one) for one in table["architecture"]])
    rows, place, counts = np.unique(genes, axis=0, return_inverse=True, return_counts=True)
    return rows, np.bincount(place.ravel(), table["top1"]) / counts / 100


@cache
def table_problem(device="zcu102"):
    return Problem(SPACE, table_predictor(SPACE), latency_table(SPACE, device))


def test_contracts():
    check_space(SPACE)
    check_predictor(measured_predictor(SPACE), SPACE)
    problem = table_problem()
    check_predictor(problem.predictor, problem.space)
    for device in DEVICES:
        check_cost(latency_table(SPACE, device), SPACE)


def test_its_architectures_are_those_of_the_paper():
    assert number_of_architectures(SPACE) == (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2)
    b0 = {"ks": [3, 3, 5, 3, 5, 5, 3], "e": [1, 6, 6, 6, 6, 6, 6], "d": [1, 2, 2, 3, 3, 4, 1], "se": [1] * 7}
    row = SPACE.from_ofa(b0)  # EfficientNet-B0
    assert SPACE.to_ofa(row) == b0
    assert latency_table(SPACE, "params").cost(row[None])[0] == pytest.approx(5.288548, abs=1e-5)
    assert recognise(b0, {"_target_": "ofa_bench.spaces.AccelNASBenchSpace"})[0].name == SPACE.name
    with pytest.raises(InputError, match=r"accel_nasbench: d0=4 is not one of \[1, 2, 3\]"):
        SPACE.from_ofa({**b0, "d": [4, 2, 2, 3, 3, 4, 1]})
    with pytest.raises(InputError, match=r"'depth' is no key .* did you mean 'd'"):
        SPACE.from_ofa({**b0, "depth": [1] * 7})


def test_a_drawing_has_the_layers_of_each_stage():
    arch = {
        "ks": [3, 5, 3, 3, 3, 3, 3],
        "e": [1, 6, 4, 1, 1, 1, 1],
        "d": [1, 2, 3, 1, 1, 4, 1],
        "se": [0, 1, 0, 0, 0, 0, 1],
    }
    drawing = SPACE.drawing(SPACE.from_ofa(arch))
    assert list(drawing.stages) == ["stage 1", "stage 2 SE", *(f"stage {i}" for i in (3, 4, 5, 6)), "stage 7 SE"]
    assert [[block.kind for block in stage].count("block") for stage in drawing.stages.values()] == arch["d"]
    assert [len(stage) for stage in drawing.stages.values()] == [3, 3, 3, 3, 3, 4, 3]
    second = drawing.stages["stage 2 SE"][0]
    assert (drawing.shades[second.shade], drawing.heights[second.height]) == (5, 6)


def test_the_data_are_the_published_rows_rounded(measured):
    table, card = data.measured("accel_nasbench"), data.card("measured", "accel_nasbench")
    text = (measured / "benchmarks" / "accel_nasbench.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert (len(table), len(trained()[0])) == (card["rows"], card["networks"]) == (len(rows), 5125)
    assert set(table["source"]) == set(card["sources"])
    for key, kind in make_accel_nasbench.KINDS.items():
        wanted = [[int(row[f"block{i}_{kind}"]) for i in range(7)] for row in rows]
        assert [one[key] for one in table["architecture"]] == wanted
    assert table["top1"].to_numpy() == pytest.approx([float(row["val_top1"]) for row in rows], abs=2e-5)
    hits = table["top1"].to_numpy() * 500
    assert np.abs(hits - hits.round()).max() < 1e-6  # of 50,000 images
    for key, digits in card["significant_digits"].items():
        wanted = np.array([float(row[key] or "nan") for row in rows])
        assert table[key].to_numpy() == pytest.approx(wanted, rel=0.5 * 10 ** (1 - digits), nan_ok=True)


def test_the_data_are_what_the_tool_makes(measured, tmp_path, monkeypatch):
    ours_at = make_accel_nasbench.FOLDER
    monkeypatch.setattr(make_accel_nasbench, "FOLDER", tmp_path)
    make_accel_nasbench.main(measured / "benchmarks" / "accel_nasbench.csv")
    for name, read in (("accel_nasbench.json", bytes), ("accel_nasbench.csv.xz", lzma.decompress)):
        assert read((tmp_path / name).read_bytes()) == read((ours_at / name).read_bytes())


@pytest.mark.parametrize("device", DEVICES)
def test_a_table_fits_what_was_measured_as_its_card_claims(device, measured):
    text = (measured / "benchmarks" / "accel_nasbench.csv").read_text()
    rows, cost = list(csv.DictReader(text.splitlines())), latency_table(SPACE, device)
    column = make_accelerators.DEVICES[device][0]
    found = np.array([float(row[column] or "nan") for row in rows])
    found = 1000 / found if column.startswith("throughput") else found
    costs = cost.cost(np.stack([SPACE.from_ofa(one) for one in data.measured("accel_nasbench")["architecture"]]))
    known = np.isfinite(found)
    assert cost.targets == tuple(sorted(cost.targets))
    assert len(cost.targets) == 10
    assert cost.minimum < cost.targets[0] < cost.targets[-1] < cost.maximum
    if device in make_accelerators.LAST_DIGIT:
        assert np.abs(costs - found).max() < make_accelerators.LAST_DIGIT[device]
        return
    off = np.abs(costs / found - 1)[known]
    fitted, held = cost.card["fitted"], cost.card["held_back"]
    assert (off.mean(), np.percentile(off, 95)) == pytest.approx((fitted["mean_error"], fitted["p95_error"]), abs=1e-5)
    assert held["networks"] == known.sum()
    assert held["mean_error"] > fitted["mean_error"]
    assert held["r2"] > (0.966 if device == "tpuv3" else 0.997)


def test_the_predictor_is_as_good_as_its_card_claims():
    rows, accuracy = trained()
    predictor = measured_predictor(SPACE)
    card = json.loads((data.FOLDER / "predictors" / "measured" / "accel_nasbench.json").read_text())
    held = card["all"]["held_out"]
    assert held["r2"] >= 0.975
    assert held["n"] == len(rows)
    error = 100 * (predictor.accuracy(rows) - accuracy)
    assert 0.15 < np.sqrt((error**2).mean()) < held["rmse"]  # it has seen them
    uncertainty = 100 * predictor.uncertainty(rows)
    assert uncertainty.min() > card["all"]["uncertainty"]["floor"] > 0.1
    assert predictor.sources == measured_sources(SPACE) == table_predictor(SPACE).sources == ("accel_nasbench",)
    assert not predictor.unlabelled


def test_the_table_has_the_mean_of_a_network_that_was_trained_twice():
    rows, accuracy = trained()
    predictor = table_predictor(SPACE)
    assert (predictor.known_genes == rows[np.lexsort(rows.T[::-1])]).all()
    assert predictor.accuracy(rows) == pytest.approx(accuracy, abs=1e-12)
    twice = SPACE.from_ofa(data.measured("accel_nasbench")["architecture"][113])
    assert 100 * predictor.accuracy(twice[None])[0] == pytest.approx((60.164 + 60.232) / 2)
    with pytest.raises(InputError, match="it does not know 1 of 1 architectures"):
        predictor.accuracy(np.zeros((1, 28), np.int8))


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_winner_is_a_trained_network_with_its_accuracy(name):
    skip_without_library(name)
    rows, accuracy = trained()
    known = {row.tobytes(): value for row, value in zip(rows, accuracy, strict=True)}
    problem, targets = table_problem(), (3.36, 5.12)
    found = dict(STRATEGIES[name]().search(problem, targets, Budget(4, 2), np.random.default_rng(1)))
    for number, target in enumerate(targets):
        result = found[number]
        assert result.accuracy == pytest.approx(known[result.genes.tobytes()], abs=1e-9)
        assert result.cost == pytest.approx(latency_table(SPACE, "zcu102").cost(result.genes[None])[0])
        assert result.cost <= target


@pytest.mark.parametrize("device", ["zcu102", "tpuv3"])
def test_exhaustive_finds_the_optima(device):
    rows, accuracy = trained()
    problem, costs = table_problem(device), latency_table(SPACE, device).cost(rows)
    targets = (*problem.cost.targets, 0.99 * costs.min())
    found = dict(Exhaustive().search(problem, targets, Budget(1, 1), np.random.default_rng(0)))
    for number, target in enumerate(targets[:-1]):
        assert found[number].accuracy == pytest.approx(accuracy[costs <= target].max(), abs=1e-12)
    assert not found[10].feasible


@pytest.mark.parametrize("device", ["zcu102", "a100"])
def test_the_frontiers_are_exact(device):
    rows, accuracy = trained()
    costs, frontier = latency_table(SPACE, device).cost(rows), find(table_problem(device))
    assert frontier.about["exact"]
    for target in np.quantile(costs, np.linspace(0, 1, 101)):
        assert frontier.best_known(target) == pytest.approx(accuracy[costs <= target].max(), abs=1e-12)


def test_the_differentiable_search_evaluates_each_trained_network_once():
    strategy, rng = Differentiable(evaluations=300), np.random.default_rng(0)
    counts = [result.counts for _, result in strategy.search(table_problem(), (5.0, 8.0), Budget(1, 1), rng)]
    again = sum(one.evaluations - one.unique_evaluations for one in counts)
    assert again <= 1  # the cheapest one is there before the first step
