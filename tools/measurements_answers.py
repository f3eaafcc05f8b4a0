"""Answers of the study of measurements, in sentences."""

from collections import Counter
from collections.abc import Iterator

from measurements import REFERENCE, STRATEGIES, Setting, found
from measurements_tables import least, levels, numbers, official, score_cell, settings, tested

from ofa_bench.analysis.paper.differences import differs, sign
from ofa_bench.formatting import format_number

__all__ = ["measurements_headline", "measurements_in_short"]

IN_SHORT = 1500
"""The evaluations of the answers."""


def measurements_in_short() -> str:
    """Return the answers as a list.

    Raises:
        FileNotFoundError: there is no study.
    """
    lines = [*map(_ranks, settings()), *_needs()]
    every = [tested(setting, number) for setting in settings() for number in numbers(setting)]
    for name in STRATEGIES[1:]:
        tests = [one[name] for one in every if name in one]
        if tests:
            values = [format_number(pick(one.difference or 0.0 for one in tests), "+.2f") for pick in (min, max)]
            counts = Counter(sign(one) if differs(one) else "not distinguished" for one in tests)
            texts = ", ".join(f"{verdict} in {number}" for verdict, number in sorted(counts.items()))
            lines.append(
                f"**`{name}` less `{REFERENCE}`**: {' to '.join(values)} points of true accuracy; {texts} of "
                f"{len(tests)} cases of setting and number of evaluations."
            )
    return "\n".join(f"- {line}" for line in lines)


def measurements_headline() -> str:
    """Return what the README has of the answers.

    Raises:
        FileNotFoundError: there is no study.
    """
    setting = official()[0]
    few, many = 500, max(numbers(setting))
    return (
        f"**Measure where you search.** When every evaluation is a measurement, `{REFERENCE}` reaches "
        f"{score_cell(setting, REFERENCE, few)} % after {few}; OFA's recipe, random measurements and then one search, "
        f"reaches {score_cell(setting, 'ofa_recipe', many)} % after {many:,} (true accuracy, mean of ten targets on "
        f"`{setting.space}`)."
    )


def _ranks(setting: Setting) -> str:
    """Return the strategies at one number of measurements, best first."""
    asked = max([number for number in numbers(setting) if number <= IN_SHORT] or numbers(setting))
    means = {name: found()[setting, name, asked] for name in STRATEGIES if (setting, name, asked) in found()}
    ordered = sorted((name for name, one in means.items() if not one.missed), key=lambda name: -means[name].true.mean())
    texts = [f"`{name}` {score_cell(setting, name, asked)}" for name in ordered]
    what = "true regret in points" if setting.known else "true accuracy in %"
    return f"**{setting.title}**, {asked:,} evaluations, {what}: {', '.join(texts)}."


def _needs() -> Iterator[str]:
    """Yield which strategies reach a level, and with how many evaluations."""
    for setting in official():
        for level in levels():
            found_at = {name: one for name in STRATEGIES if (one := least(setting, name, level)) is not None}
            texts = [f"`{name}` with {one:,}" for name, one in sorted(found_at.items(), key=lambda item: item[1])]
            yield f"**{level:.2f} %** on {setting.title}: {', '.join(texts) or 'no strategy reached it'}."
