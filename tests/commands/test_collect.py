"""``ofa_bench collect``: accuracies of random subnets are correct, row by row, despite interruptions."""

import copy
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from make_images import make_images
from PIL import Image

from ofa_bench.commands import collect as module
from ofa_bench.commands.cli.main import run_command
from ofa_bench.commands.collect import Options, collect
from ofa_bench.errors import InputError
from ofa_bench.records.measured import COLUMNS, card_path
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space
from ofa_bench.supernets import pieces as supernets
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.training import collected as judging
from ofa_bench.training.collected import sample_distinct
from ofa_bench.training.collection import Table, open_collection
from ofa_bench.training.image_sets import make_sets

SPACE = MobileNetV3Space()
CLASSES = 6


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_seconds(path):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows(path)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), classes=CLASSES, each=2)


@pytest.fixture(scope="module")
def thin():
    """Return the supernet with few channels, which knows of the classes of the images only."""
    made, networks = copy.copy(supernets.supernet(SPACE)), "ofa.imagenet_classification.elastic_nn.networks"
    kind = {"ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4], "width_mult": 0.1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made.net = import_ofa(networks).OFAMobileNetV3(n_classes=16, dropout_rate=0, **kind)
    with torch.no_grad():
        made.net.classifier.linear.bias[CLASSES:] = -1000
    return made


@pytest.fixture
def quick(thin, folder, tmp_path, monkeypatch):
    """Return options for the thin supernet, in a folder of their own."""
    monkeypatch.setattr(supernets, "supernet", lambda space: thin)
    monkeypatch.chdir(tmp_path)
    return lambda **given: Options(**({"images": str(folder), "weights": "random", "n": 3} | given))


def test_the_command_measures_the_real_supernet(folder, forks, tmp_path):
    arguments = ("space=mbv3", f"images={folder}", "weights=random", "test_images=2", "calibration_images=4", "n=1")
    done = forks.run("collect", (*arguments, "out=mine/pairs.csv"), tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "weights are random: the network has the architecture and the speed" in done.stderr
    assert "pairs.csv: 1 networks, accuracy 0.0% to 0.0%" in done.stdout
    assert "use it: ofa_bench train data=mine/pairs.csv space=mbv3" in done.stdout
    [row] = rows(tmp_path / "mine/pairs.csv")
    assert tuple(row) == COLUMNS
    assert (
        SPACE.from_ofa(json.loads(row["architecture"])) == sample_distinct(SPACE, 1, np.random.default_rng([0, 0]))
    ).all()
    assert row["images"] == "2"
    assert float(row["loss"]) == pytest.approx(np.log(1000), abs=1.5)
    card = json.loads((tmp_path / "mine/pairs.csv.json").read_text())
    assert card["weights"]["source"] == "random"
    assert {key: card["of"][key] for key in ("space", "seed", "batch")} == {"space": "mbv3", "seed": 0, "batch": 64}
    assert card["images"]["calibration"]["note"] == "the folder of the test images; 0 of these are test images too"
    assert {"torch", "pillow", "ofa", "ofa_bench"} < set(card["versions"])
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["pairs.csv", "pairs.csv.json"]


def prepared(folder, size):
    """Prepare images as OFA's evaluation does: float32 [12, 3, size, size]; and their classes."""
    pixels, labels = [], []
    for path in sorted(folder.rglob("*.png")):
        image = Image.open(path)
        short, scale = min(image.size), -(-size * 8 // 7)
        image = image.resize((scale * image.width // short, scale * image.height // short), Image.Resampling.BILINEAR)
        left, top = round((image.width - size) / 2), round((image.height - size) / 2)
        pixels.append(np.asarray(image)[top : top + size, left : left + size] / 255)
        labels.append(int(path.parent.name))
    values = (np.stack(pixels) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.tensor(values.transpose(0, 3, 1, 2), dtype=torch.float32), np.array(labels)


def test_accuracies_are_those_of_the_images(quick, folder, thin):
    """Computed anew, from the images to the shares: all images calibrate, in one batch, and all are tested."""
    accuracy = collect(quick(n=2))
    found = rows(Path("pairs.csv"))
    assert len(found) == 2
    for number, row in enumerate(found):
        arch = json.loads(row["architecture"])
        pixels, labels = prepared(folder, arch["image_size"])
        thin.net.set_active_subnet(**arch)
        subnet = thin.net.get_active_subnet()
        import_ofa("ofa.imagenet_classification.elastic_nn.utils").set_running_statistics(subnet, [(pixels, None)])
        with torch.no_grad():
            outputs = subnet.eval()(pixels).numpy().astype(np.float64)
        best = np.argsort(-outputs, axis=1)
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        assert float(row["accuracy"]) == accuracy[number] == (best[:, 0] == labels).mean()
        assert float(row["top5"]) == (best[:, :5] == labels[:, None]).any(axis=1).mean()
        assert float(row["loss"]) == pytest.approx(-np.log(shares[np.arange(12), labels]).mean(), rel=1e-3)
        assert 0 < float(row["top5"]) < 1
    assert len({row["loss"] for row in found}) == 2


def test_interrupted_it_goes_on_to_the_same_file(quick, monkeypatch):
    collect(quick(out="whole.csv"))
    calls, measure_accuracy = [], judging.measure_accuracy

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure_accuracy(*arguments, **options)

    monkeypatch.setattr(judging, "measure_accuracy", stopped)
    with pytest.raises(KeyboardInterrupt):
        collect(quick(out="parts.csv"))
    parts = Path("parts.csv")
    assert without_seconds(parts) == without_seconds(Path("whole.csv"))[:1]
    with parts.open("a") as file:
        file.write('"{""wid"": null, ""ks"": [3')  # as where the process was killed while it wrote
    card = Path("parts.csv.json").read_text()
    assert len(collect(quick(out="parts.csv", n=2))) == 2
    assert len(collect(quick(out="parts.csv"))) == 3  # of a larger n, the first are the same
    assert without_seconds(parts) == without_seconds(Path("whole.csv"))
    assert Path("parts.csv.json").read_text() == card
    assert len(calls) == 4
    before = parts.read_bytes()
    assert len(collect(quick(out="parts.csv", n=1))) == 3
    assert parts.read_bytes() == before
    with pytest.raises(InputError, match=r"has another collection \(other calibration_images, seed\); move it and"):
        collect(quick(out="parts.csv", seed=1, calibration_images=5))
    Path("parts.csv.json").unlink()
    with pytest.raises(InputError, match=r"its card .*parts\.csv\.json cannot be read \(No such file"):
        collect(quick(out="parts.csv"))
    assert parts.read_bytes() == before


def test_files_of_others_are_left_alone(quick):
    collect(quick(n=1))
    path = Path("pairs.csv")
    head, row = path.read_text().splitlines(keepends=True)
    for content, message in [
        (head + row.replace("3", "5", 1), "row 1 does not belong to this collection"),
        (head + row.replace(",12,", ",12,12,"), "row 1 does not belong to this collection"),
        (head + row.rpartition('",')[0] + '",none,0,0,0,0\n', "row 1 does not belong to this collection"),
        (head.replace(",", ";") + row.replace('",', '";'), "is not a table of accuracies"),
        ("\ufeff" + head + row, "its first line is not architecture,.*, in UTF-8 with commas"),
        ("a,b\n1,2\n", "its first line is not architecture,accuracy,top5,loss,images,seconds"),
        ("\xff\n", "its first line is not"),
        (b"\xff\xff\n", "is not a table of accuracies"),
    ]:
        before = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(before)
        with pytest.raises(InputError, match=message):
            collect(quick())
        assert path.read_bytes() == before
    path.write_text(head + row)
    Path("pairs.csv.json").write_text("[]")
    with pytest.raises(InputError, match=r"its card .* cannot be read \(it holds no JSON object\)"):
        collect(quick())
    path.write_text(head)  # without rows, nothing is lost
    assert len(collect(quick(seed=5, n=1))) == 1


def test_two_that_write_to_one_file_are_found_out(tmp_path):
    (tmp_path / "x.csv").touch()
    table = Table(tmp_path / "x.csv")
    table.add([1, "a,b"])
    assert (tmp_path / "x.csv").read_text() == '1,"a,b"\n'
    with (tmp_path / "x.csv").open("a") as other:
        other.write("theirs\n")
    with pytest.raises(InputError, match="another process writes to it at the same time"):
        table.add([2])


def test_cards_of_two_that_begin_at_once_are_whole(tmp_path, monkeypatch):
    """Both write before either moves its card into its place; nothing is left beside them, nor where one fails."""
    path, replace = tmp_path / "x.csv", Path.replace

    def late(self, target):
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr("os.getpid", lambda: 12)
        open_collection(path, {"of": {"seed": 1}}, any)
        assert json.loads(card_path(path).read_text()) == {"of": {"seed": 1}}
        path.unlink()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)
    monkeypatch.setattr("os.getpid", lambda: 11)
    open_collection(path, {"of": {"seed": 0}}, any)
    assert json.loads(card_path(path).read_text()) == {"of": {"seed": 0}}
    path.unlink()
    monkeypatch.setattr(Path, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_collection(path, {"of": {"seed": 2}}, any)
    assert [left.name for left in tmp_path.iterdir()] == ["x.csv.json"]


def test_without_the_weights_nothing_is_measured(quick, tmp_path, monkeypatch):
    from ofa_bench.predictors import assets

    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(assets, "BASE_URL", "http://127.0.0.1:9/")
    message = r"weights=auto: http://127.* could not be fetched .* save it as .*; weights=random measures random ones"
    with pytest.raises(InputError, match=message):
        collect(quick(weights="auto"))
    assert not Path("pairs.csv").exists()


def test_weights_that_give_no_numbers_are_refused(quick, thin, monkeypatch):
    broken = copy.deepcopy(thin.net)
    with torch.no_grad():
        broken.classifier.linear.bias[0] = np.inf
    monkeypatch.setattr(thin, "net", broken)
    with pytest.raises(InputError, match="outputs that are not finite"):
        collect(quick(n=1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"images": ""}, "images=: give a folder with a folder of images for each class"),
        ({"images": "nowhere"}, "images=nowhere: no such folder"),
        ({"calibration": "nowhere"}, "calibration=nowhere: no such folder"),
        ({"classes": "nowhere"}, "classes=nowhere: cannot be read"),
        ({"space": "mbv2"}, "space=mbv2: no such option"),
        ({"n": 0}, "n=0: must be 1 or more"),
        ({"batch": 5000}, "batch=5000: must be at most 4,096"),
        ({"test_images": 0}, "test_images=0: must be 1 or more"),
        ({"threads": 0}, "threads=0: must be 1 or more"),
        ({"out": "/"}, "out=/: must be the path of a CSV file"),
        ({"out": "."}, "cannot be read"),
        ({"out": "/dev/null/pairs.csv"}, "out=/dev/null: cannot be written"),
    ],
)
def test_bad_options_are_refused(given, message, quick):
    with pytest.raises(InputError, match=message):
        collect(quick(**given))


def test_a_part_of_a_space_is_refused(folder):
    with pytest.raises(InputError, match="space=compofa: a part of mbv3, whose supernet builds its networks"):
        collect(Options(space="compofa", images=str(folder), weights="random"))


def test_images_that_calibrate_are_others_as_far_as_there_are(folder, tmp_path):
    apart = make_sets(folder, None, None, 5, 7, 0)
    assert not {*apart.test.paths} & {*apart.calibration.paths}
    assert (len(apart.test), len(apart.calibration)) == (5, 7)
    assert [int(path.parent.name) for path in apart.test.paths] == apart.labels.tolist()
    shared = make_sets(folder, None, None, 8, 6, 0)
    assert len({*shared.test.paths} & {*shared.calibration.paths}) == 2
    assert "2 of these are test images too" in shared.description["calibration"]["note"]
    whole = make_sets(folder, None, None, 100, 100, 0)
    assert "12 of these are test images too" in whole.description["calibration"]["note"]
    other = make_sets(folder, None, make_images(tmp_path, classes=1), 10, 2, 0)
    assert [path.parent.parent for path in other.calibration.paths] == [tmp_path] * 2
    assert other.hashes["calibration"] != other.hashes["images"] == apart.hashes["images"]
    assert make_sets(folder, None, None, 5, 7, 1).test.paths != apart.test.paths


def test_architectures_are_distinct_and_the_first_of_many_are_the_few():
    space = CompoundSpace()
    many, few = (sample_distinct(space, n, np.random.default_rng(0)) for n in (1215, 20))
    assert len(set(space.keys(many))) == 1215
    assert (many[:20] == few).all()
    assert (space.canonical(many) == many).all()
    with pytest.raises(InputError, match=r"n=1216: space compofa has fewer architectures; 1,215 were found"):
        sample_distinct(space, 1216, np.random.default_rng(0))


def test_help_tells_the_options_and_imports_nothing_heavy():
    code = "import sys; from ofa_bench.__main__ import main\n"
    code += "try: main()\nfinally: assert not {'torch', 'PIL'} & set(sys.modules)"
    description = subprocess.run(
        [sys.executable, "-c", code, "collect", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(f"  {key}={value}" in description for key, value in vars(Options()).items())


def test_an_interrupt_is_reported(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "collect", interrupted)
    monkeypatch.setattr("ofa_bench.commands.cli.interrupts.install_handlers", lambda: None)
    monkeypatch.setattr(sys, "argv", ["ofa_bench"])
    with pytest.raises(SystemExit) as stopped:
        run_command("collect", ["images=x"])
    assert stopped.value.code == 130
    assert "interrupted; what is evaluated is kept, the same command continues" in capsys.readouterr().err
