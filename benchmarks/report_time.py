"""Times ``ofa_bench report`` of 30 records: three strategies, two spaces and five lists of targets, three repeats each.

    python benchmarks/report_time.py [--rounds 5] [--records FOLDER]

The records are made first, untimed, in a temporary folder or in the one given, where they stay. Of each report:

- ``whole command``: from the start of the process to its end, seconds;
- ``drawing``: of it, from the first figure to the last, with PNG and SVG files;
- ``CPU``: seconds of the process and its forks on all cores. It hardly depends on what else the machine does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import figure, show, table

from ofa_bench.report.pictures import Pictures

SWEEP = (
    "-m", "strategy=vanilla,top_down,bottom_up", "space=mbv3,proxyless", "targets=paper1,paper2,paper3,paper4,paper5",
    "repeats=3", "budget=quick", "tracking=none",
)  # fmt: skip
MARK = "drawing took "


def watch() -> None:
    """Print the seconds of drawing, once."""
    write = Pictures.write

    def timed(pictures: Pictures) -> None:
        began = time.perf_counter()
        write(pictures)
        print(f"{MARK}{time.perf_counter() - began}", file=sys.stderr)

    Pictures.write = timed


def report(records: Path) -> dict[str, float]:
    """Write a report in a new process; return what it took."""
    with tempfile.TemporaryDirectory() as out:
        began, before = time.perf_counter(), os.times()
        command = [sys.executable, __file__, "report", str(records), f"out={out}/report"]
        done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=True)
        seconds, after = time.perf_counter() - began, os.times()
    [drawing] = [float(line.removeprefix(MARK)) for line in done.stderr.splitlines() if line.startswith(MARK)]
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return {"whole command": seconds, "drawing": drawing, "CPU": spent}


def main() -> None:
    """Make the records, unless they are there, and time reports of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        records = options.records or Path(folder) / "multirun"
        command = [sys.executable, "-m", "ofa_bench", *SWEEP, f"output={records}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        runs = [report(records) for _ in range(options.rounds)]
    rows = [(key, len(runs), show(figure(run[key] for run in runs))) for key in runs[0]]
    print(table("a report of 30 records: seconds", ("", "runs", "median (range)"), rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["report"]:
        watch()
        from ofa_bench.__main__ import main as run

        run()
    else:
        main()
