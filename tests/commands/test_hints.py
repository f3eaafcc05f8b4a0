"""What a message suggests is accepted when it is typed."""

import re
import shlex

import pytest
from composing import composed
from test_bad_input import named

from ofa_bench.commands.cli.messages import explain
from ofa_bench.commands.cli.overrides import prepare

SUGGESTED = re.compile(r"quote .*: (.+?)\)?$|did you mean ('.+')\?$|[;,] write (.+)$|write a list as (.+)$")

CASES = [
    (["hydra.searchpath=[file://conf=a]"], 'hydra.searchpath=["file://conf=a"]'),
    (["hydra.searchpath=[conf=a,pkg://ofa_bench]"], 'hydra.searchpath=["conf=a",pkg://ofa_bench]'),
    (["output=lr=0.1"], 'output="lr=0.1"'),
    (["output=it's"], 'output="it\'s"'),
    (["output=R&D"], 'output="R&D"'),
    (["output=~/x"], "output="),
    (["targets.values=15,20"], "targets.values=[15,20]"),
    (["vanilla"], "strategy=vanilla"),
    (["--seed=1"], "seed=1"),
    (["+strategy=vanilla"], None),
    (["hydra.searchpath=[a@b,c=d]"], 'hydra.searchpath=[a@b,"c=d"]'),
    (["hydra.run.dir='R&D'"], None),
]

NOTHING = [
    (["seed=\u00e2"], "not of the form key=value"),
    (["foo: bar"], "not of the form key=value"),
    (["strategy: vanila"], "not of the form key=value"),
    (["+strategy=vanila"], "strategy=vanila: no such option"),
    (["strategy.evolution.foo=1"], "strategy.evolution.foo: no such key"),
]


def message(words):
    """Return the message about wrong arguments, or nothing if they are accepted."""
    try:
        composed(*prepare(words))
    except Exception as error:
        return explain(error)[0]
    return ""


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_suggestion_is_taken(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf=a").mkdir()
    words, expected = case
    said = message(words)
    if expected is None:
        assert not SUGGESTED.search(said)
        return
    found = SUGGESTED.search(said)
    assert found, said
    [word] = shlex.split(next(filter(None, found.groups())))
    assert word.startswith(expected)
    assert message([word]) == ""


@pytest.mark.parametrize("case", NOTHING, ids=named)
def test_nothing_is_suggested_that_would_be_refused(case):
    words, said = case
    description = message(words)
    assert said in description
    found = SUGGESTED.search(description)
    if found:  # the nearest name, in the place of the one that is wrong
        [name] = shlex.split(next(filter(None, found.groups())))
        assert message([f"{words[0].lstrip('+').partition('=')[0]}={name}"]) == ""
