"""Servers that tests start: processes in folders and sessions of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ofa_bench.tracking.database import make_database

__all__ = ["Server", "free_port", "listens", "mlflow_server"]


class Server:
    """A process in a folder and a session of its own, whose output is in the folder's ``log``."""

    def __init__(self, folder: Path, command: Sequence[object], **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        with (folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], cwd=folder, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **environment},
            )  # fmt: skip

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def wait(self, ready: Callable[[], bool]) -> None:
        ends = time.monotonic() + 120
        while not ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < ends, self.log()
            time.sleep(0.1)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[Server]:
    """Run an MLflow server that answers at ``http://127.0.0.1:<port>``; what it keeps stays in the folder.

    It runs no jobs: their workers take a minute of processor time to start.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", 1]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"]
    make_database(folder / "mlflow.db")
    server = Server(folder, command, MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    try:
        server.wait(lambda: listens(port))
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
