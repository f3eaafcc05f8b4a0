"""Rewrite the golden traces: ``python tests/make_golden.py``. Do so only when results are meant to change."""

import json

from search.test_evolution import GOLDEN as EVOLUTION
from search.test_evolution import search, trace
from strategies.test_strategies import GOLDEN as CHAINS
from strategies.test_strategies import STRATEGIES, run

ARGUMENTS = {
    "middle": {"target": 30.0, "generations": 20, "seed": 0},
    "tight": {"target": 12.0, "generations": 10, "seed": 1},
    "small_population": {"target": 45.0, "generations": 30, "seed": 2, "population_size": 7},
    "reference_compat": {"target": 25.0, "generations": 5, "seed": 3, "reference_compat": True},
}

traces = {name: {"arguments": given, "trace": trace(search(**given))} for name, given in ARGUMENTS.items()}
EVOLUTION.write_text(json.dumps(traces) + "\n")
found = {name: {str(i): [r.genes.tolist(), vars(r.counts)] for i, r in run(name, (40, 20, 30))} for name in STRATEGIES}
CHAINS.write_text(json.dumps(found) + "\n")
