import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ofa_bench.errors import InputError
from ofa_bench.profiling.rounds import MEASUREMENTS, export_all, measure
from ofa_bench.supernets.pieces import Piece

PATHS = [Path(f"{i:05d}.onnx") for i in range(6)]
ABOUT = {"plan": "abc", "runner": "made", "threads": 1}


class Runner:
    """A timer whose milliseconds depend on the file and the number of earlier calls; may raise an interrupt."""

    def __init__(self, before=0, stop_after=10**9):
        self.asked, self.before, self.stop_after = [], before, stop_after

    def __call__(self, path):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(path)
        return [1.0 + int(path.stem), 100.0 + self.before + len(self.asked)]


def test_every_file_once_a_round_in_shuffled_orders(tmp_path):
    runner = Runner()
    times, load = measure(PATHS, runner, tmp_path, ABOUT, rounds=4, seed=0)
    assert times.shape == (6, 4, 2)
    assert times[:, 2, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert sorted(times[:, 3, 1].tolist()) == [119, 120, 121, 122, 123, 124]
    rounds = [runner.asked[i : i + 6] for i in range(0, 24, 6)]
    assert all(sorted(one) == PATHS for one in rounds)
    assert len({tuple(one) for one in rounds}) == 4
    assert len(load) == 4


def test_interrupted_it_goes_on_with_the_next_round(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        measure(PATHS, Runner(stop_after=15), tmp_path, ABOUT, rounds=4, seed=0)
    again, never_stopped = Runner(before=12), Runner()
    times, _ = measure(PATHS, again, tmp_path, ABOUT, rounds=4, seed=0)
    whole, _ = measure(PATHS, never_stopped, tmp_path / "other", ABOUT, rounds=4, seed=0)
    assert again.asked == never_stopped.asked[12:]  # two rounds were whole
    assert (times == whole).all()


def test_a_line_cut_off_is_measured_again(tmp_path):
    measure(PATHS, Runner(), tmp_path, ABOUT, rounds=2, seed=0)
    kept = tmp_path / MEASUREMENTS
    kept.write_text(kept.read_text()[:-30])
    again = Runner()
    times, _ = measure(PATHS, again, tmp_path, ABOUT, rounds=2, seed=0)
    assert len(again.asked) == 6
    assert times.shape == (6, 2, 2)
    assert [json.loads(line).get("round") for line in kept.read_text().splitlines()] == [None, 0, 1]


def test_measurements_of_something_else_are_refused(tmp_path):
    measure(PATHS, Runner(), tmp_path, ABOUT, rounds=1, seed=0)
    with pytest.raises(InputError, match=r"another profile \(other runner\); move the folder away or choose another"):
        measure(PATHS, Runner(), tmp_path, ABOUT | {"runner": "phone"}, rounds=1, seed=0)


def test_another_runner_is_welcome_where_no_round_was_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        measure(PATHS, Runner(stop_after=3), tmp_path, ABOUT, rounds=1, seed=0)
    times, _ = measure(PATHS, Runner(), tmp_path, ABOUT | {"runner": "phone"}, rounds=1, seed=0)
    assert times.shape == (6, 1, 2)
    assert json.loads((tmp_path / MEASUREMENTS).read_text().splitlines()[0])["runner"] == "phone"


def test_every_call_gives_as_many_times(tmp_path):
    with pytest.raises(
        InputError,
        match=r"returned 1 times for 00003.onnx, but 3 for other files|returned 3 times .*, but 1 for other files",
    ):
        measure(PATHS, lambda path: [1.0] if path.stem == "00003" else [9.0, 1.0, 1.0], tmp_path, ABOUT, 2, seed=0)


def test_a_file_belongs_to_its_piece(tmp_path):
    """A file left by another plan is never taken for one of this plan's."""

    def item(key, width):
        return Piece(key, (3, 4, 4), lambda: torch.nn.Conv2d(3, width, 1))

    first = export_all({"a": item("a", 1), "b": item("b", 2)}, tmp_path)
    stamp = first[0].stat().st_mtime_ns
    second = export_all({"c": item("c", 64), "a": item("a", 1)}, tmp_path)
    assert second[1] == first[0]
    assert first[0].stat().st_mtime_ns == stamp
    assert second[0] not in first
    assert second[0].stat().st_size > first[1].stat().st_size


def test_files_that_share_their_weights(tmp_path):
    """Each runs with the right shapes, takes no room, and its weights do not overlap."""

    def item(width):
        layers = [torch.nn.Conv2d(3, width, 3), torch.nn.Conv2d(width, 600, 1)]
        return Piece(str(width), (3, 4, 4), lambda: torch.nn.Sequential(*layers))

    paths = export_all({str(width): item(width) for width in (500, 900)}, tmp_path, shared=True)
    assert sum(path.stat().st_size for path in paths) < 20_000
    for path, width in zip(paths, (500, 900), strict=True):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        output = session.run(None, {"image": np.ones((1, 3, 4, 4), np.float32)})[0]
        assert output.shape == (1, 600, 2, 2)
        assert np.abs(output).min() > 1e-6
        tensors = onnx.load(path, load_external_data=False).graph.initializer
        places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in tensors]
        spans = sorted((int(one["offset"]), int(one["offset"]) + int(one["length"])) for one in places if one)
        assert spans[-1][1] >= 4 * width * 600
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    alone = export_all({"500": item(500)}, tmp_path)
    assert alone[0] not in paths
    assert alone[0].stat().st_size > 4 * 500 * 600
