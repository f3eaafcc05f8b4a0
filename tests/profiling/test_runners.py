import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ofa_bench.errors import InputError
from ofa_bench.profiling import runners
from ofa_bench.profiling.runners import Command, Function, OnnxRuntime, check_runner, make_runner
from ofa_bench.supernets.network_files import write_onnx


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()), (3, 16, 16), path)
    return path


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores are pinned on Linux only")
def test_onnxruntime_times_three_runs_and_keeps_its_session(model, monkeypatch):
    runner = make_runner("onnxruntime", threads=1)
    assert isinstance(runner, OnnxRuntime)
    before = os.sched_getaffinity(0)
    with runner:
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    assert runner.name.startswith("onnxruntime 1.")
    times = check_runner(runner, model)
    assert len(times) == 3
    assert min(times) > 0
    assert list(runner._sessions) == [model]
    free = iter([10e9, 5e9, 5e9])
    monkeypatch.setattr(runners, "available_memory", lambda: next(free))
    forgetful = OnnxRuntime()
    check_runner(forgetful, model)
    assert not forgetful._sessions  # where memory is short, a session is opened for each call


def test_onnx_file_computes_what_the_module_does(tmp_path):
    import onnxruntime

    module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Hardswish())
    write_onnx(module, (3, 12, 12), tmp_path / "m.onnx")
    image = torch.randn((1, 3, 12, 12), generator=torch.Generator().manual_seed(1))
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = module.eval()(image).numpy()
    assert np.abs(session.run(["output"], {"image": image.numpy()})[0] - wanted).max() < 1e-5


def test_command_reads_its_last_line(tmp_path):
    script = "import sys; print('warming up 3'); print(1.5, 2e0 + (sys.argv[1] != 'there/x.onnx'), 'ms')"
    runner = make_runner(f'{sys.executable} -c "{script}" {{model}}', threads=1)
    assert isinstance(runner, Command)
    assert check_runner(runner, Path("there/x.onnx")) == [1.5, 2.0]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"{sys.executable} -c 'raise SystemExit(\"no phone\")' {{model}}", "exit code 1 on x.onnx: no phone"),
        (f"{sys.executable} -c 'print(\"done\")' {{model}}", "its last line must be milliseconds only; it is: done"),
        (f"{sys.executable} -c 'print(\"12.5 ms of 4\")' {{model}}", "must be milliseconds only; it is: 12.5 ms of 4"),
        ("/nowhere/at/all {model}", "cannot be run"),
        ("'open {model}", "No closing quotation"),
    ],
)
def test_a_failing_command_is_reported(command, message):
    with pytest.raises(InputError, match=message):
        Command(command)(Path("x.onnx"))


def test_command_that_hangs_is_stopped():
    with pytest.raises(InputError, match=r"took more than 0.2 s on x.onnx"):
        Command(f"{sys.executable} -c 'import time; time.sleep(9)' {{model}}", timeout=0.2)(Path("x.onnx"))


def test_callable_is_found_by_its_dotted_name(monkeypatch, tmp_path):
    (tmp_path / "my_timer.py").write_text("def timer(path):\n    return 2.5\nnumber = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert check_runner(make_runner("my_timer.timer", 1), Path("x.onnx")) == [2.5]
    with pytest.raises(InputError, match=r"runner=my_timer\.number: not callable"):
        make_runner("my_timer.number", 1)
    with pytest.raises(InputError, match="neither onnxruntime, nor a command"):
        make_runner("my_timer.nothing", 1)


def test_a_callable_that_fails_names_its_line(monkeypatch, tmp_path):
    (tmp_path / "bad_timer.py").write_text("def timer(path):\n    raise OSError('no phone')\n")
    (tmp_path / "worse_timer.py").write_text("\n1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"OSError on x\.onnx: no phone \(bad_timer\.py, line 2, in timer\)"):
        make_runner("bad_timer.timer", 1)(Path("x.onnx"))
    with pytest.raises(InputError, match=r"\(worse_timer\.py, line 2\)"):
        make_runner("worse_timer.timer", 1)


@pytest.mark.parametrize("given", [[], [0.0], [float("nan")], [-1.0, 2.0], "3.5", None, [[1.0], [2.0, 3.0]]])
def test_times_that_are_none_are_refused(given):
    with pytest.raises(InputError, match="must be positive milliseconds"):
        check_runner(Function("mine", lambda path: given), Path("x.onnx"))


@pytest.mark.skipif(sys.platform != "linux", reason="cores are pinned on Linux only")
def test_more_threads_than_cores_are_refused():
    with pytest.raises(InputError, match="threads=4096: only"):
        OnnxRuntime(threads=4096)


def test_sessions_are_kept_open_only_while_memory_lasts(tmp_path, monkeypatch):
    free = iter([10e9, 9e9, 3e9, 3e9, 3e9])
    monkeypatch.setattr(runners, "available_memory", lambda: next(free))
    runner = OnnxRuntime()
    paths = [tmp_path / f"{number}.onnx" for number in range(2)]
    for path in paths:
        write_onnx(torch.nn.Conv2d(3, 1, 1), (3, 4, 4), path)
    for path in (*paths, paths[0], paths[1]):
        assert len(runner(path)) == 3
    assert list(runner._sessions) == [paths[0]]
