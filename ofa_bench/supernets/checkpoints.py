"""Loads the published or given weights of a supernet, and recomputes the BatchNorm statistics of a subnet.

A space declares where the weights of its supernet are published. If it does not know their SHA-256, the first file that
is used pins it: later files must be the same.
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
from ofa_bench.supernets.state_dicts import classifier_shape, find_fitting_state, load_state, read_states

if TYPE_CHECKING:
    from ofa_bench.supernets.images import Images

__all__ = ["Weights", "load_weights", "recalibrate"]

LARGEST = 1_000_000_000
"""The most bytes of a checkpoint, both packed and unpacked; OFA's largest has 193 million."""


_RANDOM = "weights are random: the network has the architecture and the speed of the one found, not its accuracy"


@dataclass(frozen=True)
class Weights:
    """The origin of a supernet's weights: ``source`` is ``random``, a path or an address.

    ``hint`` explains why weights are random although others were wanted, and what to do; otherwise it is empty.
    """

    source: str
    sha256: str | None
    description: str
    hint: str = ""

    @property
    def random(self) -> bool:
        """Whether nothing was loaded."""
        return self.source == "random"


def load_weights(net: Supernet, weights: str = "auto", sha256: str = "") -> Weights:
    """Load weights into a supernet, completely or not at all.

    Args:
        net: the supernet.
        weights: ``random`` changes nothing; ``auto`` loads the published file from ``OFA_BENCH_ASSETS``, the user's
            cache or the network, and changes nothing if none of them has it; anything else is the path of a
            checkpoint: a state dict, or a dict with exactly one that fits (``state_dict`` takes precedence). If it has
            another number of classes, the supernet gets a new classifier.
        sha256: the required SHA-256 of the file; if empty, the pinned one, if any.

    Raises:
        InputError: the file cannot be read, is not the pinned one, or does not fit the supernet.
    """
    sha256 = sha256.lower()
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InputError(f"sha256={sha256[:80]}: must be 64 hexadecimal digits")
    if weights == "random":
        if sha256:
            raise InputError("sha256=: random weights come from no file; give weights=<path>")
        return Weights("random", None, _RANDOM)
    if weights == "auto":
        if net.space.published_weights is None:
            why = f"no weights are published for space {net.space.name}; give weights=<path>"
            return Weights("random", None, _RANDOM, why)
        return _published(net, net.space.published_weights, sha256)
    trained_on = net.classes
    found, key = _load(net, Path(weights).expanduser(), sha256, any_classes=True)
    check = "as given" if sha256 else "not checked, because no sha256= was given"
    description = f"weights are from {weights}{f', {key}' if key else ''} (SHA-256 {found}, {check})"
    if net.classes != trained_on:
        description += f", of {net.classes:,} classes; predicted accuracy and cost are for {trained_on:,}"
    return Weights(weights, found, description)


def _published(net: Supernet, published: PublishedFile, sha256: str) -> Weights:
    """Load the published file; delete a fetched file that is another one or does not fit."""
    path, pinned = assets.find_local(published.path), sha256 or published.sha256
    url = published.address or assets.BASE_URL + published.path
    source = str(path or url)
    if path is None:
        path = assets.cache_path(published.path)
        try:
            assets.fetch_file(url, path, pinned)
        except Exception as error:
            if isinstance(error, ValueError) and not isinstance(error, OSError):
                raise InputError(f"weights=auto: {source} does not return OFA's file ({error})") from error
            where = assets.place_of(published.path)
            why = f"{source} could not be fetched ({type(error).__name__}); download it and save it as {where}"
            return Weights("random", None, _RANDOM, why)
    pin = assets.cache_path(published.path + ".sha256")
    earlier = pin.read_text(errors="replace").partition(" ")[0] if pin.is_file() and not pinned else None
    try:
        found, _ = _load(net, path, pinned or earlier or "", "" if pinned else f", the one at its first use ({pin})")
    except InputError:
        if source == url:
            path.unlink(missing_ok=True)
        raise
    if sha256:
        check = "as given"
    elif pinned:
        check = "as pinned by ofa_bench"
    elif earlier:
        check = "the same as at its first use, when only its structure was checked"
    else:
        check = f"not known before: only its structure was checked; {_pin(pin, found)}"
    return Weights(source, found, f"weights are of OFA's supernet, from {source} (SHA-256 {found}, {check})")


def _pin(pin: Path, found: str) -> str:
    """Write the SHA-256 that later uses of a file must have, as ``sha256sum`` does; return a description."""
    try:
        pin.parent.mkdir(parents=True, exist_ok=True)
        write_whole(pin, f"{found}  {pin.stem}\n")
    except OSError as error:
        return f"it cannot be saved for later uses ({error.strerror})"
    return "later files must have the same"


def _load(net: Supernet, path: Path, sha256: str, pinned: str = "", *, any_classes: bool = False) -> tuple[str, str]:
    """Load a checkpoint that has the required SHA-256 and fits.

    Args:
        net: the supernet.
        path: the checkpoint.
        sha256: the required SHA-256; empty for any.
        pinned: where ``sha256`` comes from, for the message.
        any_classes: whether the supernet takes the number of classes of the checkpoint.

    Returns:
        Its SHA-256, and the key of its state dict if that is not ``state_dict``.
    """
    try:
        content = content_of(path, LARGEST)
    except UnreadableError as error:
        raise InputError(f"weights={path}: cannot be read ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise InputError(
            f"weights={path}: SHA-256 is {found[:12]}..., not {sha256[:12]}...{pinned}; another file or incomplete"
        )
    before, channels = net.net.classifier, 0
    try:
        states = read_states(content, LARGEST)
        classes, channels = classifier_shape(states)
        if any_classes and classes != net.classes and channels == classifier_shape({"": net.net.state_dict()})[1]:
            net.set_classes(classes)
        key, state = find_fitting_state(net.net, states)
        load_state(net.net, state)
    except UnreadableError as error:
        net.net.classifier = before
        why = f"{error}{net.describe_width(channels)}"
        raise InputError(f"weights={path}: not weights of the supernet of space {net.space.name} ({why})") from error
    return found, "" if key == "state_dict" else key


def recalibrate(
    module: nn.Module, images: "Images", size: int, n: int, rng: np.random.Generator, batch: int = 64
) -> int:
    """Recompute the BatchNorm statistics of a subnet, because those of the supernet do not suit it.

    ``set_running_statistics`` of ``ofa`` averages them over batches, each normalised by itself (Cai et al.,
    arXiv 1908.09791, section 4.1; ``ofa.tutorial`` uses 2,000 augmented training images; these are not augmented).

    Args:
        module: the subnet; changed in place.
        images: the images, taken in random order so that a batch has many classes.
        size: height and width of the images, which is the subnet's resolution.
        n: the most images to use.
        rng: draws the images.
        batch: images a batch.

    Returns:
        The number of images used.

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
        dynamic.SET_RUNNING_STATISTICS = False  # ofa leaves it set if an image raises
    return len(rows)
