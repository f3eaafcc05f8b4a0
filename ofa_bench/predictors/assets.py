"""OFA's official files: found where the user keeps them, or fetched once, and always checked by SHA-256."""

import errno
import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of

if TYPE_CHECKING:
    import requests

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

LARGEST = 50_000_000
"""Bytes of the largest file that is read or fetched; the largest of these has 1.5 million."""

PATIENCE = 120
"""Seconds in which a file must have come."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def asset_content(relative: str, fetch: bool = True) -> bytes:
    """Read one of OFA's official files, found as ``asset_path`` finds it; its hash is that of the bytes given.

    Raises:
        InputError: as ``asset_path``.
    """
    return _checked(asset_path(relative, fetch), relative)


def asset_path(relative: str, fetch: bool = True) -> Path:
    """Find one of OFA's official files: under ``OFA_BENCH_ASSETS``, in the user's cache, or fetched into the cache.

    Raises:
        InputError: the file is altered or unreadable, or it is nowhere and cannot, or shall not, be fetched.
    """
    path = at_hand(relative)
    if path is not None:
        _checked(path, relative)
        return path
    if not fetch:
        raise InputError(f"asset {relative}: not at hand")
    return _fetched(relative)


def at_hand(relative: str) -> Path | None:
    """Return where a file lies, unchecked: under ``OFA_BENCH_ASSETS``, else in the user's cache; None if nowhere."""
    folder = os.environ.get(ASSETS_VARIABLE)
    if folder and _lies(Path(folder) / relative):
        return Path(folder) / relative
    path = cache_path(relative)
    return path if _lies(path) else None


def place_of(relative: str) -> Path:
    """Return where a user puts a file: under ``OFA_BENCH_ASSETS`` where that is set, else in the user's cache."""
    folder = os.environ.get(ASSETS_VARIABLE)
    return Path(folder) / relative if folder else cache_path(relative)


def cache_path(relative: str) -> Path:
    """Describe where a file lies in the user's cache, or would lie."""
    import pooch

    return Path(pooch.os_cache("ofa_bench")) / relative


def _lies(path: Path) -> bool:
    """Return whether something lies there, be it a link that leads nowhere or what may not be looked at."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR)
    return True


def _checked(path: Path, relative: str) -> bytes:
    try:
        content = content_of(path, LARGEST)
    except UnreadableError as error:
        raise InputError(f"asset {str(path)[:500]}: cannot be read ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != ASSETS[relative]:
        raise InputError(
            f"asset {path}: SHA-256 is {found[:12]}..., not {ASSETS[relative][:12]}...; "
            "the file was altered or cut off: delete it to have it fetched again"
        )
    return content


def _fetched(relative: str) -> Path:
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


def fetch_file(url: str, path: Path, sha256: str | None, *, largest: int = LARGEST, patience: float = PATIENCE) -> None:
    """Fetch a file to a place where there is none, whole or not at all.

    Args:
        url: its address; one of HTTPS may lead to another of HTTPS only.
        path: where it shall lie.
        sha256: what its bytes must have; None where that is not known.
        largest: the most bytes that it may have.
        patience: seconds in which it must have come, from the first step on. There is one try.

    Raises:
        OSError: the network or the disk fails (the errors of requests are such), or it takes too long.
        ValueError: the file is another one, or too large.
    """
    import pooch

    def download(url: str, output: str, _: object) -> None:
        _download(url, Path(output), largest, patience)

    pooch.get_logger().setLevel("WARNING")
    known = f"sha256:{sha256}" if sha256 else None
    pooch.retrieve(url, known_hash=known, fname=path.name, path=path.parent, downloader=download)


def _download(url: str, output: Path, largest: int, patience: float) -> None:
    """Write what an address gives to a file, within a time.

    Another thread receives it, as a server can make every step last that waits for a next byte: the head, the way to
    another address, the body. What is not there in time is hung up on; a thread that is left ends with the process.
    """
    answers, ended = list["requests.Response"](), SimpleQueue[Exception | None]()

    def receive() -> None:
        try:
            _receive(url, file, largest, answers)
        except Exception as error:
            ended.put(error)
        else:
            ended.put(None)

    with output.open("wb") as file:
        threading.Thread(target=receive, name="ofa_bench download", daemon=True).start()
        try:
            failed = ended.get(timeout=patience)
        except Empty:
            raise TimeoutError(f"more than {patience:g} seconds") from None
        finally:
            for answer in answers:
                with suppress(Exception):  # it has ended, or its urllib3 is older than 2.3
                    answer.raw.shutdown()
    if failed is not None:
        raise failed


def _receive(url: str, file: IO[bytes], largest: int, answers: "list[requests.Response]") -> None:
    """Write what an address gives to an open file; ``answers`` is given what is received from."""
    import requests

    size = 0
    with requests.get(url, stream=True, timeout=10) as answer:
        answers.append(answer)
        answer.raise_for_status()
        if url.startswith("https:") and not all(step.url.startswith("https:") for step in (*answer.history, answer)):
            raise ValueError("led to an address that is not of HTTPS")
        for piece in answer.iter_content(65536):
            size += len(piece)
            if size > largest:
                raise ValueError(f"more than {largest:,} bytes")
            file.write(piece)
