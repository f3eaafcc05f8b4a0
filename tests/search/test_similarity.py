from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from ofa_bench.devices.tables import latency_table
from ofa_bench.search.similarity import order_by_similarity, rank_correlations
from ofa_bench.spaces import MobileNetV3Space

SPACE = MobileNetV3Space()
ROWS = SPACE.sample(400, np.random.default_rng(0))


def made_up(m, seed=0):
    table = latency_table(SPACE, "cpu_onnx")
    tables = [table.rescaled(np.random.default_rng([seed, i])) for i in range(m)]
    return np.stack([table.cost(ROWS) for table in tables], axis=1)


def unlikeness(similarity, order):
    return sum(1 - similarity[a, b] for a, b in pairwise(order))


def test_rank_correlations_are_spearmans():
    costs = np.round(made_up(5), 0)  # with ties
    assert rank_correlations(costs) == pytest.approx(spearmanr(costs).statistic, abs=1e-12)
    assert rank_correlations(costs**3) == pytest.approx(rank_correlations(costs), abs=1e-12)
    assert rank_correlations(costs[:, :1]).tolist() == [[1]]
    mixed = rank_correlations(np.stack([costs[:, 0], -costs[:, 0], np.ones(len(costs))], axis=1))
    assert mixed == pytest.approx(np.array([[1, -1, 0], [-1, 1, 0], [0, 0, 1]]))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("m", [1, 2, 3, 6, 7])
def test_an_order_of_a_few_is_the_shortest_path(m, seed):
    similarity = rank_correlations(made_up(m, seed))
    if seed % 2:
        noise = np.random.default_rng(seed).random((m, m))
        similarity = noise + noise.T
    order = order_by_similarity(similarity)
    assert order.dtype == np.int64
    assert sorted(order) == list(range(m))
    assert order[0] <= order[-1]
    least = min(unlikeness(similarity, path) for path in permutations(range(m)))
    assert unlikeness(similarity, order) == pytest.approx(least, abs=1e-9)


def test_devices_along_a_line_are_found_in_order():
    line = np.random.default_rng(0).permutation(120)
    order = order_by_similarity(1 - np.abs(line[:, None] - line) / 120)
    assert sorted([line[order].tolist(), line[order[::-1]].tolist()])[0] == list(range(120))
    assert (order == order_by_similarity(1 - np.abs(line[:, None] - line) / 120)).all()


def test_equals_stand_beside_each_other():
    costs = made_up(9)[:, [0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 3, 6]]
    order = order_by_similarity(rank_correlations(costs)).tolist()
    assert np.ptp([order.index(i) for i in (3, 9, 10)]) == 2
    assert np.ptp([order.index(i) for i in (6, 11)]) == 1


def test_a_large_order_beats_that_of_the_clusters():
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    similarity = rank_correlations(made_up(60))
    distances = squareform(1 - similarity, checks=False)
    clustered = leaves_list(optimal_leaf_ordering(linkage(distances, "average"), distances))
    assert unlikeness(similarity, order_by_similarity(similarity)) < 0.95 * unlikeness(similarity, clustered)
