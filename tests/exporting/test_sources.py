"""The records that an export reads."""

import pytest

from ofa_bench.errors import InputError
from ofa_bench.exporting.planning import describe_plan
from ofa_bench.exporting.sources import read_sweep, select_strategies
from ofa_bench.records import record as records
from ofa_bench.records.journal import Journal

ID, OTHER = "0123456789ab", "ba9876543210"


@pytest.fixture
def swept(tmp_path, monkeypatch, made):
    """Two sweeps in one folder, which share a cell; one cell of the first failed, and has no record."""
    monkeypatch.chdir(tmp_path)
    cells = {}
    for strategy in ("vanilla", "bottom_up", "top_down"):
        record = made(strategy=strategy)
        cells[strategy] = record.address
        records.write(tmp_path / "multirun" / record.address, record, "")
    sweeps = {
        ID: ("strategy=vanilla,bottom_up", ["vanilla", "bottom_up"]),
        OTHER: ("strategy=vanilla,top_down", ["vanilla", "top_down"]),
    }
    for sweep, (name, strategies) in sweeps.items():
        journal = Journal(tmp_path / "multirun" / "sweeps" / f"{sweep}.jsonl")
        run = journal.begin(name, "ofa_bench")
        for strategy in strategies:
            journal.end(run, cells[strategy], 0, sent=True)
        if sweep == ID:
            journal.end(run, "mbv3/toy/toy/joint/b/t2/seed=0", 1, sent=False)
    return tmp_path


def strategies(gathered):
    return sorted(record.choices.strategy for record in gathered.records)


@pytest.mark.parametrize("sweep", [ID, f"multirun/sweeps/{ID}.jsonl", "strategy=vanilla,bottom_up"])
def test_one_sweep_is_its_own_cells_only(swept, sweep):
    gathered = read_sweep(sweep)
    assert strategies(gathered) == ["bottom_up", "vanilla"]
    assert gathered.left_out == ["multirun/mbv3/toy/toy/joint/b/t2/seed=0: the cell failed (exit code 1)"]


def test_a_folder_is_all_below_it(swept):
    assert strategies(read_sweep("multirun")) == ["bottom_up", "top_down", "vanilla"]
    assert strategies(read_sweep(str(swept / "multirun/mbv3/toy/toy/vanilla"))) == ["vanilla"]


def test_a_sweep_of_another_output_folder_is_named_by_its_journal(swept, monkeypatch):
    (swept / "multirun").rename(swept / "out [1] #2")
    assert strategies(read_sweep(f"out [1] #2/sweeps/{OTHER}.jsonl")) == ["top_down", "vanilla"]
    with pytest.raises(InputError, match="sweeps in multirun: none"):
        read_sweep(OTHER)


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            "nowhere",
            rf"sweep=nowhere: no such folder, journal, id or name of a sweep; sweeps in multirun: {ID} .strategy",
        ),
        ("0123456789ac", rf"did you mean '{ID}'\?"),
        ("strategy=vanilla", r"did you mean 'strategy=vanilla,"),
        ("x" * 5000, "sweep=x+: (cannot be read|no such folder)"),
        ("empty.jsonl", "sweep=empty.jsonl: is not the journal of a sweep"),
        ("outside.jsonl", "not a folder below"),
        ("begun.jsonl", "none of its cells has finished"),
    ],
)
def test_what_is_no_sweep_is_refused(swept, sweep, message):
    (swept / "empty.jsonl").write_text("nothing\n")
    Journal(swept / "begun.jsonl").begin("a", "b")
    outside = Journal(swept / "outside.jsonl")
    outside.end(outside.begin("a", "b"), "../../etc", 0, sent=True)
    with pytest.raises(InputError, match=message):
        read_sweep(sweep)


def test_two_sweeps_of_the_same_name_are_distinguished_by_their_ids(swept):
    journal = Journal(swept / "multirun" / "more" / "sweeps" / "aaaaaaaaaaaa.jsonl")
    journal.begin("strategy=vanilla,top_down", "ofa_bench")
    with pytest.raises(InputError, match=f"several sweeps have this name; give one's id: .*{OTHER}"):
        read_sweep("strategy=vanilla,top_down")


def test_records_of_strategies_are_kept(swept):
    found = read_sweep("multirun").records
    assert select_strategies(found, "") == found
    assert [one.choices.strategy for one in select_strategies(found, "top_down, vanilla")] == ["top_down", "vanilla"]
    with pytest.raises(InputError, match=r"strategy=vanila: has no record here; there are .*did you mean 'vanilla'"):
        select_strategies(found, "top_down,vanila")


def test_what_will_be_written_is_announced_first(tmp_path):
    out = tmp_path / "not" / "there"
    assert describe_plan([5_000_000, 0, 7_000_000], out, int8=False) == (
        "2 networks to write, about 96 MB; 1 is already there and unchanged"
    )
    assert describe_plan([5_000_000], out, int8=True) == "1 network to write, about 45 MB"
    assert describe_plan([0], out, int8=False).startswith("nothing to write; 1 is already there")
    with pytest.raises(InputError, match=r"out=.*: 1 network to write, about .* MB, but the disk has only .* MB free"):
        describe_plan([10**15], out, int8=False)
    assert not (tmp_path / "not").exists()
