"""Synthetic devices: what they are mixed of, and how alike they are."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from ofa_bench.devices import synthetic
from ofa_bench.devices.synthetic import SPEEDS, synthetic_devices
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space
from ofa_bench.testing import check_cost

SPACE = MobileNetV3Space(width=1.0)
TABLES = [latency_table(SPACE, device) for device in ("i7_8700k", "cpu_onnx", "p40_b64", "rtx2080ti_b64")]
ROWS = draw_sample(SPACE)


def rank_correlations(tables):
    found = spearmanr([table.cost(ROWS[:3000]) for table in tables], axis=1).statistic
    return found[np.triu_indices(len(tables), 1)]


def test_a_device_depends_on_tables_seed_and_its_number_only():
    many, few = synthetic_devices(TABLES, 12, 5), synthetic_devices(TABLES, 3, 5)
    assert [one.name for one in many[:11]] == [f"synthetic-{i:04}" for i in range(11)]
    for one, same in zip(few, many, strict=False):
        assert one.cost(ROWS[:100]).tobytes() == same.cost(ROWS[:100]).tobytes()
        assert (one.sha256, one.targets, one.card) == (same.sha256, same.targets, same.card)
    others = [*many, *synthetic_devices(TABLES, 3, 6), *synthetic_devices(TABLES[1:], 3, 5)]
    assert len({one.sha256 for one in others}) == len(others)
    assert not np.allclose(many[0].cost(ROWS[:100]), synthetic_devices(TABLES, 1, 6)[0].cost(ROWS[:100]))


def test_devices_keep_the_contract_and_say_what_they_are():
    for one in synthetic_devices(TABLES, 4, 0):
        check_cost(one, SPACE)
        parts = one.card["synthetic"]["parts"]
        assert len(parts) in (2, 3)
        assert sum(part["weight"] for part in parts) == pytest.approx(1)
        assert {part["sha256"] for part in parts} <= {table.sha256 for table in TABLES}
        assert one.card["title"].startswith("Synthetic: ")
        assert one.unit == "ms"
        costs = one.cost(ROWS)
        assert costs.mean() == pytest.approx(one.card["synthetic"]["mean_cost_ms"])
        assert SPEEDS[0] < costs.mean() < SPEEDS[1]
        assert one.targets == pytest.approx(find_quantiles(costs), rel=2e-4)
        assert len(one.targets) == 10


def test_without_factors_a_device_is_the_mixture_that_its_card_states(monkeypatch):
    monkeypatch.setattr(synthetic, "SPREAD", 1.0)
    means = {table.sha256: table.cost(ROWS).mean() for table in TABLES}
    costs = {table.sha256: table.cost(ROWS[:200]) for table in TABLES}
    for one in synthetic_devices(TABLES, 5, 1):
        about = one.card["synthetic"]
        mixed = sum(part["weight"] * costs[part["sha256"]] / means[part["sha256"]] for part in about["parts"])
        assert one.cost(ROWS[:200]) == pytest.approx(about["mean_cost_ms"] * mixed, rel=1e-9)


def test_a_mixture_has_no_more_terms_than_its_parts_need():
    [one] = synthetic_devices(TABLES, 1, 0)
    assert len(one.factors) == len({tuple(sorted(scope)) for table in TABLES for scope, _ in table.factors})


def test_blocks_of_one_shape_share_their_factor():
    for one in synthetic_devices(TABLES, 3, 2):
        alike = {tuple(SPACE.gene_names[gene] for gene in scope): values for scope, values in one.factors}
        by_block = [next(v for names, v in alike.items() if f"k{block}" in names) for block in range(20)]
        for stage in range(5):
            first, second, third, _ = (by_block[4 * stage + i].max() for i in range(4))
            assert second == pytest.approx(third, rel=1e-12)
            assert first != pytest.approx(second, rel=1e-3)


def test_synthetic_devices_are_as_alike_as_measured_ones():
    measured, made = rank_correlations(TABLES), rank_correlations(synthetic_devices(TABLES, 40, 0))
    assert np.median(made) == pytest.approx(np.median(measured), abs=0.02)
    assert 0.75 < made.min() < measured.min()
    assert measured.max() - 0.005 < made.max() < 0.9995


def test_tables_of_a_subspace_mix():
    space = CompoundSpace()
    tables = [latency_table(space, device) for device in ("note10", "cpu_onnx", "i7_8700k")]
    for one in synthetic_devices(tables, 3, 0):
        check_cost(one, space)


@pytest.mark.parametrize(
    ("tables", "number", "seed", "message"),
    [
        (TABLES[:1], 3, 0, "give 2 tables or more to mix, not 1"),
        (TABLES, 0, 0, "number=0: must be a whole number of 1 or more"),
        (TABLES, 2.0, 0, "number=2.0: must be a whole number"),
        (TABLES, 2, -1, "seed=-1: must be a whole number of 0 or more"),
        ([TABLES[0], latency_table(MobileNetV3Space(), "note10")], 2, 0, "of several spaces: mbv3, mbv3_w1.0"),
    ],
)
def test_what_cannot_be_mixed_is_refused(tables, number, seed, message):
    with pytest.raises(InputError, match=f"^synthetic devices: .*{message}"):
        synthetic_devices(tables, number, seed)


def test_500_devices_are_small():
    one = synthetic_devices(TABLES, 1, 0)[0]
    assert isinstance(one, CostTable)
    assert 500 * (one.entries.nbytes + one.strides.nbytes + sum(values.nbytes for _, values in one.factors)) < 60e6
