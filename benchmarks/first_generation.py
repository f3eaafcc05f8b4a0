"""Runs ``python -m ofa_bench`` with the same arguments and tells when its first search has evaluated something.

Used by section ``overheads``. From outside, nothing tells when the first generation is there. So this runs the command
line in place of ``python -m ofa_bench``, with a wrapper around ``OneHotMLP._output``: the first call, which is the
first population's, prints the clock on standard error once it is done, and the wrapper takes itself away. What is
imported for it here is imported by every search; nothing else is changed.
"""

import sys
import time
from typing import Any

from ofa_bench.predictors.accuracy import OneHotMLP

MARK = "first generation at "


def watch() -> None:
    """Print the time of the first evaluation, once."""
    output = OneHotMLP._output

    def first(predictor: OneHotMLP, hidden: Any) -> Any:
        OneHotMLP._output = output
        values = output(predictor, hidden)
        sys.stderr.write(f"{MARK}{time.time()}\n")  # whole lines, also where several threads begin
        return values

    OneHotMLP._output = first


if __name__ == "__main__":
    watch()
    from ofa_bench.commands.run import main

    main()
