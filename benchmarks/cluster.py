"""A sweep of many small cells through a cluster of processes on this machine: what comes back, and how fast.

    python benchmarks/cluster.py cells=1000 store=postgresql launcher=ray workers=2 kill=true

It starts an MLflow server on PostgreSQL (or ``store=sqlite``), a Ray head and ``workers`` Ray workers of one core each,
every one in an empty folder of its own, so that they share no files; then a sweep over ``cells`` seeds, each a search
of some hundredths of a second. ``kill=true`` kills a worker with all its processes (SIGKILL) when half of the cells
have ended. ``launcher=joblib`` runs the same sweep in ``workers`` processes without Ray. All is removed at the end.

Printed are the sweep's seconds, cells a second, what the server was asked, and what must be 0: cells without a record
here, cells without a finished run in MLflow, and cells with more than one of either.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofa_bench.commands.cli.main import run_module
from ofa_bench.commands.cli.registry import Command
from ofa_bench.errors import InputError

SMALL = ("predictor=embedded", "budget=quick", "targets=paper1", "evolution.population_size=10", "progress=false")
LIMIT = 120.0
"""Seconds that a server may take to start."""


@dataclass
class Options:
    """What the command line can set."""

    cells: int = 40
    store: str = "postgresql"
    launcher: str = "ray"
    workers: int = 2
    kill: bool = False

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("store", self.store, ("postgresql", "sqlite")),
            ("launcher", self.launcher, ("ray", "joblib")),
        ):
            if value not in allowed:
                raise InputError(f"{key}={value}: must be one of {', '.join(allowed)}")
        if self.kill and (self.launcher != "ray" or self.workers < 2):
            raise InputError("kill=true: only with launcher=ray and 2 workers or more")


class Server:
    """A process in a folder and a session of its own, whose output is in the folder's ``log``."""

    def __init__(self, folder: Path, command: Sequence[object], **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log, self.name = folder / "log", folder.name
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], cwd=folder, stdout=log, stderr=log, start_new_session=True, **options
            )

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready."""
        ends = time.monotonic() + LIMIT
        while not ready():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)
        say(f"{self.name} is ready")

    def kill(self) -> None:
        """Kill it at once; what it started dies with it."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order, and by force if it does not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether something on this machine accepts connections at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def say(words: str) -> None:
    """Say on standard error how far the benchmark is."""
    print(f"cluster: {words}", file=sys.stderr, flush=True)


@contextmanager
def started(folder: Path, command: Sequence[object], **options: Any) -> Iterator[Server]:
    """Start a server; stop it at the end."""
    server = Server(folder, command, **options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server with an empty database; give its address.

    It refuses to run as root, so where this is root, it runs as ``nobody``.
    """
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    port, password, data = free_port(), secrets.token_hex(16), folder / "data"
    folder.mkdir()
    (folder / "password").write_text(password)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user["user"], user["group"])
    made = [
        _program("initdb"),
        "-D",
        str(data),
        "-U",
        "ofa",
        "-A",
        "scram-sha-256",
        "--pwfile",
        str(folder / "password"),
    ]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
    command = [_program("postgres"), "-D", data, "-p", port, "-k", folder, "-c", "listen_addresses=127.0.0.1"]
    with started(folder, command, **user) as server:
        server.wait(lambda: listens(port))
        yield f"postgresql+psycopg2://ofa:{password}@127.0.0.1:{port}/postgres"


def _program(name: str) -> str:
    """Find one of PostgreSQL's programs, which Debian keeps out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise InputError(f"store=postgresql: {name} is not installed (Debian: apt install postgresql)")
    return path


@contextmanager
def mlflow_server(folder: Path, store: str) -> Iterator[tuple[str, Server]]:
    """Run an MLflow server on a store; give its address."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port]
    command += ["--backend-store-uri", store, "--artifacts-destination", folder / "artifacts", "--workers", 2]
    with started(folder, command) as server:
        server.wait(lambda: listens(port))
        yield f"http://127.0.0.1:{port}", server


@contextmanager
def ray_cluster(folder: Path, workers: int) -> Iterator[tuple[Mapping[str, str], list[Server]]]:
    """Run a Ray head without cores and workers with one core each; give the driver's environment and the workers."""
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [Path(sys.executable).with_name("ray"), "start", "--block", "--object-store-memory", 80 * 2**20]
    port, with_own = free_port(), {**os.environ, **environment}

    def node(stack: ExitStack, name: str, *words: object) -> Server:
        words = (*words, "--temp-dir", folder / name / "t")  # with a common one, they take each other's sockets
        return stack.enter_context(started(folder / name, [*command, *words], env=with_own))

    def wait(node: Server) -> None:
        node.wait(lambda: "Ray runtime started" in node.log.read_text())

    with ExitStack() as stack:
        head = ("--head", "--port", port, "--num-cpus", 0, "--include-dashboard", "false")
        wait(node(stack, "head", *head, "--ray-client-server-port", free_port()))
        address = f"127.0.0.1:{port}"
        nodes = [node(stack, f"w{i}", "--address", address, "--num-cpus", 1) for i in range(1, workers + 1)]
        for one in nodes:
            wait(one)
        yield {**environment, "RAY_ADDRESS": address}, nodes


def records(folder: Path) -> list[dict[str, Any]]:
    """Read all records below a folder."""
    return [json.loads(path.read_text()) for path in folder.rglob("record.json")]


def sweep(options: Options, folder: Path, uri: str, environment: Mapping[str, str], nodes: Sequence[Server]) -> float:
    """Run the sweep in an empty folder; give its seconds."""
    launcher = [f"hydra/launcher={options.launcher}"]
    launcher += [f"hydra.launcher.n_jobs={options.workers}"] if options.launcher == "joblib" else []
    command = [sys.executable, "-m", "ofa_bench", "-m", f"seed=range(0,{options.cells})", *SMALL, *launcher]
    began, killed = time.perf_counter(), not options.kill
    tracking = ["tracking=server", f"tracking.uri={uri}"]
    driver = Server(folder / "driver", [*command, *tracking], env={**os.environ, **environment, "COLUMNS": "120"})
    try:
        while driver.process.poll() is None:
            time.sleep(0.5)
            if not killed and len(list(folder.glob("w*/multirun/**/record.json"))) >= options.cells // 2:
                nodes[-1].kill()
                killed = True
                say(f"killed {nodes[-1].name}")
        seconds = time.perf_counter() - began
    finally:
        driver.stop()
    if driver.process.returncode:
        say(f"the sweep ended with {driver.process.returncode}:\n{driver.log.read_text()[-3000:]}")
    if not killed:
        say("the sweep was over before half of its cells were seen, so no worker was killed")
    return seconds


def runs(uri: str) -> Counter[str]:
    """Count the finished runs of each cell in MLflow, by its seed."""
    from mlflow import MlflowClient

    client, found, token = MlflowClient(uri), Counter[str](), None
    experiment = client.get_experiment_by_name("ofa_bench")
    while experiment:
        page = client.search_runs(
            [experiment.experiment_id], "tags.`ofa_bench.kind` = 'cell'", max_results=1000, page_token=token
        )
        found.update(run.data.tags["seed"] for run in page if run.info.status == "FINISHED")
        token = page.token
        if not token:
            break
    return found


def requests(server: Server) -> Counter[str]:
    """Count what the server was asked, by method and the last parts of its path, from its log."""
    asked = re.findall(r'"(GET|POST|PUT|PATCH|DELETE) ([^ ?"]+)[^"]*" \d{3}', server.log.read_text())
    return Counter(f"{method} {'/'.join(re.sub(r'[0-9a-f]{32}', '*', path).split('/')[-2:])}" for method, path in asked)


def table(options: Options, seconds: float, found: Sequence[dict[str, Any]], shown: Counter[str]) -> Iterator[str]:
    """Lay out what was measured."""
    searched = [sum(repeat["seconds"] for repeat in record["repeats"]) for record in found]
    kept = Counter(str(record["seed"]) for record in found)
    yield " ".join(f"{key}={str(value).lower()}" for key, value in vars(options).items())
    for name, value in {
        "seconds of the sweep": f"{seconds:.1f}",
        "cells a second": f"{options.cells / seconds:.2f}",
        "seconds of a cell's search, median": f"{statistics.median(searched):.3f}" if searched else "-",
        "threads of a cell": ", ".join(sorted({str(record["made"]["threads"]) for record in found})),
        "records here": len(found),
        "finished runs in MLflow": shown.total(),
        "lost here": options.cells - len(kept),
        "lost in MLflow": options.cells - len(shown),
        "doubled here": len(found) - len(kept),
        "doubled in MLflow": shown.total() - len(shown),
    }.items():
        yield f"  {name:36} {value}"


def run(options: Options, _: Sequence[str]) -> Iterator[str]:
    """Start everything, run the sweep, count, and clean up; yield the lines of the table."""
    with ExitStack() as stack:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all is stopped
        # Short, because the names of sockets must be; open to the user that PostgreSQL runs as.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ofa", ignore_cleanup_errors=True)))
        folder.chmod(0o711)
        store = f"sqlite:///{folder}/mlflow.db"
        if options.store == "postgresql":
            store = stack.enter_context(postgresql(folder / "postgresql"))
        uri, server = stack.enter_context(mlflow_server(folder / "mlflow", store))
        environment: Mapping[str, str] = {}
        nodes: list[Server] = []
        if options.launcher == "ray":
            environment, nodes = stack.enter_context(ray_cluster(folder, options.workers))
        seconds = sweep(options, folder, uri, environment, nodes)
        yield from table(options, seconds, records(folder / "driver"), runs(uri))
        for asked, number in requests(server).most_common(12):
            yield f"  {asked:36} {number / options.cells:.2f} a cell"


if __name__ == "__main__":
    run_module(sys.modules["__main__"], sys.argv[1:], Command("", ""))
