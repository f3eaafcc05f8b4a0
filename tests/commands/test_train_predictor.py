"""Predictors trained on a user's pairs: from the file to a search, their cards, and invalid files."""

import csv
import hashlib
import json
import re
from functools import partial

import numpy as np
import pytest
from calling import call
from PIL import Image

from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import embedded_predictor, own_predictor
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.search import Evolution
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space
from ofa_bench.training.pairs import Pairs, read_pairs
from ofa_bench.training.ridge import Ridge
from ofa_bench.training.validation import (
    Predictions,
    Trainer,
    compute_errors,
    count_trainings,
    cross_validate,
    fit_share,
    predict_held_out,
)

SPACE = MobileNetV3Space()
TRUTH = embedded_predictor(SPACE)
GENES = SPACE.sample(400, np.random.default_rng(5))
ACCURACY = TRUTH.accuracy(GENES)
QUICK = ("epochs=2", "hidden=[16,16]", "folds=4")
SEARCH = ("tracking=none", "budget=quick", "targets=single", "evolution.population_size=20")


def written(path, heads, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Return a file such as ``ofa_bench collect`` writes: 400 pairs."""
    rows = [
        (json.dumps(SPACE.to_ofa(row)), repr(float(value)), 0.9, 1.2, 2000, 0.5)
        for row, value in zip(GENES, ACCURACY, strict=True)
    ]
    heads = ("architecture", "accuracy", "top5", "loss", "images", "seconds")
    return written(tmp_path_factory.mktemp("data") / "pairs.csv", heads, rows)


@pytest.fixture(scope="module")
def trained(collected, forks, tmp_path_factory):
    """Return a folder in which the command has trained ``mine`` on them, and its output."""
    folder = tmp_path_factory.mktemp("trained")
    ran = forks.run("train", (f"data={collected}", "out=my/mine", *QUICK), folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    return folder, ran.stdout


def test_from_pairs_to_a_search(trained, forks):
    folder, message = trained
    assert message.endswith("use it: predictor=my/mine\n")
    ran = forks.run("run", ("-m", "predictor=embedded,my/mine", *SEARCH), folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    records = {record["choices"]["predictor"]: record for record in map(read, folder.rglob("record.json"))}
    assert set(records) == {"embedded", "mine"}
    mine, weights = records["mine"], (folder / "my" / "mine" / "mbv3.npz").read_bytes()
    assert mine["predictor"]["name"] == "mine"
    assert mine["predictor"]["sha256"] == hashlib.sha256(weights).hexdigest()
    assert mine["config"]["predictor"] == {"path": "my/mine", "_target_": "ofa_bench.predictors.own_predictor"}
    (result,) = mine["repeats"][0]["results"]
    (other,) = records["embedded"]["repeats"][0]["results"]
    row = SPACE.from_ofa(result["architecture"])
    assert result["accuracy"] == pytest.approx(own_predictor(SPACE, str(folder / "my/mine")).accuracy(row[None])[0])
    assert TRUTH.accuracy(row[None])[0] == pytest.approx(other["accuracy"], abs=0.01)
    ran = forks.run("run", ("predictor=my/mine", "strategy=joint", "space=compofa", *SEARCH), folder)
    assert (ran.returncode, ran.stderr) == (0, ""), "a part is served, and by gradients"
    ran = forks.run("run", ("predictor=my/mine", "space=resnet50d", *SEARCH), folder)
    message = "ofa_bench: predictor=my/mine: it has no resnet50d.npz for space resnet50d, only for mbv3\n"
    assert (ran.returncode, ran.stderr) == (2, message)


def read(path):
    return json.loads(path.read_text())


def test_the_card_tells_the_truth(trained, collected):
    folder, message = trained[0] / "my" / "mine", trained[1]
    card, predictor = read(folder / "mbv3.json"), own_predictor(SPACE, str(folder))
    assert card["data"]["sha256"] == hashlib.sha256(collected.read_bytes()).hexdigest()
    assert (card["data"]["file"], card["data"]["pairs"], card["data"]["distinct"]) == ("pairs.csv", 400, 400)
    assert card["data"]["accuracy"] == pytest.approx([ACCURACY.min(), ACCURACY.max()], abs=1e-6)
    assert (card["space"], card["hidden"], card["data"]["repeated_points"]) == ("mbv3", [16, 16], None)
    assert card["parameters"] == sum(weight.size + bias.size for weight, bias in predictor.layers)
    assert [len(bias) for _, bias in predictor.layers] == [16, 16, 1]
    found = card["cross_validation"]
    assert (found["folds"], found["pairs"]) == (4, 300)
    others = SPACE.sample(4000, np.random.default_rng(6))
    rmse = 100 * np.sqrt(np.mean((predictor.accuracy(others) - TRUTH.accuracy(others)) ** 2))
    assert found["predictor"]["rmse"]["value"] == pytest.approx(rmse, rel=0.25)
    assert found["mean"]["rmse"]["value"] == pytest.approx(100 * ACCURACY.std(), rel=0.02)
    assert found["mean"]["spearman"] == {"value": None, "std_over_folds": None, "folds": 0}
    assert found["predictor"]["spearman"]["folds"] == 4
    assert f"off by {found['ridge']['rmse']['value']:.3f} points" in message
    curve = card["learning_curve"]
    assert [one["pairs"] for one in curve] == [25, 50, 100, 200, 300]
    assert curve[0]["predictor"]["rmse"]["value"] > 2 * curve[-1]["predictor"]["rmse"]["value"]
    assert curve[-1]["ridge"]["rmse"] == found["ridge"]["rmse"]
    assert sorted(path.name for path in folder.iterdir()) == ["mbv3.json", "mbv3.npz", "mbv3.png"]
    with Image.open(folder / "mbv3.png") as picture:
        assert picture.size[0] > 900
        assert len(picture.convert("RGB").getcolors(10_000)) > 20


def test_values_that_no_pair_has_are_reported_by_the_card_the_output_and_the_search(forks, tmp_path):
    """Pairs of one resolution: whatever is said of another one is a guess, and nobody is to be told otherwise."""
    genes = GENES.copy()
    genes[:, 0] = 4
    genes[:, SPACE.index["k0"]] = np.where(np.arange(400) < 3, 2, genes[:, SPACE.index["k0"]] % 2)
    rows = [(json.dumps(SPACE.to_ofa(row)), value) for row, value in zip(genes, TRUTH.accuracy(genes), strict=True)]
    path = written(tmp_path / "p.csv", ("architecture", "accuracy"), rows)
    message = call("train", [f"data={path}", f"out={tmp_path / 'one'}", "epochs=1", "hidden=[4]", "folds=2"])
    held = "space.choices='{r: [224]}' restricts a search to the others"
    assert f"\n  no pair has r=160, 176, 192, 208: its predictions for these are guesses; {held}\n" in message
    assert "\n  fewer than 5 architectures have k0=7 (the card counts them)\n" in message
    coverage = read(tmp_path / "one" / "mbv3.json")["coverage"]
    assert coverage == {
        "labels": "the accuracies of the pairs in p.csv",
        "unlabelled": {"r": [160, 176, 192, 208]},
        "labelled": {"r": [224]},
        "rare": {"k0": {"7": 3}},
    }
    ran = forks.run("run", ("predictor=one", *SEARCH, "targets.values=[16,25,40]"), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    [record] = map(read, tmp_path.rglob("record.json"))
    assert record["predictor"]["unlabelled"] == {"r": [160, 176, 192, 208]}
    marked = 0
    for result in record["repeats"][0]["results"]:
        size, accuracy = result["architecture"]["image_size"], f"{100 * result['accuracy']:.2f}"
        assert result["unlabelled"] == ({} if size == 224 else {"r": [size]})
        shown = re.search(rf"^ *{result['target']:g} +vanilla +(\S+)", ran.stdout, re.MULTILINE)[1]
        assert shown == accuracy + ("*" if size != 224 else "")
        marked += size != 224
    assert marked, "a search takes what it may not know"
    assert held in ran.stdout


def test_genes_and_percent_mean_the_same_and_bytes_are_the_same(trained, tmp_path):
    active = SPACE.active(GENES)
    rows = [
        [repr(float(100 * accuracy)), "x"]
        + [value if there else "" for value, there in zip(SPACE.values(row).values(), shown, strict=True)]
        for row, accuracy, shown in zip(GENES, ACCURACY, active, strict=True)
    ]
    path = written(tmp_path / "genes.csv", ["top1", "other", *SPACE.gene_names], rows)
    pairs = read_pairs(path, SPACE)
    assert (pairs.genes == SPACE.canonical(GENES)).all()
    assert pairs.accuracy == pytest.approx(ACCURACY, abs=1e-15)
    path.write_text(path.read_text().replace("top1", "accuracy", 1))
    with path.open(newline="") as file:
        table = list(csv.reader(file))
    written(path, table[0], [[repr(float(a)), *row[1:]] for row, a in zip(table[1:], ACCURACY, strict=True)])
    call("train", [f"data={path}", f"out={tmp_path / 'again'}", *QUICK])
    assert (tmp_path / "again/mbv3.npz").read_bytes() == (trained[0] / "my/mine/mbv3.npz").read_bytes()


def test_without_data_it_distils(tmp_path, monkeypatch):
    from ofa_bench.training import distill

    monkeypatch.setattr("ofa_bench.predictors.official_predictor", embedded_predictor)
    monkeypatch.setattr(distill, "SEARCHES", {"vanilla": (Evolution(population_size=10), 3)})
    monkeypatch.setattr(distill, "Distillation", partial(distill.Distillation, first_searches=1, batch=256))
    message = call("train", ["seconds=1", "repeats=2", "hidden=[16]", f"out={tmp_path}"])
    card = read(tmp_path / "mbv3.json")
    assert list(card) == list(read(FOLDER / "mbv3.json"))
    assert json.loads(message) == card["errors"]
    assert card["training"]["batches"] > 10
    found = own_predictor(SPACE, str(tmp_path / "mbv3.npz"))
    assert card["parameters"] == sum(weight.size + bias.size for weight, bias in found.layers)
    assert np.abs(found.accuracy(GENES) - ACCURACY).mean() < 0.02


def pairs_of(genes, accuracy):
    return Pairs(SPACE.canonical(genes), np.asarray(accuracy, float), "made up", "0" * 64)


class Recorder:
    """Trains nothing, and keeps what it was given."""

    seed = 3

    def __init__(self):
        self.seen = []

    def features(self, genes):
        return genes

    def train(self, genes, accuracy):
        self.seen.append({row.tobytes() for row in genes})
        return Ridge(np.zeros(SPACE.n_genes), float(len(self.seen)), 1.0), self

    def accuracy(self, genes):
        kept = {row.tobytes() for row in genes}
        assert not kept & self.seen[-1], "what is predicted was in the training"
        return np.zeros(len(genes))


def test_what_is_held_out_is_not_trained_on_even_where_architectures_repeat():
    genes = SPACE.sample(60, np.random.default_rng(0)).repeat(3, axis=0)
    genes[::3] = np.where(SPACE.active(genes[::3]), genes[::3], 1 - np.minimum(genes[::3], 1))  # the same networks
    pairs = pairs_of(genes, np.linspace(0.7, 0.8, 180))
    assert pairs.distinct == 60
    assert pairs.repeated == pytest.approx(np.std([0, 0.1 / 179, 0.2 / 179], ddof=1))
    recorder = Recorder()
    fold, predictions = cross_validate(recorder, pairs, 5)
    assert [one.size for one in predictions] == [11, 22, 45, 90, 144]
    assert np.bincount(fold).tolist() == [36] * 5
    for held in range(5):
        assert (predictions[-1].linear[fold == held] == 21 + held).all()


@pytest.mark.parametrize(
    ("n", "folds", "sizes"),
    [
        (20, 2, [10]),
        (40, 2, [10, 20]),
        (401, 2, [25, 50, 100, 200]),
        (60, 3, [15, 30, 40]),
        (400, 4, [25, 50, 100, 200, 300]),
    ],
)
def test_no_two_points_of_a_learning_curve_are_the_same_trainings(n, folds, sizes):
    pairs = pairs_of(SPACE.sample(n, np.random.default_rng(0)), np.linspace(0.7, 0.8, n))
    recorder, made = Recorder(), []
    _, predictions = cross_validate(recorder, pairs, folds, lambda: made.append(1))
    assert pairs.distinct == n
    assert [one.size for one in predictions] == sizes
    assert len(made) == count_trainings(pairs, folds, recorder.seed) == folds * len(sizes)


@pytest.mark.parametrize("kind", ["npz", "json", "png"])
def test_what_is_there_is_not_replaced(kind, collected, tmp_path, monkeypatch):
    monkeypatch.setattr("ofa_bench.training.pairs.read_pairs", None)
    path = tmp_path / "mine" / f"mbv3.{kind}"
    path.parent.mkdir()
    path.write_bytes(b"earlier")
    message = f"out={path.parent}: {path} is already there; move it away or choose another out="
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        call("train", [f"data={collected}", f"out={path.parent}"])
    assert path.read_bytes() == b"earlier"
    assert list(path.parent.iterdir()) == [path]


def test_errors_are_what_they_are_called():
    given = np.array([0.70, 0.72, 0.74, 0.76, 0.70, 0.72])
    message = given + np.array([0.01, -0.01, 0.01, 0.03, 0.0, 0.0])
    message[4:] = 0.71
    found = compute_errors(given, message, np.array([0, 0, 0, 0, 1, 1]))
    off = 100 * (message - given)
    assert found["rmse"]["value"] == pytest.approx(np.sqrt(np.mean(off**2)), abs=1e-4)
    assert found["mae"]["value"] == pytest.approx(np.abs(off).mean(), abs=1e-4)
    assert found["largest"]["value"] == pytest.approx(3)
    assert found["bias"]["value"] == pytest.approx(off.mean(), abs=1e-4)
    assert found["r2"]["value"] == pytest.approx(1 - np.sum((message - given) ** 2) / (6 * given.var()), abs=1e-4)
    assert found["rmse"]["folds"] == 2
    assert found["spearman"] == {"value": pytest.approx(0.94868, abs=1e-4), "std_over_folds": None, "folds": 1}
    assert found["kendall"]["value"] == pytest.approx(0.91287, abs=1e-4)


def test_a_network_that_learned_noise_gets_no_share_and_one_that_knows_all_of_it():
    rng, zero = np.random.default_rng(1), np.zeros(200)
    truth = rng.normal(size=200)
    fold = np.arange(200) % 5
    for rest, least, most in ((rng.normal(size=200), 0, 0.15), (truth, 1, 1), (2 * truth, 0.5, 0.5), (zero, 0, 0)):
        one = Predictions(160, zero, zero, zero, rest)
        assert least <= fit_share(one, truth) <= most
        left = np.sum((predict_held_out(one, truth, fold) - truth) ** 2) / np.sum(truth**2)
        assert left <= (1e-6 if least else 1.05)


def test_the_share_of_a_fold_is_of_the_others():
    rng, zero, fold = np.random.default_rng(2), np.zeros(60), np.arange(60) % 3
    accuracy, rest = rng.normal(size=(2, 60)) + rng.normal(size=60)
    one = Predictions(40, zero, zero, zero, rest)
    before = predict_held_out(one, accuracy, fold)
    after = predict_held_out(one, np.where(fold == 0, -accuracy, accuracy), fold)
    assert (after[fold == 0] == before[fold == 0]).all()
    assert (np.abs(after - before)[fold != 0] > 1e-3).all(), "and theirs is of it"


def test_trainings_suit_the_number_of_pairs():
    trainer = Trainer(SPACE, (8, 8), 0, 0)
    assert [trainer.training(n).epochs for n in (50, 400, 4000, 50_000)] == [750, 108, 16, 16]
    assert Trainer(SPACE, (8, 8), 3, 0).training(50).epochs == 3
    assert trainer.training(50).hidden == [7, 7]


OWN_SPACE = """
from ofa_bench.spaces import DesignSpace, Gene

class Tiny(DesignSpace):
    def __init__(self, sizes):
        genes = [Gene(f"g{i}", tuple(range(n)), f"g{i}", "g0" if i == 2 else None, 1) for i, n in enumerate(sizes)]
        super().__init__("tiny", genes)
    def to_ofa(self, row):
        return self.values(row)
    def from_ofa(self, arch):
        return self.row(arch)

def no_space(sizes):
    return sizes
"""


def test_a_space_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "tiny_space.py").write_text(OWN_SPACE)
    (tmp_path / "tiny.yaml").write_text("defaults:\n  - x\n_target_: tiny_space.Tiny\nsizes: [3, 4, 3, 4]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    space = load_space("tiny.yaml")
    genes = space.sample(60, np.random.default_rng(0))
    rows = [[*row, 0.5 + 0.02 * row[1] + 0.01 * row[2] * (row[0] > 0)] for row in genes.tolist()]
    written(tmp_path / "p.csv", [*space.gene_names, "accuracy"], rows)
    message = call("train", ["data=p.csv", "space=tiny.yaml", "out=out", "epochs=1", "hidden=[4]", "seed=1"])
    assert "trained on 60 pairs" in message
    found = own_predictor(space, "out").accuracy(genes)
    assert found == pytest.approx([row[-1] for row in rows], abs=0.003)
    for text, words in (
        ("_target_: tiny_space.no_space\nsizes: [1]", "gives list; must be a DesignSpace"),
        ("_target_: tiny_space.Nowhere", "space._target_=tiny_space.Nowhere: cannot be imported"),
        ("_target_: tiny_space.Tiny\nsize: [3]", "space.size: no such key; allowed: sizes"),
        ("sizes: [3]", "describes no space; it needs a _target_"),
        ("a: [", "cannot be read"),
        ("!!python/object/apply:os.mkdir [made]", "cannot be read"),
    ):
        (tmp_path / "tiny.yaml").write_text(text)
        with pytest.raises(InputError, match=re.escape(words)):
            load_space("tiny.yaml")
    assert not (tmp_path / "made").exists()


def test_a_part_may_have_its_own(tmp_path):
    part = CompoundSpace()
    genes = part.sample(80, np.random.default_rng(0))
    accuracy = embedded_predictor(part).accuracy(genes)
    rows = [(json.dumps(part.to_ofa(row)), repr(float(value))) for row, value in zip(genes, accuracy, strict=True)]
    path = written(tmp_path / "p.csv", ("architecture", "accuracy"), rows)
    call("train", [f"data={path}", "space=compofa", f"out={tmp_path / 'out'}", "epochs=1", "hidden=[4]"])
    found = own_predictor(part, str(tmp_path / "out"))
    assert np.abs(found.accuracy(genes) - accuracy).mean() < 0.002


def quoted(arch):
    return '"' + json.dumps(arch).replace('"', '""') + '"'


ARCH = quoted(SPACE.to_ofa(GENES[0]))
GOOD = "".join(f"{quoted(SPACE.to_ofa(row))},0.7{i}\n" for i, row in enumerate(GENES[:30]))
WRONG = {
    "empty": ("", "line 1: must name a column accuracy"),
    "no accuracy": ("architecture,acc\n", "line 1: must name a column accuracy (a fraction of 1) or top1 (percent)"),
    "no architecture": ("accuracy\n0.7\n", "there is none for r, d0, d1 and others"),
    "a gene lacking": (",".join(["accuracy", *SPACE.gene_names[:-1]]) + "\n", "there is none for e19"),
    "a column twice": ("architecture,accuracy,accuracy\n", "line 1: has the column accuracy twice"),
    "heads only": ("architecture,accuracy\n", "has 0 distinct architectures; at least 20 are needed"),
    "too few": ("architecture,accuracy\n" + GOOD.split("\n")[0] + "\n", "has 1 distinct architectures; at least 20"),
    "percent": (f"architecture,accuracy\n{GOOD}{ARCH},75.2\n", "line 32: accuracy=75.2: must be from 0 to 1; name"),
    "more than all": (f"architecture,top1\n{ARCH},100.5\n", "line 2: top1=100.5: must be from 0 to 100"),
    "negative": (f"architecture,accuracy\n{ARCH},-0.1\n", "line 2: accuracy=-0.1: must be from 0 to 1"),
    "NaN": (f"architecture,accuracy\n{ARCH},nan\n", "line 2: accuracy=nan: must be a number"),
    "a word": (f"architecture,accuracy\n{ARCH},good\n", "line 2: accuracy=good: must be a number"),
    "nothing": (f"architecture,accuracy\n{ARCH},\n", "line 2: accuracy=: must be a number"),
    "a value too few": (f"architecture,accuracy\n{ARCH}\n", "line 2: has 1 values for 2 columns"),
    "a value too many": (f"architecture,accuracy\n{ARCH},0.7,1\n", "line 2: has 3 values for 2 columns"),
    "no JSON": ("architecture,accuracy\nabc,0.7\n", "line 2: it is no JSON"),
    "JSON that is deep": (f"architecture,accuracy\n{'[' * 100_000},0.7\n", "line 2: it is nested too deeply"),
    "no dict": ("architecture,accuracy\n[1],0.7\n", 'line 2: the architecture is "[1]"; must be OFA\'s dict'),
    "another dict": ('architecture,accuracy\n"{""a"": 1}",0.7\n', "line 2: mbv3: 'd' must be a list of 5 numbers"),
    "no such choice": (
        f"architecture,accuracy\n{quoted(SPACE.to_ofa(GENES[0]) | {'ks': [9] * 20})},0.7\n",
        "line 2: mbv3: k0=9 is not one of [3, 5, 7]",
    ),
    "a field too long": (f"architecture,accuracy\n{'a' * 200_000},0.7\n", "cannot be read as CSV (field larger than"),
    "quotes": ('architecture,accuracy\n"abc,0.7\n', "cannot be read as CSV (unexpected end of data)"),
    "bytes": (b"\xff\xfe\x00", "cannot be read (it is not text in UTF-8;"),
    "one accuracy": (
        f"architecture,accuracy\n{re.sub(r',0[.]7[0-9]+', ',0.7', GOOD)}",
        "all accuracies are 0.7; no predictor",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_in_a_file_is_reported_with_its_line(name, tmp_path):
    content, message = WRONG[name]
    path = tmp_path / "p.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read_pairs(path, SPACE)
    assert str(error.value).startswith(f"data={path}: ")


@pytest.mark.parametrize(
    ("gene", "text", "message"),
    [
        ("k0", "", "line 2: k0 is empty, but the gene is active"),
        ("k0", "4", r"line 2: mbv3: k0=4.0 is not one of \[3, 5, 7\]"),
        ("r", "big", "line 2: r=big: must be a number"),
    ],
)
def test_an_error_in_a_gene_is_reported(gene, text, message, tmp_path):
    values = SPACE.values(GENES[0]) | {gene: text, "accuracy": 0.7}
    path = written(tmp_path / "p.csv", values, [values.values()])
    with pytest.raises(InputError, match=message):
        read_pairs(path, SPACE)


def test_files_are_bounded(tmp_path):
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(InputError, match="larger than 100,000,000 bytes, the most that is read"):
        read_pairs(tmp_path / "huge.csv", SPACE)
