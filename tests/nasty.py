"""Names of folders that people have, and that a path, a URL, Rich's markup, Hydra or a shell may take for syntax."""

__all__ = ["NASTY_NAMES"]

NASTY_NAMES = (
    "my nets",
    "a#b",
    "what?",
    "100%20",
    "[v2] test",
    "[b]bold[/b]",
    "R&D",
    "it's",
    'the "new" one',
    "Größe",
    "lr=0.1",
    "a,b",
    "$HOME",
)
