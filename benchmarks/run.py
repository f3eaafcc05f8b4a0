"""All benchmarks in one command: ``python benchmarks/run.py [--quick] [--out FILE.json] [section ...]``.

Sections, each described in the file of its name: ``speed`` (beside ``ofa``; needs OFA's official files, see README.md),
``scale`` (many targets, large populations) and ``overheads`` (what the command takes besides searching). Progress goes
to standard error, tables to standard output. The JSON file has every figure with its runs, median, least, most and
number of runs; ratios are made round by round, of sides that ran in turns. ``scale`` also draws a PNG beside it.

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

import overheads
import scale
import speed
from cells import compiled
from figures import machine, versions

SECTIONS = {"speed": speed, "scale": scale, "overheads": overheads}
DEFAULT = Path(__file__).with_name("results.json")
PICTURE = DEFAULT.parents[1] / "docs" / "speed" / "scale.png"


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
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    results: dict[str, Any] = {"quick": given.quick, "date": date, "machine": machine(), "compiled": compiled()}
    for name in given.sections or SECTIONS:
        began = time.perf_counter()
        results[name] = SECTIONS[name].run(quick=given.quick)
        results |= {"versions": versions()}
        print(f"{name}: done in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        if out:
            write(results, out)
    for name in given.sections or SECTIONS:
        print(SECTIONS[name].tables(results[name]))


def write(results: dict[str, Any], out: Path) -> None:
    """Write the JSON file, and the plot where section ``scale`` has run: to the docs, or beside a file of one's own."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")
    if "scale" in results:
        scale.plot(results["scale"], PICTURE if out == DEFAULT else out.with_suffix(".png"))


if __name__ == "__main__":
    main()
