"""Operators, activity and canonical form, in all spaces and in arbitrary ones."""

from functools import cache

import numpy as np
import pytest
from arbitrary import (
    HEAD,
    NAMED,
    TABLES,
    everything,
    examples,
    named_spaces,
    network,
    own_spaces,
    seeds,
    spaces,
    terms_of,
)
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, embedded_predictor
from ofa_bench.search import Problem
from ofa_bench.spaces.enumeration import architectures, number_of_architectures

embedded = cache(embedded_predictor)


@st.composite
def judged(draw):
    """Draw a space with a predictor that reads the genes as they are, and a table."""
    space = draw(spaces())
    table = TABLES.get(space.name) or CostTable(space, draw(terms_of(space)), **HEAD)
    try:
        return Problem(space, embedded(space), table)
    except InputError:
        return Problem(space, network(space, draw(seeds())), table)


@examples(80)
@given(judged(), seeds())
def test_the_canonical_form_is_stable_and_the_same_network(problem, seed):
    space, rows = problem.space, problem.space.sample(60, np.random.default_rng(seed))
    canonical = space.canonical(rows)
    assert space.contains(canonical).all()
    assert (space.canonical(canonical) == canonical).all()
    assert (space.active(canonical) == space.active(rows)).all()
    assert (problem.cost.cost(canonical) == problem.cost.cost(rows)).all()
    assert problem.predictor.accuracy(canonical).tobytes() == problem.predictor.accuracy(rows).tobytes()


@examples(80)
@given(judged(), seeds())
def test_inactive_genes_never_matter(problem, seed):
    space, rng = problem.space, np.random.default_rng(seed)
    rows = space.sample(60, rng)
    others = np.where(space.active(rows), rows, space.sample(60, rng))
    assert (space.canonical(others) == space.canonical(rows)).all()
    assert space.keys(others) == space.keys(rows)
    assert (problem.cost.cost(others) == problem.cost.cost(rows)).all()
    assert (problem.predictor.accuracy(others) == problem.predictor.accuracy(rows)).all()


@examples(60)
@given(own_spaces())
def test_equal_canonical_forms_are_equal_keys_and_the_architectures_counted(space):
    rows = everything(space)
    canonical = [row.tobytes() for row in space.canonical(rows)]
    keys = space.keys(rows)
    assert len(set(keys)) == len(set(canonical)) == len(set(zip(keys, canonical, strict=True)))
    listed = [row.tobytes() for block in architectures(space, 7) for row in space.canonical(block)]
    assert sorted(listed) == sorted(set(canonical))
    assert number_of_architectures(space) == len(listed)


@examples(40)
@given(named_spaces(), seeds())
def test_equal_keys_are_equal_canonical_forms_in_large_spaces(space, seed):
    rng = np.random.default_rng(seed)
    rows = space.sample(40, rng)
    near = rows.copy()
    near[np.arange(40), rng.integers(space.n_genes, size=40)] = 0
    rows = np.concatenate([rows, near, space.canonical(rows)])
    same = (space.canonical(rows)[:, None] == space.canonical(rows)).all(axis=2)
    keys = np.array(space.keys(rows), dtype=object)
    assert (same == (keys[:, None] == keys)).all()


@examples(60)
@given(spaces(), seeds())
def test_the_dict_goes_there_and_back(space, seed):
    for row in space.sample(15, np.random.default_rng(seed)):
        canonical = space.canonical(row[None])[0]
        for form in (row, canonical):
            assert (space.from_ofa(space.to_ofa(form)) == canonical).all()
        assert (space.row(space.values(row)) == canonical).all()


@examples(30)
@given(st.sampled_from([space for space in NAMED if not space.name.startswith("compofa")]), seeds(), seeds())
def test_a_block_that_is_not_there_may_say_anything_in_the_dict(space, seed, other):
    row = space.sample(1, np.random.default_rng(seed))
    arch, absent = space.to_ofa(row[0]), ~space.active(row)[0]
    for key, letter in (("ks", "k"), ("e", "e")):
        for i in range(len(arch.get(key, ()))):
            if absent[space.index[f"{letter}{i}"]]:
                arch[key][i] = (0, 99, None)[(other + i) % 3]
    assert (space.from_ofa(arch) == space.canonical(row)[0]).all()


@examples(60)
@given(spaces(), st.floats(0, 1), seeds())
def test_operators_stay_inside_the_space(space, prob, seed):
    rng = np.random.default_rng(seed)
    parents = space.sample(30, rng)
    mutants = space.mutate(parents, prob, rng)
    crossed = space.crossover(parents, mutants, rng)
    for rows in (parents, mutants, crossed):
        assert rows.dtype == np.int8
        assert space.contains(rows).all()
    assert ((crossed == parents) | (crossed == mutants)).all()
    assert (space.mutate(parents, 0.0, rng) == parents).all()


@examples(40)
@given(own_spaces(), seeds())
def test_groups_mutate_as_one_and_by_themselves(space, seed):
    one = np.zeros((400, space.n_genes), np.int8)
    changed = space.mutate(one, 0.5, np.random.default_rng(seed)) > 0
    by_group = np.stack([changed[:, space.group == g].any(axis=1) for g in range(space.n_groups)])
    can = [(space.cardinality[space.group == g] > 1).any() for g in range(space.n_groups)]
    assert (by_group.any(axis=1) == can).all()
    assert (~by_group).any(axis=1).all()
    for genes in (np.flatnonzero((space.group == g) & (space.cardinality == 4)) for g in range(space.n_groups)):
        if len(genes) > 1:  # of 16 children 3 have one of them unchanged, where they mutated apart 7
            apart = (changed[:, genes[0]] != changed[:, genes[1]]).mean()
            assert apart < 0.27


@examples(60)
@given(spaces(), seeds())
def test_a_gene_outside_its_choices_is_not_contained(space, seed):
    rng = np.random.default_rng(seed)
    rows = space.sample(20, rng)
    genes = rng.integers(space.n_genes, size=20)
    wrong = np.where(rng.random(20) < 0.5, -rng.integers(1, 100, size=20), space.cardinality[genes] + rng.integers(9))
    rows[np.arange(10), genes[:10]] = wrong[:10]
    assert (space.contains(rows) == (np.arange(20) >= 10)).all()


@examples(40)
@given(own_spaces(), seeds(), st.data())
def test_a_value_that_is_no_choice_is_refused_where_it_matters(space, seed, data):
    row = space.sample(1, np.random.default_rng(seed))
    gene = data.draw(st.sampled_from(space.gene_names))
    values = {**space.values(row[0]), gene: 99}
    if space.active(row)[0, space.index[gene]]:
        with pytest.raises(InputError, match=f"own: {gene}=99 is not one of"):
            space.row(values)
    else:
        assert (space.row(values) == space.canonical(row)[0]).all()
