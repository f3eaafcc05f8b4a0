"""Arbitrary targets and budgets act as documented or are refused in one line."""

import math

import numpy as np
from arbitrary import NAMED, TABLES, examples, tables
from hypothesis import assume, given
from hypothesis import strategies as st

from ofa_bench.commands.cli.messages import explain
from ofa_bench.config.schema import BudgetConfig, TargetsConfig
from ofa_bench.errors import InputError
from ofa_bench.experiment.budget import WARM_GENERATIONS, resolve_budget
from ofa_bench.experiment.targets import resolve_targets

MBV3 = TABLES[NAMED[0].name]
ANY = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1e-10, 1.7e308, math.inf, -math.inf, math.nan, 15.0, 60.0])


def resolved(table=MBV3, **given):
    """Return the targets, None where they are refused, which takes one line of words."""
    return message(lambda: resolve_targets(TargetsConfig(**given), table.space, table))


def message(make):
    try:
        made = make()
    except InputError as error:
        line, code = explain(error)
        assert code == 2
        assert len(line.splitlines()) == 1
        assert line.startswith(("targets", "budget"))
        return None
    return made


def valid(values):
    return bool(values) and all(isinstance(value, float) and 0 < value < math.inf for value in values)


@examples(150)
@given(st.lists(ANY, max_size=6))
def test_values_are_kept_as_they_are_or_refused(values):
    targets = resolved(values=values)
    usable = bool(values) and all(0 < value < math.inf for value in values)
    assert (targets is not None) == (usable and len(set(values)) == len(values))
    assert targets is None or targets == tuple(values)


@examples(150)
@given(ANY, ANY, st.integers(-2, 40))
def test_a_range_is_of_positive_finite_numbers_or_refused(start, stop, count):
    targets = resolved(start=start, stop=stop, count=count)
    assert targets is None or (valid(targets) and len(targets) == count)


@examples(150)
@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.integers(1, 40))
def test_a_range_goes_evenly_from_start_to_stop(start, stop, count):
    targets = resolved(start=start, stop=stop, count=count)
    assert np.allclose(targets, np.linspace(start, stop, count), rtol=1e-9, atol=2e-9)
    assert list(targets) == sorted(targets, reverse=stop < start)


@examples(30)
@given(tables(), st.lists(st.floats(0, 1) | ANY, max_size=5))
def test_quantiles_are_costs_that_this_share_stays_within_or_refused(table, fractions):
    assume(table.minimum > 0)
    targets = resolved(table, quantiles=fractions)
    assert (targets is not None) == (bool(fractions) and all(0 < fraction < 1 for fraction in fractions))
    if targets is not None:
        assert valid(targets)
        costs = table.cost(table.space.sample(10_000, np.random.default_rng(0)))
        assert set(targets) <= {float(f"{cost:.4g}") for cost in costs.tolist()}
        for fraction, target in zip(fractions, targets, strict=True):
            assert (costs <= target * 1.0006).mean() >= fraction - 1e-4
            assert (costs < target / 1.0006).mean() <= fraction
        ranked = [target for _, target in sorted(zip(fractions, targets, strict=True))]
        assert ranked == sorted(ranked)


@examples(60)
@given(st.sampled_from(NAMED), st.integers())
def test_the_first_targets_are_the_smallest_of_the_devices_own(space, first):
    table = TABLES[space.name]
    targets = resolved(table, first=first)
    if 1 <= first <= len(table.targets):
        assert targets == tuple(sorted(table.targets)[:first])
    else:
        assert targets is None


@examples(100)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "values": st.lists(ANY, max_size=3),
            "quantiles": st.lists(ANY, max_size=3),
            "start": ANY,
            "stop": ANY,
            "count": st.integers(-1, 9),
            "first": st.integers(-1, 12),
            "unit": st.sampled_from(["ms", "MMACs", "", "☃"]),
        },
    )
)
def test_targets_are_given_in_one_way_or_refused(given_keys):
    targets = resolved(**given_keys)
    ways = {"values", "quantiles"} & set(given_keys), {"start", "stop", "count"} & set(given_keys)
    if len(ways[0]) + bool(ways[1]) > 1 or given_keys.get("unit", MBV3.unit) != MBV3.unit:
        assert targets is None
    assert targets is None or valid(targets)


def budget(n, warm):
    return message(lambda: resolve_budget(BudgetConfig(n, warm)))


@examples(150)
@given(st.integers(-3, 10**12) | st.integers(1, 10**6).map(lambda root: root**2), st.sampled_from([*WARM_GENERATIONS]))
def test_a_named_budget_is_the_whole_number_above(n, name):
    found = budget(n, name)
    if n < 1:
        assert found is None
        return
    generations, warm = found
    assert (generations, type(warm)) == (n, int)
    holds = {
        "sqrt": (warm - 1) ** 2 < n <= warm**2,
        "log": n == warm == 1 or warm - 1 < math.log(n) <= warm,
        "tenth": 10 * (warm - 1) < n <= 10 * warm,
        "full": warm == n,
    }
    assert holds[name]
    assert 1 <= warm <= n


@examples(100)
@given(st.one_of(st.integers(-2, 50), st.booleans(), st.none(), ANY, st.text(max_size=6), st.lists(st.integers(-1, 9))))
def test_a_warm_budget_is_whole_numbers_or_refused(warm):
    found = budget(20, warm)
    several = warm if isinstance(warm, list) else [warm]
    whole = bool(several) and all(type(one) is int and one >= 1 for one in several)
    assert (found is not None) == (whole or (isinstance(warm, str) and warm in WARM_GENERATIONS))
    if whole:
        assert found == (20, tuple(warm) if isinstance(warm, list) else warm)
