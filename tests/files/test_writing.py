"""Files are whole or absent; what a killed process left half-written is removed."""

import multiprocessing

import pytest

from ofa_bench.files.writing import append, cut_unfinished_line, remove_leftovers, work_folder, write_whole

LEFT = ".work.ab12_xyz.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_writing_and_nothing_else(tmp_path):
    kept = [".config.yaml.swp", ".work.original", "work.ab12_xyz.part"]
    for name in (LEFT, *kept):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text("half")
    write_whole(tmp_path / "config.yaml", "whole")
    assert names(tmp_path) == sorted([*kept, "config.yaml"])


def _write(path, begun, go_on):
    with work_folder(path.parent) as folder:
        (folder / "content").write_text("theirs")
        begun.set()
        go_on.wait(20)
        (folder / "content").replace(path)


def test_what_another_process_is_writing_stays(tmp_path):
    context = multiprocessing.get_context("fork")
    begun, go_on = context.Event(), context.Event()
    other = context.Process(target=_write, args=(tmp_path / "a", begun, go_on))
    other.start()
    assert begun.wait(20)
    [half] = names(tmp_path)
    write_whole(tmp_path / "a", "ours")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([half, "a"])
    go_on.set()
    other.join(20)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "theirs"


def test_a_killed_writer_leaves_what_is_then_removed(tmp_path):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    other = context.Process(target=_write, args=(tmp_path / "a", begun, context.Event()))
    other.start()
    assert begun.wait(20)
    other.kill()
    other.join(20)
    assert len(names(tmp_path)) == 1
    write_whole(tmp_path / "a", "ours", replace=False)
    assert names(tmp_path) == ["a"]


def test_a_file_that_is_new_replaces_none(tmp_path):
    write_whole(tmp_path / "a", "first", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", "second", replace=False)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "first"


def test_a_folder_to_work_in_goes_with_its_process_or_with_the_next(tmp_path):
    left = tmp_path / LEFT
    left.mkdir()
    (left / "network.onnx").write_text("half")
    with work_folder(tmp_path) as place, work_folder(tmp_path) as other:
        assert {place, other} == set(tmp_path.iterdir())
    assert names(tmp_path) == []


def test_what_is_added_stands_behind_the_last_whole_line(tmp_path):
    for line in ("one\n", b"two\n", "thr"):
        append(tmp_path / "a", line)
    assert cut_unfinished_line(tmp_path / "a") == b"one\ntwo\n"
    append(tmp_path / "a", "three\n")
    assert (tmp_path / "a").read_text() == "one\ntwo\nthree\n"
