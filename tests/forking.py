"""Runs commands as ``python -m ofa_bench`` does, in forks of a process with all imports done: ten times faster."""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

__all__ = ["Forks"]

PATIENCE = 300
"""Seconds after which a command hangs."""

IMPORTED_LATE = (
    "matplotlib.backends.backend_agg", "mlflow.onnx", "mlflow.pyfunc", "mlflow.store.artifact.local_artifact_repo",
    "mlflow.store.tracking.sqlalchemy_store", "onnx", "onnxruntime", "pandas", "scikit_posthocs", "scipy.stats",
    "sqlalchemy.dialects.sqlite", "torch", "torch._dynamo", "torch.export",
)  # fmt: skip
"""What commands import where they need it."""

WARMING = (
    "strategy=top_down", "tracking=none", "budget.generations=2", "targets.values=[15,20.5]", "output='a b'",
    "limits={macs: 300}", "++repeats=2", "progress=false",
)  # fmt: skip
"""Overrides of the forms that commands are given."""


class Forks:
    """A process from which commands are forked."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(
        self,
        command: str,
        arguments: tuple[str, ...],
        cwd: Path,
        *,
        largest: int | None = None,
        plain: bool = False,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m ofa_bench <command> <arguments>`` in a folder, with these environment variables added.

        The command may be empty. ``largest`` bounds the bytes of a file that can be written, as a full disk does;
        ``plain`` takes root's powers away, so that permissions count.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {
                "arguments": [*filter(None, [command]), *arguments], "cwd": str(cwd), "environment": environment,
                "out": str(out), "err": str(err), "largest": largest, "plain": plain,
            }  # fmt: skip
            self._server.stdin.write(json.dumps(asked) + "\n")
            code = int(self._server.stdout.readline())
            return subprocess.CompletedProcess([command, *arguments], code, out.read_text(), err.read_text())

    def close(self) -> None:
        """End the process."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(10)


def _serve() -> None:
    from hydra.core.plugins import Plugins

    import ofa_bench
    from ofa_bench.tracking.quiet import silence_mlflow

    silence_mlflow()
    for module in pkgutil.walk_packages(ofa_bench.__path__, "ofa_bench."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    Plugins.instance()  # which looks through all that is installed
    _compose_once()
    _warm_up()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _become(asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _compose_once() -> None:
    """Let Hydra not compose each config twice, first only to find ``hydra.mode``, if no word of the command sets it."""
    from hydra._internal.hydra import Hydra

    get_mode = Hydra.get_mode

    def find(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        return get_mode(self, config_name, overrides) if "hydra.mode" in str(overrides) else None

    Hydra.get_mode = find  # type: ignore[method-assign]


def _warm_up() -> None:
    """Parse the options of all groups and compose a config, so that commands find tables of Hydra's parser filled."""
    from composing import composed
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from ofa_bench.config.schema import conf_dir

    for path in conf_dir().rglob("*.yaml"):
        OmegaConf.load(path)
    composed(*WARMING)
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


def _become(asked: dict[str, Any]) -> None:
    import ctypes
    import resource
    import signal

    for number, name in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(name, flags), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.chdir(asked["cwd"])
    os.environ.update(asked["environment"])
    if asked["largest"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["largest"],) * 2)
    if asked["plain"]:
        header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset(header, none) == 0
    signal.alarm(PATIENCE)
    sys.argv = ["ofa_bench", *asked["arguments"]]
    sys.path[:1] = [asked["cwd"], *filter(None, asked["environment"].get("PYTHONPATH", "").split(os.pathsep))]
    code = 1
    try:
        runpy.run_module("ofa_bench", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = 1 if isinstance(end.code, str) else end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = code or 1
        os._exit(code)


if __name__ == "__main__":
    _serve()
