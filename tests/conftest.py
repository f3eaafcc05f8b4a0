"""Fixtures shared by all tests: OFA's official files, and ways to run the command."""

import copy
import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from forking import Forks
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from ofa_bench.predictors import AccuracyPredictor
    from ofa_bench.records.model import Record
    from ofa_bench.tracking.tracker import Tracker

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ROOT.parent / "shared" / "ofa-files"

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of the processes that tests start compiles every module
sys.dont_write_bytecode = False
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported: each core has a worker of pytest's already

if "OFA_BENCH_ASSETS" not in os.environ and BESIDE.is_dir():
    os.environ["OFA_BENCH_ASSETS"] = str(BESIDE)


LONG = (
    "test_tutorial.py", "test_launchers.py", "test_app.py", "test_bad_files.py", "test_experiments.py",
    "test_fleet_command.py", "test_exported.py", "test_bad_input.py", "test_bad_strategies.py", "test_docs.py",
    "test_config.py", "test_closed_loop.py", "test_simulation.py", "test_server.py", "test_compofa.py",
    "test_supernet_predictor.py", "test_export.py", "test_database.py", "test_notebook.py", "test_release.py",
    "test_group.py", "test_evaluate.py", "test_sync.py", "test_listed.py", "test_measured_best.py", "test_profile.py",
)  # fmt: skip
"""The slowest files start first, so that no core waits for them at the end."""


QUICK = (
    "test_carrying_on.py", "test_engine.py", "test_layout.py",
    "analysis/test_networks.py", "analysis/test_report_tables.py", "analysis/test_statistics.py",
    "commands/test_paths.py", "commands/test_sweep.py",
    "config/test_store_uri.py", "experiment/test_targets.py", "exporting/test_found.py", "files/test_writing.py",
    "predictors/test_cost.py", "predictors/test_own.py", "predictors/test_pruning.py",
    "profiling/test_fit.py", "profiling/test_rounds.py", "records/test_records.py", "records/test_regret.py",
    "report/paper/test_measures.py", "search/test_archive.py", "search/test_evolution.py",
    "search/test_repair.py", "spaces/test_checks.py", "spaces/test_mbv3.py", "spaces/test_proxyless.py",
    "strategies/test_golden.py", "strategies/test_strategies.py", "supernets/test_ofa_package.py",
    "tracking/test_locations.py", "tracking/test_mlflow_values.py", "training/test_pairs_forms.py",
)  # fmt: skip
"""The files that ``-m quick`` runs: some from every room, in a minute on two cores."""


def is_quick(path: Path) -> bool:
    """Return whether a test file is one that ``-m quick`` runs."""
    return path.relative_to(ROOT / "tests").as_posix() in QUICK


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the other files with ``-m quick``."""
    only = config.option.markexpr == "quick" and collection_path.name.startswith("test_")
    return True if only and not is_quick(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of quick files, and put those of the longest files first."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
    for item in items:
        if is_quick(item.path):
            item.add_marker("quick")


def pytest_collection_finish() -> None:
    """Let the collector of garbage not look at what is imported and collected: it lasts to the end."""
    gc.freeze()


PYMOO = ("nsga2", "sms_emoa", "spea2", "linas", "nsganetv2")
PEERS = {**dict.fromkeys(PYMOO, "pymoo"), "map_elites": "ribs", "tpe": "optuna"}
"""The strategies that need a library of the extra ``peers``."""


def skip_without_library(strategy: str) -> None:
    """Skip the test where the library of a strategy is not installed."""
    if strategy in PEERS:
        pytest.importorskip(PEERS[strategy])


@pytest.fixture(scope="session")
def assets() -> Path:
    """Return the folder of OFA's official files; skip the test where there is none."""
    folder = os.environ.get("OFA_BENCH_ASSETS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("OFA_BENCH_ASSETS does not point to OFA's official files")
    return Path(folder)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> "Callable[..., None]":
    """Take the sources of measurements away that judge; the function that is returned names others, with predictors."""
    from ofa_bench.analysis import judges

    def put(**found: "AccuracyPredictor") -> None:
        monkeypatch.setattr(judges, "measured_sources", lambda _: tuple(found))
        monkeypatch.setattr(judges, "measured_predictor", lambda _, source: found[source])

    put()
    return put


@pytest.fixture(scope="session")
def measured() -> Path:
    """Return the folder of the figures that others measured, which tools make into data; skip where there is none."""
    folder = Path(os.environ.get("OFA_BENCH_MEASURED", ROOT.parent / "shared" / "measured"))
    if not folder.is_dir():
        pytest.skip("OFA_BENCH_MEASURED does not point to the files that tools/ make into data")
    return folder


@pytest.fixture(autouse=True)
def forget_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test wrote and imported: the next test may write others of the same name."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None)
        if path and Path(path).is_relative_to(tmp_path_factory.getbasetemp()):
            del sys.modules[name]


for variable in (
    "HYDRA_FULL_ERROR", "OFA_BENCH_SWEEP", "OFA_BENCH_TRACEBACK", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME",
):  # fmt: skip
    os.environ.pop(variable, None)


def findings(record: "Record | dict[str, Any]") -> list[list[dict[str, Any]]]:
    """Return a record's results of each repeat without seconds: what is equal for equal seeds."""
    from ofa_bench.records.model import to_dict

    plain = record if isinstance(record, dict) else to_dict(record)
    return [
        [{key: value for key, value in result.items() if "seconds" not in key} for result in repeat["results"]]
        for repeat in plain["repeats"]
    ]


def laid_out(figure: Figure) -> Axes:
    """Lay out a figure, with warnings as errors. Return its only axes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    [axes] = figure.axes
    return axes


def inside(figure: Figure, words: Sequence[Artist]) -> None:
    """Check that no text is cut off at the figure's edges."""
    width, height = figure.get_size_inches() * figure.dpi
    for text in words:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ofa_bench(tmp_path: Path, forks: Forks) -> Command:
    """Run ``python -m ofa_bench`` in an empty directory, in a fork."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return forks.run("", arguments, tmp_path, **environment)

    return run


@pytest.fixture
def own_process(tmp_path: Path) -> Command:
    """Run ``python -m ofa_bench`` in an empty directory, in a new process, as users do."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ofa_bench", *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Yield a runner of commands that takes a tenth of the time of new processes."""
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the address of a test file's own MLflow store, and its folder of artifacts."""
    folder = tmp_path_factory.mktemp("mlflow")
    return f"sqlite:///{folder}/mlflow.db", str(folder / "mlartifacts")


@pytest.fixture
def tracker(store: tuple[str, str], request: pytest.FixtureRequest) -> "Tracker":
    """Return a tracker with an experiment for this test alone."""
    from ofa_bench.config.schema import TrackingConfig
    from ofa_bench.tracking.tracker import Tracker

    return Tracker(TrackingConfig(uri=store[0], artifacts=store[1], experiment=request.node.name))


def _made(
    strategy: str = "vanilla",
    targets: tuple[float, ...] = (30.0, 20.0),
    repeats: int = 3,
    seed: int = 0,
    budget: tuple[int, int] = (4, 2),
    last: str = "",
) -> "Record":
    """Search a toy problem and make the record of it."""
    from ofa_bench.engine import Cell, run_repeats
    from ofa_bench.records import record as records
    from ofa_bench.search import Evolution
    from ofa_bench.strategies import Budget, Chain, Vanilla
    from ofa_bench.testing import toy_problem

    evolution = Evolution(population_size=10)
    strategies = {
        "vanilla": Vanilla(evolution),
        "bottom_up": Chain(evolution, "ascending"),
        "top_down": Chain(evolution, "descending"),
    }
    cell = Cell(toy_problem(), strategies[strategy], targets, Budget(*budget), seed, repeats, threads=1)
    choices = {
        "space": "mbv3",
        "device": "toy",
        "predictor": "toy",
        "strategy": strategy,
        "budget": "b",
        "targets": f"t{len(targets)}",
    }
    return records.make_record(
        cell,
        list(run_repeats(cell, lambda *_: None)),
        address=f"mbv3/toy/toy/{strategy}/b/t{len(targets)}/seed={seed}{last}",
        choices=choices,
        identity=f"{seed:04}{last or '0123456789ab'}",
        config={"space": {}},
    )


_kept: "dict[str, Record]" = {}


@pytest.fixture
def made() -> "Callable[..., Record]":
    """Make a record of a tiny search; equal ones are searched once."""

    def make(**asked: Any) -> "Record":
        key = repr(sorted(asked.items()))
        if key not in _kept:
            _kept[key] = _made(**asked)
        return copy.deepcopy(_kept[key])

    return make


@pytest.fixture
def fake_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export small fake files, of the real supernet's networks."""
    from ofa_bench.exporting import networks

    def write(module: Any, shape: Any, path: Path, batch: int = 1) -> None:
        path.write_bytes(json.dumps(shape).encode())

    monkeypatch.setattr(networks, "init_batchnorm", lambda *_: None)
    monkeypatch.setattr(networks, "write_onnx", write)
    monkeypatch.setattr(networks, "write_program", write)
    monkeypatch.setattr(networks, "differences", lambda *_: {"network.onnx": 0.0, "network.pt2": 0.0})
