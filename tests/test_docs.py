"""The documentation: the site builds, loads nothing from other sites, and describes what exists."""

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from html.parser import HTMLParser

import docs_tables
import pytest
import yaml
from conftest import ROOT
from omegaconf import DictConfig, OmegaConf

import ofa_bench
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.config.schema import Config, conf_dir
from ofa_bench.experiment.options import PARTS

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
GROUPS = {str(path.parent.relative_to(conf_dir())) for path in conf_dir().glob("*/**/*.yaml")}
LOADING = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "use": "href",
}


class Page(HTMLParser):
    """What a page of the site links to, loads and can be linked to by."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.loads, self.ids = path, [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADING and given.get(LOADING[tag]):
            self.loads.append(given[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as the README describes. Return its pages by their paths."""
    out = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {str(path.relative_to(out)): Page(path) for path in sorted(out.rglob("*.html"))}


def pages_of(nav):
    for entry in nav:
        content = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from [content] if isinstance(content, str) else pages_of(content)


def test_every_page_of_the_navigation_is_there(site):
    named = list(pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert len(named) == len(set(named))
    assert {name.replace(".md", ".html") for name in named} | {"404.html"} == set(site)


def test_tables_and_lists_are_set_as_such(site):
    """On GitHub they need no empty line before them; here they do."""
    for name, page in site.items():
        text = re.sub(r"<pre.*?</pre>|<code.*?</code>", "", page.path.read_text(), flags=re.S)
        assert not re.search(r"\| *:?---", text), f"{name}: a table is not set as one"
        assert not re.search(r"<p>[^<]*\n(- |\d+\. )", text), f"{name}: a list is not set as one"


def test_no_page_loads_anything_from_elsewhere(site):
    assert sum(len(page.loads) for page in site.values()) > len(site)
    assert not [(name, load) for name, page in site.items() for load in page.loads if re.match(r"(\w+:)?//", load)]
    sheets = list(site["index.html"].path.parent.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text()), sheet


def test_every_link_within_the_site_leads_somewhere(site):
    for name, page in site.items():
        for link in [*page.links, *page.loads]:
            place, _, anchor = link.partition("#")
            if name == "404.html" or re.match(r"\w+:", place):  # 404 is served from anywhere, by absolute paths
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), place)) if place else name  # noqa: PTH118, PTH120
            assert target in site or (page.path.parent / place).is_file(), f"{name}: {link}"
            assert not anchor or target not in site or anchor in site[target].ids, f"{name}: {link}"


def test_every_link_of_the_readme_leads_somewhere(site):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 20
    for link in links:
        place, _, anchor = link.partition("#")
        if not re.match(r"https?:", link):
            assert (ROOT / place).is_file(), link
            assert not anchor or anchor in site[place.removeprefix("docs/").replace(".md", ".html")].ids, link


def test_every_public_name_is_in_the_reference(site):
    ids = {one for name, page in site.items() if name.startswith("reference/") for one in page.ids}
    packages = [one.name for one in pkgutil.iter_modules(ofa_bench.__path__) if one.ispkg]
    names = [f"{name}.{one}" for name in packages for one in public(f"ofa_bench.{name}")]
    assert len(names) > 40
    assert not [name for name in names if f"ofa_bench.{name}" not in ids]
    assert not [name for name in [*packages, "testing"] if not any(f"ofa_bench.{name}" in one for one in ids)]
    assert not [command for command in commands() if f"{command}.Options" not in ids], "commands.md lacks a command"


def public(module):
    return getattr(importlib.import_module(module), "__all__", [])


def commands():
    """Find the modules that are commands with options of their own."""
    found = [path for path in (ROOT / "ofa_bench").rglob("*.py") if re.search("^class Options", path.read_text(), re.M)]
    assert len(found) >= 6
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]


def test_every_option_of_every_group_is_shown(site):
    text = re.sub(r"<[^>]*>", "", site["reference/config.html"].path.read_text())
    assert "population_size: 100" in text
    for path in conf_dir().glob("*/**/*.yaml"):
        assert f"{path.parent.relative_to(conf_dir())}={path.stem}" in text, path


FIGURE = re.compile(r"(?<![\w./])\d[\d,]*\.\d+")
STUDIES = ("README", "findings", "fleets", "ground_truth", "measurements", "truth")


@pytest.mark.parametrize("name", STUDIES)
def test_figures_in_words_are_those_of_the_tables(name):
    """What a page says of its results is in one of its tables, rounded."""
    text = (ROOT / "README.md" if name == "README" else DOCS / f"{name}.md").read_text()
    tables = " ".join(re.findall("<!-- table: .*?<!-- end -->", text, re.S))
    made = [float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*\.?\d*", tables)]
    assert len(made) > 20
    words = re.sub(r"<!-- table: .*?<!-- end -->|```.*?```|`[^`]*`|\(http[^)]*\)", "", text, flags=re.S)
    words = re.sub(r"\b\d{4}\.\d{5}\b|Python 3\.\d+", "", words)  # papers on arXiv
    for figure in FIGURE.findall(words):
        digits, value = len(figure.partition(".")[2]), float(figure.replace(",", ""))
        assert any(round(one, digits) == value for one in made), f"{name}: {figure} is in no table"


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert sum("](docs/" in line for line in lines) > 15


def test_tables_are_those_that_results_make():
    missing, names, stale = set(), [], []
    for page in docs_tables.pages():
        names += docs_tables.blocks_of(page.read_text())
        if docs_tables.fill(page.read_text(), missing) != page.read_text():
            stale.append(page.name)
    assert set(names) == set(docs_tables.BLOCKS)
    assert not stale, "run python tools/docs_tables.py"
    known = {"OFA's official predictor" in one or "predictor=official" in one for one in missing}
    assert known <= {True}, f"no results of {missing}"


def test_studies_are_small():
    sizes = [path.stat().st_size for path in (ROOT / "benchmarks" / "studies").iterdir()]
    assert 0 < sum(sizes) <= 3_000_000


def shown():
    """Find the commands of the project that pages show, in blocks of code and in words: (page, words)."""
    for page in PAGES:
        text = page.read_text()
        assert len(re.findall("^```", text, re.M)) % 2 == 0, page
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
        spans = [
            " ".join(span.split())
            for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        ]
        for line in [*lines, *spans]:
            found = re.search(r"(?:\bpython -m |^)ofa_bench +(\S.*)", line)
            if found:
                words = shlex.split(found[1].split(" && ")[0].replace("…", ""), comments=True)
                yield page.name, words if words[:1] and words[0] in COMMANDS else ["run", *words]


def test_every_command_shown_is_there():
    seen = list(shown())
    assert len(seen) > 50
    for page, (command, *words) in seen:
        for word in words:
            if "=" in word and not word.startswith("multirun/"):
                check_word(page, command, word, own="--config-dir" in words or "hydra.searchpath" in str(words))


def check_word(page, command, word, own):
    """Check one override of a command: a group's option, a key of the config, or an option of the command."""
    key, _, value = re.sub(r"^[+~]+(?!strategy\.model\.)", "", word).partition("=")
    name = f"ofa_bench.commands.{command}"
    if key in ("space", "device", "predictor") and command in ("evaluate", "export", "list"):
        command = "run"
    if command not in ("run", "frontier") or key in ("minutes", "grid", "records", "out", "seeds"):
        kinds = [kind for one, kind in vars(importlib.import_module(name)).items() if one.endswith("Options")]
        assert key in {field.name for kind in kinds for field in fields(kind)}, f"{page}: {word}"
    elif key in (*GROUPS, *PARTS):
        for option in re.findall(r"[^,\s]+", value):
            there = (conf_dir() / PARTS.get(key, key) / f"{option}.yaml").is_file()
            assert there or own or (key in ("space", "device", "predictor") and re.search(r"/|\.yaml$", option)), (
                f"{page}: {word}"
            )
    elif not key.startswith(("hydra.", "space.choices.", "+strategy.model.")):  # a user's model has its own keys
        assert key in KEYS, f"{page}: {word}"


def keys_in(node, path=""):
    for name in node:
        yield path + str(name)
        value = node._get_node(name)
        if isinstance(value, DictConfig):
            yield from keys_in(value, f"{path}{name}.")


def all_keys():
    """List the keys of the config and of all options of its groups."""
    found = set(keys_in(OmegaConf.structured(Config)))
    for path in conf_dir().glob("*/*.yaml"):
        group = {"model": "strategy.model"}.get(path.parent.name, path.parent.name)
        found |= set(keys_in(OmegaConf.load(path), f"{group}."))
    return found


KEYS = all_keys()


def test_files_that_pages_name_are_there():
    named = {
        name
        for page in PAGES
        for name in re.findall(r"\b(?:benchmarks|ofa_bench|conf|examples)/[\w/.]+\.(?:py|yaml|json)", page.read_text())
    }
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_the_space_of_the_pages_works(forks, tmp_path):
    pages = [(DOCS / name).read_text() for name in ("add_space.md", "add_predictor.md")]
    for code in re.findall(r"^```(?:python|yaml)\n(# \S+\n.*?)^```", "".join(pages), re.M | re.S):
        path = tmp_path / code.split()[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    for module in ("measure", "pairs"):
        ran = subprocess.run(
            [sys.executable, f"{module}.py"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == 301
    pytest_words = ["-q", "-p", "no:cacheprovider", "test_small_space.py"]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", *pytest_words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (tested.returncode, "1 passed" in tested.stdout) == (0, True), tested.stdout

    command = re.search(r"^ofa_bench (--config-dir (?:.*\\\n)*.*)\n", pages[0], re.M)[1].replace("\\\n", " ")
    swept = forks.run("run", (*shlex.split(command), "tracking=none"), tmp_path)
    assert (swept.returncode, swept.stderr) == (0, "")
    found = {one["choices"]["strategy"]: one for one in map(read, tmp_path.rglob("record.json"))}
    assert len(found) == 4
    best = {name: [one["accuracy"] for one in record["repeats"][0]["results"]] for name, record in found.items()}
    assert best["joint"] == best["exhaustive"]
    assert max(best["vanilla"]) == max(best["exhaustive"])

    more = {"export": ("uri=none", f"target={found['joint']['targets'][0]}"), "report": ()}
    for name, words in more.items():
        command = re.search(rf"^ofa_bench {name} (.*space=.*)$", pages[0], re.M)[1]
        ran = forks.run(name, (*shlex.split(command), *words), tmp_path)
        assert ran.returncode == 0, ran.stderr
    [card] = (json.loads(path.read_text()) for path in (tmp_path / "export").rglob("card.json"))
    assert card["output"]["shape"] == [1, 10]
    assert [path.stem for path in (tmp_path / "report" / "figures").glob("*_networks_joint.png")]


def read(path):
    return json.loads(path.read_text())
