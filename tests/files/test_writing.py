"""Files are whole or absent, and what a kill leaves half written goes."""

import multiprocessing

import pytest

from ofa_bench.files import writing
from ofa_bench.files.writing import remove_leftovers, write_new, write_whole

LEFT = ".config.yaml.ab12_xyz.part"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_writing_and_nothing_else(tmp_path):
    kept = [".config.yaml.swp", ".config.yaml.original", ".other.yaml.ab12_xyz.part", "config.yaml.ab12_xyz.part"]
    for name in (LEFT, *kept):
        (tmp_path / name).write_text("half")
    write_whole(tmp_path / "config.yaml", "whole")
    assert names(tmp_path) == sorted([*kept, "config.yaml"])
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*kept[:2], kept[3], "config.yaml"])


def _write(path, begun, go_on):
    with writing.written(path, "theirs") as made:
        begun.set()
        go_on.wait(20)
        made.replace(path)


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
    write_new(tmp_path / "a", "ours")
    assert names(tmp_path) == ["a"]


def test_a_file_that_is_new_replaces_none(tmp_path):
    write_new(tmp_path / "a", "first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", "second")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "first"


def test_a_folder_to_work_in_goes_with_its_process_or_with_the_next(tmp_path):
    left = tmp_path / ".work.ab12_xyz.part"
    left.mkdir()
    (left / "network.onnx").write_text("half")
    with writing.work_folder(tmp_path) as place, writing.work_folder(tmp_path) as other:
        assert {place, other} == set(tmp_path.iterdir())
    assert names(tmp_path) == []
