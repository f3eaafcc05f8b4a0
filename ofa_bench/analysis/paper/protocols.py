"""Finds the paper's experiments among records, and the searches from scratch that serve as their controls."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.records.model import Record

__all__ = ["CHAINS", "JUDGED", "LABELS", "NAMES", "PROTOCOLS", "STRATEGIES", "entry_of"]

PROTOCOLS = {"as_published": "as published", "fair": "fair", "fair_memo": "fair, with memo"}
"""Titles of the protocols; only the last one predicts each architecture once, and remembers it."""

JUDGED = ("as_published", "fair")
"""The protocols whose time is that of all evaluations, as the paper's is."""

STRATEGIES = ("vanilla", "top_down", "bottom_up")
CHAINS = STRATEGIES[1:]
LABELS = {"top_down": "top-down", "bottom_up": "bottom-up"}
NAMES = {"mbv3": "MobileNetV3", "resnet50d": "ResNet50D", "proxyless": "ProxylessNAS"}
"""The paper's spaces."""

_EVOLUTION = {
    "parent_ratio": 0.25,
    "mutation_ratio": 0.5,
    "mutate_prob": 0.1,
    "reference_compat": False,
    "initial_ratio": 1.0,
    "constraint": "hard",
}
_START = {"seed": "best", "prunings": 1, "prune_resolution": True, "share": None, "from": None}
_FAIR: Mapping[str, Mapping[str, Any]] = {
    "vanilla": {"evolution": _EVOLUTION},
    "top_down": {"evolution": _EVOLUTION, "warm_start": _START, "order": "descending"},
    "bottom_up": {"evolution": _EVOLUTION, "warm_start": _START, "order": "ascending"},
}
_AUTHORS = _EVOLUTION | {"reference_compat": True, "initial_ratio": 0.5}
_AS_PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "vanilla": {"evolution": _EVOLUTION | {"reference_compat": True}},
    "top_down": {
        "evolution": _AUTHORS,
        "warm_start": _START | {"share": 1.0, "prune_resolution": False},
        "order": "descending",
    },
    "bottom_up": {"evolution": _AUTHORS, "warm_start": _START | {"seed": "population"}, "order": "ascending"},
}
_SETTINGS = {
    "as_published": (63, False, _AS_PUBLISHED),
    "fair": ("sqrt", False, _FAIR),
    "fair_memo": ("sqrt", True, _FAIR),
}
"""Warm-started generations, memo and the settings of each strategy by protocol; population and generations may vary."""


def entry_of(record: Record) -> tuple[str, str] | None:
    """Return the protocol that a record follows, and its strategy; None if it follows none.

    The strategy of a control is what is equal and the chain that has as much of it, for example "seconds top_down".
    """
    name, config = record.choices.strategy, record.config
    ours = name in STRATEGIES and record.choices.space in NAMES and record.unit == "ms"
    if not ours or (config.get("device") or {}).get("guard_band"):
        return None
    budget, memo = config["budget"], (config.get("evolution") or {}).get("memo", True)
    for protocol, (warm, memorised, settings) in _SETTINGS.items():
        kept = (budget["warm_generations"], memo) == (warm, memorised)
        if kept and _follows(config["strategy"], settings[name]):
            match = budget.get("match") if name == "vanilla" else None
            entry = _control(match, budget["chain"], settings) if match else name
            return (protocol, entry) if entry else None
    return None


def _control(match: str, chain: Any, settings: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the name of a control; None if the chain is not that of the protocol.

    All chains make the same generations, so there the settings of the chain do not matter.
    """
    if match == "generations":
        return f"{match} {CHAINS[0]}"
    return next((f"{match} {name}" for name in CHAINS if _follows(chain, settings[name])), None)


def _follows(node: Any, settings: Mapping[str, Any]) -> bool:
    """Return whether a node has these settings, whatever else it has."""
    return _part(node, settings) == settings


def _part(node: Any, of: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a node for the keys of another one, recursively."""
    found = {key: (node or {}).get(key) for key in of}
    return {key: _part(found[key], inner) if isinstance(inner, Mapping) else found[key] for key, inner in of.items()}
