"""Subspaces on the command line: records, frontiers, warm starts and exports distinguish them from their parent."""

import json

import numpy as np
import pytest
import yaml

from ofa_bench.analysis.studies import studies
from ofa_bench.commands.frontier import Options, compose_task
from ofa_bench.commands.train import PairsOptions, train_pairs
from ofa_bench.errors import InputError
from ofa_bench.experiment.previous import PreviousRecord
from ofa_bench.exporting.found import find_networks
from ofa_bench.records import frontiers
from ofa_bench.records.record import read
from ofa_bench.spaces import AccelNASBenchSpace, CompoundSpace, ListedSpace, MobileNetV3Space, hold

PLAIN = (
    "tracking=none",
    "predictor=embedded",
    "progress=false",
    "targets=single",
    "targets.values=[22]",
    "budget.generations=2",
)
SWEEP = "space.choices.r=[160],[224]"


@pytest.fixture(scope="module")
def swept(forks, tmp_path_factory):
    """Sweep two subspaces and their parent. Return the folder and its records by the name of the space."""
    folder = tmp_path_factory.mktemp("parts")
    for words in (("-m", SWEEP), (), ("space=compofa", "space.choices={d: [2, 3]}")):
        done = forks.run("run", (*words, "strategy=joint", *PLAIN), folder)
        assert done.returncode == 0, done.stderr
    records = [read(path.parent) for path in sorted(folder.rglob("record.json"))]
    return folder, {record.choices.space: record for record in records}, done


def test_a_record_names_its_part_and_has_no_regret_of_the_whole(swept):
    _, records, done = swept
    assert sorted(records) == ["compofa,d=2-3", "mbv3", "mbv3,r=160", "mbv3,r=224"]
    assert "compofa,d=2-3: no regret, because this subspace has no best-known frontier" in done.stderr
    for name, record in records.items():
        [result] = record.repeats[0].results
        part = "," in name
        assert (record.frontier is None) == part
        assert (result.regret is None) == part
        assert ("choices" in record.config["space"]) == part
        assert ("space.choices" in record.address) == part
    for size in (160, 224):
        [result] = records[f"mbv3,r={size}"].results
        assert result.architecture["r"] == [size]
    assert len({record.identity for record in records.values()}) == 4


def test_parts_are_compared_and_exported_apart(swept):
    _, records, _ = swept
    assert len(studies(list(records.values()))) == 4
    networks = find_networks(list(records.values()))
    assert sorted(one.space for one in networks) == sorted(records)
    assert len({one.folder for one in networks}) == 4


def test_a_part_has_a_frontier_of_its_own(forks, swept):
    folder, records, _ = swept
    made = forks.run(
        "frontier", ("space.choices={r: [224]}", "predictor=embedded", "records=multirun", "progress=false"), folder
    )
    assert made.returncode == 0, made.stderr
    assert "1 records of this space" in made.stderr
    [path] = (folder / "frontiers").rglob("*.json")
    assert path.relative_to(folder).as_posix() == "frontiers/mbv3,r=224/note10/embedded.json"
    assert json.loads(path.read_text())["points"][-1][2] == records["mbv3,r=224"].results[0].accuracy
    again = forks.run("run", ("space.choices={r: 224}", "strategy=random", *PLAIN), folder)
    assert again.returncode == 0, again.stderr
    assert "no regret" not in again.stderr
    assert "regret" in again.stdout


@pytest.mark.parametrize(("given", "sizes"), [("r=[224]", {224}), ("r=[176,192]", {176})])
def test_a_record_of_another_part_starts_a_search(forks, swept, given, sizes):
    folder, records, _ = swept
    start = f"strategy.warm_start.from='multirun/{records['mbv3,r=160'].address}'"
    words = ("strategy=bottom_up", start, f"space.choices.{given}", *PLAIN, "budget.warm_generations=1")
    done = forks.run("run", (*words, "evolution.population_size=1", f"output=warm{len(given)}"), folder)
    assert done.returncode == 0, done.stderr
    [path] = (folder / f"warm{len(given)}").rglob("record.json")
    [result] = read(path.parent).results
    assert set(result.architecture["r"]) == sizes


def test_architectures_of_an_earlier_record_become_the_nearest():
    whole, ours = MobileNetV3Space(), {"_target_": "ofa_bench.spaces.MobileNetV3Space"}
    arch = whole.to_ofa(whole.row({**dict.fromkeys(whole.gene_names, 3), "r": 160, **{f"k{i}": 7 for i in range(20)}}))
    part = hold(whole, {"r": [208, 224], "k": [3, 5]})
    previous = PreviousRecord("old", "mbv3", ours, whole.from_ofa(arch)[None], "", [([], arch), ([], arch)])
    [row] = previous.genes_in(part, {**ours, "choices": {"r": [208, 224], "k": [3, 5]}})
    values = part.values(row)
    assert (values["r"], values["k0"], values["d0"], values["e0"]) == (208, 5, 3, 3)
    assert (
        PreviousRecord("old", "mbv3", {**ours, "choices": {}}, row[None], "", [([], arch)]).genes_in(whole, ours)[0]
        == whole.from_ofa(arch)
    ).all()
    with pytest.raises(InputError, match="a record of space mbv3; this one is compofa"):
        previous.genes_in(CompoundSpace(), {"_target_": "ofa_bench.spaces.CompoundSpace", "kernels": "fixed"})
    broken = PreviousRecord("old", "mbv3", ours, row[None], "", [([], {"ks": 3})])
    with pytest.raises(InputError, match=r"^strategy\.warm_start\.from=old: mbv3: 'd' must be a list"):
        broken.genes_in(part, {**ours, "choices": {"r": [208, 224]}})


TRAINED = ("space=accel_nasbench", "predictor=table", "space.choices={d: [2, 3]}")


def test_a_part_of_the_trained_networks_is_kept_apart(forks, tmp_path):
    whole = ("space=accel_nasbench", "predictor=measured", "strategy=joint", *PLAIN[0:1], *PLAIN[2:])
    assert forks.run("run", whole, tmp_path).returncode == 0
    [found] = tmp_path.rglob("record.json")
    start = f"strategy.warm_start.from='{found.parent}'"
    done = forks.run("run", (*TRAINED, "strategy=bottom_up", start, *PLAIN[0:1], *PLAIN[2:], "output=part"), tmp_path)
    assert done.returncode == 0, done.stderr
    [path] = (tmp_path / "part").rglob("record.json")
    assert read(path.parent).choices.space == "accel_nasbench,d=2-3"
    assert "accel_nasbench,d=2-3: no regret, because this subspace has no best-known frontier" in done.stderr


def test_the_frontier_of_a_part_of_the_trained_networks_is_the_users():
    assert compose_task(TRAINED, Options()).path.is_relative_to(frontiers.OWN)


def test_architectures_of_an_earlier_record_become_the_nearest_that_are_listed():
    whole, ours = AccelNASBenchSpace(), {"_target_": "ofa_bench.spaces.AccelNASBenchSpace"}
    drawn = whole.canonical(whole.sample(40, np.random.default_rng(0)))
    listed, earlier = ListedSpace(whole, drawn[:30]), np.unique(drawn[25:], axis=0)
    previous = PreviousRecord("old", "accel_nasbench", ours, earlier, "", [(row, whole.to_ofa(row)) for row in earlier])
    expected = np.unique(listed.snap(earlier), axis=0)
    assert (previous.genes_in(listed, ours) == expected).all()
    assert (previous.genes_in(whole, ours) == earlier).all()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("space.choices.rr=[224]", "space.choices.rr: space mbv3 has no such gene; allowed: r, d (d0 to d4)"),
        (
            "space.choices={r: [225]}",
            "space.choices.r=225: mbv3 has no such choice; allowed: [160, 176, 192, 208, 224]",
        ),
        ("space.choices=3", "space.choices=3: must be the choices of genes, like {r: [224], k: [3, 5]}"),
        ("space.chioces={r: [224]}", "space.chioces: no such key"),
    ],
)
def test_wrong_choices_are_refused_in_one_line(forks, tmp_path, word, message):
    done = forks.run("run", (word, *PLAIN), tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_predictors_are_trained_for_the_whole(tmp_path):
    path = tmp_path / "held.yaml"
    path.write_text(yaml.safe_dump({"_target_": "ofa_bench.spaces.MobileNetV3Space", "choices": {"r": [224]}}))
    with pytest.raises(InputError, match="has choices; train for mbv3 without them, which serves the part"):
        train_pairs(PairsOptions(space=str(path), data=str(path)))
