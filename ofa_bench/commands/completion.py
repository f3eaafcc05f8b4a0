"""``ofa_bench completion``: print a script that completes commands, keys and options in a shell.

    eval "$(ofa_bench completion bash)"                # in ~/.bashrc
    eval "$(ofa_bench completion zsh)"                 # in ~/.zshrc, after compinit
    ofa_bench completion fish | source                 # in ~/.config/fish/config.fish

The script knows the package's own options. A shell starts faster if the script is kept in a file.
"""

import shlex
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module

from ofa_bench.commands.cli.groups import CHOSEN
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.config.keys import full_keys
from ofa_bench.config.schema import PROBLEM_GROUPS, Config
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.options import PARTS, options_of_group

__all__ = ["run"]


BASH = """
_ofa_bench() {
    local line="${COMP_LINE:0:COMP_POINT}" words command=run word start
    local current="${line##* }"
    COMPREPLY=()
    case "${COMP_WORDS[1]}" in
NAMED        command="${COMP_WORDS[1]}";;
    esac
    case "$command" in
CASES    esac
    [ "$COMP_CWORD" -eq 1 ] && words="COMMANDS $words"
    start="${current%,*}"
    if [ "$start" != "$current" ] && [ "${current%%=*}" != "$current" ]; then  # a list: its last item
        for word in $words; do
            [[ "$word" == "${current%%=*}=${current##*,}"* ]] && COMPREPLY+=("$start,${word#*=}")
        done
    else
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    fi
    if [[ "$current" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then  # bash replaces only what stands behind =
        COMPREPLY=("${COMPREPLY[@]#"${current%%=*}="}")
    fi
}
complete -o nospace -o default -F _ofa_bench ofa_bench
"""


def run(arguments: Sequence[str]) -> str:
    """Return the completion script of a shell.

    Raises:
        InputError: there is no script for the shell.
    """
    scripts = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    shell = " ".join(arguments)
    if shell not in scripts:
        raise InputError(f"completion {shell}: give one of {', '.join(scripts)}{suggestion(shell, scripts)}")
    return scripts[shell]()


def completions(command: str) -> list[str]:
    """Return the arguments that a command takes: flags, ``key=`` and ``group=option``."""
    takes = COMMANDS[command].takes
    flags = ["--help", *(["--multirun", "--dry-run", "--config-dir"] if command == "run" else [])]
    if command == "list":
        return [*flags, *CHOSEN, "model"]
    if command == "completion":
        return [*flags, "bash", "zsh", "fish"]
    groups = CHOSEN if command == "run" or takes == "config" else PROBLEM_GROUPS if "problem" in takes else ()
    keys = list(full_keys(Config)) if command == "run" or takes == "config" else []
    if command != "run":
        module = import_module(f"ofa_bench.commands.{command}")
        kinds = [kind for name, kind in vars(module).items() if name.endswith("Options")]
        keys = [*dict.fromkeys(field.name for kind in kinds for field in fields(kind)), *keys]
    kinds_of = {group: group for group in groups} | (PARTS if "strategy" in groups else {})
    chosen = [f"{key}={one}" for key, group in kinds_of.items() for one in options_of_group(group, registered=False)]
    return [*flags, *(f"{key}=" for key in keys if key not in groups), *chosen]


def _bash() -> str:
    cases = "".join(f"        {name}) words={shlex.quote(' '.join(completions(name)))};;\n" for name in COMMANDS)
    named = "        " + "|".join(COMMANDS) + ")\n    "
    script = BASH.replace("NAMED", named).replace("CASES", cases).replace("COMMANDS", " ".join(COMMANDS))
    return script.strip()


def _zsh() -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    lines = ["complete -c ofa_bench -f"]
    named = f"__fish_seen_subcommand_from {' '.join(COMMANDS)}"
    for name, command in COMMANDS.items():
        lines.append(f"complete -c ofa_bench -n 'not {named}' -a {name} -d {shlex.quote(command.summary)}")
        where = f"__fish_seen_subcommand_from {name}" + (f"; or not {named}" if name == "run" else "")
        lines.append(f"complete -c ofa_bench -n '{where}' -a {shlex.quote(' '.join(completions(name)))}")
    return "\n".join(lines)
