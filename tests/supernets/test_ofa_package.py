import subprocess
import sys

import pytest

OURS_WORK = """
import sys
from ofa_bench.supernets.ofa_package import import_ofa, ofa_in_sight

def loaded():
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ofa"}

def ours_work():
    import torch
    torch.set_num_threads(1)
    networks = import_ofa("ofa.imagenet_classification.elastic_nn.networks")
    with torch.no_grad():
        for name in ("OFAMobileNetV3", "OFAResNets", "OFAProxylessNASNets"):
            net = getattr(networks, name)(n_classes=10).eval()
            net.sample_active_subnet()
            assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 10), name
            assert net.get_active_subnet(preserve_weight=True).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10), name
    with ofa_in_sight():
        assert import_ofa("ofa.utils").count_net_flops(net.get_active_subnet(), (1, 3, 32, 32)) > 0
    efficiency = import_ofa("ofa.nas.efficiency_predictor").ProxylessNASFLOPsModel(net)
    encoder = import_ofa("ofa.nas.accuracy_predictor").MobileNetArchEncoder()
    assert efficiency.get_efficiency({"image_size": 32, "ks": 7, "e": 3, "d": 2}) > 0
    assert encoder.n_dim == 121
    assert import_ofa("ofa.nas.search_algorithm").EvolutionFinder
    assert import_ofa("ofa.tutorial").EvolutionFinder.__module__ == "ofa.tutorial.evolution_finder"
    assert import_ofa("ofa.imagenet_classification.elastic_nn.networks") is networks
    return networks
"""

NOTHING_LEFT = """
ours_work()
assert not loaded(), loaded()
assert "torchvision" not in sys.modules
for name in ("ofa.no_such_module", "ofa.model_zoo"):  # one that is not there, one that needs gdown
    try:
        import_ofa(name)
    except ImportError:
        assert not loaded(), loaded()
    else:
        raise AssertionError(f"{name} was imported")
ours_work()
assert not loaded(), loaded()
"""

ABSENT = """
class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in ("torchvision", "PIL", "gdown"):
            raise ImportError(name)

import sys
sys.meta_path.insert(0, Absent)
"""

USERS_OWN = """
ours = ours_work()
assert not loaded(), loaded()
assert "torchvision" not in sys.modules

from ofa.utils import MyRandomResizedCrop
assert MyRandomResizedCrop.__mro__[1].__module__ == "torchvision.transforms"
import ofa.utils.my_dataloader
import ofa.tutorial
assert ofa.tutorial.evaluate_ofa_subnet.__module__ == "ofa.tutorial.imagenet_eval_helper"
assert "ofa.nas" not in sys.modules
before, attributes = loaded(), {name: dict(vars(module)) for name, module in loaded().items()}
sys.modules["ofa.nas"] = None  # whatever a user keeps there is kept

assert ours_work() is ours
try:
    import_ofa("ofa.no_such_module")
except ImportError:
    pass
assert sys.modules.pop("ofa.nas") is None
assert list(loaded()) == list(before)
assert all(loaded()[name] is module for name, module in before.items())
for name, module in loaded().items():
    assert vars(module).keys() == attributes[name].keys(), name
    assert all(value is attributes[name][key] for key, value in vars(module).items()), name
theirs = __import__("ofa.imagenet_classification.elastic_nn.networks", fromlist=["OFAMobileNetV3"])
assert theirs.OFAMobileNetV3 is not ours.OFAMobileNetV3
"""

GOOD = {
    "torchvision/__init__.py": "from torchvision import datasets, transforms",
    "torchvision/datasets.py": "class ImageFolder: pass",
    "torchvision/transforms/__init__.py": "class RandomResizedCrop: pass\nclass RandomCrop: pass",
    "torchvision/transforms/functional.py": "",
    "PIL/__init__.py": "",
    "PIL/Image.py": "NEAREST, BILINEAR, BICUBIC, LANCZOS, HAMMING, BOX = range(6)",
    "gdown.py": "",
}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, ABSENT + OURS_WORK + NOTHING_LEFT),
        (GOOD, OURS_WORK + USERS_OWN),
    ],
    ids=["absent", "good"],
)
def test_our_copy_of_ofa_works_and_is_out_of_sight(files, code, tmp_path):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    ran = subprocess.run(  # -c puts the working directory, where the fakes are, first on the path
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
