"""Experiments that are several sweeps, such as the paper's tables: one command runs them one after another."""

from collections.abc import Iterator, Sequence

from omegaconf import OmegaConf

from ofa_bench.config import conf_dir
from ofa_bench.errors import InputError

__all__ = ["commands"]

KEY = "experiment="


def commands(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Give the arguments of each run of Hydra that a command stands for: one, unless an experiment lists ``sweeps``.

    Each sweep is a list of words; what the user gave for the same key goes before. A sweep may name another experiment.

    Raises:
        InputError: it lists sweeps, but ``-m`` is not given.
    """
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
            yield from commands([*before, *(word for word in words if _key(word) not in given), *after])


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _sweeps(name: str) -> list[list[str]]:
    """Read what one of our experiments lists; nothing of a user's own, which Hydra finds."""
    path = conf_dir() / "experiment" / f"{name}.yaml"
    if not path.is_file():
        return []
    content = OmegaConf.to_container(OmegaConf.load(path))
    return [list(map(str, words)) for words in content.get("sweeps", [])] if isinstance(content, dict) else []
