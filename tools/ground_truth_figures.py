"""Draws ``docs/ground_truth/regret.png`` and ``effort.png`` from the study of known truth."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ground_truth import EXACT, STRATEGIES
from ground_truth_tables import ASKED, EFFORTS, SPACES, of, searched
from intervals import interval

from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.ground_truth import Mean, draw_efforts, draw_regrets

__all__ = ["main"]

OUT = Path(__file__).parents[1] / "docs" / "ground_truth"


def main() -> None:
    """Draw both pictures."""
    OUT.mkdir(exist_ok=True)
    regrets = {
        space: {guide: _means(space, guide, {name: (name, ASKED) for name in STRATEGIES}) for guide in searched(space)}
        for space in SPACES
    }
    (OUT / "regret.png").write_bytes(png(draw_regrets(regrets, STRATEGIES)))
    efforts = {
        name: {
            space: {
                guide: _means(space, guide, {asked: (name, asked) for asked in EFFORTS} | {0: (EXACT, 0)})
                for guide in searched(space)
            }
            for space in SPACES
        }
        for name in ("random", "joint")
    }
    (OUT / "effort.png").write_bytes(png(draw_efforts(efforts)))


def _means(space: str, guide: str, wanted: Mapping[Any, tuple[str, int]]) -> dict[Any, Mean]:
    """Return mean true regrets with their intervals, of what was searched."""
    several = {key: of(space, guide, name, asked) for key, (name, asked) in wanted.items()}
    return {key: interval(one.means(one.regret)) for key, one in several.items() if one}


if __name__ == "__main__":
    main()
