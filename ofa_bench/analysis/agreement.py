"""Describes which predictors see a lead: the guide of a search, and those that judge its winners."""

from collections.abc import Sequence

from ofa_bench.analysis.intervals import DIGITS, FEWEST
from ofa_bench.analysis.judges import TRUTH, describe_source
from ofa_bench.analysis.judging import Judged
from ofa_bench.analysis.statistics import Paired

__all__ = ["describe_agreement", "describe_parts", "sees"]

WORDS = {1: "the lead", -1: "the loss"}


def sees(lead: Paired | None) -> int:
    """Return 1 for a lead and -1 for a loss whose whole 95 % interval is on that side of 0; else 0.

    Differences that do not vary have no interval; they count from ``FEWEST`` pairs on.
    """
    if lead is None or lead.difference is None or lead.n < 2:
        return 0
    if lead.interval is None:
        low = high = round(lead.difference, DIGITS) if lead.n >= FEWEST else 0.0
    else:
        low, high = lead.interval
    return int(low > 0) - int(high < 0)


def describe_agreement(guide: Paired, judges: Sequence[Judged]) -> str:
    """Return a sentence on which independent sources see the lead, or the loss, that the guide sees.

    Where there is no independent source, it is about the predictor that made the guide's labels. It is empty without
    judges, and where nothing was tested.

    Args:
        guide: the lead of a strategy by the guide.
        judges: those of the guide; their leads by the strategy's name.
    """
    independent = [one for one in judges if one.role == "independent"]
    leads = {one.judge: one.leads.get(guide.name) for one in independent or judges}
    if not leads or guide.n < 2:
        return ""
    everyone = _name_all(list(leads)) if independent else f"{next(iter(leads))}, which made the guide's labels,"
    sign, signs = sees(guide), {name: sees(lead) for name, lead in leads.items()}
    if len({*signs.values()}) > 1:
        return _disagree(sign, signs)
    [theirs] = {*signs.values()}
    verb = "sees" if len(leads) == 1 else "see"
    if theirs == sign:
        return f"{everyone} {verb} {WORDS[sign]}." if sign else "No predictor sees a difference."
    if not theirs:
        return (
            f"Only the guide sees {WORDS[sign]}: {_list_names(list(leads))} {'does' if len(leads) == 1 else 'do'} not."
        )
    seen = "a lead" if theirs > 0 else "a loss"
    return f"{everyone} {verb} {seen}{' where the guide sees ' + WORDS[sign] if sign else ', the guide does not'}."


def describe_parts(guide: str, sources: Sequence[str], judges: Sequence[Judged]) -> str:
    """Return sentences on the sources that had part in a guide, and on those that judge its winners.

    Args:
        guide: its name.
        sources: those of its labels.
        judges: those of its winners.
    """
    message = [f"The guide {guide} is fitted to {_list_names([describe_source(one) for one in sources])}."]
    for one in (one for one in judges if one.role == "truth"):
        about = f"is {describe_source(one.judge)}" if one.judge == TRUTH else "made these labels"
        message.append(f"{one.judge} {about}: it is the truth of the guide.")
    independent = [one for one in judges if one.role == "independent"]
    if independent:
        named = [
            one.judge + (f" ({text})" if (text := describe_source(one.judge)) != one.judge else "")
            for one in independent
        ]
        message.append(f"Without part in it: {_list_names(named)}.")
    apart = [one.judge for one in independent if not one.overrated]
    if apart:
        are, their = ("is", "its") if len(apart) == 1 else ("are", "their")
        message.append(
            f"{_list_names(apart)} {are} on another scale than the guide: compare {their} leads with those by the "
            f"guide, not {their} accuracies."
        )
    return " ".join([*message, *filter(None, (one.guesses for one in judges))])


def _disagree(sign: int, signs: dict[str, int]) -> str:
    """Return a sentence on judges that do not agree with each other."""
    groups = {value: [name for name, one in signs.items() if one == value] for value in (1, -1, 0)}
    seen = {1: "a lead", -1: "a loss", 0: "no difference"} | ({sign: WORDS[sign]} if sign else {})
    parts = [
        f"{_list_names(names)} {'sees' if len(names) == 1 else 'see'} {seen[value]}"
        for value, names in groups.items()
        if names
    ]
    return f"The independent sources disagree: {', '.join(parts)}."


def _name_all(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"The independent source, {names[0]},"
    return "Both independent sources" if len(names) == 2 else f"All {len(names)} independent sources"


def _list_names(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
