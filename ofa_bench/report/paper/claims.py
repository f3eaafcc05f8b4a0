"""The verdict: each claim of the paper beside its own figures and beside what was measured, in both protocols."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ofa_bench.report.paper.measures import (
    Spread,
    accuracy_spread,
    further_target,
    generations_share,
    share_of,
    spread_of,
    time_share,
)
from ofa_bench.report.paper.protocols import CHAINS, PROTOCOLS, Runs
from ofa_bench.report.statistics import paired
from ofa_bench.report.summary import in_points
from ofa_bench.report.tables import Table

__all__ = ["verdicts"]

NAMES = {"mbv3": "MobileNetV3", "resnet50d": "ResNet50D", "proxyless": "ProxylessNAS"}
SAID = {"top_down": "top-down", "bottom_up": "bottom-up"}

Published = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Judged:
    """One protocol in one space."""

    runs: Runs
    published: Published

    @cached_property
    def spread(self) -> Spread:
        """How far apart the strategies' accuracies are."""
        return accuracy_spread(self.runs)

    def time(self, chain: str) -> tuple[str, str]:
        """Say what share of vanilla's time a chain takes, and whether it is no more than claimed."""
        if self.runs.together:
            return "", ""
        share = time_share(self.runs, chain)
        return f"{share.told(1)} %", share.at_most(self.published["claims"][f"{chain}_time_percent"])

    def share(self) -> tuple[str, str]:
        """Say what share of vanilla's generations a chain makes."""
        return f"{generations_share(self.runs, CHAINS[0]):.1f} %", ""

    def mean(self) -> tuple[str, str]:
        """Say how far apart accuracies are on average."""
        mean = self.spread.mean
        return mean.told(2), mean.at_most(self.published["claims"]["mean_accuracy_difference_points"])

    def largest(self) -> tuple[str, str]:
        """Say how far apart accuracies are at most."""
        largest, at = self.spread.largest, f", at {self.spread.at:g} ms"
        return largest.told(2) + at, largest.at_most(self.published["claims"]["largest_accuracy_difference_points"])

    def loss(self, chain: str) -> tuple[str, str]:
        """Say how a chain's mean accuracy stands to vanilla's."""
        [found] = paired({name: self.runs.mean_accuracy(name) for name in ("vanilla", chain)}, "vanilla")
        return f"{found.difference:+.2f}{in_points(found)}", found.verdict

    def generations(self) -> tuple[str, str]:
        """Say how many generations chains make, and whether it is the formula's number."""
        n, w = self.runs.budget["n"], self.runs.budget["w"]
        made = all(self.runs.generations(chain, k) == n + (k - 1) * w for chain in CHAINS for k in self.runs.rows)
        told = f"{n} + (k − 1)·{w}" if made else "another number"  # noqa: RUF001
        return told, "holds" if made and w == math.ceil(math.sqrt(n)) else "does not hold"

    def further(self, chain: str) -> tuple[str, str]:
        """Say what a further target takes, in the time of the first."""
        share = None if self.runs.together else further_target(self.runs, chain)
        if share is None:
            return "", ""
        return f"{share.told(1)} %", share.at_most(100 / math.sqrt(self.runs.budget["n"]))


def verdicts(runs: Mapping[tuple[str, str], Runs], published: Published) -> Table:
    """Set the claims beside the paper's own figures and what was measured; a verdict stands for each protocol.

    What is in brackets is no claim of the paper, but explains the others.
    """
    rows = []
    for space in NAMES:
        found = {key: Judged(runs[space, key], published) for key in PROTOCOLS if (space, key) in runs}
        if found:
            rows += _rows(space, found, published)
    heads = ["space", "claim", "its own figures"]
    for said in PROTOCOLS.values():
        heads += [said, "verdict"]
    return Table("The paper's claims", tuple(heads), tuple(rows), left=len(heads))


def _rows(space: str, found: Mapping[str, Judged], published: Published) -> list[tuple[str, ...]]:
    claims, own = published["claims"], _own(space, published)
    rows = []

    def add(claim: str, key: str, ask: str, *chain: str) -> None:
        answers = [getattr(found[one], ask)(*chain) if one in found else ("", "") for one in PROTOCOLS]
        rows.append((NAMES[space], claim, own.get(key, ""), *(word for answer in answers for word in answer)))

    for chain, said in SAID.items():
        percent = claims[f"{chain}_time_percent"]
        add(f"{said} takes {percent:g} % of vanilla's time", f"{chain} time", "time", chain)
    add("(generations, summed over the same rows)", "share", "share")
    mean, largest = (claims[f"{which}_accuracy_difference_points"] for which in ("mean", "largest"))
    add(f"accuracies are {mean:g} points apart on average", "mean", "mean")
    add(f"and {largest:g} at most", "largest", "largest")
    for chain, said in SAID.items():
        add(f"(mean accuracy, {said} less vanilla)", f"{chain} loss", "loss", chain)
    add("a chain makes n + (k − 1)·√n generations", "generations", "generations")  # noqa: RUF001
    percent = f"{100 / math.sqrt(published['setup']['generations']):.1f} %"
    for chain, said in SAID.items():
        claim = f"so a further target takes √n/n of the first's time, {percent}: {said}"
        add(claim, f"{chain} further", "further", chain)
    return rows


def _own(space: str, published: Published) -> dict[str, str]:
    """Work out what the paper's own figures say to each claim; those of other spaces are of MobileNetV3 too."""
    if space == "mbv3":
        printed, notebook = (published["table1"][f"{which}_seconds"] for which in ("printed", "notebook"))
        percent, latencies = published["table2"]["printed_percent"], published["table2"]["latency_ms"]
    else:
        printed = notebook = published["figures5_6"][f"{space}_seconds"]
        percent, latencies = published["figures5_6"][f"{space}_percent"], published["figures5_6"]["latency_ms"]
    numbers = published["table1"]["targets"]
    mean, largest, place = spread_of(percent)
    n, w = published["setup"]["generations"], published["setup"]["warm_generations"]
    made = sum(n + (k - 1) * w for k in numbers) / sum(n * k for k in numbers)
    own = {
        "share": f"{100 * made:.1f} %",
        "mean": f"{mean:.2f}",
        "largest": f"{largest:.2f}, at {latencies[place]} ms",
        "generations": f"{n} + (k − 1)·{w}",  # noqa: RUF001
    }
    for chain in CHAINS:
        shares = [f"{share_of(seconds)[chain]:.1f} %" for seconds in (printed, notebook)]
        own[f"{chain} time"] = shares[0] if shares[0] == shares[1] else f"{shares[0]} (notebook {shares[1]})"
        differences = [one - of for one, of in zip(percent[chain], percent["vanilla"], strict=True)]
        own[f"{chain} loss"] = f"{sum(differences) / len(differences):+.2f}"
        first, last = notebook[chain][0], notebook[chain][-1]
        own[f"{chain} further"] = f"{100 * (last - first) / (numbers[-1] - numbers[0]) / first:.1f} %"
    return own
