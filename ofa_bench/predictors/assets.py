"""OFA's official files: found where the user keeps them, or fetched once, and always checked by SHA-256."""

import hashlib
import os
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["ASSETS", "ASSETS_VARIABLE", "BASE_URL", "asset_path", "sha256_of"]

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


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def asset_path(relative: str, fetch: bool = True) -> Path:
    """Find one of OFA's official files: under ``OFA_BENCH_ASSETS``, in the user's cache, or fetched into the cache.

    Raises:
        InputError: the file is altered or unreadable, or it is nowhere and cannot, or shall not, be fetched.
    """
    folder = os.environ.get(ASSETS_VARIABLE)
    if folder and (Path(folder) / relative).exists():
        return _checked(Path(folder) / relative, relative)
    return _fetched(relative, fetch)


def _checked(path: Path, relative: str) -> Path:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"asset {path}: cannot be read ({error.strerror})") from error
    if found != ASSETS[relative]:
        raise InputError(
            f"asset {path}: SHA-256 is {found[:12]}..., not {ASSETS[relative][:12]}...; "
            "the file was altered or cut off: delete it to have it fetched again"
        )
    return path


def _fetched(relative: str, fetch: bool) -> Path:
    import pooch

    cache = Path(pooch.os_cache("ofa_bench"))
    if (cache / relative).exists():
        return _checked(cache / relative, relative)
    if not fetch:
        raise InputError(f"asset {relative}: not at hand")
    pooch.get_logger().setLevel("WARNING")
    try:
        got = pooch.retrieve(
            BASE_URL + relative,
            known_hash=f"sha256:{ASSETS[relative]}",
            fname=Path(relative).name,
            path=(cache / relative).parent,
            downloader=pooch.HTTPDownloader(timeout=10),
        )
    except Exception as error:  # whatever the network or the disk did, the user's way on is the same
        folder = os.environ.get(ASSETS_VARIABLE) or "unset"
        raise InputError(
            f"asset {relative}: not under {ASSETS_VARIABLE} ({folder}), and cannot be "
            f"fetched from {BASE_URL + relative} ({type(error).__name__}); put it at {cache / relative} by hand, "
            "or use predictor=embedded"
        ) from error
    return Path(got)
