"""Tables of the study of known truth: true regret by strategy and guide, and whether a better search helps."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from ground_truth import EXACT, GUIDES, PAPER, PAPER_GENERATIONS, STRATEGIES, Found, found
from intervals import interval_cell
from numpy.typing import NDArray

from ofa_bench.analysis.paper.differences import no_difference
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.summary import difference
from ofa_bench.formatting import format_number
from ofa_bench.records.tables import Table, markdown

__all__ = [
    "ASKED",
    "EFFORTS",
    "SPACES",
    "better",
    "curse",
    "efforts",
    "ground_truth_in_short",
    "leads",
    "of",
    "regrets",
    "searched",
]

Floats = NDArray[np.float64]

SPACES = ("nasbench_macro", "accel_nasbench")

ASKED = 920
"""Evaluations that were asked of searches of all targets together: as many as a chain makes."""

LARGE = tuple(f"{name}, n={PAPER_GENERATIONS}" for name in PAPER)
"""The paper's strategies with n=500."""

CHAINS = {"vanilla": PAPER[1:], "vanilla, matched": PAPER[1:], LARGE[0]: LARGE[1:]}
"""Chains by the search from scratch that they are compared with."""

STEPS = (("random", "joint"), ("joint", EXACT))
CURSED = ("random", "vanilla", "joint", EXACT)

EFFORTS = (100, 300, ASKED, 3000)


def of(space: str, guide: str, strategy: str, asked: int = ASKED) -> Found | None:
    """Return what was found, None without it; chains, ``vanilla`` and exact optima ask for no number of evaluations."""
    every = found()
    return every.get((space, guide, strategy, asked)) or every.get((space, guide, strategy, 0))


def searched(space: str) -> list[str]:
    """Return the guides of a space."""
    return [guide for guide in GUIDES if of(space, guide, EXACT)]


def _means(one: Found | None) -> Floats | None:
    return None if one is None else one.means(one.regret)


def regrets() -> str:
    """Return the mean true regret over targets of each strategy, by guide."""
    return "\n\n".join(f"`{space}`:\n\n{_regrets(space)}" for space in SPACES if searched(space))


def _regrets(space: str) -> str:
    guides, rows = searched(space), []
    for name in (*STRATEGIES, *LARGE):
        several = [of(space, guide, name) for guide in guides]
        there = [one for one in several if one]
        if there:
            spent = [f"{np.mean([getattr(one, key) for one in there]):,.0f}" for key in ("evaluations", "unique")]
            rows.append((f"`{name}`", *spent, *(interval_cell(_means(one)) for one in several)))
    heads = ("strategy", "evaluations", "unique", *(f"guide: {guide}" for guide in guides))
    return markdown(Table("", heads, tuple(rows)))


def _leads(space: str, guide: str, names: Sequence[str], base: str) -> dict[str, Paired]:
    """Return leads over another strategy in true accuracy, points, paired by sample and repeat."""
    several = {name: one for name in (base, *names) if (one := of(space, guide, name))}
    if base not in several or len(several) < 2:
        return {}
    values = {name: -one.means(one.regret) for name, one in several.items() if one.keys == several[base].keys}
    return {one.name: one for one in paired(values, base)}


def leads() -> str:
    """Return what chains gain or lose in true accuracy, beside the paper's claim that it is not significant."""
    rows = []
    for space, guide, base, one in _chains():
        rows.append((f"`{space}`", guide, f"`{one.name}`", f"`{base}`", difference(one), no_difference(one)))
    heads = ("space", "guide", "strategy", "less", "points of true accuracy", "no difference?")
    return markdown(Table("", heads, tuple(rows), left=4))


def _chains() -> Iterator[tuple[str, str, str, Paired]]:
    for space in SPACES:
        for guide in searched(space):
            for base, names in CHAINS.items():
                for one in _leads(space, guide, names, base).values():
                    yield space, guide, base, one


def efforts() -> str:
    """Return the true regret of stronger and stronger searches."""
    rows = []
    for space in SPACES:
        for guide in searched(space):
            for name in ("random", "joint"):
                cells = [interval_cell(_means(of(space, guide, name, asked))) for asked in EFFORTS]
                rows.append((f"`{space}`", guide, f"`{name}`", *cells, interval_cell(_means(of(space, guide, EXACT)))))
    heads = ("space", "guide", "strategy", *(f"{asked:,}" for asked in EFFORTS), "all")
    return markdown(Table("", heads, tuple(rows), left=3))


def better() -> str:
    """Return what a better search gains in true accuracy: from ``random`` to ``joint`` to the exact optimum."""
    rows = []
    for space in SPACES:
        for guide in searched(space):
            cells = [difference(_leads(space, guide, [name], base).get(name)) for base, name in STEPS]
            rows.append((f"`{space}`", guide, *cells))
    heads = ("space", "guide", *(f"`{name}` less `{base}`" for base, name in STEPS))
    return markdown(Table("", heads, tuple(rows), left=2))


def curse() -> str:
    """Return by how much guides overrate what searches find with them, points.

    One run is in the truth, the mean of three: r1 - (r1 + r2 + r3) / 3 is 2/3 of r1 - (r2 + r3) / 2, so against the
    other two it overrates by 1.5 times as much.
    """
    rows = []
    for space in SPACES:
        for guide in searched(space)[1:]:
            several = [of(space, guide, name) for name in CURSED]
            cells = [one and one.means(one.excess) * (1.5 if guide == "one run" else 1) for one in several]
            rows.append((f"`{space}`", guide, *map(interval_cell, cells)))
    heads = ("space", "guide", *(f"`{name}`" for name in CURSED))
    return markdown(Table("", heads, tuple(rows), left=2))


def ground_truth_in_short() -> str:
    """Return the answers as a list.

    Raises:
        FileNotFoundError: there is no study.
    """
    lines = []
    for space in SPACES:
        guides = searched(space)
        names = [name for name in STRATEGIES[:-1] if of(space, guides[0], name)]
        ordered = sorted(names, key=lambda name: _mean(space, guides[0], name))
        texts = [f"`{name}` {_mean(space, guides[0], name):.3f}" for name in ordered]
        lines.append(f"**Strategies** on the truth of `{space}`, mean true regret in points: {', '.join(texts)}.")
    for number, name in enumerate(CHAINS["vanilla"]):
        for base, what in (("vanilla", "with its full budget"), ("vanilla, matched", "of equal generations")):
            lines.append(f"**The paper's claim** on accuracy: `{name}` less `vanilla` {what}. {_claim(name, base)}.")
        large = CHAINS[LARGE[0]][number]
        lines.append(f"**The paper's claim** on accuracy: `{large}` less `{LARGE[0]}`. {_claim(large, LARGE[0])}.")
    lines += [f"**A better search or a better guide?** In `{space}`, {_better(space)}." for space in SPACES]
    return "\n".join(f"- {line}" for line in lines)


def _mean(space: str, guide: str, name: str) -> float:
    one = of(space, guide, name)
    return np.nan if one is None else float(one.regret.mean())


def _claim(name: str, base: str) -> str:
    """Return in how many cases of space and guide the claim holds, and how large the differences are."""
    cases = [one for _, _, at, one in _chains() if one.name == name and at == base]
    values, verdicts = [one.difference or 0.0 for one in cases], Counter(map(no_difference, cases))
    texts = [f"{verdict} in {number}" for verdict, number in sorted(verdicts.items())]
    low, high = (format_number(value, "+.2f") for value in (min(values), max(values)))
    return f"{low} to {high} points; {', '.join(texts)} of {len(cases)} rows below"


def _better(space: str) -> str:
    """Return the true regret of ever better searches, by guide."""
    found = []
    for guide in searched(space):
        worse, better, all_ = (_mean(space, guide, name) for name in ("random", "joint", EXACT))
        found.append(f"{guide}: {worse:.2f}, {better:.2f}, {all_:.2f}")
    return f"true regret of `random`, of `joint` and of the guide's exact optimum, by guide: {'; '.join(found)}"
