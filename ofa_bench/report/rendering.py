"""Renders the templates of pages: HTML is escaped, Markdown is not."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, select_autoescape

from ofa_bench.analysis.figures.vectors import DARK
from ofa_bench.records.tables import markdown

__all__ = ["relative_url", "render"]


def relative_url(path: str) -> str:
    """Return a path below a page's folder as a link of the page, in HTML or Markdown."""
    return quote(path)


def render(template: str, page: Mapping[str, Any]) -> str:
    """Render a template of ``report/templates``.

    There, ``markdown`` writes a table, ``|url`` a link, and ``dark`` has the colours of dark pages.
    """
    return _environment().get_template(template).render(page)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ofa_bench.report", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["url"] = relative_url
    environment.globals |= {"markdown": markdown, "dark": DARK}
    return environment
