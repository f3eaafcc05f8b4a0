"""The command, from a record to files; what is in the files is tested in ``exporting``."""

import json

import pytest
import torch

from ofa_bench.records import record as records

RUN = "mbv3/note10/toy/vanilla/b/t2/seed=0"


@pytest.fixture
def quick(monkeypatch, tmp_path, fake_files):
    """Return a folder to export to, with fake small network files and a fake device."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "phone.py").write_text("def timer(path):\n    return [19.5, 19.6, 19.4]\n")
    return tmp_path


def run(monkeypatch, capsys, *words):
    """Run the command; return its exit code and its output."""
    from ofa_bench.commands.cli.main import run_command

    monkeypatch.setattr("sys.argv", ["ofa_bench"])
    threads = torch.get_num_threads()
    try:
        run_command("export", words)
    except SystemExit as end:
        code = end.code
    finally:
        torch.set_num_threads(threads)
    return code, capsys.readouterr()


def saved(folder, record):
    records.write(folder / record.address, record, "")


def test_a_folder_is_a_record_or_has_records_below_it(quick, monkeypatch, capsys, made):
    saved(quick / "multirun", made(seed=0))
    for folder in (f"multirun/{made(seed=0).address}", "multirun"):
        code, message = run(monkeypatch, capsys, folder, "target=20", "weights=random", "uri=none", f"out={folder}/out")
        assert (code, message.out) == (0, f"{folder}/out/index.html\n"), message.err
    code, message = run(monkeypatch, capsys, "multirun", "sweep=multirun")
    assert (code, message.err) == (2, "ofa_bench: multirun: one folder at a time\n")
    code, message = run(monkeypatch, capsys, "nowhere/seed=0")
    assert (code, message.err) == (2, "ofa_bench: nowhere/seed=0: no such folder\n")


def test_one_target_of_a_record(quick, monkeypatch, capsys, made):
    saved(quick / "multirun", made(seed=0))
    record = f"multirun/{made(seed=0).address}"
    code, message = run(monkeypatch, capsys, f"run={record}", "target=20", "weights=random", "uri=none")
    assert code == 0, message.err
    assert message.out == "export/index.html\n"
    assert "weights are random" in message.err
    [card] = (quick / "export").glob("*/*/card.json")
    assert card.parent.relative_to(quick / "export").as_posix() == "mbv3_note10_toy/20ms"
    assert not (quick / "mlruns").exists()
    assert not (quick / "mlflow.db").exists()


def test_a_sweep_measured_by_a_users_own_runner(quick, monkeypatch, capsys, made):
    for strategy in ("vanilla", "bottom_up"):
        saved(quick / "multirun", made(strategy=strategy))
    words = ["sweep=multirun", "which=every", "weights=random", "measure=true", "runner=phone.timer", "rounds=2"]
    code, message = run(monkeypatch, capsys, *words)
    assert code == 0, message.err
    cards = [json.loads(path.read_text()) for path in (quick / "export").glob("*/*/card.json")]
    assert {card["target"] for card in cards} == {20, 30}
    assert len(cards) > 2
    assert all(card["measured"]["median_ms"] == 19.5 for card in cards)
    assert f"{len(cards)} of {len(cards)} (100%) are met when measured" in message.out
    assert "another device, version or setting (other runner)" in message.out  # note10 was not measured by phone.timer
    assert "no controls: " in message.err  # the record does not name its table
    assert "| target, ms |" in message.out
    again = run(monkeypatch, capsys, "measure=true", "runner=phone.timer", "rounds=2", "uri=none")
    assert again[0] == 0
    assert f"{len(cards)} networks measured" in again[1].out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=1"], "give run=<a cell's folder or MLflow run>, sweep=<a sweep or a folder of records>, "),
        (["run=nowhere"], "run=nowhere: no such file or folder; give a cell's folder or MLflow run"),
        (["run=x", "sweep=y"], "give one of run=, sweep= and architecture="),
        (["sweep=nowhere"], "sweep=nowhere: no such folder, journal, id or name of a sweep"),
        (["sweep=multirun", "target=25"], "target=25: not a target of these records; they have 20, 30"),
        (["sweep=multirun", "target=x"], "target=x: must be a number"),
        (["sweep=multirun", "which=bets"], "which=bets: must be best or every; did you mean 'best'?"),
        (["sweep=multirun", "weights=nowhere.pth"], "weights=nowhere.pth: cannot be read (No such file or directory)"),
        (["sweep=multirun", "weights=random", "sha256=12"], "sha256=12: must be 64 hexadecimal digits"),
        (["sweep=multirun", "images=nowhere"], "images=nowhere: no such folder"),
        (["sweep=multirun", "n_images=0"], "n_images=0: must be 1 or more"),
        (["measure=true"], "out=export: no exported network there; give run=, sweep= or architecture= to export some"),
        (["measure=true", "rounds=1"], "rounds=1: must be 2 or more"),
        (["measure=true", "runner=nosuch"], "runner=nosuch: neither onnxruntime, nor a command with {model} in it"),
        (["measure=maybe"], "measure=maybe: must be true or false"),
        (["sweep=multirun", "register=x", "uri=none"], "register=x: needs an MLflow store, but uri=none"),
        (
            ["sweep=multirun", "register=team/nets"],
            "register=team/nets: MLflow's names of registered models have no '/'",
        ),
        (["sweep=multirun", "register=team/nets", "measure=true"], "did you mean 'team-nets'?"),
        (["sweep=multirun", "register=a:b"], "register=a:b: MLflow's names of registered models have no '/' or ':'"),
        (["sweep=multirun", "register=.."], "register=..: MLflow's names of registered models"),
        (["sweep=multirun", "register=' '"], "register= : MLflow's names of registered models"),
        (["sweep=multirun", f"register={'x' * 251}"], "must be at most 250 characters"),
        (["sweep=multirun", "uri=nonsense"], "uri=nonsense: must be like sqlite:///mlflow.db or http://host:5000"),
        (["sweep=multirun", "uri=nonsense:x"], "uri=nonsense:x: MLflow cannot be used ("),
        (["sweep=multirun", "uri=sqlite:///multirun/../bad.db"], "bad.db: not usable as MLflow's database ("),
        (["sweep=multirun", "uri=sqlite:////dev/null/m.db", "register=x"], "uri=/dev/null: cannot be written ("),
        (["sweep=multirun", f"experiment={'x' * 501}"], "must be a name of 1 to 500 characters"),
        (["sweep=multirun", "out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
        (["sweep=multirun", "batch=0"], "batch=0: must be a whole number of 1 to 1,024, or dynamic"),
        (["sweep=multirun", "batch=8", "measure=true"], "batch=8: costs of note10 are for batch 1 (ms)"),
        (
            ["sweep=multirun", "batch=dynamic", "measure=true", "runner=phone.timer"],
            "batch=dynamic: runner=phone.timer cannot choose how many images to take; give batch=1",
        ),
        (["sweep=multirun", "quantize=int8"], "quantize=int8: needs images=, a folder, and the networks"),
        (["sweep=multirun", "quantize=int4", "images=."], "quantize=int4: must be int8; did you mean 'int8'?"),
        (["measure=true", "quantize=int8", "images=."], "quantize=int8: needs images="),
        (["sweep=multirun", "quantize=int8", "images=."], "images=.: no image in it"),
        (["sweep=multirun", "classes=names.txt"], "classes=names.txt: needs quantize=int8"),
        (["measure=true", "strategy=vanilla"], "strategy=vanilla: needs run= or sweep="),
        (["sweep=multirun", "calibration_images=0"], "calibration_images=0: must be 1 or more"),
        (
            ["sweep=multirun", "strategy=vanila"],
            "strategy=vanila: has no record here; there are vanilla; did you mean",
        ),
        (["swep=multirun"], "did you mean 'sweep'?"),
    ],
)
def test_bad_arguments_are_reported_and_nothing_is_written(quick, monkeypatch, capsys, made, words, message):
    saved(quick / "multirun", made())
    (quick / "bad.db").write_bytes(b"x" * 999)
    code, output = run(monkeypatch, capsys, *words)
    assert code == 2
    assert not (quick / "mlflow.db").exists()
    assert message in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert not (quick / "export").exists()


def test_existing_files_are_kept_and_what_will_be_written_is_announced(quick, monkeypatch, capsys, made):
    """After an interruption between two networks, the same command writes the missing one."""
    saved(quick / "multirun", made())
    words = ("sweep=multirun", "strategy=vanilla", "weights=random", "uri=none")
    code, message = run(monkeypatch, capsys, *words)
    assert code == 0, message.err
    first, second = (quick / "export/mbv3_note10_toy" / name for name in ("20ms", "30ms"))
    size = sum(8 * json.loads((folder / "card.json").read_text())["parameters"] for folder in (first, second))
    assert f"2 networks to write, about {size / 1e6:,.0f} MB\n" in message.err
    (second / "card.json").unlink()
    before = (first / "network.onnx").stat().st_mtime_ns
    code, message = run(monkeypatch, capsys, *words)
    assert code == 0
    assert "1 network to write, about " in message.err
    assert "; 1 is already there and unchanged\n" in message.err
    assert (first / "network.onnx").stat().st_mtime_ns == before
    assert (second / "card.json").is_file()
    (first / "network.pt2").write_bytes(b"cut off")
    assert "1 network to write, about " in run(monkeypatch, capsys, *words)[1].err


def test_help_comes_at_once(monkeypatch, capsys):
    code, message = run(monkeypatch, capsys, "--help")
    assert code == 0
    assert "Defaults:" in message.out
    assert "which=best" in message.out
