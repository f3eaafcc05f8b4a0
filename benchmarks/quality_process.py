"""Times processes from their start to the results; run as a script, it is such a process.

``python benchmarks/quality_process.py ofa`` loads ``ofa``'s predictor and costs; ``python benchmarks/quality_process.py
joint SEED EVALUATIONS STOP TARGET ...`` loads ours and searches until it is stopped. Both print the clock at their end.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["time_process"]


def time_process(words: Sequence[object], *, empty_cache: bool = False) -> float:
    """Return the seconds from the start of a process; with an empty cache it compiles the loops."""
    command = [sys.executable, str(Path(__file__)), *map(str, words)]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({"XDG_CACHE_HOME": folder} if empty_cache else {})
        began = time.time()
        made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return float(made.stdout) - began


def main() -> None:
    """Load, search if it is our side, and print the clock."""
    side, *numbers = sys.argv[1:]
    if side == "ofa":
        from ofa_finders import FINDERS

        FINDERS["mbv3"]()
    else:
        from cells import make_problem
        from stopped import search

        seed, evaluations, stop = map(int, numbers[:3])
        targets = [float(one) for one in numbers[3:]]
        search([(make_problem("mbv3", "note10", official=True), targets)], evaluations, seed, stop)
    print(time.time())


if __name__ == "__main__":
    main()
