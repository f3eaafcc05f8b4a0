import numpy as np
import pytest

from ofa_bench.analysis.studies import studies
from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.attempts import attempt_address
from ofa_bench.records.gather import from_folders
from ofa_bench.tracking.gather import from_mlflow


def write(folder, record):
    records.write(folder / record.address, record, "a: 1\n")


def test_all_records_below_several_folders_each_cell_once(made, tmp_path):
    first, second = made(), made(strategy="bottom_up")
    for folder, record in (("a", first), ("a", second), ("b/copy", first)):
        write(tmp_path / folder, record)
    gathered = from_folders([tmp_path / "a", tmp_path / "b"])
    assert [record.address for record in gathered.records] == [second.address, first.address]
    assert gathered.left_out == []


def test_what_is_left_out_is_reported(made, tmp_path):
    write(tmp_path / "a", made())
    again = made()
    again.repeats[0].seconds += 1
    write(tmp_path / "b", again)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / records.RECORD).write_text("{}")
    gathered = from_folders([tmp_path / name for name in "abc"])
    assert len(gathered.records) == 1
    another, unreadable = gathered.left_out
    assert "another run of mbv3/toy/toy/vanilla/b/t2/seed=0, which is there already" in another
    assert "not a record of format" in unreadable


def test_folders_that_are_not_there_or_empty_are_refused(tmp_path):
    with pytest.raises(InputError, match="no record below it"):
        from_folders([tmp_path])
    with pytest.raises(InputError, match="nowhere: no such folder"):
        from_folders([tmp_path / "nowhere"])


@pytest.mark.parametrize("key", ["device", "predictor", "budget", "targets"])
def test_other_devices_predictors_budgets_and_targets_are_studies_of_their_own(made, key):
    one, other = made(), made(strategy="bottom_up")
    assert len(studies([one, other])) == 1
    if key == "budget":
        other.budget.warm_generations = 3
    elif key == "targets":
        other = made(strategy="bottom_up", targets=(30.0, 25.0))
    else:
        getattr(other, key).sha256 = "f" * 64
    found = studies([one, other])
    assert [len(study.entries) for study in found] == [1, 1]
    assert (found[0].family == found[1].family) == (key == "targets")


def test_the_order_of_targets_does_not_matter(made):
    (study,) = studies([made(), made(strategy="top_down", targets=(20.0, 30.0))])
    assert study.targets.tolist() == [20, 30]
    for entry in study.entries:
        assert (entry.accuracy[:, 0] <= entry.accuracy[:, 1]).all()


def test_seeds_are_repeats_of_one_entry_and_pair_up(made):
    records_ = [made(seed=1), made(), made(strategy="bottom_up", seed=1), made(strategy="bottom_up", seed=2)]
    (study,) = studies(records_)
    by_name = {entry.name: entry for entry in study.entries}
    assert by_name["vanilla"].keys == tuple((seed, repeat) for seed in (0, 1) for repeat in range(3))
    assert set(by_name["vanilla"].keys) & set(by_name["bottom_up"].keys) == {(1, 0), (1, 1), (1, 2)}
    second = made(seed=1).repeats[0].results
    expected = sorted((result.target, 100 * result.accuracy) for result in second)
    assert by_name["vanilla"].accuracy[3].tolist() == [accuracy for _, accuracy in expected]


def test_overrides_name_an_entry_and_another_version_of_its_code_is_another(made):
    other, newer = made(last=",strategy.order=random"), made()
    newer.identity = "abcdef"
    newer.repeats[0].results[0].genes = newer.repeats[1].results[1].genes
    (study,) = studies([made(), other, newer])
    assert sorted(entry.name for entry in study.entries) == ["vanilla", "vanilla abcd", "vanilla order=random"]


def test_infeasible_targets_are_not_numbers(made):
    (study,) = studies([made(targets=(5.0, 30.0))])
    (entry,) = study.entries
    assert np.isnan(entry.accuracy[:, 0]).all()
    assert np.allclose(entry.mean_accuracy, entry.accuracy[:, 1])
    assert entry.feasible == 1


def test_seconds_taken_in_another_way_are_not_compared(made):
    one, other = made(), made(strategy="bottom_up")
    way = "not measured in one way"
    assert way not in studies([one, other])[0].untimed
    other.made.threads = 2
    (study,) = studies([one, other])
    assert way in study.untimed
    assert study.timing.startswith(f"Time is not compared: it was {way} (threads)")


def test_devices_of_a_fleet_stand_in_its_order(made):
    def on(device, **config):
        record = made()
        record.choices.device, record.device.sha256 = device, device[0] * 64
        record.config = {**record.config, **config}
        return record

    fleet = {"fleet": {"tv": {}, "phone": {}}}
    found = studies([on("board"), on("phone"), on("phone", **fleet), on("tv", **fleet)])
    assert [study.device for study in found] == ["tv", "phone", "board"]


def test_an_mlflow_experiment_has_the_records_that_disk_has(ofa_bench, tmp_path):
    assert ofa_bench("-m", "strategy=vanilla,bottom_up", "budget=quick", "targets=paper2").returncode == 0
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    of_mlflow = from_mlflow("ofa_bench", uri).records
    of_disk = from_folders([tmp_path / "multirun"]).records
    of_mlflow, of_disk = (sorted(some, key=lambda one: one.address) for some in (of_mlflow, of_disk))
    assert of_mlflow == of_disk
    with pytest.raises(InputError, match="mlflow=other: no such experiment"):
        from_mlflow("other", uri)


def test_a_cell_whose_targets_are_named_in_two_ways_is_one(made):
    other = made()
    other.choices.targets = "single"
    other.address = "mbv3/toy/toy/vanilla/b/single/seed=0,repeats=3,targets.values=[30,20]"
    other.identity = "other"
    (study,) = studies([made(last=",repeats=3"), other])
    assert [entry.name for entry in study.entries] == ["vanilla"]
    assert len(study.entries[0].keys) == 3


def test_of_one_cell_with_more_and_fewer_repeats_the_longer_record_counts(made):
    short, long = made(repeats=1), made(last=",repeats=3")
    for several in ([short, long], [long, short]):
        (study,) = studies(several)
        (entry,) = study.entries
        assert (entry.name, entry.keys) == ("vanilla", ((0, 0), (0, 1), (0, 2)))
    (study,) = studies([short, made(seed=1, last=",repeats=3")])
    assert study.entries[0].keys == ((0, 0), (1, 0), (1, 1), (1, 2))


def test_of_several_attempts_at_a_cell_the_last_counts(tmp_path, made):
    for number in (10, 2, 1):
        one = made()
        one.address = attempt_address(one.address, number)
        one.repeats[0].seconds = float(number)
        records.write(tmp_path / one.address, one, "")
    gathered, first = from_folders([tmp_path]), made().address
    [found], left_out = gathered.records, gathered.left_out
    assert (found.repeats[0].seconds, found.address) == (10, first)
    assert sorted(left_out) == sorted(
        f"{attempt_address(first, number)}: replaced by the later attempt seed=0,attempt={later}"
        for number, later in ((1, 10), (2, 10))
    )
