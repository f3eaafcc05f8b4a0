"""The answers of the study of measured accuracies, as sentences: how much is a predictor worth, and a strategy?"""

from collections.abc import Iterable, Iterator

from truth_study import BASE, STRATEGIES
from truth_tables import CHOSEN, Group, groups, is_independent, judges_of, lead_over_base, leads_by, overrated

from ofa_bench.analysis.paper.differences import no_difference
from ofa_bench.analysis.statistics import MARGIN, Paired
from ofa_bench.analysis.summary import difference
from ofa_bench.formatting import format_number

__all__ = ["truth_headline", "truth_in_short"]

SPACE = "mbv3"
"""The space of the paper, in which the most guides and sources meet."""


def truth_in_short() -> str:
    """Return the answers for the paper's space as a list.

    Raises:
        FileNotFoundError: there are no searches in that space.
    """
    devices, group, single = _searches()
    lines = [
        f"**A predictor**, instead of `{BASE[SPACE]}`, points (winners of `{CHOSEN}`, mean over {devices}): "
        f"{_predictors(group)}.",
        f"**The winner's curse**, by how much a guide overrates them, points: {_curse(group)}.",
        *(f"**A strategy**: `{name}` less `vanilla`. {_strategy(single, name)}" for name in STRATEGIES[1:]),
        f"**The paper's claim** that chains are not significantly different in accuracy. {_claim(single)}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def truth_headline() -> list[str]:
    """Return what the README has of the answers: on guides, and on strategies.

    Raises:
        FileNotFoundError: there are no searches in the paper's space.
    """
    devices, group, single = _searches()
    measured = [guide for guide in group if guide.startswith("measured ")]
    leads = [lead_over_base(group, guide, BASE[SPACE], one) for guide in measured for one in _sources(group, guide)]
    curse = [overrated(group, guide, one) for guide in measured for one in _sources(group, guide)]
    strategies = []
    for name in STRATEGIES[1:]:
        own, others = _leads(single, name)
        strategies.append(f"`{name}` {_mean(own)} and {_mean(others)}")
    return [
        "**The predictor matters most.** A search sees accuracies only through a predictor, its *guide*. Guided by a "
        f"predictor of measured accuracies, `{CHOSEN}` finds networks that independent measurements put {_ends(leads)} "
        "*points* (percentage points of top-1 accuracy) above those it finds with OFA's own predictor "
        f"(`{SPACE}`, mean over {devices.count(',') + 1} devices). Such a guide still overrates them, by "
        f"{_ends(curse)} points.",
        "**Strategies differ less than their own predictor says.** Mean lead over `vanilla`, by the guide and by its "
        f"*judges*, predictors that had no part in the search: {', '.join(strategies)} points.",
    ]


def _searches() -> tuple[str, Group, list[Group]]:
    """Return the devices of the paper's space, its searches on all devices together, and those on each device."""
    pooled = {space: (devices, group) for space, devices, group in groups(by_device=False)}
    if SPACE not in pooled:
        raise FileNotFoundError(f"searches in {SPACE}")
    return *pooled[SPACE], [one for space, _, one in groups(by_device=True) if space == SPACE]


def _ends(several: Iterable[Paired | None]) -> str:
    values = [one.difference for one in several if one is not None and one.difference is not None]
    low, high = (format_number(float(value), ".2f") for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _predictors(group: Group) -> str:
    base, found = BASE[SPACE], list[str]()
    for guide in group:
        leads = {judge: lead_over_base(group, guide, base, judge) for judge in _sources(group, guide)}
        texts = [f"{difference(lead)} by `{judge}`" for judge, lead in leads.items() if lead]
        found += [f"`{guide}`: {', '.join(texts)}"] * bool(texts)
    return "; ".join(found)


def _curse(group: Group) -> str:
    found = []
    for guide in group:
        points = {judge: overrated(group, guide, judge) for judge in _sources(group, guide)}
        texts = [f"{difference(one)} by `{judge}`" for judge, one in points.items() if one]
        found += [f"`{guide}`: {', '.join(texts)}"] * bool(texts)
    return "; ".join(found)


def _sources(group: Group, guide: str) -> list[str]:
    """Return the sources of measurements that had no part in a guide."""
    return [one for one in judges_of(group) if one != "official" and is_independent(group, guide, one)]


def _leads(single: Iterable[Group], name: str) -> tuple[list[Paired], list[Paired]]:
    """Return a strategy's leads over ``vanilla`` by the guides, and by sources that had no part in the guide."""
    own, others = [], []
    for group in single:
        own += [leads_by(group, guide, None)[name] for guide in group]
        others += [leads[name] for leads in _independent(group)]
    return own, others


def _strategy(single: Iterable[Group], name: str) -> str:
    own, others = _leads(single, name)
    return (
        f"By the guides {_range(own)} points, {_counted(own)}; by sources that had no part in the guide, `official` "
        f"among them, {_range(others)}, {_counted(others)}."
    )


def _independent(group: Group) -> Iterator[dict[str, Paired]]:
    """Yield the leads of strategies by each source that had no part in the guide, for each guide."""
    for guide in group:
        for judge in judges_of(group):
            if is_independent(group, guide, judge):
                leads = leads_by(group, guide, judge)
                if leads:
                    yield leads


def _range(several: list[Paired]) -> str:
    values = [one.difference for one in several if one.difference is not None]
    ends = [format_number(float(value), "+.2f") for value in (min(values), max(values))]
    return f"{ends[0]} to {ends[1]} (mean {_mean(several)})"


def _mean(several: list[Paired]) -> str:
    values = [float(one.difference) for one in several if one.difference is not None]
    return format_number(sum(values) / len(values), "+.2f")


def _counted(several: list[Paired]) -> str:
    above = sum(one.interval is not None and one.interval[0] > 0 for one in several)
    below = sum(one.interval is not None and one.interval[1] < 0 for one in several)
    return f"with the whole interval above 0 in {above} and below 0 in {below} of {len(several)} cases"


def _claim(single: Iterable[Group]) -> str:
    verdicts = dict[str, list[str]]()
    for group in single:
        for leads in _independent(group):
            for name in STRATEGIES[1:3]:
                verdicts.setdefault(name, []).append(no_difference(leads[name]))
    counted = {name: {one: of.count(one) for one in dict.fromkeys(sorted(of))} for name, of in verdicts.items()}
    texts = (f"`{name}`: " + ", ".join(f"{one} in {n}" for one, n in of.items()) for name, of in counted.items())
    return f"{'; '.join(texts)} cases of guide, device and source (equivalent: within ±{MARGIN:g} points)."
