"""A user's own predictor: read as it was written, or refused with a message."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.files.reading import LARGEST
from ofa_bench.predictors import OneHotMLP, SubspacePredictor, embedded_predictor, own_predictor
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ResNet50DSpace
from ofa_bench.testing import check_predictor
from ofa_bench.training.fitting import pack_weights

MBV3 = MobileNetV3Space()
CONTENT = (FOLDER / "mbv3.npz").read_bytes()
FEATURES = int(MBV3.cardinality.sum())


@pytest.fixture
def mine(tmp_path):
    """Return a folder with a predictor of mbv3: the embedded one's weights."""
    folder = tmp_path / "some where" / "mine"
    folder.mkdir(parents=True)
    (folder / "mbv3.npz").write_bytes(CONTENT)
    return folder


def test_it_is_the_network_in_the_file(mine):
    own, embedded = own_predictor(MBV3, str(mine)), embedded_predictor(MBV3)
    assert isinstance(own, OneHotMLP)
    assert (own.name, own.sha256) == ("mine", hashlib.sha256(CONTENT).hexdigest())
    genes = MBV3.sample(300, np.random.default_rng(0))
    assert (own.accuracy(genes) == embedded.accuracy(genes)).all()
    assert own.linearised(genes[:2], genes[:6].reshape(2, 3, -1)).shape == (2, 3)
    check_predictor(own, MBV3)


def test_a_file_has_its_own_name(mine):
    (mine / "mbv3.npz").rename(mine / "best.v2.npz")
    assert own_predictor(MBV3, str(mine / "best.v2.npz")).name == "best.v2"


def test_a_part_is_served_by_the_whole_or_by_its_own(mine):
    part = CompoundSpace()
    genes = part.sample(100, np.random.default_rng(1))
    wanted = own_predictor(MBV3, str(mine)).accuracy(part.to_parent(genes))
    for path in (mine, mine / "mbv3.npz"):
        found = own_predictor(part, str(path))
        assert isinstance(found, SubspacePredictor)
        assert (found.name, found.sha256) == (path.stem, hashlib.sha256(CONTENT).hexdigest())
        assert (found.accuracy(genes) == wanted).all()
    ones = np.ones((int(part.cardinality.sum()), 1), np.float32)
    (mine / "compofa.npz").write_bytes(pack_weights([(0.01 * ones, np.array([0.5], np.float32))]))
    assert own_predictor(part, str(mine)).accuracy(genes) == pytest.approx(0.5 + 0.01 * part.n_genes)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_precisions_are_read(kind, tmp_path):
    layers = [(np.full((FEATURES, 1), 0.01, kind), np.array([0.5], kind))]
    (tmp_path / "one.npz").write_bytes(pack_weights(layers))
    found = own_predictor(MBV3, str(tmp_path / "one.npz"))
    assert found.layers[0][0].dtype == np.float32
    assert 0 < found.accuracy(MBV3.sample(1, np.random.default_rng(0)))[0] < 1.5


def test_what_is_missing_is_reported(mine):
    with pytest.raises(InputError, match=r"predictor=.*mine: it has no resnet50d.npz .*, only for mbv3$"):
        own_predictor(ResNet50DSpace(), str(mine))
    (mine / "mbv3.npz").unlink()
    with pytest.raises(InputError, match=r"it has no mbv3.npz for space mbv3, only for none"):
        own_predictor(CompoundSpace(), str(mine))
    for path in ("nowhere", "no\0where", "a" * 5000):
        with pytest.raises(InputError, match=f"^predictor={path[:100]}.*: cannot be read "):
            own_predictor(MBV3, path)


@pytest.mark.parametrize(
    ("card", "sources"),
    [
        ('{"data": {"file": "pairs.csv", "sha256": "%s"}}' % ("a" * 64), ("a" * 64,)),
        ('{"teacher": {"name": "official", "sha256": "%s"}}' % ("b" * 64), ("b" * 64,)),
        ('{"data": {"sha256": "pairs.csv"}}', None),
        ('{"data": {"sha256": 1}, "teacher": "b"}', None),
        ("{}", None),
        (None, None),
    ],
)
def test_its_source_is_the_file_of_labels_or_the_teacher_of_its_card(card, sources, mine):
    if card:
        (mine / "mbv3.json").write_text(card)
    assert own_predictor(MBV3, str(mine)).sources == sources
    assert own_predictor(CompoundSpace(), str(mine)).sources == sources


def npz(**arrays):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def good(**changed):
    return {
        "weight0": np.zeros((FEATURES, 8), np.float32),
        "bias0": np.zeros(8, np.float32),
        "weight1": np.zeros((8, 1), np.float32),
        "bias1": np.zeros(1, np.float32),
    } | changed


def lacking(name):
    return {key: value for key, value in good().items() if key != name}


class Evil:
    """Unpickled, it would write a file."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def headed(shape, data=b"", version=1):
    """Return a file whose first weight has a head of our making."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    length = len(head).to_bytes(2 * version, "little")
    content = io.BytesIO(npz(**lacking("weight0")))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("weight0.npy", b"\x93NUMPY" + bytes([version, 0]) + length + head + data)
    return content.getvalue()


def spot(value, kind=np.float32):
    weight = np.zeros((FEATURES, 8), kind)
    weight[3, 4] = value
    return good(weight0=weight)


HOSTILE = {
    "no zip": (b"\x93NUMPY\x01\x00", "it is no file of weights"),
    "empty": (b"", "it is no file of weights"),
    "cut off": (CONTENT[:100_000], "it is no file of weights"),
    "altered": (CONTENT[:50_000] + b"xxxxxxxx" + CONTENT[50_008:], "it is no file of weights"),
    "an object": (
        npz(**good(bias0=np.array([Evil()] * 8, object))),
        "Object arrays cannot be loaded",
    ),
    "a pickle as an array": (
        npz(**good(weight0=np.array(Evil(), object))),
        "Object arrays cannot be loaded",
    ),
    "NaN": (npz(**spot(np.nan)), "its weight0 has a number that is not finite"),
    "infinity": (npz(**spot(-np.inf)), "its weight0 has a number that is not finite"),
    "more than single precision": (npz(**spot(1e300, np.float64)), "its weight0 has a number that is not finite"),
    "whole numbers": (npz(**good(bias1=np.zeros(1, np.int64))), r"its bias1 holds int64 of shape \(1,\)"),
    "a bias of two dimensions": (npz(**good(bias0=np.zeros((8, 1), np.float32))), r"bias0 holds float32 of shape \(8,"),
    "no units": (npz(**good(weight0=np.zeros((FEATURES, 0), np.float32))), r"weight0 holds float32 of shape \(140, 0"),
    "layers that do not fit": (npz(**good(weight1=np.zeros((7, 1), np.float32))), "do not fit each other"),
    "several outputs": (
        npz(**good(weight1=np.zeros((8, 2), np.float32), bias1=np.zeros(2, np.float32))),
        "do not take the features",
    ),
    "another space's": ((FOLDER / "resnet50d.npz").read_bytes(), "takes 94 features, and space mbv3 has 140"),
    "a bias missing": (npz(**lacking("bias1")), "it must hold weight0, bias0 and so on"),
    "one array more": (npz(**good(), more=np.zeros(3)), "it must hold weight0, bias0 and so on"),
    "other names": (npz(a=np.zeros(3), b=np.zeros(3)), "it must hold weight0, bias0 and so on"),
    "nothing": (npz(), "it must hold weight0, bias0 and so on"),
    "a head that asks for terabytes": (headed((10**6, 10**6)), "it is no file of weights"),
    "a head that overflows": (headed((2**62, 16)), "it is no file of weights"),
    "a negative shape": (headed((-1, -8)), "it is no file of weights"),
    "data too few": (headed((FEATURES, 8), b"1234"), "it is no file of weights"),
    "another version": (headed((FEATURES, 8), version=2), "it is no file of weights"),
    "zeros that inflate": (npz(**good(bias0=np.zeros(30_000_000, np.float32))), "its content is larger than 100,000,0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_invalid_files_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, message = HOSTILE[name]
    Path("mine").mkdir()
    Path("mine/mbv3.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"^predictor=mine/mbv3.npz: .*" + message) as error:
        own_predictor(MBV3, "mine")
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_files_that_are_no_plain_ones_or_huge_are_not_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(InputError, match="Not a regular file"):
        own_predictor(MBV3, str(tmp_path / "pipe.npz"))
    with (tmp_path / "huge.npz").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InputError, match="larger than 100,000,000 bytes, the most that is read"):
        own_predictor(MBV3, str(tmp_path / "huge.npz"))


def test_huge_weights_give_words_and_no_warning(tmp_path):
    weight = np.full((FEATURES, 8), 3e38, np.float32)
    (tmp_path / "mbv3.npz").write_bytes(npz(**good(weight0=weight, weight1=np.full((8, 1), 3e38, np.float32))))
    with np.errstate(all="raise"):
        found = own_predictor(MBV3, str(tmp_path))
    assert found.pruning["hidden"] == [8]
