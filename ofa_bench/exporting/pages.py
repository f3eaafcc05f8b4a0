"""Writes the pages of an export: an index of all networks in its folder, and a readable card for each network."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from ofa_bench.analysis.figures.latencies import latencies
from ofa_bench.analysis.figures.networks import Drawn, draw_rows
from ofa_bench.analysis.figures.rendering import Picture
from ofa_bench.analysis.figures.rendering import render as render_figure
from ofa_bench.config.batches import batch_of_unit, milliseconds
from ofa_bench.exporting.cards import ONNX, PROGRAM, Card, is_given, read_cards
from ofa_bench.exporting.measuring import comparable_ms, compute_verdict, group_by_statistic, meets_target
from ofa_bench.exporting.quantising import describe_int8, int8_metrics
from ofa_bench.files.writing import write_whole
from ofa_bench.formatting import format_accuracy, format_number
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.profiling.statistics import PERCENTILES, describe_statistic
from ofa_bench.records.tables import Table, without_empty
from ofa_bench.records.unlabelled import MARK
from ofa_bench.report.rendering import relative_url, render

__all__ = ["INDEX", "Section", "build_sections", "write_pages"]

INDEX = "index.html"


@dataclass(frozen=True)
class Section:
    """The networks of one space, device and predictor.

    ``links`` lead to their cards, one for each row of the table. ``stem`` is the name of their folder.
    """

    heading: str
    stem: str
    table: Table
    links: tuple[str, ...]
    cards: tuple[Card, ...]

    @property
    def description(self) -> tuple[str, ...]:
        """Sentences that describe the weights."""
        return tuple(dict.fromkeys(_sentence(card) for card in self.cards))

    @property
    def verdict(self) -> str:
        """Sentences on how predicted and measured latency agree; empty if nothing is measured."""
        found = [compute_verdict(cards) for cards in group_by_statistic(self.cards)]
        if None in found:
            return "Costs are not in milliseconds, so they are not compared with the measured latency."
        return " ".join(one.sentence for one in found if one)

    @cached_property
    def pictures(self) -> list[Picture]:
        """The pictures of the networks."""
        title = f"exported networks: {self.heading}"
        drawn = [
            Drawn(one["target"], one["cost"], one["accuracy"], one["architecture"], one.get("space_config"))
            for one in self.cards
        ]
        figures = (
            ("latency", "Predicted and measured latency, less the target.", latencies(self.cards)),
            ("networks", "The networks.", draw_rows(drawn, title, self.cards[0]["unit"])),
        )
        return [
            Picture(f"{self.stem}/{name}", caption, render_figure(figure, f"{name}{crc32(self.stem.encode())}-"))
            for name, caption, figure in figures
            if figure is not None
        ]


def write_pages(out: Path) -> Path:
    """Write the index as HTML, Markdown and CSV, the pictures and each network's ``card.md``; return the index's path.

    The index shows all networks below the folder, whichever export wrote them.

    Raises:
        InputError: a card cannot be read.
        OSError: the folder cannot be written.
    """
    there = read_cards(out)
    shown = build_sections(there)
    page = {"sections": shown, "networks": len(there)}
    for folder, card in there:
        about = {
            "int8": describe_int8(card),
            "comparable": batch_of_unit(card["unit"]),
            "timed": milliseconds((card["measured"] or {}).get("batch", 1)),
            "shape": [max(1, size) for size in card["input"]["shape"]],  # -1 stands for any batch
            "unlabelled": format_choices(card.get("unlabelled") or {}),
            "accuracy": format_accuracy(card["accuracy"], card.get("uncertainty")),
            "card": card,
            "description": _sentence(card),
            "onnx": ONNX,
            "program": PROGRAM,
            **_measurement(card),
        }
        write_whole(folder / "card.md", render("network.md.j2", about))
    for picture in (one for section in shown for one in section.pictures):
        write_whole(out / f"{picture.name}.png", picture.rendered.png)
    write_whole(out / "networks.csv", _csv(there))
    write_whole(out / "index.md", render("export.md.j2", page))
    write_whole(out / INDEX, render("export.html.j2", page))
    return out / INDEX


def build_sections(networks: Sequence[tuple[Path, Card]]) -> list[Section]:
    """Return a section for each space, device and predictor of the networks (folders and cards)."""
    groups: dict[Any, list[tuple[Path, Card]]] = {}
    for folder, card in networks:
        groups.setdefault((folder.parent, *card["hashes"].values(), card["guard_band"]), []).append((folder, card))
    return [_section(group) for group in groups.values()]


def _csv(networks: Sequence[tuple[Path, Card]]) -> str:
    """Return a table with a row for each network; costs are in ``unit``, accuracies are fractions of 1."""
    plain = ["space", "device", "predictor", "guard_band", "target", "unit", "accuracy", "cost", "guarded_cost"]
    plain += ["batch", "macs", "parameters"]
    of_images = ["measured_accuracy", "measured_images", "rank_by_prediction"]
    quantised = ["int8_differs", "int8_top1", "fp32_top1", "int8_ms", "int8_median_ms", "int8_bytes"]
    timed = [*(f"{name}_ms" for name in PERCENTILES), "statistic", "table_statistic", "drift", "runner", "date"]
    text = io.StringIO()
    columns = [
        "folder",
        *plain,
        "uncertainty",
        *of_images,
        *timed,
        *quantised,
        "by",
        "weights",
        "unlabelled",
        "architecture",
    ]
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    for folder, card in networks:
        one = card["measured"] or {}
        true = card.get("measured_accuracy") or {}
        table.writerow({
            "folder": f"{folder.parent.name}/{folder.name}",
            **{key: card.get(key, 1) for key in plain},
            "uncertainty": card.get("uncertainty"),
            **{key: true.get(name) for key, name in zip(of_images, ("top1", "images", "rank"), strict=True)},
            **{key: one.get(key, "") for key in timed},
            **int8_metrics(card),
            "by": ", ".join(card["by"]),
            "weights": "random" if card["weights"]["random"] else "trained",
            "unlabelled": format_choices(card.get("unlabelled") or {}),
            "architecture": json.dumps(card["architecture"]),
        })  # fmt: skip
    return text.getvalue()


def _section(group: Sequence[tuple[Path, Card]]) -> Section:
    cards = tuple(card for _, card in group)
    first = cards[0]
    guarded = f", guard band {first['guard_band']:g}" if first["guard_band"] != 1 else ""
    heading = f"{first['space']} on {first['device']}, predictor {first['predictor']}{guarded}"
    batched = any(card.get("batch", 1) != 1 for card in cards)
    rows = [_row(card, str(card.get("batch", 1)) if batched else "") for card in cards]
    heads = _heads(cards, first["unit"] if batch_of_unit(first["unit"]) else "ms")
    table = without_empty(Table(heading, heads, tuple(rows)))
    links = tuple(f"./{relative_url(f'{folder.parent.name}/{folder.name}/card.md')}" for folder, _ in group)
    return Section(heading, group[0][0].parent.name, table, links, cards)


def _sentence(card: Card) -> str:
    description = str(card["weights"].get("description", ""))
    return f"{description[:1].upper()}{description[1:]}."


def _heads(cards: Sequence[Card], ms: str) -> tuple[str, ...]:
    unit, timed = cards[0]["unit"], [card["measured"] for card in cards if card["measured"]]
    about = ", ".join(dict.fromkeys(one["statistic"] for one in timed))
    compared = ", ".join(dict.fromkeys(one["table_statistic"] or one["statistic"] for one in timed))
    where = _where(timed)
    return (
        f"target, {unit}", "predicted accuracy %", "accuracy on images %", "rank by prediction",
        f"predicted cost, {unit}", f"guarded cost, {unit}",
        *(f"measured {name}, {ms}" for name in PERCENTILES), f"INT8 {about}, {ms}", f"prediction off (by {compared})",
        f"target met when measured{where} (by {about})", f"met by {', '.join(PERCENTILES)}",
        "INT8: other first class %", "INT8: top-1 less FP32's, points", "batch", "MMACs", "parameters, millions",
        "resolution", "ONNX, MB", "found by", "weights", "in no label of the predictor",
    )  # fmt: skip


def _row(card: Card, batch: str) -> tuple[str, ...]:
    """Return a network's row; unknown values are empty."""
    int8, true = int8_metrics(card), card.get("measured_accuracy") or {}
    one = card["measured"] or {}
    comparable = card["measured"] and batch_of_unit(card["unit"]) is not None
    searched = comparable and not is_given(card)
    times = [one.get(f"{name}_ms") for name in PERCENTILES]
    return (
        "" if is_given(card) else f"{card['target']:g}",
        f"{format_accuracy(card['accuracy'], card.get('uncertainty'))}{MARK if card.get('unlabelled') else ''}",
        f"{100 * true['top1']:.2f}" if true else "",
        str(true.get("rank", "")),
        f"{card['cost']:.2f}",
        f"{card['guarded_cost']:.2f}" if card["guard_band"] != 1 else "",
        *("" if ms is None else f"{ms:.2f}" for ms in times),
        f"{int8['int8_ms']:.2f}" if "int8_ms" in int8 else "",
        format_number(card["cost"] / comparable_ms(card) - 1, "+.1%") if comparable else "",
        _meets(card) if searched else "",
        ", ".join(_meets(card, name) for name in PERCENTILES) if searched else "",
        f"{100 * int8['int8_differs']:.1f}" if int8 else "",
        format_number(100 * (int8["int8_top1"] - int8["fp32_top1"]), "+.1f") if "int8_top1" in int8 else "",
        batch,
        f"{card['macs'] / 1e6:,.0f}",
        f"{card['parameters'] / 1e6:.2f}",
        str(_resolution(card)),
        f"{card['files'].get(ONNX, {}).get('bytes', 0) / 1e6:.1f}",
        ", ".join(map(str, card["by"])),
        "random" if card["weights"].get("random") else "trained",
        format_choices(card.get("unlabelled") or {}),
    )


def _where(timed: Sequence[Mapping[str, Any]]) -> str:
    """Say where networks were measured, if that was on another machine or by another runner than their cost table."""
    elsewhere = any(not {"machine", "runner"}.isdisjoint(one["unlike"]) for one in timed)
    return " here, on another device or runner than the table's" if elsewhere else ""


def _meets(card: Card, statistic: str | None = None) -> str:
    return "yes" if meets_target(card, statistic) else "no"


def _measurement(card: Card) -> dict[str, Any]:
    """Return the statistics of a card's measured milliseconds, and a sentence on which of them meet its target."""
    one = card["measured"]
    if not one:
        return {"times": [], "verdict": ""}
    times = [(describe_statistic(name), one[f"{name}_ms"]) for name in PERCENTILES]
    if batch_of_unit(card["unit"]) is None or is_given(card):
        return {"times": times, "verdict": ""}
    by_each = ", ".join(f"{_meets(card, name)} by {describe_statistic(name)}" for name in PERCENTILES)
    wanted = describe_statistic(one["statistic"])
    message = f"Target met when measured{_where([one])}: {_meets(card)} by {wanted}, which it is about ({by_each})."
    if one["table_statistic"] not in (None, one["statistic"]):
        message += f" The cost is predicted for {describe_statistic(one['table_statistic'])}, not for {wanted}."
    return {"times": times, "verdict": message}


def _resolution(card: Card) -> Any:
    given = card["architecture"].get("image_size", card["architecture"].get("r", ""))
    return given[0] if isinstance(given, list) and given else given
