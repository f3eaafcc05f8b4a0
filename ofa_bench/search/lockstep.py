"""Independent searches advance together: one call of the predictor a generation serves them all.

What each of them finds, and counts, is bit for bit what it finds alone. This takes a predictor whose values do not
depend on the rows beside them (its ``row_wise`` says so); any other is called for each search by itself.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

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
    """Advances lines in lockstep, in threads of which each takes lines as it gets through those it has.

    Iterate over it once: it gives the number of the line, what it found, and the seconds spent on that, for which the
    lines that advance together share the time equally. Afterwards ``seconds`` is the time of the busiest thread.

    Args:
        problem: what the lines search.
        lines: independent of each other.
        threads: at most this many; lines without compiled loops, or whose predictor is not ``row_wise``, take one. The
            matrix products in each take one core: for so few rows, more would wait for each other.
    """

    def __init__(self, problem: Problem, lines: Sequence[Line], threads: int) -> None:
        self._predictor = problem.predictor
        self._row_wise = bool(getattr(problem.predictor, "row_wise", False))
        self._waiting = deque(enumerate(lines))
        self.workers = max(1, min(threads, len(lines))) if self._row_wise and problem.kernels else 1
        self._most = -(-len(lines) // self.workers)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[int, Found, float]]:
        with threadpool_limits(1):
            if self.workers == 1:
                yield from self._advance(lambda: False)
            else:
                yield from self._in_threads()

    def _in_threads(self) -> Iterator[tuple[int, Found, float]]:
        stop, found = threading.Event(), SimpleQueue[tuple[int, Found, float] | None]()

        def work() -> None:
            try:
                for item in self._advance(stop.is_set):
                    found.put(item)
            except BaseException:
                stop.set()
                raise
            finally:
                found.put(None)

        with ThreadPoolExecutor(self.workers) as pool:
            try:
                working = [pool.submit(work) for _ in range(self.workers)]
                ended = 0
                while ended < self.workers:
                    item = found.get()
                    if item is None:
                        ended += 1
                    else:
                        yield item
                for done in working:
                    done.result()
            finally:
                stop.set()

    def _advance(self, stopped: Callable[[], bool]) -> Iterator[tuple[int, Found, float]]:
        """Take lines that wait and advance them together, until none is left."""
        active: list[_Active] = []
        busy = 0.0
        while not stopped():
            began = time.perf_counter()
            self._admit(active)
            if not active:
                break
            asking = [line for line in active if not line.ended]
            for line, values in zip(asking, self._predict([line.asked for line in asking]), strict=True):
                line.resume(values)
            seconds = time.perf_counter() - began
            busy += seconds
            for line in active:
                yield from line.findings(seconds / len(active))
            active = [line for line in active if not line.ended]
        self.seconds = max(self.seconds, busy)

    def _admit(self, active: "list[_Active]") -> None:
        rows = sum(len(line.asked) for line in active)
        while len(active) < self._most and rows < ROWS:
            try:
                line = _Active(*self._waiting.popleft())
            except IndexError:
                return
            line.resume(None)
            active.append(line)
            rows += len(line.asked) if not line.ended else 0

    def _predict(self, asked: Sequence[Genes]) -> list[Values]:
        if not self._row_wise or len(asked) < 2:
            return [self._predictor.accuracy(rows) for rows in asked]
        values = self._predictor.accuracy(np.concatenate(asked))
        return np.split(values, np.cumsum([len(rows) for rows in asked[:-1]]))


class _Active:
    """A line under way: what it asks for now, and what it has found since it was last asked."""

    def __init__(self, number: int, line: Line) -> None:
        self.number, self.ended = number, False
        self.asked: Genes = np.empty((0, 0), np.int8)
        self._line = line
        self._found: list[Found] = []
        self._seconds = 0.0

    def resume(self, values: Values | None) -> None:
        """Go on with the accuracies asked for, to the next question or the end."""
        try:
            item = self._line.send(values)
            while isinstance(item, tuple):
                self._found.append(item)
                item = self._line.send(None)
            self.asked = item
        except StopIteration:
            self.ended = True

    def findings(self, seconds: float) -> Iterator[tuple[int, Found, float]]:
        """Give what was found, after ``seconds`` more, with the seconds since the finding before."""
        self._seconds += seconds
        for item in self._found:
            yield self.number, item, self._seconds
            self._seconds = 0.0
        self._found = []
