"""Marks winners with choices that no label of their predictor had, and writes notes on them."""

from collections.abc import Mapping, Sequence

from ofa_bench.predictors.coverage import check_unlabelled, format_choices, labelled_choices
from ofa_bench.predictors.gaps import find_gaps
from ofa_bench.predictors.uncertainty import find_uncertainty
from ofa_bench.records.model import Record, Result
from ofa_bench.search import Problem
from ofa_bench.spaces import Genes
from ofa_bench.spaces.chosen import choices_override

__all__ = ["MARK", "describe_points", "describe_winners", "is_marked", "note", "notes"]

MARK = "*"
"""Follows the accuracy of such a winner."""

MAX_TARGETS = 8
"""Targets that a note lists; more are given as a range."""


def is_marked(results: Sequence[Result]) -> bool:
    """Return whether an architecture of these results meets its target and has a choice that no label had."""
    return any(result.feasible and result.unlabelled for result in results)


def notes(names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """Return a note for each predictor of records, if some of their winners are marked; ``names`` are the records'."""
    groups: dict[tuple[str, str], list[tuple[str, Sequence[Record]]]] = {}
    for name, record in zip(names, records, strict=True):
        groups.setdefault((record.choices.space, record.predictor.sha256), []).append((name, [record]))
    return [text for text in map(note, groups.values()) if text]


def note(named: Sequence[tuple[str, Sequence[Record]]]) -> str:
    """Return the note on marked accuracies of named records of one predictor; empty without any.

    It is shorter where the predictor knows its uncertainty, which stands behind the accuracies.
    """
    choices, places, known = list[Mapping[str, list[float]]](), [], True
    for name, records in named:
        results = [one for record in records for one in record.results]
        marked = [one for one in results if is_marked([one])]
        choices += [one.unlabelled or {} for one in marked]
        known = known and all(one.uncertainty is not None for one in marked)
        if marked:
            targets, n = sorted({float(one.target) for one in marked}), len({one.target for one in results})
            places.append((name, _format_targets(targets, n, records[0].unit)))
    if not places:
        return ""
    alike = len(places) == len(named) and len({at for _, at in places}) == 1
    where = places[0][1] if alike else "; ".join(f"{name} {at}" for name, at in places)
    missing = f"Accuracies marked {MARK}: no label of the predictor had {format_choices(_merge(choices))} ({where})"
    if known:
        return f"{missing}; they are less certain than the others."
    labelled = next(filter(None, (one.predictor.labelled for _, records in named for one in records)), {})
    return f"{missing}, so that what it predicts of these networks is a guess{_hint(labelled)}."


def describe_points(problem: Problem, genes: Genes) -> str:
    """Describe how many of a frontier's architectures (int8 [n, n_genes]) have such a choice; empty for none."""
    found = list(filter(None, find_gaps(problem.space, problem.predictor, genes) or ()))
    if not found:
        return ""
    missing = f"{len(found)} of {len(genes)} points have choices that no label of the predictor had"
    missing += f" ({format_choices(_merge(found))}), so that their accuracy is"
    if find_uncertainty(problem.predictor, genes[:1])[0] is not None:
        return f"{missing} less certain than that of the others"
    unlabelled = check_unlabelled(problem.space, problem.predictor) or {}
    return f"{missing} a guess{_hint(labelled_choices(problem.space, unlabelled))}"


def describe_winners(record: Record) -> str:
    """Return the unlabelled choices of a record's winners, with their targets; empty without any."""
    results = [one for one in record.results if is_marked([one])]
    by_target = {float(one.target): one.unlabelled or {} for one in results}
    found: dict[str, list[str]] = {}
    for target, choices in sorted(by_target.items()):
        found.setdefault(format_choices(choices), []).append(f"{target:g}")
    return "; ".join(f"{choices} at {', '.join(targets)} {record.unit}" for choices, targets in found.items())


def _merge(several: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Return all values of each gene, sorted."""
    genes = dict.fromkeys(gene for choices in several for gene in choices)
    return {gene: sorted({value for choices in several for value in choices.get(gene, [])}) for gene in genes}


def _hint(labelled: Mapping[str, Sequence[float]]) -> str:
    """Return the config key that restricts a search to labelled choices."""
    return f"; {choices_override(labelled)} restricts a search to the others" if labelled else ""


def _format_targets(marked: Sequence[float], n: int, unit: str) -> str:
    if len(marked) == n > 1:
        return f"at all {n} targets"
    if len(marked) > MAX_TARGETS:
        return f"at {len(marked)} of {n} targets, {marked[0]:g} to {marked[-1]:g} {unit}"
    return f"at {', '.join(f'{target:g}' for target in marked)} {unit}"
