"""The note below tables whose searches were guided by a predictor that the package no longer has."""

from collections.abc import Collection

from ofa_bench.predictors.embedded import EARLIER

__all__ = ["NOTE", "with_note"]

NOTE = (
    "Rows of `proxyless` (ProxylessNAS) were made with an earlier predictor of that space, a surrogate adapted from "
    "that of `mbv3`."
)


def with_note(table: str, used: Collection[str]) -> str:
    """Return a table in Markdown, with the note if one of the SHA-256 of predictors is that of an earlier one."""
    return f"{table.rstrip()}\n\n{NOTE}" if {*used} & {*EARLIER} else table
