import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.spaces import ResNet50DSpace
from ofa_bench.spaces.resnet50d import RESOLUTIONS
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.testing import check_space

SPACE = ResNet50DSpace()


def test_contract():
    check_space(SPACE)


def test_choices_are_those_of_ofa():
    rows = SPACE.sample(500, np.random.default_rng(0))
    archs = [SPACE.to_ofa(row) for row in rows]
    encoder = import_ofa("ofa.nas.accuracy_predictor").ResNetArchEncoder(image_size_list=list(RESOLUTIONS))
    theirs = [encoder.random_sample_arch() for _ in range(500)]
    for key in ("d", "e", "w"):
        assert len(archs[0][key]) == len(theirs[0][key])
        for place in range(len(archs[0][key])):
            assert {arch[key][place] for arch in archs} == {arch[key][place] for arch in theirs}
    assert {arch["image_size"] for arch in archs} == {128, 144, 160, 176, 192, 224, 240, 256}
    assert all(SPACE.contains(SPACE.from_ofa(arch)[None])[0] for arch in theirs)


def test_depth_decides_which_blocks_are_active():
    row = np.zeros((1, SPACE.n_genes), np.int8)
    row[0, SPACE.index["d3"]] = 1  # one extra block in the third stage
    active = SPACE.active(row)[0]
    blocks = [block for block in range(18) if active[SPACE.index[f"e{block}"]]]
    assert blocks == [0, 1, 4, 5, 8, 9, 10, 11, 12, 14, 15]
    assert active[:12].all()


def test_equal_stem_widths_are_one_network():
    rows = np.zeros((3, SPACE.n_genes), np.int8)
    rows[:, SPACE.index["w0"]] = [0, 1, 2]
    assert SPACE.canonical(rows)[:, SPACE.index["w0"]].tolist() == [0, 0, 2]
    keys = SPACE.keys(rows)
    assert keys[0] == keys[1] != keys[2]
    assert (SPACE.from_ofa(SPACE.to_ofa(rows[1])) == rows[0]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": [0] * 5}, "'w' must be a list of 6"),
        ({"w": [3, 0, 0, 0, 0, 0]}, "w0=3 is not one of"),
        ({"d": [1, 0, 0, 0, 0]}, r"d0=1 is not one of \[0, 2\]"),
        ({"image_size": 208}, "r=208 is not one of"),
    ],
)
def test_from_ofa_says_what_is_wrong(change, message):
    arch = {"d": [0] * 5, "e": [0.2] * 18, "w": [0] * 6, "image_size": 128} | change
    with pytest.raises(InputError, match=message):
        SPACE.from_ofa(arch)
