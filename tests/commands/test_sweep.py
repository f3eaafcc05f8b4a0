"""What the parent process of a sweep knows about its cells, without running any."""

import pytest

from ofa_bench.commands.sweep import OpenSweep, Sweep, sweep_id
from ofa_bench.config.schema import SWEEP_VARIABLE, TrackingConfig


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a sweep of two cells that has begun."""
    monkeypatch.setenv(SWEEP_VARIABLE, "")
    sweep = OpenSweep(Sweep(tmp_path / "out", "1234", "", ""), TrackingConfig(), elsewhere=False, cells=2)
    sweep.begin("seed=0,1")
    return sweep


@pytest.mark.parametrize("cells", [2, None])
def test_a_sweep_that_left_nothing_has_failed(opened, capsys, tmp_path, cells):
    opened.cells = cells
    assert opened.close(failed=False) == [1]
    message = f"of this sweep ended: their processes died, or did not write to {tmp_path}/out\n"
    assert capsys.readouterr() == ("", f"ofa_bench: no cell {message}")
    assert not list(opened.sweep.output.rglob("*.jsonl"))


def test_a_sweep_that_lacks_a_cell_has_failed(opened, capsys):
    opened.sweep.end("a", 2)
    assert opened.close(failed=False) == [2, 1]
    assert "ofa_bench: only 1 of 2 cells of this sweep ended" in capsys.readouterr().err


@pytest.mark.parametrize("addresses", ["ab", "aa"])
def test_a_sweep_whose_cells_all_ended_says_nothing_of_it(opened, capsys, addresses):
    """Two cells may have one address: of a value that is written in two ways."""
    for address in addresses:
        opened.sweep.end(address, 2)
    assert set(opened.close(failed=False)) == {2}
    assert capsys.readouterr() == ("", "")


def test_another_failure_is_not_reported_twice(opened, capsys):
    assert opened.close(failed=True) == []
    assert capsys.readouterr() == ("", "")


def test_a_sweep_that_is_moved_stays_the_same_sweep(opened, tmp_path):
    out = tmp_path / "out"
    assert sweep_id(out, ["seed=0,1"]) == "1234"
    assert sweep_id(out.rename(tmp_path / "moved"), ["seed=0,1"]) == "1234"
    assert sweep_id(tmp_path / "moved", ["seed=0,2"]) != "1234"
    assert sweep_id(out, ["seed=0,1"]) != "1234"  # of a folder that is new
    assert sweep_id(out, ["b=1", "a=1"]) == sweep_id(out, ["a=1", "b=1"]) != sweep_id(tmp_path / "x", ["a=1", "b=1"])
