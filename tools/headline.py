"""The README's list of what was found: a sentence or two of each study, its page and the command that makes it."""

import textwrap
from collections.abc import Iterator

from fleet_study import fleet_headline
from measurements_answers import measurements_headline
from quality_tables import quality_in_short
from studies_tables import control_headline
from truth_answers import truth_headline

__all__ = ["headline"]

WIDTH = 120


def headline() -> str:
    """Return the list."""
    wrap = textwrap.TextWrapper(WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(map(wrap.fill, _lines()))


def _lines() -> Iterator[str]:
    guides, strategies = truth_headline()
    yield f"{guides} {_source('truth.md', 'ofa_bench -m experiment=truth')}"
    yield f"{strategies} {_source('truth.md#what-a-strategy-is-worth', 'ofa_bench -m experiment=truth')}"
    yield f"{control_headline()} {_source('findings.md#what-a-warm-start-is-worth', 'ofa_bench -m experiment=control')}"
    yield f"{measurements_headline()} {_source('measurements.md', 'ofa_bench -m experiment=measurements')}"
    yield f"{quality_in_short()} {_source('speed.md', 'python benchmarks/run.py time_to_quality')}"
    yield f"{fleet_headline()} {_source('fleets.md', 'ofa_bench -m experiment=fleet')}"


def _source(page: str, command: str) -> str:
    return f"[Details](docs/{page}): `{command}`."
