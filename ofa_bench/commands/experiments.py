"""Experiments that are several sweeps, such as the paper's tables: one command runs them one after another."""

from collections.abc import Iterator, Sequence

from omegaconf import OmegaConf

from ofa_bench.commands.cli.overrides import prepare
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError

__all__ = ["commands"]

KEY = "experiment="


def commands(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Return the arguments of each run of Hydra that a command stands for: one, unless an experiment lists ``sweeps``.

    Each sweep is a list of words; what the user gave for the same key goes before. A sweep may name another experiment.

    Raises:
        InputError: a word is not allowed, or an experiment lists sweeps, but ``-m`` is not given, or another one runs
            it too.
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
    for name in names:
        twice = sorted(_experiments(name) & set(names) - {name})
        if twice:
            raise InputError(f"experiment={','.join(names)}: {name} runs {twice[0]} too; give one of them")
    before, after = arguments[:place], arguments[place + 1 :]
    given = {_key(word) for word in (*before, *after)}
    for name in names:
        for words in listed.get(name, [[KEY + name]]):
            yield from _runs([*before, *(word for word in words if _key(word) not in given), *after])


def _experiments(name: str) -> set[str]:
    """List the experiments that the sweeps of one name, at any depth."""
    inner = {word.removeprefix(KEY) for words in _sweeps(name) for word in words if word.startswith(KEY)}
    return inner.union(*map(_experiments, inner))


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _sweeps(name: str) -> list[list[str]]:
    """Read what one of our experiments lists; nothing of a user's own, which Hydra finds."""
    path = conf_dir() / "experiment" / f"{name}.yaml"
    if not path.is_file():
        return []
    content = OmegaConf.to_container(OmegaConf.load(path))
    if not isinstance(content, dict) or "sweeps" not in content:
        return []
    others = [str(key) for key in content if key != "sweeps"]
    if others:
        raise InputError(
            f"experiment={name}: lists sweeps, so that its {', '.join(others)} would not be used; "
            "write what they set, such as hydra/launcher=joblib, into each sweep's list or the command"
        )
    return [list(map(str, words)) for words in content["sweeps"]]
