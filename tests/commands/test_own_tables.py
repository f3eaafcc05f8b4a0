"""Paths of tables, predictors and spaces on the command line, parsed only; ``test_app.py`` runs them."""

import os
from copy import deepcopy
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

import ofa_bench as ob
from ofa_bench.commands.cli.composition import compose_config
from ofa_bench.commands.cli.overrides import prepare
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import build_space, load_space
from ofa_bench.experiment.user_files import name_user_files

FILES = ("my/phone/mbv3.json", "other/phone/mbv3.json", "table.v2.json", "15.json", "a b/my t\u00e2ble,1.json",
         "my/note10.json", "note10/mbv3.json", "conf/device/mine.yaml", "mine/mbv3.json", "embedded/mbv3.npz",
         "my/net.npz", "conf/predictor/theirs.yaml", "theirs/mbv3.npz")  # fmt: skip

REPO = ConfigStore.instance().repo


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    monkeypatch.setattr(ConfigStore.instance(), "repo", {})
    return tmp_path


def stored(group="device", key="device"):
    repo = ConfigStore.instance().repo
    return {name.removesuffix(".yaml"): node.node[key] for name, node in repo.get(group, {}).items()}


@pytest.mark.parametrize(
    ("given", "option", "device"),
    [
        ("my/phone", "phone", "my/phone"),
        ("./my/../my/phone/", "phone", "my/phone"),
        ("my/phone/mbv3.json", "mbv3", "my/phone/mbv3.json"),
        ("table.v2.json", "table.v2", "table.v2.json"),
        ("'table.v2.json'", "table.v2", "table.v2.json"),
        ("15.json", "'15'", "15.json"),
        ("a b/my t\u00e2ble,1.json", "'my_t\u00e2ble_1'", "a b/my t\u00e2ble,1.json"),
        ("mine", "mine", "mine"),
        ("~/phone", "phone", "other/phone"),
    ],
)
def test_a_path_becomes_an_option(given, option, device):
    assert name_user_files(["-m", f"device={given}", "seed=1"]) == ["-m", f"device={option}", "seed=1"]
    assert stored() == {option.strip("'"): device}


def test_absolute_paths_are_kept_where_they_are_elsewhere(folder, monkeypatch):
    monkeypatch.chdir(folder / "other")
    assert name_user_files([f"device={folder}/my/phone"]) == ["device=phone"]
    assert stored() == {"phone": f"{folder}/my/phone"}
    assert name_user_files([f"device={folder}/other/phone"]) == ["device=phone"]
    assert stored() == {"phone": "phone"}


def test_a_link_gives_its_own_name(folder):
    (folder / "linked").symlink_to(folder / "table.v2.json")
    assert name_user_files(["device=linked"]) == ["device=linked"]
    assert stored() == {"linked": "linked"}


def test_paths_and_options_are_swept_together(folder):
    given = f"device=note10,my/phone,{folder}/table.v2.json,'15.json',nowhere/x"
    assert name_user_files([given]) == ["device=note10,phone,table.v2,'15',nowhere/x"]
    assert stored() == {"phone": "my/phone", "table.v2": "table.v2.json", "15": "15.json"}
    assert name_user_files(["device=choice(macs,my/phone)"]) == ["device=macs,phone"]


@pytest.mark.parametrize(
    "text",
    ["device=note10", "device=", "device=no/where", "device=note10,macs", "device.device=my/phone", "strategy=my",
     "device=(", "device=~nobody/x", "device=" + "a" * 5000, "device=null", "device=range(1,3)", "+device=my/phone"],
)  # fmt: skip
def test_all_else_stays_as_it_is(text):
    assert name_user_files([text]) == [text]
    assert "device" not in ConfigStore.instance().repo


@pytest.mark.parametrize("folder_option", [["--config-dir", "conf"], ["--config-dir=conf"], ["-cd", "conf"]])
def test_a_users_options_are_options_too(folder_option):
    arguments = [*folder_option, "-m", "device=mine"]
    assert prepare(arguments) == arguments
    with pytest.raises(InputError, match=r"device=\./mine: there is an option mine already; rename"):
        prepare([*folder_option, "device=./mine"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "device=my/note10.json",
            "device=my/note10.json: there is an option note10 already; rename this file or folder",
        ),
        ("device=./note10", "device=./note10: there is an option note10 already"),
        ("device=my/phone,other/phone", f"device=other/phone: would be called phone, as .*{os.sep}my{os.sep}phone is"),
    ],
)
def test_names_that_collide_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        name_user_files(["-m", text])


def test_a_predictors_path_becomes_an_option(folder):
    given = ["-m", "predictor=embedded,mine,my/net.npz", "device=my/phone", "predictor.member=2"]
    assert name_user_files(given) == ["-m", "predictor=embedded,mine,net", "device=phone", "predictor.member=2"]
    assert stored("predictor", "path") == {"mine": "mine", "net": "my/net.npz"}
    assert stored() == {"phone": "my/phone"}
    node = ConfigStore.instance().repo["predictor"]["net.yaml"].node
    assert dict(node) == {"path": "my/net.npz", "_target_": "ofa_bench.predictors.own_predictor"}


def test_one_name_may_be_a_devices_and_a_predictors(folder):
    assert name_user_files(["device=mine", "predictor=mine"]) == ["device=mine", "predictor=mine"]
    assert (stored(), stored("predictor", "path")) == ({"mine": "mine"}, {"mine": "mine"})


def test_a_predictors_option_stays_one(folder):
    assert name_user_files(["predictor=embedded,theirs"], [Path("conf")]) == ["predictor=embedded,theirs"]
    for text in ("./embedded", "./theirs"):
        with pytest.raises(InputError, match=f"predictor={text}: there is an option {text[2:]} already; rename this"):
            name_user_files([f"predictor={text}"], [Path("conf")])


HELD = "_target_: ofa_bench.spaces.MobileNetV3Space\nchoices: {k: [3, 5], r: [160, 192]}\n"


def test_a_file_of_a_space_becomes_an_option(folder, monkeypatch):
    monkeypatch.setattr(ConfigStore.instance(), "repo", deepcopy(REPO))
    (folder / "npu.yaml").write_text(f"defaults:\n  - override /device@_global_.device: macs\n{HELD}")
    (folder / "npu2.yml").write_text(HELD)
    config, names = compose_config(["space=npu.yaml", "tracking=none"])
    assert names["space"] == "npu"
    assert config.device["device"] == "macs"
    assert build_space(config.space).name == "mbv3,r=160-192,k=3-5"
    assert name_user_files(["-m", "space=mbv3,./npu2.yml"]) == ["-m", "space=mbv3,npu2"]
    assert compose_config(["space=npu2", "tracking=none"])[0].device["device"] == "note10"
    assert ob.problem("npu2.yml").space.name == "mbv3,r=160-192,k=3-5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", r"space=bad\.yaml: cannot be read \(.*\)$"),
        ("choices: {k: [3]}", r"space=bad\.yaml: describes no space; it needs a _target_"),
        ("- 1", r"space=bad\.yaml: describes no space"),
        ("_target_: 2024-01-01", r"space=bad\.yaml: cannot be read \(.*date.*\)$"),
    ],
)
def test_a_file_that_describes_no_space_is_refused(text, message, folder):
    (folder / "bad.yaml").write_text(text)
    for read in (lambda: name_user_files(["space=bad.yaml"]), lambda: load_space("bad.yaml")):
        with pytest.raises(InputError, match=message) as error:
            read()
        assert "\n" not in str(error.value)
    assert name_user_files(["space=my", "space=my/net.npz", "space=nowhere.yaml"]) == [
        "space=my", "space=my/net.npz", "space=nowhere.yaml",
    ]  # fmt: skip
