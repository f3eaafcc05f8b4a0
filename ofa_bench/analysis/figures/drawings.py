"""Lists the figures of a study, for reports and for sweeps in MLflow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

from matplotlib.figure import Figure

from ofa_bench.analysis.figures import strategies as figures
from ofa_bench.analysis.figures.anytime import anytime
from ofa_bench.analysis.figures.drawing import Style, png
from ofa_bench.analysis.studies import Study, studies
from ofa_bench.records.labels import distinct
from ofa_bench.records.model import Record

__all__ = ["Drawing", "draw_cell", "draw_sweep", "drawings", "headline", "stem"]


@dataclass(frozen=True)
class Drawing:
    """A figure to draw: the end of its file name, its caption, and a function that draws it or returns None."""

    name: str
    caption: str
    draw: Callable[[], Figure | None]


def drawings(study: Study, alike: Sequence[Study], style: Style) -> list[Drawing]:
    """Return the figures of a study; ``alike`` are all studies of its family."""

    def one(name: str, caption: str, draw: Callable[..., Figure | None], *rest: str) -> Drawing:
        return Drawing(name, caption, partial(draw, study, style, *rest))

    def family(name: str, caption: str, draw: Callable[[Sequence[Study], Style], Figure | None]) -> Drawing:
        return Drawing(name, caption, partial(draw, alike, style))

    return [
        one("accuracy", "Predicted accuracy of what was found, by target.", figures.accuracy_over_targets),
        one("regret", "Points below the best known, by target.", figures.regret_over_targets),
        one("fronts", "Cost and predicted accuracy of all that was found.", figures.fronts),
        one("anytime", "Mean over targets of the best so far.", anytime, "evaluations"),
        one("anytime_seconds", "The same over seconds.", anytime, "seconds"),
        one("seconds_by_target", "Time of a single target's search.", figures.seconds_over_target),
        family("seconds", "Time for all targets, by their number.", figures.seconds_over_targets),
        family("generations", "Generations, measured and by the formulas.", figures.generations_over_targets),
    ]


def stem(study: Study) -> str:
    """Return the start of the file names of a study."""
    return f"{study.space}_{study.device}_{study.predictor}"


def headline(found: Sequence[Study]) -> list[Study]:
    """Return the study with the most targets of each family, if it has pairs to compare; without any, all studies."""
    largest: dict[str, Study] = {}
    for study in found:
        best = largest.get(study.family)
        if _compares(study) and (best is None or len(study.targets) > len(best.targets)):
            largest[study.family] = study
    return list(largest.values()) or list(found)


def _compares(study: Study) -> bool:
    """Return whether two entries share a repeat."""
    return any(set(one.keys) & set(other.keys) for one, other in combinations(study.entries, 2))


def draw_sweep(records: Sequence[Record], folder: Path, most: int) -> int:
    """Write the figures of the first ``most`` studies as PNG files; return the number of studies left out."""
    every = studies(records)
    style = Style(entry.name for study in every for entry in study.entries)
    chosen, taken = headline(every), set[str]()
    folder.mkdir(parents=True, exist_ok=True)
    for study in chosen[:most]:
        alike = [one for one in every if one.family == study.family]
        for drawing in drawings(study, alike, style):
            figure = drawing.draw()
            if figure is not None:
                name = distinct(f"{stem(study)}_{drawing.name}", taken)
                (folder / f"{name}.png").write_bytes(png(figure))
    return max(0, len(chosen) - most)


def draw_cell(record: Record, path: Path) -> None:
    """Write accuracy by target of one record as a PNG file, if anything was found."""
    [study] = studies([record])
    figure = figures.accuracy_over_targets(study, Style(entry.name for entry in study.entries))
    if figure is not None:
        figure.set_layout_engine("none")  # a short legend fits without it, in half the time
        path.write_bytes(png(figure))
