"""Remembers interrupts, because library code may turn a KeyboardInterrupt into another error or swallow it."""

import atexit
import os
import signal
import sys

__all__ = ["EXIT_CODE", "arrived", "install_handlers", "note"]

EXIT_CODE = 130

_noted: list[int] = []


def install_handlers() -> None:
    """Note and raise interrupts, including SIGTERM, which clusters and containers send to stop a process."""
    signal.signal(signal.SIGTERM, _raise)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # a shell that runs it in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, _raise)


def arrived() -> bool:
    """Return whether this process has been interrupted."""
    return bool(_noted)


def note(number: int = signal.SIGINT) -> None:
    """Note that an interrupt was raised."""
    _noted.append(number)


def _raise(number: int, _frame: object) -> None:
    note(number)
    raise KeyboardInterrupt


def _exit_at_once() -> None:
    """End an interrupted process without cleaning up all modules, which can take seconds."""
    if arrived():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_CODE)


atexit.register(_exit_at_once)  # registered first, so called last
