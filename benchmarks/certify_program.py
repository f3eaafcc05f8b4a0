"""A mixed-integer program over the architectures that cost no more than a target, for ``benchmarks/certify.py``.

One gene (the resolution) is fixed, which makes the tables small. A binary stands for each choice of a gene; those of an
owned gene add up to whether it is active. Products of choices are replaced by the joint distribution of each table's
genes, whose margins are the choices; genes that share several tables share a joint margin too, so that on the costs
alone the relaxation is tight.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csr_array

from ofa_bench.predictors import CostTable
from ofa_bench.spaces import DesignSpace, Genes

Terms = list[tuple[int, float]]
"""Columns and their coefficients."""


class Program:
    """Columns and rows of a mixed-integer program, as they are added."""

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.parent: list[bool] = []
        self.rows: list[tuple[float, float, Terms]] = []
        self._constraints: LinearConstraint | None = None

    def column(self, low: float = 0.0, high: float = 1.0, whole: bool = False) -> int:
        """Add a variable; give its place."""
        self._constraints = None
        self.low.append(low)
        self.high.append(high)
        self.parent.append(whole)
        return len(self.low) - 1

    def row(self, low: float, high: float, terms: Iterable[tuple[int, float]]) -> None:
        """Add a constraint: low <= sum of coefficient times column <= high."""
        self._constraints = None
        self.rows.append((low, high, list(terms)))

    def equal(self, columns: Iterable[int], total: Iterable[int], constant: float = 0.0) -> None:
        """Let a sum of columns be the sum of others, plus a constant."""
        self.row(constant, constant, [*((c, 1.0) for c in columns), *((c, -1.0) for c in total)])

    def maximise(self, column: int, sign: float = 1.0, *, relaxed: bool = False, **options: float) -> OptimizeResult:
        """Maximise a column, or minimise it (``sign=-1``); the result's ``fun`` has the opposite sign."""
        goal = np.zeros(len(self.low))
        goal[column] = -sign
        return milp(
            goal,
            integrality=np.zeros(len(goal)) if relaxed else np.array(self.parent, float),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=self._built(),
            options=options,
        )

    def _built(self) -> LinearConstraint:
        if self._constraints is None:
            where = np.repeat(np.arange(len(self.rows)), [len(terms) for _, _, terms in self.rows])
            columns, values = zip(*(term for _, _, terms in self.rows for term in terms), strict=True)
            matrix = csr_array((values, (where, columns)), shape=(len(self.rows), len(self.low)))
            lows, highs, _ = zip(*self.rows, strict=True)
            self._constraints = LinearConstraint(matrix, np.array(lows), np.array(highs))
        return self._constraints


class Choices:
    """The columns of all architectures of a space with one gene fixed, that cost no more than a target.

    ``columns`` has one by (gene, choice); choices that build one network are one.
    """

    def __init__(self, program: Program, space: DesignSpace, cost: CostTable, fixed: str, choice: int, target: float):
        self.program, self.space, self.fixed, self.choice = program, space, fixed, choice
        self.columns: dict[tuple[str, int], int] = {}
        for gene in space.genes:
            if gene.name == fixed:
                continue
            for option in sorted(set(gene.distinct)):
                self.columns[gene.name, option] = program.column(whole=True)
            if gene.owner is None or gene.active_from == 0:
                program.equal(self._all(gene.name), (), 1.0)
            else:
                program.equal(self._all(gene.name), self._from(gene.owner, gene.active_from))
        factors = [self._reduced(*factor) for term in cost._terms for factor in term]
        pairs = [set(combinations(sorted(self._free(scope)), 2)) for scope, _ in factors]
        several = {pair for i, some in enumerate(pairs) for pair in some if any(pair in other for other in pairs[:i])}
        joints = {pair: self._joint(pair) for pair in sorted(several)}
        program.row(-np.inf, target, [term for factor in factors for term in self._costs(*factor, joints)])

    def row(self, solution: NDArray[np.float64]) -> Genes:
        """Read the architecture of a solution: canonical, int8 [n_genes]."""
        genes = np.zeros(self.space.n_genes, np.int8)
        genes[self.space.index[self.fixed]] = self.choice
        for (name, option), column in self.columns.items():
            if solution[column] > 0.5:
                genes[self.space.index[name]] = option
        canonical: Genes = self.space.canonical(genes[None])[0]
        return canonical

    def _all(self, gene: str) -> list[int]:
        return [column for (name, _), column in self.columns.items() if name == gene]

    def _from(self, gene: str, least: int) -> list[int]:
        return [column for (name, option), column in self.columns.items() if name == gene and option >= least]

    def _free(self, scope: Sequence[str]) -> list[str]:
        return [name for name in scope if self.space.genes[self.space.index[name]].owner is None]

    def _reduced(self, scope: Sequence[int], values: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
        """Fix the gene, and leave out owners whose genes here are always active."""
        names = [self.space.gene_names[i] for i in scope]
        keep = [name for name in names if name != self.fixed]
        taken = [self.choice if name == self.fixed else slice(None) for name in names]
        values = np.asarray(values[tuple(taken)])
        owned = [self.space.genes[self.space.index[name]] for name in keep]
        for owner in {gene.owner for gene in owned if gene.owner}:
            if all(gene.active_from == 0 for gene in owned if gene.owner == owner):
                values = np.asarray(values.take(0, axis=keep.index(owner)))
                keep.remove(owner)
        return keep, values

    def _joint(self, pair: tuple[str, str]) -> dict[tuple[int, int], int]:
        """Add the joint distribution of two genes, with its margins."""
        options = [[option for name, option in self.columns if name == gene] for gene in pair]
        joint = {(i, j): self.program.column() for i in options[0] for j in options[1]}
        for place, gene in enumerate(pair):
            for option in options[place]:
                self.program.equal((c for at, c in joint.items() if at[place] == option), [self.columns[gene, option]])
        return joint

    def _costs(
        self,
        scope: list[str],
        values: NDArray[np.float64],
        joints: dict[tuple[str, str], dict[tuple[int, int], int]],
    ) -> Terms:
        """Add the joint distribution of a table's genes, and give its share of the cost."""
        if len(scope) == 1:
            return [(column, values[option]) for (name, option), column in self.columns.items() if name == scope[0]]
        genes = [self.space.genes[self.space.index[name]] for name in scope]

        def active(place: int, at: tuple[int, ...]) -> bool:
            owner = genes[place].owner
            return owner not in scope or at[scope.index(owner)] >= genes[place].active_from

        wanted = [set(gene.distinct) for gene in genes]
        cells = [
            at
            for at in np.ndindex(*values.shape)
            if all(at[i] in wanted[i] and (active(i, at) or at[i] == 0) for i in range(len(scope)))
        ]
        joint = {at: self.program.column() for at in cells}
        for place, name in enumerate(scope):
            for option in wanted[place]:
                margin = [c for at, c in joint.items() if at[place] == option and active(place, at)]
                self.program.equal(margin, [self.columns[name, option]])
        for pair, shared in joints.items():
            if set(pair) <= set(scope):
                first, second = scope.index(pair[0]), scope.index(pair[1])
                for at_pair, column in shared.items():
                    margin = [c for at, c in joint.items() if (at[first], at[second]) == at_pair]
                    self.program.equal(margin, [column])
        return [(column, float(values[at])) for at, column in joint.items()]
