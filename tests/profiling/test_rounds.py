import json
from pathlib import Path

import pytest

from ofa_bench.errors import InputError
from ofa_bench.profiling.rounds import MEASUREMENTS, measure

PATHS = [Path(f"{i:05d}.onnx") for i in range(6)]
ABOUT = {"plan": "abc", "runner": "made", "threads": 1}


class Runner:
    """Milliseconds that tell the file; keeps what it was asked, and may be interrupted."""

    def __init__(self, stop_after=10**9):
        self.asked, self.stop_after = [], stop_after

    def __call__(self, path):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(path)
        return [1.0 + int(path.stem), 2.0 + int(path.stem)]


def test_every_file_once_a_round_in_shuffled_orders(tmp_path):
    runner = Runner()
    times, load = measure(PATHS, runner, tmp_path, ABOUT, rounds=4, seed=0)
    assert times.shape == (6, 4, 2)
    assert times[:, 2, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert times[:, 3, 1].tolist() == [2, 3, 4, 5, 6, 7]
    rounds = [runner.asked[i : i + 6] for i in range(0, 24, 6)]
    assert all(sorted(one) == PATHS for one in rounds)
    assert len({tuple(one) for one in rounds}) == 4
    assert len(load) == 4


def test_interrupted_it_goes_on_with_the_next_round(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        measure(PATHS, Runner(stop_after=15), tmp_path, ABOUT, rounds=4, seed=0)
    again = Runner()
    times, _ = measure(PATHS, again, tmp_path, ABOUT, rounds=4, seed=0)
    assert len(again.asked) == 12  # two rounds were whole
    whole, _ = measure(PATHS, Runner(), tmp_path / "other", ABOUT, rounds=4, seed=0)
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
    with pytest.raises(InputError, match=r"another profile \(other runner\); move it away or choose another out="):
        measure(PATHS, Runner(), tmp_path, ABOUT | {"runner": "phone"}, rounds=1, seed=0)
