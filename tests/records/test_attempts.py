"""The places of several records of one cell, and which of them counts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ofa_bench.errors import InputError
from ofa_bench.records.attempts import attempt_address, attempts, find_existing, folder_of, split_attempt
from ofa_bench.records.model import to_dict


def put(folder, record):
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(record if isinstance(record, dict) else to_dict(record)))


def test_attempts_are_beside_the_cell_in_the_order_of_their_numbers(tmp_path):
    cell = tmp_path / "seed=0,[x]"
    assert attempts(cell) == {}
    for name in ("", ",attempt=10", ",attempt=2", ",attempt=x", ",attempt=02", ",repeats=3"):
        put(tmp_path / f"{cell.name}{name}", {})
    (tmp_path / f"{cell.name},attempt=3").mkdir()
    assert list(attempts(cell)) == [1, 2, 10]
    assert attempts(cell)[10].name == "seed=0,[x],attempt=10"


@pytest.mark.parametrize("number", [1, 2, 31])
def test_attempts_have_addresses(number):
    assert split_attempt(attempt_address("a/seed=0", number)) == ("a/seed=0", number)


def test_the_last_attempt_of_the_same_identity_counts(tmp_path, made):
    cell = tmp_path / "cell"
    for number, identity in ((1, "a"), (2, "a"), (3, "b")):
        put(
            tmp_path / attempt_address("cell", number),
            replace(made(), identity=identity, address=attempt_address("cell", number)),
        )
    assert find_existing(cell, "a").address == "cell,attempt=2"
    assert find_existing(cell, "b").address == "cell,attempt=3"
    with pytest.raises(InputError, match=r"holds a record of another config.*or run all again with rerun=true"):
        find_existing(cell, "c")


def test_a_record_that_cannot_be_read_is_no_free_place(tmp_path):
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "record.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not readable as a record"):
        find_existing(tmp_path / "cell", "a")


@pytest.mark.parametrize("address", ["", "/etc", "../x", "a/../../x", "a//b", "./a", "a\0b", ".."])
def test_addresses_stay_below_the_output_folder(address):
    with pytest.raises(InputError, match="not a folder below out"):
        folder_of(Path("out"), address)


def test_addresses_are_folders():
    assert folder_of(Path("out"), "a/b..c/seed=0") == Path("out/a/b..c/seed=0")
