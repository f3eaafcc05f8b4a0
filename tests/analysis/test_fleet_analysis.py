import copy
import json
from pathlib import Path

import numpy as np
import pytest
from fleet_records import GENES, fleet_of, make_records, with_regret

from ofa_bench.analysis.figures.fleets import draw_services, draw_similarity, draw_transfer
from ofa_bench.analysis.fleets import pooling, serving, tables
from ofa_bench.analysis.fleets.naming import Named
from ofa_bench.analysis.fleets.sentences import OFA_SECONDS, describe_fleet, describe_formulas, unknown_costs
from ofa_bench.analysis.fleets.serving import ALLOWED, serve, transfer
from ofa_bench.analysis.fleets.spending import compare_strategies
from ofa_bench.analysis.studies import studies
from ofa_bench.search.similarity import rank_correlations

RESULTS = json.loads((Path(__file__).parents[2] / "benchmarks" / "results.json").read_text())
LETTERS = {tuple(genes): name for name, genes in GENES.items()}


def letters(fleet, networks):
    """Return the networks at places by their letters, "-" for none."""
    return "".join("-" if one < 0 else LETTERS[tuple(fleet.networks[one].genes)] for one in networks)


def order(fleet):
    return [device.name for device in fleet.devices]


@pytest.fixture
def fleet():
    return fleet_of(make_records())


@pytest.fixture
def named(fleet):
    return Named(fleet, tuple(serve(fleet)))


def test_the_best_network_of_each_place_is_of_all_records(fleet):
    assert order(fleet) == ["a", "b"]
    assert fleet.targets.tolist() == [1, 2, 3, 1, 4]
    assert fleet.device_of.tolist() == [0, 0, 0, 1, 1]
    assert letters(fleet, fleet.best) == "xyzxw"
    assert fleet.accuracy == pytest.approx([72, 71.95, 71, 70])
    assert fleet.cost.tolist() == [[3, 9], [3, 4], [2, 3], [1, 1]]


def test_a_network_that_was_found_elsewhere_is_the_best_where_it_fits():
    fleet = fleet_of(make_records({"a": ("xyy",), "b": ("xw",)}))
    assert letters(fleet, fleet.best) == "xywxw"


def test_alternatives_count_too():
    fleet = fleet_of(make_records({"a": ("xyy",), "b": ("xy",)}, alternatives="z"))
    assert letters(fleet, fleet.best) == "xyzxy"


def test_without_a_cost_model_only_own_networks_are_compared():
    records = make_records({"a": ("xyy",), "b": ("xw",)})
    fleet = fleet_of(records, unknown="a")
    assert order(fleet) == ["b", "a"]
    assert letters(fleet, fleet.best) == "xwxyy"
    assert np.isnan(fleet.cost[0, 1])
    assert "The cost table of a is not here" in unknown_costs(fleet)
    assert np.isnan(transfer(fleet).loss[0, 1])
    assert transfer(fleet).loss[1, 0] == pytest.approx(0.95 / 2)
    assert unknown_costs(fleet_of(records)) == ""


def test_a_device_has_the_targets_of_its_largest_study():
    records = make_records()
    fewer = copy.deepcopy(records[0])
    fewer.targets, fewer.address = [2.0], fewer.address + ",x=1"
    for repeat in fewer.repeats:
        repeat.results = repeat.results[1:2]
    fleet = fleet_of([fewer, *records])
    assert fleet.devices[0].targets == (1, 2, 3)
    assert len(fleet.devices[0].records) == 2


def test_only_records_of_one_space_and_predictor_are_a_fleet():
    for change in ("predictor", "space", "same device"):
        records = make_records()
        if change == "predictor":
            records[1].predictor.sha256 = "q"
        elif change == "space":
            records[1].config = {"space": {"_target_": "ofa_bench.spaces.MobileNetV3Space", "width": 1.0}}
        else:
            records = records[:1]
        assert pooling.pool(studies(records), lambda *_: None) == []


def test_devices_of_one_name_are_told_apart():
    records = make_records()
    records[1].choices.device = "a"
    assert sorted(order(fleet_of(records))) == ["a a", "a b"]


def test_limits_make_another_fleet():
    limited = make_records()
    for record in limited:
        record.config = {**record.config, "limits": {"params": 6, "[a](b)": 1, "macs": "[a](b)"}}
        record.device.sha256 += " within limits"
    found = pooling.pool(studies([*make_records(), *limited]), lambda *_: None)
    assert sorted(one.predictor for one in found) == ["toy", "toy, params ≤ 6"]
    assert pooling.pool(studies([make_records()[0], limited[1]]), lambda *_: None) == []


def test_the_list_of_devices_is_in_no_name():
    records = make_records()
    for record in records:
        record.address += ",device.devices=[note10,jetson_gpu,i7~0a1b2c3d,fleet,strategy.across=similarity"
        record.config = {**record.config, "strategy": {"across": "similarity"}}
    lines = compare_strategies(fleet_of([*make_records(), *records]))
    assert sorted(line.name for line in lines) == ["vanilla", "vanilla fleet across=similarity"]


def test_the_fewest_networks_serve_within_the_allowed_loss(fleet):
    found = {one.allowed: one for one in serve(fleet)}
    assert [len(found[allowed].chosen) for allowed in ALLOWED] == [4, 3, 3, 3, 3]
    assert all(one.proven for one in found.values())
    assert letters(fleet, found[0.0].network) == "xyzxw"
    assert letters(fleet, found[0.1].network) == "xywxw"
    assert found[0.1].loss == pytest.approx([0, 0, 0.05, 0, 0])
    [wide] = serve(fleet, [1.0])
    assert letters(fleet, wide.chosen) in ("yx", "wx")  # x, and one of those that lose up to a point


def test_targets_that_no_network_meets_are_left_out():
    fleet = fleet_of(make_records({"a": ("-yz",), "b": ("-w",)}))
    assert letters(fleet, fleet.best) == "-yz-w"
    [found] = serve(fleet, [0.1])
    assert letters(fleet, found.network) == "-yw-w"
    assert np.isnan(found.loss[[0, 3]]).all()
    named = Named(fleet, tuple(serve(fleet)))
    assert tables.best_table(named).rows[0][2:4] == ("1: none", "2: N1, 71.00 %")
    assert next(row[5:] for row in tables.places_table(named)) == ("",) * 9
    assert "No record has a network for 2 targets." in list(describe_fleet(named, transfer(fleet), []))
    assert serve(fleet_of(make_records({"a": ("---",), "b": ("--",)}))) == []


@pytest.mark.parametrize(("key", "most"), [("MAX_CANDIDATES", 1), ("MAX_LOSSES", 5)])
def test_of_too_many_networks_the_best_and_those_that_serve_most_are_considered(key, most, monkeypatch):
    records = [*make_records({"a": ("xyz",)}, alternatives="w"), *make_records({"b": ("xy",)})]
    fleet = fleet_of(records, unknown="b")  # w is the best nowhere, but serves where z is
    [found] = serve(fleet, [0.1])
    assert (found.considered, found.left_out, found.proven) == (4, 0, True)
    monkeypatch.setattr(serving, key, most)
    found = serve(fleet)
    assert (found[2].considered, found[2].left_out, found[2].proven) == (3, 1, False)
    named = Named(fleet, tuple(found))
    assert tables.services_table(fleet, found).rows[2][2] == "3 or more of the 3 considered"
    [first, *_] = describe_fleet(named, transfer(fleet), [])
    assert "(found among 3 of 4 networks)" in first


def test_of_very_many_networks_only_winners_are_compared(monkeypatch):
    monkeypatch.setattr(pooling, "MAX_NETWORKS", 2)
    fleet = fleet_of(make_records({"a": ("xyy",), "b": ("xy",)}, alternatives="z"))
    assert letters(fleet, fleet.best) == "xyyxy"


def test_what_winners_lose_elsewhere(fleet):
    found = transfer(fleet)
    assert found.loss == pytest.approx(np.array([[0, 0.475], [0.35, 0]]))
    assert not found.missed.any()
    missing = transfer(fleet_of(make_records({"a": ("xyz",), "b": ("-w",)})))
    assert missing.missed.tolist() == [[0, 0], [2, 0]]
    assert missing.loss[1, 0] == pytest.approx(0.05)


def test_missed_targets_are_counted_among_those_that_were_tried():
    fleet = fleet_of(make_records({"a": ("xyz",), "b": ("-w",)}))
    named = Named(fleet, tuple(serve(fleet)))
    assert "miss 2 of 4 targets." in list(describe_fleet(named, transfer(fleet), []))[2]


def test_regret_is_of_repeats_and_devices(fleet):
    [line] = compare_strategies(fleet)
    assert line.name == "vanilla"
    assert {place: mean.value for place, mean in line.regret.items()} == pytest.approx({0: 1 / 6, 1: 0.2375})
    assert line.overall.value == pytest.approx((1 / 3 + 0.475) / 4)
    half = 12.7062047 * (1 / 3 + 0.475) / 4  # Student's t for two numbers: their half difference times this
    assert line.overall.interval == pytest.approx((line.overall.value - half, line.overall.value + half))
    spent = line.spent
    assert (spent.devices, spent.targets, spent.repeats, spent.generations) == (2, 5, 2, 50)
    assert (spent.evaluations, spent.unique_evaluations, spent.seconds) == (500, 300, 2.5)


def test_regret_is_that_of_the_frontier_where_there_is_one():
    records = make_records()
    fleet = fleet_of([with_regret(records[0], 0.004), records[1]])
    [line] = compare_strategies(fleet)
    assert [line.regret[place].value for place in (0, 1)] == pytest.approx([0.4, 0.2375])
    assert [row[1] for row in tables.regret_table(fleet, [line]).rows] == ["", "best known", "best of all records"]


def test_a_search_of_several_targets_counts_its_generations_once():
    records = make_records()
    for result in (one for record in records for one in record.results):
        result.shared = 5
    [line] = compare_strategies(fleet_of(records))
    assert line.spent.generations == 10


def test_strategies_stand_side_by_side_the_best_first():
    better = make_records({"a": ("xyz", "xyz"), "b": ("xw", "xw")}, "joint")
    part = make_records({"a": ("xy-", "xyz")}, "top_down")
    fleet = fleet_of([*make_records(), *better, *part])
    lines = compare_strategies(fleet)
    assert [line.name for line in lines] == ["joint", "vanilla", "top_down"]
    assert lines[0].overall.value == 0
    assert lines[0].overall.interval is None
    assert lines[2].overall is None
    table = tables.regret_table(fleet, lines)
    assert table.heads == ("device", "against", "joint", "vanilla", "top_down")
    assert table.rows[1][4] == "0.000, 1 missed"
    assert table.rows[2][4] == ""
    assert tables.spent_table(fleet, lines).rows[2][:3] == ("top_down", "1 of 2", "3")


def test_budgets_are_in_the_names_if_there_are_several():
    other = make_records(budget=(20, 4))
    for record in other:
        record.address += ",budget.generations=20"
    lines = compare_strategies(fleet_of([*make_records(), *other]))
    assert sorted(line.name for line in lines) == [
        "vanilla, 10 generations, 3 warm",
        "vanilla, 20 generations, 4 warm",
    ]


def test_the_formulas_count_all_targets(fleet):
    [formula] = [one for one in describe_formulas(fleet) if one.startswith("By the formulas")]
    assert "makes 50 generations (k n), a chain on each device 29, one chain across all devices 22 (" in formula


def test_the_seconds_of_ofa_are_those_of_the_benchmarks(fleet):
    [case] = [one for one in RESULTS["speed"]["cases"] if one["space"] == "mbv3"]
    assert case["generations"] == 500
    seconds = case["seconds"]["ofa"]["median"] / len(case["targets"])
    assert seconds == pytest.approx(OFA_SECONDS, abs=0.005)
    assert [one for one in describe_formulas(fleet) if "5 targets would take 75 s" in one]


def test_the_tables_name_each_network_once(named):
    assert list(named.names.values()) == ["N1", "N2", "N3", "N4"]
    assert letters(named.fleet, named.names) == "xywz"
    assert tables.best_table(named).rows == (
        ("a", "ms", "1: N1, 70.00 %", "2: N2, 71.00 %", "3: N4, 72.00 %"),
        ("b", "ms", "1: N1, 70.00 %", "4: N3, 71.95 %", ""),
    )
    assert tables.served_table(named).rows[0][4] == "3: N3, 71.95 %"
    assert tables.chosen_table(named).rows == (
        ("N1", "70.00", "2", "0.000", "0.000", "a: 1; b: 1"),
        ("N2", "71.00", "1", "0.000", "0.000", "a: 2"),
        ("N3", "71.95", "2", "0.025", "0.050", "a: 3; b: 4"),
    )
    assert tables.services_table(named.fleet, named.services).rows[1] == ("0.05", "3", "proven", "0.010", "0.050")
    rows = [dict(zip(tables.PLACES, row, strict=True)) for row in tables.places_table(named)]
    assert [row["loss"] for row in rows] == pytest.approx([0, 0, 0.05, 0, 0])
    assert rows[2]["architecture"] == '{"name": "w"}'
    assert (rows[2]["best_network"], rows[2]["network"], rows[4]["cost"]) == ("N4", "N3", 4)


def test_marked_accuracies_have_a_note():
    records = make_records()
    for result in records[0].results:
        result.unlabelled = {"r": [160]} if result.architecture["name"] == "z" else None
    fleet = fleet_of(records)
    named = Named(fleet, tuple(serve(fleet)))
    assert tables.best_table(named).rows[0][4] == "3: N4, 72.00* %"
    assert "no label of the predictor had r=160" in named.note


def test_the_findings_come_as_sentences(named):
    fleet = named.fleet
    found = list(describe_fleet(named, transfer(fleet), compare_strategies(fleet)))
    assert found[0] == (
        "3 networks serve all 5 targets at a loss of at most 0.1 points each (no fewer do), 0.010 on average. The most "
        "accurate network of each target would be 4 different ones."
    )
    assert "lose 0.41 points on average, at most 0.48 (a to b), and miss 0 of 5 targets." in found[2]
    assert found[3] == "vanilla: 0.202 points of regret on average over devices, for 500 evaluations in all."
    correlation = fleet.similarity[0, 1]
    assert found[1] == f"The two devices rank architectures with a correlation of {correlation:.2f}."
    rows = pooling.draw_sample(pooling.space_of(fleet.devices[0].records[0].config["space"]))
    costs = np.stack([device.cost.cost(rows) for device in fleet.devices], axis=1)
    assert correlation == rank_correlations(costs)[0, 1] < 1


def test_the_pictures_have_all_numbers(named):
    fleet, found = named.fleet, transfer(named.fleet)
    figure = draw_services(named.services)
    assert {text.get_text() for text in figure.axes[0].texts} == {"4", "3"}
    assert {text.get_text() for text in draw_transfer(fleet, found).axes[0].texts} == {"", "0.48", "0.35"}
    alike = draw_similarity(fleet)
    assert {text.get_text() for text in alike.axes[0].texts} == {"1.00", f"{fleet.similarity[0, 1]:.2f}"}
    assert [text.get_text() for text in alike.axes[0].get_yticklabels()] == ["a", "b"]
    assert draw_similarity(fleet_of(make_records(), unknown="ab")) is None
