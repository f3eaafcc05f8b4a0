"""Judges the paper's claims on accuracy, by tests of difference and of equivalence."""

from functools import partial

import numpy as np

from ofa_bench.analysis.paper.answers import NOT_RUN, NOT_TIMED, Answer, Claim, of_paper_size
from ofa_bench.analysis.paper.differences import differs, no_difference, sign
from ofa_bench.analysis.paper.judged import Opinions, judged_claims
from ofa_bench.analysis.paper.measures import Measure, accuracy_spread, time_share
from ofa_bench.analysis.paper.own import claimed_largest, claimed_mean, differing_targets, mean_difference, spread_of
from ofa_bench.analysis.paper.protocols import CHAINS, LABELS, STRATEGIES
from ofa_bench.analysis.paper.published import Published, printed_percent
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.analysis.paper.times import has_all_rows
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.summary import difference
from ofa_bench.formatting import format_number

__all__ = ["accuracy_claims", "carrying_over"]


def accuracy_claims(space: str, published: Published, most: int, opinions: Opinions) -> list[Claim]:
    """Return the claims on accuracy in a space, over as many repeats as the paper's.

    If some runs have more, ``most``, there are also rows for all repeats. ``opinions`` are of independent sources.
    """
    claims, repeats = published["claims"], published["setup"]["repeats"]
    percent = printed_percent(published, space)
    mean, largest, place = spread_of(percent)
    latencies = published["table2" if space == "mbv3" else "figures5_6"]["latency_ms"]
    own = {chain: _own_difference(space, published, chain) for chain in CHAINS}
    rows = [
        Claim(
            f"no significant difference from vanilla, mean over targets: {LABELS[chain]}",
            own[chain],
            partial(_mean, published=published, chain=chain, repeats=repeats),
        )
        for chain in CHAINS
    ]
    rows += [
        Claim(
            f"the same over all repeats: {LABELS[chain]}",
            "",
            partial(_mean_of_all, published=published, chain=chain),
        )
        for chain in CHAINS
        if most > repeats
    ]
    rows += judged_claims(space, opinions, published)
    rows += [
        Claim(
            f"nor at any single target: {LABELS[chain]}",
            _listed(differing_targets(published, chain)) if space == "mbv3" else "",
            partial(_single, published=published, chain=chain),
        )
        for chain in CHAINS
    ]
    return [
        *rows,
        Claim(
            f"accuracies are {claims['mean_accuracy_difference_points']:g} points apart on average",
            f"{mean:.2f}",
            partial(_spread, published=published, largest=False),
        ),
        Claim(
            f"and {claims['largest_accuracy_difference_points']:g} at most",
            f"{largest:.2f}, at {latencies[place]} ms",
            partial(_spread, published=published, largest=True),
        ),
    ]


def carrying_over(space: str, published: Published) -> list[Claim]:
    """Return the claims that savings without a loss carry over to a space; none for that of the paper."""
    if space == "mbv3":
        return []
    return [
        Claim(
            f"it carries over: less time, no significant difference: {LABELS[chain]}",
            "not run (MobileNetV3's space again)",
            partial(_carries_over, published=published, chain=chain),
        )
        for chain in CHAINS
    ]


def _own_difference(space: str, published: Published, chain: str) -> str:
    """Return the paper's mean difference; of other spaces there are no standard deviations."""
    if space == "mbv3":
        own = mean_difference(published, chain)
        ends = " to ".join(format_number(end, "+.2f") for end in own.ends)
        return f"{format_number(own.value, '+.2f')} ({ends})"
    percent = printed_percent(published, space)
    return format_number(float(np.mean(percent[chain]) - np.mean(percent["vanilla"])), "+.2f")


def _mean(runs: Runs, published: Published, chain: str, repeats: int | None = None) -> Answer:
    """Test a chain's mean accuracy against vanilla's."""
    found = _tested(runs, chain, repeats)
    return f"{difference(found)}, n = {found.n}", of_paper_size(runs, published, no_difference(found))


def _mean_of_all(runs: Runs, published: Published, chain: str) -> Answer:
    """Test the same over all repeats, if there are more than the paper's."""
    return _mean(runs, published, chain) if len(runs.winners) > published["setup"]["repeats"] else ("", "")


def _tested(runs: Runs, chain: str, repeats: int | None = None) -> Paired:
    """Compare mean accuracies over the first ``repeats`` repeats; None: over all."""
    means = {name: runs.mean_accuracy(name)[:repeats] for name in STRATEGIES}
    return next(one for one in paired(means, "vanilla") if one.name == chain)


def _single(runs: Runs, published: Published, chain: str) -> Answer:
    """Test a chain's accuracy against vanilla's at each target, with Holm's correction for all targets."""
    rows = (runs.accuracy(chain) - runs.accuracy("vanilla"))[: published["setup"]["repeats"]].T
    if rows.shape[1] < 2:
        return "", "one repeat"
    names = {f"{target:g}": row for target, row, met in zip(runs.targets, rows, runs.met, strict=True) if met}
    tests = paired({"": np.zeros(rows.shape[1]), **names}, "")
    found: dict[str, list[float]] = {"worse": [], "better": []}
    for one in filter(differs, tests):
        found[sign(one)].append(float(one.name))
    if any(found.values()):
        verdict = "does not hold"
    else:
        verdict = "holds: equivalent" if {one.verdict for one in tests} == {"equivalent"} else "not decided"
    return _listed(found), of_paper_size(runs, published, verdict)


def _listed(found: dict[str, list[float]]) -> str:
    """Return the targets at which a chain is worse and better as text."""
    texts = {word: ", ".join(f"{target:g}" for target in targets) for word, targets in found.items() if targets}
    return "; ".join(f"{word} at {text} ms" for word, text in texts.items()) or "none differs"


def _spread(runs: Runs, published: Published, *, largest: bool) -> Answer:
    """Compare the spread of accuracies with the claimed one, over as many repeats as the paper's."""
    spread = accuracy_spread(runs, published["setup"]["repeats"])
    measure: Measure = spread.largest if largest else spread.mean
    claimed = claimed_largest(published) if largest else claimed_mean(published)
    description = measure.description(2) + (f", at {spread.at:g} ms" if largest else "")
    if len(runs.targets) != len(published["table2"]["latency_ms"]):
        return description, ""
    return description, of_paper_size(runs, published, measure.replicates(claimed))


def _carries_over(runs: Runs, published: Published, chain: str) -> Answer:
    """Judge whether a chain saves time without a significant difference of accuracy."""
    if not has_all_rows(runs, published):
        return NOT_RUN
    if not runs.timed:
        return NOT_TIMED
    share, tests = time_share(runs, chain), _tested(runs, chain)
    found = {share.below(100), no_difference(tests).partition(":")[0].partition(",")[0]}
    verdict = next((one for one in ("too few repeats", "does not hold", "not decided") if one in found), "holds")
    description = f"{share.description(1)} % of the time, {difference(tests)} points"
    return description, of_paper_size(runs, published, verdict)
