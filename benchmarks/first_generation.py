"""Runs ``python -m ofa_bench`` with the same arguments and tells when its first search has evaluated something.

Used by section ``overheads``. From outside, nothing tells when the first generation is there. So this runs the command
line in place of ``python -m ofa_bench``, with a wrapper around ``Evaluator._check``: the first call, which is the
first population's, prints the clock on standard error once it is done, and the wrapper takes itself away. What is
imported for it here is imported by every search; nothing else is changed.
"""

import sys
import time
from typing import Any

from ofa_bench.search import Evaluator

MARK = "first generation at "


def watch() -> None:
    """Print the time of the first evaluation, once."""
    check = Evaluator._check

    def first(evaluator: Evaluator, values: Any, wanted: int) -> None:
        Evaluator._check = check
        check(evaluator, values, wanted)
        sys.stderr.write(f"{MARK}{time.time()}\n")  # whole lines, also where several threads begin

    Evaluator._check = first


if __name__ == "__main__":
    watch()
    from ofa_bench.commands.run import main

    main()
