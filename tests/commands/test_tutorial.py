"""The tutorial, command by command, on a device whose latency is known: a file's parameters."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from ofa_bench.predictors import latency_table
from ofa_bench.spaces import MobileNetV3Space, hold
from ofa_bench.supernets.pieces import supernet
from ofa_bench.testing import check_cost

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
SPACE = MobileNetV3Space()
HELD = {"r": [160], "d": [2], "k": [3, 5], "e": [3, 4]}
PART = hold(SPACE, HELD)
"""The part of the page's space that is profiled and searched: 42 of its 440 pieces are exported."""
TIMER = '''
import math, onnx, os

known = {}

def timer(path):
    """A tenth of a millisecond for every thousand parameters; the second round never ends where there is ``stop``."""
    with open("calls", "a") as calls:
        calls.write("x")
    if os.path.exists("stop") and os.path.getsize("calls") > 60:
        raise KeyboardInterrupt
    if path not in known:
        weights = [weight.dims for weight in onnx.load(str(path)).graph.initializer if len(weight.dims) > 1]
        known[path] = sum(math.prod(dims) for dims in weights) / 1e4
    return known[path]
'''
QUICKER = {
    "profile": "space=part.yaml runner=my_timer.timer rounds=7 calibration=3 held_back=10",
    "run": "budget=quick 'space.choices={r: [160], d: [2], k: [3, 5], e: [3, 4]}'",
    "export": "runner=my_timer.timer rounds=2 weights=random controls=2",
}
"""What is added to the page's commands, by their names: a device that takes no time, and smaller settings."""
QUANTILES = "[0.01,0.1,0.3,0.6,0.9]", "[0.1,0.6]"
"""The page's targets, and the tests': each costs a network that is exported."""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def commands():
    """Return the page's commands by their names, without those that install and make a folder."""
    lines = [line for block in blocks("sh") for line in block.replace("\\\n", "").splitlines()]
    found = [line for line in lines if line.startswith(("python ", "ofa_bench "))]
    assert len(lines) - len(found) == 3
    names = ["run" if line.startswith("ofa_bench -m") else line.split()[1] for line in found]
    assert sum(QUANTILES[0] in line for line in found) == 1
    assert "profile space=mbv3 out=devices/mine rounds=10" in found[0]
    found[0] = found[0].replace("space=mbv3 ", "").replace(" rounds=10", "")
    found = [line.replace(*QUANTILES) for line in found]
    quicker = [f"{line} {QUICKER.get(name, '')}" for name, line in zip(names, found, strict=True)]
    return dict(zip(names, quicker, strict=True))


class Walk:
    """An empty folder in which the commands are run as they are written."""

    def __init__(self, folder, forks):
        self.folder, self.forks, self.commands = folder, forks, commands()
        (folder / "my_timer.py").write_text(TIMER)
        part = {"_target_": "ofa_bench.spaces.MobileNetV3Space", "choices": HELD}
        (folder / "part.yaml").write_text(json.dumps(part))
        (folder / "check.py").write_text(blocks("python")[0])

    def run(self, module, code=0):
        program, *words = shlex.split(self.commands[module])
        if program == "ofa_bench":
            done = self.forks.run("", tuple(words), self.folder)
        else:
            command = [sys.executable, *words]
            done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr
        return done

    @property
    def calls(self):
        return (self.folder / "calls").stat().st_size


@pytest.fixture(scope="module")
def walk(tmp_path_factory, forks):
    return Walk(tmp_path_factory.mktemp("tutorial"), forks)


def parameters(row):
    module = supernet(SPACE).subnet(PART.to_parent(row[None])[0]).build()
    return sum(weight.numel() for weight in module.parameters() if weight.dim() > 1) / 1e4


def test_profile(walk):
    """Interrupted in its second round it goes on; its table is exact."""
    assert list(walk.commands) == ["profile", "run", "report", "export", "check.py"]
    (walk.folder / "stop").touch()
    stopped = walk.run("profile", code=130)
    assert "what is exported and measured is kept" in stopped.stderr
    (walk.folder / "stop").unlink()
    (walk.folder / "calls").unlink()
    done = walk.run("profile")
    assert "use it: device=devices/mine" in done.stdout
    assert "measuring" in done.stderr
    assert walk.calls == 1 + 6 * (42 + 3 + 10)  # one to try, all rounds but the first
    device = walk.folder / "devices" / "mine"
    made = sorted(path.name for path in device.iterdir())
    assert made == ["mbv3.json", "mbv3.measurements.jsonl"]
    head, *rounds = map(json.loads, (device / made[1]).read_text().splitlines())
    assert len(head["files"]) == len(rounds[0]["ms"]) == 55
    assert len(rounds) == 7

    table = latency_table(PART, str(device))
    check_cost(table, PART)
    for row in PART.canonical(PART.sample(3, np.random.default_rng(0))):
        assert table.cost(row[None])[0] == pytest.approx(parameters(row), rel=1e-3)
    card = table.card
    assert card["held_back"]["max_error"] < 1e-3
    assert card["held_back"]["rank_correlation"] == 1
    assert card["protocol"]["rounds"] == 7
    assert card["runner"] == "my_timer.timer"
    assert {"date", "load_average", "calibration", "guard_band", "calibrating_networks_left_out"} <= set(card)
    assert "machine" not in card  # the device is elsewhere
    assert len(table.targets) == 10
    again = walk.run("profile", code=2)
    assert "already there; move it away or choose another out=" in again.stderr


def test_search(walk):
    walk.run("run")
    found = [json.loads(path.read_text()) for path in (walk.folder / "multirun").rglob("record.json")]
    assert {record["choices"]["strategy"] for record in found} == {"vanilla", "bottom_up", "joint"}
    table = latency_table(PART, str(walk.folder / "devices" / "mine"))
    for record in found:
        assert record["device"]["sha256"] == table.sha256
        assert len(record["targets"]) == 2


def test_report(walk):
    assert walk.run("report").stdout == "report/report.html\n"
    assert f"{PART.name} on mine" in (walk.folder / "report" / "report.html").read_text()
    [picture] = (walk.folder / "report" / "figures").glob("mbv3*_mine_measured_accuracy.png")
    assert picture.is_file()


def test_export(walk):
    """The table is exact on this device, so that all targets are met when measured."""
    done = walk.run("export")
    assert "2 of 2 (100%) are met when measured" in done.stdout
    assert "another device" not in done.stdout
    assert "weights are random" in done.stderr
    cards = [json.loads(path.read_text()) for path in (walk.folder / "export").glob("*/*/card.json")]
    for card in cards:
        assert (card["measured"]["statistic"], card["measured"]["table_statistic"]) == ("median", "median")
        assert card["measured"]["median_ms"] == pytest.approx(card["cost"], rel=1e-3)
        assert card["measured"]["median_ms"] <= card["target"]
    networks = list((walk.folder / "export").glob("*/*/network.onnx"))
    assert len(networks) == 2
    for path in networks:
        onnx.checker.check_model(str(path))
    assert "MLflow" in done.stdout


def test_check(walk):
    message = walk.run("check.py").stdout.splitlines()
    assert len(message) == 2
    assert all(re.fullmatch(r"target [\d.]+ ms: median of 30 runs [\d.]+ ms, 1000 classes", line) for line in message)


def test_pictures_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", PAGE.read_text())
    assert len(pictures) >= 3
    assert all((PAGE.parent / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
