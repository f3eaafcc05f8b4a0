import copy

import pytest
from plain import change_record, plain_record

from ofa_bench.records.rows import totals
from ofa_bench.records.tables import summary
from ofa_bench.records.timing import describe_timing, explain_untimed


def record(**made):
    return plain_record(made={"threads": 2, "lockstep": True, "compiled": True} | made)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({}, "Seconds: searches advanced together, on up to 2 cores."),
        ({"lockstep": False, "threads": 1}, "Seconds: one search after another, on 1 core."),
        ({"compiled": False}, "Seconds: searches advanced together, on up to 2 cores, loops not compiled."),
    ],
)
def test_tables_say_how_seconds_were_taken(made, message):
    assert describe_timing([record(**made), copy.deepcopy(record(**made))]) == message


@pytest.mark.parametrize("made", [{"lockstep": False}, {"threads": 1}, {"compiled": False}])
def test_seconds_of_different_ways_are_not_to_be_compared(made):
    message = describe_timing([record(), record(**made), record()])
    assert message.startswith("Seconds were not all taken in the same way, so do not compare them (")
    assert message.count(";") == 1


def test_records_from_before_lockstep_are_of_one_search_after_another():
    old = plain_record(made={"threads": 1, "compiled": True})
    assert describe_timing([old]) == "Seconds: one search after another, on 1 core."


def test_times_are_compared_if_each_search_was_timed_by_itself_and_more_than_once():
    alone = [record(lockstep=False), record(lockstep=False)]
    twice = [alone[0], change_record(alone[1], seed=1)]
    assert explain_untimed(twice) == ""
    assert "once" in explain_untimed(alone)
    assert "share" in explain_untimed([record(), change_record(record(), seed=1)])
    newer = [alone[0], change_record(alone[1], seed=1, made={"ofa_bench": "9"})]
    assert "not measured in one way (ofa_bench)" in explain_untimed(newer)
    assert explain_untimed(newer, across=["ofa_bench"]) == ""


def test_a_table_for_a_place_with_little_room_is_cut_between_rows_and_says_so(made):
    row = totals(made())
    named = {f"cell {i}": row for i in range(30)}
    whole = summary(named)
    assert summary(named, len(whole) + 1) == whole
    cut = summary(named, len(whole) // 2)
    assert len(cut) <= len(whole) // 2
    *kept, empty, more = cut.splitlines()
    assert kept == whole.splitlines()[: len(kept)]
    assert (empty, more) == ("", f"{32 - len(kept)} more rows are in results.csv.")
