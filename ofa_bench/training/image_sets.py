"""Chooses the images for the test of subnets, and those for their BatchNorm statistics."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.supernets.images import Images

__all__ = ["Sets", "make_sets"]


@dataclass(frozen=True)
class Sets:
    """The test images, their classes (int64 [n]), and the calibration images.

    ``hashes`` identify the images and their classes; ``description`` is for a card.
    """

    test: Images
    labels: NDArray[np.int64]
    calibration: Images
    hashes: Mapping[str, str]
    description: Mapping[str, Any]


def make_sets(
    images: Path,
    classes: Path | None,
    calibration: Path | None,
    n_test: int,
    n_calibration: int,
    seed: int,
    outputs: int = 1000,
    share: int = 1,
) -> Sets:
    """Return random images for the test and for calibration.

    Args:
        images: the folder of the test images.
        classes: the file of their classes, if any.
        calibration: the folder of the calibration images; by default other ones of ``images``, as far as possible.
        n_test: the most test images.
        n_calibration: the most calibration images.
        seed: seed of the draws.
        outputs: the number of classes of the networks.
        share: decoded images are kept in one of so many shares of the memory for them.

    Raises:
        InputError: a folder cannot be read or has no images, or the classes of the images are unknown.
    """
    all_images = Images(images, classes, share=share)
    labels, order = all_images.labels(outputs), np.random.default_rng([seed, 1]).permutation(len(all_images))
    tested = np.sort(order[:n_test])
    if calibration is None:
        source, rows, overlap = all_images, order[-n_calibration:], max(0, n_test + n_calibration - len(order))
    else:
        source, overlap = Images(calibration, key="calibration", share=share), 0
        rows = np.random.default_rng([seed, 1]).permutation(len(source))[:n_calibration]
    hashes = {
        "images": all_images.digest(),
        "classes": hashlib.sha256(labels.tobytes()).hexdigest(),
        "calibration": source.digest(),
    }
    description: dict[str, Any] = {
        "folder": str(images),
        "images": len(all_images),
        "classes": len(set(labels.tolist())),
        "tested": len(tested),
        "sha256_of_names_and_sizes": hashes["images"],
        "sha256_of_classes": hashes["classes"],
        "calibration": {
            "folder": str(source.folder),
            "images": len(source),
            "used": len(rows),
            "sha256_of_names_and_sizes": hashes["calibration"],
            "note": "as OFA does, if these are training images"
            if calibration
            else f"the folder of the test images; {min(overlap, len(rows), len(tested))} of these are test images too",
        },
    }
    return Sets(all_images.only(tested), labels[tested], source.only(np.sort(rows)), hashes, description)
