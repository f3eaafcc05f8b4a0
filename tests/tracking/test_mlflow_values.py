"""Cells and sweeps in MLflow: last values, valid names, tables, commits, a link."""

import json
import math
import shlex
import subprocess
from pathlib import Path

import pytest
from nasty import NASTY_NAMES
from plain import plain_record

from ofa_bench.commands.cli.messages import show_logs
from ofa_bench.commands.cli.terminal import mlflow_lines
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.store_uri import sqlite_uri
from ofa_bench.errors import InputError
from ofa_bench.records import commits
from ofa_bench.records import record as records
from ofa_bench.records.rows import totals
from ofa_bench.tracking import sweep as mlflow_sweep
from ofa_bench.tracking import values as mlflow_values
from ofa_bench.tracking.inputs import inputs
from ofa_bench.tracking.names import clean, safe
from ofa_bench.tracking.series import up_to_target


def shown(metrics):
    """Return what MLflow shows of metrics: of each key the value of the last step; of equal ones, the largest."""
    last = {}
    for metric in metrics:
        last[metric.key] = max(last.get(metric.key, (-math.inf, 0.0)), (metric.step, metric.value))
    return {key: value for key, (_, value) in last.items()}


def compared(record, regret=0.001):
    """Return regrets that differ to the results of a record; one has none."""
    results = record.results
    for i, result in enumerate(results[1:]):
        result.regret = regret * i
    return record


@pytest.mark.parametrize("targets", [(30.0, 20.0), (20.0, 20.0, 30.0), (20.04, 30.5, 20.041), (25.00001, 25.00002)])
def test_the_last_value_of_a_series_is_that_of_all_targets(made, targets):
    record = compared(made(targets=targets))
    total, last = totals(record), shown(mlflow_values.metrics(record))
    found = {key.partition("_up_to_target")[0]: value for key, value in last.items() if "_up_to_target" in key}
    assert found == {
        "all_targets/accuracy_percent": pytest.approx(100 * total.accuracy),
        "all_targets/regret_points": pytest.approx(100 * total.regret),
        "all_targets/seconds": pytest.approx(total.seconds),
    }
    for key in ("accuracy_percent", "regret_points", "seconds"):
        assert found[f"all_targets/{key}"] == pytest.approx(last[f"all_targets/{key}"])


def test_series_leave_out_what_is_infeasible(made):
    record = made(targets=(30.0, 20.0))
    for repeat in record.repeats[:2]:
        vars(repeat.results[1]).update(feasible=False, accuracy=None)
    series = up_to_target(record)
    assert [step for step, _ in series["accuracy_percent_up_to_target"]] == [20, 30]
    assert series["accuracy_percent_up_to_target"][0][1] == pytest.approx(100 * record.repeats[2].results[1].accuracy)
    assert series["accuracy_percent_up_to_target"][1][1] == pytest.approx(100 * totals(record).accuracy)
    assert series["regret_points_up_to_target"] == []
    for repeat in record.repeats:
        for result in repeat.results:
            vars(result).update(feasible=False, accuracy=None)
    assert up_to_target(record)["accuracy_percent_up_to_target"] == []


def test_each_target_has_its_own_values_and_the_end_of_its_curve(made):
    record = made(strategy="bottom_up", targets=(30.0, 20.0, 20.0))
    last = shown(mlflow_values.metrics(record))
    for i, place in enumerate(("30 ms", "20 ms", "20 ms no. 2")):
        several = [repeat.results[i] for repeat in record.repeats]
        mean = sum(result.accuracy for result in several) / len(several)
        assert last[f"target/{place}: accuracy_percent"] == pytest.approx(100 * mean)
        curve = last[f"progress/{place}: accuracy_percent by evaluations"]
        assert curve == pytest.approx(100 * several[0].accuracy)


def test_numbers_are_finite_of_seven_digits_and_have_no_negative_zero():
    assert [clean(76.17777148882547), clean(12_348_150), clean(0.00963648160298)] == [76.17777, 12_348_150, 0.009636482]
    assert [clean(value) for value in (None, math.nan, math.inf, 1, 0.5)] == [None, None, None, 1, 0.5]
    assert math.copysign(1, clean(-0.0)) == 1


def test_keys_are_what_mlflow_takes():
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name

    keys = [*NASTY_NAMES, "a//b", "../a", "/a/", "a/./b", "ä ö", "x" * 900, "x" * 899 + "y", "a\nb", "."]
    taken = [safe(key) for key in keys]
    for key in taken:
        _validate_metric_name(key)
        _validate_param_name(key)
        assert 0 < len(key) <= 250
    assert safe("x" * 900) != safe("x" * 899 + "y")


def test_a_users_long_names_are_logged(tracker, tmp_path, made):
    record = made(targets=(30.0, 20.0))
    record.unit = "cycles of a [slow]/odd: machine " * 20
    keys = {f"key {i} " + "x" * 300: "v" * 7000 for i in range(150)}
    record.config["strategy"] = {**keys, "nan": math.nan}
    record.choices.strategy = "s" * 255
    records.write(tmp_path / "cell", record, "")
    sweep = tracker.open_sweep("id", "strategy=" + "s" * 9000, 0.0)
    run = tracker.client.get_run(tracker.log_cell(record, tmp_path / "cell", sweep))
    tracker.close_sweep(sweep, [record], failed=False)
    assert len(run.data.params) > 150
    assert {len(value) for key, value in run.data.params.items() if key.startswith("strategy.key")} == {6000}
    assert all(len(key) <= 250 for key in (*run.data.params, *run.data.metrics, *run.data.tags))
    assert len([key for key in run.data.metrics if key.startswith("target/")]) == 4
    parent = tracker.client.get_run(sweep)
    assert len(parent.info.run_name) == 250
    assert parent.data.metrics["sweep/cells"] == 1


def test_a_sweep_has_parameters_a_summary_and_what_it_was_made_from(tracker, made):
    several = [compared(made(strategy=one, seed=seed)) for one in ("vanilla", "bottom_up") for seed in (0, 1)]
    sweep = tracker.open_sweep("id", "strategy=vanilla,bottom_up seed=0,1", 0.0)
    tracker.close_sweep(sweep, several[:3], failed=True)
    assert tracker.client.get_run(sweep).data.params == {}  # it has not run in full; MLflow would keep these values
    tracker.close_sweep(sweep, several, failed=False)
    tracker.close_sweep(sweep, several, failed=False)
    run = tracker.client.get_run(sweep)
    params, metrics, tags = run.data.params, run.data.metrics, run.data.tags
    assert (params["swept.strategy"], params["swept.seed"]) == ("vanilla, bottom_up", "0, 1")
    assert (params["common.space"], params["common.repeats"], params["common.targets_values"]) == (
        "mbv3",
        "3",
        "30, 20",
    )
    assert (tags["strategy"], tags["space"]) == ("vanilla, bottom_up", "mbv3 (all cells)")
    cells = [totals(record) for record in several]
    assert metrics["sweep/cells"] == 4
    seconds = sum(repeat.seconds for record in several for repeat in record.repeats)
    assert metrics["sweep/search_seconds"] == pytest.approx(seconds)
    for name, (one, other) in (("vanilla", cells[:2]), ("bottom_up", cells[2:])):
        key = f"searches/{name}"
        assert metrics[f"{key}: mean accuracy_percent"] == pytest.approx(50 * (one.accuracy + other.accuracy))
        assert metrics[f"{key}: best accuracy_percent"] == pytest.approx(100 * max(one.accuracy, other.accuracy))
        assert metrics[f"{key}: mean regret_points"] == pytest.approx(50 * (one.regret + other.regret))
        assert metrics[f"{key}: mean seconds"] == pytest.approx((one.seconds + other.seconds) / 2)
    assert not any(key.startswith("all_targets/") for key in metrics)  # which would be one more bar among the cells'
    names = {(one.dataset.name, one.tags[0].value) for one in run.inputs.dataset_inputs}
    assert names == {("mbv3 toy", "latency table"), ("mbv3 toy", "accuracy predictor")}
    assert len(run.inputs.dataset_inputs) == 2


def test_searches_with_different_settings_are_never_averaged(made):
    several = [made(), made(last=",targets.first=2"), made(seed=1, last=",targets.first=2")]
    found = {metric.key for metric in mlflow_sweep.metrics(several) if "mean seconds" in metric.key}
    kinds = ("searches/vanilla", "searches/vanilla targets.first_2")
    assert found == {f"{kind}: mean seconds" for kind in kinds}


def test_the_run_of_a_control_says_what_it_is():
    """Name, variant and parameters differ from those of other searches from scratch, also where addresses do not."""
    plain = plain_record(address="s/d/p/vanilla/sqrt/t/seed=0")
    chain = "seed=0,budget.chain.order=ascending,budget.chain.warm_start.prunings=2,budget.match=seconds"
    budget = {"match": "seconds", "chain": "ascending"}
    matched = plain_record(address=f"s/d/p/vanilla/matched/t/{chain}", budget=budget)
    assert mlflow_values.tags(plain, "")["variant"] == "joint"
    assert mlflow_values.tags(matched, "")["variant"] == "joint, equal seconds (ascending, warm_start.prunings=2)"
    assert mlflow_values.name(matched).startswith("joint, equal seconds (ascending, warm_start.prunings=2) mbv3 d ")
    assert {"match": "seconds", "chain": "ascending"}.items() <= {
        one.key: one.value for one in mlflow_values.params(matched)
    }.items()
    assert not {"match", "chain"} & {one.key for one in mlflow_values.params(plain)}


def test_parameters_have_the_keys_of_strategy_and_predictor_and_the_classes_of_their_parts():
    record = plain_record()
    record.config |= {
        "predictor": {"_target_": "p", "noise": 0.3, "of": {"_target_": "q", "weights": [1, 2]}},
        "strategy": {
            "_target_": "s", "initial": 9, "evolution": {"parents": 3},
            "inner": {"_target_": "i", "batch": None}, "model": {"_target_": "m", "_partial_": True},
        },
    }  # fmt: skip
    found = {one.key: one.value for one in mlflow_values.params(record)}
    assert {key: found[key] for key in found if key.startswith(("predictor.", "strategy."))} == {
        "predictor.noise": "0.3", "predictor.of": "q", "predictor.of.weights": "[1, 2]",
        "strategy.initial": "9", "strategy.inner": "i", "strategy.inner.batch": "None", "strategy.model": "m",
    }  # fmt: skip
    assert found["predictor"] == record.choices.predictor


def test_inputs_have_hash_and_source(made):
    record = made()
    vars(record.choices).update(device="note10", predictor="mine")
    record.config |= {
        "device": {"_target_": "ofa_bench.predictors.latency_table", "device": "note10"},
        "predictor": {"_target_": "ofa_bench.predictors.own_predictor", "path": "mine"},  # a folder of that name
    }
    record.device.sha256, record.predictor.sha256 = "0123456789abcdef" * 4, "f" * 64
    table, predictor = (one.dataset for one in inputs([record, record]))
    assert (table.name, table.digest, table.source_type) == ("mbv3 note10", ("0123456789abcdef" * 4)[:36], "ofa_bench")
    assert json.loads(table.profile)["sha256"] == "0123456789abcdef" * 4
    assert (predictor.name, predictor.digest, predictor.source_type) == ("mbv3 mine", "f" * 36, "local")
    assert json.loads(predictor.source) == {"uri": "mine"}


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    ran = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def test_the_projects_commit_is_in_records_and_tags(tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commits, "_commit", commits._commit.__wrapped__)
    assert "project" not in commits.commits()
    git(tmp_path, "init", "-q")
    assert "project" not in commits.commits()  # nothing is committed
    (tmp_path / "strategy.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert commits.commits()["project"] == commit
    record = made(seed=3)
    for (project, ours), wanted in {
        ("", ""): None, ("", "1" * 40): ("1" * 40, "false"), (f"{commit}-dirty", "1" * 40): (commit, "true"),
    }.items():  # fmt: skip
        record.made.commits = {"project": project, "ofa_bench": ours}
        tags = mlflow_values.tags(record, "0" * 64)
        found = tuple(tags.get(f"mlflow.source.git.{key}") for key in ("commit", "dirty"))
        assert found == (wanted or (None, None))
    (tmp_path / "strategy.py").write_text("2")
    assert commits.commits()["project"] == f"{commit}-dirty"
    monkeypatch.setenv("PATH", "")
    assert commits.commits() == {}


def test_the_link_opens_the_table_of_runs_in_our_view(tracker, store, request):
    config = TrackingConfig(store[0], store[1], request.node.name)
    page = f"#/experiments/{tracker.experiment}/runs?workflowType=machine_learning&viewStateShareKey=ofa_bench"
    command, link = mlflow_lines(config)
    assert command == f"mlflow ui --host 127.0.0.1 --backend-store-uri {store[0]}"
    assert link == f"http://127.0.0.1:5000/{page}"
    tags = tracker.client.get_experiment(tracker.experiment).tags
    state = json.loads(tags["mlflow.sharedViewState.ofa_bench"])
    wanted = ["strategy", "space", "accuracy_percent", "regret_points", "seconds", "evaluations"]
    assert [column.partition(".")[2].strip("`").rpartition("/")[2] for column in state["columnOrder"][:6]] == wanted
    assert mlflow_lines(config) == [command, link]


def test_without_a_store_that_can_be_used_there_is_no_link(tmp_path, capsys):
    show_logs()
    assert mlflow_lines(TrackingConfig()) == []
    assert mlflow_lines(TrackingConfig("databricks")) == ["databricks"]
    (tmp_path / "bad.db").write_bytes(b"x" * 999)
    uri = f"sqlite:///{tmp_path}/bad.db"
    assert mlflow_lines(TrackingConfig(uri)) == [f"mlflow ui --host 127.0.0.1 --backend-store-uri {uri}"]
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_the_printed_command_is_one_that_a_shell_reads_back(name, monkeypatch):
    monkeypatch.setattr("ofa_bench.commands.cli.terminal.try_log", lambda *_: None)
    uri = sqlite_uri(Path("/nowhere") / name / "mlflow.db")
    [command] = mlflow_lines(TrackingConfig(uri))
    assert shlex.split(command)[-1] == uri


@pytest.mark.parametrize(
    "name", ["nets", "my nets", ".nets", "a..b", "", " ", ".", "..", "../a", "a/b", "a:b", "..a", "/a"]
)
def test_a_registered_name_is_refused_where_mlflow_refuses_it(name):
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_model_name as theirs

    from ofa_bench.tracking.names import check_registered_name

    def refused(check, error):
        try:
            check()
        except error:
            return True
        return False

    ours = refused(lambda: check_registered_name("register", name), InputError)
    assert ours == refused(lambda: theirs(name), MlflowException), "MLflow's rule is another"
