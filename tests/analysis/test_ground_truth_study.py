"""The study of known truth: its regrets by hand, its means, and its pictures."""

import warnings

import ground_truth
import intervals
import numpy as np
import pandas as pd
import pytest
from ground_truth import Found

from ofa_bench.analysis.figures.ground_truth import draw_efforts, draw_regrets


def test_a_regret_is_what_the_best_trained_network_within_the_target_has_more():
    rows = pd.read_csv(ground_truth.FILE, dtype={"genes": str})
    [one] = [found for key, found in ground_truth.found().items() if key == ("nasbench_macro", "one run", "nsga2", 920)]
    problem = ground_truth.truth("nasbench_macro")
    every = np.array(np.meshgrid(*[range(3)] * 8)).reshape(8, -1).T.astype(np.int8)
    accuracy, cost = problem.predictor.accuracy(every), problem.cost.cost(every)
    mine = rows.query("space == 'nasbench_macro' and guide == 'one run' and strategy == 'nsga2' and asked == 920")
    assert len(mine) == one.regret.size == 300
    for place, row in enumerate(mine.sort_values(["sample", "repeat", "target"]).itertuples()):
        genes = np.array([list(map(int, row.genes))], np.int8)
        assert problem.cost.cost(genes)[0] <= row.target
        best = accuracy[cost <= row.target].max()
        wanted = 100 * (best - problem.predictor.accuracy(genes)[0])
        assert one.regret.ravel()[place] == pytest.approx(wanted, abs=1e-9)


def test_repeats_with_several_runs_are_averaged_over_the_runs():
    values = np.arange(12.0).reshape(6, 2)
    several = Found(values, values, 0, 0, keys=((1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)))
    assert several.means(values).tolist() == [4.5, 6.5]
    samples = Found(values, values, 0, 0, keys=tuple((seed, 0) for seed in range(6)))
    assert samples.means(values).tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5]


def test_the_exact_optimum_of_the_truth_has_no_regret_and_a_search_never_less():
    for (_, guide, strategy, _), one in ground_truth.found().items():
        assert (one.regret >= -1e-9).all()
        if guide == "truth" and strategy == ground_truth.EXACT:
            assert np.allclose(one.regret, 0, atol=1e-9)


def test_a_guide_has_the_same_look_in_all_panels():
    guides = {"truth": (0.0, 0.0), "one run": (0.1, 0.02), "100 labels": (0.4, 0.1)}
    two = {guide: mean for guide, mean in guides.items() if guide != "one run"}
    regrets = {
        "few": {guide: {"joint": mean} for guide, mean in two.items()},
        "all": {guide: {"joint": mean} for guide, mean in guides.items()},
    }
    efforts = {
        "joint": {space: {g: {100: m["joint"], 0: m["joint"]} for g, m in of.items()} for space, of in regrets.items()}
    }
    for figure in (draw_regrets(regrets, ["joint"]), draw_efforts(efforts)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.draw_without_rendering()
        looks = [
            {container.get_label(): container.lines[0].get_color() for container in axes.containers}
            for axes in figure.axes
        ]
        assert looks[0] == {guide: looks[1][guide] for guide in two}
        assert len({*looks[1].values()}) == 3


def test_an_interval_is_students():
    mean, half = intervals.interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (mean, half) == (2.5, pytest.approx(3.182446 * np.sqrt(5 / 3) / 2, rel=1e-5))
