"""Writes the tables of README and docs from committed results: ``python tools/docs_tables.py [--check]``.

A page has a block between ``<!-- table: NAME -->`` and ``<!-- end -->`` for each; ``BLOCKS`` has the functions that
make their Markdown. Results are the records in ``benchmarks/studies``, as ``ofa_bench pack`` writes them, other files
in ``benchmarks``, and the cards of the package's data. Blocks whose results are not there are left as they are.
``--check`` writes nothing and fails if a block is not what is made.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ground_truth_tables
import measurements_tables
from device_tables import device_ranks_mbv3, device_ranks_width1, fitted_devices
from fleet_scale import fleet_many, fleet_scale
from fleet_study import fleet_devices, fleet_savings, fleet_strategies
from headline import headline
from lines_table import space_lines
from measurements_answers import measurements_in_short
from more_measurements_table import more_measurements, more_measurements_in_short
from pessimism import pessimism
from quality_tables import quality, quality_devices, quality_in_short, quality_nearly, quality_whole
from results_tables import (
    best_known,
    compiled_loops,
    cpu_onnx,
    floors,
    machines,
    measured_predictors,
    overheads,
    populations,
    scale,
    speed_ratios,
    speed_seconds,
)
from roofline_tables import roofline_errors, roofline_sheets
from sharing import sharing
from strategies_tables import (
    gradient_costs,
    hypervolumes,
    many_targets,
    peers,
    strategies,
    untuned,
)
from studies_tables import (
    control,
    control_in_short,
    paper,
    parity,
    three_spaces,
    warm_starts,
    winners_curse,
)
from truth_answers import truth_in_short
from truth_tables import (
    source_errors,
    truth_guides,
    truth_guides_by_device,
    truth_strategies,
    truth_strategies_by_device,
)
from unseen import unseen

from ofa_bench.errors import InputError

__all__ = ["BLOCKS", "ROOT", "blocks_of", "fill", "main", "pages"]

ROOT = Path(__file__).parents[1]

BLOCKS: Mapping[str, Callable[[], str]] = {
    "best known": best_known,
    "compiled loops": compiled_loops,
    "control": control,
    "control in short": control_in_short,
    "cpu_onnx": cpu_onnx,
    "device ranks, mbv3": device_ranks_mbv3,
    "device ranks, mbv3_w1.0": device_ranks_width1,
    "fitted devices": fitted_devices,
    "headline": headline,
    "gradient costs": gradient_costs,
    "fleet, devices": fleet_devices,
    "fleet, many": fleet_many,
    "fleet, savings": fleet_savings,
    "fleet, scale": fleet_scale,
    "fleet, strategies": fleet_strategies,
    "ground truth in short": ground_truth_tables.ground_truth_in_short,
    "ground truth, better search": ground_truth_tables.better,
    "ground truth, chains": ground_truth_tables.leads,
    "ground truth, curse": ground_truth_tables.curse,
    "ground truth, effort": ground_truth_tables.efforts,
    "ground truth, regret": ground_truth_tables.regrets,
    "hypervolumes": hypervolumes,
    "lines of a space": space_lines,
    "machines": machines,
    "many targets": many_targets,
    "measured predictors": measured_predictors,
    "measurements in short": measurements_in_short,
    "measurements summary": measurements_tables.measurements_summary,
    "measurements, differences": measurements_tables.differences,
    "measurements, made": measurements_tables.made,
    "measurements, needed": measurements_tables.needed,
    "measurements, reached": measurements_tables.reached,
    "measurements, seconds": measurements_tables.seconds,
    "more measurements": more_measurements,
    "more measurements in short": more_measurements_in_short,
    "overheads": overheads,
    "peers": peers,
    "pessimism": pessimism,
    "populations": populations,
    "paper": paper,
    "parity": parity,
    "rooflines": roofline_errors,
    "rooflines, data sheets": roofline_sheets,
    "floors": floors,
    "scale": scale,
    "sharing": sharing,
    "speed, ratios": speed_ratios,
    "speed, seconds": speed_seconds,
    "strategies": strategies,
    "three spaces": three_spaces,
    "time to quality": quality,
    "time to quality in short": quality_in_short,
    "time to quality, devices": quality_devices,
    "time to quality, nearly": quality_nearly,
    "time to quality, whole": quality_whole,
    "truth in short": truth_in_short,
    "truth, errors": source_errors,
    "truth, guides": truth_guides,
    "truth, guides by device": truth_guides_by_device,
    "truth, strategies": truth_strategies,
    "truth, strategies by device": truth_strategies_by_device,
    "unseen device": unseen,
    "untuned": untuned,
    "warm starts": warm_starts,
    "winner's curse": winners_curse,
}

_BLOCK = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.S)


def pages() -> list[Path]:
    """Return the pages that may have blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(text: str) -> list[str]:
    """Return the names of the blocks of a page."""
    return [found[2] for found in _BLOCK.finditer(text)]


def fill(text: str, missing: set[str]) -> str:
    """Return a page with its blocks made anew; add those to ``missing`` whose results are not there."""

    def made(found: re.Match[str]) -> str:
        try:
            return f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}"
        except (FileNotFoundError, InputError) as error:  # no file, or not OFA's official predictor
            missing.add(f"{found[2]} ({error})")
            return found[0]

    return _BLOCK.sub(made, text)


def main() -> None:
    """Fill the blocks of all pages, or check them."""
    check, missing, stale = "--check" in sys.argv[1:], set[str](), []
    for page in pages():
        before = page.read_text()
        after = fill(before, missing)
        if after != before:
            stale.append(page.name)
            if not check:
                page.write_text(after)
    for one in sorted(missing):
        print(f"no results: {one}")
    print(f"{'not what is made' if check else 'written'}: {', '.join(stale) or 'none'}")
    sys.exit(bool(check and stale))


if __name__ == "__main__":
    main()
