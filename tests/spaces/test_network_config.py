"""A network's ``net.config``, as ``ofa`` saves it, is read as the architecture that it was built from."""

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets.pieces import supernet


@pytest.mark.parametrize(
    "space",
    [MobileNetV3Space(), MobileNetV3Space(width=1.0), ProxylessNASSpace(), ResNet50DSpace()],
    ids=lambda one: one.name,
)
def test_the_config_of_a_built_network_gives_its_architecture(space: DesignSpace):
    net = supernet(space)
    for row in space.canonical(space.sample(4, np.random.default_rng(0))):
        config = net.subnet(row).build().config
        size = space.to_ofa(row)["image_size"]
        assert (space.from_ofa({**space.read_network(config), "image_size": size}) == row).all()


def test_a_network_of_another_width_or_kind_is_refused():
    space = MobileNetV3Space()
    config = supernet(space).subnet(space.sample(1, np.random.default_rng(0))[0]).build().config
    for block in config["blocks"]:
        block["conv"]["out_channels"] -= 8
    with pytest.raises(InputError, match=r"must be \[32, 48, 96, 136, 192\], of width 1.2"):
        space.read_network(config)
    with pytest.raises(InputError, match="its network is 'MCUNet'"):
        space.read_network({"name": "MCUNet"})
    with pytest.raises(InputError, match="lacks what such a network has"):
        space.read_network({"name": "MobileNetV3"})
