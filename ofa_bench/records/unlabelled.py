"""What records say of winners with choices that no label of their predictor had: a mark and a note."""

from collections.abc import Sequence

from ofa_bench.predictors.coverage import check_unlabelled, format_choices, format_flow, labelled_choices
from ofa_bench.predictors.gaps import find_gaps
from ofa_bench.records.model import Record, Result
from ofa_bench.search import Problem
from ofa_bench.spaces import Genes

__all__ = ["MARK", "describe_points", "is_marked", "note", "notes", "summarize"]

MARK = "*"
"""Follows an accuracy of such a winner."""

MAX_TARGETS = 8
"""The most targets that a note names."""


def is_marked(results: Sequence[Result]) -> bool:
    """Return whether an architecture of these results meets its target and has a choice that no label had."""
    return any(result.feasible and result.unlabelled for result in results)


def notes(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """Return a note for each predictor of records, by their names, some of whose winners are marked."""
    groups: dict[tuple[str, str], list[tuple[str, Sequence[Record]]]] = {}
    for name, record in zip(names, records, strict=True):
        groups.setdefault((record.choices.space, record.predictor.sha256), []).append((name, [record]))
    return [text for text in map(note, groups.values()) if text]


def note(named: Sequence[tuple[str, Sequence[Record]]]) -> str:
    """Return the note on marked accuracies of records of one predictor, by name; empty where there are none."""
    choices: dict[str, list[float]] = {}
    places = []
    for name, records in named:
        results = [one for record in records for one in record.results]
        marked = [one for one in results if is_marked([one])]
        for gene, values in ((gene, values) for one in marked for gene, values in (one.unlabelled or {}).items()):
            choices[gene] = sorted({*choices.get(gene, []), *values})
        if marked:
            found = sorted({float(one.target) for one in marked}), len({one.target for one in results})
            places.append((name, _format_targets(*found, records[0].unit)))
    if not places:
        return ""
    held = [one.predictor.labelled for _, records in named for one in records]
    labelled = next(filter(None, held), None)
    alike = len(places) == len(named) and len({at for _, at in places}) == 1
    where = places[0][1] if alike else "; ".join(f"{name} {at}" for name, at in places)
    hint = f"; {format_flow(labelled)} holds a search to the others" if labelled else ""
    return (
        f"Accuracies marked {MARK}: no label of the predictor had {format_choices(choices)} ({where}), so that what it "
        f"predicts of these networks is a guess{hint}."
    )


def describe_points(problem: Problem, genes: Genes) -> str:
    """Describe how many of a frontier's architectures (int8 [n, n_genes]) have such a choice; empty where none has."""
    found = list(filter(None, find_gaps(problem.space, problem.predictor, genes) or ()))
    named: dict[str, list[float]] = {}
    for gene, values in (item for choices in found for item in choices.items()):
        named[gene] = sorted({*named.get(gene, []), *values})
    if not found:
        return ""
    unlabelled = check_unlabelled(problem.space, problem.predictor) or {}
    held = labelled_choices(problem.space, unlabelled)
    hint = f"; {format_flow(held)} holds a search to the others" if held else ""
    return (
        f"{len(found)} of {len(genes)} points have choices that no label of the predictor had "
        f"({format_choices(named)}), so that their accuracy is a guess{hint}"
    )


def summarize(record: Record) -> str:
    """Return which such choices the winners of a record have, and at which targets; empty where there are none."""
    results = [one for one in record.results if is_marked([one])]
    by_target = {float(one.target): one.unlabelled or {} for one in results}
    found: dict[str, list[str]] = {}
    for target, choices in sorted(by_target.items()):
        found.setdefault(format_choices(choices), []).append(f"{target:g}")
    return "; ".join(f"{choices} at {', '.join(targets)} {record.unit}" for choices, targets in found.items())


def _format_targets(marked: Sequence[float], n: int, unit: str) -> str:
    if len(marked) == n > 1:
        return f"at all {n} targets"
    if len(marked) > MAX_TARGETS:
        return f"at {len(marked)} of {n} targets, {marked[0]:g} to {marked[-1]:g} {unit}"
    return f"at {', '.join(f'{target:g}' for target in marked)} {unit}"
