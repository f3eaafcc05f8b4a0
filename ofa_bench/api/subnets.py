"""``ob.evaluate``: the accuracy and the cost of given architectures, without a search."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, overload

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import NamedArchitecture, read_architectures
from ofa_bench.experiment.evaluation import evaluate as evaluate_named
from ofa_bench.formatting import format_accuracy
from ofa_bench.search import Problem
from ofa_bench.spaces import Genes

__all__ = ["Subnet", "check_problem", "evaluate"]


@dataclass(frozen=True, repr=False, eq=False)
class Subnet:
    """An architecture with its accuracy and its cost.

    ``architecture`` is OFA's dict, ``genes`` are int8 [n_genes], ``accuracy`` is predicted (top-1, a fraction of 1) and
    ``cost`` is in ``unit``. ``unlabelled`` are its values, by gene, that no label of the predictor had: its accuracy is
    then less certain, and a guess without ``uncertainty``, one standard deviation of the accuracy; both are None where
    the predictor does not know.
    """

    architecture: Mapping[str, Any]
    genes: Genes
    accuracy: float
    cost: float
    unit: str
    unlabelled: Mapping[str, Any] | None = None
    uncertainty: float | None = None

    def __repr__(self) -> str:
        guess = ", a guess" if self.unlabelled and self.uncertainty is None else ""
        accuracy = format_accuracy(self.accuracy, self.uncertainty)
        return f"Subnet({accuracy} %{guess}, {self.cost:.2f} {self.unit}, {dict(self.architecture)})"


@overload
def evaluate(problem: Problem, architecture: "Mapping[str, Any] | Subnet") -> Subnet: ...
@overload
def evaluate(problem: Problem, architecture: "Sequence[Any] | Genes | str | PathLike[str]") -> list[Subnet]: ...
def evaluate(problem: Problem, architecture: Any) -> Subnet | list[Subnet]:
    """Return accuracy and cost of architectures.

    Args:
        problem: has the space, the predictor and the cost model.
        architecture: OFA's dict or a ``Subnet``; or a list of these, genes (int8 [n, n_genes]), or the path of a file
            or record that ``ofa_bench evaluate`` reads.

    Returns:
        One ``Subnet`` for a dict or a ``Subnet``, else a list of them.

    Raises:
        InputError: it is not an architecture of the space, or the problem is none.
    """
    check_problem(problem)
    single = isinstance(architecture, Mapping | Subnet)
    if isinstance(architecture, str | PathLike):
        named = read_architectures("architecture", fspath(architecture), problem.space, None)
    else:
        given = [architecture] if single or not isinstance(architecture, Iterable) else architecture
        named = [NamedArchitecture("", _genes(problem, one)) for one in given]
    found = []
    for one in evaluate_named(problem, named) if named else []:
        genes, unit = one.named.genes, problem.cost.unit
        about = (one.accuracy, one.cost, unit, one.unlabelled, one.uncertainty)
        found.append(Subnet(problem.space.to_ofa(genes), genes, *about))
    return found[0] if single else found


def check_problem(problem: object) -> None:
    """Raise InputError if an object is no problem."""
    if not isinstance(problem, Problem):
        raise InputError(f"problem: must be built by ob.problem(...), not {type(problem).__name__}")


def _genes(problem: Problem, one: Any) -> Genes:
    """Return the row (int8 [n_genes], canonical) of OFA's dict, a ``Subnet`` or genes."""
    space = problem.space
    if isinstance(one, Subnet):
        one = one.architecture
    try:
        if isinstance(one, Mapping):
            return space.from_ofa(one)
        rows = np.asarray(one)
        if rows.shape == (space.n_genes,) and rows.dtype.kind in "iu" and space.contains(rows[None])[0]:
            canonical: Genes = space.canonical(rows.astype(np.int8)[None])[0]
            return canonical
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"architecture: not one of space {space.name} ({error})") from error
    raise InputError(
        f"architecture: {type(one).__name__} is not one of space {space.name}; give OFA's dict, genes (int8 "
        f"[n, {space.n_genes}]) or a path"
    )
