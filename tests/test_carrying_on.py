"""The files for contributors: names that exist, a citation in step, checks that need no network."""

import ast
import re

import pytest
import yaml
from conftest import QUICK, ROOT
from rooms import LAYERS

import ofa_bench

PAGES = (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md")
NEW = "mine"
"""What recipes call what is to be added."""


def names_of(path):
    """Return the names that a file defines at its top, and those within its classes, as ``Class.name``."""
    for node in ast.parse(path.read_text()).body:
        targets = getattr(node, "targets", [getattr(node, "target", node)])
        for name in (getattr(target, "name", getattr(target, "id", "")) for target in targets):
            yield name
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                yield f"{name}.{getattr(inner, 'name', '')}"


def test_names_on_the_walks_exist():
    walked = re.findall(r"`(ofa_bench/[\w/]+\.py):([\w.]+)`", PAGES[0].read_text())
    assert len(walked) > 20
    assert not [(file, name) for file, name in walked if name not in set(names_of(ROOT / file))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_pages_name_are_there(page):
    named = re.findall(r"`((?:ofa_bench|tests|conf|docs|tools|examples)/[\w/.]*)`", page.read_text())
    assert len(named) > 2
    assert not [name for name in named if NEW not in name and not (ROOT / name).exists()]
    assert not [link for link in re.findall(r"\]\(([\w/.]+)\)", page.read_text()) if not (page.parent / link).exists()]


def test_every_room_is_on_the_map():
    shown = " ".join(re.findall(r"^\| (`.*?) \|", PAGES[1].read_text(), re.M))
    besides = {"__main__", "api", "testing", "formatting", "errors", "version"}
    assert not [room for layer in LAYERS for room in layer if room not in besides and room.split(".")[0] not in shown]


def test_quick_tests_are_of_every_room():
    assert not [name for name in QUICK if not (ROOT / "tests" / name).is_file()]
    rooms = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")} - {"properties"}
    assert rooms == {name.split("/")[0] for name in QUICK if "/" in name}


def test_recipes_are_short():
    recipes = re.findall(r"^## Add .*\n((?:(?!## ).*\n)*)", PAGES[1].read_text(), re.M)
    assert len(recipes) == 5
    assert all(len(recipe.strip().splitlines()) <= 12 for recipe in recipes)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ofa_bench.__version__
    assert citation["authors"] == [{"name": "The ofa_bench authors"}]
    assert {"cff-version", "message", "title"} <= set(citation)
    assert {one["url"].rpartition("/")[2] for one in citation["references"]} == {"1908.09791", "2012.06748"}


def test_checks_before_a_commit_fetch_nothing():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    assert {hook["id"] for hook in repos[0]["hooks"]} == {"ruff", "ruff-format", "mypy"}
    assert {hook["language"] for hook in repos[0]["hooks"]} == {"system"}
