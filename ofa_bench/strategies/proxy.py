"""The search of one device for all devices of a fleet (Lu et al., SIGMETRICS 2022, arXiv 2111.01203).

Devices rank architectures alike, so what is good on one is good on others. The **inner** strategy searches one device,
the **proxy**. Everything that it evaluates there is re-costed on all other devices, where no accuracy has to be asked
for: each target of the fleet gets the most accurate architecture evaluated that meets it. Where none does, the device's
cheapest one is evaluated too.

Lu et al. search the proxy for its front, whatever the other devices' targets are. So the inner strategy's targets are
spread evenly over the proxy's costs, and its own targets are met like those of any other device.
"""

import dataclasses
from collections.abc import Generator, Sequence

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.search import Archive, Counts, Evaluator, Fleet, Member, Problem, SearchCoroutine
from ofa_bench.search.archive import History
from ofa_bench.search.problem import Values
from ofa_bench.spaces import Genes
from ofa_bench.strategies.base import Budget, CoroutineStrategy, is_fork_safe
from ofa_bench.strategies.shared import check_whole, share_results

__all__ = ["Proxy"]


class Proxy(CoroutineStrategy):
    """Search one device, and re-cost what was evaluated there on the others (see this module's docstring).

    A single device is searched by the inner strategy, as if there were no proxy.

    Args:
        inner: the strategy that searches the proxy; its searches must be coroutines.
        proxy: the name of the proxy, one of the fleet's devices; None: the one whose costs rank architectures most like
            those of all others (the highest mean rank correlation over random architectures).
        proxy_targets: the number of targets that are searched on the proxy; None: only the proxy's own.

    Raises:
        InputError: a value is not allowed.
    """

    across_devices = True

    def __init__(self, inner: CoroutineStrategy, proxy: str | None = None, proxy_targets: int | None = 10) -> None:
        if not isinstance(inner, CoroutineStrategy):
            raise InputError(
                f"strategy.inner={type(inner).__name__}: must be a strategy with coroutines, such as joint"
            )
        if proxy_targets is not None:
            check_whole("proxy_targets", proxy_targets)
        self.inner, self.proxy, self.proxy_targets = inner, proxy, proxy_targets
        self.limits = tuple(measure for measure in inner.limits if measure != "seconds")
        self.bytes_a_pair = inner.bytes_a_pair

    @property
    def fork_safe(self) -> bool:  # type: ignore[override]
        """Whether its searches may run in forked processes: if the inner strategy's may."""
        return is_fork_safe(self.inner)

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:
        """Return those of the inner strategy."""
        return self.inner.most_evaluations(problem, targets, budget)

    def most_evaluations_of_fleet(self, fleet: Fleet, budget: Budget) -> int | None:
        """Return those of the inner strategy on the proxy, and one for each other device; 0 if nothing is feasible."""
        if not fleet.feasible:
            return 0
        proxy = self._searched(fleet)
        most = self.inner.most_evaluations(proxy.problem, proxy.targets, self._inner_budget(fleet, budget))
        return None if most is None else most + len(fleet.members) - 1

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return those of the inner strategy."""
        return self.inner.coroutines(problem, targets, budget, rng)

    def fleet_coroutines(self, fleet: Fleet, budget: Budget, rng: np.random.Generator) -> Sequence[SearchCoroutine]:
        """Return one coroutine: the inner search of the proxy, and what that gives all devices."""
        return [self._coroutine(fleet, self._searched(fleet), self._inner_budget(fleet, budget), rng)]

    def _searched(self, fleet: Fleet) -> Member:
        """Return the proxy, with the targets that are searched there."""
        member = fleet.members[self._place(fleet)]
        if self.proxy_targets is None:
            return member
        low, high, n = member.problem.cost.minimum, member.problem.cost.maximum, self.proxy_targets
        return Member(member.problem, tuple(low + (high - low) * (i + 1) / n for i in range(n)))

    def _place(self, fleet: Fleet) -> int:
        """Return which device of a fleet is the proxy."""
        if self.proxy is None:
            return int(fleet.similarity.sum(axis=0).argmax())
        names = [member.problem.cost.name for member in fleet.members]
        if self.proxy not in names:
            near = suggestion(str(self.proxy), names)
            raise InputError(f"strategy.proxy={self.proxy}: not in the fleet; there are {', '.join(names)}{near}")
        return names.index(self.proxy)

    def _inner_budget(self, fleet: Fleet, budget: Budget) -> Budget:
        """Return the budget of the inner search: under a limit of evaluations, without those of other devices."""
        limit = budget.limit
        if limit is None or limit.measure != "unique_evaluations":
            return budget
        left = max(1, limit.amount - (len(fleet.members) - 1))
        return dataclasses.replace(budget, limit=dataclasses.replace(limit, amount=left))

    def _coroutine(self, fleet: Fleet, proxy: Member, budget: Budget, rng: np.random.Generator) -> SearchCoroutine:
        evaluator, history = proxy.problem.evaluator(), History(proxy.problem.space)
        archives = [Archive(evaluator.on(member.problem), member.targets, history) for member in fleet.members]
        if fleet.feasible:
            made = list[Counts]()
            for coroutine in self.inner.coroutines(proxy.problem, proxy.targets, budget, rng):
                made += yield from _observe(coroutine, evaluator, history)
            vars(evaluator.counts).update({key: sum(vars(one)[key] for one in made) for key in vars(Counts())})
            for member, archive in zip(fleet.members, archives, strict=True):
                cheapest, minimum = member.problem.cost.cheapest[None], member.problem.cost.minimum
                feasible = [target for target in member.targets if target >= minimum]
                if feasible and not (archive.cost <= min(feasible)).any():
                    _add(history, evaluator, cheapest, (yield from evaluator.ask(cheapest)))
        yield from share_results(archives)


def _observe(
    coroutine: SearchCoroutine, evaluator: Evaluator, history: History
) -> Generator[Genes, Values, list[Counts]]:
    """Run a coroutine and add what it evaluates to a history; return the counts of its results.

    ``evaluator`` counts what was asked of the predictor, and gives measurements the errors that the search saw.
    """
    counts, values = list[Counts](), None
    while True:
        try:
            item = coroutine.send(values)
        except StopIteration:
            return counts
        if isinstance(item, tuple):
            counts.append(item[1].counts)
            values = None
        else:
            values = yield item
            _add(history, evaluator, item, _note(evaluator, item, values))


def _note(evaluator: Evaluator, genes: Genes, values: Values) -> Values:
    """Return the accuracies of architectures, first measured, of which a predictor gave the values: float64 [n]."""
    request = evaluator.ask(genes, memo=False)
    next(request)
    try:
        request.send(values)
    except StopIteration as done:
        accuracy: Values = done.value
    return accuracy


def _add(history: History, evaluator: Evaluator, genes: Genes, accuracy: Values) -> None:
    counts = evaluator.counts
    history.add(genes, accuracy, (history.batches, counts.evaluations, counts.unique_evaluations))
