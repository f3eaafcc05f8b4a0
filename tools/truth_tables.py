"""Tables of the study of measured accuracies: what a guide is worth, and a strategy, by the guide and by its judges."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from measured_rows import read_measured
from truth_study import BASE, STRATEGIES, Pair, Rows, Searched, compare, mean, predictors_of, searched

from ofa_bench.analysis.statistics import Paired
from ofa_bench.analysis.summary import difference
from ofa_bench.predictors import embedded_predictor, official_predictor
from ofa_bench.records.tables import Table, markdown
from ofa_bench.spaces import MobileNetV3Space

__all__ = [
    "CHOSEN",
    "Group",
    "groups",
    "is_independent",
    "judges_of",
    "lead_over_base",
    "leads_by",
    "overrated",
    "source_errors",
    "truth_guides",
    "truth_guides_by_device",
    "truth_strategies",
    "truth_strategies_by_device",
]

CHOSEN = "joint"
"""The strategy whose winners show what a guide is worth."""

Group = Mapping[str, Sequence[Searched]]
"""What was searched by guide, on the same devices."""


def groups(*, by_device: bool) -> Iterator[tuple[str, str, Group]]:
    """Yield the space, the devices and what was searched: for each device, or for all that every guide has."""
    for space in BASE:
        found = {(one.guide, one.device): one for one in searched() if one.space == space}
        guides, devices = dict.fromkeys(guide for guide, _ in found), sorted({device for _, device in found})
        if by_device:
            for device in devices:
                yield space, device, {guide: [found[guide, device]] for guide in guides if (guide, device) in found}
        else:
            shared = [device for device in devices if all((guide, device) in found for guide in guides)]
            if shared:
                yield space, ", ".join(shared), {guide: [found[guide, one] for one in shared] for guide in guides}


def judges_of(group: Group) -> list[str]:
    """Return the judges of a group, the official predictor last."""
    names = {name for several in group.values() for one in several for name in one.judged}
    return sorted(names, key=lambda name: (name == "official", name))


def lead_over_base(group: Group, guide: str, base: str, judge: str) -> Paired | None:
    """Return the accuracy of a guide's winners less those of another guide's, by a judge."""
    if guide == base or any(judge not in one.judged for name in (guide, base) for one in group[name]):
        return None
    pairs = zip(*([one.judged[judge][CHOSEN] for one in group[name]] for name in (guide, base)), strict=True)
    return compare({guide: list(pairs)}).get(guide)


def overrated(group: Group, guide: str, judge: str) -> Paired | None:
    """Return by how much a source as the guide exceeds a judge on its winners, less the difference of their levels.

    That is by how much the source exceeds the judge on winners of guides that had neither in them, points. None if
    there are no such guides.
    """
    source = guide.removeprefix("measured ")
    neutral = [several for name, several in group.items() if not name.startswith("measured")]
    if source == judge or any(not {source, judge} <= set(one.judged) for several in neutral for one in several):
        return None
    pairs = []
    for place, one in enumerate(group[guide]):
        others = [several[place].judged for several in neutral]
        levels = [mean([of[source][CHOSEN]]) - mean([of[judge][CHOSEN]]) for of in others]
        if not levels or judge not in one.judged:
            return None
        pairs.append((one.own[CHOSEN], _raised(one.judged[judge][CHOSEN], float(np.mean(levels)))))
    return compare({guide: pairs}).get(guide)


def _raised(rows: Rows, points: float) -> Rows:
    return {key: row + points for key, row in rows.items()}


def source_errors() -> str:
    """Return how the errors of predictors go together on measured networks of 224 px: correlations, in pairs."""
    rows = []
    for space in (MobileNetV3Space(), MobileNetV3Space(1.0)):
        known = read_measured(space)
        known = known.take(known.size == max(space.resolutions))
        genes = known.genes.copy()
        genes[:, space.index["r"]] = len(space.resolutions) - 1
        predictors = dict(predictors_of(space))
        if space.name == "mbv3":
            predictors["member mean"] = embedded_predictor(space, "mean")
        else:
            del predictors["ofa_w1.0"]  # it was fitted to these rows
            predictors["official"] = official_predictor(MobileNetV3Space(), fetch=False)
        errors = {name: 100 * one.accuracy(genes) - known.top1 for name, one in predictors.items()}
        for one, other in combinations(errors, 2):
            found = np.corrcoef(errors[one], errors[other])[0, 1]
            rows.append((f"`{space.name}`", f"{len(genes):,}", f"`{one}`", f"`{other}`", f"{found:.2f}"))
    heads = ("space", "measured networks", "predictor", "another", "correlation of their errors")
    return markdown(Table("", heads, tuple(rows), left=1))


def leads_by(group: Group, guide: str, judge: str | None) -> dict[str, Paired]:
    """Return the leads of strategies over ``vanilla`` by a judge, or by the guide itself; empty without it."""
    opinions = [one.own if judge is None else one.judged.get(judge) for one in group[guide]]
    known = [one for one in opinions if one is not None]
    if len(known) < len(opinions):
        return {}
    names = [name for name in STRATEGIES[1:] if all(name in one and "vanilla" in one for one in known)]
    pairs: dict[str, list[Pair]] = {name: [(one[name], one["vanilla"]) for one in known] for name in names}
    return compare(pairs)


def is_independent(group: Group, guide: str, judge: str) -> bool:
    """Return whether a judge is a source of its own, not the truth of a guide that was fitted to its values."""
    return all(one.roles.get(judge) == "independent" for one in group[guide])


def had_part(group: Group, guide: str, judge: str) -> bool:
    """Return whether a predictor had part in a guide, so that it is no judge."""
    return any(one.roles.get(judge) is None for one in group[guide])


def truth_guides() -> str:
    """Return what guides are worth, over all devices together."""
    return "\n\n".join(_guides(*one) for one in groups(by_device=False))


def truth_guides_by_device() -> str:
    """Return what guides are worth on each device."""
    return "\n\n".join(_guides(*one) for one in groups(by_device=True))


def truth_strategies() -> str:
    """Return what strategies are worth, over all devices together."""
    return "\n\n".join(_strategies(*one) for one in groups(by_device=False))


def truth_strategies_by_device() -> str:
    """Return what strategies are worth on each device."""
    return "\n\n".join(_strategies(*one) for one in groups(by_device=True))


def _guides(space: str, devices: str, group: Group) -> str:
    """Return what winners are worth by the judges, and in a second table how far measured guides overrate theirs."""
    judges, base = [name for name in judges_of(group) if name != "official"], BASE[space]
    worth = {"by itself %": [f"{mean([one.own[CHOSEN] for one in several]):.2f}" for several in group.values()]}
    curse = dict[str, list[str]]()
    for judge in judges:
        part = [had_part(group, guide, judge) for guide in group]
        by = [[one.judged.get(judge, {}).get(CHOSEN) for one in several] for several in group.values()]
        values = ["" if None in one else f"{mean([rows for rows in one if rows]):.2f}" for one in by]
        worth[f"by `{judge}` %"] = list(map(_bracket, values, part))
        less = [difference(lead_over_base(group, guide, base, judge)) for guide in group]
        worth[f"less `{base}`, by `{judge}`"] = list(map(_bracket, less, part))
        above = [difference(overrated(group, guide, judge)) for guide in group]
        curse[f"overrated, points, by `{judge}`"] = list(map(_bracket, above, part))
    tables = [table for columns in (worth, curse) if (table := _table(group, columns))]
    return _titled(space, devices, group, "\n\n".join(tables))


def _table(group: Group, columns: Mapping[str, Sequence[str]]) -> str:
    """Return a table with a row for each guide, without empty columns and rows; empty if nothing is left."""
    shown = {head: cells for head, cells in columns.items() if any(cells)}
    lines = zip(group, *shown.values(), strict=True)
    rows = tuple((f"`{guide}`", *cells) for guide, *cells in lines if any(cells))
    return markdown(Table("", ("guide", *shown), rows)) if rows else ""


def _strategies(space: str, devices: str, group: Group) -> str:
    judges = judges_of(group)
    rows = []
    for guide in group:
        own = leads_by(group, guide, None)
        of = {judge: leads_by(group, guide, judge) for judge in judges}
        for name in own:
            cells = [_bracket(difference(of[judge].get(name)), had_part(group, guide, judge)) for judge in judges]
            rows.append((f"`{guide}`", f"`{name}`", difference(own[name]), *cells))
    heads = ("guide", "strategy", "lead by the guide", *(f"by `{judge}`" for judge in judges))
    return _titled(space, devices, group, markdown(Table("", heads, tuple(rows), left=2)))


def _titled(space: str, devices: str, group: Group, table: str) -> str:
    """Return a table with its problem, and how much of the judgement is a guess."""
    every = [one for several in group.values() for one in several]
    repeats = {len(rows) for one in every for rows in one.own.values()}
    guessed = [
        f"{100 * max(one.guessed[judge] for one in every if judge in one.guessed):.0f} % by `{judge}`"
        for judge in judges_of(group)
        if judge != "official"
    ]
    return (
        f"`{space}` on {devices}, {' or '.join(map(str, sorted(repeats)))} repeats (winners of an image size that no "
        f"label of the judge had: at most {', '.join(guessed)}):\n\n{table}"
    )


def _bracket(cell: str, bracketed: bool) -> str:
    return f"[{cell}]" if cell and bracketed else cell
