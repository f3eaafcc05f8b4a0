"""Advances independent searches together, with one call of the predictor for a generation of all of them.

Each search finds and counts, bit for bit, what it does alone. This needs a predictor whose values do not depend on the
other rows of a call (``row_wise``); any other predictor is called separately for each search.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search.problem import Problem, SearchResult, Values
from ofa_bench.spaces import Genes
from ofa_bench.spaces.declarations import declares_fork_safe

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Found", "LockstepRunner", "SearchCoroutine", "may_fork", "run_single"]

Found = tuple[int, SearchResult]
"""The position of a target and what was found for it."""

SearchCoroutine = Generator[Genes | Found, Values | None, None]
"""Searches that depend on each other: it yields architectures, and is sent their accuracies, and findings."""

ROWS = 512
"""No further search joins a call of the predictor with this many architectures; a larger call is not faster."""

WORTH_A_THREAD = 2e-4
"""Seconds of predicting below which another thread costs more than it saves."""


def run_single(coroutine: SearchCoroutine, predictor: AccuracyPredictor) -> Iterator[Found]:
    """Run one coroutine by itself."""
    values: Values | None = None
    while True:
        try:
            item = coroutine.send(values)
        except StopIteration:
            return
        values = None
        if isinstance(item, tuple):
            yield item
        else:
            values = predictor.accuracy(item)


class LockstepRunner:
    """Advances coroutines in lockstep, on several cores if possible.

    Iterate over it once: it yields the number of a coroutine, a finding, and the seconds spent on it; coroutines that
    advance together share the time equally. Afterwards ``seconds`` is the time of all.

    Args:
        problem: the problem that is searched.
        coroutines: independent of each other.
        threads: cores to use. On Linux, where predictor, space and costs declare ``fork_safe``, the coroutines are
            divided among as many forked processes, because Python's threads would wait for each other. Otherwise long
            calls of a ``row_wise`` predictor are split among threads. Matrix products have one thread each: the last
            digits of some processors' products depend on the number of threads, and so would what is found.
        fork: whether the coroutines are fork-safe: in a forked process, changes outside them are lost, and libraries
            with their own threads, such as torch, may hang.
    """

    def __init__(
        self, problem: Problem, coroutines: Sequence[SearchCoroutine], threads: int, *, fork: bool = False
    ) -> None:
        self._predictor = problem.predictor
        self._row_wise = problem.predictor.row_wise
        self._coroutines = coroutines
        self._waiting: Iterator[tuple[int, SearchCoroutine]] = iter(())
        self.processes = min(threads, len(coroutines)) if fork and may_fork(problem) else 1
        self._threads = threads if self._row_wise and self.processes == 1 else 1
        self._seconds_a_row = 0.0
        self.seconds = 0.0

    def __iter__(self) -> Iterator[tuple[int, Found, float]]:
        numbered = list(enumerate(self._coroutines))
        if self.processes > 1:
            both = 2 * self.processes  # dealt there and back, since searches of larger targets often take longer
            dealt = [numbered[i::both] + numbered[both - 1 - i :: both] for i in range(self.processes)]
            yield from self._in_processes(dealt)
        else:
            yield from self._advance(numbered)

    def _in_processes(
        self, dealt: Sequence[Sequence[tuple[int, SearchCoroutine]]]
    ) -> Iterator[tuple[int, Found, float]]:
        began, context = time.perf_counter(), multiprocessing.get_context("fork")
        pipes = [context.Pipe(duplex=False) for _ in dealt]
        processes = [
            context.Process(target=self._send, args=(coroutines, pipes, i)) for i, coroutines in enumerate(dealt)
        ]
        open_ends = [end for end, _ in pipes]
        try:
            self._start(processes)
            for _, out in pipes:
                out.close()  # so that the end of a process is the end of its pipe
            while open_ends:
                wait(open_ends)
                for end in [one for one in open_ends if one.poll()]:
                    item = end.recv()
                    if item is None:
                        open_ends.remove(end)
                    elif isinstance(item[0], BaseException):
                        raise item[0] from RuntimeError(item[1])
                    else:
                        yield item
            self.seconds = time.perf_counter() - began
        except EOFError as error:
            raise RuntimeError("a search's process ended before its work; was it out of memory?") from error
        finally:
            for process in processes:
                if process.pid:
                    process.kill()
                    process.join()
            for end, _ in pipes:
                end.close()

    @staticmethod
    def _start(processes: Sequence[BaseProcess]) -> None:
        """Start the processes; interrupts are blocked until each process ignores them."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # about forks beside threads, which ours do not use
                for process in processes:
                    process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _send(
        self,
        coroutines: Sequence[tuple[int, SearchCoroutine]],
        pipes: "Sequence[tuple[Connection, Connection]]",
        i: int,
    ) -> None:
        """Advance coroutines in a forked process: send their findings, then None; or an error with its traceback."""
        try:
            gc.freeze()  # collecting garbage would copy the parent's pages
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it and ends this process
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            out = pipes[i][1]
            for end in (end for pair in pipes for end in pair if end is not out):
                end.close()  # so that this process ends with the parent, and no other one waits for it
            try:
                for item in self._advance(coroutines):
                    out.send(item)
                out.send(None)
            except Exception as error:
                with contextlib.suppress(Exception):
                    out.send((error, traceback.format_exc()))
                out.send((RuntimeError(repr(error)), traceback.format_exc()))  # for an error that cannot be sent
        finally:
            os._exit(0)  # without cleaning up what is the parent's, such as buffers and locks

    def _advance(self, coroutines: Sequence[tuple[int, SearchCoroutine]]) -> Iterator[tuple[int, Found, float]]:
        self._waiting, active = iter(coroutines), list[_Active]()
        limit = partial(threadpool_limits, 1)  # of matrix products; some libraries have one limit for each thread
        with limit(), ThreadPoolExecutor(max(1, self._threads - 1), initializer=limit) as pool:
            while True:
                began = time.perf_counter()
                self._admit(active)
                if not active:
                    break
                asking = [coroutine for coroutine in active if not coroutine.ended]
                for coroutine, values in zip(
                    asking, self._answers([coroutine.asked for coroutine in asking], pool), strict=True
                ):
                    coroutine.resume(values)
                seconds = time.perf_counter() - began
                self.seconds += seconds
                for coroutine in active:
                    yield from coroutine.findings(seconds / len(active))
                active = [coroutine for coroutine in active if not coroutine.ended]

    def _admit(self, active: "list[_Active]") -> None:
        """Start waiting coroutines, as long as there is room in a call of the predictor."""
        rows = sum(len(coroutine.asked) for coroutine in active)
        while rows < ROWS:
            number, coroutine = next(self._waiting, (-1, None))
            if coroutine is None:
                return
            active.append(_Active(number, coroutine))
            rows += len(active[-1].asked)

    def _answers(self, asked: Sequence[Genes], pool: ThreadPoolExecutor) -> list[Values]:
        """Return the accuracies that each coroutine requests."""
        if not asked:
            return []
        if not self._row_wise:
            return self._predictor.accuracy_of_each(asked)
        values, ends = self._predict(np.concatenate(asked), pool), list(accumulate(map(len, asked)))
        return [values[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _predict(self, rows: Genes, pool: ThreadPoolExecutor) -> Values:
        """Call the predictor in as many threads as are worth their cost."""
        shares = min(self._threads, max(1, int(len(rows) * self._seconds_a_row / WORTH_A_THREAD)))
        own, *parts = np.array_split(rows, shares) if shares > 1 else [rows]
        others = [pool.submit(self._predictor.accuracy, part) for part in parts]
        began = time.perf_counter()
        values = np.asarray(self._predictor.accuracy(own))
        self._seconds_a_row = (time.perf_counter() - began) / max(1, len(own))
        if others:
            values = np.concatenate([values, *(other.result() for other in others)])
        if values.shape != (len(rows),):
            raise ValueError(f"predictor {self._predictor.name} gave {values.shape} accuracies for {len(rows)} rows")
        return values


def may_fork(problem: Problem) -> bool:
    """Return whether predictor, space and costs declare that they are fork-safe, and the system can fork."""
    declared = all(map(declares_fork_safe, (problem.predictor, problem.space, problem.cost)))
    return declared and sys.platform == "linux" and not multiprocessing.current_process().daemon


class _Active:
    """A running coroutine: its current request, and its findings since the last one."""

    def __init__(self, number: int, coroutine: SearchCoroutine) -> None:
        self.number, self.ended = number, False
        self.asked: Genes = np.empty((0, 0), np.int8)
        self._coroutine = coroutine
        self._found: list[Found] = []
        self._seconds = 0.0
        self.resume(None)

    def resume(self, values: Values | None) -> None:
        """Send the requested accuracies and run to the next request or the end."""
        try:
            item = self._coroutine.send(values)
            while isinstance(item, tuple):
                self._found.append(item)
                item = self._coroutine.send(None)
            self.asked = item
        except StopIteration:
            self.ended, self.asked = True, self.asked[:0]

    def findings(self, seconds: float) -> Iterator[tuple[int, Found, float]]:
        """Yield the findings, after ``seconds`` more, with the seconds since the previous finding."""
        self._seconds += seconds
        for item in self._found:
            yield self.number, item, self._seconds
            self._seconds = 0.0
        self._found = []
