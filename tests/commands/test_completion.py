"""``ofa_bench completion``: what a shell offers."""

import shutil
import subprocess

import pytest
from calling import call

from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.errors import InputError


@pytest.fixture(scope="module")
def script():
    return call("completion", ["bash"])


def offered(script, line, shell="bash"):
    """Return what bash offers at the end of a line, where words end at = as it does by itself."""
    words = line.replace("=", " = ").split(" ")
    words = [word for word in words if word] + ([""] if line[-1:] in (" ", "=") else [])
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n_ofa_bench\n"
    ran = subprocess.run(
        [shell, "--norc", "-c", f"{script}\n{asked}" + 'printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ofa_bench exp", ["export", "experiment=paper"]),
        ("ofa_bench run evolution.popul", ["evolution.population_size="]),
        ("ofa_bench strategy=jo", ["joint"]),
        ("ofa_bench -m strategy=vanilla,jo", ["vanilla,joint"]),
        ("ofa_bench report ref", ["reference="]),
        ("ofa_bench export qu", ["quantize="]),
        ("ofa_bench export device=no", ["note10"]),
        ("ofa_bench train fol", ["folds="]),
        ("ofa_bench completion f", ["fish"]),
        ("ofa_bench list strat", ["strategy"]),
        ("ofa_bench list mo", ["model"]),
        ("ofa_bench strategy.inner=van", ["vanilla"]),
        ("ofa_bench strategy.model=", ["linear", "network", "process"]),
    ],
)
def test_bash_completes_commands_keys_and_options(script, line, expected):
    found = offered(script, line)
    assert set(expected) <= set(found)
    last = line.rpartition(" ")[2].rpartition("=")[2]
    assert all(word.startswith(last) for word in found)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_offers_all_commands_first_and_none_later(script):
    assert set(COMMANDS) <= set(offered(script, "ofa_bench "))
    assert not set(COMMANDS) & set(offered(script, "ofa_bench report "))


def test_other_shells_have_scripts_with_every_command(script):
    assert call("completion", ["zsh"]).endswith(script)
    fish = call("completion", ["fish"])
    assert all(f" -a {name} -d " in fish for name in COMMANDS)


@pytest.mark.parametrize("words", [[], ["bsh"], ["bash", "zsh"]])
def test_another_shell_is_refused(words):
    with pytest.raises(InputError, match="give one of bash, zsh, fish"):
        call("completion", words)
