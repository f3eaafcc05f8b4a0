"""The table of commands, used by help, dispatch, completion and the documentation.

It imports nothing heavy, so that help is fast. To add a command, add an entry here and a module of its name to
``ofa_bench/commands``: a docstring, which is its help, a dataclass ``Options``, and ``run(options, others)``, which
returns the line, or yields the lines, to print.
"""

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "overview"]


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        summary: what it does, in one line.
        example: the most common use.
        takes: its arguments besides options: ``folders`` that exist, ``packed`` (folders, and files that ``pack``
            wrote), ``records`` (folders, files, MLflow runs), ``problem`` (overrides of space, device and predictor),
            ``config`` (overrides of any key) or ``any``, which it reads itself.
        needed: the least that it needs; without arguments it shows its help.
        kept: what is kept after an interrupt, for the message.
    """

    summary: str
    example: str
    takes: str = ""
    needed: str = ""
    kept: str = ""


COMMANDS = {
    "run": Command(
        "search: one cell, or with -m a sweep of cells; the word may be left out",
        "ofa_bench -m strategy=vanilla,joint repeats=10",
        "any",
    ),
    "list": Command("list what there is to choose from", "ofa_bench list strategies", "any"),
    "report": Command("compare strategies on one page", "ofa_bench report multirun", "packed"),
    "paper": Command("judge the claims of Kumar & Szidon by records", "ofa_bench paper multirun", "packed"),
    "show": Command("print the networks that were found", "ofa_bench show multirun", "records"),
    "evaluate": Command(
        "print accuracy and cost of given architectures",
        "ofa_bench evaluate architecture=arch.json",
        "problem",
        needed="an architecture, architecture=arch.json",
    ),
    "export": Command(
        "write found networks as ONNX files",
        "ofa_bench export multirun",
        "problem and folders",
        needed="a folder of records, sweep=<a sweep>, run=<an MLflow run> or architecture=<file>",
        kept="networks that are exported are kept, the same command continues",
    ),
    "profile": Command(
        "measure a device and write its latency table",
        "ofa_bench profile space=mbv3 out=devices/mine",
        needed="a space and a folder, such as space=mbv3 out=devices/mine",
        kept="what is exported and measured is kept, the same command continues",
    ),
    "collect": Command(
        "measure accuracies of random subnets, or of a record's best, on images",
        "ofa_bench collect images=imagenet/val",
        needed="a folder of images, images=imagenet/val",
        kept="what is evaluated is kept, the same command continues",
    ),
    "train": Command(
        "train an accuracy predictor on pairs",
        "ofa_bench train data=pairs.csv space=mbv3",
        needed="data=<a CSV file of pairs>, or space=<a space> whose official predictor is distilled",
    ),
    "frontier": Command(
        "make or improve a best-known frontier",
        "ofa_bench frontier records=multirun",
        "config",
        needed="records=<a folder>, or minutes=<a number> to search",
    ),
    "pack": Command(
        "write records into one small file, which report and paper read",
        "ofa_bench pack multirun out=study.csv.gz",
        "packed",
        needed="a folder of records, such as multirun",
    ),
    "sync": Command("send records to an MLflow store", "ofa_bench sync multirun", "folders"),
    "completion": Command(
        "print a script that completes commands in a shell",
        'eval "$(ofa_bench completion bash)"',
        "any",
        needed="a shell: bash, zsh or fish",
    ),
}
"""The commands by their names, in the order in which help shows them."""


def overview() -> str:
    """Return the text of ``ofa_bench --help``."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {one.summary}\n  {'':<{width}}    {one.example}" for name, one in COMMANDS.items()]
    return "\n".join(
        [
            "ofa_bench compares search strategies for Once-For-All networks under many latency targets.",
            "",
            "usage: ofa_bench [command] key=value ...",
            "",
            *lines,
            "",
            "ofa_bench <command> --help shows the keys of a command; ofa_bench --version the version.",
            "Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted.",
        ]
    )
