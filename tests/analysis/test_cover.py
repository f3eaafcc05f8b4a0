from itertools import combinations

import numpy as np
import pytest

from ofa_bench.analysis import cover
from ofa_bench.analysis.cover import smallest_cover


def losses(seed, networks, targets, share=0.35):
    """Return losses in whole steps; a network misses some targets, and each target has one without loss."""
    rng = np.random.default_rng(seed)
    loss = rng.integers(1, 8, size=(networks, targets)).astype(float)
    loss[rng.random(loss.shape) > share] = np.inf
    loss[rng.integers(networks, size=targets), np.arange(targets)] = 0
    return loss


def by_hand(loss, allowed):
    """Return the size of the smallest covers, and their least total loss."""
    for size in range(1, len(loss) + 1):
        best = [loss[list(some)].min(axis=0) for some in combinations(range(len(loss)), size)]
        totals = [float(one.sum()) for one in best if (one <= allowed).all()]
        if totals:
            return size, min(totals)
    raise AssertionError("no cover")


@pytest.mark.parametrize("allowed", [0, 3, 6])
@pytest.mark.parametrize("seed", range(12))
def test_a_cover_has_the_fewest_networks_and_of_these_the_least_loss(seed, allowed):
    loss = losses(seed, networks=4 + seed // 2, targets=3 + seed)
    found = smallest_cover(loss, allowed)
    size, total = by_hand(loss, allowed)
    assert found.networks.dtype == np.int64
    assert (np.diff(found.networks) > 0).all()
    assert (len(found.networks), found.bound, found.proven) == (size, size, True)
    best = loss[found.networks].min(axis=0)
    assert (best <= allowed).all()
    assert best.sum() == total
    assert (smallest_cover(loss, allowed).networks == found.networks).all()


def test_without_the_second_stage_a_cover_is_as_small(monkeypatch):
    sizes = [smallest_cover(losses(seed, 12, 12), 4).bound for seed in range(8)]
    monkeypatch.setattr(cover, "MAX_PAIRS", 0)
    monkeypatch.setattr(cover, "_least_loss", None)
    for seed, size in enumerate(sizes):
        loss = losses(seed, 12, 12)
        found = smallest_cover(loss, 4)
        assert (len(found.networks), found.proven) == (size, True)
        assert (loss[found.networks].min(axis=0) <= 4).all()


@pytest.mark.parametrize("seed", range(20))
def test_what_decides_nothing_is_left_out_and_nothing_else(seed):
    serves = losses(seed, 10, 10, 0.5) <= 6
    networks, targets = cover._irreducible(serves)
    part = serves[np.ix_(networks, targets)]
    for sets in (part, ~part.T):
        for one, other in combinations(range(len(sets)), 2):
            assert (sets[one] & ~sets[other]).any()
            assert (sets[other] & ~sets[one]).any()
    assert by_hand(np.where(serves, 0, np.inf), 0)[0] == by_hand(np.where(part, 0, np.inf), 0)[0]


def test_blocks_of_comparisons_make_no_difference():
    rng = np.random.default_rng(0)
    sets = rng.random((2300, 12)) < 0.5
    holds = cover._holds_another(sets)
    for row in (0, 999, 1000, 1001, 2299):
        inside = (sets <= sets[row]).all(axis=1)
        equal = (sets == sets[row]).all(axis=1)
        assert holds[row] == ((inside & ~equal).any() or equal[:row].any())
    assert 0 < holds.sum() < 2300


def test_a_target_that_nothing_serves_is_refused():
    loss = np.array([[0.0, 2.0, np.inf], [1.0, 3.0, np.inf]])
    with pytest.raises(ValueError, match="2 of 3 targets have no network with a loss of at most 1"):
        smallest_cover(loss, 1)


def test_a_cover_that_is_not_proven_has_a_bound_and_is_no_larger_than_a_greedy_one(monkeypatch):
    rng = np.random.default_rng(0)
    serves = rng.random((80, 80)) < 0.08
    serves[np.arange(80), np.arange(80)] = True
    exact = smallest_cover(np.where(serves, 0, np.inf), 0)
    assert exact.proven
    monkeypatch.setattr(cover, "MAX_NODES", 0)
    found = smallest_cover(np.where(serves, 0, np.inf), 0)
    assert serves[found.networks].any(axis=0).all()
    assert found.bound <= len(exact.networks) <= len(found.networks) <= len(cover._greedy(serves))
    assert not found.proven
    assert found.bound >= 80 / serves.sum(axis=1).max()


def test_a_fleet_of_thousands_of_targets_is_covered():
    """Targets along a line, as those of devices that rank networks alike: each network serves an interval."""
    rng = np.random.default_rng(0)
    at = np.sort(rng.random(2000))
    networks, widths = rng.random(2000), rng.uniform(0.01, 0.03, size=2000)
    distance = np.abs(networks[:, None] - at) / widths[:, None]
    found = smallest_cover(np.where(distance <= 1, distance, np.inf), 1)
    assert found.proven
    end, size = -1.0, 0  # leftmost target first, with the interval that reaches furthest: exact on a line
    while (at > end).any():
        target = at[at > end][0]
        reach = np.abs(networks - target) <= widths
        end, size = float((networks + widths)[reach].max()), size + 1
    assert len(found.networks) == size
