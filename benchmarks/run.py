"""All benchmarks in one command: ``python benchmarks/run.py [--quick] [--out FILE.json] [section ...]``.

Sections, each described in the file of its name: ``time_to_quality`` and ``speed`` (beside ``ofa``; both need OFA's
official files), ``floors`` (searches beside what they ask of the predictor), ``compiled_loops`` (beside the same in
NumPy), ``scale`` (many targets, large populations) and ``overheads`` (what the command takes besides searching).
Progress goes to standard error, tables to standard output. The JSON file has every figure with its runs, median, least,
most and number of runs; ratios are made round by round, of sides that ran in turns. Each section has its date, machine
and versions; sections of the file that do not run now stay. Some also draw a PNG.

``--quick`` tries it all out in a minute or two, with too few generations and runs to mean anything; its results are
marked ``"quick": true`` and written only where ``--out`` is given. Times are worth what the machine is worth: run it on
one with nothing else to do.
"""

import argparse
import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import compiled_loops
import floors
import overheads
import scale
import speed
import time_to_quality
from cells import compiled
from figures import machine, versions

SECTIONS = {
    "time_to_quality": time_to_quality,
    "speed": speed,
    "floors": floors,
    "compiled_loops": compiled_loops,
    "scale": scale,
    "overheads": overheads,
}
DEFAULT = Path(__file__).with_name("results.json")
PICTURES = DEFAULT.parents[1] / "docs" / "speed"
DRAWN = {"time_to_quality": time_to_quality.plot, "scale": scale.plot}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all if none is given"
    )
    parser.add_argument("--quick", action="store_true", help="try it out in a minute or two")
    parser.add_argument("--out", type=Path, help=f"the JSON file to write ({DEFAULT.name} beside this script)")
    given = parser.parse_args()
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {unknown[0]}, only {', '.join(SECTIONS)}")
    return given


def main() -> None:
    """Run the sections; what is done is written after each of them."""
    given = arguments()
    out: Path | None = given.out or (None if given.quick else DEFAULT)
    results: dict[str, Any] = json.loads(out.read_text()) if out and out.is_file() else {}
    names = given.sections or list(SECTIONS)
    for name in names:
        began, date = time.perf_counter(), datetime.now(timezone.utc).isoformat(timespec="seconds")
        about = {"quick": given.quick, "date": date, "machine": machine(), "compiled": compiled()}
        results[name] = about | SECTIONS[name].run(quick=given.quick) | {"versions": versions()}
        print(f"{name}: done in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        if out:
            write(results, name, out)
    for name in names:
        print(SECTIONS[name].tables(results[name]))


def write(results: dict[str, Any], name: str, out: Path) -> None:
    """Write the JSON file, and the picture of a section if it has one: to the docs, or beside a file of one's own."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")
    if name in DRAWN:
        picture = PICTURES / f"{name}.png" if out == DEFAULT else out.with_name(f"{out.stem}_{name}.png")
        DRAWN[name](results[name], picture)


if __name__ == "__main__":
    main()
