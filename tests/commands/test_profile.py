"""What ``profile`` refuses; the test of the tutorial runs a whole profile."""

import math
import sys

import numpy as np
import pytest

from ofa_bench.commands.cli.main import run_command
from ofa_bench.commands.profile import Options, make_table, profile
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.profiling.plan import make_plan
from ofa_bench.profiling.runners import describe_machine
from ofa_bench.spaces import MobileNetV3Space, hold
from ofa_bench.supernets.pieces import supernet

SPACE = MobileNetV3Space()
CARD = {"device": "x", "statistic": "median"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rounds": 6}, "rounds=6: must be 7 or more"),
        ({"held_back": 9}, "held_back=9: must be 10 or more"),
        (
            {"space": "mbv2"},
            "space=mbv2: no such option; there are accel_nasbench, compofa, mbv3, mbv3_w1.0, nasbench_macro, "
            "proxyless, resnet50d, or a YAML file; did you mean 'mbv3'",
        ),
        ({"space": "compofa"}, "space=compofa: a part of mbv3, whose supernet builds its networks"),
        ({"statistic": "p50"}, "statistic=p50: must be p10, median, p90"),
        ({"out": "devices/note10"}, "out=devices/note10: there is a device note10 already; choose another name"),
        ({"runner": "nothing.at_all"}, "runner=nothing.at_all: neither onnxruntime, nor a command"),
    ],
)
def test_bad_options_are_refused(change, message, tmp_path):
    with pytest.raises(InputError, match=message):
        profile(Options(**({"out": str(tmp_path)} | change)))


def test_a_failing_runner_is_reported_before_minutes_are_spent(tmp_path, monkeypatch):
    (tmp_path / "bad_timer.py").write_text("def timer(path):\n    raise OSError('no phone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"runner=bad_timer.timer: OSError on \w+.onnx: no phone"):
        profile(Options(out=str(tmp_path / "x"), runner="bad_timer.timer"))
    assert len(list((tmp_path / "x/mbv3.unfinished/onnx").iterdir())) == 1


def test_times_that_tell_nothing_make_no_table(tmp_path):
    plan = make_plan(supernet(SPACE), latency_table(SPACE, "macs"), 3, 10, 0)
    with pytest.raises(InputError, match=r"cannot tell networks apart, all take about 3.5 ms"):
        make_table(SPACE, plan, np.full((len(plan.items), 7, 1), 3.5), tmp_path / "mbv3.json", CARD)
    assert not (tmp_path / "mbv3.json").exists()


@pytest.mark.parametrize(("statistic", "percent"), [("p10", 10), ("median", 50), ("p90", 90)])
def test_a_table_is_of_the_statistic_asked_for(statistic, percent, tmp_path, monkeypatch):
    """Runs of a piece take 1 to 5 times what it does: the 10th percentile, the median, the 90th differ."""
    monkeypatch.setattr("ofa_bench.search.default_targets", lambda *_: [60.0])
    plan = make_plan(supernet(SPACE), latency_table(SPACE, "macs"), 3, 10, 0)
    rng = np.random.default_rng(0)
    runs = np.linspace(1, 5, 7)[None, :, None]
    names = {network.key for network in plan.networks}
    size = [50 + 10 * rng.random() if key in names else 1 + rng.random() for key in plan.items]
    make_table(
        SPACE, plan, np.array(size)[:, None, None] * runs, tmp_path / "mbv3.json", CARD | {"statistic": statistic}
    )
    table = latency_table(SPACE, str(tmp_path))
    assert table.card["statistic"] == statistic
    assert set(table.card["protocol"]["split_half_difference"]) == {"p10", "median", "p90"}
    networks = np.array([s for s, key in zip(size, plan.items, strict=True) if key in names])
    assert table.cost(plan.calibration).mean() == pytest.approx(
        networks.mean() * np.percentile(runs, percent), rel=0.15
    )


def test_help_tells_the_options(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ofa_bench"])
    with pytest.raises(SystemExit) as stopped:
        run_command("profile", ["--help"])
    assert stopped.value.code == 0
    message = capsys.readouterr().out
    assert all(f"  {key}={value}" in message for key, value in vars(Options()).items())


def test_the_machine_is_described():
    assert {"system", "processor", "cores"} == set(describe_machine())


TIMER = "def timer(path):\n    return float(path.read_text())\n"
HELD = "_target_: ofa_bench.spaces.MobileNetV3Space\nchoices: {r: [192], k: [3, 5], e: [3, 4]}\n"


def weights(module):
    return [weight.shape for weight in module.parameters() if weight.dim() > 1]


def write_time(module, _, path, batch=1):
    """Write a tenth of a millisecond for every thousand weights, in place of a network without 7x7 kernels."""
    assert (7, 7) not in [tuple(shape[2:]) for shape in weights(module)]
    path.write_text(str(sum(map(math.prod, weights(module))) / 1e4))


def test_a_part_of_a_space_is_measured_alone(tmp_path, monkeypatch):
    """On a device that cannot run what the part leaves out; its table serves the part and smaller ones."""
    (tmp_path / "npu_timer.py").write_text(TIMER)
    (tmp_path / "npu.yaml").write_text(HELD)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ofa_bench.profiling.rounds.write_onnx", write_time)
    monkeypatch.setattr("ofa_bench.search.saturation.COSTS", 5)
    options = {"out": "npu", "runner": "npu_timer.timer", "rounds": 7, "calibration": 3, "held_back": 10}
    profile(Options(space="npu.yaml", **options))
    part = load_space("npu.yaml")
    table = latency_table(part, "npu")
    assert table.card["part"] == part.name == "mbv3,r=192,k=3-5,e=3-4"
    assert table.card["protocol"]["pieces"] == 42  # of 440
    assert table.card["held_back"]["max_error"] < 1e-3
    rows = part.canonical(part.sample(3, np.random.default_rng(0)))
    for row, cost in zip(rows, table.cost(rows), strict=True):
        net = supernet(SPACE).subnet(part.to_parent(row[None])[0]).build()
        assert cost == pytest.approx(sum(map(math.prod, weights(net))) / 1e4, rel=1e-3)
    assert len(table.targets) == 10
    assert min(table.targets) >= table.minimum
    fewer = hold(SPACE, {"r": [192], "k": [3], "e": [3]})
    assert latency_table(fewer, "npu").minimum == table.minimum
    with pytest.raises(InputError) as error:
        latency_table(hold(SPACE, {"r": [192], "k": [3, 7]}), "npu")
    assert str(error.value) == (
        "device=npu/mbv3.json: measured for mbv3,r=192,k=3-5,e=3-4 only; hold the space to that: "
        "space.choices='{r: [192], k: [3], e: [3, 4]}'"
    )
