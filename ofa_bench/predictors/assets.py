"""OFA's official files: found where the user keeps them, or fetched once, and always checked by SHA-256."""

import hashlib
import os
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of

__all__ = [
    "ASSETS",
    "ASSETS_VARIABLE",
    "BASE_URL",
    "asset_content",
    "asset_path",
    "at_hand",
    "cache_path",
    "fetch_file",
    "sha256_of",
]

BASE_URL = "https://raw.githubusercontent.com/han-cai/files/master/"
ASSETS_VARIABLE = "OFA_BENCH_ASSETS"

ASSETS = {
    "ofa/acc_predictor.pth": "48685122a3540636b06699af66cd816456b25f29b69563e2fda9bed4018eeba0",
    "ofa/ofa_resnet50_acc_predictor.pth": "68912b4b4be38feb504c5b773dc847af23a637984d5eaabf548de72cd0f79529",
    "ofa/note10/160_lookup_table.yaml": "a2671a45e9400542679ed03de946b45d6a35010f9ab21834af3e7ba8341d36d1",
    "ofa/note10/176_lookup_table.yaml": "34223ae037d5719a5f33261bdfd9341f590a2999edf520f174309605dc06307c",
    "ofa/note10/192_lookup_table.yaml": "0ff5ca0649e56ad34a42d6a8a6f20adb5121c8d12d135299397b310472db79e2",
    "ofa/note10/208_lookup_table.yaml": "41aa63af766a8298354e6aa5ae69d512ac68656a6e7d0a4fa5dc725c8d438633",
    "ofa/note10/224_lookup_table.yaml": "c13a9bcb3f4becae844bce4897129c4e42975984c1029cbd5acb48c970136530",
}
"""Relative path of each official file, in OFA's public repository, and its SHA-256."""

PATIENCE = 10
"""Seconds to wait for a server's next answer."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def asset_content(relative: str, fetch: bool = True) -> bytes:
    """Return the bytes of one of OFA's official files, found as ``asset_path`` finds it; their hash is checked.

    Raises:
        InputError: the file is altered or unreadable, or as ``asset_path``.
    """
    path = asset_path(relative, fetch)
    try:
        content = content_of(path)
    except UnreadableError as error:
        raise InputError(f"asset {str(path)[:500]}: cannot be read ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != ASSETS[relative]:
        raise InputError(
            f"asset {path}: SHA-256 is {found[:12]}..., not {ASSETS[relative][:12]}...; "
            "the file was altered or cut off: delete it to have it fetched again"
        )
    return content


def asset_path(relative: str, fetch: bool = True) -> Path:
    """Return where one of OFA's official files lies: under ``OFA_BENCH_ASSETS`` or in the cache, fetched if need be.

    Raises:
        InputError: it is nowhere and cannot, or shall not, be fetched.
    """
    path = at_hand(relative)
    if path is not None:
        return path
    if not fetch:
        raise InputError(f"asset {relative}: not at hand")
    path = cache_path(relative)
    try:
        fetch_file(BASE_URL + relative, path, ASSETS[relative])
    except Exception as error:  # whatever the network or the disk did, the user's way on is the same
        folder = os.environ.get(ASSETS_VARIABLE) or "unset"
        raise InputError(
            f"asset {relative}: not under {ASSETS_VARIABLE} ({folder}), and cannot be "
            f"fetched from {BASE_URL + relative} ({type(error).__name__}); put it at {path} by hand, "
            "or use predictor=embedded"
        ) from error
    return path


def at_hand(relative: str) -> Path | None:
    """Return where a file lies, unchecked: under ``OFA_BENCH_ASSETS``, else in the user's cache; None if nowhere."""
    return next((path for path in (place_of(relative), cache_path(relative)) if os.path.lexists(path)), None)


def place_of(relative: str) -> Path:
    """Return where a user puts a file: under ``OFA_BENCH_ASSETS`` where that is set, else in the user's cache."""
    folder = os.environ.get(ASSETS_VARIABLE)
    return Path(folder) / relative if folder else cache_path(relative)


def cache_path(relative: str) -> Path:
    """Return where a file lies in the user's cache, or would lie."""
    import pooch

    return Path(pooch.os_cache("ofa_bench")) / relative


def fetch_file(url: str, path: Path, sha256: str | None) -> None:
    """Fetch a file to a place where there is none, whole or not at all.

    Args:
        url: its address.
        path: where it shall lie.
        sha256: what its bytes must have; None where that is not known.

    Raises:
        OSError: the network or the disk fails (the errors of requests are such).
        ValueError: the file is another one.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    known = f"sha256:{sha256}" if sha256 else None
    pooch.retrieve(url, known, path.name, path.parent, downloader=pooch.HTTPDownloader(timeout=PATIENCE))
