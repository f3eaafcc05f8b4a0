"""Chooses the images to test subnets on, and those to compute their BatchNorm statistics on."""

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
    """Images to test on, their classes (int64 [n]), and images to calibrate on.

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
) -> Sets:
    """Return images to test on and images to calibrate on, drawn at random.

    Args:
        images: the folder that is tested on.
        classes: the file of its classes, if any.
        calibration: the folder that is calibrated on; by default others of ``images``, as far as there are.
        n_test: the most images to test on.
        n_calibration: the most images to calibrate on.
        seed: of the draws.
        outputs: of the networks, their number of classes.

    Raises:
        InputError: a folder cannot be read or has no images, or the classes of the images are not known.
    """
    all_images = Images(images, classes)
    labels, order = all_images.labels(outputs), np.random.default_rng([seed, 1]).permutation(len(all_images))
    tested = np.sort(order[:n_test])
    if calibration is None:
        source, rows, overlap = all_images, order[-n_calibration:], max(0, n_test + n_calibration - len(order))
    else:
        source, overlap = Images(calibration, key="calibration"), 0
        rows = np.random.default_rng([seed, 1]).permutation(len(source))[:n_calibration]
    hashes = {"images": all_images.digest(), "classes": hashlib.sha256(labels.tobytes()).hexdigest()}
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
            "sha256_of_names_and_sizes": source.digest(),
            "note": "as OFA does, if these are training images"
            if calibration
            else f"the folder that is tested on; {min(overlap, len(rows), len(tested))} of these images are tested too",
        },
    }
    hashes["calibration"] = description["calibration"]["sha256_of_names_and_sizes"]
    return Sets(all_images.only(tested), labels[tested], source.only(np.sort(rows)), hashes, description)
