"""The best networks of a record are measured on images, and export takes the best of them; no record is changed."""

import copy
import csv
import json
import re
from pathlib import Path

import pytest
import torch
from calling import call
from make_images import make_images

from ofa_bench.commands.collect import Options, collect
from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.gather import from_folders
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.supernets import pieces as supernets
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.training import collected
from ofa_bench.training.collected import Scores

SPACE = MobileNetV3Space()
CLASSES = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), classes=CLASSES, each=3)


@pytest.fixture(scope="module")
def thin(tmp_path_factory):
    """Return the supernet with few channels, and its weights as a checkpoint."""
    kind = {"ks_list": [3, 5, 7], "expand_ratio_list": [3, 4, 6], "depth_list": [2, 3, 4], "width_mult": 0.1}
    made = copy.copy(supernets.supernet(SPACE))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = import_ofa("ofa.imagenet_classification.elastic_nn.networks").OFAMobileNetV3
        made.net = network(n_classes=CLASSES, dropout_rate=0, **kind)
    path = tmp_path_factory.mktemp("weights") / "thin.pth"
    torch.save({"state_dict": made.net.state_dict()}, path)
    return made, path


@pytest.fixture
def cell(made, tmp_path):
    """Return the folder of a record of three repeats and two targets."""
    record = made()
    folder = tmp_path / "multirun" / record.address
    records.write(folder, record, "a: 1\n")
    return folder


@pytest.fixture
def quick(thin, folder, cell, tmp_path, monkeypatch):
    """Return options that measure the record with the thin supernet."""
    monkeypatch.setattr(supernets, "supernet", lambda _: thin[0])
    monkeypatch.chdir(tmp_path)
    return lambda **given: Options(
        **({"run": str(cell), "images": str(folder), "weights": str(thin[1]), "top": 2} | given)
    )


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def ranked(record, target):
    """Return the distinct networks that a record kept for a target, the best by prediction first."""
    place = record.targets.index(target)
    networks = [one for repeat in record.repeats for one in repeat.results[place].networks]
    return sorted({tuple(one.genes): one for one in networks}.values(), key=lambda one: (-one.accuracy, one.cost))


def in_order(record, top, targets):
    """Return the dicts of the best networks, the best of each target first, none twice."""
    best = [ranked(record, target)[rank].architecture for rank in range(top) for target in targets]
    return [one for i, one in enumerate(best) if one not in best[:i]]


def architectures(path):
    return [json.loads(row["architecture"]) for row in rows(path)]


@pytest.fixture
def reversed_order(monkeypatch):
    """Let the accuracy rise with each network that is measured: the best by prediction are the worst."""
    measured = []

    def measure(module, images, *_, **__):
        measured.append(len(images))
        return Scores(0.5 + len(measured) / 1000, 0.9, 1.0)

    monkeypatch.setattr(collected, "measure_accuracy", measure)
    return measured


def test_they_are_measured_in_the_order_of_their_ranks(quick, cell, made):
    before = (cell / "record.json").read_bytes()
    accuracy = collect(quick())
    path = cell / "measured.csv"
    assert architectures(path) == in_order(made(), 2, (20.0, 30.0))
    assert [float(row["accuracy"]) for row in rows(path)] == accuracy.tolist()
    assert {row["images"] for row in rows(path)} == {"12"}  # all of them
    assert (cell / "record.json").read_bytes() == before
    card = json.loads((cell / "measured.csv.json").read_text())
    assert card["of"]["record"] == made().identity
    assert card["title"] == f"Accuracies of the best networks of {made().address}, measured on images"
    assert not Path("pairs.csv").exists()


def test_they_have_the_accuracies_of_the_same_weights_measured_elsewhere(quick, cell):
    """``weights=random`` leaves the thin supernet's weights, which the checkpoint has."""
    collect(quick(out="elsewhere.csv", weights="random"))
    collect(quick())
    found, wanted = rows(cell / "measured.csv"), rows(Path("elsewhere.csv"))
    assert [(row["architecture"], row["accuracy"], row["loss"]) for row in found] == [
        (row["architecture"], row["accuracy"], row["loss"]) for row in wanted
    ]
    assert len({row["loss"] for row in found}) == len(found) > 2


def test_interrupted_it_goes_on_and_a_larger_top_adds(quick, cell, made, monkeypatch, reversed_order):
    measure = collected.measure_accuracy

    def stopped(*arguments, **options):
        if len(reversed_order) == 1:
            raise KeyboardInterrupt
        return measure(*arguments, **options)

    monkeypatch.setattr(collected, "measure_accuracy", stopped)
    with pytest.raises(KeyboardInterrupt):
        collect(quick())
    monkeypatch.setattr(collected, "measure_accuracy", measure)
    path = cell / "measured.csv"
    with path.open("a") as file:
        file.write('"{""wid"": nu')  # as where the process was killed while it wrote
    assert records.read(cell).results[0].networks  # a reader passes over the unfinished row
    collect(quick())
    few = in_order(made(), 2, (20.0, 30.0))
    assert architectures(path) == few
    collect(quick(top=3))
    assert architectures(path) == in_order(made(), 3, (20.0, 30.0))
    assert len(reversed_order) == len(rows(path)) > len(few)
    assert len(collect(quick(top=1))) == len(rows(path))


def test_one_target_then_the_others(quick, cell, made, reversed_order):
    collect(quick(target=30))
    assert architectures(cell / "measured.csv") == in_order(made(), 2, (30.0,))
    collect(quick())
    both = [*in_order(made(), 2, (30.0,)), *in_order(made(), 2, (20.0, 30.0))]
    assert architectures(cell / "measured.csv") == [one for i, one in enumerate(both) if one not in both[:i]]
    assert len(reversed_order) == len(rows(cell / "measured.csv"))


@pytest.mark.usefixtures("reversed_order", "fake_files")
def test_export_takes_the_measured_best_and_says_so(quick, cell, made, capsys):
    call("export", [str(cell), "weights=random", "uri=none", "out=before"])
    found = [json.loads(path.read_text()) for path in sorted(Path("before").glob("*/*/card.json"))]
    assert [card["architecture"] for card in found] == [ranked(made(), target)[0].architecture for target in (20, 30)]
    assert [card["measured_accuracy"] for card in found] == [None, None]
    assert "measured accuracy" not in Path("before/index.md").read_text()

    collect(quick(top=4))
    measured = {json.dumps(one): float(row["accuracy"]) for one, row in zip(
        architectures(cell / "measured.csv"), rows(cell / "measured.csv"), strict=True)}  # fmt: skip
    capsys.readouterr()
    said = call("export", [str(cell), "weights=random", "uri=none"])
    messages = capsys.readouterr().err
    assert str(said) == "export/index.html"
    for target in (20, 30):
        card = json.loads(Path(f"export/mbv3_note10_toy/{target}ms/card.json").read_text())
        four = ranked(made(), target)[:4]
        best = max(four, key=lambda one: measured[json.dumps(one.architecture)])
        rank = four.index(best) + 1
        assert rank > 1
        assert card["architecture"] == best.architecture
        assert card["accuracy"] == best.accuracy
        there = [one for one in ranked(made(), target) if json.dumps(one.architecture) in measured]
        top1 = measured[json.dumps(best.architecture)]
        about = {"top1": top1, "images": 12, "rank": rank, "networks": len(there)}
        assert card["measured_accuracy"] == about
        text = Path(f"export/mbv3_note10_toy/{target}ms/card.md").read_text()
        assert f"| measured accuracy (`ofa_bench collect`), on 12 images | {100 * top1:.2f} % |" in text
        assert f"of which {len(there)} were measured | {rank} |" in text
        message = f"{target}ms: the best of {len(there)} measured networks, {rank} by predicted accuracy"
        assert message in messages
        [row] = [row for row in rows(Path("export/networks.csv")) if float(row["target"]) == target]
        assert (float(row["measured_accuracy"]), row["rank_by_prediction"]) == (top1, str(rank))
    assert "| accuracy on images % | rank by prediction |" in Path("export/index.md").read_text()


@pytest.mark.usefixtures("reversed_order")
def test_show_and_the_report_have_measured_beside_predicted(quick, made, tmp_path):
    record, cell = made(repeats=1), tmp_path / "once"
    records.write(cell, record, "")
    collect(quick(run=str(cell)))
    [record] = from_folders([cell]).records
    lines = "\n".join(call("show", [str(cell), "top=2", "target=20"]))
    for one in ranked(record, 20)[:2]:
        assert f"{100 * one.accuracy:.2f} % (measured: {100 * one.measured.top1:.2f} % of 12 images), " in lines
    [text] = call("show", [str(cell), "format=json"])
    assert json.loads(text)[0]["measured"]["top1"] == ranked(record, 20)[0].measured.top1
    call("report", [str(cell), f"out={tmp_path}/out"])
    page = (tmp_path / "out" / "report.md").read_text()
    begin = "| strategy | predicted accuracy % | accuracy on images % |"
    [head] = [line for line in page.splitlines() if line.startswith(begin)]
    winners = [result.measured.top1 for result in record.results]
    assert re.search(rf"\| vanilla \| [\d.]+ \| {100 * sum(winners) / len(winners):.2f} \|", page)
    assert head.count("on images") == 1
    table = rows(tmp_path / "out" / "results.csv")
    assert [float(row["measured"]) for row in table] == winners


def test_what_is_not_measured_everywhere_has_no_mean(quick, cell, tmp_path):
    collect(quick(top=1, target=30))
    call("report", [str(cell), f"out={tmp_path}/out"])
    assert "accuracy on images %" not in (tmp_path / "out" / "report.md").read_text()
    measured = [row["measured"] for row in rows(tmp_path / "out" / "results.csv")]
    assert any(measured)
    assert not all(measured)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": "random"}, r"weights=random: not what .* are worth; give out="),
        ({"run": "nowhere"}, r"run=nowhere: there is no record.json; give a cell's folder"),
        ({"run": "multirun"}, r"run=multirun: there is no record.json"),
        ({"target": 25}, r"target=25: no target of mbv3/.*, which has 30, 20"),
        ({"top": 0}, "top=0: must be 1 or more"),
        ({"run": "", "target": 20}, "target=20: needs run="),
    ],
)
def test_bad_options_are_refused(quick, cell, given, message):
    with pytest.raises(InputError, match=message):
        collect(quick(**given))
    assert not (cell / "measured.csv").exists()


@pytest.mark.usefixtures("reversed_order")
def test_other_images_are_another_collection(quick):
    collect(quick(top=1))
    with pytest.raises(InputError, match=r"has another collection \(other test_images\)"):
        collect(quick(test_images=5))


def test_a_space_without_a_supernet_is_refused(quick, made, tmp_path):
    record = made(repeats=1)
    for result in record.results:
        for one in result.networks:
            one.architecture = {"layers": one.genes}
    records.write(tmp_path / "other", record, "")
    with pytest.raises(InputError, match=r"space=mbv3: no supernet builds its networks, so none can be measured"):
        collect(quick(run=str(tmp_path / "other")))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("measured.csv.json", '"record": "', '"record": "0', "it is of another record"),
        ("measured.csv.json", '"of"', '"off"', "it is of another record"),
        ("measured.csv", "architecture,", "arch,", "its first line is not architecture,accuracy"),
        ("measured.csv", ",12,", ",many,", "row 1 does not belong"),
        ("measured.csv", '"{', '"', "it is no JSON"),
        ("measured.csv", ",0.501,", ",51,", "the accuracy 51 is not a fraction of 1"),
        ("measured.csv", ",0.501,", ",nan,", "the accuracy nan is not a fraction of 1"),
    ],
)
@pytest.mark.usefixtures("reversed_order")
def test_a_changed_table_is_refused(quick, cell, name, old, new, message):
    collect(quick(top=1))
    text = (cell / name).read_text()
    assert old in text
    (cell / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"measured\.csv: not readable as measured accuracies \(.*{message}"):
        records.read(cell)
