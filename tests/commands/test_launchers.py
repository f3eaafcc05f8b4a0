"""Sweeps through each launcher: in processes of this machine, and on a cluster whose machines share no disk."""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import findings
from forking import Forks
from hydra import compose, initialize_config_dir
from serving import Server, free_port, mlflow_server

from ofa_bench.config.hydra_private import ONE_AFTER_ANOTHER
from ofa_bench.config.limits import available_cores
from ofa_bench.config.registration import register
from ofa_bench.config.schema import conf_dir

SMALL = ("budget=quick", "targets=paper1", "evolution.population_size=10", "progress=false")
CELLS = 6
LAUNCHERS = sorted(path.stem for path in (conf_dir() / "hydra" / "launcher").glob("*.yaml"))
EXTRAS = {"joblib": "parallel", "ray": "ray", "submitit_local": "slurm", "submitit_slurm": "slurm"}


def needs(plugin: str, extra: str) -> None:
    if importlib.util.find_spec(f"hydra_plugins.hydra_{plugin}_launcher") is None:
        pytest.skip(f"hydra-{plugin}-launcher is not installed: pip install 'ofa_bench[{extra}]'")


def seeds(cells: int) -> tuple[str, ...]:
    """Return the words of a sweep over seeds."""
    return ("-m", f"seed=range(0,{cells})", *SMALL)


def records(folder: Path) -> dict[int, dict]:
    """Read the records below a folder, by seed; each seed has one."""
    found = [json.loads(path.read_text()) for path in folder.rglob("record.json")]
    by_seed = {record["seed"]: record for record in found}
    assert len(by_seed) == len(found)
    return by_seed


def cells_in_mlflow(uri: str) -> list[str]:
    """Return the seeds of the runs of cells in MLflow, all of which have finished."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("ofa_bench")
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == len(runs) * ["FINISHED"]
    assert sum(run.data.tags["ofa_bench.kind"] == "sweep" for run in runs) == 1
    return sorted((run.data.tags["seed"] for run in runs if run.data.tags["ofa_bench.kind"] == "cell"), key=int)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> dict[int, dict]:
    """Return the records of the sweep whose cells run one after another."""
    folder = tmp_path_factory.mktemp("serial")
    ran = forks.run("run", (*seeds(CELLS), "tracking=none"), folder)
    assert ran.returncode == 0, ran.stderr
    found = records(folder)
    assert {record["made"]["threads"] for record in found.values()} == {available_cores()}
    return found


def check_same(found: dict[int, dict], serial: dict[int, dict], cells: int) -> None:
    assert sorted(found) == list(range(cells))
    assert {seed: findings(record) for seed, record in found.items()} == {
        seed: findings(serial[seed]) for seed in range(cells)
    }
    assert {record["made"]["threads"] for record in found.values()} == {1}


@pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/:UserWarning")
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_shipped_launchers_compose(launcher, monkeypatch):
    register()
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", [f"hydra/launcher={launcher}"], return_hydra_config=True).hydra.launcher
    assert config["_target_"] != ONE_AFTER_ANOTHER
    if launcher == "ray":
        assert config.ray.init.address == "head:6379"
        assert config.ray.remote.num_cpus == 1
    if launcher == "submitit_slurm":
        assert config.cpus_per_task == 1
        assert config.array_parallelism > 0


def test_joblib_loses_nothing_on_one_database(forks, tmp_path, serial):
    needs("joblib", "parallel")
    ran = forks.run("run", (*seeds(4), "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    check_same(records(tmp_path / "multirun"), serial, 4)
    assert cells_in_mlflow(f"sqlite:///{tmp_path}/mlflow.db") == ["0", "1", "2", "3"]


@pytest.mark.parametrize("launcher", ["submitit_local", "submitit_slurm"])
def test_submitit_finds_the_same(forks, tmp_path, serial, launcher):
    needs("submitit", "slurm")
    if launcher == "submitit_slurm" and (not shutil.which("sbatch") or subprocess.run("sinfo", check=False).returncode):
        pytest.skip("there is no Slurm cluster here")
    ran = forks.run("run", (*seeds(2), f"hydra/launcher={launcher}", "hydra.sweeper.max_batch_size=1"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert [line for line in ran.stderr.splitlines() if "sacct" not in line and "accounting" not in line] == []
    check_same(records(tmp_path / "multirun"), serial, 2)
    assert cells_in_mlflow(f"sqlite:///{tmp_path}/mlflow.db") == ["0", "1"]


def test_ray_brings_everything_back_though_a_machine_dies(tmp_path, serial):
    needs("ray", "ray")
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(mlflow_server(tmp_path / "server", port))
        uri = f"http://127.0.0.1:{port}"
        environment, workers = stack.enter_context(ray_cluster())
        stack.enter_context(killed_after_a_record(workers[-1]))
        to_server = ("hydra/launcher=ray", "tracking=server", f"tracking.uri={uri}")
        (tmp_path / "driver").mkdir()
        ran = subprocess.run(
            [sys.executable, "-m", "ofa_bench", *seeds(CELLS), *to_server],
            cwd=tmp_path / "driver", capture_output=True, text=True, timeout=300,
            env={**os.environ, **environment}, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr + ran.stdout
        for worker in workers:
            assert records(worker.folder), f"nothing was searched on {worker.folder.name}"
        assert workers[-1].process.poll() == -signal.SIGKILL
        check_same(records(tmp_path / "driver" / "multirun"), serial, CELLS)
        assert cells_in_mlflow(uri) == [str(seed) for seed in range(CELLS)]


@contextmanager
def ray_cluster() -> Iterator[tuple[dict[str, str], list[Server]]]:
    """Run a Ray head without cores and two workers with one each. Yield the driver's environment and the workers.

    The head notices within seconds that a machine is dead.
    """
    environment = {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "2",
    }  # fmt: skip
    command = [Path(sys.executable).with_name("ray"), "start", "--block", "--object-store-memory", 80 * 2**20]
    address = f"127.0.0.1:{free_port()}"
    nodes: list[Server] = []
    # Short, because the names of sockets must be.
    with tempfile.TemporaryDirectory(prefix="ofa", ignore_cleanup_errors=True) as name:

        def start(node: str, *words: object) -> Server:
            folder = Path(name, node)
            nodes.append(Server(folder, [*command, *words, "--temp-dir", folder / "t"], **environment))
            return nodes[-1]

        def wait(node: Server) -> None:
            node.wait(lambda: "Ray runtime started" in node.log())

        head = ("--head", "--port", address.split(":")[1], "--num-cpus", 0, "--include-dashboard", "false")
        try:
            wait(start("head", *head, "--ray-client-server-port", free_port()))
            workers = [start(worker, "--address", address, "--num-cpus", 1) for worker in ("w1", "w2")]
            for worker in workers:
                wait(worker)
            yield {**environment, "RAY_ADDRESS": address}, workers
        finally:
            for node in reversed(nodes):
                node.stop()


@contextmanager
def killed_after_a_record(worker: Server) -> Iterator[None]:
    """Kill a machine of the cluster, all processes at once, as soon as it has searched a cell."""
    code = (
        "import os, pathlib, sys, time\n"
        "while not [*pathlib.Path(sys.argv[1]).glob('multirun/**/record.json')]: time.sleep(0.05)\n"
        "os.kill(int(sys.argv[2]), 9)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(worker.folder), str(worker.process.pid)]) as killer:
        try:
            yield
        finally:
            killer.kill()
