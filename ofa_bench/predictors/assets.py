"""Finds or fetches OFA's official files, and checks them by SHA-256."""

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
    "cache_path",
    "fetch_file",
    "find_local",
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
"""Relative path of each official file in OFA's public repository, and its SHA-256."""

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
    """Return the path of one of OFA's official files, under ``OFA_BENCH_ASSETS`` or in the cache; fetch it if needed.

    Raises:
        InputError: it is in neither, and cannot or must not be fetched.
    """
    path = find_local(relative)
    if path is not None:
        return path
    if not fetch:
        raise InputError(f"asset {relative}: not on this machine")
    path = cache_path(relative)
    try:
        fetch_file(BASE_URL + relative, path, ASSETS[relative])
    except Exception as error:  # any error of the network or the disk
        folder = os.environ.get(ASSETS_VARIABLE) or "unset"
        raise InputError(
            f"asset {relative}: not under {ASSETS_VARIABLE} ({folder}), and cannot be "
            f"fetched from {BASE_URL + relative} ({type(error).__name__}); put it at {path} by hand, "
            "or use another predictor, such as predictor=embedded"
        ) from error
    return path


def find_local(relative: str) -> Path | None:
    """Return the path of a file, unchecked, under ``OFA_BENCH_ASSETS`` or in the user's cache; None if it is absent."""
    return next((path for path in (place_of(relative), cache_path(relative)) if os.path.lexists(path)), None)


def place_of(relative: str) -> Path:
    """Return the path for a user's file: under ``OFA_BENCH_ASSETS`` if that is set, else in the user's cache."""
    folder = os.environ.get(ASSETS_VARIABLE)
    return Path(folder) / relative if folder else cache_path(relative)


def cache_path(relative: str) -> Path:
    """Return the path of a file in the user's cache, whether it exists or not."""
    import pooch

    return Path(pooch.os_cache("ofa_bench")) / relative


def fetch_file(url: str, path: Path, sha256: str | None) -> None:
    """Fetch a file to a path where there is none, completely or not at all.

    Args:
        url: its address.
        path: where to save it.
        sha256: the expected hash; None if unknown.

    Raises:
        OSError: the network or the disk fails (the errors of requests are such).
        ValueError: the file is another one.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    known = f"sha256:{sha256}" if sha256 else None
    pooch.retrieve(url, known, path.name, path.parent, downloader=pooch.HTTPDownloader(timeout=PATIENCE))
