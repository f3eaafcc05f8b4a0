"""The tables of ``docs/algorithms.md`` are those that the benchmarks lay out from their committed results."""

import importlib
import json

import pytest
from conftest import ROOT

from ofa_bench.predictors.gradient_costs import FILE

RESULTS = {
    "gradient_cost": FILE,
    "hypervolume": ROOT / "benchmarks" / "hypervolume.json",
    "untuned": ROOT / "benchmarks" / "untuned.json",
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_table_is_made_of_its_results(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module, figures = importlib.import_module(name), importlib.import_module("figures")
    content = json.loads(RESULTS[name].read_text())
    assert len(module.rows(content)) >= 9
    assert figures.markdown(module.HEAD, module.rows(content)) in (ROOT / "docs" / "algorithms.md").read_text()
