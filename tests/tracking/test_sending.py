"""Sending records on disk to a real MLflow store, and reading them back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.attempts import attempt_address
from ofa_bench.records.journal import Journal
from ofa_bench.tracking.sending import bring_back, present, send, send_sweep


@pytest.fixture
def swept(tmp_path, made):
    """Return the folder of a sweep of three cells, of which one failed, and its journal."""
    output = tmp_path / "output"
    journal = Journal(output / "sweeps" / "0123.jsonl")
    run = journal.begin("strategy=vanilla,top_down,bottom_up", "study")
    for strategy in ("vanilla", "top_down"):
        record = made(strategy=strategy)
        records.write(output / record.address, record, f"of: {strategy}\n")
        journal.end(run, record.address, 0, sent=False)
    journal.end(run, made(strategy="bottom_up").address, 2, sent=False)
    return output, journal


def runs(tracker, condition=""):
    return tracker.client.search_runs([tracker.experiment], condition)


def test_a_sweep_is_sent_once_and_whole(tracker, swept):
    output, journal = swept
    assert len(list(send_sweep(tracker, journal, output))) == 2
    for _ in range(2):
        [sweep] = runs(tracker, "tags.`ofa_bench.kind` = 'sweep'")
        cells = runs(tracker, "tags.`ofa_bench.kind` = 'cell'")
        assert (sweep.info.status, sweep.info.run_name) == ("FAILED", "strategy=vanilla,top_down,bottom_up")
        _, _, began = journal.first()
        ended = max(cell.at for cell in journal.ended().values())
        assert (sweep.info.start_time, sweep.info.end_time) == (int(1000 * began), int(1000 * ended))
        assert {run.data.tags["strategy"] for run in cells} == {"vanilla", "top_down"}
        assert {run.data.tags["mlflow.parentRunId"] for run in cells} == {sweep.info.run_id}
        assert len(cells) == 2
        assert list(send_sweep(tracker, journal, output)) == []


def test_what_was_logged_of_a_sweep_is_not_logged_again(tracker, swept):
    output, journal = swept
    run = tracker.open_sweep(journal.sweep, "name", 0.0)
    addresses = list(journal.ended())
    tracker.log_cell(records.read(output / addresses[0]), output / addresses[0], run)
    assert [cell.folder for cell in send_sweep(tracker, journal, output)] == [output / addresses[1]]
    assert {run.info.status for run in runs(tracker, "tags.`ofa_bench.kind` = 'sweep'")} == {"FAILED"}
    assert len(runs(tracker)) == 3


def test_a_sweep_that_began_on_another_disk_is_not_ended(tracker, swept):
    output, journal = swept
    lines = [line for line in journal.path.read_text().splitlines() if '"name"' not in line]
    journal.path.write_text("\n".join(lines) + "\n")
    run = tracker.open_sweep(journal.sweep, "its name", 0.0)
    assert len(list(send_sweep(tracker, journal, output))) == 2
    assert list(send_sweep(tracker, journal, output)) == []
    [sweep] = runs(tracker, "tags.`ofa_bench.kind` = 'sweep'")
    assert (sweep.info.run_id, sweep.info.run_name, sweep.info.status) == (run, "its name", "RUNNING")


def test_records_of_no_sweep_have_runs_of_their_own(tracker, swept):
    output, journal = swept
    cells = present(output, journal.ended())
    assert len(list(send(tracker, cells))) == len(cells) == 2
    assert list(send(tracker, cells)) == []
    assert all("mlflow.parentRunId" not in run.data.tags for run in runs(tracker))


def test_records_come_back_as_they_were(tracker, swept, tmp_path, made):
    output, journal = swept
    run = tracker.open_sweep(journal.sweep, "name", 0.0)
    first, second, _ = journal.ended()
    list(send(tracker, present(output, journal.ended()), run))
    other = replace(made(strategy="vanilla"), address=attempt_address(first, 2))
    records.write(output / other.address, other, "of: vanilla\n")
    tracker.log_cell(other, output / other.address, run)

    assert set(bring_back(tracker, run, tmp_path / "one", first)) == {first, attempt_address(first, 2)}
    assert not (tmp_path / "one" / second).exists()
    assert set(bring_back(tracker, run, tmp_path / "all")) == {first, attempt_address(first, 2), second}
    assert list(bring_back(tracker, run, tmp_path / "none", "mbv3/toy")) == []
    for address in (first, attempt_address(first, 2), second):
        for name in ("record.json", "config.yaml"):
            assert (tmp_path / "all" / address / name).read_bytes() == (output / address / name).read_bytes()
    before = (tmp_path / "all" / second / "record.json").stat().st_mtime_ns
    list(bring_back(tracker, run, tmp_path / "all"))
    assert (tmp_path / "all" / second / "record.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("forged", ["address", "bytes"])
def test_what_is_not_what_was_logged_does_not_come_back(tracker, swept, tmp_path, forged):
    output, journal = swept
    run = tracker.open_sweep(journal.sweep, "name", 0.0)
    list(send(tracker, present(output, journal.ended()), run))
    [cell, *_] = tracker.cells(run)
    if forged == "address":
        tracker.client.set_tag(cell.run, "ofa_bench.address", "../outside")
    else:
        uri = tracker.client.get_run(cell.run).info.artifact_uri.removeprefix("file://")
        path = Path(uri) / "record.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 99}))
    with pytest.raises(InputError, match=r"not a folder below|not the one that was logged"):
        list(bring_back(tracker, run, tmp_path / "back"))
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "back" / cell.address / "record.json").exists()
