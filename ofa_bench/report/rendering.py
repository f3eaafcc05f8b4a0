"""Fills in the templates of pages: HTML is escaped, Markdown is taken as it is."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from ofa_bench.report.tables import markdown

__all__ = ["rendered"]


def rendered(template: str, page: Mapping[str, Any]) -> str:
    """Fill in a template of ``report/templates``, by its name; ``markdown`` writes a table in it."""
    environment = Environment(
        loader=PackageLoader("ofa_bench.report", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["markdown"] = markdown
    return environment.get_template(template).render(page)
