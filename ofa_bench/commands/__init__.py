"""The commands, a file each; ``cli/registry.py`` is the table of them."""
