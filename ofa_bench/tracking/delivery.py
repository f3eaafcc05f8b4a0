"""Gives records to an MLflow store that may be away: files are the truth, and no search is lost or stopped by it."""

import logging
import socket
import time
from collections.abc import Callable
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
"""Stands for the MLflow run of a sweep that has none: its cells in other processes do not try the store again."""

PATIENCE = 30.0
"""Seconds that a server may take for one action, before it counts as away."""

REST = 60.0
"""Seconds for which a store that is away is not asked again; each time twice as long."""

JUST_NOW = 10.0
"""Seconds after which a store that was away may be back."""

PAUSES = (2.0, 10.0, 30.0)
"""Seconds between attempts where there is no other way for a record than through the server."""

Given = TypeVar("Given")

_away: dict[str, tuple[float, float]] = {}
"""Stores that were away: when they last were (``time.monotonic``), and for how long they are not asked."""


_refused: set[str] = set()
"""Stores that are not for use as they are, such as the database of another MLflow."""


def was_refused(uri: str) -> bool:
    """Return whether a store turned out to be one that is not for use as it is."""
    return uri in _refused


def try_log(
    tracking: TrackingConfig, action: "Callable[[Tracker], Given]", *, patience: float | None = PATIENCE
) -> Given | None:
    """Do something with the MLflow store, if there is to be one; None where it was not done.

    What fails is said in one line, once, and the store is left alone for a while. A server may take ``patience``
    seconds; with None, for what comes last, it may take its time, and is asked again sooner.
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
    """Do something with a sweep's MLflow run, on a machine that has no other way to give away the record in a folder.

    Raises:
        InputError: there is to be no store.
        RuntimeError: it was not done, after several attempts; the message says where the record is.
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
    """Do something with the store; a server's answer is not waited for longer than that.

    Raises:
        Exception: the store cannot be used.
        TimeoutError: it has not answered; what it was asked goes on in the background.
    """

    def act() -> Given:
        return action(_tracker(tracking.uri, tracking.artifacts, tracking.experiment))

    if seconds is None or not str(tracking.uri).startswith("http"):
        return act()
    given, failed = list[Given](), list[Exception]()

    def act_aside() -> None:
        try:
            given.append(act())
        except Exception as error:
            failed.append(error)

    thread = Thread(target=act_aside, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not given:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return given[0]


@cache
def _tracker(uri: str | None, artifacts: str | None, experiment: str) -> "Tracker":
    from ofa_bench.tracking.tracker import Tracker

    return Tracker(TrackingConfig(uri, artifacts, experiment))


def _in_short(error: Exception) -> Exception:
    """Put the innermost error of the system, such as a refused connection, in the place of a library's many."""
    found: BaseException | None = error
    while found:
        if isinstance(found, TimeoutError) or (isinstance(found, OSError) and found.strerror and not found.filename):
            short = InputError(getattr(found, "strerror", None) or str(found))
            short.__cause__ = error
            return short
        found = found.__cause__ or found.__context__
    return error
