"""A user's own code: which parts of it the identity of a cell covers, and where an error in it is reported."""

import json
import sys
from pkgutil import resolve_name

import pytest

from ofa_bench.config.importing import import_target, name_and_line, user_line
from ofa_bench.config.user_code import code_sha256

TWO = """\
'''Two strategies in one file.'''
import os, math
from . import tuning
from .helpers import half, unused
from numpy import array as made

__all__ = ["First", "Second"]
RATE = 0.5

class First:
    rate = RATE

    def search(self):
        from .late import later
        return half(3), later()

@staticmethod
def of_second():
    return tuning.SPEED, made([1])

class Second(dict if False else object):
    def search(self):
        return of_second()

if __name__ == "__main__":
    print(First())
"""

HELPERS = "DIVISOR = 2\n\ndef half(x):\n    return x / DIVISOR\n\ndef unused():\n    pass\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / f"users_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    files = {
        "__init__": "from .two import First, Second\n",
        "two": TWO,
        "helpers": HELPERS,
        "late": "def later(): pass",
    }
    files["tuning"] = "SPEED = 1\n"
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def edited(package, file, before, after):
    """Edit a file. Return the names whose hash changes."""
    makers = {name: resolve_name(f"{package.name}.{name}") for name in ("First", "Second")}
    hashes = {name: code_sha256([maker]) for name, maker in makers.items()}
    path = package / f"{file}.py"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return [name for name, maker in makers.items() if code_sha256([maker]) != hashes[name]]


@pytest.mark.parametrize(
    ("file", "before", "after", "changed"),
    [
        ("two", "rate = RATE", "rate = 2 * RATE", ["First"]),
        ("two", "RATE = 0.5", "RATE = 0.6", ["First"]),
        ("two", "half(3)", "half(4)", ["First"]),
        ("helpers", "DIVISOR = 2", "DIVISOR = 3", ["First"]),
        ("helpers", "x / DIVISOR", "x // DIVISOR", ["First"]),
        ("late", "pass", "return 1", ["First"]),
        ("two", "@staticmethod", "@classmethod", ["Second"]),
        ("two", "made([1])", "made([2])", ["Second"]),
        ("tuning", "SPEED = 1", "SPEED = 2", ["Second"]),
        ("two", "dict if False", "dict if True", ["Second"]),
        ("two", "from numpy import array", "from numpy import asarray", ["Second"]),
        ("two", '__all__ = ["First"', "Second.extra = 1\n__all__ = ['First'", ["Second"]),
        ("two", "RATE = 0.5", "print('imported')\nRATE = 0.5", ["First", "Second"]),
        ("helpers", "    pass", "    return 1", []),
        ("two", "import os, math", "import os, math, json", []),
        ("two", "half, unused", "half, unused as idle", []),
        ("two", "'''Two", "'''Both", []),
        ("two", "print(First())", "print(Second())", []),
        ("two", '"Second"]', '"Second"]  # all', []),
    ],
)
def test_only_what_a_class_uses_changes_its_hash(package, file, before, after, changed):
    assert edited(package, file, before, after) == changed


def test_a_class_that_derives_from_another_changes_with_it(package):
    two = package / "two.py"
    two.write_text(two.read_text().replace("dict if False", "First if False"))
    assert edited(package, "helpers", "DIVISOR = 2", "DIVISOR = 3") == ["First", "Second"]


def test_nothing_is_imported_that_a_class_imports_late(package):
    late = package / "late.py"
    late.write_text("def later():\n    from pip._vendor.rich.bar import Bar\n    import nowhere\n    return Bar\n")
    assert edited(package, "late", "Bar\n    import nowhere", "Bar") == ["First"]
    assert "pip._vendor.rich.bar" not in sys.modules


def test_a_module_of_a_folder_without_init_counts(package):
    (package.parent / "loose_parts").mkdir()
    (package.parent / "loose_parts" / "part.py").write_text("def later(): return 1\n")
    late = package / "late.py"
    late.write_text("from loose_parts.part import later\n")
    before = code_sha256([resolve_name(f"{package.name}.First")])
    (package.parent / "loose_parts" / "part.py").write_text("def later(): return 2\n")
    assert code_sha256([resolve_name(f"{package.name}.First")]) != before


def test_ours_and_what_is_installed_has_no_hash():
    from ofa_bench.strategies import Vanilla

    assert code_sha256([Vanilla, json.JSONDecoder, dict]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No module named 'mine'"),
        ("", "module mine has no Strategy"),
        ("class Stratgy: pass", "module mine has no Strategy; did you mean 'Stratgy'?"),
        ("\nimport nowhere\n", "No module named 'nowhere') (mine.py, line 2)"),
        ("def f():\n    return 1 / 0\n\nf()\n", "ZeroDivisionError: division by zero) (mine.py, line 2, in f)"),
        ("class Strategy\n    pass", "line 1"),
    ],
)
def test_a_target_that_cannot_be_imported_says_where(forks, tmp_path, text, message):
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    ran = forks.run("run", ("strategy._target_=mine.Strategy", "tracking=none"), tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "strategy._target_=mine.Strategy: cannot be imported (" in ran.stderr
    assert message in ran.stderr


MINE = """\
from ofa_bench.search import SearchResult
from ofa_bench.strategies import Strategy

class Mine(Strategy):
    def __init__(self, evolution, size=2):
        if size % 2:
            raise ValueError(f"size={size} must be even")
        if size > 10:
            raise KeyError(size)
        self.size = size

    def search(self, problem, targets, budget, rng):
        if self.size == 4:
            yield 7, SearchResult.infeasible(problem, 1.0)
        if self.size == 6:
            problem.space.sample("many", rng)
        helper(self.size)
        yield 0, None

def helper(size):
    raise RuntimeError(f"no luck with {size}")
"""


@pytest.mark.parametrize(
    ("size", "code", "message"),
    [
        (2, 1, "RuntimeError: no luck with 2 (mine.py, line 21, in helper; HYDRA_FULL_ERROR=1 shows all)"),
        (3, 2, "strategy: size=3 must be even (mine.py, line 7, in __init__)"),
        (4, 1, "RuntimeError: Mine (mine.py, line 4) gave target 1.0 at position 7: a duplicate or unknown target"),
        (6, 1, "(mine.py, line 16, in search; HYDRA_FULL_ERROR=1 shows all)"),
        (12, 1, "KeyError: 12 (mine.py, line 9, in __init__; HYDRA_FULL_ERROR=1 shows all)"),
    ],
)
def test_an_error_in_a_users_strategy_names_its_line(forks, tmp_path, size, code, message):
    (tmp_path / "mine.py").write_text(MINE)
    words = ("strategy._target_=mine.Mine", f"+strategy.size={size}", "budget=quick", "targets=single", "tracking=none")
    ran = forks.run("run", words, tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (code, 1), ran.stderr
    assert message in ran.stderr


def test_an_error_of_ours_has_no_line_of_a_user():
    with pytest.raises(ImportError, match=r"class ofa_bench\.errors\.InputError has no nothing") as error:
        import_target("ofa_bench.errors.InputError.nothing")
    error.value.__traceback__ = None
    assert user_line(error.value) == ""
    assert name_and_line(dict) == "dict"


CONF = "_target_: both.{}\nevolution: ${{evolution}}\n"

BOTH = """\
from ofa_bench.strategies import Vanilla

class Mine(Vanilla):
    mine = 1

class Other(Vanilla):
    other = 1
"""


def test_after_an_edit_only_the_strategy_that_changed_is_run_again(forks, tmp_path):
    (tmp_path / "conf" / "strategy").mkdir(parents=True)
    for name in ("mine", "other"):
        (tmp_path / "conf" / "strategy" / f"{name}.yaml").write_text(CONF.format(name.title()))
    (tmp_path / "both.py").write_text(BOTH)

    def run(*words):
        sweep = ("--config-dir", "conf", "-m", "strategy=vanilla,mine,other", "evolution.population_size=10")
        return forks.run("run", (*sweep, "budget=quick", "targets=single", "tracking=none", *words), tmp_path)

    assert run().returncode == 0
    (tmp_path / "both.py").write_text(BOTH.replace("mine = 1", "mine = 2"))
    ran = run()
    assert (ran.returncode, ran.stderr.count("already there, skipped")) == (2, 2)
    assert "(the code changed); rerun=changed runs it again" in ran.stderr
    assert ran.stderr.endswith("ofa_bench: 1 of 3 cells failed; their errors are above\n")
    assert ran.stderr.count("\n") == 4
    ran = run("rerun=changed")
    assert (ran.returncode, ran.stderr.count("already there, skipped")) == (0, 2), ran.stderr
    found = sorted(str(path.parent.relative_to(tmp_path / "multirun")) for path in tmp_path.rglob("record.json"))
    assert [name for name in found if "attempt" in name] == [
        "mbv3/note10/measured/mine/quick/single/seed=0,evolution.population_size=10,attempt=2"
    ]
    again = run("rerun=changed")
    assert (again.returncode, again.stderr.count("already there, skipped")) == (0, 3)

    from pathlib import Path

    from ofa_bench.records.gather import from_folders

    gathered = from_folders([Path(tmp_path, "multirun")])
    assert len(gathered.records) == 3
    assert len(gathered.left_out) == 1
    assert gathered.left_out[0].endswith("replaced by the later attempt seed=0,evolution.population_size=10,attempt=2")
