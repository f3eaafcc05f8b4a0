import csv
import io
import json
import re
from dataclasses import replace
from pkgutil import resolve_name

import numpy as np
import pytest
from conftest import findings
from plain import change_record, older
from rich.console import Console

from ofa_bench.commands.cli.tables import print_tables
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.attempts import find_existing
from ofa_bench.records.frame import tidy, write_csv
from ofa_bench.records.improve_frontier import improve_frontier
from ofa_bench.records.labels import heading, labels
from ofa_bench.records.model import FrontierVersion, to_dict
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.tables import summary
from ofa_bench.search import Evolution
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.strategies import Budget, Chain
from ofa_bench.testing import toy_problem
from ofa_bench.tracking import values as mlflow_values

IDENTITY = "0123456789abcdef"
CHOICES = {group: group[0] for group in ("space", "device", "predictor", "strategy", "budget", "targets")}


def make(strategy="bottom_up", targets=(30.0, 5.0, 20.0), repeats=2, frontier=None):
    cell = Cell(
        toy_problem(), Chain(Evolution(population_size=10), "ascending"), targets, Budget(4, 2), 0, repeats, threads=1
    )
    ran = list(run_repeats(cell, lambda *_: None))
    choices = CHOICES | {"strategy": strategy}
    place = f"s/d/p/{strategy}/b/t/seed=0"
    return records.make_record(
        cell, ran, address=place, choices=choices, identity=IDENTITY, config={}, frontier=frontier
    )


RECORD = make()


def test_record_says_what_was_found_and_what_it_took():
    assert RECORD.targets == [30, 5, 20]
    assert to_dict(RECORD.predictor) == {"name": "toy", "sha256": "0" * 64, "pruning": None}
    assert (RECORD.made.threads, RECORD.made.lockstep) == (1, True)
    assert len(RECORD.device.sha256) == 64
    space = MobileNetV3Space()
    for repeat in RECORD.repeats:
        feasible = [result.feasible for result in repeat.results]
        assert feasible == [True, False, True]
        for result in repeat.results:
            assert (space.from_ofa(result.architecture) == np.array(result.genes)).all()
            assert result.unique_evaluations <= result.evaluations <= result.proposals
        assert [result.generations for result in repeat.results] == [2, 0, 4]


def test_findings_are_the_same_for_the_same_seed():
    assert json.dumps(findings(make())) == json.dumps(findings(RECORD))


def test_written_records_come_back(tmp_path):
    records.write(tmp_path / "cell", RECORD, "a: 1\n")
    assert to_dict(records.read(tmp_path / "cell")) == json.loads(json.dumps(to_dict(RECORD)))
    assert {path.name for path in (tmp_path / "cell").iterdir()} == {"record.json", "config.yaml"}
    assert find_existing(tmp_path / "cell", IDENTITY).address == RECORD.address
    assert find_existing(tmp_path / "other", IDENTITY) is None


def test_no_record_is_ever_overwritten(tmp_path):
    records.write(tmp_path, RECORD, "")
    with pytest.raises(InputError, match="holds a record of another config, predictor, table or strategy code"):
        find_existing(tmp_path, "another")
    with pytest.raises(InputError, match="another process wrote the record meanwhile"):
        records.write(tmp_path, replace(RECORD, identity="another"), "")
    assert records.write(tmp_path, replace(RECORD, seed=1), "") == records.read(tmp_path)
    assert records.read(tmp_path).seed == 0
    assert {path.name for path in tmp_path.iterdir()} == {"record.json", "config.yaml"}


def test_identity_sees_config_predictor_table_and_a_users_code(tmp_path, monkeypatch):
    problem, ours = toy_problem(), Chain(Evolution(), "ascending")
    base = records.identity({"seed": 0}, problem, ours)
    assert records.identity({"seed": 0}, toy_problem(), ours) == base
    assert records.identity({"seed": 1}, problem, ours) != base
    for part in ("predictor", "cost"):
        other = toy_problem()
        getattr(other, part).sha256 = "1" * 64
        assert records.identity({"seed": 0}, other, ours) != base
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "a_users_module.py"
    module.write_text("from ofa_bench.strategies import Vanilla\nclass Mine(Vanilla): pass\n")
    mine = resolve_name("a_users_module.Mine")(Evolution())
    before = records.identity({}, problem, mine)
    module.write_text(module.read_text().replace("pass", "changed = True"))
    assert records.identity({}, problem, mine) != before


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        records.write(tmp_path / "cell", RECORD, "")
    assert list((tmp_path / "cell").iterdir()) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": "ofa_bench.record/0"}', '{"format": "ofa_bench.record/1"}']
)
def test_what_is_no_record_is_refused(tmp_path, content):
    (tmp_path / records.RECORD).write_text(content)
    with pytest.raises(InputError, match=r"record\.json: not"):
        records.read(tmp_path)


def test_rows_and_totals_are_means_over_repeats():
    first = [repeat.results[0] for repeat in RECORD.repeats]
    row = rows(RECORD)[0]
    assert row.accuracy == pytest.approx(np.mean([result.accuracy for result in first]))
    assert row.accuracy_std == pytest.approx(np.std([result.accuracy for result in first], ddof=1))
    assert rows(RECORD)[1].accuracy is None
    total = totals(RECORD)
    assert total.mean_sum("evaluations") == 10 * (4 + 1) + 10 * (2 + 1)
    assert total.seconds == pytest.approx(np.mean([repeat.seconds for repeat in RECORD.repeats]))
    feasible = [result.accuracy for repeat in RECORD.repeats for result in repeat.results if result.feasible]
    assert total.accuracy == pytest.approx(np.mean(feasible))


def test_markdown_has_a_line_a_row():
    text = summary({"first": rows(RECORD)[0], "second": rows(RECORD)[1]})
    lines = text.splitlines()
    assert "infeasible" in lines[3]
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert all("\N{NO-BREAK SPACE}ms\N{NO-BREAK SPACE}\N{NO-BREAK SPACE} |" in line for line in lines[2:4])
    assert lines[4:] == [
        "",
        "Infeasible: no network that meets the target was found; its cost is that of the cheapest network. Means over "
        "targets leave it out.",
    ]
    assert "Means leave them out." in summary({"all": totals(RECORD)})
    assert "Means" not in summary({"first": rows(RECORD)[0]})


OTHER = change_record(RECORD, address="s/other/p/bottom_up/b/t/seed=0", choices={"device": "other"}, unit="1/s")


def test_printed_tables_are_one_a_problem_with_its_unit():
    console = Console(width=80, file=io.StringIO())
    print_tables([RECORD, OTHER, make("top_down")], console)
    text = console.file.getvalue()
    assert text.count("cost ms") == text.count("cost 1/s") == 1
    assert text.splitlines()[0] == "s / d / p / b / t / seed=0"
    assert text.count("s / other / p / b / t / seed=0") == 1
    assert text.count("Means (± standard deviation) over 2 repeats") == 2
    assert text.count("Accuracy: by the predictor above.") == 1


def test_devices_stand_in_the_order_given_and_those_without_regret_are_named():
    console = Console(width=80, file=io.StringIO())
    known = change_record(RECORD, frontier=FrontierVersion(version=1, sha256="3" * 64))
    print_tables([OTHER, known], console)
    text = console.file.getvalue()
    assert text.index("s / other / p") < text.index("s / d / p")
    assert "Regret: points below the best known (none is known for other). Row all" in text


def test_metrics_have_names_that_mlflow_allows():
    record = replace(OTHER, targets=[3e7, 5.0, 20.0], config={})
    names = {metric.key for metric in mlflow_values.metrics(record)}
    assert "target/3e_07 1_s: cost" in names
    assert all(re.fullmatch(r"[/\w.\- :]*", name) for name in names)


def test_labels_name_what_differs():
    other = replace(RECORD, choices=replace(RECORD.choices, device="other"))
    assert labels([RECORD, make("top_down")]) == ["bottom_up", "top_down"]
    assert labels([RECORD, other]) == ["bottom_up d", "bottom_up other"]


def test_labels_take_overrides_apart():
    last = ["seed=0", "seed=0,strategy.order=random", "evolution.sizes=[1,2],seed=0,strategy.order=random"]
    several = [replace(RECORD, address=f"s/d/p/bottom_up/b/t/{one}") for one in last]
    assert labels(several) == [
        "bottom_up", "bottom_up order=random", "bottom_up sizes=[1,2] order=random",
    ]  # fmt: skip
    assert heading(several) == "s / d / p / b / t / seed=0"
    choices = replace(RECORD.choices, budget="my/quick")
    other = replace(RECORD, address="s/d/p/bottom_up/my/quick/t/seed=1", choices=choices)
    assert labels([several[0], other]) == ["bottom_up b seed=0", "bottom_up my/quick seed=1"]
    assert heading([several[0], other]) == "s / d / p / t"


def printed(several, width=80):
    console = Console(width=width, file=io.StringIO())
    print_tables(several, console)
    return console.file.getvalue()


def test_cells_of_one_problem_and_targets_stand_in_one_table():
    ablation = replace(RECORD, address=RECORD.address + ",strategy.order=random")
    budget = replace(RECORD, choices=replace(RECORD.choices, budget="long"))
    other_targets = make(targets=(30.0, 20.0))
    guarded = replace(RECORD, config={"device": {"guard_band": True}})
    assert printed([RECORD, ablation, budget]).count("cost ms") == 1
    assert "bottom_up b order=random" in printed([RECORD, ablation, budget])
    for other in (other_targets, guarded):
        assert printed([RECORD, other]).count("cost ms") == 2
    assert "over 1 or 2 repeats" in printed([RECORD, make("top_down", repeats=1)])


def _frontier():
    space = toy_problem().space
    found = np.array([result.genes for repeat in RECORD.repeats for result in repeat.results], np.int8)
    better = space.sample(2000, np.random.default_rng(0))
    return improve_frontier(toy_problem(), None, np.concatenate([found, better]))


FRONTIER = _frontier()
COMPARED = make(frontier=FRONTIER)


def test_tables_compare_with_the_best_known():
    text = printed([COMPARED, make("top_down", frontier=FRONTIER)])
    assert "accuracy %  regret  cost ms  seconds  evaluations" in text
    assert max(map(len, text.splitlines()[:-1])) <= 110
    regrets = [result.regret for repeat in COMPARED.repeats for result in repeat.results if result.feasible]
    total = totals(COMPARED)
    assert total.regret == pytest.approx(np.mean(regrets))
    assert min(regrets) >= 0
    assert total.compared == 2
    assert f" {100 * total.regret:.3f} " in text
    assert "Regret" not in printed([RECORD])
    assert text.splitlines()[2] in printed([COMPARED, RECORD])
    assert "do not compare their regret" in " ".join(printed([COMPARED, RECORD]).split())
    assert "do not compare their regret" not in " ".join(text.split())


def test_a_narrow_terminal_leaves_regret_out():
    wide, narrow = (
        Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None) for width in (85, 62)
    )
    for console in (wide, narrow):
        print_tables([COMPARED], console)
        assert "…" not in console.file.getvalue()
    assert "  regret  " in wide.file.getvalue()
    assert "  regret  " not in narrow.file.getvalue()


def test_records_from_before_frontiers_are_shown():
    keys = ("frontier", "hypervolume_ratio", "best_known", "regret", "evaluations_within", "seconds_within", "shared")
    old = older(RECORD, *keys)
    assert printed([old]) == printed([RECORD])
    assert summary({"all": totals(old)}) == summary({"all": totals(RECORD)})


def test_records_of_before_have_what_files_lack():
    old = older(RECORD, "alternatives", "gradients", "proposals", "cost_lookups", "guard_band", "card", "lockstep",
                "compiled", "commits", "pruning", "table_cost", "unlabelled", "labelled", "sources")  # fmt: skip
    assert (old.device.guard_band, old.device.card, old.made.lockstep, old.made.commits) == (1, {}, False, None)
    assert {(one.gradients, one.proposals, len(one.alternatives)) for one in old.results} == {(None, None, 0)}
    assert summary({"all": totals(old)}) == summary({"all": totals(RECORD)})
    assert tidy([old])["gradients"].isna().all()


def test_a_record_names_the_sources_of_its_predictor(tmp_path):
    record = change_record(RECORD, predictor={"sources": ["autobuild", "ofa_w1.0"]})
    records.write(tmp_path, record, "a: 1\n")
    assert records.read(tmp_path).predictor.sources == ["autobuild", "ofa_w1.0"]
    assert "sources" not in to_dict(RECORD.predictor)


def test_metrics_and_csv_say_the_regret(tmp_path):
    metrics = {metric.key: metric.value for metric in mlflow_values.metrics(COMPARED)}
    assert metrics["all_targets/regret_points"] == pytest.approx(100 * totals(COMPARED).regret)
    assert metrics["all_targets/hypervolume_ratio"] == pytest.approx(totals(COMPARED).hypervolume_ratio)
    assert metrics["all_targets/targets_within_0.1"] == totals(COMPARED).near
    assert metrics["target/30 ms: regret_points"] == pytest.approx(100 * rows(COMPARED)[0].regret)
    assert not any("regret" in metric.key for metric in mlflow_values.metrics(RECORD))
    write_csv([COMPARED, RECORD], tmp_path / "results.csv")
    with (tmp_path / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 12
    assert float(lines[0]["regret"]) == COMPARED.repeats[0].results[0].regret
    assert lines[1]["regret"] == lines[6]["best_known"] == ""
