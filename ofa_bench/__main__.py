"""``ofa_bench`` and ``python -m ofa_bench``: find the command that the first word names, and run it."""

import sys

from ofa_bench.commands.cli.registry import COMMANDS, overview
from ofa_bench.commands.cli.streams import ignore_broken_pipe
from ofa_bench.version import __version__

__all__ = ["main"]


def main() -> None:
    """Run the command that ``sys.argv`` names: ``run`` if its first word names none, help if there is no word."""
    words = sys.argv[1:]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words in ([], ["--help"], ["-h"]) or "--version" in words:
        with ignore_broken_pipe():
            print(f"ofa_bench {__version__}" if "--version" in words else overview())
        return
    if "" not in sys.path:
        sys.path.insert(0, "")  # the working directory, as for ``python -m``: a user's modules lie there
    named = bool(words) and words[0] in COMMANDS
    from ofa_bench.commands.cli.main import run_command

    run_command(words[0] if named else "run", words[1:] if named else words)


if __name__ == "__main__":
    main()
