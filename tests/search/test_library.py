from ctypes import CDLL
from pathlib import Path

import numpy as np
import pytest

from ofa_bench.search import Evolution, kernels, library
from ofa_bench.search.compiling import compile_source
from ofa_bench.testing import toy_problem

needs_compiler = pytest.mark.skipif(kernels._library() is None, reason="no C compiler")


@pytest.fixture
def fresh_library(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "user_cache_path", lambda name: tmp_path / name)
    kernels._library.cache_clear()
    yield tmp_path / "ofa_bench"
    kernels._library.cache_clear()


@needs_compiler
def test_the_library_is_compiled_once(fresh_library, monkeypatch):
    assert kernels._library() is not None
    assert [path.suffix for path in fresh_library.iterdir()] == [".so"]
    monkeypatch.setattr(library, "_compile", None)
    kernels._library.cache_clear()
    assert kernels._library() is not None


@pytest.mark.parametrize("command", ["no-such-compiler", "false", "true", "cc -Dint64_t=(", "'"])
def test_without_a_compiler_numpy_serves_and_a_warning_is_given_once(fresh_library, monkeypatch, caplog, command):
    monkeypatch.setenv("CC", command)
    for _ in range(2):
        made = toy_problem()
        assert made.kernels is None
        assert Evolution().search(made.evaluator(), 30.0, 3, np.random.default_rng(0)).feasible
    (message,) = caplog.messages
    assert "up to 4 times as long" in message
    assert f"'{command}' cannot compile them; install a C compiler" in message


def test_no_warning_is_given_to_those_who_chose_numpy(fresh_library, monkeypatch, caplog):
    monkeypatch.setenv(library.COMPILED_VARIABLE, "0")
    assert kernels._library() is None
    assert not caplog.messages


@needs_compiler
def test_a_cache_that_cannot_be_written_is_named(fresh_library, caplog):
    fresh_library.write_bytes(b"")
    assert kernels._library() is None
    assert str(fresh_library) in caplog.text


@needs_compiler
def test_the_library_of_the_package_comes_first(fresh_library, monkeypatch, tmp_path, caplog):
    content = compile_source()
    monkeypatch.setattr(library, "packaged_library", lambda: tmp_path / "kernels.so")
    (tmp_path / "kernels.so").write_bytes(content)
    monkeypatch.setenv("CC", "false")
    assert toy_problem().kernels is not None
    assert not fresh_library.exists()
    assert not caplog.messages


@needs_compiler
def test_a_library_of_the_package_for_another_platform_is_passed_over(fresh_library, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "packaged_library", lambda: tmp_path / "kernels.so")
    (tmp_path / "kernels.so").write_bytes(b"of another platform")
    assert kernels._library() is not None
    assert len(list(fresh_library.iterdir())) == 1


DAMAGE = {
    "not a library": lambda content: b"not a library",
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "zeros": lambda content: content[:1024] + bytes(len(content) - 1024),
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
}


@needs_compiler
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_library_in_the_cache_is_never_loaded_and_made_anew(damage, fresh_library, monkeypatch):
    kernels._library()
    (made,) = fresh_library.iterdir()
    whole, loaded = made.read_bytes(), []
    made.unlink()  # what is loaded already stays as it is
    made.write_bytes(DAMAGE[damage](whole))
    kernels._library.cache_clear()
    monkeypatch.setattr(library.ctypes, "CDLL", lambda path: loaded.append(Path(path).read_bytes()) or CDLL(path))
    assert kernels._library() is not None
    assert loaded == [whole]
    assert [path.read_bytes() for path in fresh_library.iterdir()] == [whole]


@needs_compiler
def test_a_library_that_this_machine_cannot_load_is_kept_for_those_that_can(fresh_library):
    kernels._library()
    (made,) = fresh_library.iterdir()
    name = made.name.split("-")[1]
    (fresh_library / library._named(name, b"of another machine")).write_bytes(b"of another machine")
    made.unlink()
    kernels._library.cache_clear()
    assert kernels._library() is not None
    assert len(list(fresh_library.iterdir())) == 2
