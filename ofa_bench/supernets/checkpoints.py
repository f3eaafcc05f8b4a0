"""The weights of OFA's supernets: found or fetched, checked, and loaded; and the statistics that a subnet needs.

Without its weights a network has the architecture and the speed of what was found, not its accuracy. A space declares
where the weights of its supernet are published, as OFA's are. Where it does not know their SHA-256, the first file that
is used pins it: later ones must be the same.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors import assets
from ofa_bench.spaces.declarations import PublishedFile
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import Supernet
from ofa_bench.supernets.state_dicts import classes_in, fitting_state, load_state, states_of

if TYPE_CHECKING:
    from ofa_bench.supernets.images import Images

__all__ = ["Weights", "load_weights", "recalibrate"]

LARGEST = 1_000_000_000
"""Bytes of the largest checkpoint that is read, packed or not; the largest of OFA's has 193 million."""


_RANDOM = "weights are random: the network has the architecture and the speed of the one found, not its accuracy"


@dataclass(frozen=True)
class Weights:
    """What a supernet's weights are: ``random``, or from a path or an address; ``told`` says it in one sentence.

    ``hint`` says why they could not be had, and what to do; empty where nothing is amiss.
    """

    source: str
    sha256: str | None
    description: str
    hint: str = ""

    @property
    def random(self) -> bool:
        """Return whether nothing was loaded."""
        return self.source == "random"


def load_weights(net: Supernet, weights: str = "auto", sha256: str = "") -> Weights:
    """Load weights into a supernet, whole or not at all.

    Args:
        net: the supernet.
        weights: ``random`` leaves it as it is; ``auto`` takes the file that OFA published, from ``OFA_BENCH_ASSETS``,
            the user's cache or the network, and leaves it as it is where the file cannot be had; else the path of a
            checkpoint: a state dict, or a dict in which exactly one fits (``state_dict`` before any other). It may be
            of another number of classes: the supernet then gets a classifier for as many.
        sha256: what the file's bytes must have; empty for what is pinned, if anything is.

    Raises:
        InputError: the file cannot be read, is not the one pinned, or does not fit the supernet.
    """
    sha256 = sha256.lower()
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InputError(f"sha256={sha256[:80]}: must be 64 hexadecimal digits")
    if weights == "random":
        if sha256:
            raise InputError("sha256=: random weights come from no file; give weights=<path> with it")
        return Weights("random", None, _RANDOM)
    if weights == "auto":
        if net.space.published_weights is None:
            why = f"none are published for space {net.space.name}; give weights=<path>"
            return Weights("random", None, _RANDOM, why)
        return _published(net, net.space.published_weights, sha256)
    trained_on = net.classes
    found, key = _load(net, Path(weights).expanduser(), sha256, any_classes=True)
    check = "as given" if sha256 else "which nothing was given to check against"
    description = f"weights are those of {weights}{f', {key}' if key else ''} (SHA-256 {found}, {check})"
    if net.classes != trained_on:
        description += f", of {net.classes:,} classes; predicted accuracy and cost are of networks of {trained_on:,}"
    return Weights(weights, found, description)


def _published(net: Supernet, published: PublishedFile, sha256: str) -> Weights:
    """Load the file that OFA published; what was fetched and is not it, or does not fit, is thrown away."""
    path, pinned = assets.find_local(published.path), sha256 or published.sha256
    url = published.address or assets.BASE_URL + published.path
    source = str(path or url)
    if path is None:
        path = assets.cache_path(published.path)
        try:
            assets.fetch_file(url, path, pinned)
        except Exception as error:
            if isinstance(error, ValueError) and not isinstance(error, OSError):
                raise InputError(f"weights=auto: what {source} gives is not OFA's file ({error})") from error
            where = assets.place_of(published.path)
            why = f"{source} could not be fetched ({type(error).__name__}); download it and save it as {where}"
            return Weights("random", None, _RANDOM, why)
    pin = assets.cache_path(published.path + ".sha256")
    earlier = None if pinned else _pinned(pin)
    try:
        found, _ = _load(net, path, pinned or earlier or "", "" if pinned else f", that of its first use ({pin})")
    except InputError:
        if source == url:
            path.unlink(missing_ok=True)
        raise
    if sha256:
        check = "as given"
    elif pinned:
        check = "as pinned by ofa_bench"
    elif earlier:
        check = "the same as at its first use, when only its structure could be checked"
    else:
        check = f"not known beforehand: its structure was checked, and {_pin(pin, found)}"
    return Weights(source, found, f"weights are of OFA's supernet, from {source} (SHA-256 {found}, {check})")


def _pinned(pin: Path) -> str | None:
    """Read what pins a file since its first use; None where nothing does."""
    return pin.read_text(errors="replace").partition(" ")[0] if pin.is_file() else None


def _pin(pin: Path, found: str) -> str:
    """Write what later uses of a file must have, in the way of ``sha256sum``; say what came of it."""
    try:
        pin.parent.mkdir(parents=True, exist_ok=True)
        write_whole(pin, f"{found}  {pin.stem}\n")
    except OSError as error:
        return f"it could not be kept for later uses ({error.strerror})"
    return "later uses must have the same"


def _load(net: Supernet, path: Path, sha256: str, pinned: str = "", *, any_classes: bool = False) -> tuple[str, str]:
    """Load a checkpoint if it has the SHA-256 (unless empty) and fits.

    Args:
        net: the supernet; with ``any_classes`` it gets as many classes as the checkpoint has.
        path: of the checkpoint.
        sha256: what it must have.
        pinned: says who wants it.
        any_classes: take the number of classes from the checkpoint.

    Returns:
        Its SHA-256, and the key of the state dict in it, where that is not ``state_dict``.
    """
    try:
        content = content_of(path, LARGEST)
    except UnreadableError as error:
        raise InputError(f"weights={path}: cannot be read ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise InputError(
            f"weights={path}: SHA-256 is {found[:12]}..., not {sha256[:12]}...{pinned}; it is another file, or cut off"
        )
    before, channels = net.net.classifier, 0
    try:
        states = states_of(content, LARGEST)
        classes, channels = classes_in(states)
        if any_classes and classes != net.classes and channels == classes_in({"": net.net.state_dict()})[1]:
            net.set_classes(classes)
        key, state = fitting_state(net.net, states)
        load_state(net.net, state)
    except UnreadableError as error:
        net.net.classifier = before
        why = f"{error}{net.describe_width(channels)}"
        raise InputError(f"weights={path}: not weights of the supernet of space {net.space.name} ({why})") from error
    return found, "" if key == "state_dict" else key


def recalibrate(
    module: nn.Module, images: "Images", size: int, n: int, rng: np.random.Generator, batch: int = 64
) -> int:
    """Set the BatchNorm statistics of a subnet anew: a supernet's are not those of its subnets.

    They are the means over batches of what ``set_running_statistics`` of ``ofa`` finds, each batch normalised by itself
    (Cai et al., arXiv 1908.09791, section 4.1; ``ofa.tutorial`` takes 2,000 training images, augmented; these are not).

    Args:
        module: the subnet; changed in place.
        images: are drawn from, in random order, so that a batch holds many classes.
        size: height and width of the images, the subnet's resolution.
        n: the most images.
        rng: draws them.
        batch: how many images go through at a time.

    Returns:
        How many images were used.

    Raises:
        InputError: an image cannot be read.
    """
    rows = rng.permutation(len(images))[:n]

    def batches() -> Iterator[tuple[Tensor, None]]:
        for pixels in images.batches(size, batch, rows):
            yield pixels, None

    dynamic = import_ofa("ofa.imagenet_classification.elastic_nn.modules.dynamic_op").DynamicBatchNorm2d
    set_statistics = import_ofa("ofa.imagenet_classification.elastic_nn.utils").set_running_statistics
    try:
        set_statistics(module.eval(), batches())
    finally:
        dynamic.SET_RUNNING_STATISTICS = False  # ofa leaves it set where an image raises
    return len(rows)
