"""Time one model on an Android phone: ``python3 on_phone.py MODEL --binary BENCHMARK``.

It pushes the model and a benchmark binary to the phone with adb, runs the binary, and prints the median milliseconds
of each repeat on the last line, such as ``12.5 12.6 ms``. This is what ``ofa_bench profile runner=...`` expects.

The binary is onnxruntime's ``onnxruntime_perf_test`` or LiteRT's ``benchmark_model``, built for the phone. Nothing
else is needed on the phone, and only Python and adb on this machine. What was pushed stays on the phone, so that it is
pushed once: ``adb shell rm -r /data/local/tmp/ofa_bench`` removes it.

Exit codes: 0 done; 2 wrong arguments or files; 3 no phone that can be used; 4 the benchmark failed, or its output
cannot be read; 5 the phone stays too hot or too unsteady.
"""

import argparse
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["main"]

FOLDER = "/data/local/tmp/ofa_bench"
FILES, PHONE, BENCHMARK, HEAT = 2, 3, 4, 5
"""Exit codes."""


class PhoneError(Exception):
    """An error to print in one line.

    Args:
        code: the exit code.
        message: the line.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Phone:
    """A phone that adb can use.

    Args:
        serial: its serial, or None for the only one.

    Raises:
        PhoneError: there is no such phone, or it does not accept commands.
    """

    def __init__(self, serial: str | None) -> None:
        if shutil.which("adb") is None:
            raise PhoneError(PHONE, "adb is not on PATH; it is part of Android's platform-tools")
        listed = subprocess.run(["adb", "devices"], capture_output=True, text=True, check=False).stdout
        states = dict(re.findall(r"^(\S+)\t(\w.*)$", listed, re.MULTILINE))
        if serial is None and len(states) > 1:
            raise PhoneError(PHONE, f"several phones are connected; choose one: --serial {' or '.join(states)}")
        if not states or (serial is not None and serial not in states):
            name = "phone" if serial is None else f"phone {serial}"
            raise PhoneError(PHONE, f"no {name} is connected; turn on USB debugging, and see what `adb devices` prints")
        self.serial = serial or next(iter(states))
        state = states[self.serial].strip()
        if state == "unauthorized":
            raise PhoneError(PHONE, f"phone {self.serial} is unauthorized; unlock it and allow USB debugging")
        if state != "device":
            raise PhoneError(PHONE, f"phone {self.serial} is {state}; connect it again")

    def adb(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run an adb command on the phone."""
        return subprocess.run(["adb", "-s", self.serial, *words], capture_output=True, text=True, check=False)

    def push(self, path: Path, remote: str) -> None:
        """Push a file, whole or not at all.

        Raises:
            PhoneError: adb cannot.
        """
        folder, part = remote.rpartition("/")[0], f"{remote}.part"
        for words in (
            ("shell", f"mkdir -p {folder}"),
            ("push", str(path), part),
            ("shell", f"chmod 755 {part} && mv {part} {remote}"),
        ):
            done = self.adb(*words)
            if done.returncode:
                raise PhoneError(PHONE, f"{path.name} cannot be pushed to phone {self.serial}: {last_line(done)}")

    def has(self, remote: str) -> bool:
        """Return whether the phone has a file."""
        return self.adb("shell", f"ls {remote}").returncode == 0

    def is_hot(self) -> bool:
        """Return whether the phone says that it is too hot; False before Android 10, which does not say so."""
        found = re.search(r"^Thermal Status: (\d+)", self.adb("shell", "dumpsys thermalservice").stdout, re.MULTILINE)
        return found is not None and int(found[1]) > 0


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a command printed."""
    return (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]


def remote_path(path: Path, salt: str = "") -> str:
    """Return where the phone keeps a file: another place for another content."""
    digest = hashlib.sha256(path.read_bytes() + salt.encode()).hexdigest()[:16]
    return f"{FOLDER}/{digest}/{shlex.quote(path.name)}"


def is_litert(binary: Path) -> bool:
    """Return whether a binary is LiteRT's, not onnxruntime's, by its name.

    Raises:
        PhoneError: it is neither.
    """
    if "perf_test" in binary.name:
        return False
    if "benchmark_model" in binary.name:
        return True
    raise PhoneError(
        FILES, f"--binary {binary}: its name must contain perf_test (onnxruntime) or benchmark_model (LiteRT)"
    )


def convert(model: Path, command: str, folder: Path, suffix: str) -> Path:
    """Return the file that a user's command makes of the model.

    Raises:
        PhoneError: it makes none.
    """
    out = folder / f"{model.stem}{suffix}"
    words = [word.replace("{in}", str(model)).replace("{out}", str(out)) for word in shlex.split(command)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PhoneError(FILES, f"--convert {command}: cannot be run ({error.strerror})") from error
    if done.returncode or not out.is_file():
        raise PhoneError(FILES, f"--convert {command}: made no file of {model.name}: {last_line(done)}")
    return out


def put(phone: Phone, given: argparse.Namespace) -> tuple[str, str, str]:
    """Bring binary, libraries and model to the phone unless they are there; return the paths of binary and model.

    The last string is a shell assignment of the libraries' folders, or empty.
    """
    remotes = {path: remote_path(path) for path in (given.binary, *given.library)}
    for path, remote in remotes.items():
        if not phone.has(remote):
            phone.push(path, remote)
    suffix = ".tflite" if is_litert(given.binary) else ".onnx"
    model = remote_path(given.model, given.convert).removesuffix(given.model.suffix) + suffix
    if not phone.has(model):
        with tempfile.TemporaryDirectory() as folder:
            converted = convert(given.model, given.convert, Path(folder), suffix) if given.convert else given.model
            phone.push(converted, model)
    folders = ":".join(remotes[path].rpartition("/")[0] for path in given.library)
    return remotes[given.binary], model, f"LD_LIBRARY_PATH={folders} " if folders else ""


def run_benchmark(phone: Phone, command: str, litert: bool) -> float:
    """Run the benchmark once; return the median milliseconds of its runs, or their mean if it prints no median.

    Raises:
        PhoneError: it fails, or its output cannot be read.
    """
    done = phone.adb("shell", command)
    if done.returncode:
        raise PhoneError(BENCHMARK, f"the benchmark failed on phone {phone.serial}: {last_line(done)}")
    text = f"{done.stdout}\n{done.stderr}"  # LiteRT writes to either
    number = r"([\d.]+(?:e[+-]?\d+)?)"
    patterns = (
        [(rf"count=.* median={number}", 1e-3), (rf"Inference \(avg\): {number}", 1e-3)]
        if litert
        else [(rf"P50 Latency: {number} s", 1e3), (rf"Average inference time cost(?: total)?: {number} ms", 1)]
    )
    for pattern, factor in patterns:
        found = re.findall(pattern, text)
        if found and float(found[-1]) > 0:
            return factor * float(found[-1])
    raise PhoneError(BENCHMARK, f"the benchmark's output has no latency; it ends with: {last_line(done)}")


def measure(phone: Phone, given: argparse.Namespace) -> list[float]:
    """Return the milliseconds of each repeat, all within ``spread`` of each other.

    Raises:
        PhoneError: the phone stays too hot, or repeats differ after all tries.
    """
    binary, model, libraries = put(phone, given)
    litert = is_litert(given.binary)

    def command(runs: int) -> str:
        words = f"-e cpu -m times -r {runs} -x {given.threads} -y 1 -o 99 -s -I {model}"
        if litert:
            words = f"--graph={model} --num_threads={given.threads} --num_runs={runs} --min_secs=0"
            words += f" --warmup_runs={given.warmup} --warmup_min_secs=0"
        mask = f"taskset {given.mask} " if given.mask else ""
        return f"{libraries}{mask}{binary} {words}"

    times: list[float] = []
    for attempt in range(given.tries):
        wait_until_cool(phone, given.patience)
        if not litert and given.warmup:
            run_benchmark(phone, command(given.warmup), litert)
        times = [run_benchmark(phone, command(given.runs), litert) for _ in range(given.repeats)]
        if max(times) - min(times) <= given.spread * min(times) and not phone.is_hot():
            return times
        if attempt + 1 < given.tries:
            time.sleep(given.pause)
    raise PhoneError(
        HEAT,
        f"repeats took {min(times):.4g} to {max(times):.4g} ms in the last of {given.tries} tries; cool the phone, "
        "close its apps, or allow more: --spread, --pause",
    )


def wait_until_cool(phone: Phone, patience: float) -> None:
    """Wait until the phone does not throttle.

    Raises:
        PhoneError: it does so for longer than ``patience`` seconds.
    """
    end = time.monotonic() + patience
    while phone.is_hot():
        if time.monotonic() >= end:
            raise PhoneError(HEAT, f"phone {phone.serial} throttles for more than {patience:g} s; let it cool down")
        time.sleep(min(5.0, max(0.0, end - time.monotonic())))


def parse(words: list[str]) -> argparse.Namespace:
    """Return the arguments.

    Raises:
        PhoneError: a file is missing.
    """
    parser = argparse.ArgumentParser(description="Time one model on an Android phone.")
    add = parser.add_argument
    add("model", type=Path, help="an ONNX file, or a LiteRT file for benchmark_model")
    add("--binary", type=Path, required=True, help="onnxruntime_perf_test or benchmark_model, built for the phone")
    add("--library", type=Path, action="append", default=[], help="a library that it loads, such as libonnxruntime.so")
    add("--serial", help="the phone, if several are connected")
    add("--mask", default="", help="the cores to run on, as taskset takes them: f0 is cores 4 to 7 (default: all)")
    add("--threads", type=int, default=1, help="threads (default: 1)")
    add("--warmup", type=int, default=5, help="runs before those that are timed (default: 5)")
    add("--runs", type=int, default=20, help="timed runs in each repeat (default: 20)")
    add("--repeats", type=int, default=2, help="how often the benchmark is started (default: 2)")
    add("--spread", type=float, default=0.2, help="the largest difference of repeats, as a fraction (default: 0.2)")
    add("--tries", type=int, default=4, help="how often differing repeats are measured (default: 4)")
    add("--pause", type=float, default=10, help="seconds to cool down between tries (default: 10)")
    add("--patience", type=float, default=300, help="seconds to wait for a hot phone (default: 300)")
    add("--convert", default="", help="a command that turns the model, {in}, into the file to run, {out}")
    given = parser.parse_args(words)
    for path in (given.model, given.binary, *given.library):
        if not path.is_file():
            raise PhoneError(FILES, f"{path}: no such file")
    if given.model.suffix != (".tflite" if is_litert(given.binary) else ".onnx") and not given.convert:
        raise PhoneError(FILES, f"{given.model.name}: {given.binary.name} cannot run it; --convert takes a converter")
    return given


def main(words: list[str] | None = None) -> int:
    """Print milliseconds; return the exit code."""
    try:
        given = parse(sys.argv[1:] if words is None else words)
        times = measure(Phone(given.serial), given)
    except PhoneError as error:
        print(f"on_phone.py: {error}", file=sys.stderr)
        return error.code
    print(" ".join(f"{value:.5g}" for value in times), "ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
