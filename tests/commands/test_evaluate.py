"""Found networks can be shown and copied; given networks can be evaluated and used as a warm start."""

import json

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import read_architectures
from ofa_bench.formatting import format_accuracy
from ofa_bench.predictors import latency_table, measured_predictor
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.supernets.pieces import supernet

QUICK = ("budget=quick", "targets=single", "tracking=none", "progress=false")
SPACE = MobileNetV3Space()
ROW = SPACE.canonical(SPACE.sample(1, np.random.default_rng(5)))[0]
DICT = {key: value for key, value in SPACE.to_ofa(ROW).items() if key in ("ks", "e", "d", "r")}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with an architecture in each form that people have."""
    folder = tmp_path_factory.mktemp("architectures")
    (folder / "arch.json").write_text(json.dumps(DICT))
    (folder / "python.txt").write_text(repr(DICT))
    (folder / "list.json").write_text(json.dumps([DICT, {"architecture": DICT, "accuracy": 0.8}]))
    (folder / "lone").mkdir()
    config = supernet(SPACE).subnet(ROW).build().config
    (folder / "lone" / "net.config").write_text(json.dumps(config))
    (folder / "my net").mkdir()
    (folder / "my net" / "net.config").write_text(json.dumps(config, indent=2))
    (folder / "my net" / "run.config").write_text(json.dumps({"image_size": DICT["r"][0]}))
    return folder


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("arch.json", ["arch"]),
        ("python.txt", ["python"]),
        ("list.json", ["list[0]", "list[1]"]),
        ("my net", ["my net"]),
        ("my net/net.config", ["my net"]),
    ],
)
def test_every_form_is_read_as_the_same_network(files, name, called):
    found = read_architectures("architecture", str(files / name), SPACE, None)
    assert [one.name for one in found] == called
    assert all((one.genes == ROW).all() for one in found)


@pytest.mark.parametrize("name", ["../net.config", "..", "../../my net/net.config"])
def test_a_network_is_called_as_its_folder_from_wherever_it_is_named(files, monkeypatch, name):
    monkeypatch.chdir(files / "my net")
    assert [one.name for one in read_architectures("architecture", "net.config", SPACE, None)] == ["my net"]
    (files / "my net" / "below").mkdir(exist_ok=True)
    monkeypatch.chdir("below")
    assert [one.name for one in read_architectures("architecture", name, SPACE, None)] == ["my net"]


@pytest.mark.parametrize("text", [json.dumps(DICT), repr(DICT)])
def test_the_dict_itself_is_an_architecture(text):
    [one] = read_architectures("architecture", text, SPACE, None)
    assert (one.genes == ROW).all()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere", None, "architecture=nowhere: no such file or folder; give a file with OFA's dict"),
        ("a.json", "[]", "an empty list; give a file"),
        ("a.json", "7", "holds no architecture; give a file"),
        ("a.json", '{"ks": 3', "not readable as an architecture (it is no JSON"),
        ("a.json", "__import__('os').getcwd()", "not readable as an architecture (it is no JSON"),
        ("a.json", json.dumps({**DICT, "d": [2, 2]}), "not an architecture of space mbv3"),
        ("a.json", "[" * 5000, "not readable as an architecture"),
        ("a.json", json.dumps([DICT, {}]), "a.json[1]: not an architecture of space mbv3"),
    ],
)
def test_what_is_no_architecture_is_refused(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as refused:
        read_architectures("architecture", name, SPACE, None)
    assert message in str(refused.value)


def test_a_config_without_the_images_size_is_refused(files):
    with pytest.raises(InputError, match=r"run.config with image_size must be in the same folder"):
        read_architectures("architecture", str(files / "lone"), SPACE, None)


def test_given_networks_are_evaluated(files, forks):
    ran = forks.run("evaluate", ("architecture=my net", "format=json"), files)
    assert ran.returncode == 0, ran.stderr
    [one] = json.loads(ran.stdout)
    assert one["cost"] == float(latency_table(SPACE, "note10").cost(ROW[None])[0])
    assert one["accuracy"] == float(measured_predictor(SPACE).accuracy(ROW[None])[0])
    assert (SPACE.from_ofa(one["architecture"]) == ROW).all()
    ran = forks.run("evaluate", ("architecture=arch.json", "device=macs"), files)
    head, columns, line = ran.stdout.splitlines()
    assert head == "space mbv3, device macs, predictor measured"
    assert columns.split()[-1] == "MMACs" or columns.split()[-2:] == ["cost", columns.split()[-1]]
    accuracy = f"{100 * one['accuracy']:.2f} ± {100 * one['uncertainty']:.2f}"
    assert line.split() == ["arch", *accuracy.split(), line.split()[-1]]
    (files / "small.json").write_text(json.dumps(json.loads((files / "arch.json").read_text()) | {"r": [160]}))
    ran = forks.run("evaluate", ("architecture=small.json",), files)
    assert ran.stdout.endswith("  (no label of the predictor had r=160: its accuracy is less certain)\n"), ran.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("device=macs",), "architecture=: must be given: a file with OFA's dict"),
        (("architecture=arch.json", "targets=single"), "targets: no such key; allowed: architecture, target"),
        (("architecture=arch.json", "space=proxyless"), "not an architecture of space proxyless"),
        (("architecture=arch.json", "format=yaml"), "format=yaml: must be text or json"),
    ],
)
def test_evaluate_refuses_bad_arguments(files, forks, words, message):
    ran = forks.run("evaluate", words, files)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def searched(tmp_path_factory, forks):
    """Return a folder in which a cell was searched, its record, and what the command printed."""
    folder = tmp_path_factory.mktemp("searched")
    ran = forks.run("run", ("strategy=joint", *QUICK), folder)
    assert ran.returncode == 0, ran.stderr
    [path] = folder.rglob("record.json")
    return folder, path, ran.stdout


def test_the_table_of_a_single_run_is_followed_by_the_networks(searched, forks):
    folder, path, out = searched
    result = json.loads(path.read_text())["repeats"][0]["results"][0]
    lines = out.splitlines()
    accuracy = f"{format_accuracy(result['accuracy'], result['uncertainty'])} %"
    mark = f"* (no label had r={result['unlabelled']['r'][0]})" if result["unlabelled"] else ""
    place = lines.index(f"25 ms: {accuracy}{mark}, {result['cost']:.2f} ms")
    assert json.loads(lines[place + 1]) == result["architecture"]
    ran = forks.run("show", ("multirun", "top=10", "format=json"), folder)
    shown = json.loads(ran.stdout)
    assert [one["architecture"] for one in shown] == [one["architecture"] for one in (result, *result["alternatives"])]
    ran = forks.run("show", (str(path.parent), "target=25"), folder)
    assert json.loads(ran.stdout.splitlines()[2]) == result["architecture"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "nowhere: no such folder of records; give one, or the id of an MLflow run"),
        (
            ("multirun", "target=7"),
            "quick/single/seed=0, which has 25",
        ),
        (("multirun", "top=0"), "top=0: must be 1 or more"),
        (("multirun", "format=yaml"), "format=yaml: must be text or json"),
    ],
)
def test_show_refuses_bad_arguments(searched, forks, words, message):
    ran = forks.run("show", words, searched[0])
    assert ran.returncode == 2
    assert message in ran.stderr


def test_searches_start_from_a_given_network_and_a_changed_file_is_another_cell(files, forks, tmp_path):
    rows = SPACE.canonical(SPACE.sample(3000, np.random.default_rng(1)))
    rows = rows[latency_table(SPACE, "note10").cost(rows) <= 25]
    accuracy = measured_predictor(SPACE).accuracy(rows)
    best = rows[accuracy.argmax()]
    (tmp_path / "arch.json").write_text(json.dumps(SPACE.to_ofa(best)))
    command = ("strategy=bottom_up", "strategy.warm_start.from=arch.json", *QUICK)
    ran = forks.run("run", (*command, "evolution.population_size=4", "budget.warm_generations=1"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    [path] = tmp_path.rglob("record.json")
    result = json.loads(path.read_text())["repeats"][0]["results"][0]
    assert result["accuracy"] >= accuracy.max()
    (tmp_path / "arch.json").write_text(json.dumps(DICT))
    ran = forks.run("run", (*command, "evolution.population_size=4", "budget.warm_generations=1"), tmp_path)
    assert ran.returncode == 2
    assert "holds a record of another config" in ran.stderr


def test_a_record_whose_genes_and_architecture_differ_is_refused_wherever_it_is_read(searched, forks, tmp_path):
    record = json.loads(searched[1].read_text())
    result = record["repeats"][0]["results"][0]
    result["architecture"] = SPACE.to_ofa(ROW)
    (tmp_path / "forged").mkdir()
    (tmp_path / "forged" / "record.json").write_text(json.dumps(record))
    for module, words in {
        "run": ("strategy=bottom_up", "strategy.warm_start.from=forged", *QUICK),
        "evaluate": ("architecture=forged",),
        "export": ("run=forged", "weights=random", "uri=none"),
    }.items():
        ran = forks.run(module, words, tmp_path)
        assert ran.returncode == 2, module
        assert "the genes and the architecture of a result are not the same network" in ran.stderr


def test_a_given_network_is_exported_and_measured_without_a_target_to_meet(files, forks, tmp_path):
    (tmp_path / "timer.py").write_text("def ms(path):\n    return 1.0\n")
    (tmp_path / "arch.json").write_text((files / "arch.json").read_text())
    command = ("architecture=arch.json", "weights=random", "uri=none", "measure=true", "runner=timer.ms", "rounds=2")
    ran = forks.run("export", (*command, "controls=0"), tmp_path, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "1 network measured: predicted latency is off by" in ran.stdout
    assert "target" not in ran.stdout.splitlines()[0]
    assert "| yes |" not in ran.stdout
    [path] = tmp_path.rglob("card.json")
    assert path.parent.relative_to(tmp_path).as_posix() == "export/mbv3_note10_measured/arch"
    card = json.loads(path.read_text())
    cost = float(latency_table(SPACE, "note10").cost(ROW[None])[0])
    assert (card["cost"], card["target"], card["by"]) == (cost, cost, ["given as arch"])
    assert card["accuracy"] == float(measured_predictor(SPACE).accuracy(ROW[None])[0])
    assert (SPACE.from_ofa(card["architecture"]) == ROW).all()
    macs = float(latency_table(SPACE, "macs").cost(ROW[None])[0])
    assert card["macs"] / 1e6 == pytest.approx(macs, rel=1e-3)
    [again] = read_architectures("architecture", str(path.parent), SPACE, None)  # a card is an architecture too
    assert (again.genes == ROW).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("architecture=arch.json", "run=x"), "give one of run=, sweep= and architecture="),
        (("run=x", "space=mbv3"), "space=mbv3: only with architecture="),
        (("architecture=arch.json", "space=nowhere"), "space=nowhere: no such option; there are accel_nasbench"),
    ],
)
def test_export_of_a_given_network_refuses_bad_arguments(files, forks, words, message):
    ran = forks.run("export", (*words, "uri=none"), files)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert not (files / "export").exists()


def test_a_file_whose_name_begins_like_a_dict_is_a_file(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("[x].json", "{a}.json"):
        (tmp_path / name).write_text((files / "arch.json").read_text())
        [one] = read_architectures("architecture", name, SPACE, None)
        assert (one.genes == ROW).all()


def test_a_guarded_cost_is_named_wherever_it_is_shown(forks, tmp_path):
    words = ("space=resnet50d", "device.guard_band=true")
    ran = forks.run("run", (*words, "targets=20", *QUICK[:1], *QUICK[2:]), tmp_path)
    assert ran.returncode == 0, ran.stderr
    [path] = tmp_path.rglob("record.json")
    record = json.loads(path.read_text())
    result, band = record["repeats"][0]["results"][0], record["device"]["guard_band"]
    line = f"{result['cost']:.2f} ms guarded cost ({result['cost'] / band:.2f} without)"
    assert line in ran.stdout
    assert line in forks.run("show", (str(path.parent),), tmp_path).stdout
    ran = forks.run("evaluate", (*words, f"architecture={json.dumps(result['architecture'])}"), tmp_path)
    assert "guarded cost ms" in ran.stdout
    assert f"{result['cost']:.2f}" in ran.stdout
