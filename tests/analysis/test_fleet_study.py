"""The studies of fleets: their rows by hand, their tables, and what their experiment sweeps."""

import fleet_scale
import fleet_study
import numpy as np
import pandas as pd
import pytest
import unseen

import ofa_bench as ob
from ofa_bench.commands.experiments import commands


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Return a function that makes a study of rows (guide, strategy, asked, device, repeat, accuracy)."""
    monkeypatch.setattr(fleet_study, "FILE", tmp_path / "study.csv.gz")

    def make(rows):
        fleet_study.found.cache_clear()
        table = pd.DataFrame([(*row, row[5] - 1, row[2] or 700, 50, 0.5) for row in rows], columns=fleet_study.COLUMNS)
        table.to_csv(fleet_study.FILE, index=False)

    yield make
    fleet_study.found.cache_clear()


def rows(strategy, asked, *by_repeat):
    return [
        ("measured", strategy, asked, device, repeat, accuracy + more)
        for repeat, accuracy in enumerate(by_repeat)
        for device, more in (("one", 0.0), ("two", 1.0))
    ]


def cells_of(table):
    return {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in table.splitlines()
        if line[:1] == "|" and (cells := line.strip("|").split("|"))
    }


def test_a_row_has_means_and_sums_over_targets_and_the_name_of_what_was_searched_how():
    fleet = ob.problem("mbv3", device=["note10", "macs"], predictor="official")
    targets = {"note10": [20, 30], "macs": [300]}
    settings = {"targets.by_device": targets, "repeats": 2, "progress": False, "targets": "default"}
    made = {
        "joint, all together": ob.run(fleet, "joint", evaluations=60, **settings),
        "joint, each device alone, noise 0.1": ob.run(
            fleet, "joint", evaluations=60, across=False, noise=0.1, **settings
        ),
        "joint, each device alone": ob.run(fleet, "joint", evaluations=60, across=False, **settings),
        "vanilla": ob.run(fleet, "vanilla", budget=(500, 1), population_size=10, **settings),
        "vanilla, generations as across": ob.run(fleet, "vanilla", budget=(2, 1), **settings),
        "top_down": ob.run(fleet, "top_down", budget=(2, 1), **settings),
        "top_down, across (given)": ob.run(fleet, "top_down", budget=(2, 1), across="given", **settings),
        "proxy": ob.run(fleet, "proxy", **{"strategy.inner.evaluations": 60}, **settings),
    }
    for name, result in made.items():
        record = result["note10"].record
        found = fleet_study.rows_of(record, ())
        asked = 60 if "joint" in name or name == "proxy" else 0
        for repeat, row in zip(record.repeats, found, strict=True):
            one = dict(zip(fleet_study.COLUMNS, row, strict=True))
            assert (one["guide"], one["strategy"], one["asked"]) == ("official", name, asked)
            assert (one["device"], one["repeat"], one["judged"]) == ("note10", repeat.repeat, "")
            accuracy = 100 * np.mean([target.accuracy for target in repeat.results])
            assert float(one["accuracy"]) == pytest.approx(accuracy, abs=1e-4)
            assert one["evaluations"] == sum(target.evaluations for target in repeat.results)
        assert name in fleet_study.STRATEGIES


def test_strategies_are_compared_by_their_means_over_devices(study):
    study([*rows("vanilla", 0, 80.0, 80.2), *rows(fleet_study.TOGETHER, 1000, 80.3, 80.5)])
    cells = cells_of(fleet_study.fleet_strategies())
    assert cells["`vanilla`"] == ["1,400", "100", "1", "80.600 ± 1.271", "", "79.600 ± 1.271"]
    assert cells["`joint`, all together"] == ["2,000", "", "1", "80.900 ± 1.271", "0.300", "79.900 ± 1.271"]
    by_device = cells_of(fleet_study.fleet_devices())
    assert by_device["`joint`, all together, 1,000"] == ["80.40 ± 1.27", "81.40 ± 1.27"]


def test_savings_are_interpolated_between_the_numbers_that_were_tried_alone(study):
    alone = fleet_study.ALONE
    together = [*rows(fleet_study.TOGETHER, 500, 80.0, 80.0), *rows(fleet_study.TOGETHER, 90_000, 82.0, 82.0)]
    study([*rows(alone, 100, 79.0, 79.0), *rows(alone, 10_000, 81.0, 81.0), *together])
    lines = [line.strip("|").split("|") for line in fleet_study.fleet_savings().splitlines()[2:]]
    found = [[cell.strip() for cell in line] for line in lines]
    assert found[0] == ["`measured`", "500", "80.500", "2,000 (4.0 times)", ""]  # twice the geometric middle
    assert found[1] == ["`measured`", "90,000", "82.500", "more than 20,000", ""]


def test_the_study_has_the_cells_of_the_experiment_for_both_guides():
    wanted = set()
    for words in commands(["-m", "experiment=fleet"]):
        given = dict(word.lstrip("+").split("=", 1) for word in words[1:])
        assert (given["device"], given["repeats"]) == ("fleet", "10")
        asked = given.get("strategy.evaluations", given.get("strategy.inner.evaluations", "0")).split(",")
        for name in given["strategy"].split(","):
            across = given.get("strategy.across")
            names = (
                [name]
                if across is None or name == "joint"
                else [f"{name}, across ({one})" for one in across.split(",")]
            )
            names = [fleet_study.CONTROL] if "budget.generations" in given else names
            if name == "joint":
                names = [fleet_study.ALONE, fleet_study.TUNED] if across == "false" else [fleet_study.TOGETHER]
            wanted |= {
                (guide, one, int(number)) for guide in ("measured", "official") for one in names for number in asked
            }
    table = fleet_study.found()
    assert set(zip(table["guide"], table["strategy"], table["asked"], strict=True)) == wanted
    assert (table.groupby(["guide", "strategy", "asked", "device"])["repeat"].nunique() == 10).all()
    assert table["device"].nunique() == 8


def test_the_other_studies_are_there():
    assert "| mean |" in unseen.unseen()
    lines = [line for line in fleet_scale.fleet_scale().splitlines() if "| 500 | 5,000 |" in line]
    assert len(lines) == 2


@pytest.mark.parametrize("module", [unseen, fleet_scale])
def test_a_missing_study_is_reported(module, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "FILE", tmp_path / "nothing.csv")
    reader = module._found.__wrapped__
    with pytest.raises(FileNotFoundError, match=r"nothing.csv$"):
        reader()
