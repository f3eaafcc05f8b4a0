"""Writes files whole or not at all."""

import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, under a name of its own, and then into it.

    Raises:
        OSError: it cannot be written; what was there is then unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        made = Path(file.name)
        try:
            file.write(data)
            file.flush()
            made.chmod(0o644)
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
