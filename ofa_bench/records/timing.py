"""Describes how the seconds of records were measured, and decides whether times are compared."""

from collections.abc import Sequence

from ofa_bench.records.model import Record

__all__ = ["TIMING", "describe_timing", "explain_untimed"]

TIMING = ("lockstep", "threads", "compiled", "machine", "cores", "ofa_bench")
"""Fields of ``made`` that must be equal in records whose times are compared."""


def describe_timing(records: Sequence[Record]) -> str:
    """Return how seconds were measured, and whether those of different records may be compared."""
    made = [record.made for record in records]
    ways = {(bool(one.lockstep), one.threads, bool(one.compiled)) for one in made}
    message = [
        f"{'searches advanced together' if lockstep else 'one search after another'}, on "
        f"{'1 core' if threads == 1 else f'up to {threads} cores'}{'' if compiled else ', loops not compiled'}"
        for lockstep, threads, compiled in sorted(ways)
    ]
    if len(message) > 1:
        return f"Seconds were not all taken in the same way, so do not compare them ({'; '.join(message)})."
    return f"Seconds: {message[0]}."


def explain_untimed(records: Sequence[Record], across: Sequence[str] = ()) -> str:
    """Return why the times of records are not compared, as a clause; empty if they are.

    They are compared if each search was timed by itself, more than once, and all in one way.

    Args:
        records: of all that would be compared.
        across: fields of ``made``, of ``TIMING``, that may differ.
    """
    made = [record.made for record in records]
    differ = [key for key in TIMING if key not in across and len({getattr(one, key) for one in made}) > 1]
    if differ:
        return f"it was not measured in one way ({', '.join(differ)})"
    if any(one.lockstep for one in made):
        return "searches that advance together share it (lockstep=false with several repeats times each by itself)"
    repeats = {(record.seed, one.repeat) for record in records for one in record.repeats}
    return "" if len(repeats) > 1 else "it was measured once (more repeats show how much it varies)"
