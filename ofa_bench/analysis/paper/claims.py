"""Compares each claim of the paper with its published numbers and with measurements in both protocols."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ofa_bench.analysis.paper.measures import (
    Measure,
    Spread,
    accuracy_spread,
    further_share,
    further_target,
    generations_share,
    printed_percent,
    printed_seconds,
    share_of,
    spread_of,
    time_share,
)
from ofa_bench.analysis.paper.protocols import CHAINS, NAMES, PROTOCOLS, STRATEGIES, Runs
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.summary import difference
from ofa_bench.formatting import format_number
from ofa_bench.records.tables import Table

__all__ = ["verdicts"]

LABELS = {"top_down": "top-down", "bottom_up": "bottom-up"}

Published = Mapping[str, Any]

Answer = tuple[str, str]
"""A measurement and a verdict; each may be empty."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one protocol in one space to the claims."""

    runs: Runs
    published: Published

    @cached_property
    def spread(self) -> Spread:
        """How far apart the strategies' accuracies are."""
        return accuracy_spread(self.runs)

    @cached_property
    def differences(self) -> Mapping[str, Paired]:
        """The differences of the chains' mean accuracies from vanilla's."""
        means = {name: self.runs.mean_accuracy(name) for name in STRATEGIES}
        return {one.name: one for one in paired(means, "vanilla")}

    def time(self, chain: str) -> Answer:
        """Return a chain's share of vanilla's time over all rows, and whether it is at most the claimed one."""
        if not self._all_rows or not self.runs.timed:
            return "not timed" if self._all_rows else "not run", ""
        share = time_share(self.runs, chain)
        return f"{share.description(1)} %", self._judged(share, self._claimed(f"{chain}_time_percent"))

    def share(self, _: str) -> Answer:
        """Return a chain's share of vanilla's generations."""
        return f"{generations_share(self.runs, CHAINS[0]):.1f} %" if self._all_rows else "not run", ""

    def mean(self, _: str) -> Answer:
        """Return the mean spread of accuracies, and whether it is at most the claimed one over all targets."""
        mean = self.spread.mean
        claimed = self._claimed("mean_accuracy_difference_points")
        return mean.description(2), self._judged(mean, claimed) if self._all_targets else ""

    def largest(self, _: str) -> Answer:
        """Return the largest spread of accuracies, and whether it is at most the claimed one over all targets."""
        description = f"{self.spread.largest.description(2)}, at {self.spread.at:g} ms"
        claimed = self._claimed("largest_accuracy_difference_points")
        return description, self._judged(self.spread.largest, claimed) if self._all_targets else ""

    def loss(self, chain: str) -> Answer:
        """Return a chain's mean accuracy less vanilla's, and the verdict of the tests."""
        return difference(self.differences[chain]), self.differences[chain].verdict

    def generations(self, _: str) -> Answer:
        """Return the generations of chains, and whether they follow the formula."""
        n, w = self.runs.budget["n"], self.runs.budget["w"]
        made = [one for chain in CHAINS for k in self.runs.rows for one in self.runs.made(chain, k)]
        kept = all(sum(one) == n + (len(one) - 1) * w for one in made if one)
        description = f"{n} + (k − 1)·{w}" if kept else "another number"  # noqa: RUF001
        return description, "holds" if kept and w == math.ceil(math.sqrt(n)) else "does not hold"

    def further(self, chain: str) -> Answer:
        """Return the time of a further target relative to the first, and whether it is at most the claimed one."""
        share = further_target(self.runs, chain) if self.runs.timed else None
        if share is None:
            return "not timed" if len(self.runs.rows) > 1 else "not run", ""
        return f"{share.description(1)} %", self._judged(share, 100 / math.sqrt(self.runs.budget["n"]))

    def _claimed(self, which: str) -> float:
        return float(self.published["claims"][which])

    def _judged(self, measure: Measure, claimed: float) -> str:
        """Return the verdict on a claim, if the searches have the paper's size."""
        budget, setup = self.runs.budget, self.published["setup"]
        paper_size = (budget["n"], budget["population"]) == (setup["generations"], setup["population"])
        return measure.at_most(claimed) if paper_size else "other size"

    @property
    def _all_rows(self) -> bool:
        return self.runs.rows == list(self.published["table1"]["targets"])

    @property
    def _all_targets(self) -> bool:
        return len(self.runs.targets) == len(self.published["table2"]["latency_ms"])


def verdicts(runs: Mapping[tuple[str, str], Runs], published: Published) -> Table:
    """Return a table of the claims, the paper's own numbers, and a measurement and verdict for each protocol.

    Rows in brackets are not claims of the paper, but explain the others.
    """
    rows = []
    for space in NAMES:
        found = {key: Answers(runs[space, key], published) for key in PROTOCOLS if (space, key) in runs}
        if found:
            rows += _rows(space, found, published)
    heads = ["space", "claim", "its own figures"]
    for protocol in PROTOCOLS.values():
        heads += [protocol, "verdict"]
    return Table("The paper's claims", tuple(heads), tuple(rows), left=len(heads))


def _rows(space: str, found: Mapping[str, Answers], published: Published) -> list[tuple[str, ...]]:
    claims, own = published["claims"], _own(space, published)
    rows = []

    def add(claim: str, key: str, ask: Callable[[Answers, str], Answer], chain: str = "") -> None:
        answers = [ask(found[one], chain) if one in found else ("", "") for one in PROTOCOLS]
        rows.append((NAMES[space], claim, own[key], *(cell for answer in answers for cell in answer)))

    for chain, label in LABELS.items():
        percent = claims[f"{chain}_time_percent"]
        add(f"{label} takes at most {percent:g} % of vanilla's time", f"{chain} time", Answers.time, chain)
    add("(generations, summed over the same rows)", "share", Answers.share)
    mean, largest = (claims[f"{which}_accuracy_difference_points"] for which in ("mean", "largest"))
    add(f"accuracies are at most {mean:g} points apart on average", "mean", Answers.mean)
    add(f"and {largest:g} anywhere", "largest", Answers.largest)
    for chain, label in LABELS.items():
        add(f"(mean accuracy, {label} less vanilla)", f"{chain} loss", Answers.loss, chain)
    add("a chain makes n + (k − 1)·√n generations", "generations", Answers.generations)  # noqa: RUF001
    percent = f"{100 / math.sqrt(published['setup']['generations']):.1f} % for n = {published['setup']['generations']}"
    for chain, label in LABELS.items():
        claim = f"so a further target takes √n/n of the first's time ({percent}): {label}"
        add(claim, f"{chain} further", Answers.further, chain)
    return rows


def _own(space: str, published: Published) -> dict[str, str]:
    """Return the paper's own numbers on each claim; for other spaces some are those of MobileNetV3."""
    printed, percent = printed_seconds(published, space), printed_percent(published, space)
    notebook = published["table1"]["notebook_seconds"] if space == "mbv3" else printed
    latencies = published["table2" if space == "mbv3" else "figures5_6"]["latency_ms"]
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
        own[f"{chain} loss"] = format_number(sum(differences) / len(differences), "+.2f")
        own[f"{chain} further"] = f"{further_share(numbers, notebook[chain]):.1f} %"
    return own
