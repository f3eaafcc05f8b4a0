"""The command, from a record to files; what is in the files is tested in ``exporting``."""

import json

import pytest
import torch

from ofa_bench.exporting import networks
from ofa_bench.results import records

RUN = "mbv3/note10/toy/vanilla/b/t2/seed=0"


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A folder to export to, small files in the place of large ones, and a device that takes its time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "phone.py").write_text("def timer(path):\n    return [19.5, 19.6, 19.4]\n")

    def write(module, shape, path):
        path.write_bytes(json.dumps(shape).encode())

    monkeypatch.setattr(networks, "write_onnx", write)
    monkeypatch.setattr(networks, "write_program", write)
    monkeypatch.setattr(networks, "differences", lambda *_: {"network.onnx": 0.0, "network.pt2": 0.0})
    return tmp_path


def run(monkeypatch, capsys, *words):
    """Run the command's main; give its exit code and what it said."""
    from ofa_bench import export

    monkeypatch.setattr("sys.argv", ["export", *words])
    threads = torch.get_num_threads()
    try:
        export.main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        torch.set_num_threads(threads)
    return code, capsys.readouterr()


def saved(folder, record):
    records.write(folder / record["address"], record, "")


def test_one_target_of_a_record(quick, monkeypatch, capsys, made):
    saved(quick / "multirun", made(seed=0))
    record = f"multirun/{made(seed=0)['address']}"
    code, said = run(monkeypatch, capsys, f"run={record}", "target=20", "weights=random", "uri=none")
    assert code == 0, said.err
    assert said.out == "export/index.html\n"
    assert "weights are random" in said.err
    [card] = (quick / "export").glob("*/*/card.json")
    assert card.parent.relative_to(quick / "export").as_posix() == "mbv3_note10_toy/20ms"
    assert not (quick / "mlruns").exists()
    assert not (quick / "mlflow.db").exists()


def test_a_sweep_measured_by_a_users_own_runner(quick, monkeypatch, capsys, made):
    for strategy in ("vanilla", "bottom_up"):
        saved(quick / "multirun", made(strategy=strategy))
    words = ["sweep=multirun", "which=every", "weights=random", "measure=true", "runner=phone.timer", "rounds=2"]
    code, said = run(monkeypatch, capsys, *words)
    assert code == 0, said.err
    cards = [json.loads(path.read_text()) for path in (quick / "export").glob("*/*/card.json")]
    assert {card["target"] for card in cards} == {20, 30}
    assert len(cards) > 2
    assert all(card["measured"]["median_ms"] == 19.5 for card in cards)
    assert f"{len(cards)} of {len(cards)} (100%) are met when measured" in said.out
    assert "(other runner)" in said.out  # note10 was not measured by phone.timer
    assert "no networks are timed beside those found" in said.err  # the record does not name its table
    assert "| target, ms |" in said.out
    again = run(monkeypatch, capsys, "measure=true", "runner=phone.timer", "rounds=2", "uri=none")
    assert again[0] == 0
    assert f"{len(cards)} networks measured" in again[1].out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give run=<a cell's folder or MLflow run>, sweep=<a folder of records>, or measure=true"),
        (["run=nowhere"], "run=nowhere: no such folder; give the folder of a cell"),
        (["run=x", "sweep=y"], "give run= or sweep=, not both"),
        (["sweep=nowhere"], "nowhere: no such folder"),
        (["sweep=multirun", "target=25"], "target=25: no target of these records; they have 20, 30"),
        (["sweep=multirun", "target=x"], "target=x: must be a number"),
        (["sweep=multirun", "which=bets"], "which=bets: must be best or every; did you mean 'best'?"),
        (["sweep=multirun", "weights=nowhere.pth"], "weights=nowhere.pth: cannot be read (No such file or directory)"),
        (["sweep=multirun", "weights=random", "sha256=12"], "sha256=12: must be 64 hexadecimal digits"),
        (["sweep=multirun", "images=nowhere"], "images=nowhere: no such folder"),
        (["sweep=multirun", "n_images=0"], "n_images=0: must be 1 or more"),
        (["measure=true"], "out=export: no exported network there; give run= or sweep= to export some"),
        (["measure=true", "rounds=1"], "rounds=1: must be 2 or more"),
        (["measure=true", "runner=nosuch"], "runner=nosuch: neither onnxruntime, nor a command with {model} in it"),
        (["measure=maybe"], "measure=maybe: must be true or false"),
        (["sweep=multirun", "register=x", "uri=none"], "register=x: needs an MLflow store, but uri=none"),
        (["sweep=multirun", "out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
        (["swep=multirun"], "did you mean 'sweep'?"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(quick, monkeypatch, capsys, made, words, said):
    saved(quick / "multirun", made())
    code, output = run(monkeypatch, capsys, *words)
    assert code == 2
    assert said in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert not (quick / "export").exists()


def test_help_comes_at_once(monkeypatch, capsys):
    code, said = run(monkeypatch, capsys, "--help")
    assert code == 0
    assert "Defaults:" in said.out
    assert "which=best" in said.out
