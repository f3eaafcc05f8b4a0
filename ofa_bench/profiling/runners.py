"""Defines the runners, which time one ONNX file on a device."""

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from ofa_bench.config.importing import at_user_line, import_target
from ofa_bench.config.limits import available_memory
from ofa_bench.errors import InputError
from ofa_bench.files.reading import plain_text

__all__ = [
    "Command",
    "Function",
    "OnnxRuntime",
    "Runner",
    "check_runner",
    "describe_machine",
    "describe_runner",
    "make_runner",
]


class Runner(Protocol):
    """A timer of one ONNX file."""

    name: str

    def __call__(self, path: Path) -> Sequence[float]:
        """Return the milliseconds of each run."""
        ...


WARM = 1
TIMED = 3
"""Runs of a file, one after the other, that are timed unless another number is given."""

_MEMORY_SHARE = 0.4  # the share of the free memory that open sessions may take
_UNKNOWN_MEMORY = 10_000_000_000


class OnnxRuntime:
    """onnxruntime on the CPU of this machine, with all graph optimisations; sessions stay open while memory lasts.

    Sessions share the memory in which they compute.

    A file for any batch is run with the batch that ``batches`` has for its path, or else with one image.

    As a context manager it pins the process to as many cores as it has threads.

    Args:
        threads: threads of one operator; two or more do not spin while they wait, which would disturb the next file.
        runs: the number of timed runs of a call.

    Raises:
        InputError: onnxruntime is not installed, or the machine has fewer cores.
    """

    def __init__(self, threads: int = 1, runs: int = TIMED) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError("runner=onnxruntime: not installed; pip install 'ofa_bench[profile]'") from error
        self._cores: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if self._cores and threads > len(self._cores):
            raise InputError(f"threads={threads}: only {len(self._cores)} cores are available")
        self._runtime = onnxruntime
        self._options = onnxruntime.SessionOptions()
        self._options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 3
        self._options.add_session_config_entry("session.use_env_allocators", "1")
        memory = onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        )
        onnxruntime.create_and_register_allocator(memory, None)
        if threads > 1:
            self._options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._sessions: dict[Path, Any] = {}
        self.batches: dict[Path, int] = {}
        self._least_free = (1 - _MEMORY_SHARE) * (available_memory() or _UNKNOWN_MEMORY)
        self.threads, self.runs, self.name = threads, runs, f"onnxruntime {onnxruntime.__version__}"

    def __enter__(self) -> None:
        if self._cores:
            os.sched_setaffinity(0, self._cores[-self.threads :])

    def __exit__(self, *_: object) -> None:
        if self._cores:
            os.sched_setaffinity(0, self._cores)

    def __call__(self, path: Path) -> list[float]:
        """Return the milliseconds of each timed run, after one to warm up."""
        session, feed = self._open(path)
        for _ in range(WARM):
            session.run(None, feed)
        times = []
        for _ in range(self.runs):
            began = perf_counter()
            session.run(None, feed)
            times.append(1000 * (perf_counter() - began))
        return times

    def _open(self, path: Path) -> Any:
        if path not in self._sessions:
            session = self._runtime.InferenceSession(str(path), self._options, providers=["CPUExecutionProvider"])
            given = session.get_inputs()[0]
            shape = [size if isinstance(size, int) else self.batches.get(path, 1) for size in given.shape]
            image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
            opened = (session, {given.name: image})
            if (available_memory() or _UNKNOWN_MEMORY) < self._least_free:
                return opened
            self._sessions[path] = opened
        return self._sessions[path]


class Command:
    """A user's command that times one ONNX file; its last line has milliseconds, as ``12.5`` or ``12.5 12.7 ms``.

    Args:
        command: the command, in which ``{model}`` stands for the path, such as ``./on_phone.sh {model}``.
        timeout: the most seconds of one call.

    Raises:
        InputError: the command cannot be parsed, or there is no such program.
    """

    def __init__(self, command: str, timeout: float = 600.0) -> None:
        self.name, self.timeout = command, timeout
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InputError(f"runner={command}: {error}") from error
        program = self._words[0]
        if shutil.which(program) is None:
            there = f"{program} is not executable: chmod +x" if Path(program).is_file() else f"no command {program}"
            raise InputError(f"runner={command}: cannot be run ({there})")

    def __call__(self, path: Path) -> list[float]:
        """Return the milliseconds that the command prints for a file.

        Raises:
            InputError: it fails, takes too long or does not print numbers.
        """
        words = [word.replace("{model}", str(path)) for word in self._words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=self.timeout, check=True)
        except subprocess.TimeoutExpired as error:
            raise InputError(f"runner={self.name}: took more than {self.timeout:g} s on {path.name}") from error
        except subprocess.CalledProcessError as error:
            last = (error.stderr or error.stdout or "no output").strip().rpartition("\n")[2]
            raise InputError(f"runner={self.name}: exit code {error.returncode} on {path.name}: {last}") from error
        except OSError as error:
            raise InputError(f"runner={self.name}: cannot be run ({error.strerror})") from error
        last = done.stdout.strip().rpartition("\n")[2]
        try:
            return [float(number) for number in last.removesuffix("ms").split()]
        except ValueError as error:
            raise InputError(f"runner={self.name}: its last line must be milliseconds only; it is: {last}") from error


class Function:
    """A user's Python callable that takes the path of an ONNX file and returns milliseconds."""

    def __init__(self, name: str, function: Callable[[Path], Any]) -> None:
        self.name, self._function = name, function

    def __call__(self, path: Path) -> Any:
        """Return what the callable returns.

        Raises:
            InputError: it raises anything.
        """
        try:
            return self._function(path)
        except Exception as error:
            message = f"runner={self.name}: {type(error).__name__} on {path.name}: {error}"
            raise InputError(f"{message}{at_user_line(error)}") from error


def make_runner(runner: str, threads: int, runs: int = TIMED) -> Runner:
    """Return the runner ``onnxruntime``, a command with ``{model}`` in it, or a callable with this dotted name.

    ``threads`` and ``runs`` are those of onnxruntime.

    Raises:
        InputError: it is none of these, or not available.
    """
    if not runner:
        raise InputError("runner=: give onnxruntime, a command with {model} in it, or a callable's dotted name")
    if runner == "onnxruntime":
        return OnnxRuntime(threads, runs)
    if "{model}" in runner:
        return Command(runner)
    try:
        made = import_target(runner)
    except Exception as error:
        raise InputError(
            f"runner={runner}: neither onnxruntime, nor a command with {{model}} in it, nor a callable's dotted name "
            f"that can be imported ({error}){at_user_line(error)}"
        ) from error
    if not callable(made):
        raise InputError(f"runner={runner}: not callable")
    return Function(runner, made)


def describe_runner(runner: Runner, threads: int) -> dict[str, Any]:
    """Return a runner's name and, for onnxruntime, its threads and machine."""
    how: dict[str, Any] = {"runner": plain_text(getattr(runner, "name", type(runner).__name__))}
    return how | {"threads": threads, "machine": describe_machine()} if isinstance(runner, OnnxRuntime) else how


def describe_machine() -> dict[str, Any]:
    """Return the system, processor and number of cores of this machine."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = re.search(r"^model name\s*:(.*)", info.read_text(), re.MULTILINE)
        model = named[1].strip() if named else model
    return {"system": f"{platform.system()} {platform.machine()}", "processor": model, "cores": os.cpu_count()}


def check_runner(runner: Runner, path: Path) -> list[float]:
    """Return the milliseconds of each run from a runner.

    Raises:
        InputError: it does not return positive finite numbers.
    """
    given: Any = runner(path)
    try:
        times = np.atleast_1d(np.asarray(given))
        positive = times.dtype.kind in "iuf" and ((times > 0) & (times < np.inf)).all()
        if positive and times.ndim == 1 and times.size:
            return [float(value) for value in times]
    except ValueError:
        pass  # lists of different lengths
    raise InputError(f"runner={runner.name}: returned {given!r} for {path.name}; must be positive milliseconds")
