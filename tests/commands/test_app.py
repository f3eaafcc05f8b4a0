"""The command as users run it, in an empty directory."""

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT, findings

SWEEP = (
    "-m", "strategy=vanilla,top_down,bottom_up", "predictor=embedded", "budget=quick", "evolution.population_size=30",
)  # fmt: skip
DEVICES = ROOT / "ofa_bench" / "data" / "devices"
CELLS = "mbv3/note10/embedded/{}/quick/default/seed=0,evolution.population_size=30"


def record(folder, strategy):
    return json.loads((folder / "multirun" / CELLS.format(strategy) / "record.json").read_text())


def test_sweep_from_start_to_end(ofa_bench, own_process, tmp_path):
    first = own_process(*SWEEP)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    for message in (
        "vanilla",
        "top_down",
        "bottom_up",
        "Accuracy: by the predictor above.",
        "results: ",
        "mlflow ui --host 127.0.0.1",
    ):
        assert message in first.stdout
    found = {strategy: record(tmp_path, strategy) for strategy in ("vanilla", "top_down", "bottom_up")}
    targets = found["vanilla"]["targets"]
    for strategy, one in found.items():
        for result in one["repeats"][0]["results"]:
            assert result["cost"] <= result["target"]
        assert f"{100 * sum(r['accuracy'] for r in one['repeats'][0]['results']) / 10:.2f}" in first.stdout, strategy
    evaluations = {s: sum(r["evaluations"] for r in one["repeats"][0]["results"]) for s, one in found.items()}
    assert evaluations == {"vanilla": 30 * 26 * 10, "top_down": 30 * (26 + 9 * 6), "bottom_up": 30 * (26 + 9 * 6)}
    # In pairs: the chains' first searches are vanilla's of the same target.
    for strategy, place in (("top_down", -1), ("bottom_up", 0)):
        assert findings(found[strategy])[0][place] == findings(found["vanilla"])[0][place]
    assert targets[0] < targets[-1]
    _check_mlflow(tmp_path, found)

    again = ofa_bench(*SWEEP)
    assert again.returncode == 0
    assert again.stderr.count("already there, skipped") == 3
    assert {strategy: record(tmp_path, strategy) for strategy in found} == found
    _check_mlflow(tmp_path, found)


def _check_mlflow(folder, found):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("ofa_bench")
    assert experiment.artifact_location == (folder / "mlartifacts").as_uri()
    runs = client.search_runs([experiment.experiment_id])
    sweeps = [run for run in runs if run.data.tags["ofa_bench.kind"] == "sweep"]
    cells = {run.data.params["strategy"]: run for run in runs if run.data.tags["ofa_bench.kind"] == "cell"}
    assert len(sweeps) == 1
    assert len(runs) == 4
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {item.path for item in client.list_artifacts(sweeps[0].info.run_id)} == {"figures", "results.csv"}
    drawn = {item.path for item in client.list_artifacts(sweeps[0].info.run_id, "figures")}
    ends = ("accuracy", "regret", "fronts", "anytime")
    assert drawn == {f"figures/mbv3_note10_embedded_{end}.png" for end in ends}
    for strategy, one in found.items():
        run, results = cells[strategy], one["repeats"][0]["results"]
        assert run.data.tags["mlflow.parentRunId"] == sweeps[0].info.run_id
        assert run.data.tags["ofa_bench.predictor_sha256"] == one["predictor"]["sha256"]
        assert run.data.params["warm_generations"] == "5"
        assert run.data.params["evolution.population_size"] == "30"
        assert run.data.params.get("strategy.order") == {"top_down": "descending", "bottom_up": "ascending"}.get(
            strategy
        )
        assert run.data.metrics["target/25 ms: accuracy_percent"] == pytest.approx(100 * results[2]["accuracy"])
        assert run.data.metrics["all_targets/seconds"] == pytest.approx(one["repeats"][0]["seconds"])
        assert (run.data.tags["strategy"], run.data.tags["sweep"]) == (strategy, sweeps[0].info.run_name)
        curve = client.get_metric_history(run.info.run_id, "progress/25 ms: accuracy_percent by evaluations")
        steps = {point.step for point in curve}
        assert {*(point[1] for point in results[2]["curve"]), results[2]["evaluations"]} <= steps
        assert max(steps) == results[2]["evaluations"]
        series = client.get_metric_history(run.info.run_id, "all_targets/accuracy_percent_up_to_target")
        assert sorted(point.step for point in series) == one["targets"]
        metrics = run.data.metrics
        assert metrics["all_targets/accuracy_percent_up_to_target"] == pytest.approx(
            metrics["all_targets/accuracy_percent"]
        )
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert names == {"accuracy.png", "config.yaml", "record.json", "results.csv"}


def test_searches_one_after_another_find_the_same(ofa_bench, tmp_path):
    small = ("evolution.population_size=40", "targets=paper2", "repeats=2", "tracking=none")
    once = ("strategy=vanilla", "budget=quick", *small)
    together = ofa_bench(*once, "output=together", "threads=3")
    alone = ofa_bench(*once, "output=alone", "lockstep=false", "threads=1", OFA_BENCH_COMPILED="0")
    assert (together.returncode, alone.returncode) == (0, 0)
    assert "Seconds: searches advanced together, on up to 3 cores" in " ".join(together.stdout.split())
    assert "Seconds: one search after another, on 1 core, loops not compiled." in " ".join(alone.stdout.split())
    first, second = (
        json.loads(next((tmp_path / output).rglob("record.json")).read_text()) for output in ("together", "alone")
    )
    assert first["identity"] == second["identity"]
    assert findings(first) == findings(second)
    assert [(one["made"]["lockstep"], one["made"]["threads"]) for one in (first, second)] == [(True, 3), (False, 1)]
    assert second["made"]["compiled"] is False
    assert first["predictor"]["pruning"]["kept"] == [192, 192]


def test_single_cell_with_odd_targets(ofa_bench, tmp_path):
    values = "targets.values=[60,5,20,30]"
    ran = ofa_bench("strategy=top_down", values, "budget=quick", "tracking=none", "repeats=2")
    assert ran.returncode == 0, ran.stderr
    assert "infeasible" in ran.stdout
    assert "± " in ran.stdout
    (path,) = (tmp_path / "multirun").rglob("record.json")
    results = json.loads(path.read_text())["repeats"][0]["results"]
    assert [result["target"] for result in results] == [60, 5, 20, 30]
    assert [result["feasible"] for result in results] == [True, False, True, True]
    assert (path.parent / "config.yaml").read_text().count("order: descending") == 1


def test_full_error_still_shows_everything(ofa_bench):
    ran = ofa_bench("targets.values=[5]", "tracking=none", HYDRA_FULL_ERROR="1")
    assert ran.returncode == 2
    assert "Traceback" in ran.stderr


def test_one_bad_cell_does_not_stop_the_others(ofa_bench, tmp_path):
    ran = ofa_bench("-m", "targets=single", "targets.values=[5],[20]", "budget=quick")
    assert ran.returncode == 2
    assert "targets: 5 ms cannot be met" in ran.stderr
    assert ran.stderr.endswith("ofa_bench: 1 of 2 cells failed; their errors are above\n")
    assert ran.stderr.count("\n") == 2
    assert len(list((tmp_path / "multirun").rglob("record.json"))) == 1
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("ofa_bench").experiment_id])
    status = {run.data.tags["ofa_bench.kind"]: run.info.status for run in runs}
    assert status == {"sweep": "FAILED", "cell": "FINISHED"}


def test_a_sweep_of_which_nothing_can_be_shown_is_not_in_mlflow(ofa_bench, tmp_path):
    ran = ofa_bench("-m", "targets=single", "targets.values=[5],[6]", "budget=quick")
    assert ran.returncode == 2
    assert ran.stderr.count("cannot be met") == ran.stderr.count("\n") == 2
    assert not (tmp_path / "mlflow.db").exists()


def test_a_store_that_fails_loses_no_record(ofa_bench, tmp_path):
    ran = ofa_bench(
        "-m", "strategy=vanilla,top_down", "budget=quick", "targets=paper2",
        "tracking.uri=sqlite:////proc/nowhere/mlflow.db",
    )  # fmt: skip
    assert ran.returncode == 0
    assert "MLflow at sqlite:////proc/nowhere/mlflow.db cannot be used; records are on disk" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(list((tmp_path / "multirun").rglob("record.json"))) == 2


def test_a_store_that_fails_while_logging_loses_no_record_and_is_mended_later(ofa_bench, tmp_path):
    arguments = ("-m", "strategy=vanilla,top_down", "budget=quick", "targets=paper2")
    (tmp_path / "mlartifacts").write_text("a file where MLflow wants a folder")
    ran = ofa_bench(*arguments)
    assert ran.returncode == 0
    assert "cannot be used; records are on disk" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "top_down" in ran.stdout
    assert len(list((tmp_path / "multirun").rglob("record.json"))) == 2
    (tmp_path / "mlartifacts").unlink()
    again = ofa_bench(*arguments)
    assert "records are on disk" not in again.stderr
    runs = _runs(tmp_path)
    assert sorted(run.info.status for run in runs) == ["FINISHED"] * 3


def _runs(folder):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    return client.search_runs([client.get_experiment_by_name("ofa_bench").experiment_id])


def test_an_experiment_deleted_in_mlflow_comes_back(ofa_bench, tmp_path):
    from mlflow import MlflowClient

    assert ofa_bench("budget=quick", "targets=paper1").returncode == 0
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    client.delete_experiment(client.get_experiment_by_name("ofa_bench").experiment_id)
    ran = ofa_bench("-m", "budget=quick", "targets=paper1", "seed=1,2")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(_runs(tmp_path)) >= 3


def test_server_that_is_down_costs_seconds_and_no_record(ofa_bench, tmp_path):
    arguments = (
        "-m",
        "seed=0,1",
        "budget=quick",
        "targets=paper1",
        "tracking=server",
        "tracking.uri=http://127.0.0.1:9",
    )
    ran = ofa_bench(*arguments)
    assert ran.returncode == 0
    assert "MLflow at http://127.0.0.1:9 cannot be used; records are on disk" in ran.stderr
    assert ran.stderr.count("records are on disk") == 1
    sync = f"ofa_bench sync {tmp_path}/multirun uri=http://127.0.0.1:9"
    assert f"MLflow lacks 2 records and the end of this sweep; this sends it: {sync}\n" in ran.stderr
    assert ran.stderr.count("\n") == 2, ran.stderr
    assert len(list((tmp_path / "multirun").rglob("record.json"))) == 2


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_finished_cells(tmp_path, sent):
    process = subprocess.Popen(
        [sys.executable, "-m", "ofa_bench", "-m", "seed=0,1", "targets=paper1", "tracking=none",
         "budget.generations=5,1000000"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where the tests run in the background too
    )  # fmt: skip
    for _ in range(600):
        if list(tmp_path.rglob("record.json")):
            break
        time.sleep(0.1)
    process.send_signal(sent)
    assert process.communicate(timeout=30)[1].count("interrupted; finished cells are kept") == 1
    assert process.returncode == 130
    assert len(list(tmp_path.rglob("record.json"))) == 1


MASKED = """
import os, signal, sys
from pkgutil import resolve_name
import ofa_bench.commands.run

def interrupted(*_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        raise AttributeError("as when the interrupt hits a library's clean-up")

module, name = sys.argv.pop(1).split(":")
setattr(resolve_name(module), name, interrupted)
ofa_bench.commands.run.main()
"""


@pytest.mark.parametrize("where", ["ofa_bench.commands.run:commands", "ofa_bench.commands.cell:_find_or_run"])
def test_interrupt_that_became_another_error_is_an_interrupt(tmp_path, where):
    command = [sys.executable, "-c", MASKED, where, "-m", "seed=0,1", "targets=paper1", "tracking=none"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    message = "ofa_bench: interrupted; finished cells are kept, the same command continues\n"
    assert (ran.returncode, ran.stderr) == (130, message)


@pytest.mark.parametrize("output", ["mine", "."])
def test_a_users_empty_folder_is_not_removed(ofa_bench, tmp_path, output):
    (tmp_path / "mine").mkdir()
    assert ofa_bench(f"output={output}", "targets.values=[5]", "tracking=none").returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert list((tmp_path / "mine").iterdir()) == []


def test_official_predictor_offline_is_one_line(ofa_bench, tmp_path):
    nowhere = {"OFA_BENCH_ASSETS": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    ran = ofa_bench("predictor=official", "tracking=none", **nowhere)
    assert ran.returncode == 2
    assert "asset ofa/acc_predictor.pth: not under OFA_BENCH_ASSETS (" in ran.stderr
    assert "or use another predictor, such as predictor=embedded" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_record_of_another_config_is_refused(ofa_bench, tmp_path):
    arguments = ("budget=quick", "targets=paper1", "tracking=none")
    assert ofa_bench(*arguments).returncode == 0
    (path,) = (tmp_path / "multirun").rglob("record.json")
    content = json.loads(path.read_text()) | {"identity": "another"}
    path.write_text(json.dumps(content))
    ran = ofa_bench(*arguments)
    assert ran.returncode == 2
    assert "holds a record of another config, predictor, table or strategy code" in ran.stderr
    assert json.loads(path.read_text()) == content


SMALL = ("budget=quick", "evolution.population_size=20", "tracking=none")


def found(folder):
    """Return all records below a folder, by space and device."""
    records = [json.loads(path.read_text()) for path in folder.rglob("record.json")]
    return {(one["choices"]["space"], one["choices"]["device"]): one for one in records}


def test_spaces_and_devices_are_swept_each_with_its_own_targets(ofa_bench, tmp_path):
    ran = ofa_bench("-m", "space=mbv3,compofa", "device=note10,macs", *SMALL[:2])
    assert (ran.returncode, ran.stderr) == (0, "")
    records = found(tmp_path)
    assert set(records) == {(space, device) for space in ("mbv3", "compofa") for device in ("note10", "macs")}
    for (space, device), one in records.items():
        assert f"{space} / {device} / measured / quick / default / " in ran.stdout
        assert one["unit"] == {"note10": "ms", "macs": "MMACs"}[device]
        assert len(one["targets"]) == 10
        assert one["config"]["targets"]["values"] is None
    assert records["mbv3", "note10"]["targets"] == [15, 20, 25, 30, 35, 40, 45, 50, 55, 60]
    assert ran.stdout.count("Accuracy: by the predictor above.") == 1
    assert ran.stdout.count("cost MMACs") == ran.stdout.count("cost ms") == 2
    cells = [run for run in _runs(tmp_path) if run.data.tags["ofa_bench.kind"] == "cell"]
    assert len({run.info.run_name for run in cells}) == len(cells) == 4
    assert {run.data.params["unit"] for run in cells} == {"ms", "MMACs"}


def test_three_spaces_with_nothing_but_the_package(ofa_bench, tmp_path):
    """The command of the README: each space with its own genes, predictor, device and targets, and no file of OFA's."""
    swept = ("-m", "strategy=vanilla,top_down,bottom_up", "space=mbv3,resnet50d,proxyless")
    small = ("budget=quick", "evolution.population_size=30", "tracking=none")
    done = ofa_bench(*swept, *small, OFA_BENCH_ASSETS=str(tmp_path / "none"), XDG_CACHE_HOME=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in sorted((tmp_path / "multirun").rglob("record.json"))]
    assert len(found) == 9
    about = {(one["choices"]["space"], one["choices"]["device"], one["predictor"]["name"]) for one in found}
    assert about == {
        ("mbv3", "note10", "measured"),
        ("resnet50d", "cpu_onnx", "embedded"),
        ("proxyless", "cpu_onnx", "measured"),
    }
    for one in found:
        assert (one["unit"], len(one["targets"])) == ("ms", 10)
        results = one["repeats"][0]["results"]
        assert all(result["feasible"] and result["cost"] <= result["target"] for result in results)
        assert results[0]["accuracy"] < results[5]["accuracy"] <= results[-1]["accuracy"] + 0.003
    keys = {one["choices"]["space"]: set(one["repeats"][0]["results"][0]["architecture"]) for one in found}
    assert keys["resnet50d"] == {"d", "e", "w", "image_size"}
    genes = {one["choices"]["space"]: len(one["repeats"][0]["results"][0]["genes"]) for one in found}
    assert genes == {"mbv3": 46, "resnet50d": 30, "proxyless": 48}


def test_quantiles_are_recorded_as_costs(ofa_bench, tmp_path):
    assert ofa_bench("-m", "targets=quantiles", "device=macs,note10", *SMALL).returncode == 0
    for one in found(tmp_path).values():
        assert one["unit"] == {"note10": "ms", "macs": "MMACs"}[one["choices"]["device"]]
        assert len(one["targets"]) == len(one["config"]["targets"]["quantiles"]) == 10
        assert one["device"]["minimum"] < one["targets"][0] < one["targets"][-1] < one["device"]["maximum"]


@pytest.fixture
def phone(tmp_path):
    """Return a folder with a made-up phone's table: the Note10's under another name, with other targets."""
    table = json.loads((DEVICES / "note10" / "mbv3.json").read_text()) | {"targets": [25, 35]}
    (tmp_path / "my" / "phone").mkdir(parents=True)
    (tmp_path / "my" / "phone" / "mbv3.json").write_text(json.dumps(table))
    (tmp_path / "tablet.json").write_text(json.dumps(table))
    return tmp_path / "my" / "phone"


@pytest.mark.parametrize("launcher", [(), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")], ids=["here", "joblib"])
def test_a_users_tables_are_devices(ofa_bench, own_process, tmp_path, phone, launcher):
    run = own_process if launcher else ofa_bench
    ran = run("-m", f"device=note10,my/phone,{tmp_path}/tablet.json", "space=mbv3,compofa", *SMALL, *launcher)
    assert (ran.returncode, ran.stderr) == (0, "")
    records = found(tmp_path)
    assert set(records) == {
        (space, device) for space in ("mbv3", "compofa") for device in ("note10", "phone", "tablet")
    }
    for name, path in (("phone", "my/phone"), ("tablet", "tablet.json")):
        one = records["mbv3", name]
        assert (one["device"]["name"], one["targets"]) == (name, [25, 35])
        assert one["config"]["device"]["device"] == path
        assert one["address"].startswith(f"mbv3/{name}/measured/vanilla/quick/default/seed=0")
        assert (tmp_path / "multirun" / one["address"] / "record.json").is_file()


def test_a_changed_table_is_refused_at_the_same_address(ofa_bench, tmp_path, phone):
    assert ofa_bench("device=./my/phone/", *SMALL).returncode == 0
    again = ofa_bench(f"device={phone}", *SMALL)
    assert (again.returncode, again.stderr.count("already there, skipped")) == (0, 1)
    table = json.loads((phone / "mbv3.json").read_text())
    (phone / "mbv3.json").write_text(json.dumps(table | {"card": {}}))
    ran = ofa_bench("device=my/phone", *SMALL)
    assert ran.returncode == 2
    assert "holds a record of another config, predictor, table or strategy code" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["device=my/phone", "space=proxyless"], "device=my/phone: it has no table for space proxyless, only for mbv3"),
        (
            ["device=tablet.json", "space=resnet50d"],
            "device=tablet.json: a table of format ofa_bench.cost_table/1 for space mbv3",
        ),
        (["device=bare.json"], "targets: device bare has none of its own for mbv3; give targets=quantiles"),
        (["device=bad.json"], "device=bad.json: not a cost table"),
        (["-m", "device=my/phone,other/phone"], "device=other/phone: would be called phone, as "),
        (["device=other/macs"], "device=other/macs: there is an option macs already; rename this file or folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_table_that_does_not_serve_is_one_line(ofa_bench, tmp_path, phone, arguments, message):
    for name in ("phone", "macs"):
        (tmp_path / "other" / name).mkdir(parents=True)
    table = json.loads((tmp_path / "tablet.json").read_text())
    (tmp_path / "bare.json").write_text(json.dumps(table | {"targets": []}))
    (tmp_path / "bad.json").write_text(json.dumps(table | {"targets": "few"}))
    ran = ofa_bench(*arguments, "tracking=none")
    assert ran.returncode == 2
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("record.json"))


def test_help_names_groups_and_examples(ofa_bench):
    ran = ofa_bench("run", "--help")
    assert ran.returncode == 0
    for message in (
        "strategy: bottom_up, differentiable, exhaustive, joint, linas, local_search, map_elites, nsga2, nsganetv2, ",
        "proxy, random, ",
        "  ofa_bench -m strategy=",
        "Exit codes",
    ):
        assert message in ran.stdout


@pytest.mark.parametrize(
    "command", ["import ofa_bench", "import sys; sys.argv = ['ofa_bench', 'run', '--help']; main()"]
)
def test_import_and_help_are_light(command, tmp_path):
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', [m for m in ('torch', 'mlflow', 'ofa') if m in sys.modules]))\n"
    ) + ("from ofa_bench.__main__ import main\n" if "main" in command else "")
    ran = subprocess.run(
        [sys.executable, "-c", code + command], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "LOADED []"
