import numpy as np

from ofa_bench.spaces import ProxylessNASSpace
from ofa_bench.testing import check_space

SPACE = ProxylessNASSpace()


def test_contract():
    check_space(SPACE)


def test_choices_are_those_of_ofa():
    archs = [SPACE.to_ofa(row) for row in SPACE.sample(300, np.random.default_rng(0))]
    assert all(len(arch["ks"]) == len(arch["e"]) == 21 and len(arch["d"]) == 6 for arch in archs)
    assert {arch["d"][5] for arch in archs} == {1}
    assert {arch["image_size"] for arch in archs} == {160, 176, 192, 208, 224}
    assert {arch["ks"][20] for arch in archs} == {3, 5, 7}


def test_the_last_block_is_always_there():
    genes = SPACE.sample(200, np.random.default_rng(1))
    assert SPACE.active(genes)[:, [SPACE.index["k20"], SPACE.index["e20"]]].all()


def test_depth_of_the_last_stage_is_ignored_as_in_ofa():
    row = SPACE.canonical(SPACE.sample(1, np.random.default_rng(2)))[0]
    arch = SPACE.to_ofa(row)
    arch["d"][5] = 4
    assert (SPACE.from_ofa(arch) == row).all()
