"""Interrupts, noted as they arrive: the library code that one hits may make another error of it, or none."""

import atexit
import os
import signal
import sys

__all__ = ["EXIT_CODE", "arrived", "install_handlers", "note"]

EXIT_CODE = 130

_noted: list[int] = []


def install_handlers() -> None:
    """Note interrupts from here on, and raise them: SIGTERM too, which a cluster or a container sends to stop."""
    signal.signal(signal.SIGTERM, _raise)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # a shell that runs it in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, _raise)


def arrived() -> bool:
    """Return whether this process has been interrupted."""
    return bool(_noted)


def note(number: int = signal.SIGINT) -> None:
    """Note an interrupt that was raised."""
    _noted.append(number)


def _raise(number: int, _frame: object) -> None:
    note(number)
    raise KeyboardInterrupt


def _exit_at_once() -> None:
    """End an interrupted process without taking all modules apart, which takes seconds where there are many."""
    if arrived():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_CODE)


atexit.register(_exit_at_once)  # as it is the first that is registered, it is the last that is called
