import csv
import re

import pytest
from calling import call
from pages import Checked
from test_judges import found

from ofa_bench.commands.cli.main import run_command
from ofa_bench.errors import InputError
from ofa_bench.predictors import embedded_predictor
from ofa_bench.records import record as records
from ofa_bench.spaces import MobileNetV3Space


@pytest.fixture
def sweep(made, tmp_path):
    for name in ("vanilla", "bottom_up", "top_down"):
        for targets in ((20.0,), (20.0, 25.0, 30.0)):
            record = made(strategy=name, targets=targets)
            records.write(tmp_path / "sweep" / record.address, record, "a: 1\n")
    return tmp_path / "sweep"


def test_the_page_stands_alone_and_says_the_verdict_first(sweep, tmp_path):
    path = call("report", [str(sweep), f"out={tmp_path}/out", "title=Mine & <yours>"])
    page = Checked(path.read_text())
    assert page.pictures > 7
    assert page.words.index("Contents") < page.words.index("most accurate") < page.words.index("of the evaluations of")
    assert page.sources == []
    assert "Mine & <yours>" in page.words
    assert page.words.index("of the evaluations of") < page.words.index("predicted accuracy %")
    assert "nan" not in re.findall(r"\w+", page.words.lower())


@pytest.fixture
def judged(tmp_path, sources):
    """Return a folder of records whose guide is the embedded predictor, which one of its members judges here."""
    judge = embedded_predictor(MobileNetV3Space(), 1)
    judge.sources = ("autobuild",)
    sources(autobuild=judge)
    for name in ("vanilla", "top_down"):
        record = found(name)
        records.write(tmp_path / "sweep" / record.address, record, "a: 1\n")
    return tmp_path / "sweep"


def test_the_first_screen_has_the_opinions_of_those_that_had_no_part_in_the_guide(judged, tmp_path):
    page = call("report", [str(judged), f"out={tmp_path}/out"]).read_text()
    first = Checked(page).words.partition("Kept the same")[0]
    told = (
        "embedded (guide) %",
        "autobuild %",
        "lead by autobuild",
        "overrated, by autobuild",
        "Without part in it: aut",
    )
    assert [text for text in told if text not in first] == []
    assert first.index("autobuild %") < first.index("predicted accuracy %")
    assert re.search(r"by the guide\. .*\bsees?\b", first)
    assert 'href="#judges"' in page
    assert 'id="judges"' in page
    for name in ("report.md", "report.tex", "tables.csv"):
        assert "lead by autobuild" in (tmp_path / "out" / name).read_text()
    head, *rows = csv.reader((tmp_path / "out" / "results.csv").open())
    met, column = head.index("feasible"), head.index("judged_autobuild")
    assert [0.7 < float(row[column]) < 0.9 if row[met] == "True" else row[column] == "" for row in rows] == [True] * 18


def test_beside_it_stand_markdown_latex_csv_and_pictures(sweep, tmp_path):
    call("report", [str(sweep), f"out={tmp_path}/out"])
    out = tmp_path / "out"
    files = {"report.html", "report.md", "report.tex", "results.csv", "tables.csv", "figures", ".gitignore"}
    assert {path.name for path in out.iterdir()} == files
    text = (out / "report.md").read_text()
    for picture in re.findall(r"\((figures/[^)]+)\)", text):
        assert (out / picture).stat().st_size > 1000
        assert (out / picture).with_suffix(".svg").exists()
    assert (out / "report.tex").read_text().count(
        r"\begin{tabular}"
    ) == 3  # compared, tested; and of the other target set
    assert (out / "tables.csv").read_text().count("\nstrategy,") == 2
    assert (out / "results.csv").read_text().count("\n") == 1 + 3 * 3 * (1 + 3)
    for name in ("bottom_up", "top_down", "vanilla"):
        assert f"| {name} |" in text


def test_what_was_kept_apart_and_left_out_is_on_the_page(sweep, made, tmp_path):
    other = made(strategy="bottom_up", budget=(4, 3))
    other.choices.budget = "other"
    records.write(tmp_path / "other" / "cell", other, "a: 1\n")
    (tmp_path / "other" / "broken").mkdir()
    (tmp_path / "other" / "broken" / records.RECORD).write_text("{}")
    page = call("report", [str(sweep), str(tmp_path / "other"), f"out={tmp_path}/out"]).read_text()
    kept = page[page.index("What was kept apart") :]
    assert "mbv3 on toy, predictor toy, 4 generations, 3 where warm-started; numbers of targets (ms): 2 (20…30)" in kept
    assert "broken/record.json: not a record of format" in kept


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give a folder of records"),
        (["nowhere"], "nowhere: no such folder"),
        (
            ["oot=x"],
            "oot: no such key; allowed: out, mlflow, uri, diff, title, reference, space, and folders; did you mean",
        ),
        (["mlflow=none", "uri=sqlite:///x.db"], "uri=sqlite:///x.db: no such file"),
    ],
)
def test_bad_input_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        call("report", words)
    monkeypatch.setattr("sys.argv", ["ofa_bench"])
    with pytest.raises(SystemExit) as ended:
        run_command("report", words)
    description = capsys.readouterr().err
    assert (ended.value.code, description.count("\n")) == (2, 1)
    assert message in description
    assert list(tmp_path.iterdir()) == []


def test_another_reference_can_be_named(sweep, tmp_path):
    page = call("report", [str(sweep), f"out={tmp_path}/out", "reference=bottom_up"]).read_text()
    assert "Differences are those against bottom_up." in page
    with pytest.raises(InputError, match=r"reference=botom_up: not among the strategies: .*did you mean 'bottom_up'"):
        call("report", [str(sweep), f"out={tmp_path}/other", "reference=botom_up"])
    assert not (tmp_path / "other").exists()
