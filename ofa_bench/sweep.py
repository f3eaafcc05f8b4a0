"""What the cells of one sweep share: its run in MLflow and the list of its cells."""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ofa_bench.config import NO_RESULT, ONE_AFTER_ANOTHER, SWEEP_VARIABLE, TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.words import say

if TYPE_CHECKING:
    from ofa_bench.results.records import Record
    from ofa_bench.results.tracking import Tracker

__all__ = ["UNTRACKED", "Sweep", "SweepCallback", "tracked"]

UNTRACKED = "-"
"""Stands for the MLflow run of a sweep that has none: its cells do not try the store again."""


class Sweep:
    """A sweep's id (a hash of output folder and overrides), its MLflow run, and the list of its cells as they end.

    ``run`` is empty as long as the run is not open: the parent process opens it before cells start in other processes,
    but where they run in its own, not before the first one is to be shown, so that the search starts at once.
    """

    def __init__(self, output: Path, sweep_id: str, run: str) -> None:
        self.output, self.sweep_id, self.run = output, sweep_id, run
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
        self.publish(self.run)

    def publish(self, run: str) -> None:
        """Tell the cells that start from here on which sweep is theirs, and its MLflow run."""
        self.run = run
        os.environ[SWEEP_VARIABLE] = f"{self.sweep_id}:{run}"

    def add(self, address: str, code: int = 0) -> None:
        """Note that a cell has ended with an exit code; one appended line, safe from several processes."""
        with self._list.open("a") as file:
            file.write(f"{code} {address}\n")

    def ended(self) -> dict[str, int]:
        """Give the exit code of each cell that has ended, by its address."""
        lines = [line.partition(" ") for line in self._list.read_text().splitlines()]
        return {address: int(code) for code, _, address in lines}


class OpenSweep:
    """A sweep as its parent process holds it: it can be closed."""

    def __init__(self, sweep: Sweep, tracking: TrackingConfig, shown_as: str) -> None:
        self.sweep, self.tracking, self.shown_as, self.began = sweep, tracking, shown_as, time.time()

    def open_run(self) -> str:
        """Give the sweep's MLflow run, ``UNTRACKED`` if it has none; open it at the first call."""
        if not self.sweep.run:
            about = (self.sweep.sweep_id, self.shown_as, self.began)
            opened = tracked(self.tracking, lambda tracker: tracker.open_sweep(*about))
            self.sweep.publish(opened or UNTRACKED)
        return self.sweep.run

    def close(self, *, failed: bool, show: Callable[["list[Record]", Path, TrackingConfig], None]) -> list[int]:
        """End the MLflow run, show all cells that have a record, and give the exit codes of the cells."""
        from ofa_bench.results.records import read

        ended = self.sweep.ended()
        found = [read(self.sweep.output / address) for address, code in ended.items() if code == 0]
        failed = failed or any(ended.values())
        if self.sweep.run not in ("", UNTRACKED):
            tracked(self.tracking, lambda tracker: tracker.close_sweep(self.sweep.run, found, failed=failed))
        if found:
            show(found, self.sweep.output, self.tracking)
        return list(ended.values())


class SweepCallback(Callback):
    """Opens the sweep in the parent process, before any cell starts: Hydra calls it."""

    current: OpenSweep | None = None

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Publish the sweep to its cells; for those in other processes, create the MLflow store and the sweep's run."""
        HydraConfig.instance().set_config(config)  # Hydra does so only for jobs, and ours reads ${hydra:runtime.cwd}
        try:
            SweepCallback.current = _open(config)
        except Exception as error:  # raised as it is, Hydra would only warn and go on
            sys.exit(say(error))


def _open(config: DictConfig) -> OpenSweep:
    for override in OverridesParser.create().parse_overrides(list(config.hydra.overrides.task)):
        key = str(override.key_or_group).split(".")[0]
        if override.is_sweep_override() and key in NO_RESULT:
            raise InputError(f"{key}: cannot be swept; the cells of a sweep share one")
    overrides = [text for text in config.hydra.overrides.task if text.split("=")[0].split(".")[0] not in NO_RESULT]
    name = " ".join(overrides) or "defaults"
    output, tracking = Path(config.output).absolute(), TrackingConfig(**config.tracking)
    sweep_id = hashlib.sha256(" ".join([str(output), *sorted(overrides)]).encode()).hexdigest()[:12]
    sweep = Sweep(output, sweep_id, "")
    sweep.start()
    opened = OpenSweep(sweep, tracking, name)
    if config.hydra.launcher["_target_"] != ONE_AFTER_ANOTHER:
        opened.open_run()
    return opened


Given = TypeVar("Given")


def tracked(tracking: TrackingConfig, action: "Callable[[Tracker], Given]") -> Given | None:
    """Do something with the MLflow store, if there is to be one.

    Files are the truth: whatever fails here is said in one line, and neither loses nor stops a search.
    """
    if not tracking.uri:
        return None
    try:
        from ofa_bench.results.tracking import Tracker

        return action(Tracker(tracking))
    except Exception as error:
        say(error, f"MLflow at {tracking.uri} cannot be used; records are on disk: ")
        return None
