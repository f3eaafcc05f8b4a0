"""Builds found networks with the supernets of their spaces and writes their files and cards."""

import hashlib
import json
import platform
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ofa_bench
from ofa_bench.config.batches import Batch, show_batch
from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import CARD, INT8, ONNX, PROGRAM, Card, describe_network, read_card, write_card
from ofa_bench.exporting.found import Found, buildable
from ofa_bench.files.reading import plain_text
from ofa_bench.files.writing import work_folder
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.spaces import DesignSpace
from ofa_bench.supernets.checkpoints import Weights, load_weights, recalibrate
from ofa_bench.supernets.images import MEAN, STD, Images
from ofa_bench.supernets.network_files import OPSET, differences, write_onnx, write_program
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import Piece, Supernet, count_macs, supernet

__all__ = ["Exporter", "init_batchnorm"]

NOISE = 8
"""Images of noise for the BatchNorm statistics of random weights."""


class Exporter:
    """Writes networks below a folder; the supernets and their weights are loaded once.

    Args:
        out: the folder; each network goes to its own below it.
        weights: ``auto``, ``random`` or the path of a checkpoint (see ``checkpoints.load_weights``).
        sha256: that the checkpoint must have, if given.
        images: a folder of images that BatchNorm statistics are computed on, or None.
        n_images: of them, at most this many are used.
        batch: how many images the networks take at a time; None for any number.
    """

    def __init__(
        self,
        out: Path,
        weights: str = "auto",
        sha256: str = "",
        images: Path | None = None,
        n_images: int = 2000,
        batch: Batch = 1,
    ) -> None:
        self._out, self._weights, self._sha256, self._batch = out, weights, sha256, batch
        self._images, self._n_images = None if images is None else Images(images), n_images
        self._digest = "" if self._images is None else self._images.digest()
        self._loaded = cache(self._load)

    def _load(self, space: DesignSpace) -> tuple[Supernet, Weights]:
        net = supernet(space)
        return net, load_weights(net, self._weights, self._sha256)

    def description(self, found: Found) -> str:
        """Describe what weights and BatchNorm statistics a network gets, and why none could be had, where that is so.

        Raises:
            InputError: they cannot be had, or no supernet builds it.
        """
        weights = self._of(found)[1]
        return f"{self._told(weights)}{f' ({weights.hint})' if weights.hint else ''}"

    def _told(self, weights: Weights) -> str:
        if self._images is not None:
            used = min(self._n_images, len(self._images))
            return f"{weights.description}; BatchNorm statistics are of {used:,} images of {self._images.folder}"
        if weights.random:
            return weights.description
        return (
            f"{weights.description}; BatchNorm statistics are the supernet's, not this network's, so its accuracy is "
            "below what it can be: give images="
        )

    def _of(self, found: Found) -> tuple[Supernet, Weights, Piece]:
        space, row = buildable(found.architecture, found.space, found.described)
        net, weights = self._loaded(space)
        return net, weights, net.subnet(row)

    def write(self, found: Found) -> tuple[Path, Card]:
        """Write a network's ONNX file, its ``torch.export`` program and, last, its card; give its folder and card.

        Files that are there already, of the same network and weights, are kept, with what was measured of them.

        Raises:
            InputError: the weights or images cannot be had, or onnx is not installed.
            OSError: the folder cannot be written.
            RuntimeError: a file does not compute what the network does.
        """
        _, weights, piece = self._of(found)
        folder, made_of = self._out / found.folder, self._made_of(found, weights)
        there = _kept(folder, made_of)
        if there is None:
            built = self._written(folder, piece, weights)
            card = describe_network(found, built | {"made": built["made"] | {"of": made_of}})
        else:
            kept = ["batch", "macs", "parameters", "weights", "input", "output", "files", "made", "int8"]
            same_table = there["hashes"]["device"] == found.hashes["device"]
            card = describe_network(found, {key: there[key] for key in kept if key in there})
            if same_table:
                card["measured"] = there["measured"]
            elif "int8" in card:
                card["int8"] = card["int8"] | {"measured": None}
        write_card(folder, card)
        return folder, card

    def outputs(self, found: Found) -> int:
        """Return how many classes a network has."""
        return self._of(found)[0].classes

    def parameters(self, found: Found) -> int:
        """Count the parameters of a network that is not written yet; 0 for one that is there already, whole."""
        _, weights, piece = self._of(found)
        if _kept(self._out / found.folder, self._made_of(found, weights)) is not None:
            return 0
        return sum(weight.numel() for weight in piece.build().parameters())

    def better(self, found: Found) -> Card | None:
        """Return the card of the network whose place a network takes, if that was predicted to be more accurate."""
        try:
            there = read_card(self._out / found.folder)
        except InputError:
            return None
        return there if there["accuracy"] > found.accuracy else None

    def _made_of(self, found: Found, weights: Weights) -> str:
        """Hash all that decides what is in the files."""
        images = [] if self._images is None else [self._digest, self._n_images]
        versions = [ofa_bench.__version__, torch.__version__]
        batch = [] if self._batch == 1 else [show_batch(self._batch)]
        space, _ = buildable(found.architecture, found.space, found.described)
        content = [found.architecture, space.supernet, weights.sha256, images, *batch, *versions]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _written(self, folder: Path, piece: Piece, weights: Weights) -> Card:
        module, size = piece.build(), piece.shape[1]
        folder.mkdir(parents=True, exist_ok=True)
        used = 0
        if self._images is not None:
            used = recalibrate(module, self._images, size, self._n_images, np.random.default_rng(0))
        elif weights.random:
            init_batchnorm(module, size)
        with work_folder(folder) as place:
            onnx, program = place / ONNX, place / PROGRAM
            write_onnx(module, piece.shape, onnx, self._batch)
            write_program(module, piece.shape, program, self._batch)
            off = differences(module, piece.shape, onnx, program, self._batch)
            for name in (CARD, INT8):  # whatever happens now, no card is of other files, and no file of another network
                (folder / name).unlink(missing_ok=True)
            for path in (onnx, program):
                path.replace(folder / path.name)
        with torch.no_grad():
            outputs = module(torch.zeros(1, *piece.shape)).shape[1]
        first = -1 if self._batch is None else self._batch  # as MLflow says that any will do
        return {
            "batch": show_batch(self._batch),
            "macs": count_macs(piece),
            "parameters": sum(weight.numel() for weight in module.parameters()),
            "weights": {
                "random": weights.random,
                "source": weights.source,
                "sha256": weights.sha256,
                "description": plain_text(self._told(weights)),
                "batchnorm_statistics_of_images": used,
            },
            "input": _input(size, first),
            "output": {
                "name": "output",
                "shape": [first, outputs],
                "what": "logits, in the order of the supernet's classes",
            },
            "files": {
                name: {
                    "bytes": (folder / name).stat().st_size,
                    "sha256": sha256_of(folder / name),
                    "difference_from_torch": off[name],
                }
                for name in (ONNX, PROGRAM)
            },
            "made": _made(),
        }


def init_batchnorm(module: torch.nn.Module, size: int) -> None:
    """Return a network of random weights BatchNorm statistics of noise.

    Without them its outputs hardly depend on its input, and nothing can be told from running it.

    Args:
        module: changed in place.
        size: height and width of its images.
    """
    noise = torch.randn((NOISE, 3, size, size), generator=torch.Generator().manual_seed(0))
    import_ofa("ofa.imagenet_classification.elastic_nn.utils").set_running_statistics(module.eval(), [(noise, None)])


def _kept(folder: Path, made_of: str) -> Card | None:
    """Read the card of files that are there already, whole and made of the same."""
    try:
        card = read_card(folder)
        same = card["made"]["of"] == made_of
        whole = same and all(sha256_of(folder / name) == card["files"][name]["sha256"] for name in (ONNX, PROGRAM))
        return card if whole else None
    except (InputError, OSError):
        return None


def _input(size: int, batch: int) -> dict[str, Any]:
    return {
        "name": "image",
        "shape": [batch, 3, size, size],
        "type": "float32",
        "what": "RGB / 255, minus the mean, divided by the standard deviation, per channel",
        "mean": list(MEAN),
        "standard_deviation": list(STD),
    }


def _made() -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "date": date.today().isoformat(),
        "ofa_bench": ofa_bench.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnx": version("onnx"),
        "opset": OPSET,
    }
