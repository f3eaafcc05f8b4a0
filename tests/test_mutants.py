"""The table of mutants does not rot: each old text is found once, and the script tells killed ones from survivors."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import mutants

    return mutants


def test_every_mutant_can_be_made(mutants):
    table = mutants.read()
    assert len(table) >= 40
    assert max(Counter((mutant.file, mutant.name) for mutant in table).values()) == 1
    for mutant in table:
        ast.parse(mutant.mutated(ROOT))
        assert all((ROOT / path).is_file() for path in mutant.paths)


def test_a_mutant_dies_of_a_test_and_not_of_an_error(mutants, tmp_path):
    (tmp_path / "ofa_bench").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "ofa_bench" / "__init__.py").write_text("")
    code = "def half(x):\n    # of a number\n    return x / 2\n"
    (tmp_path / "ofa_bench" / "halves.py").write_text(code)
    (tmp_path / "tests" / "test_halves.py").write_text(
        "from ofa_bench.halves import half\n\ndef test_golden():\n    assert half(4) == 2\n\n"
        "def test_half():\n    assert half(2) == 1\n"
    )

    def judge(old, new):
        found = mutants.judge(tmp_path, mutants.Mutant("m", "halves.py", old, new, "test_halves.py"), 30)
        assert (tmp_path / "ofa_bench" / "halves.py").read_text() == code
        return found

    assert judge("x / 2", "x / 3") == ("killed", "test_halves.py::test_half")
    assert judge("x / 2", "x - 1 if x == 2 else 0") == ("survived", "")
    assert judge("def half", "def halves")[0] == "error"
    with pytest.raises(ValueError, match=r"m: ofa_bench/halves\.py has 2 times: x"):
        judge("x", "y")
