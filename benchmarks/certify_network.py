"""The pruned accuracy predictor of ``benchmarks/certify.py`` as a part of a mixed-integer program, and its solution.

A hidden unit whose sign is not proven has a binary that says whether it is on, with big-M from its bounds; in the last
hidden layer, a unit of negative weight needs none, as the objective presses it down. Bounds come from intervals and are
tightened by linear programs.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from certify_program import Choices, Program

from ofa_bench.predictors import CostTable
from ofa_bench.predictors.pruning import ExactLayer, Interval, first_interval, prune
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, Genes

Columns = Mapping[str, Sequence[int]]
"""By gene that is a feature, the first layer's row for each of its choices."""

BUDGET = 1e-6
"""How far pruned units may move an accuracy (a fraction of 1); it is added to the bounds."""

ROUNDS = 3
"""How often all bounds of units are tightened, at most."""

MARGIN = 1e-7
"""What a unit's bound is given beyond what the solver says; units are scaled to 1."""

OPTIMAL, INFEASIBLE = 0, 2
"""The solver's status."""


@dataclass(frozen=True)
class Part:
    """The architectures with one choice of a gene, and the network that predicts them, pruned for them alone.

    Units are scaled to 1 and the output is in percent; ``error`` (points) is how far it may be off. ``names`` are the
    genes and choices that the first layer's rows stand for.
    """

    gene: str
    choice: int
    names: Sequence[tuple[str, int]]
    layers: Sequence[ExactLayer]
    bounds: Sequence[Interval]
    error: float

    @classmethod
    def of(cls, space: DesignSpace, columns: Columns, layers: Sequence[ExactLayer], gene: str, choice: int) -> "Part":
        """Fix a gene's choice in a network over one-hot columns."""
        weight, bias = layers[0]
        weight = weight.copy()
        weight[list(columns[gene])] = weight[columns[gene][choice]]
        merged = {name: space.genes[space.index[name]].distinct for name in columns}
        distinct = {name: [places[option] for option in merged[name]] for name, places in columns.items()}
        first = (weight, bias)
        pruned, error = prune(first_interval(space, distinct, first), [first, *layers[1:]], BUDGET)
        bounds = propagated([first_interval(space, distinct, pruned[0])], pruned)
        scales = [np.maximum(np.abs(interval).max(axis=0), 1e-12) for interval in bounds]
        bounds = [(low / scale, high / scale) for (low, high), scale in zip(bounds, scales, strict=True)]
        scaled = [
            (np.atleast_2d(before).T * weight / after, bias / after)
            for (weight, bias), before, after in zip(pruned, [1.0, *scales], [*scales, 0.01], strict=True)
        ]
        names = [(name, option) for name in columns if name != gene for option in sorted(set(merged[name]))]
        rows = [columns[name][option] for name, option in names]
        scaled[0] = (scaled[0][0][rows], scaled[0][1] + scaled[0][0][columns[gene][choice]])
        return cls(gene, choice, names, scaled, bounds, 100 * error)


def propagated(bounds: Sequence[Interval], layers: Sequence[ExactLayer]) -> list[Interval]:
    """Bound what units are given, before ReLU, by the layers before, within the bounds that are there already."""
    made = [bounds[0]]
    for depth, (weight, bias) in enumerate(layers[1:-1], start=1):
        low, high = (np.maximum(bound, 0) for bound in made[-1])
        centre, radius = (low + high) / 2 @ weight + bias, (high - low) / 2 @ np.abs(weight)
        interval = centre - radius, centre + radius
        if depth < len(bounds):
            interval = np.maximum(interval[0], bounds[depth][0]), np.minimum(interval[1], bounds[depth][1])
        made.append(interval)
    return made


@dataclass
class Attempt:
    """The program of a part for one target, above one accuracy (percent), with bounds that can be tightened."""

    part: Part
    problem: Problem
    target: float
    least: float

    def __post_init__(self) -> None:
        self.bounds = [(low.copy(), high.copy()) for low, high in self.part.bounds]
        self.build()

    def build(self) -> None:
        """Make the program for the bounds as they are now."""
        self.program, part = Program(), self.part
        space, cost = self.problem.space, self.problem.cost
        assert isinstance(cost, CostTable), "only a table's terms can be written as rows"
        self.choices = Choices(self.program, space, cost, part.gene, part.choice, self.target)
        inputs = [self.choices.columns[name] for name in part.names]
        least = self.least - part.error
        self.output, self.units = add_network(self.program, inputs, part.layers, self.bounds, least)

    def relaxed(self) -> float:
        """Bound the output (percent) by a linear program; minus infinity if it cannot exceed ``least``."""
        found = self.program.maximise(self.output, relaxed=True)
        if found.status == OPTIMAL:
            return float(self.part.error - found.fun)
        return -np.inf if found.status == INFEASIBLE else 100.0

    def open(self, depth: int) -> list[int]:
        """List the units of a layer whose sign is not proven."""
        low, high = self.bounds[depth]
        return [int(unit) for unit in np.flatnonzero((low < 0) & (high > 0))]

    def tighten(self) -> bool:
        """Tighten the bounds of units of open sign, layer by layer; False if that proves that nothing is better."""
        for depth in range(len(self.bounds)):
            for unit in self.open(depth):
                low, high = self.bounds[depth]
                for upwards in (False, True) if -low[unit] < high[unit] else (True, False):  # the likelier proof first
                    if not low[unit] < 0 < high[unit]:
                        break
                    sign = 1.0 if upwards else -1.0
                    found = self.program.maximise(self.units[depth][unit], sign, relaxed=True)
                    if found.status == INFEASIBLE:
                        return False
                    if found.status == OPTIMAL and upwards:
                        high[unit] = min(high[unit], MARGIN - found.fun)
                    elif found.status == OPTIMAL:
                        low[unit] = max(low[unit], found.fun - MARGIN)
            self.bounds = propagated(self.bounds, self.part.layers)
            self.build()
        return True

    def solve(self, seconds: float) -> tuple[float, Genes | None]:
        """Find the best architecture: a proven bound of its accuracy (percent), and itself if there is one."""
        until = time.monotonic() + seconds
        for _ in range(ROUNDS):
            before = sum(len(self.open(depth)) for depth in range(len(self.bounds)))
            if not self.tighten():
                return self.least, None
            if time.monotonic() > until or sum(len(self.open(depth)) for depth in range(len(self.bounds))) == before:
                break
        left = max(1.0, until - time.monotonic())
        found = self.program.maximise(self.output, time_limit=left, mip_rel_gap=1e-9)
        if found.status == INFEASIBLE:
            return self.least, None
        bound = 100.0 if found.mip_dual_bound is None else -found.mip_dual_bound + self.part.error
        return bound, None if found.x is None else self.choices.row(found.x)


def add_network(
    program: Program, inputs: Sequence[int], layers: Sequence[ExactLayer], bounds: Sequence[Interval], least: float
) -> tuple[int, list[list[int]]]:
    """Add a perceptron with ReLU between layers over columns: the output, and what each hidden unit is given.

    Args:
        program: it is added to.
        inputs: the columns of the first layer's features.
        layers: the last has one output.
        bounds: of what the units of each hidden layer are given, before ReLU.
        least: the output is at least this.
    """
    given: list[int | None] = list(inputs)
    before: list[list[int]] = []
    for depth, (weight, bias) in enumerate(layers):
        last = depth == len(layers) - 1
        low, high = (np.array([least]), np.array([np.inf])) if last else bounds[depth]
        columns = [program.column(float(low[j]), float(high[j])) for j in range(len(bias))]
        for j, column in enumerate(columns):
            terms = [(c, float(weight[i, j])) for i, c in enumerate(given) if c is not None and weight[i, j]]
            program.row(-bias[j], -bias[j], [*terms, (column, -1.0)])
        if last:
            return columns[0], before
        before.append(columns)
        pressed = layers[-1][0][:, 0] < 0 if depth == len(layers) - 2 else np.zeros(len(bias), bool)
        given = [_relu(program, *unit) for unit in zip(columns, low.tolist(), high.tolist(), pressed, strict=True)]
    raise ValueError("a perceptron has a layer")


def _relu(program: Program, column: int, low: float, high: float, pressed: bool) -> int | None:
    """Add what a unit gives: nothing, what it is given, or the greater of the two."""
    if low >= 0:
        return column
    if high <= 0:
        return None
    given = program.column(0.0, high)
    program.row(0.0, np.inf, [(given, 1.0), (column, -1.0)])
    if not pressed:
        on = program.column(whole=True)
        program.row(-np.inf, -low, [(given, 1.0), (column, -1.0), (on, -low)])
        program.row(-np.inf, 0.0, [(given, 1.0), (on, -high)])
    return given
