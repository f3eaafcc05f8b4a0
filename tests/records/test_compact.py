import csv
import gzip
import io
from dataclasses import replace

import numpy as np
import pytest
from plain import plain_record, plain_result

from ofa_bench.errors import InputError
from ofa_bench.records import compact
from ofa_bench.records import record as records
from ofa_bench.records.compact import pack, unpack
from ofa_bench.records.gather import Gathered, from_folders
from ofa_bench.records.model import Alternative
from ofa_bench.report.page import write_report
from ofa_bench.spaces import ProxylessNASSpace

SPACE = ProxylessNASSpace()


def reduced(record):
    """Return a record as a packed file has it."""
    repeats = [
        replace(
            repeat, seconds=float(f"{repeat.seconds:.9g}"),
            results=[
                replace(one, curve=[], alternatives=[], seconds=float(f"{one.seconds:.9g}")) for one in repeat.results
            ],
        )
        for repeat in record.repeats
    ]  # fmt: skip
    return replace(record, repeats=repeats)


def rich():
    """Return a record with all optional numbers, of a space that the package has."""
    genes = SPACE.sample(2, np.random.default_rng(0))
    fields = {
        "accuracy": 0.1 + 0.2, "table_cost": 18.9, "proposals": 7, "cost_lookups": 9, "gradients": 3, "shared": 2,
        "best_known": 0.7, "evaluations_within": 4, "seconds_within": 0.25, "unlabelled": {"k0": [7]},
    }  # fmt: skip
    architecture = SPACE.to_ofa(genes[0])
    met = plain_result(**fields, genes=genes[0].tolist(), architecture=architecture, curve=[[0, 1, 1, 0.3]])
    met.regret = met.best_known - met.accuracy
    met.alternatives = [Alternative(accuracy=0.2, cost=1.0, architecture=architecture, genes=met.genes)]
    missed = plain_result(
        target=1.0, feasible=False, accuracy=None, genes=genes[1].tolist(), architecture=SPACE.to_ofa(genes[1])
    )
    record = plain_record([met, missed], config={"space": {"_target_": "ofa_bench.spaces.ProxylessNASSpace"}})
    record.repeats[0].hypervolume_ratio = 0.5
    return record


def test_a_packed_record_is_the_same_but_for_curves_alternatives_and_digits_of_seconds(made, tmp_path):
    several = [rich(), made(), made(strategy="bottom_up"), made(seed=1, repeats=1)]
    pack(several, tmp_path / "a.csv.gz")
    found = {record.address: record for record in unpack(tmp_path / "a.csv.gz")}
    assert found == {record.address: reduced(record) for record in several}


def test_architectures_that_genes_determine_are_left_out(made, tmp_path):
    for record, kept in ((rich(), False), (made(), True)):  # the toy's config names no space
        pack([record], tmp_path / "a.csv.gz")
        text = gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode()
        assert ("{" in text.splitlines()[2].replace('"{""k0"":[7]}"', "")) == kept


def test_the_same_records_give_the_same_bytes(made, tmp_path):
    several = [made(), made(strategy="bottom_up"), made(seed=1)]
    pack(several, tmp_path / "a.csv.gz")
    pack(several[::-1], tmp_path / "b.csv.gz")
    pack(unpack(tmp_path / "a.csv.gz"), tmp_path / "c.csv.gz")
    contents = [(tmp_path / f"{name}.csv.gz").read_bytes() for name in "abc"]
    assert contents[0] == contents[1] == contents[2]


def test_a_report_of_a_packed_file_has_the_tables_of_the_records(made, tmp_path):
    several = [made(), made(strategy="bottom_up"), made(strategy="top_down")]
    for record in several:
        records.write(tmp_path / "runs" / record.address, record, "")
    pack(from_folders([tmp_path / "runs"]).records, tmp_path / "a.csv.gz")
    for name, source in (("whole", "runs"), ("packed", "a.csv.gz")):
        write_report(from_folders([tmp_path / source]), tmp_path / name, "t")
    for name in ("report.tex", "tables.csv"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "packed" / name).read_text()
    texts = [(tmp_path / name / "report.md").read_text().splitlines() for name in ("whole", "packed")]
    pictures = {line for line in texts[0] if "anytime" in line}
    assert pictures
    assert [line for line in texts[0] if line not in pictures and line] == [line for line in texts[1] if line]


def test_a_cell_that_is_there_already_is_not_taken_twice(made, tmp_path):
    records.write(tmp_path / "runs" / "x", made(), "")
    pack([made(), made(seed=1)], tmp_path / "a.csv.gz")
    assert len(from_folders([tmp_path / "runs", tmp_path / "a.csv.gz"]).records) == 2


def test_two_records_of_one_address_are_refused(made, tmp_path):
    with pytest.raises(InputError, match="two records have this address"):
        pack([made(), made()], tmp_path / "a.csv.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"address,target\n", "not compressed by gzip"),
        (gzip.compress(b"address,target\n"), "it has no column repeat of repeat"),
        (gzip.compress(b"\xff"), "utf-8"),
        (gzip.compress(b"a" * 1000)[:20], "not compressed by gzip"),
    ],
    ids=["plain", "columns", "characters", "cut"],
)
def test_other_files_are_refused(content, message, tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises(InputError, match=message):
        unpack(tmp_path / "a.csv.gz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [(",true,", ",yes,", "no JSON"), (",true,", ",3,", "feasible is 3"), ('""seed"": 0', '""seed"": ""0""', "seed")],
)
def test_a_changed_table_is_refused_with_the_reason(old, new, message, made, tmp_path):
    pack([made()], tmp_path / "a.csv.gz")
    text = gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode()
    assert old in text
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.replace(old, new, 1).encode()))
    with pytest.raises(InputError, match=message):
        unpack(tmp_path / "a.csv.gz")


def repacked(text, path, head, value):
    """Write a table with another value in the first row of a column; None takes the column out."""
    rows = list(csv.reader(io.StringIO(text)))
    place = rows[0].index(head)
    rows[1][place] = value
    rows = [[*row[:place], *row[place + 1 :]] for row in rows] if value is None else rows
    changed = io.StringIO()
    csv.writer(changed).writerows(rows)
    path.write_bytes(gzip.compress(changed.getvalue().encode()))


@pytest.mark.parametrize(
    ("head", "value", "message"),
    [
        ("genes", "[300]", "architecture"),
        ("genes", '{"a": 1}', "architecture"),
        ("genes", "", "architecture"),
        ("genes", None, "architecture"),
        ("accuracy", '"x"', "accuracy"),
        ("best_known", "[1]", "best_known"),
        ("settings", '{"config": [1]}', "format"),
        ("settings", '{"config": null}', "format"),
        ("settings", "", "no JSON"),
    ],
)
def test_whatever_a_column_holds_is_refused_in_words(head, value, message, tmp_path):
    path = tmp_path / "a.csv.gz"
    pack([rich()], path)
    repacked(gzip.decompress(path.read_bytes()).decode(), path, head, value)
    with pytest.raises(InputError, match=message):
        unpack(path)


def test_a_record_of_very_many_targets_is_read_again(tmp_path):
    """The csv module refuses values of more than 131,072 characters by default."""
    record = replace(rich(), config={**rich().config, "targets": {"values": [1 / 3] * 10_000}})
    pack([record], tmp_path / "a.csv.gz")
    assert len(unpack(tmp_path / "a.csv.gz")[0].config["targets"]["values"]) == 10_000


def test_a_file_that_could_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(compact, "LARGEST", 500)
    with pytest.raises(InputError, match="larger than 500 bytes"):
        pack([rich()], tmp_path / "a.csv.gz")
    assert not (tmp_path / "a.csv.gz").exists()


def test_damaged_compression_is_refused(tmp_path):
    pack([rich()], tmp_path / "a.csv.gz")
    content = (tmp_path / "a.csv.gz").read_bytes()
    for place in range(10, len(content), 40):
        (tmp_path / "b.csv.gz").write_bytes(content[:place] + b"\xff\xff\xff" + content[place + 3 :])
        with pytest.raises(InputError, match="not readable as records"):
            unpack(tmp_path / "b.csv.gz")


def test_a_gathering_of_nothing_readable_is_refused(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(b"")
    with pytest.raises(InputError, match="not readable as records"):
        from_folders([tmp_path / "a.csv.gz"], Gathered())
