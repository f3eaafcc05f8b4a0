"""Working directories and terminals whose characters a locale lacks."""

import io
import os
import subprocess
import sys

import pytest

from ofa_bench.commands.cli import streams
from ofa_bench.commands.cli.streams import check_texts, ignore_broken_pipe
from ofa_bench.errors import InputError

WORDS = ("strategy=random", "targets.first=1", "budget.generations=2", "evolution.population_size=10",
         "tracking.uri=null", "progress=false")  # fmt: skip
BYTES = b"bad\xff"


@pytest.fixture
def no_text(tmp_path):
    """Return a folder whose name is no text."""
    try:
        (tmp_path / os.fsdecode(BYTES)).mkdir()
    except OSError:
        pytest.skip("names of files are texts here")
    return tmp_path / os.fsdecode(BYTES)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("ofa_bench", WORDS), ("run", ("-m", *WORDS)), ("report", (".", "out=r")),
        ("sync", (".",)), ("export", ("sweep=.",)), ("frontier", ("records=.",)),
    ],
)  # fmt: skip
def test_a_working_directory_that_is_no_text_is_refused(module, words, no_text, forks):
    done = forks.run(module, words, no_text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "bad\\udcff: its name has bytes that are no text; rename it" in done.stderr
    assert not list(no_text.iterdir())


def test_words_that_are_no_text_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["x", f"out={os.fsdecode(BYTES)}"])
    with pytest.raises(InputError, match=r"the word out=bad\\udcff: its name has bytes that are no text"):
        check_texts()
    monkeypatch.setattr(sys, "argv", ["x", "out=Größe"])
    check_texts()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    monkeypatch.setattr(streams.Path, "cwd", lambda: "/tmp/\udcc3\udcb6")
    with pytest.raises(InputError, match=r"this locale's encoding is ascii: set PYTHONUTF8=1, or rename it"):
        check_texts()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("run", ("targets.values={}",)), ("run", ("-m", "device={}")),
        ("report", (".", "out={}")), ("export", ("sweep=.", "rounds={}")),
        ("profile", ("seed={}",)),
    ],
)  # fmt: skip
def test_words_that_are_nested_deeply_are_refused(module, words, forks, tmp_path):
    deep = "[" * 500 + "25" + "]" * 500
    done = forks.run(module, tuple(word.format(deep) for word in words), tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "nested too deeply" in done.stderr


def test_options_of_a_user_that_are_nested_deeply_are_refused(forks, tmp_path):
    (tmp_path / "conf" / "device").mkdir(parents=True)
    (tmp_path / "conf" / "device" / "mine.yaml").write_text(f"device: {'[' * 700}1{']' * 700}\n")
    done = forks.run("run", ("--config-dir", "conf", *WORDS, "device=mine"), tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "nested too deeply" in done.stderr


def test_letters_that_the_terminal_lacks_are_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with ignore_broken_pipe():
        print("Größe 中")
    assert raw.getvalue().splitlines() == [rb"Gr\xf6\xdfe \u4e2d"]


def test_a_folder_of_letters_that_the_terminal_lacks(tmp_path):
    folder = tmp_path / "Größe 中"
    folder.mkdir()
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "ofa_bench", *WORDS], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert rb"Gr\xf6\xdfe \u4e2d/multirun" in done.stdout
    assert len(list(folder.rglob("record.json"))) == 1
