"""Tables of the records in ``benchmarks/studies``, which ``ofa_bench pack`` wrote."""

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from earlier_predictors import with_note
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from ofa_bench.analysis.statistics import MARGIN, Paired, paired
from ofa_bench.analysis.studies import Entry, Study, studies
from ofa_bench.analysis.summary import Summary, add_judges, difference, share_of_time, summarize
from ofa_bench.formatting import format_number
from ofa_bench.records.compact import unpack
from ofa_bench.records.model import Record
from ofa_bench.records.tables import Table, markdown

__all__ = [
    "control",
    "control_headline",
    "paper",
    "parity",
    "three_spaces",
    "warm_starts",
    "winners_curse",
]

FOLDER = Path(__file__).parents[1] / "benchmarks" / "studies"


def _path(name: str) -> Path:
    """Return the path of a study's file.

    Raises:
        FileNotFoundError: it is not there.
    """
    path = FOLDER / f"{name}.csv.gz"
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent.name}/{path.name}")
    return path


@cache
def _records(name: str) -> list[Record]:
    return unpack(_path(name))


def _lines(name: str) -> list[dict[str, str]]:
    """Return the rows of a table that holds no records."""
    return list(csv.DictReader(io.StringIO(gzip.decompress(_path(name).read_bytes()).decode())))


def _percent(values: Sequence[float] | Any) -> str:
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def three_spaces() -> str:
    """Return chains beside ``vanilla``, each space with its own predictor and costs."""
    heads = (
        "space", "strategy", "repeats", "mean accuracy %", "less `vanilla`, points", "verdict", "generations",
        "unique evaluations", "seconds", "time, % of `vanilla`'s",
    )  # fmt: skip
    rows, records = [], _records("spaces")
    for summary in map(summarize, studies(records)):
        for line in sorted(summary.lines, key=lambda one: one.name != summary.reference):
            entry = next(one for one in summary.study.entries if one.name == line.name)
            rows.append((
                f"`{summary.study.space}`", f"`{line.name}`", str(line.repeats), _percent(entry.mean_accuracy),
                difference(line.paired), line.paired.verdict if line.paired else "",
                f"{line.row.mean_sum('generations'):,.0f}", f"{line.row.mean_sum('unique_evaluations'):,.0f}",
                f"{np.median(entry.seconds):.2f}",
                share_of_time(line.ratio).replace(" %", ""),
            ))  # fmt: skip
    return with_note(markdown(Table("", heads, tuple(rows), left=2)), _hashes(records))


def _hashes(records: Sequence[Record]) -> set[str]:
    return {record.predictor.sha256 for record in records}


def warm_starts() -> str:
    """Return what each change of a chain is worth: paired differences from the chain without changes."""
    found = [(study, entry) for study in studies(_records("warm_starts")) for entry in study.entries]
    plain = {name: _plain(found, name) for name in ("vanilla", "top_down", "bottom_up")}
    rows = []
    for study, entry in sorted(found, key=lambda one: (one[1].name.split()[0] != "vanilla", one[1].name)):
        chain = entry.records[0].choices.strategy
        base = plain[chain]
        if entry is not base and np.array_equal(entry.accuracy, base.accuracy):
            continue  # a default, written out
        compared = "" if entry is base else difference(_paired(entry, base))
        rows.append((
            f"`{entry.name}`", study.warm_generations, f"{np.mean([_made(one) for one in entry.records]):,.0f}",
            str(len(entry.keys)), _percent(entry.mean_accuracy), compared,
        ))  # fmt: skip
    heads = ("strategy and what is changed", "warm generations", "unique evaluations", "repeats", "mean accuracy %",
             "less the same without changes, points")  # fmt: skip
    return markdown(Table("", heads, tuple(rows), left=2))


def _plain(found: Sequence[tuple[Study, Entry]], name: str) -> Entry:
    """Return the entry of a strategy without changes at the default budget."""
    return next(entry for study, entry in found if entry.name == name and study.warm_generations in ("23",))


def _made(record: Record) -> float:
    return sum(one.unique_evaluations for one in record.results) / len(record.repeats)


def _paired(entry: Entry, base: Entry) -> Paired:
    """Compare mean accuracies in the repeats that both have."""
    values = [dict(zip(one.keys, one.mean_accuracy, strict=True)) for one in (entry, base)]
    keys = [key for key in values[0] if key in values[1]]
    arrays = {name: np.array([one[key] for key in keys]) for name, one in zip(("changed", "base"), values, strict=True)}
    [found] = paired(arrays, "base")
    return found


def winners_curse() -> str:
    """Return leads by the guides and by their truth, over the guides (members), with t intervals."""
    summaries = [add_judges(summarize(study)) for study in studies(_records("winners_curse"))]
    if not all(one.judges and one.judges[0].role == "truth" for one in summaries):
        raise FileNotFoundError("OFA's official predictor, which judges")
    names = [line.name for line in sorted(summaries[0].lines, key=lambda one: one.name != "vanilla")]
    rows = []
    for name in names:
        guide, truth = (np.array([_mean(one, name, judged=judged) for one in summaries]) for judged in (False, True))
        leads = [
            np.array([_mean(one, name, judged=judged) - _mean(one, "vanilla", judged=judged) for one in summaries])
            for judged in (False, True)
        ]
        shown = ["", "", ""] if name == "vanilla" else [_over(leads[0]), _over(leads[1]), _listed(leads[1])]
        rows.append((f"`{name}`", f"{guide.mean():.2f}", f"{truth.mean():.2f}", _over(guide - truth), *shown))
    heads = (
        "strategy", "by its guide %", "by the truth %", "guide less truth, points", "lead by the guide",
        "lead by the truth", "of each guide",
    )  # fmt: skip
    repeats = {line.repeats for one in summaries for line in one.lines}
    note = (
        f"n = {len(summaries)} guides, {' or '.join(map(str, sorted(repeats)))} repeats on each. Leads are those over "
        "`vanilla`, in points; intervals (95 %, t) are over the guides."
    )
    return f"{markdown(Table('', heads, tuple(rows)))}\n\n{note}"


def _mean(summary: Summary, name: str, *, judged: bool) -> float:
    entry = next(one for one in summary.study.entries if one.name == name)
    return float(np.nanmean(summary.judges[0].accuracy[name] if judged else entry.accuracy))


def _over(values: Any) -> str:
    """Return a mean with its 95 % t interval."""
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    return f"{_signed(values.mean())} ({_signed(low)} to {_signed(high)})"


def _listed(values: Any) -> str:
    return ", ".join(map(_signed, values))


def _signed(value: float) -> str:
    return format_number(float(value), "+.2f")


def parity() -> str:
    """Return ``vanilla`` beside the search of the ``ofa`` package: two one-sided Welch tests."""
    rows = []
    for study in studies(_records("parity")):
        means = {entry.records[0].choices.strategy: entry.mean_accuracy for entry in study.entries}
        ofa, ours = means["ofa_reference"], means["vanilla"]
        p = ttost_ind(ours, ofa, -MARGIN, MARGIN, usevar="unequal")[0]
        low, high = stats.ttest_ind(ours, ofa, equal_var=False).confidence_interval(0.9)
        shown = [f"{one.mean():.3f} ± {stats.sem(one):.3f}" for one in (ofa, ours)]
        ends = " to ".join(format_number(float(end), "+.3f") for end in (low, high))
        rows.append((
            f"`{study.space}`", f"`{study.device}`", str(len(ours)), *shown,
            f"{format_number(float(ours.mean() - ofa.mean()), '+.3f')} ({ends})", f"{p:.2g}",
        ))  # fmt: skip
    heads = ("space", "on", "repeats", "`ofa_reference` %", "`vanilla` %", "difference, 90 % interval",
             f"two one-sided tests within ±{MARGIN:g}: p")  # fmt: skip
    return markdown(Table("", heads, tuple(rows), left=2))


def paper() -> str:
    """Return the claims of the paper and their verdicts, without the rows that only explain others (in brackets)."""
    shown = []
    for one in _claims(_records("paper")).values():
        place = one.heads.index("claim")
        rows = tuple(row for row in one.rows if not row[place].startswith("("))
        shown.append(f"{one.caption}:\n\n{markdown(Table('', one.heads, rows, one.left))}")
    return with_note("\n\n".join(shown), _hashes(_records("paper")))


def _claims(records: Sequence[Record]) -> dict[str, Table]:
    from ofa_bench.analysis.paper.claims import verdicts
    from ofa_bench.analysis.paper.published import published_paper
    from ofa_bench.analysis.paper.runs import runs_of

    found: dict[str, Table] = verdicts(runs_of(records), published_paper())
    return found


CHAINS = (("top_down", "descending"), ("bottom_up", "ascending"))

Repeats = dict[str, dict[str, float]]
"""Mean accuracies (percent) by entry and repeat."""


def control() -> str:
    """Return chains less ``vanilla`` of equal budget, by space, number of targets and budget."""
    rows = []
    for problem, entries in sorted(_controlled().items(), key=lambda one: (one[0][0], *map(int, one[0][2:]))):
        for chain, order in CHAINS:
            equal = _less(entries, "generations"), _less(entries, f"unique_evaluations {order}")
            cells = [cell for found in equal for cell in _cells(found.get(chain))]
            rows.append((*(f"`{one}`" for one in problem[:2]), *problem[2:], f"`{chain}`", *cells))
    heads = ("space", "device", "targets", "generations", "chain", "repeats", "equal generations", "verdict",
             "repeats", "equal unique evaluations", "verdict")  # fmt: skip
    return _noted_control(markdown(Table("", heads, tuple(rows), left=2)))


def control_in_short() -> str:
    """Return chains less ``vanilla`` of equal generations by number of targets, n = 500."""
    found = {(space, int(k)): one for (space, _, k, n), one in _controlled().items() if n == "500"}
    numbers = sorted({k for _, k in found})
    rows = [
        (f"`{space}`", f"`{chain}`", *(_cells(_less(found[space, k], "generations").get(chain))[1] for k in numbers))
        for space in sorted({space for space, _ in found})
        for chain, _ in CHAINS
    ]
    table = markdown(Table("", ("space", "chain", *(f"k={k:,}" for k in numbers)), tuple(rows), left=2))
    return _noted_control(table)


def control_headline() -> str:
    """Return what the README has of the chains and ``vanilla`` of equal generations, n = 500, in the paper's space."""
    parts = []
    for number in ("10", "100", "1000"):
        [entries] = [one for (space, _, k, n), one in _controlled().items() if (space, k, n) == ("mbv3", number, "500")]
        leads = _less(entries, "generations").values()
        ends = sorted({format_number(float(one.difference or 0.0), "+.2f") for one in leads}, key=float)
        parts.append(f"{' to '.join(ends)} with {int(number):,} targets")
    return (
        "**A warm start pays with many targets.** Mean lead of the two chains over `vanilla` with as many generations, "
        f"in points by the guide: {', '.join(parts)} (`mbv3`)."
    )


def _noted_control(table: str) -> str:
    return with_note(table, {one["predictor_sha256"] for one in _lines("control")})


def _controlled() -> dict[tuple[str, str, str, str], Repeats]:
    """Return the repeats of chains and controls by space, device, number of targets and generations."""
    found: dict[tuple[str, str, str, str], Repeats] = defaultdict(lambda: defaultdict(dict))
    for one in _lines("control"):
        problem = (one["space"], one["device"], one["targets"], one["generations"])
        found[problem][one["entry"]][f"{one['seed']} {one['repeat']}"] = float(one["accuracy"])
    return found


def _less(entries: Repeats, control: str) -> dict[str, Paired]:
    """Return the difference of each chain from a control; both share Holm's correction."""
    orders = dict(CHAINS)
    names = [name for name in orders if name in entries and control.endswith(("generations", orders[name]))]
    keys = [key for key in entries.get(control, {}) if all(key in entries[name] for name in names)]
    if not keys:
        return {}
    values = {name: np.array([entries[name][key] for key in keys]) for name in (control, *names)}
    return {one.name: one for one in paired(values, control)}


def _cells(found: Paired | None) -> tuple[str, str, str]:
    """Return the number of pairs, the difference and the verdict."""
    return ("", "", "") if found is None else (str(found.n), difference(found), found.verdict)
