"""Working directories and terminals whose characters a locale lacks."""

import io
import os
import subprocess
import sys

import pytest

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
    assert "bad\\udcff: has bytes that are not utf-8; rename it" in done.stderr
    assert not list(no_text.iterdir())


def test_words_that_are_no_text_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["x", f"out={os.fsdecode(BYTES)}"])
    with pytest.raises(InputError, match=r"the argument out=bad\\udcff: has bytes that are not utf-8"):
        check_texts()
    monkeypatch.setattr(sys, "argv", ["x", "out=Größe"])
    check_texts()


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
