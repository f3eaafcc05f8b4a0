"""What is released: an sdist that makes the wheel without a repository, and a wheel that works in empty folders."""

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT
from try_release import build, run, try_commands, unpack

from ofa_bench.search.library import load_library


def names_in(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the folder of the unpacked sdist."""
    folder = tmp_path_factory.mktemp("release")
    return unpack(build("sdist", ROOT, folder), folder)


@pytest.fixture(scope="module")
def wheel(source):
    return build("wheel", source, source.parent / "wheel")


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Return the Python of a new environment with the wheel; the packages that it needs are those of this one."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", folder], folder)
    [site] = folder.glob("lib/*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    run([sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--no-deps", wheel], folder)
    return folder / "bin" / "python"


def test_the_sdist_has_all_that_is_in_the_repository(source):
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is no repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    there = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert len(there) > 500
    assert [name for name in there if not (source / name).is_file()] == []


def test_the_wheel_has_configs_data_and_licences(wheel):
    names = names_in(wheel)
    assert {"ofa_bench/conf/config.yaml", "ofa_bench/data/predictors/mbv3.npz"} <= set(names)
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-APACHE", "NOTICE"}
    assert not [name for name in names if name.endswith((".pth", ".pt")) or "__pycache__" in name]
    assert wheel.stat().st_size < 3.3e6
    assert wheel.name.split("-")[2:4] == ["py3", "none"]  # for every Python


def test_it_works_in_an_empty_folder(python, tmp_path):
    try_commands(python, tmp_path / "empty")
    records = [json.loads(path.read_text()) for path in (tmp_path / "empty/multirun").rglob("record.json")]
    assert {record["choices"]["strategy"] for record in records} == {"vanilla", "joint"}


@pytest.mark.skipif(load_library() is None, reason="no C compiler")
def test_it_brings_its_configs_and_compiled_loops(python, wheel, tmp_path):
    assert not wheel.name.endswith("-any.whl")
    code = (
        "from ofa_bench.config.schema import conf_dir\n"
        "from ofa_bench.search.library import load_library\n"
        "assert load_library() is not None\n"
        "import ofa_bench.search, pkgutil\n"
        "assert all(name.isidentifier() for _, name, _ in pkgutil.iter_modules(ofa_bench.search.__path__))\n"
        "print(conf_dir())\n"
    )
    found = run([python, "-c", code], tmp_path, CC="false", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert Path(found.strip()).is_relative_to(python.parents[1])
    assert not (tmp_path / "cache").exists()  # nothing was compiled


def test_the_container_has_what_the_wheel_needs_and_none_needs_a_compiler(wheel, tmp_path):
    """Only what .dockerignore lets through is there; without a compiler the wheel is one of all platforms."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    for name in [line[1:] for line in lines if line.startswith("!")]:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tmp_path / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / "source").mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / "source")
    pure = build("wheel", tmp_path / "source", tmp_path, CC="false")
    assert pure.name.endswith("-py3-none-any.whl")
    assert set(names_in(pure)) == {name for name in names_in(wheel) if not name.endswith(".so")}
