"""Working directories and terminals whose characters a locale lacks."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ofa_bench.commands.cli.streams import ignore_broken_pipe

WORDS = ("strategy=random", "targets.first=1", "budget.generations=2", "evolution.population_size=10",
         "tracking.uri=null", "progress=false")  # fmt: skip


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


@pytest.mark.parametrize("words", [WORDS, ("-m", *WORDS), ("report", "."), ("export", "sweep=.")])
def test_a_folder_that_is_not_text_is_refused(forks, tmp_path, words):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    ran = forks.run(*(words[0], words[1:]) if words[0] in ("report", "export") else ("run", words), folder)
    assert ran.returncode == 2
    assert ran.stderr.startswith("ofa_bench: ")
    assert r"caf\udce9: has bytes that are not text; " in ran.stderr
    assert list(folder.iterdir()) == []
