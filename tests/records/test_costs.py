"""The name of a cost, and the statistic of a device's runs that it is, wherever it is shown."""

import csv
import json
from dataclasses import replace

import pytest

from ofa_bench.analysis.studies import studies
from ofa_bench.predictors import latency_table
from ofa_bench.records import record as records
from ofa_bench.records.costs import cost_name, describe_costs, guard_band_of
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.tracking import values as mlflow_values

WORDS = ("device=cpu_onnx", "strategy=random", "targets.first=2", "budget.generations=2",
         "evolution.population_size=10", "tracking.uri=null", "progress=false")  # fmt: skip
TABLE = latency_table(MobileNetV3Space(), "cpu_onnx")


@pytest.fixture(scope="module")
def found(forks, tmp_path_factory):
    """Search with and without the guard band: the folder, what was printed, and the records."""
    folder = tmp_path_factory.mktemp("searched")
    printed, read = {}, {}
    for guard in (False, True):
        done = forks.run("run", (*WORDS, *(["device.guard_band=true"] if guard else [])), folder)
        assert done.returncode == 0, done.stderr
        printed[guard] = done.stdout
    for path in (folder / "multirun").rglob("record.json"):
        read["guard_band" in str(path)] = records.read(path.parent)
    return folder, printed, read


def test_a_record_has_both_costs(found):
    _, _, read = found
    band = TABLE.card["guard_band"]
    assert (read[False].device.guard_band, read[True].device.guard_band) == (1, band)
    for result in read[True].repeats[0].results:
        row = MobileNetV3Space().from_ofa(result.architecture)
        assert result.table_cost == pytest.approx(TABLE.cost(row[None])[0], rel=1e-12)
        assert result.cost == pytest.approx(result.table_cost * band, rel=1e-12)
    assert read[False].repeats[0].results[0].table_cost is None
    assert (guard_band_of(read[True]), cost_name(read[True]), cost_name(read[False])) == (band, "guarded cost", "cost")
    old = replace(read[True], device=replace(read[True].device, guard_band=1.0))  # as of a file that lacks it
    assert guard_band_of(old) == band


def test_tables_name_the_guarded_cost_and_the_statistic(found):
    _, printed, read = found
    assert "guarded cost ms" in printed[True]
    assert "guarded" not in printed[False]
    assert " cost ms" in printed[False]
    message = "Targets and costs are the 10th percentile (p10) of the device's runs."
    for one in printed.values():
        assert message in " ".join(one.split())
    assert (
        describe_costs(read[True]) == f"{message} A guarded cost is the table's, raised by its guard band of 1.01258, "
        "a margin for the table's error."
    )


def test_mlflow_names_the_guarded_cost(found):
    _, _, read = found
    names = {guard: {metric.key for metric in mlflow_values.metrics(record)} for guard, record in read.items()}
    target = f"{read[True].targets[0]:g} ms"
    assert f"target/{target}: guarded cost" in names[True]
    assert f"target/{target}: cost" in names[False]
    assert f"target/{target}: cost" not in names[True]
    assert "guarded cost" in mlflow_values.tags(read[True], "0")["mlflow.note.content"]
    assert {param.key: param.value for param in mlflow_values.params(read[True])}["guard_band"] == "1.01258"


def test_a_report_sets_guarded_and_plain_searches_apart(found, forks):
    folder, _, read = found
    assert forks.run("report", ("multirun", "out=r"), folder).returncode == 0
    made = {study.device: study for study in studies(list(read.values()))}
    assert list(made) == ["cpu_onnx", "cpu_onnx, guard band 1.01258"]
    assert [study.cost_name for study in made.values()] == ["cost", "guarded cost"]
    assert "raised by its guard band of 1.01258" in (folder / "r" / "report.md").read_text()
    with (folder / "r" / "results.csv").open() as file:
        bands = {(row["guard_band"], row["address"].count("guard_band")) for row in csv.DictReader(file)}
    assert bands == {("1.0", 0), ("1.01258", 1)}
    assert json.loads((next((folder / "multirun").rglob("record.json"))).read_text())["device"]["card"]["guard_band"]
