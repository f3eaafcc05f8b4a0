"""Quantises exported networks to INT8 with onnxruntime, and compares their outputs with those in FP32."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import INT8, ONNX, Card, write_card
from ofa_bench.files.writing import work_folder
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.supernets.images import Images
from ofa_bench.supernets.network_files import open_session
from ofa_bench.tracking.quiet import logging_disabled

__all__ = ["Quantiser", "describe_int8", "int8_metrics", "need_onnxruntime", "quantise"]

BATCH = 8
"""Images a batch for networks that take any number."""


def need_onnxruntime() -> None:
    """Raise InputError if onnxruntime is not installed."""
    if find_spec("onnxruntime") is None:
        raise InputError("quantize=int8: needs onnxruntime: pip install onnxruntime")


class Quantiser:
    """A quantiser of exported networks, which calibrates and tests all of them on the same images.

    Args:
        images: the images; their classes may be unknown.
        n_calibration: the most images for calibration of the activations' ranges.
        n_test: the most images on which INT8 is compared with FP32; other ones, as far as there are enough.
    """

    def __init__(self, images: Images, n_calibration: int, n_test: int) -> None:
        order = np.random.default_rng(0).permutation(len(images))
        self._images, self._rows = images, np.sort(order[-n_test:])
        self._calibration, self._test = images.only(np.sort(order[:n_calibration])), images.only(self._rows)
        self._overlap = max(0, len(self._calibration) + len(self._test) - len(images))
        self._labels: dict[int, NDArray[np.int64] | None] = {}

    @cached_property
    def _digest(self) -> str:
        return self._images.digest()

    def find_classes(self, outputs: int) -> str:
        """Read the classes of the images for networks with this number of outputs; return why if they are unknown.

        Raises:
            InputError: the file of classes that was given does not have them.
        """
        try:
            self._labels[outputs] = self._images.labels(outputs)[self._rows]
        except InputError as error:
            if self._images.classes is not None:
                raise
            self._labels[outputs] = None
            return f"top-1 of INT8 and FP32 is unknown, only how often they differ: {error}"
        return ""

    def write(self, folder: Path, card: Card) -> tuple[Path, Card]:
        """Write a network's INT8 file beside its ONNX file, and update its card; return its folder and card.

        A complete file with the same sources is kept.

        Raises:
            InputError: an image cannot be read.
            OSError: the folder cannot be written.
        """
        made_of = self._hash_sources(card)
        if not _is_current(folder, card, made_of):
            with work_folder(folder) as place:
                path = place / INT8
                quantise(folder / ONNX, path, ({"image": pixels} for pixels, _ in _batches(self._calibration, card)))
                found = self._compare(folder / ONNX, path, card)
                write_card(folder, {key: value for key, value in card.items() if key != "int8"})
                path.replace(folder / INT8)
            file = {"bytes": (folder / INT8).stat().st_size, "sha256": sha256_of(folder / INT8)}
            card = card | {"int8": {**found, "file": file, "of": made_of, "measured": None}}
            write_card(folder, card)
        return folder, card

    def _hash_sources(self, card: Card) -> str:
        """Return a hash of everything that determines the file and its comparison."""
        from importlib.metadata import version

        labels = self._labels.get(_outputs(card))
        classes = None if labels is None else hashlib.sha256(labels.tobytes()).hexdigest()
        content = [card["files"][ONNX]["sha256"], self._digest, len(self._calibration), len(self._test), classes]
        return hashlib.sha256(json.dumps([*content, version("onnxruntime")]).encode()).hexdigest()[:16]

    def _compare(self, onnx: Path, int8: Path, card: Card) -> dict[str, Any]:
        """Return how often the first classes of the two files differ on the test images, and their top-1 if known."""
        sessions, found = (open_session(onnx), open_session(int8)), list[NDArray[np.intp]]()
        for pixels, n in _batches(self._test, card):
            found.append(np.array([one.run(None, {"image": pixels})[0][:n].argmax(axis=1) for one in sessions]))
        fp32, quantised = np.concatenate(found, axis=1)
        labels = self._labels.get(_outputs(card))
        return {
            "calibration_images": len(self._calibration),
            "test_images": len(self._test),
            "tested_on_calibration_images": self._overlap,
            "differs": float((fp32 != quantised).mean()),
            "fp32_top1": None if labels is None else float((fp32 == labels).mean()),
            "int8_top1": None if labels is None else float((quantised == labels).mean()),
        }


def quantise(onnx: Path, path: Path, batches: Iterator[Mapping[str, NDArray[np.float32]]]) -> None:
    """Write a network in INT8, calibrated on batches: float32 [n, 3, r, r] by the name of the network's input."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> Any:
            return next(batches, None)

    prepared = path.with_name("prepared.onnx")
    with _quietly():
        quant_pre_process(str(onnx), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(path), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8,  # faster than signed ones on the one CPU that was tried
        )  # fmt: skip


def describe_int8(card: Card) -> str:
    """Return a sentence on the accuracy of a network's INT8 file; empty if there is none."""
    one = card.get("int8")
    if not one:
        return ""
    message = f"INT8 predicts another first class than FP32 on {one['differs']:.1%} of {one['test_images']:,} images"
    if one["int8_top1"] is not None:
        points = 100 * (one["int8_top1"] - one["fp32_top1"])
        message += f"; top-1 is {one['int8_top1']:.1%}, for FP32 {one['fp32_top1']:.1%} ({points + 0.0:+.1f} points)"
    if one["tested_on_calibration_images"]:
        message += f"; {one['tested_on_calibration_images']:,} of the images were also used for calibration"
    if card["weights"].get("random"):
        message += "; weights are random, so this says nothing about accuracy"
    return message


def int8_metrics(card: Card) -> dict[str, float]:
    """Return the known numbers of a network's INT8 file: fractions of 1, milliseconds and bytes."""
    one = card.get("int8")
    if not one:
        return {}
    timed = one["measured"] or {}
    found = {
        "int8_differs": one["differs"],
        "int8_top1": one["int8_top1"],
        "fp32_top1": one["fp32_top1"],
        "int8_ms": timed.get(f"{timed.get('statistic', 'median')}_ms"),
        "int8_median_ms": timed.get("median_ms"),
        "int8_bytes": one["file"]["bytes"],
    }
    return {key: value for key, value in found.items() if value is not None}


def _is_current(folder: Path, card: Card, made_of: str) -> bool:
    """Return whether the file exists, is complete and has the same sources."""
    one = card.get("int8")
    if not one or one["of"] != made_of:
        return False
    try:
        return bool(sha256_of(folder / INT8) == one["file"]["sha256"])
    except OSError:
        return False


def _outputs(card: Card) -> int:
    return int(card["output"]["shape"][1])


def _batches(images: Images, card: Card) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Yield batches of images for a network, and how many of each are real: the last batch is padded."""
    batch, size = card["input"]["shape"][0], card["input"]["shape"][-1]
    for pixels in images.batches(size, BATCH if batch < 0 else batch):
        found = pixels.numpy()
        missing = 0 if batch < 0 else batch - len(found)
        yield np.concatenate([found, np.repeat(found[-1:], missing, axis=0)]), len(found)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the messages of onnxruntime about each node."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    try:
        with logging_disabled(logging.WARNING):
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)
