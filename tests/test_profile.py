"""A whole profile, on a device whose latency is known: a file's parameters."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ofa_bench import profile as module
from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.profile import Options, make_table, profile
from ofa_bench.profiling.plan import make_plan
from ofa_bench.profiling.runners import machine
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.supernets import supernet
from ofa_bench.testing import check_cost

SPACE = MobileNetV3Space()
TIMER = '''
import math, onnx, os

known = {}

def timer(path):
    """A tenth of a millisecond for every thousand parameters; the second round never ends."""
    from pathlib import Path
    with open("calls", "a") as calls:
        calls.write("x")
    if os.path.exists("stop") and os.path.getsize("calls") > 500:
        raise KeyboardInterrupt
    if path not in known:
        weights = [weight.dims for weight in onnx.load(str(path)).graph.initializer if len(weight.dims) > 1]
        known[path] = sum(math.prod(dims) for dims in weights) / 1e4
    return known[path]
'''


def parameters(row):
    module = supernet(SPACE).subnet(row).build()
    return sum(weight.numel() for weight in module.parameters() if weight.dim() > 1) / 1e4


def test_profile_from_the_command_line(tmp_path):
    """Interrupted in its second round it goes on; its table is exact and searched on at once."""
    (tmp_path / "my_timer.py").write_text(TIMER)
    (tmp_path / "stop").touch()
    command = ["space=mbv3", "out=devices/phone", "runner=my_timer.timer", "rounds=7", "calibration=3", "held_back=10"]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    stopped = run("ofa_bench.profile", *command)
    assert stopped.returncode == 130, stopped.stderr
    assert "what is exported and measured is kept" in stopped.stderr
    (tmp_path / "stop").unlink()
    (tmp_path / "calls").unlink()
    done = run("ofa_bench.profile", *command)
    assert done.returncode == 0, done.stderr
    assert "use it: device=devices/phone" in done.stdout
    assert "measuring" in done.stderr
    assert (tmp_path / "calls").stat().st_size == 1 + 6 * (440 + 15 + 10)  # one to try, all rounds but the first
    made = sorted(path.name for path in (tmp_path / "devices/phone").iterdir())
    assert made == ["mbv3.json", "mbv3.measurements.jsonl"]
    head, *rounds = map(json.loads, (tmp_path / "devices/phone" / made[1]).read_text().splitlines())
    assert len(head["files"]) == len(rounds[0]["ms"]) == 465
    assert len(rounds) == 7

    table = latency_table(SPACE, str(tmp_path / "devices/phone"))
    check_cost(table, SPACE)
    for row in SPACE.canonical(SPACE.sample(3, np.random.default_rng(0))):
        assert table.cost(row[None])[0] == pytest.approx(parameters(row), rel=1e-3)
    card = table.card
    assert card["held_back"]["max_error"] < 1e-3
    assert card["held_back"]["rank_correlation"] == 1
    assert card["protocol"]["rounds"] == 7
    assert card["runner"] == "my_timer.timer"
    assert {"date", "load_average", "calibration", "guard_band", "calibrating_networks_left_out"} <= set(card)
    assert "machine" not in card  # the device is elsewhere
    assert len(table.targets) == 10

    searched = run("ofa_bench", "device=devices/phone", "budget=quick", "tracking=none")
    assert searched.returncode == 0, searched.stderr
    record = json.loads(next((tmp_path / "multirun").rglob("record.json")).read_text())
    assert record["targets"] == list(table.targets)
    assert record["device"]["sha256"] == table.sha256
    again = run("ofa_bench.profile", *command)
    assert again.returncode == 2
    assert "already there; move it away or choose another out=" in again.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rounds": 6}, "rounds=6: must be 7 or more"),
        ({"held_back": 9}, "held_back=9: must be 10 or more"),
        (
            {"space": "mbv2"},
            "space=mbv2: no such option; there are compofa, mbv3, proxyless, resnet50d; did you mean 'mbv3'",
        ),
        ({"space": "compofa"}, "a part of mbv3; its table serves, profile that"),
        ({"out": "devices/note10"}, "out=devices/note10: there is a device note10 already; choose another name"),
        ({"runner": "nothing.at_all"}, "runner=nothing.at_all: neither onnxruntime, nor a command"),
    ],
)
def test_bad_options_are_refused(change, said, tmp_path):
    with pytest.raises(InputError, match=said):
        profile(Options(**({"out": str(tmp_path)} | change)))


def test_a_runner_that_fails_is_said_before_minutes_are_spent(tmp_path, monkeypatch):
    (tmp_path / "bad_timer.py").write_text("def timer(path):\n    raise OSError('no phone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"runner=bad_timer.timer: OSError on \w+.onnx: no phone"):
        profile(Options(out=str(tmp_path / "x"), runner="bad_timer.timer"))
    assert len(list((tmp_path / "x/mbv3.unfinished/onnx").iterdir())) == 1


def test_times_that_tell_nothing_make_no_table(tmp_path):
    plan = make_plan(supernet(SPACE), latency_table(SPACE, "macs"), 3, 10, 0)
    with pytest.raises(InputError, match=r"cannot tell networks apart, all take about 3.5 ms"):
        make_table(SPACE, plan, np.full((len(plan.items), 7, 1), 3.5), tmp_path / "mbv3.json", {"device": "x"})
    assert not (tmp_path / "mbv3.json").exists()


def test_help_tells_the_options(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["profile", "--help"])
    with pytest.raises(SystemExit) as stopped:
        module.main()
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert all(f"  {key}={value}" in said for key, value in vars(Options()).items())


def test_the_machine_is_described():
    assert {"system", "processor", "cores"} == set(machine())
