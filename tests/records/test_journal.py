"""The journal of a sweep survives interruptions while it is written."""

from multiprocessing import get_context

import pytest

from ofa_bench.records.journal import Journal, journals


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "sweeps" / "abc.jsonl")


def test_a_journal_tells_commands_apart(journal):
    assert (journal.ended(), journal.first(), journal.knows("one")) == ({}, None, False)
    one = journal.begin("seed=0,1", "study")
    journal.end(one, "a", 1, sent=False)
    journal.end(one, "b", 0, sent=False)
    two = journal.begin("seed=0,1", "study")
    journal.end(two, "a", 0, sent=True)
    assert journal.knows(one)
    assert journal.knows(two)
    assert not journal.knows("a")
    assert journal.first()[:2] == ("seed=0,1", "study")
    assert {end.address: (end.code, end.sent) for end in journal.ended(one).values()} == {
        "a": (1, False), "b": (0, False),
    }  # fmt: skip
    assert {end.address: (end.code, end.sent) for end in journal.ended().values()} == {
        "a": (0, True), "b": (0, False),
    }  # fmt: skip
    assert journal.sweep == "abc"
    assert [one.path for one in journals(journal.path.parents[1])] == [journal.path]


def test_a_line_that_is_cut_off_spoils_no_other(journal):
    journal.begin("name", "study")
    whole = journal.path.read_bytes()
    journal.end("one", "lost", 0, sent=True)
    line = journal.path.read_bytes()[len(whole) :]
    for length in range(len(line) - 2):  # without its end, wherever that is
        journal.path.write_bytes(whole + line[:length])
        journal.end("one", "kept", 0, sent=True)
        assert list(journal.ended()) == ["kept"]
        assert journal.first()[0] == "name"


@pytest.mark.parametrize("text", ["[]", "1", '{"run": 1}', '{"run": "x", "at": 0, "cell": "a"}', "\0\xff", "{"])
def test_other_lines_are_passed_over(journal, text):
    journal.begin("name", "study")
    with journal.path.open("a", encoding="latin-1") as file:
        file.write(text)
    journal.end("one", "kept", 0, sent=True)
    assert list(journal.ended()) == ["kept"]


def test_a_copy_is_not_the_file_in_which_a_command_began(journal, tmp_path):
    run = journal.begin("name", "study")
    copy = Journal(tmp_path / "abc.jsonl")
    copy.path.write_bytes(journal.path.read_bytes())
    assert copy.first() == journal.first()
    assert journal.knows(run)
    assert not copy.knows(run)


def _write(path, name):
    for i in range(200):
        Journal(path).end("one", f"{name}{i}", 0, sent=True)


def test_processes_write_at_once(journal):
    journal.begin("name", "study")
    context = get_context("spawn")
    workers = [context.Process(target=_write, args=(journal.path, name)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(journal.ended()) == 600
