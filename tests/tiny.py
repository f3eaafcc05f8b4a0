"""Problems that can be computed by hand: what the choices are worth, and what they cost, adds up exactly."""

import numpy as np

from ofa_bench.devices.cost import CostTable, Term
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, Gene


class TinySpace(DesignSpace):
    """A space of nothing but genes."""

    fork_safe = True
    to_ofa = from_ofa = None

    def __init__(self, genes):
        super().__init__("tiny", genes)


class Additive(AccuracyPredictor):
    """Sums what the choices of active genes are worth; exact, in any order and on any machine, on a binary grid.

    With ``gradient`` it is linearised exactly; ``linearised_at`` keeps the rows.
    """

    row_wise = fork_safe = True

    def __init__(self, space, worth, gradient=True):
        self.space, self.name, self.sha256 = space, "additive", "0" * 64
        self.worth, self.gradient, self.linearised_at = worth, gradient, []

    def accuracy(self, genes):
        rows, active = self.space.canonical(genes), self.space.active(genes)
        values = np.zeros(len(genes))
        for i, worth in enumerate(self.worth):
            values += np.where(active[:, i], np.asarray(worth, np.float64)[rows[:, i]], 0.0)
        return values

    def linearised(self, genes, changed):
        if not self.gradient:
            return None
        self.linearised_at += genes.tolist()
        after = self.accuracy(changed.reshape(-1, genes.shape[1])).reshape(changed.shape[:2])
        return (after - self.accuracy(genes)[:, None]).astype(np.float32)


def tiny_problem(worth, cost, owners=None, gradient=True, keep=10):
    """Return a problem of genes by name: for each choice what it is worth, and what it costs.

    ``owners`` has, for a gene that is not always active, its owner and the owner's position from which it is.
    """
    owners = owners or {}
    genes = [Gene(name, tuple(range(len(values))), name, *owners.get(name, ())) for name, values in worth.items()]
    space = TinySpace(genes)
    terms = [Term(((name,),), np.array(values, np.float64)) for name, values in cost.items()]
    table = CostTable(space, terms, name="tiny", unit="ms", sha256="0" * 64, card={})
    return Problem(space, Additive(space, list(worth.values()), gradient), table, keep)
