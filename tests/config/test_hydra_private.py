"""Private parts of Hydra in use: if a new version of Hydra breaks one, its test names what changed."""

import importlib

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import get_args_parser
from hydra.conf import HydraConf
from omegaconf import DictConfig

from ofa_bench.commands.cli.overrides import flags_parser
from ofa_bench.config.hydra_private import (
    BASIC_SWEEPER,
    ONE_AFTER_ANOTHER,
    RangeSweep,
    choices_of,
    compose_each_cell_once,
    in_quotes,
    is_text,
    parse_override,
    read_value,
    root_of,
    text_of,
    written,
)
from ofa_bench.experiment.composition import compose_overrides


@pytest.mark.parametrize("path", [ONE_AFTER_ANOTHER, BASIC_SWEEPER])
def test_hydras_own_classes_are_where_they_were(path):
    module, _, name = path.rpartition(".")
    assert hasattr(importlib.import_module(module), name), f"Hydra moved {path}"


def test_hydras_defaults_are_these_classes():
    config = compose_overrides([]).hydra
    assert config.launcher["_target_"] == ONE_AFTER_ANOTHER, "Hydra's default launcher is another"
    assert config.sweeper["_target_"] == BASIC_SWEEPER, "Hydra's default sweeper is another"
    assert {"launcher", "sweeper", "callbacks", "searchpath"} <= vars(HydraConf()).keys()


def test_hydras_parser_reads_what_it_did():
    override = parse_override("+strategy=a,'b c'")
    assert (override.key_or_group, override.is_sweep_override(), override.is_discrete_sweep()) == (
        "strategy",
        True,
        True,
    )
    assert list(map(text_of, choices_of(override.value()))) == ["a", "b c"], "Hydra reads a,'b c' as another type"
    assert [written(one) for one in choices_of(override.value())] == ["a", "'b c'"]
    assert isinstance(read_value("range(0,3)"), RangeSweep), "Hydra reads range(0,3) as another type"
    assert read_value("[1,a]") == [1, "a"]
    assert read_value("(") is None
    assert is_text(read_value("'1'")), "Hydra reads a text in quotes as another type"
    assert not is_text(read_value("1"))
    assert text_of(read_value(in_quotes('a "b", c'))) == 'a "b", c'


def test_hydra_takes_every_flag_that_is_passed_on():
    known = {flag for action in get_args_parser()._actions for flag in action.option_strings}
    passed = {flag for action in flags_parser()._actions for flag in action.option_strings}
    assert passed <= known, f"Hydra has no flag {passed - known}"


def test_omegaconf_knows_the_config_of_a_node():
    config = compose_overrides([])
    assert root_of(config.evolution) is config, "OmegaConf gives another root"
    assert root_of(3) is None


def test_hydra_composes_each_cell_of_a_sweep_once(monkeypatch):
    """Its sweeper composes each cell to check it, and its launcher again to run it."""
    composed = []
    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", lambda self, master, words: composed.append(words) or {})
    compose_each_cell_once()
    compose_each_cell_once()
    loader, first, second = object.__new__(ConfigLoaderImpl), DictConfig({}), DictConfig({})
    checked = loader.load_sweep_config(first, ["seed=1"])
    assert loader.load_sweep_config(first, ["seed=1"]) is checked
    assert composed == [["seed=1"]]
    other = loader.load_sweep_config(first, ["seed=1"])  # a third time, for another run of the cell
    assert other is not checked
    assert loader.load_sweep_config(second, ["seed=1"]) is not other  # of another sweep
    assert len(composed) == 3
