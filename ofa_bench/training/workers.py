"""Measures several networks at a time: in this process, in processes of this machine, or in tasks of a Ray cluster."""

import multiprocessing
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from ofa_bench.config.limits import THREADS, check_range
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.training.measuring import Measured, Settings, SupernetMeasurer

__all__ = ["EXECUTORS", "Workers", "make_workers"]

EXECUTORS = ("processes", "ray")

Recipe = tuple[DesignSpace, Settings, dict[str, Any]]
"""A space, the settings of its measurer, and what that must be ``of``."""

Named = tuple[str, Genes]
"""A name of a network, and its row (int8 [n_genes])."""


class Workers(ABC):
    """Measures networks, each by itself, so that values do not depend on who measures them."""

    @abstractmethod
    def measure(
        self, networks: Iterable[Named], shown: Callable[[int], object]
    ) -> Generator[tuple[str, Measured], None, None]:
        """Yield what each network scored, in the order in which they are done.

        Args:
            networks: taken one by one, as workers are free.
            shown: called with numbers of images as these are done.

        Raises:
            InputError: as ``SupernetMeasurer.measure``.
            RuntimeError: a process ended before its work.
        """


def make_workers(measurer: SupernetMeasurer, count: int, executor: str = "processes") -> Workers:
    """Return workers that measure as ``measurer`` does, ``count`` networks at a time; they start with the first one.

    Raises:
        InputError: there is no such executor, it is not installed, or the number is out of range.
    """
    check_range("processes", count, 1, THREADS)
    if executor not in EXECUTORS:
        raise InputError(f"executor={executor}: must be {' or '.join(EXECUTORS)}")
    if executor == "ray":
        return _Ray(measurer, count)
    return _Here(measurer) if count == 1 else _Processes(measurer, count)


class _Here(Workers):
    """This process, one network after another."""

    def __init__(self, measurer: SupernetMeasurer) -> None:
        self._measurer = measurer

    def measure(
        self, networks: Iterable[Named], shown: Callable[[int], object]
    ) -> Generator[tuple[str, Measured], None, None]:
        for name, row in networks:
            yield name, self._measurer.measure(row, shown)


class _Others(Workers):
    """Other processes, each of which makes a measurer of its own; ``ahead`` networks are given to them at a time."""

    def __init__(self, measurer: SupernetMeasurer, count: int, ahead: int) -> None:
        settings = measurer.settings.for_others(count)
        self._recipe: Recipe = (measurer.space, settings, measurer.of)
        self._images, self._count, self._ahead = measurer.images, count, ahead

    def measure(
        self, networks: Iterable[Named], shown: Callable[[int], object]
    ) -> Generator[tuple[str, Measured], None, None]:
        left, running = iter(networks), dict[Future[Measured], str]()
        try:
            while True:
                for name, row in islice(left, self._ahead - len(running)):
                    running[self._submit(row)] = name
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    measured = future.result()
                    shown(self._images)
                    yield running.pop(future), measured
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a process that measured networks ended; if it was out of memory, use fewer processes="
            ) from error
        finally:
            if running:
                self._stop()

    @abstractmethod
    def _submit(self, row: Genes) -> "Future[Measured]":
        """Give a network to a worker that is free."""

    @abstractmethod
    def _stop(self) -> None:
        """End what is running, without waiting for it."""


class _Processes(_Others):
    """Processes of this machine, which end with this one, even if it is killed."""

    def __init__(self, measurer: SupernetMeasurer, count: int) -> None:
        super().__init__(measurer, count, 2 * count)  # so that none waits for this process
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None

    def _submit(self, row: Genes) -> "Future[Measured]":
        if self._pool is None:
            if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
                multiprocessing.set_start_method(
                    "spawn", force=True
                )  # a process of joblib has one that is unknown there
            context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
            end, self._lifeline = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(self._count, context, _start, (self._recipe, end))
        return self._pool.submit(_measure, row)

    def _stop(self) -> None:
        assert self._pool
        assert self._lifeline
        self._lifeline.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None


_recipes: list[Recipe] = []
_made: list[tuple[dict[str, Any], SupernetMeasurer]] = []
"""In a worker: its recipe, and the measurer that was made of the last one, with what it is ``of``."""


def _start(recipe: Recipe, lifeline: Connection) -> None:
    """Prepare a process: it leaves interrupts to its parent, and ends when that closes its end of the lifeline."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _recipes.append(recipe)


def _end_with(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)


def _measure(row: Genes) -> Measured:
    return _measure_by(_recipes[-1], row)


def _measure_by(recipe: Recipe, row: Genes) -> Measured:
    """Measure a network in a worker, which makes the measurer of a recipe once."""
    space, settings, of = recipe
    key = {"space": space.name, "share": settings.share, **of}
    if not _made or _made[-1][0] != key:
        measurer = SupernetMeasurer(space, settings)
        if measurer.of != of:
            raise InputError("images=: they, or the weights, are others in a process that measures them")
        _made[:] = [(key, measurer)]
    return _made[-1][1].measure(row)


class _Ray(_Others):
    """Tasks of a Ray cluster: that of ``RAY_ADDRESS``, or one of this machine alone.

    The images and the weights must be at the same paths on all of its machines. Ray gives a task that was lost with its
    machine to another one.
    """

    def __init__(self, measurer: SupernetMeasurer, count: int) -> None:
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise InputError("executor=ray: is not installed; pip install 'ofa_bench[ray]'") from error
        super().__init__(measurer, count, count)
        self._task: Any = None
        self._running = set[Any]()

    def _submit(self, row: Genes) -> "Future[Measured]":
        import ray

        if self._task is None:
            if not ray.is_initialized():
                ray.init(log_to_driver=False)
            settings = self._recipe[1]
            gpus = 0.0 if settings.device == "cpu" else ray.cluster_resources().get("GPU", 0.0)
            needs = {"num_cpus": settings.threads, "num_gpus": min(1.0, gpus / self._count)}
            self._task, self._given = ray.remote(**needs)(_measure_by), ray.put(self._recipe)
        reference = self._task.remote(self._given, row)
        self._running.add(reference)
        future: Future[Measured] = reference.future()
        future.add_done_callback(lambda _: self._running.discard(reference))
        return future

    def _stop(self) -> None:
        import ray

        for reference in list(self._running):
            ray.cancel(reference, force=True)
