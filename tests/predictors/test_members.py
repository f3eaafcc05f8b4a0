import json

import numpy as np
import pooch
import pytest
from composing import cell

from ofa_bench.errors import InputError
from ofa_bench.predictors import SubspacePredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.embedded import FOLDER, MEAN, MEMBERS
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ResNet50DSpace
from ofa_bench.testing import check_predictor

MBV3 = MobileNetV3Space()
OWN = [MBV3, ResNet50DSpace()]
SPACES = [*OWN, CompoundSpace()]
NUMBERS = range(1, MEMBERS + 1)


def by_name(space):
    return space.name


def members(space):
    return [embedded_predictor(space, number) for number in NUMBERS]


@pytest.fixture
def nothing_at_hand(tmp_path, monkeypatch):
    """Hide the official files and the network."""

    def refuse(*_, **__):
        raise AssertionError("the network is asked")

    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.setattr(pooch, "retrieve", refuse)


@pytest.mark.parametrize("space", SPACES, ids=by_name)
def test_contract(space):
    for member in members(space)[1:3]:
        check_predictor(member, space)


@pytest.mark.parametrize("space", SPACES, ids=by_name)
def test_each_has_a_name_a_hash_and_an_opinion_of_its_own(space):
    several, whole = members(space), embedded_predictor(space)
    assert [member.name for member in several] == [f"member {number}" for number in NUMBERS]
    assert len({member.sha256 for member in [*several, whole]}) == MEMBERS + 1
    genes = space.sample(300, np.random.default_rng(0))
    message = np.array([member.accuracy(genes) for member in [*several, whole]])
    assert len(np.unique(message, axis=0)) == MEMBERS + 1
    assert (np.corrcoef(message) > 0.99).all()


@pytest.mark.parametrize("space", SPACES, ids=by_name)
def test_the_mean_is_one_network_with_the_mean_of_the_members(space):
    mean, several = embedded_predictor(space, MEAN), members(space)
    check_predictor(mean, space)
    genes = space.sample(500, np.random.default_rng(4))
    found = np.array([member.accuracy(genes) for member in several])
    assert np.abs(mean.accuracy(genes) - found.mean(axis=0)).max() < 2e-7 < np.ptp(found, axis=0).min()
    changed = space.mutate(genes, 0.1, np.random.default_rng(5))[:, None]
    steps = np.array([member.linearised(genes, changed) for member in several])
    assert mean.linearised(genes, changed) == pytest.approx(steps.mean(axis=0), abs=2e-7)
    assert (mean.name, mean.sources) == ("member mean", several[0].sources)
    assert mean.sha256 not in {member.sha256 for member in several}


def test_a_part_has_the_members_of_the_whole():
    part = CompoundSpace()
    genes = part.sample(200, np.random.default_rng(1))
    for member, whole in zip(members(part), members(MBV3), strict=True):
        assert isinstance(member, SubspacePredictor)
        assert (member.name, member.sha256) == (whole.name, whole.sha256)
        assert (member.accuracy(genes) == whole.accuracy(part.to_parent(genes))).all()


@pytest.mark.parametrize("member", [0, 5, -1, 1.5, "two", "2", [1], True, 1.0])
def test_a_wrong_number_is_refused(member):
    with pytest.raises(InputError, match=r"predictor.member=.*: must be one of 1 to 4"):
        embedded_predictor(MBV3, member)


def test_a_space_without_members_is_refused():
    space = MobileNetV3Space()
    space.name = "other"
    with pytest.raises(InputError, match="predictor=member: there is none for space other, only for mbv3"):
        embedded_predictor(space, 1)
    with pytest.raises(InputError, match="embedded: there is none for space other, only for accel_nasbench, mbv3"):
        embedded_predictor(space)


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("space", OWN, ids=by_name)
def test_the_card_tells_the_truth(space):
    card = json.loads((FOLDER / "members" / f"{space.name}.json").read_text())
    official = official_predictor(space)
    assert card["teacher"]["sha256"] == official.sha256
    assert len(card["rmse_on_other_random_architectures"]) == MEMBERS
    genes = space.sample(10_000, np.random.default_rng(3))
    true = official.accuracy(genes)
    for member, message in zip(members(space), card["rmse_on_other_random_architectures"], strict=True):
        assert [len(bias) for _, bias in member.layers[:-1]] == card["hidden"]
        assert 100 * np.sqrt(np.mean((member.accuracy(genes) - true) ** 2)) == pytest.approx(message, rel=0.1)


@pytest.mark.usefixtures("nothing_at_hand")
@pytest.mark.parametrize("space", [*OWN, CompoundSpace()], ids=by_name)
def test_the_official_one_is_not_fetched_where_that_is_not_asked(space):
    with pytest.raises(InputError, match=r"asset ofa/.*pth: not on this machine"):
        official_predictor(space, fetch=False)


@pytest.mark.usefixtures("assets")
def test_the_official_predictor_is_used_where_it_is_available(monkeypatch):
    monkeypatch.setattr(pooch, "retrieve", None)
    assert official_predictor(MBV3, fetch=False).sha256 == official_predictor(MBV3).sha256


@pytest.mark.parametrize("space", ["mbv3", "resnet50d", "compofa"])
def test_a_member_is_chosen_on_the_command_line(space):
    assert cell(f"space={space}", "predictor=member", "predictor.member=3").problem.predictor.name == "member 3"
    assert cell(f"space={space}", "predictor=member").problem.predictor.name == "member 1"
    assert cell(f"space={space}", "predictor=member", "predictor.member=mean").problem.predictor.name == "member mean"


def test_a_run_guided_by_a_member_says_which(ofa_bench, tmp_path):
    small = ("budget=quick", "evolution.population_size=10", "targets=paper1", "tracking=none")
    ran = ofa_bench("predictor=member", "predictor.member=2", *small)
    assert (ran.returncode, ran.stderr) == (0, "")
    (path,) = tmp_path.rglob("record.json")
    record = json.loads(path.read_text())
    assert record["predictor"]["name"] == "member 2"
    assert record["predictor"]["sha256"] == embedded_predictor(MBV3, 2).sha256
    assert record["address"] == "mbv3/note10/member/vanilla/quick/paper1/" + ",".join(
        ["seed=0", "evolution.population_size=10", "predictor.member=2"]
    )
    refused = ofa_bench("predictor=member", "predictor.member=9", *small)
    message = "ofa_bench: predictor.member=9: must be one of 1 to 4, or mean\n"
    assert (refused.returncode, refused.stderr) == (2, message)
