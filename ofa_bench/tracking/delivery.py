"""Logs records to an MLflow store that may be unreachable; a failure neither stops nor loses a search."""

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.errors import InputError

if TYPE_CHECKING:
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["UNTRACKED", "log_with_retries", "try_log", "was_refused"]

logger = logging.getLogger(__name__)

UNTRACKED = "-"
"""The run id of a sweep that has no MLflow run: its cells in other processes do not try the store again."""

PATIENCE = 30.0
"""Seconds after which a server that does not answer counts as unreachable."""

REST = 60.0
"""Seconds before an unreachable store is tried again; doubled after each failure."""

JUST_NOW = 10.0
"""Seconds before the last action of a command tries an unreachable store again."""

PAUSES = (2.0, 10.0, 30.0)
"""Seconds between attempts where the server is the only way to return a record."""

Given = TypeVar("Given")

_away: dict[str, tuple[float, float]] = {}
"""Unreachable stores: when they were last tried (``time.monotonic``), and the seconds until the next try."""

_refused: set[str] = set()
"""Stores that must not be used, such as the database of another MLflow version."""


def was_refused(uri: str) -> bool:
    """Return whether a store was refused, for example as the database of another MLflow version."""
    return uri in _refused


def try_log(
    tracking: TrackingConfig, action: "Callable[[Tracker], Given]", *, patience: float | None = PATIENCE
) -> Given | None:
    """Do an action with the MLflow store and return its result; None without a store or after a failure.

    A failure is logged once, in one line, and the store is not tried again for a while. A server may take ``patience``
    seconds. None, for the last action of a command, waits without a limit and tries the store again sooner.
    """
    if not tracking.uri:
        return None
    since, rest = _away.get(tracking.uri, (0.0, 0.0))
    if rest and time.monotonic() < since + (JUST_NOW if patience is None else rest):
        return None
    try:
        return _within(patience, tracking, action)
    except Exception as error:
        if not rest:
            logger.error("MLflow at %s cannot be used; records are on disk", tracking.uri, exc_info=_in_short(error))
        if isinstance(error, InputError):
            _refused.add(tracking.uri)
        _away[tracking.uri] = time.monotonic(), 2 * rest or REST
        return None


def log_with_retries(
    tracking: TrackingConfig, action: "Callable[[Tracker], Given]", folder: Path, *, run: str
) -> Given:
    """Do an action with a sweep's MLflow run, on a machine that can return the record in a folder in no other way.

    Raises:
        InputError: no store is configured.
        RuntimeError: all attempts failed; the message names the folder of the record.
    """
    where = f"the record is in {folder} on {socket.gethostname()}, which shares no disk with the sweep's command"
    if not tracking.uri:
        raise InputError(f"tracking.uri=null: {where}; tracking=server brings it back")
    if run in ("", UNTRACKED):
        raise RuntimeError(f"{where}; MLflow at {tracking.uri}, which brings it back, was away when the sweep began")
    for pause in (*PAUSES, None):
        try:
            return _within(None, tracking, action)
        except Exception as error:
            if pause is None:
                away = f"MLflow at {tracking.uri}, which brings it back, cannot be used: {_in_short(error)}"
                raise RuntimeError(f"{where}; {away}") from error
            time.sleep(pause)
    raise AssertionError


def _within(seconds: float | None, tracking: TrackingConfig, action: "Callable[[Tracker], Given]") -> Given:
    """Do an action with the store, and wait for a server at most so many seconds.

    Raises:
        Exception: the store cannot be used.
        TimeoutError: the server has not answered; the action continues in the background.
    """

    def act() -> Given:
        return action(_tracker(tracking.uri, tracking.artifacts, tracking.experiment))

    if seconds is None or not str(tracking.uri).startswith("http"):
        return act()
    answer = Future[Given]()

    def act_aside() -> None:
        try:
            answer.set_result(act())
        except Exception as error:
            answer.set_exception(error)

    Thread(target=act_aside, daemon=True).start()  # an executor would wait for it at the end of the process
    if not wait([answer], seconds).done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answer.result()


@cache
def _tracker(uri: str | None, artifacts: str | None, experiment: str) -> "Tracker":
    from ofa_bench.tracking.tracker import Tracker

    return Tracker(TrackingConfig(uri, artifacts, experiment))


def _in_short(error: Exception) -> Exception:
    """Return the innermost error of the operating system, such as a refused connection, or else the error."""
    found: BaseException | None = error
    while found:
        if isinstance(found, TimeoutError) or (isinstance(found, OSError) and found.strerror and not found.filename):
            short = InputError(getattr(found, "strerror", None) or str(found))
            short.__cause__ = error
            return short
        found = found.__cause__ or found.__context__
    return error
