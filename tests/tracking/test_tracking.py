"""Records in a real MLflow store."""

import gc
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from plain import plain_result

from ofa_bench.analysis.figures import drawings
from ofa_bench.analysis.studies import studies
from ofa_bench.commands.cli.messages import show_logs
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.store_uri import sqlite_uri
from ofa_bench.records import record as records
from ofa_bench.tracking import tracker as tracking
from ofa_bench.tracking import values as mlflow_values
from ofa_bench.tracking.client import create_store
from ofa_bench.tracking.quiet import collection_paused
from ofa_bench.tracking.tracker import Tracker


def log(tracker, record, folder, parent=None):
    cell = folder / record.address
    if not cell.exists():
        records.write(cell, record, "")
    tracker.log_cell(record, cell, parent)


def runs(tracker, condition=""):
    return tracker.client.search_runs([tracker.experiment], condition)


def files(tracker, run, folder=None):
    return {item.path for item in tracker.client.list_artifacts(run, folder)}


def names(*, of="mbv3_toy_toy", ends):
    return {f"figures/{of}_{end}.png" for end in ends.split()}


def test_a_sweep_has_the_figures_of_a_report(tracker, tmp_path, made):
    strategies = ("vanilla", "bottom_up", "top_down")
    several = [made(strategy=one, targets=targets) for one in strategies for targets in ((30.0, 20.0), (30.0,))]
    sweep = tracker.open_sweep("id", "strategy=… targets=…", 0.0)
    tracker.close_sweep(sweep, several, failed=False)
    assert files(tracker, sweep) == {"figures", "results.csv"}
    ends = "accuracy fronts anytime generations"  # no frontier; and no times, as searches advanced together
    assert files(tracker, sweep, "figures") == names(ends=ends)
    picture = tracker.client.download_artifacts(sweep, "figures/mbv3_toy_toy_accuracy.png", str(tmp_path))
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    [run] = runs(tracker)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "strategy=… targets=…")
    assert "see the figures and the table under Artifacts.\n" in run.data.tags["mlflow.note.content"]


def test_figures_are_of_so_many_studies_at_most(tracker, made, monkeypatch):
    monkeypatch.setattr(tracking, "MAX_DRAWN", 1)
    sweep = tracker.open_sweep("id", "budgets", 0.0)
    tracker.close_sweep(sweep, [made(), made(budget=(2, 1)), made(budget=(3, 1))], failed=True)
    assert names(ends="accuracy_2").isdisjoint(files(tracker, sweep, "figures"))
    [run] = runs(tracker)
    assert run.info.status == "FAILED"
    assert "Figures of 2 more studies are in `ofa_bench report`." in run.data.tags["mlflow.note.content"]


def test_headlines_are_comparisons_of_most_targets(made):
    alone = studies([made(), made(budget=(2, 1))])
    assert drawings.headline(alone) == alone
    several = [made(strategy=one, targets=targets) for one in ("vanilla", "top_down") for targets in ((30, 20), (30,))]
    [chosen] = drawings.headline(studies([*several, made(budget=(2, 1))]))
    assert (len(chosen.entries), len(chosen.targets)) == (2, 2)


def fail(*_, **__):
    raise ValueError("out of ink")


def test_a_picture_that_fails_loses_no_run(tracker, tmp_path, made, monkeypatch, capsys):
    show_logs()
    monkeypatch.setattr(drawings.figures, "accuracy_over_targets", fail)
    sweep = tracker.open_sweep("id", "name", 0.0)
    log(tracker, made(), tmp_path, sweep)
    tracker.close_sweep(sweep, [made()], failed=False)
    assert capsys.readouterr().err.count("ofa_bench: pictures for MLflow cannot be drawn: ValueError: out of ink") == 2
    assert [run.info.status for run in runs(tracker)] == ["FINISHED"] * 2
    assert "results.csv" in files(tracker, sweep)
    [cell] = runs(tracker, "tags.`ofa_bench.kind` = 'cell'")
    assert files(tracker, cell.info.run_id) == {"config.yaml", "record.json", "results.csv"}


def test_a_store_that_fails_leaves_no_run_open(tracker, tmp_path, made, monkeypatch):
    sweep = tracker.open_sweep("id", "name", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(tracker.client, "log_artifacts", fail)
        with pytest.raises(ValueError, match="out of ink"):
            log(tracker, made(), tmp_path, sweep)
        with pytest.raises(ValueError, match="out of ink"):
            tracker.close_sweep(sweep, [made()], failed=False)
    assert {run.info.run_name: run.info.status for run in runs(tracker)} == {
        "name": "FINISHED", "vanilla mbv3 toy seed=0": "FAILED",
    }  # fmt: skip
    log(tracker, made(), tmp_path, sweep)
    assert [run.info.status for run in runs(tracker)] == ["FINISHED"] * 2


def test_a_dataset_that_another_process_adds_at_once_is_found(tracker, tmp_path, made):
    from mlflow.store.tracking.dbmodels.models import SqlDataset
    from sqlalchemy import event

    other = tracker.start("another cell", {})

    def add_before(*_):
        tracker._log_inputs(other, [made()])

    event.listen(SqlDataset, "before_insert", add_before, once=True)
    log(tracker, made(), tmp_path)
    both = {run.info.run_name: run for run in runs(tracker)}
    assert both["vanilla mbv3 toy seed=0"].info.status == "FINISHED"
    of_other, of_cell = ({one.dataset.digest for one in run.inputs.dataset_inputs} for run in both.values())
    assert of_other == of_cell
    assert len(of_cell) == 2


TWO = """
import sys
from pathlib import Path
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.records.record import read
from ofa_bench.tracking.tracker import Tracker
tracker = Tracker(TrackingConfig(*sys.argv[1:4]))
sweep, send = tracker.open_sweep("id", "name", 0.0), tracker.client.log_artifacts
def wait(*files):
    print("so far", flush=True)
    sys.stdin.readline()
    send(*files)
tracker.client.log_artifacts = wait
for name in sys.argv[4:]:
    tracker.log_cell(read(Path(name)), Path(name), sweep)
"""


def test_commands_at_once_write_each_run_once_and_what_a_kill_leaves_running_has_failed(
    tracker, tmp_path, made, store, request
):
    first, second = made(), made(seed=1)
    folders = [tmp_path / record.address for record in (first, second)]
    for record, folder in zip((first, second), folders, strict=True):
        records.write(folder, record, "")
    config = TrackingConfig(*store, request.node.name)
    command = [sys.executable, "-c", TWO, *store, request.node.name, *map(str, folders)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "so far\n"
    [sweep] = runs(tracker, "tags.`ofa_bench.kind` = 'sweep'")
    with ThreadPoolExecutor() as pool:
        ours = pool.submit(log, tracker, first, tmp_path, sweep.info.run_id)
        with pytest.raises(TimeoutError):
            ours.result(timeout=0.5)
        [cell] = runs(tracker, "tags.`ofa_bench.kind` = 'cell'")
        other.stdin.write("go on\n")
        other.stdin.flush()
        ours.result(timeout=60)
    assert other.stdout.readline() == "so far\n"
    Tracker(config)
    running = {run.info.run_id: run.info.status for run in runs(tracker)}
    assert running.pop(cell.info.run_id) == "FINISHED", "theirs, which ours waited for"
    assert list(running.values()) == ["RUNNING"] * 2, "the sweep and the second cell: their process lives"
    other.kill()
    other.communicate(timeout=60)
    next_one = Tracker(config)
    assert Counter(run.info.status for run in runs(tracker)) == {"FAILED": 2, "FINISHED": 1}
    assert next_one.open_sweep("id", "name", 0.0) == sweep.info.run_id
    log(next_one, second, tmp_path, sweep.info.run_id)
    next_one.close_sweep(sweep.info.run_id, [], failed=False)
    assert [run.info.status for run in runs(tracker)] == ["FINISHED"] * 3
    assert not any(tracking.WRITER in run.data.tags for run in runs(tracker))


def test_a_run_that_another_machine_writes_is_not_touched(tracker, tmp_path, made):
    sweep = tracker.open_sweep("id", "name", 0.0)
    record = made()
    began = int(time.time())
    elsewhere = {
        age: tracker.client.create_run(tracker.experiment, tags={
            "ofa_bench.address": record.address, "mlflow.parentRunId": sweep,
            tracking.WRITER: f"elsewhere 1-2 0123456789ab {began - age}",
        }).info.run_id
        for age in (60, 100_000)
    }  # fmt: skip
    log(tracker, record, tmp_path, sweep)
    left = {run.info.run_id: run.info.status for run in runs(tracker)}
    assert left[elsewhere[60]] == "RUNNING"
    assert elsewhere[100_000] not in left
    assert len(left) == 3


def test_cells_are_found_by_plain_tags(tracker, tmp_path, made):
    sweep = tracker.open_sweep("id", "strategy=vanilla,bottom_up", 0.0)
    for one in ("vanilla", "bottom_up"):
        log(tracker, made(strategy=one), tmp_path, sweep)
    log(tracker, made(seed=1, last=",evolution.sizes=[1,2],repeats=3,strategy.order=random"), tmp_path)
    [run] = runs(tracker, "tags.strategy = 'bottom_up'")
    plain = {key: value for key, value in run.data.tags.items() if "." not in key}
    assert plain == {
        "strategy": "bottom_up", "variant": "bottom_up", "space": "mbv3", "device": "toy", "predictor": "toy",
        "budget": "b", "targets": "t2", "seed": "0", "sweep": "strategy=vanilla,bottom_up",
    }  # fmt: skip
    assert len(runs(tracker, "tags.sweep = 'strategy=vanilla,bottom_up' AND tags.space = 'mbv3'")) == 2
    [other] = runs(tracker, "tags.seed = '1'")
    assert other.data.tags["variant"] == "vanilla sizes=[1,2] order=random"
    assert "sweep" not in other.data.tags
    assert files(tracker, other.info.run_id) == {"accuracy.png", "config.yaml", "record.json", "results.csv"}


def test_curves_are_stairs_over_evaluations():
    curve = [(0, 10, 9, 0.5), (1, 20, 18, 0.6), (7, 80, 70, 0.7)]
    alone = plain_result(curve=curve, evaluations=90)
    assert mlflow_values._stairs(alone) == [(10, 0.5), (19, 0.5), (20, 0.6), (79, 0.6), (80, 0.7), (90, 0.7)]
    for_four = plain_result(curve=curve, evaluations=20.0, shared=4)  # of 80
    assert mlflow_values._stairs(for_four) == [(2, 0.5), (4, 0.5), (5, 0.6), (19, 0.6), (20, 0.7)]
    assert mlflow_values._stairs(plain_result(curve=[], evaluations=0)) == []


def test_the_spread_does_not_stand_before_the_mean(made):
    found = sorted({metric.key for metric in mlflow_values.metrics(made())})
    assert found[0] == "all_targets/accuracy_percent"
    assert "all_targets/std_of_accuracy_percent" in found


def test_drawing_loads_no_statistics():
    code = "import sys, ofa_bench.analysis.figures.drawings\n"
    code += "print({'scipy', 'statsmodels', 'pandas', 'mlflow'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "set()\n"


def test_logging_loads_no_statistics_and_mlflow_only_with_a_store():
    code = "import sys, ofa_bench.tracking.tracker, ofa_bench.commands.run\n"
    code += "heavy = {'scipy.stats', 'scipy.special', 'pandas', 'mlflow', 'sqlalchemy', 'torch', 'matplotlib.pyplot'}\n"
    code += "print(heavy & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "set()\n"


def test_garbage_is_collected_again_after_a_store_is_opened(tmp_path):
    uri = sqlite_uri(tmp_path / "mlflow.db")
    create_store(uri)
    assert gc.isenabled()
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()  # as the user has it
    finally:
        gc.enable()


def test_git_does_not_see_the_folder_of_artifacts(tracker, store):
    assert (Path(store[1]) / ".gitignore").read_text().endswith("\n*\n")
