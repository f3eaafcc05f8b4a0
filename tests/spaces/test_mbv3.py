import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors import official_predictor
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.testing import check_space

SPACE, NARROW = MobileNetV3Space(), MobileNetV3Space(width=1.0)


@pytest.mark.parametrize("space", [SPACE, NARROW], ids=lambda space: space.name)
def test_contract(space):
    check_space(space)


def test_a_width_is_one_of_two_supernets():
    assert (SPACE.name, NARROW.name, MobileNetV3Space(1).name) == ("mbv3", "mbv3_w1.0", "mbv3_w1.0")
    assert SPACE.published_weights.path == "ofa/ofa_nets/ofa_mbv3_d234_e346_k357_w1.2"
    assert NARROW.published_weights.path == "ofa/ofa_nets/ofa_mbv3_d234_e346_k357_w1.0"
    for width in (1.1, True, "1.0", [1.0], None):
        with pytest.raises(InputError, match=r"space\.width=.*: must be 1\.2 or 1\.0"):
            MobileNetV3Space(width)


def test_both_widths_have_the_same_architectures_and_refuse_the_others_width():
    row = SPACE.canonical(SPACE.sample(1, np.random.default_rng(4)))[0]
    arch = SPACE.to_ofa(row)
    assert NARROW.gene_names == SPACE.gene_names
    assert NARROW.to_ofa(row) == arch
    assert (NARROW.from_ofa(arch | {"wid": 1.0}) == row).all()
    with pytest.raises(InputError, match=r"mbv3_w1\.0: wid=1\.2, but the width of its supernet is 1\.0"):
        NARROW.from_ofa(arch | {"wid": 1.2})


def test_ofa_published_a_predictor_of_one_width():
    assert SPACE.official_predictor
    with pytest.raises(InputError, match=r"predictor=official: OFA published none for space mbv3_w1\.0"):
        official_predictor(NARROW)


def test_choices_are_those_of_ofa():
    rows = SPACE.sample(300, np.random.default_rng(0))
    archs = [SPACE.to_ofa(row) for row in rows]
    assert {size for arch in archs for size in arch["r"]} == {160, 176, 192, 208, 224}
    assert {k for arch in archs for k in arch["ks"]} == {3, 5, 7}
    assert {e for arch in archs for e in arch["e"]} == {3, 4, 6}
    assert {d for arch in archs for d in arch["d"]} == {2, 3, 4}
    assert all(len(arch["ks"]) == len(arch["e"]) == 20 and len(arch["d"]) == 5 for arch in archs)
    assert all(arch["image_size"] == arch["r"][0] for arch in archs)


def test_depth_decides_which_blocks_are_active():
    row = np.zeros((1, SPACE.n_genes), np.int8)
    row[0, SPACE.index["d1"]] = 1  # depth 3 in stage 1, depth 2 elsewhere
    active = SPACE.active(row)[0]
    blocks = [block for block in range(20) if active[SPACE.index[f"k{block}"]]]
    assert blocks == [0, 1, 4, 5, 6, 8, 9, 12, 13, 16, 17]
    assert [block for block in range(20) if active[SPACE.index[f"e{block}"]]] == blocks
    assert active[: 1 + 5].all()


def test_mutation_redraws_a_blocks_kernel_and_expand_together():
    parents = np.repeat(SPACE.sample(1, np.random.default_rng(1)), 40_000, axis=0)
    changed = SPACE.mutate(parents, 0.1, np.random.default_rng(2)) != parents
    rate = {name: changed[:, SPACE.index[name]].mean() for name in ("r", "d2", "k7", "e7")}
    assert rate["r"] == pytest.approx(0.1 * 4 / 5, abs=0.006)
    assert rate["d2"] == pytest.approx(0.1 * 2 / 3, abs=0.006)
    assert rate["k7"] == pytest.approx(0.1 * 2 / 3, abs=0.006)
    both = (changed[:, SPACE.index["k7"]] & changed[:, SPACE.index["e7"]]).mean()
    assert both == pytest.approx(0.1 * 4 / 9, abs=0.006)  # were they redrawn apart, it would be 0.0044
    apart = (changed[:, SPACE.index["k7"]] & changed[:, SPACE.index["k8"]]).mean()
    assert apart == pytest.approx((0.1 * 2 / 3) ** 2, abs=0.004)


def test_crossover_is_uniform_in_each_gene():
    first, second = np.zeros((20_000, SPACE.n_genes), np.int8), np.ones((20_000, SPACE.n_genes), np.int8)
    crossed = SPACE.crossover(first, second, np.random.default_rng(3))
    assert crossed.mean(axis=0) == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(crossed[:, SPACE.index["k7"]], crossed[:, SPACE.index["e7"]])[0, 1] == pytest.approx(0, abs=0.03)


def test_from_ofa_takes_both_forms_and_zeros_in_absent_blocks():
    row = SPACE.canonical(SPACE.sample(1, np.random.default_rng(4)))[0]
    arch = SPACE.to_ofa(row)
    tutorial = {key: arch[key] for key in ("ks", "e", "d", "r")}
    nas = {key: arch[key] for key in ("ks", "e", "d", "image_size")}
    for block in range(20):
        if not SPACE.active(row[None])[0, SPACE.index[f"k{block}"]]:
            nas["ks"][block] = nas["e"][block] = 0
    assert (SPACE.from_ofa(tutorial) == row).all()
    assert (SPACE.from_ofa(nas) == row).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ks": [3] * 19}, "'ks' must be a list of 20"),
        ({"d": None}, "'d' must be a list of 5"),
        ({"e": [5] * 20}, "e0=5 is not one of [3, 4, 6]"),
        ({"image_size": 200}, "r=200 is not one of"),
        ({"image_size": "large"}, "must be one resolution"),
    ],
)
def test_from_ofa_says_what_is_wrong(change, message):
    arch = {"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "image_size": 160} | change
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        SPACE.from_ofa(arch)
