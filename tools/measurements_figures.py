"""Draws ``docs/measurements/accuracy.png`` and ``regret.png`` from the study of measurements."""

from pathlib import Path

from intervals import interval
from measurements import STRATEGIES, Setting, found
from measurements_tables import levels, numbers, official, score, settings

from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.ground_truth import Mean
from ofa_bench.analysis.figures.measurements import draw_measurements

__all__ = ["main"]

OUT = Path(__file__).parents[1] / "docs" / "measurements"


def main() -> None:
    """Draw both pictures."""
    OUT.mkdir(exist_ok=True)
    dotted = {setting.title: levels() for setting in official()}
    for known, name, label, columns in (
        (False, "accuracy", "true accuracy, %", 3),
        (True, "regret", "true regret, points", 2),
    ):
        panels = {setting.title: _lines(setting) for setting in settings() if setting.known == known}
        figure = draw_measurements(panels, label, dotted, columns=columns, regret=known)
        (OUT / f"{name}.png").write_bytes(png(figure))


def _lines(setting: Setting) -> dict[str, dict[float, Mean]]:
    """Return means with their intervals by strategy and measurements made, where all targets were met."""
    several = {name: [found().get((setting, name, asked)) for asked in numbers(setting)] for name in STRATEGIES}
    return {
        name: {one.measurements: interval(score(setting, one)) for one in every if one and not one.missed}
        for name, every in several.items()
    }


if __name__ == "__main__":
    main()
