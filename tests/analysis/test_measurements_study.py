"""The study of measurements: its rows by hand, its tables, its pictures, and what its experiment sweeps."""

import warnings
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import measurements
import measurements_answers
import measurements_figures
import measurements_tables
import numpy as np
import pandas as pd
import pytest
from ground_truth import truth
from measurements import ONE, SETTINGS, STRATEGIES, Setting

import ofa_bench as ob
from ofa_bench.analysis.figures.measurements import draw_measurements
from ofa_bench.commands.experiments import commands

OFFICIAL, MACRO = Setting("mbv3", "official", "0"), Setting("nasbench_macro", "table", ONE)


@pytest.fixture(scope="module")
def record():
    problem = ob.problem("nasbench_macro", device="macs", predictor="table", run="each")
    return ob.run(problem, "random", evaluations=60, targets=[30.0, 60.0], repeats=2, progress=False).record


def test_a_row_has_the_mean_of_what_the_winners_are_in_truth(record):
    rows = [dict(zip(measurements.COLUMNS, row, strict=True)) for row in measurements.rows_of(record)]
    assert len(rows) == len(record.repeats) == 2
    for row, repeat in zip(rows, record.repeats, strict=True):
        genes = np.array([one.genes for one in repeat.results], np.int8)
        mean = 100 * truth("nasbench_macro").predictor.accuracy(genes).mean()
        assert float(row["true"]) == pytest.approx(mean, abs=1e-4)
        assert (row["space"], row["truth"], row["noise"]) == MACRO
        assert (row["strategy"], row["asked"], row["evaluations"], row["missed"]) == ("random", 60, 60, 0)
        assert row["measurements"] == sum(one.unique_evaluations for one in repeat.results) < 60
        assert (row["seed"], row["repeat"], row["seconds"]) == (0, repeat.repeat, f"{repeat.seconds:.3g}")


def changed(record, strategy=None, predictor=None, choice=None, results=None):
    """Return a record with other settings, or other results in its first repeat."""
    config = record.config | {
        "strategy": record.config["strategy"] | (strategy or {}),
        "predictor": record.config["predictor"] | (predictor or {}),
    }
    first, *others = record.repeats
    repeats = [replace(first, results=results or first.results), *others]
    choices = replace(record.choices, strategy=choice or record.choices.strategy)
    return replace(record, config=config, choices=choices, repeats=repeats)


def test_what_is_measured_again_counts_and_a_target_that_is_not_met_has_no_accuracy(record, study):
    first, second = record.repeats[0].results
    again = replace(first, measurements=first.unique_evaluations + 7)
    missed = replace(second, feasible=False, accuracy=None, true_accuracy=None)
    study([changed(record, results=[again, missed])])
    [one] = measurements.found().values()
    whole = sum(result.unique_evaluations for result in record.results)
    assert (one.missed, one.measurements) == (1, (whole + 7) / 2)
    assert np.isnan(one.true).tolist() == [True, False]
    assert "targets missed: 1" in measurements_tables.reached()


def test_names_and_settings_are_those_of_the_config(record):
    def of(**given):
        return measurements.rows_of(changed(record, **given))[0][:4]

    assert of(predictor={"run": None, "noise": 0.0}) == ("nasbench_macro", "table", "0", "random")
    assert of(predictor={"run": None, "noise": 0.3})[2] == "0.3"
    joint, vanilla = ({"inner": {"_target_": f"ofa_bench.strategies.{name}"}} for name in ("Joint", "Vanilla"))
    assert of(strategy=joint, choice="ofa_recipe")[3] == "ofa_recipe, joint"
    assert of(strategy=vanilla, choice="ofa_recipe")[3] == "ofa_recipe"
    assert of(strategy=joint, choice="surrogate")[3] == "surrogate"
    assert measurements.rows_of(changed(record, predictor={"run": None})) == []


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Return a function that makes a study of records, or of rows of the file's columns."""
    monkeypatch.setattr(measurements, "FILE", tmp_path / "study.csv.gz")

    def make(records=(), rows=()):
        measurements.found.cache_clear()
        if rows:
            pd.DataFrame(rows, columns=list(measurements.COLUMNS)).to_csv(measurements.FILE, index=False)
        else:
            monkeypatch.setattr(measurements, "from_folders", lambda _: SimpleNamespace(records=records))
            measurements.main("folder")

    yield make
    measurements.found.cache_clear()


def test_two_records_of_the_same_searches_are_refused(record, study):
    with pytest.raises(ValueError, match=r"^twice: .*'strategy': 'random', 'asked': 60"):
        study([record, record])


def test_a_missing_study_is_reported(study):
    with pytest.raises(FileNotFoundError, match=r"study.csv.gz$"):
        measurements.found()


def test_no_search_of_the_study_is_better_than_the_optimum_or_measures_more_than_it_evaluates():
    assert measurements.found()
    for (setting, strategy, asked), one in measurements.found().items():
        assert setting in SETTINGS
        assert strategy in STRATEGIES
        assert one.measurements <= one.evaluations <= asked
        if setting.known:
            assert (measurements_tables.score(setting, one)[np.isfinite(one.true)] >= -1e-4).all()


def searched(setting, strategy, asked, true, measured=None, seconds=1.5):
    return [
        (*setting, strategy, asked, 0, repeat, asked, measured or asked, 0, one, seconds)
        for repeat, one in enumerate(true)
    ]


ROWS = [
    *searched(OFFICIAL, "surrogate", 500, [82.5, 82.6, 82.7, 82.6]),
    *searched(OFFICIAL, "surrogate", 1500, [82.9, 82.9, 82.92, 82.91]),
    *searched(OFFICIAL, "joint", 500, [82.0, 82.15, 82.2, 82.05]),
    *searched(OFFICIAL, "joint", 1500, [82.61, 82.59, 82.6, 82.6]),
    *searched(OFFICIAL, "random", 500, [81.0, 83.9, 81.5, 83.6], measured=400),
    *searched(OFFICIAL, "tpe", 500, [81.0, 81.2]),
    *searched(MACRO, "joint", 200, [88.4, 88.5]),
]


def cells_of(table):
    """Return the cells of a table by the texts of its first columns."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return rows[0], {row[0]: row[1:] for row in rows[2:]}


def test_tables_have_means_with_intervals_and_empty_cells_where_nothing_was_searched(study):
    study(rows=ROWS)
    official, macro = measurements_tables.reached().split("**nasbench_macro, one training** (true regret, points)")
    heads, cells = cells_of(official)
    assert heads == ["strategy", "500", "1,500"]
    assert cells["`surrogate`"] == ["82.60 ± 0.13", "82.91 ± 0.02"]
    assert cells["`tpe`"] == ["81.10 ± 1.27 (n=2)", ""]
    assert list(cells) == ["`surrogate`", "`joint`", "`tpe`", "`random`"]
    mean, half = MACRO.optimum - 88.45, 12.7062 * 0.1 / 2
    assert cells_of(macro)[1]["`joint`"] == [f"{mean:.3f} ± {half:.3f}"]
    assert cells_of(measurements_tables.measurements_summary())[0] == ["strategy", "500, noise 0", "1,500, noise 0"]
    assert [line for line in measurements_tables.made().splitlines() if "mbv3" in line] == [
        "| mbv3, truth official, noise 0 | `random` |  | 400 |  |"
    ]


def test_the_optimum_is_the_mean_of_the_best_networks_within_the_targets():
    problem = truth("nasbench_macro")
    every = np.array(np.meshgrid(*[range(3)] * 8)).reshape(8, -1).T.astype(np.int8)
    accuracy, cost = problem.predictor.accuracy(every), problem.cost.cost(every)
    assert len(problem.cost.targets) == 10
    best = [accuracy[cost <= target].max() for target in problem.cost.targets]
    assert MACRO.optimum == pytest.approx(100 * np.mean(best), abs=1e-9)


def test_differences_are_paired_with_the_same_repeats_and_bold_where_significant(study):
    study(rows=ROWS)
    lines = [line for line in measurements_tables.differences().splitlines() if "noise 0 " in line]
    by_name = {line.split("|")[2].strip(): [cell.strip() for cell in line.split("|")[3:-1]] for line in lines}
    assert by_name["`joint`"] == ["", "**-0.50 (-0.56 to -0.44)**", "**-0.31 (-0.33 to -0.29)**"]
    empty, shown, none = by_name["`random`"]
    assert (empty, none, shown[:7]) == ("", "", "-0.10 (")
    assert "`tpe`" not in by_name


def test_levels_count_where_the_mean_is_there_as_shown(study):
    study(rows=ROWS)
    heads, cells = cells_of(measurements_tables.needed())
    assert heads[1:] == ["82.60 %, noise 0", "82.91 %, noise 0"]
    assert cells["`surrogate`"] == ["500", "1,500"]
    assert cells["`joint`"] == ["1,500", "not reached"]


def test_answers_are_those_of_the_tables(study):
    study(rows=ROWS)
    lines = measurements_answers.measurements_in_short().splitlines()
    assert lines[0].endswith("1,500 evaluations, true accuracy in %: `surrogate` 82.91 ± 0.02, `joint` 82.60 ± 0.01.")
    assert "- **82.60 %** on mbv3, truth official, noise 0: `surrogate` with 500, `joint` with 1,500." in lines
    wanted = "-0.50 to -0.31 points of true accuracy; worse in 2 of 2 cases of setting and number of evaluations."
    assert f"- **`joint` less `surrogate`**: {wanted}" in lines
    assert any("`random` less `surrogate`" in line and "not distinguished in 1 of 1" in line for line in lines)


def test_seconds_are_means_over_repeats(study):
    fast, slow = (searched(measurements_tables.TIMED, "joint", 200, [82, 82], seconds=one) for one in (1, 4))
    study(rows=[fast[0], slow[1], *ROWS])
    assert cells_of(measurements_tables.seconds()) == (["strategy", "200"], {"`joint`": ["2.5"]})


def test_a_panel_has_a_line_for_each_strategy_over_the_measurements_that_were_made(study):
    study(rows=ROWS)
    lines = {one: measurements_figures._lines(one) for one in (OFFICIAL, MACRO)}
    levels = {OFFICIAL.title: measurements_tables.levels()}
    figure = draw_measurements({one.title: lines[one] for one in lines}, "%", levels, columns=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    first, second = ({line.get_label(): line for line in axes.lines} for axes in figure.axes)
    assert first["random"].get_xdata().tolist() == [400]
    assert first["surrogate"].get_xdata().tolist() == [500, 1500]
    assert first["surrogate"].get_ydata() == pytest.approx([82.6, 82.9075])
    assert first["joint"].get_color() == second["joint"].get_color() != first["surrogate"].get_color()
    assert [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"] == [82.6, 82.91]
    assert not [line for line in figure.axes[1].lines if line.get_linestyle() == ":"]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((82.6 - 0.1299, 82.9075 + 0.0152), abs=1e-4)


def test_regrets_below_the_floor_are_drawn_there():
    figure = draw_measurements({"a": {"joint": {100: (0.5, 0.1), 200: (0.0, 0.1)}}}, "y", {}, columns=2, regret=True)
    figure.draw_without_rendering()
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.5, 0.001]
    assert figure.axes[0].get_yscale() == "log"


def test_the_study_has_the_cells_of_the_experiment_ten_repeats_each():
    cells = set()
    for words in commands(["-m", "experiment=measurements"]):
        given = dict(word.lstrip("+").split("=", 1) for word in words[1:])
        joint = ", joint" if given.get("strategy@strategy.inner") == "joint" else ""
        for noise, name, asked in product(
            given.get("predictor.noise", ONE).split(","),
            given["strategy"].split(","),
            given["strategy.evaluations"].split(","),
        ):
            cells.add((Setting(given["space"], given["predictor"], noise), name + joint, int(asked)))
        assert given["repeats"] == "10"
    assert cells == set(measurements.found())
    assert {name for _, name, _ in cells} == set(STRATEGIES)
    assert {len(one.keys) for one in measurements.found().values()} == {10}
