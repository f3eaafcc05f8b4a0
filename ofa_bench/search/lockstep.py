"""Independent searches advance together: one call of the predictor a generation serves them all.

What each of them finds, and counts, is bit for bit what it finds alone. This takes a predictor whose values do not
depend on the rows beside them (its ``row_wise`` says so); any other is called for each search by itself.
"""

import contextlib
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search.problem import Problem, SearchResult, Values
from ofa_bench.spaces import Genes

__all__ = ["Found", "Line", "Together", "alone"]

Found = tuple[int, SearchResult]
"""The position of a target and what was found for it."""

Line = Generator[Genes | Found, Values | None, None]
"""Searches of which each needs the one before: yields architectures (and is sent their accuracies), and findings."""

ROWS = 512
"""Architectures in one call of the predictor beyond which no further search joins; memory grows with it, speed not."""

WORTH_A_THREAD = 2e-4
"""Seconds of predicting below which another thread costs more than it saves."""


def alone(line: Line, predictor: AccuracyPredictor) -> Iterator[Found]:
    """Go through one line by itself."""
    values: Values | None = None
    with contextlib.suppress(StopIteration):
        while True:
            item = line.send(values)
            values = None
            if isinstance(item, tuple):
                yield item
            else:
                values = predictor.accuracy(item)


class Together:
    """Advances lines in lockstep.

    Iterate over it once: it gives the number of the line, what it found, and the seconds spent on that, for which the
    lines that advance together share the time equally. Afterwards ``seconds`` is all the time spent.

    Args:
        problem: what the lines search.
        lines: independent of each other.
        threads: a call of a ``row_wise`` predictor that is worth it is split among so many.
    """

    def __init__(self, problem: Problem, lines: Iterable[Line], threads: int) -> None:
        self._predictor = problem.predictor
        self._row_wise = bool(getattr(problem.predictor, "row_wise", False))
        self._waiting = enumerate(lines)
        self._threads = threads if self._row_wise else 1
        self._seconds_a_row = 0.0
        self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[int, Found, float]]:
        active: list[_Active] = []
        with threadpool_limits(1), ThreadPoolExecutor(max(1, self._threads - 1)) as pool:
            while True:
                began = time.perf_counter()
                self._admit(active)
                if not active:
                    break
                asking = [line for line in active if not line.ended]
                for line, values in zip(asking, self._answers([line.asked for line in asking], pool), strict=True):
                    line.resume(values)
                seconds = time.perf_counter() - began
                self.seconds += seconds
                for line in active:
                    yield from line.findings(seconds / len(active))
                active = [line for line in active if not line.ended]

    def _admit(self, active: "list[_Active]") -> None:
        """Start lines that wait, as long as there is room in a call of the predictor."""
        rows = sum(len(line.asked) for line in active)
        while rows < ROWS:
            number, line = next(self._waiting, (-1, None))
            if line is None:
                return
            active.append(_Active(number, line))
            rows += len(active[-1].asked)

    def _answers(self, asked: Sequence[Genes], pool: ThreadPoolExecutor) -> list[Values]:
        """Have predicted what each line asks for."""
        if not self._row_wise:
            return [self._predictor.accuracy(rows) for rows in asked]
        if not asked:
            return []
        values, ends = self._predict(np.concatenate(asked), pool), np.cumsum([len(rows) for rows in asked]).tolist()
        return [values[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _predict(self, rows: Genes, pool: ThreadPoolExecutor) -> Values:
        """Call the predictor, in as many threads as have enough to do each."""
        shares = min(self._threads, max(1, int(len(rows) * self._seconds_a_row / WORTH_A_THREAD)))
        parts = np.array_split(rows, shares)
        others = [pool.submit(self._predictor.accuracy, part) for part in parts[1:]]
        began = time.perf_counter()
        first = self._predictor.accuracy(parts[0])
        self._seconds_a_row = (time.perf_counter() - began) / len(parts[0])
        return np.concatenate([first, *(other.result() for other in others)])


class _Active:
    """A line under way: what it asks for now, and what it has found since it was last asked."""

    def __init__(self, number: int, line: Line) -> None:
        self.number, self.ended = number, False
        self.asked: Genes = np.empty((0, 0), np.int8)
        self._line = line
        self._found: list[Found] = []
        self._seconds = 0.0
        self.resume(None)

    def resume(self, values: Values | None) -> None:
        """Go on with the accuracies asked for, to the next question or the end."""
        try:
            item = self._line.send(values)
            while isinstance(item, tuple):
                self._found.append(item)
                item = self._line.send(None)
            self.asked = item
        except StopIteration:
            self.ended, self.asked = True, self.asked[:0]

    def findings(self, seconds: float) -> Iterator[tuple[int, Found, float]]:
        """Give what was found, after ``seconds`` more, with the seconds since the finding before."""
        self._seconds += seconds
        for item in self._found:
            yield self.number, item, self._seconds
            self._seconds = 0.0
        self._found = []
