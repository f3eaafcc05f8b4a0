"""Judges the paper's claims on time and generations."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy import stats

from ofa_bench.analysis.intervals import ALPHA, FEWEST
from ofa_bench.analysis.paper.answers import CONSTRUCTION, NOT_RUN, NOT_TIMED, Answer, Claim, of_paper_size
from ofa_bench.analysis.paper.measures import (
    Measure,
    further_share,
    further_target,
    generations_share,
    row_ratio,
    time_share,
    trend,
    trend_of,
)
from ofa_bench.analysis.paper.own import claimed_share, fastest_rows, share_of
from ofa_bench.analysis.paper.protocols import CHAINS, LABELS, STRATEGIES
from ofa_bench.analysis.paper.published import Published, printed_seconds
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.analysis.statistics import holm

__all__ = ["has_all_rows", "time_claims"]


def time_claims(space: str, published: Published) -> list[Claim]:
    """Return the claims on time and generations in a space; those in brackets are none, but explain others."""
    printed = printed_seconds(published, space)
    notebook = published["table1"]["notebook_seconds"] if space == "mbv3" else printed
    shares = [share_of(seconds) for seconds in (printed, notebook)]
    numbers, setup = published["table1"]["targets"], published["setup"]
    n, w = setup["generations"], setup["warm_generations"]
    made = 100 * sum(n + (k - 1) * w for k in numbers) / sum(n * k for k in numbers)
    claims = [
        Claim(
            f"{LABELS[chain]} takes {published['claims'][f'{chain}_time_percent']:g} % of vanilla's time",
            _own_share(*(share[chain] for share in shares)),
            partial(_time, published=published, chain=chain),
        )
        for chain in CHAINS
    ]
    claims += [
        Claim("(generations, summed over the same rows)", f"{made:.1f} %", partial(_generations, published=published)),
        Claim(
            "top-down is the fastest for any number of targets",
            f"in {fastest_rows(notebook)} of {len(numbers)} rows",
            partial(_fastest, published=published),
        ),
    ]
    if space == "mbv3":
        figure = published["figure2"]
        own = np.mean([trend_of(figure["latency_ms"], figure["seconds"][name]) for name in STRATEGIES])
        claims.append(Claim("a lower target takes longer (Kendall's τ, figure 2)", f"{own:.2f}", _trend))
    claims.append(Claim("a chain makes n + (k − 1)·√n generations", f"{n} + (k − 1)·{w}", _formula))  # noqa: RUF001
    claims += [
        Claim(
            f"so a further target takes √n/n of the first's time ({100 / math.sqrt(n):.1f} % for n = {n}): "
            f"{LABELS[chain]}",
            f"{_own_further(chain, numbers, notebook[chain]):.1f} %",
            partial(_further, published=published, chain=chain),
        )
        for chain in CHAINS
    ]
    return claims


def has_all_rows(runs: Runs, published: Published) -> bool:
    """Return whether there are the rows of table 1 and no others."""
    return runs.rows == list(published["table1"]["targets"])


def _own_share(printed: float, notebook: float) -> str:
    return f"{printed:.1f} %" + (f" (notebook {notebook:.1f} %)" if notebook != printed else "")


def _own_further(chain: str, numbers: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the published time of a further target; top-down had the same first target for up to five only."""
    rows = [place for place, k in enumerate(numbers) if chain != "top_down" or k <= 5]
    return float(further_share([numbers[place] for place in rows], [seconds[place] for place in rows]))


def _time(runs: Runs, published: Published, chain: str) -> Answer:
    """Compare a chain's share of vanilla's time over all rows with the claimed one."""
    if not has_all_rows(runs, published):
        return NOT_RUN
    if not runs.timed:
        return NOT_TIMED
    share = time_share(runs, chain)
    verdict = share.replicates(claimed_share(published, chain))
    return f"{share.description(1)} %", of_paper_size(runs, published, verdict)


def _generations(runs: Runs, published: Published) -> Answer:
    if not has_all_rows(runs, published):
        return NOT_RUN
    return f"{generations_share(runs, CHAINS[0]):.1f} %", CONSTRUCTION


def _fastest(runs: Runs, published: Published) -> Answer:
    """Judge whether top-down is the fastest in every row.

    Rows in which all strategies make the same search are left out. It holds if top-down is faster than both others in
    every row, by the intervals of the ratios; it does not hold if it is slower than another one in some row, by sign
    tests with Holm's correction for all rows and both others.
    """
    rows = [k for k in runs.rows if k > 1 or runs.searched("top_down", k) != runs.searched("vanilla", k)]
    if not rows:
        return NOT_RUN
    if not runs.timed:
        return NOT_TIMED
    others = [name for name in STRATEGIES if name != "top_down"]
    pairs = [(k, other) for k in rows for other in others]
    ratios = {pair: row_ratio(runs, "top_down", pair[1], pair[0]) for pair in pairs}
    fastest = [k for k in rows if all(ratios[k, other].below(100) == "holds" for other in others)]
    slower = [pair for pair, p in zip(pairs, _slower(runs, pairs), strict=True) if p < ALPHA]
    description = f"in {len(fastest)} of {len(rows)} rows"
    description += "".join(f"; slower than {LABELS.get(other, other)} for {k}" for k, other in slower)
    if len(runs.keys) < FEWEST:
        verdict = "too few repeats"
    elif slower:
        verdict = "does not hold"
    else:
        verdict = "holds" if len(fastest) == len(rows) else "not decided"
    return description, of_paper_size(runs, published, verdict)


def _slower(runs: Runs, pairs: Sequence[tuple[int, str]]) -> Sequence[float]:
    """Return the corrected p-values of sign tests that top-down is not slower, by pair of k and other strategy."""
    p_values = []
    for k, other in pairs:
        differences = runs.seconds("top_down", k) - runs.seconds(other, k)
        differences = differences[differences != 0]
        positive, number = int((differences > 0).sum()), len(differences)
        p_values.append(stats.binomtest(positive, number, alternative="greater").pvalue if number else 1.0)
    return holm(p_values)


def _trend(runs: Runs) -> Answer:
    """Judge whether a lower target takes longer: by the sign of Kendall's tau over repeats."""
    if not runs.timed:
        return NOT_TIMED
    tau = trend(runs)
    return NOT_RUN if tau is None else (tau.description(2), tau.below(0))


def _formula(runs: Runs) -> Answer:
    """Compare the generations of chains with the formula."""
    n, w = runs.budget["n"], runs.budget["w"]
    made = [one for chain in CHAINS for k in runs.rows for one in runs.made(chain, k)]
    kept = all(sum(one) == n + (len(one) - 1) * w for one in made if one)
    description = f"{n} + (k − 1)·{w}" if kept else "another number"  # noqa: RUF001
    return description, CONSTRUCTION if kept and w == math.ceil(math.sqrt(n)) else "does not hold"


def _further(runs: Runs, published: Published, chain: str) -> Answer:
    """Compare the time of a further target relative to the first with the formula's."""
    share = further_target(runs, chain)
    if share is None:
        return NOT_RUN
    if not runs.timed:
        return NOT_TIMED
    verdict = share.replicates(Measure(100 / math.sqrt(runs.budget["n"])))
    return f"{share.description(1)} %", of_paper_size(runs, published, verdict)
