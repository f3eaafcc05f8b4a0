"""The space of NAS-Bench-Macro: 6,561 rows, each a published code."""

from collections import Counter

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.spaces import NASBenchMacroSpace
from ofa_bench.spaces.drawing import BLOCK, SLOT, STEM
from ofa_bench.spaces.enumeration import architectures, number_of_architectures
from ofa_bench.testing import check_space

SPACE = NASBenchMacroSpace()


def test_contract():
    check_space(SPACE)


def test_no_two_rows_are_one_network():
    [rows] = architectures(SPACE, 10_000)
    assert number_of_architectures(SPACE) == len(set(SPACE.keys(rows))) == 3**8


def test_a_row_is_the_published_code():
    row = np.array([2, 2, 2, 1, 2, 2, 0, 2], np.int8)
    assert SPACE.to_ofa(row) == {"layers": [2, 2, 2, 1, 2, 2, 0, 2]}
    assert (SPACE.from_ofa({"layers": (2, 2, 2, 1, 2, 2, 0, 2), "name": "the best"}) == row).all()


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ({"layers": [0] * 7}, "'layers' must be a list of 8 numbers, not 7"),
        ({"layers": "01201201"}, "'layers' must be a list of 8 numbers"),
        ({"layers": [0] * 7 + [3]}, r"b7=3 is not one of \[0, 1, 2\]"),
        ({"layers": [0] * 8, "r": 224}, "'r' is no key of its architectures, which have layers"),
    ],
)
def test_other_dicts_are_refused(arch, message):
    with pytest.raises(InputError, match=f"nasbench_macro: {message}"):
        SPACE.from_ofa(arch)


def test_a_drawing_shows_what_an_identity_is():
    """In the first layer of a stage it is a convolution, because the shape changes; elsewhere nothing is built."""
    drawing = SPACE.drawing(np.array([0, 0, 1, 2, 0, 2, 1, 0], np.int8))
    kinds = [[block.kind for block in blocks] for blocks in drawing.stages.values()]
    assert kinds == [[STEM, SLOT], [BLOCK, BLOCK, SLOT], [BLOCK, BLOCK, SLOT]]
    built = [
        (drawing.shades[one.shade], drawing.heights[one.height])
        for blocks in drawing.stages.values()
        for one in blocks
        if one.kind == BLOCK
    ]
    assert Counter(built) == {(3, 3): 2, (5, 6): 2}
    assert (drawing.shade, drawing.height, drawing.resolution) == ("kernel", "expand ratio", None)
