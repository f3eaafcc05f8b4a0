"""Rewrite the golden traces: ``python tests/make_golden.py``. Do so only when results are meant to change."""

import json

from search.test_evolution import GOLDEN as EVOLUTION
from search.test_evolution import search
from search.test_evolution import trace as trace_evolution
from strategies.test_golden import CASES, SPACES, trace, versions
from strategies.test_golden import GOLDEN as STRATEGIES

ARGUMENTS = {
    "middle": {"target": 30.0, "generations": 20, "seed": 0},
    "tight": {"target": 12.0, "generations": 10, "seed": 1},
    "small_population": {"target": 45.0, "generations": 30, "seed": 2, "population_size": 7},
    "reference_compat": {"target": 25.0, "generations": 5, "seed": 3, "reference_compat": True},
}

traces = {name: {"arguments": given, "trace": trace_evolution(search(**given))} for name, given in ARGUMENTS.items()}
EVOLUTION.write_text(json.dumps(traces) + "\n")

lines = [f' "versions": {json.dumps(versions())}']
for space in SPACES:
    found = [
        f'  "{name}": {json.dumps(trace(space, name), separators=(",", ":"))}' for at, name in CASES if at == space
    ]
    lines.append(f' "{space}": {{\n' + ",\n".join(found) + "\n }")
STRATEGIES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
