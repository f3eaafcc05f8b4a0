"""Choices outside a predictor's training data: found, named, translated to subspaces, and read from cards."""

import json

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors import (
    AccuracyPredictor,
    SubspacePredictor,
    embedded_predictor,
    official_predictor,
    own_predictor,
)
from ofa_bench.predictors.coverage import (
    check_unlabelled,
    find_rare,
    find_unlabelled,
    format_choices,
    labelled_choices,
    to_subspace,
    unlabelled_in,
)
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.predictors.gaps import find_gaps
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace, Subspace
from ofa_bench.spaces.chosen import choices_override
from ofa_bench.testing import check_predictor

SPACE, RESNET, PROXYLESS = MobileNetV3Space(), ResNet50DSpace(), ProxylessNASSpace()
GENES = SPACE.sample(500, np.random.default_rng(0))


def held(**positions):
    """Return architectures whose genes of a kind, or a gene, have only one of these positions."""
    genes, rng = GENES.copy(), np.random.default_rng(1)
    for kind, allowed in positions.items():
        for name in (name for name in SPACE.gene_names if name == kind or name.rstrip("0123456789") == kind):
            genes[:, SPACE.index[name]] = rng.choice(allowed, len(genes))
    return genes


@pytest.mark.parametrize(
    ("positions", "unlabelled", "flow", "words"),
    [
        ({}, {}, "space.choices='{}'", ""),
        ({"r": [4]}, {"r": (160, 176, 192, 208)}, "space.choices='{r: [224]}'", "r=160, 176, 192, 208"),
        (
            {"r": [0, 4], "k": [0, 1]},
            {"r": (176, 192, 208)} | {f"k{i}": (7,) for i in range(20)},
            "space.choices='{r: [160, 224], k: [3, 5]}'",
            "r=176, 192, 208; k=7 (20 genes)",
        ),
        ({"k3": [0, 2]}, {"k3": (5,)}, "space.choices='{k3: [3, 7]}'", "k3=5"),
        (
            {"k3": [0, 2], "k9": [0, 2], "k11": [1]},
            {"k3": (5,), "k9": (5,), "k11": (3, 7)},
            "space.choices='{k3: [3, 7], k9: [3, 7], k11: [5]}'",
            "k3=5; k9=5; k11=3, 7",
        ),
        # blocks that depth 2 leaves out have no labels, which the depths say; of the others no kernel is 7
        (
            {"d": [0], "k": [0, 1]},
            {f"d{i}": (3, 4) for i in range(5)} | {f"k{i}": (7,) for i in range(20) if i % 4 < 2},
            "space.choices='{d: [2], k: [3, 5]}'",
            "d=3, 4 (5 genes); k=7 (10 genes)",
        ),
    ],
)
def test_choices_that_no_architecture_has_are_found_and_named(positions, unlabelled, flow, words):
    found = find_unlabelled(SPACE, held(**positions))
    assert found == unlabelled
    assert choices_override(labelled_choices(SPACE, found)) == flow
    assert format_choices(found) == words


def test_a_winner_has_such_a_choice_only_where_the_gene_is_active():
    unlabelled = {"r": (160,), "k3": (3, 7)}
    for row in SPACE.canonical(GENES):
        values = SPACE.values(row)
        wanted = {"r": [160]} if values["r"] == 160 else {}
        if values["d0"] == 4 and values["k3"] != 5:  # block 3 is there in stages of four
            wanted["k3"] = [values["k3"]]
        assert unlabelled_in(SPACE, row, unlabelled) == wanted


def test_what_was_labelled_is_never_named_and_what_was_not_always_is():
    """By brute force, on few architectures, of which much is missing."""
    rng = np.random.default_rng(2)
    for space in (SPACE, RESNET, CompoundSpace()):
        labels = space.canonical(space.sample(3, rng))
        seen = {(i, row[i]) for row in labels for i in np.flatnonzero(space.active(row[None])[0])}
        unlabelled = find_unlabelled(space, labels)
        for row in space.canonical(space.sample(100, rng)):
            new = [i for i in np.flatnonzero(space.active(row[None])[0]) if (i, row[i]) not in seen]
            named = unlabelled_in(space, row, unlabelled)
            assert set(named) <= {space.gene_names[i] for i in new}
            assert bool(named) == bool(new)
        for row in labels:
            assert unlabelled_in(space, row, unlabelled) == {}


def test_choices_that_build_one_network_count_together():
    genes = RESNET.sample(300, np.random.default_rng(0))
    genes[:, RESNET.index["w0"]] = 0
    assert find_unlabelled(RESNET, genes) == {"w0": (1.0,)}, "0.65 and 0.8 are one"
    assert labelled_choices(RESNET, {"w0": (1.0,)}) == {"w0": [0.65, 0.8]}


def test_few_labels_are_counted():
    genes = held(r=[4])
    genes[:3, 0], genes[3:8, 0] = 2, 1
    assert find_rare(SPACE, genes) == {"r": {192: 3}}


def test_a_part_knows_what_its_choices_set():
    part = CompoundSpace()
    assert to_subspace(part, {"r": (160,)}) == {"r": (160,)}
    assert to_subspace(part, {"e0": (6,), "e4": (3,)}) == {"d0": (4,), "d1": (2,)}, "a depth sets the expand ratio"
    assert to_subspace(part, {"k3": (3,)}) == {"d0": (4,)}, "block 3 is not there in shorter stages"
    assert to_subspace(part, {"k3": (7,)}) == {}, "no choice of the part sets it"
    assert to_subspace(part, {"k1": (3,)}) == {}, "none avoids it"
    predictor = embedded_predictor(SPACE)
    predictor.unlabelled = {"r": (208,), "e0": (4,)}
    assert SubspacePredictor(part, predictor).unlabelled == {"r": (208,), "d0": (3,)}
    predictor.unlabelled = None
    assert SubspacePredictor(part, predictor).unlabelled is None


def test_winners_in_parts_are_named_by_the_genes_that_were_labelled():
    part = CompoundSpace()
    predictor = embedded_predictor(SPACE)
    predictor.unlabelled = {"r": (160,), "e0": (6,), "k1": (3,)}
    rows = part.canonical(part.sample(60, np.random.default_rng(0)))
    found = find_gaps(part, SubspacePredictor(part, predictor), rows)
    for row, gaps in zip(rows, found, strict=True):
        values = part.values(row)
        wanted = {"r": [160]} if values["r"] == 160 else {}
        assert gaps == wanted | {"k1": [3]} | ({"e0": [6]} if values["d0"] == 4 else {})
    small = [gene for gene in SPACE.genes if gene.name != "r"]
    sources = {gene.name: (gene.name, range(len(gene.choices))) for gene in small}
    for size, gaps in ((0, {"r": [160]}), (4, {})):
        held = Subspace("one resolution", small, SPACE, {"r": ("d0", [size] * 3), **sources})
        predictor.unlabelled = {"r": (160, 176, 192, 208)}
        within = SubspacePredictor(held, predictor)
        assert find_gaps(held, within, held.sample(3, np.random.default_rng(0))) == [gaps] * 3
        assert check_unlabelled(held, within) == {}, "no choice is left that would"
    nested = Subspace(
        "nested", part.genes, part, {name: (name, range(3 + 2 * (name == "r"))) for name in part.gene_names}
    )
    assert find_gaps(nested, SubspacePredictor(nested, SubspacePredictor(part, predictor)), rows[:1]) == find_gaps(
        part, SubspacePredictor(part, predictor), rows[:1]
    )
    predictor.unlabelled = None
    assert find_gaps(part, SubspacePredictor(part, predictor), rows) is None


class Mine(AccuracyPredictor):
    name, sha256 = "mine", "0" * 64

    def __init__(self, unlabelled=None):
        self.unlabelled = unlabelled

    def accuracy(self, genes):
        return 0.5 + 0.01 * SPACE.canonical(genes).mean(axis=1)


def test_a_class_of_ones_own_may_say_it():
    assert check_unlabelled(SPACE, Mine()) is None
    assert check_unlabelled(SPACE, Mine({"r": [160.0, 161], "k3": []})) == {"r": (160,)}
    check_predictor(Mine({"r": [160]}), SPACE)
    assert check_unlabelled(CompoundSpace(), Mine({"r": [160], "k3": [3]})) == {"r": (160,)}, "of the whole"
    for given, message in (
        ({"rr": [160]}, "predictor mine: unlabelled names rr, no gene of space mbv3; did you mean 'r'?"),
        ({"r": 160}, "predictor mine: unlabelled must map genes to lists of their values, not {'r': 160}"),
        ({"r": ["160"]}, "must map genes to lists of their values"),
        ([160], "must map genes to lists of their values"),
    ):
        with pytest.raises(InputError) as error:
            check_unlabelled(SPACE, Mine(given))
        assert message in str(error.value)


def test_shipped_predictors_had_labels_of_every_choice_or_say_of_which_not(assets):
    for space in (SPACE, RESNET):
        assert official_predictor(space).unlabelled == {}
    for space in (SPACE, RESNET, CompoundSpace()):
        assert embedded_predictor(space).unlabelled == {}
        assert embedded_predictor(space, 2).unlabelled == {}
    assert check_unlabelled(PROXYLESS, embedded_predictor(PROXYLESS)) == {"r": (160, 176)}


@pytest.mark.parametrize("name", ["mbv3", "resnet50d", "members/mbv3", "members/resnet50d"])
def test_every_card_says_what_the_labels_were(name):
    coverage = json.loads((FOLDER / f"{name}.json").read_text())["coverage"]
    assert coverage["unlabelled"] == {}
    assert "every choice" in coverage["labels"]


def test_ones_own_is_read_from_the_card_beside_the_weights(tmp_path):
    (tmp_path / "mbv3.npz").write_bytes((FOLDER / "mbv3.npz").read_bytes())
    assert own_predictor(SPACE, str(tmp_path)).unlabelled is None, "nothing is known"
    card = tmp_path / "mbv3.json"
    card.write_text('{"title": "of an earlier version"}')
    assert own_predictor(SPACE, str(tmp_path)).unlabelled is None
    card.write_text('{"coverage": {"unlabelled": {"r": [160, 208], "d0": [4]}}}')
    found = own_predictor(SPACE, str(tmp_path / "mbv3.npz"))
    assert check_unlabelled(SPACE, found) == {"r": (160, 208), "d0": (4,)}
    part = CompoundSpace()
    assert check_unlabelled(part, own_predictor(part, str(tmp_path))) == {"r": (160, 208), "d0": (4,)}
    for content, message in (
        ("{", "its card mbv3.json cannot be read (it is no JSON"),
        ('{"coverage": {"unlabelled": {"w9": [1]}}}', "its card mbv3.json has no coverage.unlabelled of genes of"),
        ('{"coverage": {"unlabelled": {"r": 3}}}', "has no coverage.unlabelled of genes"),
        ('{"coverage": {"unlabelled": {"r": ["x"]}}}', "has no coverage.unlabelled of genes"),
        ('{"coverage": []}', "has no coverage.unlabelled of genes"),
    ):
        card.write_text(content)
        with pytest.raises(InputError) as error:
            own_predictor(SPACE, str(tmp_path))
        assert str(error.value).startswith(f"predictor={tmp_path / 'mbv3.npz'}: ")
        assert message in str(error.value)
