import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.exporting.found import find_networks, select_target
from ofa_bench.records.model import Measured
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace, recognise


def results(record):
    return record.results


def test_the_most_accurate_network_of_all_strategies_is_found(made):
    records = [made(strategy="vanilla"), made(strategy="bottom_up"), made(strategy="top_down", seed=1)]
    networks = find_networks(records)
    assert [one.target for one in networks] == [20, 30]
    assert [one.folder for one in networks] == ["mbv3_note10_toy/20ms", "mbv3_note10_toy/30ms"]
    for one in networks:
        alike = [result for record in records for result in results(record) if result.target == one.target]
        best = max(alike, key=lambda result: result.accuracy)
        assert (one.accuracy, one.cost) == (best.accuracy, best.cost)
        assert one.architecture == best.architecture


def test_every_network_is_found_once_with_all_who_found_it(made):
    first, second = made(strategy="vanilla"), made(strategy="bottom_up")
    second.repeats[0].results = first.repeats[0].results
    networks = find_networks([first, second], every=True)
    space = MobileNetV3Space()
    for target in (20, 30):
        here = [one for one in networks if one.target == target]
        rows = {space.from_ofa(one.architecture).tobytes() for one in here}
        there = {
            space.from_ofa(result.architecture).tobytes()
            for record in (first, second)
            for result in results(record)
            if result.target == target
        }
        assert rows == there
        assert len(here) == len(there)
        assert [one.accuracy for one in here] == sorted((one.accuracy for one in here), reverse=True)
        assert [one.folder.rpartition("/")[2] for one in here[:2]] == [f"{target}ms", f"{target}ms_2"]
    assert any(one.by == ("vanilla", "bottom_up") for one in networks)
    assert find_networks([first, second])[0].architecture == networks[0].architecture


def test_records_of_another_table_stand_apart(made):
    other = made(strategy="bottom_up")
    other.device.sha256 = "1" * 64
    networks = find_networks([made(), other])
    assert [one.folder.partition("/")[0] for one in networks] == ["mbv3_note10_toy"] * 2 + ["mbv3_note10_toy_2"] * 2
    assert len({one.hashes["device"] for one in networks}) == 2


def test_costs_are_the_tables_where_a_guard_band_raised_them(made):
    plain, guarded = made(repeats=1), made(repeats=1)
    guarded.config["device"] = {"guard_band": True}
    guarded.device.card = {"guard_band": 1.25}
    networks = find_networks([plain, guarded])
    assert [one.guard_band for one in networks] == [1, 1, 1.25, 1.25]
    stems = [one.folder.partition("/")[0] for one in networks]
    assert stems == ["mbv3_note10_toy"] * 2 + ["mbv3_note10_toy_guarded"] * 2
    assert [one.cost for one in networks[2:]] == [one.cost / 1.25 for one in networks[:2]]


def test_what_misses_its_target_is_not_found(made):
    record = made(repeats=1)
    for result in results(record):
        if result.target == 20:
            vars(result).update(feasible=False, accuracy=None, cost=23.456)
    assert [one.target for one in find_networks([record])] == [30]
    with pytest.raises(InputError, match=r"^target=20: no network meets it; the nearest cost is 23.46 ms$"):
        select_target(find_networks([record]), [record], 20)
    with pytest.raises(InputError, match=r"^target=25: not a target of these records; they have 20, 30$"):
        select_target(find_networks([record]), [record], 25)
    assert [one.target for one in select_target(find_networks([record]), [record], 30)] == [30]


@pytest.mark.parametrize("space", [ProxylessNASSpace(), ResNet50DSpace(), CompoundSpace()], ids=lambda one: one.name)
def test_architectures_of_all_spaces_are_known(made, space):
    record = made(repeats=1)
    rows = {result.target: space.canonical(space.sample(1, np.random.default_rng(0)))[0] for result in results(record)}
    for result in results(record):
        result.architecture = space.to_ofa(rows[result.target])
        result.genes = rows[result.target].tolist()
    for one in find_networks([record]):
        of, row = recognise(one.architecture, one.described)
        assert of.name == ("mbv3" if space.name == "compofa" else space.name)
        assert (row == of.from_ofa(space.to_ofa(rows[one.target]))).all()


def test_a_space_that_ofa_does_not_build_is_refused(made):
    record = made(repeats=1)
    record.choices.space = "mine"
    results(record)[0].architecture = {"layers": [1, 2]}
    with pytest.raises(InputError, match=r"^space=mine: no supernet builds its architectures"):
        find_networks([record])


def measure(record, target, top1, how="a"):
    """Give the best networks of a target these measured accuracies, by rank; return all its networks by rank."""
    networks = [one for result in record.results if result.target == target for one in result.networks]
    ranked = sorted({tuple(one.genes): one for one in networks}.values(), key=lambda one: (-one.accuracy, one.cost))
    for one, value in zip(ranked, top1, strict=False):
        for same in (other for other in networks if other.genes == one.genes):
            same.measured = Measured(top1=value, images=100, how=how)
    return ranked


def test_the_measured_best_of_all_records_is_found(made):
    first, second = made(seed=0), made(strategy="bottom_up")
    ours, theirs = measure(first, 20, [0.7, 0.72, 0.71]), measure(second, 20, [0.69, 0.68, 0.67, 0.73])
    predicted = find_networks([made(seed=0), made(strategy="bottom_up")])
    found = find_networks([first, second])
    assert found[1] == predicted[1]
    best = theirs[3]
    assert (found[0].architecture, found[0].accuracy) == (best.architecture, best.accuracy)
    kept = {tuple(one.genes): one.accuracy for one in (*ours, *theirs)}
    rank = 1 + sum(accuracy > best.accuracy for accuracy in kept.values())
    of = len({tuple(one.genes) for one in (*ours[:3], *theirs[:4])})
    assert found[0].measured == {"top1": 0.73, "images": 100, "rank": rank, "networks": of}
    assert "bottom_up" in found[0].by
    every = [one for one in find_networks([first, second], every=True) if one.target == 20]
    winners = [one for one in find_networks([made(seed=0), made(strategy="bottom_up")], every=True) if one.target == 20]
    assert every[0].architecture == best.architecture
    others = [one.architecture for one in winners if one.architecture != best.architecture]
    assert [one.architecture for one in every[1:]] == others


def test_of_equally_good_ones_the_predicted_best_is_found(made):
    record = made()
    ranked = measure(record, 20, [0.7, 0.72, 0.72])
    assert find_networks([record])[0].architecture == ranked[1].architecture


def test_a_network_that_was_measured_for_another_target_only_is_not_taken(made):
    record, plain = made(), find_networks([made()])
    ranked = measure(record, 30, [])
    networks = [one for result in record.results for one in result.networks if one.genes == ranked[4].genes]
    for one in networks:
        one.measured = Measured(top1=0.99, images=100, how="a")
    assert [one.architecture for one in find_networks([record])] == [one.architecture for one in plain]
    ranked = measure(record, 30, [0.5])
    assert find_networks([record])[1].architecture == ranked[4].architecture


def test_accuracies_that_cannot_be_compared_are_refused(made):
    first, second = made(), made(strategy="bottom_up")
    measure(first, 20, [0.7])
    measure(second, 20, [0.8], how="b")
    with pytest.raises(InputError, match=r"vanilla/.*, .*/bottom_up/.*: measured with different weights, images"):
        find_networks([first, second])
    assert find_networks([second])[0].measured["top1"] == 0.8
