"""Files from outside are data: nothing in them is executed or unpickled, or chooses where to write."""

import ast
import hashlib
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from bad_files import ADDRESS, QUICK
from plain import change_record

from ofa_bench.errors import InputError
from ofa_bench.predictors import assets, embedded, embedded_predictor, official_predictor
from ofa_bench.records import record as records
from ofa_bench.records.attempts import folder_of
from ofa_bench.records.gather import Gathered
from ofa_bench.records.schema import parse
from ofa_bench.report.page import write_report
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.tracking import fetching

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted(path for folder in ("ofa_bench", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def calls(path):
    """Return the calls in a file: what is called, and the keywords that are constants."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            constants = {one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)}
            yield ast.unparse(node.func), constants


def test_the_bomb_goes_off_where_it_is_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "marker"))).close()
    assert (tmp_path / "marker").exists()


def test_nothing_is_loaded_that_may_be_code():
    found = [call for path in CODE for call in calls(path)]
    assert {one["weights_only"] for name, one in found if name == "torch.load"} == {True}
    assert {one["allow_pickle"] for name, one in found if name == "np.load"} == {False}
    assert not [name for name, _ in found if re.fullmatch(r"(yaml\.(?!safe)\w*load\w*|eval|exec|pickle\.\w+)", name)]
    assert not [name for name, one in found if one.get("shell")]


def test_a_checkpoint_is_not_opened_before_its_hash_is_right(tmp_path, monkeypatch):
    path = tmp_path / "ofa" / "acc_predictor.pth"
    path.parent.mkdir()
    torch.save({"0.weight": Bomb(tmp_path / "marker")}, path)
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path))
    with pytest.raises(InputError, match="the file was altered or cut off"):
        official_predictor(MobileNetV3Space())
    assert not (tmp_path / "marker").exists()


def test_a_checkpoint_of_the_right_hash_is_read_as_numbers(tmp_path, monkeypatch):
    path = tmp_path / "ofa" / "acc_predictor.pth"
    path.parent.mkdir()
    torch.save({"0.weight": Bomb(tmp_path / "marker")}, path)
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path))
    monkeypatch.setitem(assets.ASSETS, "ofa/acc_predictor.pth", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match=r"buffer is smaller|offset must be"):
        official_predictor(MobileNetV3Space())
    assert not (tmp_path / "marker").exists()


def test_weights_of_our_own_are_arrays_only(tmp_path, monkeypatch):
    bomb = np.empty(1, object)
    bomb[0] = Bomb(tmp_path / "marker")
    np.savez(tmp_path / "mbv3.npz", weight0=bomb, bias0=bomb)
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        embedded_predictor(MobileNetV3Space())
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("tag", ["os.mkdir", "builtins.open"])
def test_options_of_a_user_are_no_python(tag, forks, tmp_path):
    (tmp_path / "conf" / "device").mkdir(parents=True)
    text = f"device: !!python/object/apply:{tag} [marker]\n_target_: ofa_bench.predictors.latency_table\n"
    (tmp_path / "conf" / "device" / "mine.yaml").write_text(text)
    done = forks.run("run", ("--config-dir", "conf", *QUICK, "device=mine"), tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "marker").exists()
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)


EVIL = "from pathlib import Path\nPath('marker').touch()\nclass Space: pass\n"

CONFIGS = [
    {"_target_": "os.mkdir", "path": "marker"},
    {"_target_": "evil.Space"},
    {"_target_": "ofa_bench.spaces.CompoundSpace", "kernels": {"_target_": "os.mkdir", "path": "marker"}},
    {"_target_": "ofa_bench.spaces.part.resolve_name", "name": "evil"},
]


@pytest.fixture(scope="module")
def found(forks, tmp_path_factory):
    """Return the record of a command."""
    folder = tmp_path_factory.mktemp("found")
    assert forks.run("run", QUICK, folder).returncode == 0
    return json.loads((folder / "multirun" / ADDRESS / "record.json").read_text())


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["_target_"])
def test_what_a_record_names_is_not_called_or_imported(config, found, forks, tmp_path):
    (tmp_path / "evil.py").write_text(EVIL)
    folder = tmp_path / "in"
    folder.mkdir()
    changed = found | {"config": dict.fromkeys(found["config"], config)}
    (folder / "record.json").write_text(json.dumps(changed))
    shown = forks.run("report", ("in", "out=r"), tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    started = ("strategy=bottom_up", "strategy.warm_start.from=in")
    for words in ((*QUICK, *started), ("records=in", "out=out")):
        forks.run("frontier" if words[0] == "records=in" else "run", words, tmp_path)
    assert not (tmp_path / "marker").exists()


MARKUP = ["<script>alert(1)</script>", "[a](javascript:alert)", "$\\frac{1}$", "\x1b[2Jgone", "a\nb"]


@pytest.mark.parametrize("text", MARKUP)
@pytest.mark.parametrize("change", ["choices", "address", "unit"])
def test_records_with_markup_in_their_names_are_refused(text, change, found, tmp_path):
    changed = found | ({"choices": found["choices"] | {"strategy": text}} if change == "choices" else {change: text})
    (tmp_path / "record.json").write_text(json.dumps(changed))
    with pytest.raises(InputError, match="without markup") as error:
        records.read(tmp_path)
    assert "<script" not in str(error.value)


def test_a_page_shows_markup_as_it_is_written(found, tmp_path):
    message = "<script>alert('said')</script>"
    choices = {"space": "<script>alert(1)</script>", "device": "\\input{/etc/passwd}%"}
    gathered = Gathered([change_record(parse(found), choices=choices)], [message])
    page = write_report(gathered, tmp_path / "r", "<b>title</b>").read_text()
    assert page.count("<script") == 1  # the page's own
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;said&#39;)" in page
    assert "<b>title" not in page
    assert "\\input" not in (tmp_path / "r" / "report.tex").read_text()


@pytest.mark.parametrize("change", ["address", "choices"])
def test_a_report_is_written_in_its_folder_only(change, found, forks, tmp_path):
    inner = tmp_path / "a" / "b"
    (inner / "in").mkdir(parents=True)
    away = "../../outside"
    names = {"address": f"{away}/{away}"} if change == "address" else {"choices": dict.fromkeys(found["choices"], away)}
    (inner / "in" / "record.json").write_text(json.dumps(found | names))
    assert forks.run("report", ("in", "out=r"), inner).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert sorted(path.name for path in inner.iterdir()) == ["in", "r"]
    with pytest.raises(InputError, match="not a folder below"):
        folder_of(Path("multirun"), f"{away}/seed=0")


@pytest.mark.parametrize(
    ("path", "size", "message"),
    [("../../record.json", 10, "has no record.json"), ("record.json", 10**10, "is larger than"), (None, 0, "has no")],
)
def test_what_a_server_calls_a_file_is_not_believed(path, size, message, tmp_path):
    listed = [SimpleNamespace(path=path, file_size=size, is_dir=False)] if path else []
    there = SimpleNamespace(info=SimpleNamespace(artifact_uri="mlflow-artifacts:/1/artifacts"))
    client = SimpleNamespace(list_artifacts=lambda run: listed, get_run=lambda run: there)
    with pytest.raises(InputError, match=message):
        fetching.fetch(client, "0" * 32, tmp_path)


def test_downloads_are_pinned():
    assert assets.BASE_URL.startswith("https://")
    assert all(re.fullmatch(r"[0-9a-f]{64}", pinned) for pinned in assets.ASSETS.values())


def test_mlflow_listens_to_this_machine_only():
    places = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "conf").rglob("*.yaml"), *CODE]
    lines = [
        line
        for path in places
        for line in path.read_text().splitlines()
        if re.search(r"mlflow (ui|server)\b(?!`)", line)
    ]
    assert lines
    assert not [line for line in lines if "--host 127.0.0.1" not in line]
