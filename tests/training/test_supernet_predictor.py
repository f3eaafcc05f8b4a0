"""``predictor=supernet``: what a search asks for is measured once, whoever measures it and whatever is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import findings
from make_images import make_images
from own_space import ChainSpace

from ofa_bench.commands.collect import Options, collect
from ofa_bench.devices.tables import write_table
from ofa_bench.errors import InputError
from ofa_bench.profiling.plan import count_terms
from ofa_bench.records.record import read
from ofa_bench.spaces import hold
from ofa_bench.supernets.pieces import supernet
from ofa_bench.testing import check_predictor
from ofa_bench.training import supernet as module
from ofa_bench.training import supernet_predictor, workers
from ofa_bench.training.collection import SharedCollection
from ofa_bench.training.measuring import SupernetMeasurer

SPACE = ChainSpace()
TESTS = Path(__file__).parents[1]
EVALUATIONS = 60
CARD = {"of": {"space": "chain"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images, a checkpoint and all that the command needs for the space."""
    folder = tmp_path_factory.mktemp("chain")
    make_images(folder / "val", classes=10, each=4)
    make_images(folder / "train", classes=10, each=2)
    net = supernet(SPACE)
    torch.save(net.net.state_dict(), folder / "chain.pth")
    (folder / "mine").mkdir()
    card = {"title": "MACs", "made_by": "a test", "date": "2026-11-26"}
    write_table(folder / "mine/chain.json", count_terms(net.slots()), space="chain", device="mine", unit="M", card=card)
    (folder / "conf/space").mkdir(parents=True)
    (folder / "conf/space/chain.yaml").write_text("_target_: own_space.ChainSpace\n")
    return folder


@pytest.fixture
def made(folder, tmp_path, monkeypatch):
    """Return a maker of predictors in a working directory of their own."""
    monkeypatch.chdir(tmp_path)
    given = {"images": folder / "val", "calibration": folder / "train", "weights": folder / "chain.pth"}
    given = {key: str(path) for key, path in given.items()} | {"progress": False}
    return lambda space=SPACE, **others: supernet_predictor(space, **(given | others))


def rows(path):
    """Return the rows of a cache by architecture; each architecture has one."""
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    by_name = {row["architecture"]: (row["accuracy"], row["top5"], row["loss"], row["images"]) for row in found}
    assert len(by_name) == len(found)
    return by_name


def some(n, seed=0):
    genes = SPACE.canonical(SPACE.sample(5 * n, np.random.default_rng(seed)))
    return np.unique(genes, axis=0)[:n]


def never(monkeypatch):
    monkeypatch.setattr(SupernetMeasurer, "measure", lambda *_: pytest.fail("measured again"))


def test_it_keeps_the_contract_of_predictors(made):
    small = ChainSpace(2)
    predictor = made(small, weights="random")
    check_predictor(predictor, small)
    assert 30 < len(rows(predictor.path)) <= 2 * (4 + 16)  # of thousands that were asked for
    assert predictor.name == "supernet"
    assert predictor.sources == (predictor.sha256,)
    assert made().linearised(some(2), some(2)[:, None]) is None


def test_collect_measures_the_same_and_its_file_is_a_cache(made, folder, monkeypatch):
    paths = {"images": str(folder / "val"), "calibration": str(folder / "train"), "weights": str(folder / "chain.pth")}
    yaml = str(folder / "conf/space/chain.yaml")
    accuracy = collect(Options(space=yaml, n=8, out="pairs.csv", **paths))
    architectures = list(rows(Path("pairs.csv")))
    genes = np.array([SPACE.from_ofa(json.loads(one)) for one in architectures])
    predictor = made()
    assert not predictor.path.exists()
    assert predictor.accuracy(genes).tolist() == accuracy.tolist()
    assert len(set(accuracy.tolist())) > 2
    assert rows(predictor.path) == rows(Path("pairs.csv"))
    of = [json.loads(Path(f"{path}.json").read_text())["of"] for path in (predictor.path, "pairs.csv")]
    assert of[0] == of[1] | {"space": "chain"}
    never(monkeypatch)
    again = made(cache="pairs.csv")
    assert again.accuracy(genes[::-1]).tolist() == accuracy[::-1].tolist()
    assert again.sha256 == predictor.sha256


def test_collect_in_processes_writes_the_same_file(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = {"space": str(folder / "conf/space/chain.yaml"), "images": str(folder / "val"), "n": 6}
    for processes in (1, 2):
        collect(Options(weights="random", out=f"{processes}.csv", processes=processes, **given))
    assert list(rows(Path("1.csv")).items()) == list(rows(Path("2.csv")).items())  # in the same order


def test_processes_measure_the_same_and_forms_of_a_network_are_one(made):
    genes = some(9)
    twice = np.concatenate([genes, genes])
    shallow = SPACE.index["depth"], SPACE.index["w2"]
    assert (genes[:, shallow[0]] < 2).any()
    twice[9:, shallow[1]] = np.where(genes[:, shallow[0]] < 2, 3, genes[:, shallow[1]])  # an inactive gene differs
    one, two = made(cache="new/one.csv"), made(cache="two.csv", processes=2)
    assert two.accuracy(twice).tolist() == one.accuracy(twice).tolist()
    assert rows(two.path) == rows(one.path)
    assert len(rows(one.path)) == 9


def test_what_decides_a_value_decides_the_hash(made, folder):
    plain = made()
    same = [{"cache": "x.csv"}, {"processes": 3}, {"threads": 2}, {"device": "cpu"}, {"progress": True}]
    assert {made(**one).sha256 for one in same} == {plain.sha256}
    others = [
        {"weights": "random"}, {"images": str(folder / "train"), "calibration": str(folder / "val")}, {"batch": 8},
        {"calibration": None}, {"test_images": 30}, {"calibration_images": 10}, {"seed": 1},
    ]  # fmt: skip
    assert len({made(**one).sha256 for one in others} | {plain.sha256}) == len(others) + 1
    assert plain.path == Path.cwd() / f"supernet-chain-{plain.sha256[:8]}.csv"


def test_a_part_of_a_space_shares_the_cache_of_the_whole(made, monkeypatch):
    part = hold(SPACE, {"r": [32]})
    genes = part.sample(5, np.random.default_rng(0))
    found, whole = made(part), made()
    accuracy = found.accuracy(genes)
    never(monkeypatch)
    assert whole.accuracy(part.to_parent(genes)).tolist() == accuracy.tolist()
    assert found.sha256 == whole.sha256


def test_a_users_supernet_takes_the_classes_of_its_checkpoint(made, tmp_path):
    """Class 1 alone has a large bias, so all images of it are correct, and no others."""
    net = supernet(SPACE)
    net.set_classes(3)
    with torch.no_grad():
        net.net.classifier.bias[1] = 1000
    torch.save(net.net.state_dict(), tmp_path / "three.pth")
    images = make_images(tmp_path / "three", classes=3, each=2)
    assert made(images=str(images), weights="three.pth").accuracy(some(3)).tolist() == [1 / 3] * 3
    assert net.net.classifier.weight.shape == (3, 16)


def test_the_uncertainty_is_the_standard_error(made):
    accuracy = made().accuracy(some(4))
    assert np.allclose(made().uncertainty(some(4)), np.sqrt(accuracy * (1 - accuracy) / 40))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"images": None}, r"^predictor\.images=: give a folder with a folder of images for each class"),
        ({"images": "nowhere"}, r"^predictor\.images=nowhere: no such folder"),
        ({"calibration": "nowhere"}, r"^predictor\.calibration=nowhere: no such folder"),
        ({"classes": "nowhere"}, r"^predictor\.classes=nowhere: cannot be read"),
        ({"weights": "nowhere.pth"}, r"^predictor\.weights=nowhere\.pth: cannot be read"),
        ({"weights": "auto"}, r"^predictor\.weights=auto: no weights .* give predictor\.weights=<path>; predictor\.we"),
        ({"batch": 0}, r"^predictor\.batch=0: must be 1 or more"),
        ({"processes": 0}, r"^predictor\.processes=0: must be 1 or more"),
        ({"executor": "dask"}, r"^predictor\.executor=dask: must be processes or ray"),
        ({"device": "tpu7"}, r"^predictor\.device=tpu7: must be auto, cpu, cuda or"),
        ({"device": "cuda:99"}, r"^predictor\.device=cuda:99: torch sees .* GPU here"),
    ],
)
def test_errors_name_the_keys(made, given, message):
    with pytest.raises(InputError, match=message):
        made(**given)


def test_a_space_without_a_supernet_is_refused(made, monkeypatch):
    monkeypatch.setattr(ChainSpace, "supernet", None)
    with pytest.raises(InputError, match="space=chain: its class declares no supernet"):
        made()


def test_the_cache_of_other_measurements_is_refused_and_left_alone(made):
    made(cache="x.csv").accuracy(some(2))
    before = Path("x.csv").read_bytes()
    with pytest.raises(InputError, match=r"^predictor\.cache=.*x\.csv: has another collection \(other batch, seed\)"):
        made(cache="x.csv", batch=7, seed=3)
    Path("y.csv").write_text("a,b\n1,2\n")
    Path("y.csv.json").write_bytes(Path("x.csv.json").read_bytes())
    with pytest.raises(InputError, match=r"y\.csv: its first line is not .* choose another predictor\.cache="):
        made(cache="y.csv")
    assert Path("x.csv").read_bytes() == before


def test_two_that_add_to_one_file_learn_from_each_other(tmp_path):
    path = tmp_path / "x.csv"
    one, two = (SharedCollection(path, CARD, "cache") for _ in range(2))
    assert not path.exists()
    one.add(["a", 0.5, 1, 0, 9, 0])
    with path.open("a") as file:
        file.write('"b"",0.')  # of a third one, which was killed
    two.add(["c", 0.25, 1, 0, 9, 0])
    two.add(["a", 0.75, 1, 0, 9, 0])
    one.refresh()
    assert one.known == two.known == {"a": 0.5, "c": 0.25}
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["architecture", "a", "c"]


def test_what_another_process_measured_meanwhile_is_not_measured_again(made, monkeypatch):
    genes, measure, other = some(4), SupernetMeasurer.measure, made()

    def late(self, row, *shown):
        monkeypatch.setattr(SupernetMeasurer, "measure", measure)
        other.accuracy(genes[1:])
        never(monkeypatch)
        return measure(self, row, *shown)

    monkeypatch.setattr(SupernetMeasurer, "measure", late)
    predictor = made()
    accuracy = predictor.accuracy(genes)
    assert len(rows(predictor.path)) == 4
    assert accuracy[1:].tolist() == other.accuracy(genes[1:]).tolist()


def test_a_long_batch_is_logged(made, monkeypatch, caplog):
    monkeypatch.setattr(module, "LOG_EVERY", -1.0)
    with caplog.at_level("INFO"):
        made(progress=True).accuracy(some(3))
        made(progress=True, cache="quiet.csv")
    first, *lines = [record.getMessage() for record in caplog.records]
    assert first.startswith("weights are from ")
    assert [line.partition(", ")[0] for line in lines] == [f"measured {i} of 3 networks" for i in (1, 2, 3)]
    assert lines[-1].endswith(", 00:00 left")


def command(folder, *words):
    given = ("space=chain", f"device={folder}/mine", "targets=quantiles", "tracking=none", "strategy=joint")
    paths = {"images": folder / "val", "calibration": folder / "train", "weights": folder / "chain.pth"}
    of_predictor = [f"predictor.{key}={path}" for key, path in paths.items()]
    evaluations = f"strategy.evaluations={EVALUATIONS}"
    return ["--config-dir", f"{folder}/conf", *given, "predictor=supernet", *of_predictor, evaluations, *words]


def start(folder, cwd, *words):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    cwd.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "ofa_bench", *command(folder, *words)],
        cwd=cwd, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def finish(forks, folder, cwd, *words):
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    ran = forks.run("", tuple(command(folder, *words)), cwd, PYTHONPATH=paths)
    assert ran.returncode == 0, ran.stderr


def record_of(folder):
    [path] = folder.rglob("record.json")
    return read(path.parent)


@pytest.fixture(scope="module")
def undisturbed(folder, forks, tmp_path_factory):
    """Return the folder of a search that ran to its end."""
    cwd = tmp_path_factory.mktemp("undisturbed")
    finish(forks, folder, cwd, "predictor.cache=cache.csv")
    return cwd


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_search_goes_on_to_the_same_record(folder, forks, tmp_path, undisturbed):
    cache = tmp_path / "cache.csv"
    process = start(folder, tmp_path, "predictor.cache=cache.csv", "predictor.processes=2")
    while process.poll() is None and (not cache.exists() or cache.read_bytes().count(b"\n") < 10):
        time.sleep(0.01)
    others = children(process.pid)
    assert len(others) >= 2
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = cache.read_bytes()
    assert 9 <= len(rows(cache)) < EVALUATIONS
    assert not list(tmp_path.rglob("record.json"))
    end = time.monotonic() + 10
    while any(map(is_alive, others)) and time.monotonic() < end:
        time.sleep(0.05)
    left = [pid for pid in others if is_alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left
    finish(forks, folder, tmp_path, "predictor.cache=cache.csv")
    assert cache.read_bytes().startswith(before[: before.rfind(b"\n") + 1])  # nothing was measured twice
    assert rows(cache) == rows(undisturbed / "cache.csv")
    one, other = record_of(tmp_path), record_of(undisturbed)
    assert findings(one) == findings(other)
    assert (one.identity, one.address) == (other.identity, other.address)
    assert one.config["predictor"].keys().isdisjoint({"cache", "processes", "progress", "threads", "executor"})


def test_cells_at_once_share_one_file(folder, forks, tmp_path, undisturbed):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    finish(forks, folder, tmp_path, "-m", "seed=0,1", *joblib, "predictor.cache=shared.csv")
    assert len(rows(tmp_path / "shared.csv")) > EVALUATIONS
    found = {record.seed: record for record in map(read, {path.parent for path in tmp_path.rglob("record.json")})}
    assert sorted(found) == [0, 1]
    assert findings(found[0]) == findings(record_of(undisturbed))


def test_ray_measures_the_same(made, monkeypatch):
    ray = pytest.importorskip("ray")
    genes = some(5)
    expected = made(cache="here.csv").accuracy(genes)
    environment = {"env_vars": {"PYTHONPATH": os.pathsep.join([*sys.path, str(TESTS)])}}
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    try:
        never(monkeypatch)  # not in this process
        predictor = made(cache="ray.csv", executor="ray", device="cpu")
        assert predictor.accuracy(genes).tolist() == expected.tolist()
        assert rows(predictor.path) == rows(Path("here.csv"))
    finally:
        ray.shutdown()


def test_a_process_with_other_images_does_not_measure(made, monkeypatch):
    predictor = made(processes=2, seed=5)
    space, settings, of = predictor._workers._recipe
    monkeypatch.setattr(predictor._workers, "_submit", lambda row: workers._measure_by((space, settings, of), row))
    of["seed"] = 6  # as if a machine had other images
    with pytest.raises(InputError, match=r"predictor\.images=: they, or the weights, are others in a process"):
        predictor.accuracy(some(1))


def test_without_ray_the_message_names_the_extra(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"^predictor\.executor=ray: is not installed; pip install 'ofa_bench\[ray\]'"):
        made(executor="ray")
