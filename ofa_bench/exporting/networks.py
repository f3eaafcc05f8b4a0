"""Builds networks with the supernets of their spaces, and writes their files and cards."""

import hashlib
import json
import platform
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from ofa_bench.config.batches import Batch, show_batch
from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import CARD, INT8, ONNX, PROGRAM, Card, describe_network, read_card, write_card
from ofa_bench.exporting.found import FoundNetwork, resolve_space
from ofa_bench.files.reading import plain_text
from ofa_bench.files.writing import work_folder
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.spaces import DesignSpace
from ofa_bench.supernets.checkpoints import Weights, load_weights, recalibrate
from ofa_bench.supernets.images import MEAN, STD, Images
from ofa_bench.supernets.network_files import OPSET, differences, write_onnx, write_program
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import Piece, Supernet, count_macs, count_parameters, supernet
from ofa_bench.version import __version__

__all__ = ["Exporter", "init_batchnorm"]

NOISE = 8
"""The number of noise images for the BatchNorm statistics of random weights."""


class Exporter:
    """A writer of networks below a folder, which loads each supernet and its weights once.

    Args:
        out: the output folder; each network has its own subfolder.
        weights: ``auto``, ``random`` or the path of a checkpoint (see ``checkpoints.load_weights``).
        sha256: the required SHA-256 of the checkpoint; empty for any.
        images: a folder of images for BatchNorm statistics, or None.
        n_images: the most images to use.
        batch: the number of images that the networks take at a time; None for any number.
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

    def describe_weights(self, found: FoundNetwork) -> str:
        """Return a description of a network's weights and BatchNorm statistics, with the reason if they are missing.

        Raises:
            InputError: they cannot be loaded, or no supernet builds the network.
        """
        weights = self._load_subnet(found)[1]
        return f"{self._describe(weights)}{f' ({weights.hint})' if weights.hint else ''}"

    def _describe(self, weights: Weights) -> str:
        if self._images is not None:
            used = min(self._n_images, len(self._images))
            return (
                f"{weights.description}; BatchNorm statistics are computed on {used:,} images of {self._images.folder}"
            )
        if weights.random:
            return weights.description
        return (
            f"{weights.description}; BatchNorm statistics are those of the supernet, not of this network, which lowers "
            "its accuracy; give images=<a folder> to recompute them"
        )

    def _load_subnet(self, found: FoundNetwork) -> tuple[Supernet, Weights, Piece]:
        space, row = resolve_space(found.architecture, found.space, found.described)
        net, weights = self._loaded(space)
        return net, weights, net.subnet(row)

    def write(self, found: FoundNetwork) -> tuple[Path, Card]:
        """Write a network's ONNX file, its ``torch.export`` program and, last, its card; return its folder and card.

        Existing files of the same network and weights are kept, with their measurements.

        Raises:
            InputError: the weights or images cannot be read, or onnx is not installed.
            OSError: the folder cannot be written.
            RuntimeError: the outputs of a file differ from those of the network.
        """
        _, weights, piece = self._load_subnet(found)
        folder, made_of = self._out / found.folder, self._hash_sources(found, weights)
        there = _read_existing(folder, made_of)
        if there is None:
            built = self._write_files(folder, piece, weights)
            card = describe_network(found, built | {"made": built["made"] | {"of": made_of}})
        else:
            kept = ["batch", "macs", "parameters", "weights", "input", "output", "files", "made", "int8"]
            card = describe_network(found, {key: there[key] for key in kept if key in there})
            if there["hashes"]["device"] == found.hashes["device"]:
                card["measured"] = there["measured"]
            elif "int8" in card:
                card["int8"] = card["int8"] | {"measured": None}
        write_card(folder, card)
        return folder, card

    def count_classes(self, found: FoundNetwork) -> int:
        """Return the number of classes of a network."""
        return self._load_subnet(found)[0].classes

    def count_parameters(self, found: FoundNetwork) -> int:
        """Return the number of parameters of a network; 0 if its files are already there."""
        _, weights, piece = self._load_subnet(found)
        if _read_existing(self._out / found.folder, self._hash_sources(found, weights)) is not None:
            return 0
        return count_parameters(piece)

    def find_more_accurate(self, found: FoundNetwork) -> Card | None:
        """Return the card of the network that this one replaces, if its predicted accuracy is higher."""
        try:
            there = read_card(self._out / found.folder)
        except InputError:
            return None
        return there if there["accuracy"] > found.accuracy else None

    def _hash_sources(self, found: FoundNetwork, weights: Weights) -> str:
        """Return a hash of everything that determines the content of the files."""
        images = [] if self._images is None else [self._digest, self._n_images]
        versions = [__version__, torch.__version__]
        batch = [] if self._batch == 1 else [show_batch(self._batch)]
        space, _ = resolve_space(found.architecture, found.space, found.described)
        content = [found.architecture, space.supernet, weights.sha256, images, *batch, *versions]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _write_files(self, folder: Path, piece: Piece, weights: Weights) -> Card:
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
            for name in (CARD, INT8):  # so that no card ever describes other files, nor another network's file stays
                (folder / name).unlink(missing_ok=True)
            for path in (onnx, program):
                path.replace(folder / path.name)
        with torch.no_grad():
            outputs = module(torch.zeros(1, *piece.shape)).shape[1]
        first = -1 if self._batch is None else self._batch  # MLflow's sign for any number
        return {
            "batch": show_batch(self._batch),
            "macs": count_macs(piece),
            "parameters": sum(weight.numel() for weight in module.parameters()),
            "weights": {
                "random": weights.random,
                "source": weights.source,
                "sha256": weights.sha256,
                "description": plain_text(self._describe(weights)),
                "batchnorm_statistics_of_images": used,
            },
            "input": {
                "name": "image",
                "shape": [first, 3, size, size],
                "type": "float32",
                "what": "RGB / 255, minus the mean, divided by the standard deviation, per channel",
                "mean": list(MEAN),
                "standard_deviation": list(STD),
            },
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
            "made": {
                "date": date.today().isoformat(),
                "ofa_bench": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "onnx": version("onnx"),
                "opset": OPSET,
            },
        }


def init_batchnorm(module: torch.nn.Module, size: int) -> None:
    """Set the BatchNorm statistics of a network of random weights to those of noise.

    Otherwise its outputs hardly depend on its input, and its files could not be checked by running them.

    Args:
        module: the network; changed in place.
        size: height and width of its images.
    """
    noise = torch.randn((NOISE, 3, size, size), generator=torch.Generator().manual_seed(0))
    import_ofa("ofa.imagenet_classification.elastic_nn.utils").set_running_statistics(module.eval(), [(noise, None)])


def _read_existing(folder: Path, made_of: str) -> Card | None:
    """Return the card of existing files that are complete and have the same sources; else None."""
    try:
        card = read_card(folder)
        whole = all(sha256_of(folder / name) == card["files"][name]["sha256"] for name in (ONNX, PROGRAM))
        return card if whole and card["made"]["of"] == made_of else None
    except (InputError, OSError):
        return None
