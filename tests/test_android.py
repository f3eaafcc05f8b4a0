"""The example that times networks on a phone, with a stand-in for adb that prints what the real benchmarks print."""

import importlib.util
import json
import os
import shlex
import sys

import pytest
from conftest import ROOT

from ofa_bench.predictors import latency_table
from ofa_bench.spaces import NASBenchMacroSpace

SCRIPT = ROOT / "examples" / "android" / "on_phone.py"
ADB = r"""#!/bin/sh
# A stand-in for adb: a folder is the phone's disk, and each byte of a model takes a nanosecond.
here=@PHONE@
if [ "$1" = devices ]; then
    printf 'List of devices attached\n'; cat $here/devices; printf '\n'; exit
fi
echo "$@" >> $here/calls
shift 2
if [ "$1" = push ]; then
    if [ -e $here/full ]; then
        echo "adb: error: failed to copy '$2' to '$3': remote write failed: No space left on device" >&2; exit 1
    fi
    cp "$2" "$here$3"; echo "$2: 1 file pushed, 0 skipped. 38.1 MB/s (4612345 bytes in 0.115s)"; exit
fi
case "$2" in
dumpsys*) printf 'IsStatusOverride: false\nThermal Status: %s\nCached temperatures:\n' "$(cat $here/status)"; exit;;
ls*|mkdir*|chmod*) eval "$(echo "$2" | sed "s#/data/local#$here/data/local#g")" 2>&1; exit;;
esac
[ -e $here/broken ] && { cat $here/broken; exit 1; }
[ -e $here/odd ] && { cat $here/odd; exit; }
model=$(echo "$2" | sed 's/.*--graph=//; s/ --.*//; s/.* //')
ns=$(wc -c < "$here$model")
[ -e $here/drift ] && { echo >> $here/drift; ns=$((ns * $(wc -l < $here/drift))); }
case "$2" in
*benchmark_model*) us=$((ns / 1000)); cat <<END
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [1]
INFO: Graph: [$model]
INFO: Loaded model $model
INFO: Initialized session in 17.187ms.
INFO: Running benchmark for at least 5 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=5 first=9876543 curr=9876543 min=9876543 max=9876543 avg=9.87654e+06 std=0 median=9876543

INFO: Running benchmark for at least 20 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=20 first=$us curr=$us min=$us max=$us avg=$us std=13 p5=$us median=$us p95=$us

INFO: Inference timings in us: Init: 17187, First inference: 9876543, Warmup (avg): 9.87654e+06, Inference (avg): $us
INFO: Memory footprint delta from the start of the tool (MB): init=4.21094 overall=46.0859
END
;;
*) s=$(printf '%d.%09d' $((ns / 1000000000)) $((ns % 1000000000))); cat <<END
Setting intra_op_num_threads to 1
Session creation time cost: 0.217932 s
First inference time cost: 196 ms
Total inference time cost: 0.49481 s
Total inference requests: 20
Average inference time cost total: 98.961997 ms
Total inference run time: 0.494854 s
Number of inferences per second: 10.104
Avg CPU usage: 11 %
Peak working set size: 271122432 bytes
Avg CPU usage:11
Peak working set size:271122432
Runs:20
Min Latency: 0.0958204 s
Max Latency: 0.101519 s
P50 Latency: $s s
P90 Latency: 0.101519 s
P95 Latency: 0.101519 s
P99 Latency: 0.101519 s
P999 Latency: 0.101519 s
END
;;
esac
"""


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """Return the folder of a phone that adb on PATH finds."""
    here, tools = tmp_path / "phone", tmp_path / "tools"
    (here / "data/local/tmp").mkdir(parents=True)
    tools.mkdir()
    (here / "devices").write_text("emulator-5554\tdevice\n")
    (here / "status").write_text("0")
    (tools / "adb").write_text(ADB.replace("@PHONE@", shlex.quote(str(here))))
    (tools / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    for name in ("onnxruntime_perf_test", "benchmark_model", "libonnxruntime.so"):
        (tmp_path / name).write_text(name)
    (tmp_path / "net.onnx").write_bytes(b"x" * 12_500_000)
    (tmp_path / "net.tflite").write_bytes(b"x" * 7_250_000)
    monkeypatch.chdir(tmp_path)
    return here


@pytest.fixture
def time_on_phone(phone, capsys):
    spec = importlib.util.spec_from_file_location("on_phone", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(*words):
        code = module.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


ONNX = ("net.onnx", "--binary", "onnxruntime_perf_test")


def test_onnxruntime(phone, time_on_phone):
    words = (*ONNX, "--library", "libonnxruntime.so", "--mask", "f0", "--threads", "2", "--runs", "30")
    assert time_on_phone(*words) == (0, "12.5 12.5 ms\n", "")
    calls = (phone / "calls").read_text().splitlines()
    timed = [line for line in calls if "-m times" in line]
    assert [line.split("-r ")[1].split()[0] for line in timed] == ["5", "30", "30"]  # one warms up
    assert timed[1].startswith("-s emulator-5554 shell LD_LIBRARY_PATH=/data/local/tmp/ofa_bench/")
    assert " taskset f0 /data/local/tmp/ofa_bench/" in timed[1]
    assert " -x 2 -y 1 " in timed[1]
    assert sum(" push " in line for line in calls) == 3
    time_on_phone(*words)
    assert (phone / "calls").read_text().count(" push ") == 3  # what is there is not pushed again
    assert not list(phone.rglob("*.part"))


def test_litert(phone, time_on_phone):
    assert time_on_phone("net.tflite", "--binary", "benchmark_model") == (0, "7.25 7.25 ms\n", "")
    assert "--num_threads=1 --num_runs=20 --min_secs=0 --warmup_runs=5" in (phone / "calls").read_text()


def test_a_converter_makes_the_file_that_is_run(phone, time_on_phone, tmp_path):
    (tmp_path / "half.py").write_text(
        "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read(5000000))"
    )
    words = ("net.onnx", "--binary", "benchmark_model", "--convert")
    assert time_on_phone(*words, f"{sys.executable} half.py {{in}} {{out}}") == (0, "5 5 ms\n", "")
    assert time_on_phone(*words, "true {in} {out}")[::2] == (
        2, "on_phone.py: --convert true {in} {out}: made no file of net.onnx: exit code 0\n",
    )  # fmt: skip
    assert time_on_phone(*words, "nosuch {in}")[2].endswith("nosuch {in}: cannot be run (No such file or directory)\n")


@pytest.mark.parametrize(
    ("files", "words", "code", "message"),
    [
        ({"devices": ""}, ONNX, 3, "no phone is connected; turn on USB debugging"),
        ({"devices": "a1\tdevice\nb2\tdevice\n"}, ONNX, 3, "several phones are connected; choose one: --serial a1 "),
        ({"devices": "a1\tdevice\n"}, (*ONNX, "--serial", "c3"), 3, "no phone c3 is connected"),
        ({"devices": "a1\tunauthorized\n"}, ONNX, 3, "phone a1 is unauthorized; unlock it and allow USB debugging"),
        ({"devices": "a1\toffline\n"}, ONNX, 3, "phone a1 is offline"),
        ({"devices": "a1\tno permissions (user in plugdev group; are your udev rules wrong?)\n"}, ONNX, 3, "no perm"),
        ({"full": ""}, ONNX, 3, "onnxruntime_perf_test cannot be pushed to phone emulator-5554: adb: error: failed to"),
        ({"broken": "Load model failed:\nUnsupported opset\n"}, ONNX, 4, "failed on phone emulator-5554: Unsupport"),
        ({"odd": "Illegal instruction\n"}, ONNX, 4, "output has no latency; it ends with: Illegal instruction"),
        ({"status": "3"}, (*ONNX, "--patience", "0"), 5, "phone emulator-5554 throttles for more than 0 s"),
        ({"drift": ""}, (*ONNX, "--pause=0", "--spread=0.1", "--tries=2"), 5, "took 62.5 to 75 ms in the last of 2"),
        ({}, ("no.onnx", *ONNX[1:]), 2, "no.onnx: no such file"),
        ({}, ("net.onnx", "--binary", "net.tflite"), 2, "--binary net.tflite: its name must contain perf_test"),
        ({}, ("net.onnx", "--binary", "benchmark_model"), 2, "net.onnx: benchmark_model cannot run it; --convert"),
    ],
)  # fmt: skip
def test_what_fails_is_one_line_and_an_exit_code(phone, time_on_phone, files, words, code, message):
    for name, content in files.items():
        (phone / name).write_text(content)
    found, printed, error = time_on_phone(*words)
    assert (found, printed, error.count("\n")) == (code, "", 1), error
    assert message in error


def test_without_adb(time_on_phone, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert time_on_phone(*ONNX)[::2] == (3, "on_phone.py: adb is not on PATH; it is part of Android's platform-tools\n")


def test_profile_makes_a_table_of_the_phone(phone, forks, tmp_path):
    """The whole chain: profile starts the script, which starts adb. Rounds after the first repeat what it printed."""
    script = f"{sys.executable} {SCRIPT} $1 --binary {tmp_path}/onnxruntime_perf_test"
    (tmp_path / "once.sh").write_text(f"[ -e $1.ms ] || {script} > $1.part && mv $1.part $1.ms 2>/dev/null; cat $1.ms")
    runner = f"sh {tmp_path}/once.sh {{model}}"
    words = ("space=nasbench_macro", "out=phone9", f"runner={runner}", "rounds=7", "calibration=3", "held_back=10")
    done = forks.run("profile", words, tmp_path, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stderr
    table = latency_table(NASBenchMacroSpace(), str(tmp_path / "phone9"))
    assert table.card["runner"] == runner
    assert table.card["held_back"]["rank_correlation"] > 0.99
    assert json.loads((tmp_path / "phone9/nasbench_macro.json").read_text())["unit"] == "ms"
