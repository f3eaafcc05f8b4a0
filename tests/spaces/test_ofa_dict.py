"""OFA's dicts of architectures: ambiguous ones are refused or read by one rule."""

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.spaces import MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace, recognise

MOBILE, PROXYLESS, RESNET = MobileNetV3Space(), ProxylessNASSpace(), ResNet50DSpace()
ARCH = {"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "r": [160]}
D50 = {"d": [0, 0, 0, 0, 0], "e": [0.2] * 18, "w": [0, 1, 2, 0, 1, 2], "image_size": 224}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_size": 224}, r"r=\[160\] and image_size=224 are two resolutions"),
        ({"r": [160, 224]}, r"must be one resolution, not r=\[160, 224\]"),
        ({"r": True}, "must be one resolution, not r=True"),
        ({"r": "160"}, "must be one resolution, not r='160'"),
        ({"r": None}, "must be one resolution; there is none"),
        ({"r": 164}, r"r=164 is not one of \[160, "),
        ({"wid": 1.0}, "wid=1.0, but the width of its supernet is 1.2"),
        ({"w": 1.0}, "w=1.0, but the width of its supernet is 1.2"),
        ({"w": [0, 1, 2, 0, 1, 2]}, "w=.*, but the width of its supernet is 1.2"),
        ({"ks": [3] * 12}, r"'ks' must be a list of 20 numbers, one a block, or of the 10 blocks that 'd' builds"),
        ({"ks": "3" * 20}, "'ks' must be a list of 20 numbers, not '3333"),
        ({"ks": ["3"] * 20}, "'ks' must be a list of 20 numbers; '3' is not a number"),
        ({"e": [True] + [3] * 19}, "'e' must be a list of 20 numbers; True is not a number"),
        ({"d": [2.5] * 5}, r"d0=2.5 is not one of \[2, 3, 4\]"),
        ({"d": [2] * 6}, "'d' must be a list of 5 numbers, not 6"),
        ({"ks": [None] + [3] * 19}, r"k0=None is not one of \[3, 5, 7\]"),
        ({"kernel_size": [5] * 20}, "'kernel_size' is no key of its architectures.*did you mean 'ks'"),
        ({"resolution": 224}, "'resolution' is no key.*did you mean 'r'"),
        ({"width": 1.2}, "'width' is no key of its architectures, which have ks, e, d, r.*did you mean 'w'"),
    ],
)
def test_what_can_be_misread_is_refused(given, message):
    with pytest.raises(InputError, match=f"mbv3: .*{message}"):
        MOBILE.from_ofa({**ARCH, **given})


@pytest.mark.parametrize(
    "given",
    [
        {"image_size": 160},
        {"r": 160},
        {"r": None, "image_size": 160},
        {"wid": None, "w": None},
        {"wid": 1.2},
        {"name": "mine", "top1": 80.0},
        {"w": [1.2]},
        {"ks": [3.0] * 20, "r": [160.0]},
        {"ks": np.full(20, 3), "d": np.full(5, 2), "r": np.int64(160)},
        {"ks": [3, 3, 0, 0] * 5},
        {"ks": [3, 3, 7, None] * 5},
        {"ks": [3] * 10, "e": [3] * 10},
    ],
)
def test_what_can_be_read_in_one_way_is_read(given):
    assert (MOBILE.from_ofa({**ARCH, **given}) == MOBILE.from_ofa(ARCH)).all()


def test_lists_of_active_blocks_are_recognised_by_their_length():
    for space in (MOBILE, PROXYLESS, RESNET):
        for row in space.canonical(space.sample(20, np.random.default_rng(0))):
            arch, active = space.to_ofa(row), dict(zip(space.gene_names, space.active(row[None])[0], strict=True))
            for key in {"ks", "e"} & arch.keys():
                arch[key] = [value for i, value in enumerate(arch[key]) if active[f"{key[0]}{i}"]]
            assert (space.from_ofa(arch) == row).all()
            assert recognise(arch)[0].name == space.name


def test_a_width_is_that_of_the_supernet():
    arch = {"ks": [3] * 21, "e": [3] * 21, "d": [2] * 5 + [1], "r": 160}
    assert PROXYLESS.from_ofa({**arch, "wid": 1.3}).shape == (48,)
    with pytest.raises(InputError, match=r"proxyless: wid=1\.2, but the width of its supernet is 1\.3"):
        PROXYLESS.from_ofa({**arch, "wid": 1.2})


@pytest.mark.parametrize(
    ("given", "widths"),
    [
        ([0, 1, 2, 0, 1, 2], [0.65, 0.8, 1.0, 0.65, 0.8, 1.0]),
        ([0.0, 1.0, 2.0, 0.0, 1.0, 2.0], [0.65, 0.8, 1.0, 0.65, 0.8, 1.0]),
        ([1, 1, 1, 1, 1, 1], [0.8] * 6),
        ([2, 1.0, 1, 1, 1, 1], [1.0, 0.8, 0.8, 0.8, 0.8, 0.8]),
        ([0.65, 1.0, 1.0, 1.0, 1.0, 1], [0.65, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ([0.8, 0.65, 1.0, 0.8, 1, 0.8], [0.8, 0.65, 1.0, 0.8, 1.0, 0.8]),
    ],
)
def test_widths_of_resnet_are_positions_or_multipliers(given, widths):
    values = RESNET.values(RESNET.from_ofa({**D50, "w": given}))
    assert [values[f"w{i}"] for i in range(1, 6)] == widths[1:]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0] * 6, r"may be positions or widths; for widths of 1.0 write \[2, 2, 2, 2, 2, 2\]"),
        ([1, 1, 1.0, 1, 1, 1], "may be positions or widths"),
        ([0.65, 2, 1, 1, 1, 1], "has positions .* and widths .* in one list"),
        ([0, 0.8, 1, 1, 1, 1], "has positions .* and widths .* in one list"),
        ([3] * 6, r"w0=3 is not one of \[0.65, 0.8, 1.0\]"),
        (1.0, "'w' must be a list of 6 numbers"),
    ],
)
def test_widths_of_resnet_that_can_be_misread_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        RESNET.from_ofa({**D50, "w": given})


def test_keys_of_another_space_are_refused():
    with pytest.raises(InputError, match="resnet50d: 'ks' is no key of its architectures, which have d, e, w"):
        RESNET.from_ofa({**D50, "ks": [3] * 20})
    assert (RESNET.from_ofa({**D50, "wid": None}) == RESNET.from_ofa(D50)).all()


def test_what_is_no_dict_is_refused():
    for space in (MOBILE, PROXYLESS, RESNET):
        for wrong in (None, [3, 5], "ks"):
            with pytest.raises(InputError, match="an architecture is a dict with the keys"):
                space.from_ofa(wrong)
