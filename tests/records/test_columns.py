import csv
import io
import json
from operator import attrgetter

import pytest
from plain import change_record
from rich.console import Console

from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import summarize
from ofa_bench.analysis.tables import comparison
from ofa_bench.commands.cli.tables import print_tables
from ofa_bench.records import columns
from ofa_bench.records.columns import COLUMNS, Column
from ofa_bench.records.frame import tidy, write_csv
from ofa_bench.records.rows import totals
from ofa_bench.records.tables import summary
from ofa_bench.tracking import values


@pytest.fixture
def added(monkeypatch):
    """Add a column to the table."""
    column = Column(
        "looked_up", of_result=attrgetter("cost_lookups"), number=lambda row: row.mean_sum("cost_lookups"),
        spec=",.1f", total_metric="looked_up", target_metric="looked_up", head="looked up",
    )  # fmt: skip
    setting = Column("cores", of_record=attrgetter("made.cores"), parameter="cores")
    for module in (columns, values):
        monkeypatch.setattr(module, "COLUMNS", (*COLUMNS, column, setting))


@pytest.mark.usefixtures("added")
def test_a_new_column_is_one_entry_and_shows_everywhere(made, tmp_path):
    record = made()
    results = record.results
    mean = sum(one.cost_lookups for one in results) / len(record.repeats)
    shown = io.StringIO()
    print_tables([record], Console(file=shown, width=120))
    assert "looked up" in shown.getvalue()
    assert f" {mean:,.1f}" in shown.getvalue()
    assert f"{mean:,.1f}" in summary({"a": totals(record)})
    write_csv([record], tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        assert [int(row["looked_up"]) for row in csv.DictReader(file)] == [one.cost_lookups for one in results]
    table = tidy([record])
    assert table["looked_up"].tolist() == [one.cost_lookups for one in results]
    assert set(table["cores"]) == {record.made.cores}
    metrics = {metric.key: metric.value for metric in values.metrics(record)}
    assert metrics["all_targets/looked_up"] == pytest.approx(mean)
    of_30 = [repeat.results[0].cost_lookups for repeat in record.repeats]
    assert metrics["target/30 ms: looked_up"] == pytest.approx(sum(of_30) / len(of_30))
    assert {param.key: param.value for param in values.params(record)}["cores"] == str(record.made.cores)
    [study] = studies([record])
    report = comparison(summarize(study))
    assert report.rows[0][report.heads.index("looked up")] == f"{mean:,.1f}"


def test_names_of_columns_are_distinct():
    for key in ("name", "parameter", "head", "total_metric", "target_metric"):
        names = [getattr(column, key) for column in COLUMNS if getattr(column, key)]
        assert len(names) == len(set(names)), key


def test_the_tidy_table_has_a_row_for_each_target_of_each_repeat(made, tmp_path):
    records = [made(), made(strategy="bottom_up", seed=1)]
    table = tidy(records)
    assert len(table) == 2 * 3 * 2
    wanted = (
        "space device predictor strategy budget seed repeat target unit accuracy cost regret evaluations "
        "unique_evaluations seconds architecture"
    )
    assert set(wanted.split()) <= set(table.columns)
    last, result = table.iloc[-1], records[1].repeats[2].results[1]
    assert (last["strategy"], last["seed"], last["repeat"], last["target"]) == ("bottom_up", 1, 2, 20.0)
    assert (last["accuracy"], last["cost"]) == (result.accuracy, result.cost)
    assert last["architecture"] == result.architecture
    assert table["regret"].isna().all()
    assert table["regret"].dtype == float
    write_csv(records, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        *_, row = csv.DictReader(file)
    assert float(row["accuracy"]) == result.accuracy
    assert json.loads(row["architecture"]) == result.architecture
    assert row["regret"] == ""


def test_no_records_give_an_empty_table_with_all_columns():
    table = tidy([])
    assert (len(table), list(table.columns)) == (0, [column.name for column in COLUMNS if column.name])


def test_rows_of_data_say_of_what_a_control_had_as_much_and_how_much(made):
    control = change_record(made(), budget={"match": "seconds", "chain": "ascending"})
    control.repeats[0].limit = 1.5
    table = tidy([made(), control])
    assert table.match.dropna().unique().tolist() == ["seconds"]
    assert table.chain.dropna().unique().tolist() == ["ascending"]
    limited = table[(table.match == "seconds") & (table["repeat"] == control.repeats[0].repeat)]
    assert limited.limit.tolist() == [1.5] * len(control.targets)
    assert table.limit.count() == len(control.targets)
