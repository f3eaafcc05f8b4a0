import dataclasses
import gc
import json
import re
import shutil
import warnings

import numpy as np
import pooch
import pytest
from conftest import inside
from omegaconf import OmegaConf
from test_config import composed
from test_protocols import CELLS, OF_TOP_DOWN, TEN, crafted_set, first

from ofa_bench.config import GROUPS, address, result_config
from ofa_bench.data.published import published_paper
from ofa_bench.engine import build, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.report import statistics
from ofa_bench.report.paper import measures, pictures
from ofa_bench.report.paper.__main__ import main, run
from ofa_bench.report.paper.protocols import PROTOCOLS, STRATEGIES, runs_of
from ofa_bench.results import records
from ofa_bench.targets import resolve_targets

SMALL = ("predictor=embedded", "budget.generations=9", "evolution.population_size=10", "repeats=2", "lockstep=false")
ROWS = first(1, 2, 3, 4, 5, 10)
LISTS = {
    ("fair", "vanilla"): ROWS,
    ("fair", "top_down"): ROWS,
    ("fair", "bottom_up"): ROWS,
    ("as_published", "vanilla"): ROWS,
    ("as_published", "top_down"): [*OF_TOP_DOWN, TEN],
    ("as_published", "bottom_up"): ROWS,
}
PUBLISHED = published_paper()


def write(folder, words, lists):
    """Run a command for several lists of targets, as the command line does, and write its records."""
    config, task = composed(*words)
    typed = OmegaConf.to_object(task)
    cell = build(typed)
    for targets in lists:
        choices, extra = {group: str(config.hydra.runtime.choices[group]) for group in GROUPS}, []
        if isinstance(targets, int):
            typed.targets.first, extra = targets, [f"targets.first={targets}"]
            targets = resolve_targets(typed.targets, cell.problem.space, cell.problem.cost)
        elif targets in ROWS:
            choices["targets"] = f"paper{len(targets)}"
        else:
            choices["targets"], extra = "single", [f"targets.values=[{','.join(map(str, targets))}]"]
        one = dataclasses.replace(cell, targets=tuple(map(float, targets)))
        name = address(choices, [*words, *extra], 0)
        record = records.make_record(
            one,
            list(run_repeats(one, lambda *_: None)),
            address=name,
            choices=choices,
            identity=f"{len(list(folder.rglob(records.RECORD))):016}",
            config=result_config(task),
        )
        records.write(folder / name, record, "a: 1\n")


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Draw little, collect garbage once, and have no file of OFA's at hand."""
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "RESAMPLES", 99)
        patch.setattr(statistics, "RESAMPLES", 99)
        patch.setenv("OFA_BENCH_ASSETS", "nowhere")
        patch.setattr(pooch, "os_cache", lambda name: tmp_path_factory.getbasetemp() / "nowhere")
        patch.setattr(pooch, "retrieve", None)
        yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory):
    """Make the records of table 1 in little, and fair ones of ProxylessNAS."""
    folder = tmp_path_factory.mktemp("paper") / "multirun"
    folder.mkdir()
    for (protocol, strategy), lists in LISTS.items():
        write(folder, (*CELLS[protocol][strategy], *SMALL), lists)
    for strategy in STRATEGIES:
        write(folder, ("space=proxyless", *CELLS["fair"][strategy], *SMALL), [1, 3])
    return folder


@pytest.fixture(scope="module")
def page(sweeps):
    """Write the page once; give its path."""
    return run([str(sweeps), f"out={sweeps.parent / 'out'}"])


def copied(sweeps, folder, wanted=lambda record: True):
    """Copy the records that are wanted; give the folder."""
    for path in sweeps.rglob(records.RECORD):
        record = json.loads(path.read_text())
        if wanted(record):
            place = folder / path.parent.relative_to(sweeps)
            place.mkdir(parents=True)
            shutil.copy(path, place)
    return folder


def tables(text):
    """Give each table's rows of cells, its heads first."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.M)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in one.splitlines()] for one in found]


def table(text, head):
    return next(one for one in tables(text) if one[0][0] == head)


def test_the_page_begins_with_the_verdict(page):
    text = page.read_text()
    assert page.name == "paper.md"
    heads, _, *rows = tables(text)[0]
    assert heads == ["space", "claim", "its own figures", "as published", "verdict", "fair", "verdict"]
    assert [row[0] for row in rows] == ["MobileNetV3"] * 10 + ["ProxylessNAS"] * 10
    words = {
        "holds",
        "does not hold",
        "not decided",
        "better",
        "worse",
        "equivalent",
        "no loss",
        "not distinguished",
        "",
    }
    assert {row[place] for row in rows for place in (4, 6)} <= words
    assert all(row[5] for row in rows)
    assert all(row[3] for row in rows[:10])
    assert not any(row[3] for row in rows[10:])
    generations = next(row for row in rows if "a chain makes" in row[1])
    assert generations[3:] == ["9 + (k − 1)·63", "does not hold", "9 + (k − 1)·3", "holds"]  # noqa: RUF001


def test_the_page_is_whole(page):
    text = page.read_text()
    assert "nan" not in re.findall(r"\w+", text.lower())
    assert "None" not in text
    assert "{{" not in text
    assert "{%" not in text
    assert all(len({len(row) for row in one}) == 1 for one in tables(text))
    assert "2 repeats each" in text
    assert text.count("n = 9.") == 2
    assert "1 used" in text


def test_pictures_that_the_page_names_are_there_and_no_others(page):
    named = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text())
    pictures = [f"paper/{space}_{kind}.png" for space in ("mbv3", "proxyless") for kind in ("time", "accuracy")]
    assert named == pictures
    assert sorted(page.parent / name for name in named) == sorted((page.parent / "paper").iterdir())
    for name in named:
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
        assert (page.parent / name).stat().st_size > 3000


@pytest.mark.parametrize("draw", [pictures.time, pictures.accuracy], ids=["time", "accuracy"])
@pytest.mark.parametrize("space", ["mbv3", "resnet50d"])
def test_pictures_have_a_panel_for_the_paper_and_each_protocol(draw, space):
    several = [*crafted_set(seconds=(1.0, 1.1)), *crafted_set("as_published", seconds=(2.0, 2.1))]
    for made in (several, several[:9], crafted_set(seconds=(1.0,))):
        runs = {protocol: one for (_, protocol), one in runs_of(made).items()}
        figure = draw(space, runs, PUBLISHED)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.draw_without_rendering()
        said = [axes.get_title() for axes in figure.axes]
        own = "the paper's figures" if space == "mbv3" else "the paper's figures (of mbv3)"
        assert said == [own, *(f"{PROTOCOLS[protocol]}, {space}" for protocol in runs)]
        for axes in figure.axes:
            inside(figure, [axes.title, axes.xaxis.label, axes.yaxis.label])
        inside(figure, [figure.axes[0].get_legend()])
        for axes, one in zip(figure.axes[1:], runs.values(), strict=True):
            lines = {bars.get_label(): bars.lines[0].get_data() for bars in axes.containers}
            assert set(lines) == set(STRATEGIES if draw is pictures.time else STRATEGIES[1:])
            numbers = one.rows if draw is pictures.time else one.targets
            for x, y in lines.values():
                assert x == pytest.approx(np.array(numbers), abs=1)
                assert y == pytest.approx(np.full(len(numbers), 1.0 if draw is pictures.time else 0.0))


def test_every_row_of_table_1_is_there_in_both_protocols(page):
    heads, _, *rows = table(page.read_text(), "targets")
    assert heads[1:4] == ["vanilla: paper", "as published", "fair"]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "10"]
    assert [[head for head, cell in zip(heads, row, strict=True) if not cell] for row in rows] == [[]] * 6
    assert rows[0][:2] == ["1", "27.1"]
    assert rows[5][4] == "47.8 (19 %)"


def test_accuracies_stand_by_target_with_the_papers_own(page):
    heads, _, *rows = table(page.read_text(), "ms")
    assert [row[0] for row in rows] == [*map(str, TEN), "mean"]
    assert heads == ["ms", *(head for name in STRATEGIES for head in (f"{name}: paper", "as published", "fair"))]
    assert all(all(row) for row in rows)
    assert rows[0][1] == "78.44 ± 0.09"
    other = [one for one in tables(page.read_text()) if one[0][0] == "ms"][1]
    assert other[0] == ["ms", "fair", "fair", "fair"]
    assert len(other) == 2 + 3 + 1


def test_winners_are_judged_by_predictors_that_did_not_guide(page):
    text = page.read_text()
    assert text.count("What other predictors say of what was found, as published:") == 1
    assert text.count("What other predictors say of what was found, fair:") == 2
    heads = [one[0] for one in tables(text) if one[0][0] == "strategy"]
    assert heads == [["strategy", "embedded (guide) %", "lead, points", "members %", "lead, points"]] * 3


def test_what_the_page_says_of_the_papers_figures_is_so(page):
    text = " ".join(page.read_text().split())
    printed, notebook = (PUBLISHED["table1"][f"{which}_seconds"] for which in ("printed", "notebook"))
    for name, sums, said in (("top_down", (28.7, 30.0), 36), ("bottom_up", (42.3, 41.0), 55)):
        of = [100 * sum(one[name]) / sum(one["vanilla"]) for one in (printed, notebook)]
        assert np.round(of, 1).tolist() == list(sums)
        assert round(100 * np.mean(np.divide(printed[name], printed["vanilla"]))) == said
    assert "28.7 % and 42.3 % as printed, 30.0 % and 41.0 % by the notebooks" in text
    assert "ratios is 36 % and 55 %" in text
    assert f"top-down took {printed['top_down'][0]} s for 35 ms and vanilla {printed['vanilla'][0]} s for 15 ms" in text
    assert round(notebook["bottom_up"][4], 2) == 47.78
    assert round(notebook["top_down"][5], 2) == 55.61
    assert (printed["bottom_up"][4], printed["top_down"][5]) == (55.608, 47.781)
    at_50 = {name: PUBLISHED["table2"]["printed_percent"][name][7] for name in STRATEGIES}
    assert at_50["top_down"] - at_50["vanilla"] == pytest.approx(0.58)
    assert max(at_50, key=at_50.get) == "top_down"
    assert round(63 / 500**0.5, 1) == 2.8


def test_a_part_of_the_experiments_gives_a_part_of_the_page(sweeps, tmp_path):
    fair = copied(sweeps, tmp_path / "fair", lambda one: one["choices"]["budget"] == "sqrt" and len(one["targets"]) < 4)
    out = tmp_path / "out"
    (out / "paper").mkdir(parents=True)
    (out / "paper.md").write_text("of before")
    text = run([str(fair / "mbv3"), f"out={out}"]).read_text()
    assert table(text, "targets")[0][:3] == ["targets", "vanilla: paper", "fair"]
    assert {(row[3], row[4]) for row in tables(text)[0][2:]} == {("", "")}
    assert "## ProxylessNAS" not in text
    assert "of before" not in text


@pytest.mark.parametrize("numbers", [[10], [1]], ids=["table2", "figure2"])
def test_an_experiment_of_one_row_gives_a_page(sweeps, tmp_path, numbers, recwarn):
    part = copied(sweeps / "mbv3", tmp_path / "part", lambda one: len(one["targets"]) in numbers)
    text = run([str(part), f"out={tmp_path}/out"]).read_text()
    assert "nan" not in re.findall(r"\w+", text.lower())
    further = [row for row in tables(text)[0] if "so a further target takes" in row[1]]
    assert {tuple(row[3:]) for row in further} == {("", "", "", "")}
    assert not [one for one in recwarn.list if "olyfit" in str(one.message)]


def test_the_number_of_repeats_is_that_of_the_papers_records(sweeps, tmp_path):
    other = ("strategy=random", "budget=sqrt", *SMALL[:3], "repeats=1")
    write(tmp_path / "0", other, first(2))
    text = run([str(tmp_path / "0"), str(sweeps / "proxyless"), f"out={tmp_path}/out"]).read_text()
    assert "2 repeats each" in text


def test_a_quick_try_in_the_same_folder_is_not_mixed_in(sweeps, tmp_path):
    tried = (*CELLS["fair"]["vanilla"], "space=proxyless", "predictor=embedded", *SMALL[1:3], "repeats=1")
    write(tmp_path / "0", tried, [1])
    text = run([str(tmp_path / "0"), str(sweeps / "proxyless"), f"out={tmp_path}/out"]).read_text()
    assert "2 repeats each" in text
    assert [row[0] for row in table(text, "targets")[2:]] == ["1", "3"]


def test_searches_that_advanced_together_are_not_said_to_have_run_one_after_another(sweeps, tmp_path):
    together = copied(sweeps / "proxyless", tmp_path / "together")
    for path in together.rglob(records.RECORD):
        record = json.loads(path.read_text())
        record["made"]["lockstep"] = True
        path.write_text(json.dumps(record))
    text = " ".join(run([str(together), f"out={tmp_path}/out"]).read_text().split())
    assert "one search after another" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a folder of records: python -m ofa_bench.report.paper multirun"),
        (["nowhere"], "nowhere: no such folder"),
        (["oot=x"], "oot: no such key; allowed: out, and folders; did you mean 'out'?"),
        (["out=x"], "give a folder of records"),
    ],
)
def test_bad_input_is_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        run(words)
    assert ended(["paper", *words], monkeypatch) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert list(tmp_path.iterdir()) == []


def ended(words, monkeypatch):
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as exit_:
        main()
    return exit_.value.code


def test_records_of_other_experiments_are_refused(sweeps, tmp_path, monkeypatch, capsys):
    one = copied(sweeps, tmp_path / "one", lambda record: record["choices"]["strategy"] == "vanilla")
    assert ended(["paper", str(one), f"out={tmp_path}/out"], monkeypatch) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{one}: no experiment of the paper there, with all three strategies; run python -m ofa_bench" in told
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(sweeps, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    assert ended(["paper", str(sweeps / "proxyless"), f"out={tmp_path}/file"], monkeypatch) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_says_where_the_page_is_and_what_it_takes(sweeps, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["paper", str(sweeps / "proxyless"), f"out={tmp_path}/out"])
    main()
    assert capsys.readouterr().out == f"{tmp_path}/out/paper.md\n"
    assert ended(["paper", "--help"], monkeypatch) == 0
    assert "python -m ofa_bench.report.paper multirun" in capsys.readouterr().out
