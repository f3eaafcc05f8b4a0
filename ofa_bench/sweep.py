"""What the cells of one sweep share: its run in MLflow and the list of its cells."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ofa_bench.config import NO_RESULT, SWEEP_VARIABLE, TrackingConfig
from ofa_bench.words import explain

if TYPE_CHECKING:
    from ofa_bench.results.records import Record
    from ofa_bench.results.tracking import Tracker

__all__ = ["Sweep", "SweepCallback", "connect"]


class Sweep:
    """A sweep's id (a hash of its overrides), its MLflow run, and the file that lists its cells as they end."""

    def __init__(self, output: Path, sweep_id: str, run: str) -> None:
        self.output, self.run = output, run
        self.name = f"{sweep_id}:{run}"
        self._list = output / "sweeps" / f"{sweep_id}.txt"

    @classmethod
    def of_this_cell(cls, output: Path) -> "Sweep | None":
        """Give the sweep that this process's cell belongs to, or None outside a sweep."""
        sweep_id, _, run = os.environ.get(SWEEP_VARIABLE, "").partition(":")
        return cls(output, sweep_id, run) if sweep_id else None

    def start(self) -> None:
        """Begin an empty list and tell the cells that start from here on, in whatever process."""
        self._list.parent.mkdir(parents=True, exist_ok=True)
        self._list.write_text("")
        os.environ[SWEEP_VARIABLE] = self.name

    def add(self, address: str, code: int = 0) -> None:
        """Note that a cell has ended with an exit code; one appended line, safe from several processes."""
        with self._list.open("a") as file:
            file.write(f"{code} {address}\n")

    def ended(self) -> list[tuple[int, str]]:
        """Give the exit code and address of each cell that has ended."""
        lines = [line.partition(" ") for line in self._list.read_text().splitlines()]
        return [(int(code), address) for code, _, address in lines]


class OpenSweep:
    """A sweep as its parent process holds it: it can be closed."""

    def __init__(self, sweep: Sweep, tracking: TrackingConfig, tracker: "Tracker | None") -> None:
        self.sweep, self.tracking, self.tracker = sweep, tracking, tracker

    def close(self, *, failed: bool, show: Callable[["list[Record]", Path, TrackingConfig], None]) -> list[int]:
        """Show all cells that have a record, end the MLflow run, and give the exit codes of the cells."""
        from ofa_bench.results.records import read

        ended = self.sweep.ended()
        found = [read(self.sweep.output / address) for code, address in ended if code == 0]
        codes = [code for code, _ in ended]
        if found:
            show(found, self.sweep.output, self.tracking)
        if self.tracker:
            self.tracker.close_sweep(self.sweep.run, found, failed=failed or any(codes))
        return codes


class SweepCallback(Callback):
    """Opens the sweep in the parent process, before any cell starts: Hydra calls it."""

    current: OpenSweep | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Create the MLflow store, experiment and the sweep's run, and publish the sweep to its cells."""
        HydraConfig.instance().set_config(config)  # Hydra does so only for jobs, and ours reads ${hydra:runtime.cwd}
        try:
            SweepCallback.current = _open(config)
        except OSError as error:  # raised as it is, Hydra would only warn and go on
            print(f"ofa_bench: output={config.output}: cannot be written ({error.strerror})", file=sys.stderr)
            sys.exit(2)


def _open(config: DictConfig) -> OpenSweep:
    overrides = [text for text in config.hydra.overrides.task if text.split("=")[0].split(".")[0] not in NO_RESULT]
    name = " ".join(overrides) or "defaults"
    sweep_id = hashlib.sha256(" ".join(sorted(overrides)).encode()).hexdigest()[:12]
    output, run = Path(config.output).absolute(), ""
    tracking = TrackingConfig(**config.tracking)
    tracker = connect(tracking)
    if tracker:
        run = tracker.open_sweep(sweep_id, name)
    sweep = Sweep(output, sweep_id, run)
    sweep.start()
    return OpenSweep(sweep, tracking, tracker)


def connect(tracking: TrackingConfig) -> "Tracker | None":
    """Open the MLflow store; None where there is to be none, or where it cannot be reached (said in one line)."""
    if not tracking.uri:
        return None
    from ofa_bench.results.tracking import Tracker

    try:
        return Tracker(tracking)
    except Exception as error:  # files are the truth: a store that fails must not lose or stop a search
        print(
            f"ofa_bench: MLflow at {tracking.uri} cannot be used; records are on disk: {explain(error)[0]}",
            file=sys.stderr,
        )
        return None
