"""The gains of single changes by tables, against those of changed rows."""

import numpy as np
import pytest

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import embedded_predictor, measured_predictor
from ofa_bench.spaces.enumeration import change_each, single_changes


def check(predictor, space):
    genes = space.sample(60, np.random.default_rng(0))
    wanted = predictor.linearised(genes, change_each(genes, *single_changes(space)))
    assert np.abs(wanted).max() > 1e-3
    assert predictor.single_gains(genes) == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("name", ["mbv3", "resnet50d", "proxyless", "accel_nasbench"])
def test_they_are_those_of_changed_rows(name):
    space = load_space(name)
    check(embedded_predictor(space), space)


@pytest.mark.parametrize("name", ["mbv3", "mbv3_w1.0", "proxyless"])
def test_those_of_measured_predictors_too(name):
    space = load_space(name)
    check(measured_predictor(space), space)


def test_a_predictor_without_tables_leaves_them_to_its_gradient():
    space = load_space("compofa")
    assert embedded_predictor(space).single_gains(space.sample(3, np.random.default_rng(0))) is None
