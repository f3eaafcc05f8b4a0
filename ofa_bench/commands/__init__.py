"""The commands, a file each, and the table of them that drives help, dispatch and completion."""

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True)
class Command:
    """A command: what it does in one line, its most common example, and the module whose ``main`` runs it."""

    summary: str
    example: str
    module: str


COMMANDS = {
    "run": Command("search: one cell, or a sweep of cells with -m", "ofa_bench -m strategy=vanilla,joint", "run"),
    "report": Command("compare strategies on one page", "ofa_bench report multirun", "report"),
    "paper": Command("judge the claims of Kumar & Szidon", "ofa_bench paper multirun", "paper"),
    "show": Command("print the networks that were found", "ofa_bench show multirun", "show"),
    "evaluate": Command("accuracy and cost of given networks", "ofa_bench evaluate architecture=a.json", "evaluate"),
    "export": Command("write found networks as ONNX files", "ofa_bench export multirun", "export"),
    "profile": Command("measure a device's latency table", "ofa_bench profile space=mbv3 out=my_phone", "profile"),
    "collect": Command("measure accuracies of subnets on images", "ofa_bench collect images=val", "collect"),
    "train": Command("train an accuracy predictor on pairs", "ofa_bench train data=pairs.csv space=mbv3", "train"),
    "frontier": Command("make or improve a best-known frontier", "ofa_bench frontier records=multirun", "frontier"),
    "sync": Command("send records to an MLflow store", "ofa_bench sync multirun", "sync"),
}
"""By name, in the order of a user's work."""
