"""Splits an experiment of several sweeps, such as the paper's tables, into one run of Hydra for each."""

from collections.abc import Iterator, Sequence

from omegaconf import OmegaConf

from ofa_bench.commands.cli.overrides import prepare
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError
from ofa_bench.experiment.options import choose_parts

__all__ = ["commands"]

KEY = "experiment="


def commands(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Yield the arguments of each run of Hydra: one, unless an experiment lists ``sweeps``.

    Each sweep is a list of arguments; those of the user replace it for the same key. A sweep may name another
    experiment.

    Raises:
        InputError: an argument is not allowed, or ``-m`` is missing for an experiment that lists sweeps.
    """
    yield from _runs(prepare(arguments))


def _runs(arguments: Sequence[str]) -> Iterator[list[str]]:
    place = next((i for i, word in enumerate(arguments) if word.startswith(KEY)), None)
    names = arguments[place].removeprefix(KEY).split(",") if place is not None else []
    listed = {name: sweeps for name in names if (sweeps := _sweeps(name))}
    if place is None or not listed:
        yield list(arguments)
        return
    if not {"-m", "--multirun"} & set(arguments):
        raise InputError(f"experiment={next(iter(listed))}: several sweeps; put -m first")
    before, after = arguments[:place], arguments[place + 1 :]
    given = {_key(word) for word in (*before, *after)}
    for name in names:
        for words in listed.get(name, [[KEY + name]]):
            yield from _runs([*before, *(word for word in words if _key(word) not in given), *after])


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _sweeps(name: str) -> list[list[str]]:
    """Return the sweeps that one of the package's experiments lists."""
    path = conf_dir() / "experiment" / f"{name}.yaml"
    if not path.is_file():
        return []
    content = OmegaConf.to_container(OmegaConf.load(path))
    sweeps = content.get("sweeps", []) if isinstance(content, dict) else []
    return [choose_parts(list(map(str, words))) for words in sweeps]
