"""The table of commands, from which help, dispatch and the documentation are made."""

import subprocess
import sys
from dataclasses import is_dataclass
from importlib import import_module

import pytest
from conftest import ROOT

from ofa_bench.commands.cli.registry import COMMANDS, overview


def test_help_shows_every_command_and_imports_next_to_nothing(tmp_path):
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', [m for m in ('hydra', 'numpy', 'omegaconf') if m in sys.modules]))\n"
        "from ofa_bench.__main__ import main\nmain()"
    )
    for words in ([], ["--help"], ["-h"], ["help"]):
        ran = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert ran.stdout == f"{overview()}\nLOADED []\n"
    for name, command in COMMANDS.items():
        assert f"  {name} " in overview()
        assert command.summary in overview()
        assert command.example in overview()
        assert "ofa_bench" in command.example


def test_help_and_errors_import_no_large_library(tmp_path):
    words = [*([name, "--help"] for name in COMMANDS), ["report", "nowhere"], ["strategy=vanila"]]
    code = (
        "import sys\nfrom ofa_bench.__main__ import main\n"
        "heavy = {'torch', 'mlflow', 'pandas', 'matplotlib', 'scipy', 'sqlalchemy', 'onnx'}\n"
        f"for words in {words}:\n"
        "    sys.argv[1:] = words\n"
        "    try:\n        main()\n"
        "    except SystemExit as end:\n        assert end.code == (0 if '--help' in words else 2), words\n"
        "    assert not heavy & {*sys.modules}, (words, heavy & {*sys.modules})\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "did you mean 'vanilla'?" in ran.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_a_module_of_its_name(name):
    module = import_module(f"ofa_bench.commands.{name}")
    assert module.__doc__.startswith(f"``ofa_bench {name}``: ")
    assert hasattr(module, "main") or callable(module.run)
    assert COMMANDS[name].takes == "any" or is_dataclass(module.Options)


def test_help_of_a_command_is_its_own(forks, tmp_path):
    for words in (("report", ("--help",)), ("help", ("report",))):
        ran = forks.run(*words, tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "ofa_bench report multirun" in ran.stdout
        assert "  reference=" in ran.stdout
    ran = forks.run("run", ("--help",), tmp_path)
    assert "== Config groups" in ran.stdout


def test_the_page_of_commands_has_the_table():
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    rows = [f"| [`{name}`](#ofa_bench-{name}) | {one.summary} | `{one.example}` |" for name, one in COMMANDS.items()]
    assert "\n".join(rows) in page
    sections = [line.removeprefix("## ofa_bench ") for line in page.splitlines() if line.startswith("## ")]
    assert sections == list(COMMANDS)
