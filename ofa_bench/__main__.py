"""``ofa_bench`` and ``python -m ofa_bench``: find the command that the first word names, and run it."""

import sys
from importlib import import_module

from ofa_bench.commands import COMMANDS

__all__ = ["main"]


def main() -> None:
    """Run the command that ``sys.argv`` names: ``run`` where its first word names none."""
    name = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in COMMANDS else ""
    if name:
        del sys.argv[1]
    import_module(f"ofa_bench.commands.{COMMANDS[name or 'run'].module}").main()


if __name__ == "__main__":
    main()
