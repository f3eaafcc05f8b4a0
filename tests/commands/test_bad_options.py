"""Invalid options of the commands other than ``run``: a message of one line, and nothing is written."""

import os
import subprocess
import sys

import pytest
from test_bad_input import HUGE, LONG, named, refused

FOLDERS = [
    ([], "give a folder of records"),
    (["nowhere"], "nowhere: no such folder"),
    (["."], ".: no record below it"),
    (["/etc/passwd"], "/etc/passwd: no such folder"),
    ([""], "'': no such folder"),
    ([LONG], "aaa: no such folder"),
    (["a\nb"], "a b: no such folder"),
    ([".", "out="], "out=: give a value"),
    ([".", "otu=x"], "otu: no such key; allowed: out, "),
    ([".", "out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
    (["--foo"], "--foo: no such option; options are given as key=value, allowed: out, "),
    (["-m", "."], "-m: no such option"),
]

COMMANDS = {
    "report": [
        *FOLDERS,
        (["mlflow=x"], "uri=sqlite:///mlflow.db: no such file"),
        (["mlflow=x", "uri="], "uri=: give a value"),
        (["title.x=1"], "title.x=1: no such folder"),
        ([".", "titel=x"], "; did you mean 'title'?"),
    ],
    "paper": [FOLDERS[0], FOLDERS[1], FOLDERS[9], FOLDERS[10]],  # read by the same code
    "frontier": [
        (["minuets=1"], "minuets: no such key; allowed: minutes, seeds, grid, records, out, space"),
        (["minutes=x"], "minutes=x: must be a number"),
        (["minutes=nan"], "minutes=nan: must be 0 or more"),
        (["seeds=0"], "seeds=0: must be 1 or more"),
        (["grid=1000000000000"], "grid=1000000000000: must be at most 10,000"),
        (["out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
        (["targets=paper1"], "targets=paper1: has no effect here: targets are set by grid="),
        (["tracking=sqlite"], "tracking=sqlite: has no effect here: targets are set by grid=, and nothing is logged"),
        (["space=nosuch"], "space=nosuch: no such option; there are accel_nasbench"),
        (["strategy={}"], "strategy={}: must be the name of an option"),
        (["strategy=vanilla,top_down"], "strategy=vanilla,top_down: several values are a sweep, one at a time here"),
        (["~strategy"], "strategy: choose an option of the group"),
        (["seed=x"], "seed=x: must be a whole number"),
        (["-m"], "-m: no such option; options are given as key=value"),
        (["foo"], "foo: no such key; allowed: minutes"),
    ],
    "pack": [
        (["nowhere"], "nowhere: no such folder"),
        ([".", "out=a.csv"], "out=a.csv: must end with .csv.gz"),
        ([".", "out=/dev/null/a.csv.gz"], "out=/dev/null: cannot be written (Not a directory"),
    ],
    "sync": [
        (["uri=nonsense"], "uri=nonsense: must be like sqlite:///mlflow.db or http://host:5000"),
        ([f"experiment={'x' * 501}"], "must be a name of 1 to 500 characters"),
        (["artifacts=/dev/null"], "artifacts=/dev/null: cannot be written (Not a directory"),
    ],
    "profile": [
        (
            ["space=nosuch"],
            "space=nosuch: no such option; there are accel_nasbench, compofa, mbv3, mbv3_w1.0, "
            "nasbench_macro, proxyless, resnet50d",
        ),
        (["space=compofa"], "space=compofa: a part of mbv3, whose supernet builds its networks"),
        (["space="], "space=: give a value"),
        (["out=note10"], "out=note10: there is a device note10 already; choose another name"),
        (["out=/"], "out=/: has no name, which would be the device's"),
        (["out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
        (["runner="], "runner=: give a value"),
        (["runner=nosuch"], "runner=nosuch: neither onnxruntime, nor a command with {model} in it"),
        (["runner=os.sep"], "runner=os.sep: not callable"),
        (["runner=nosuch {model}"], "runner=nosuch {model}: cannot be run (no command nosuch)"),
        (["runner='open {model}"], "runner='open {model}: No closing quotation"),
        (["rounds=6"], "rounds=6: must be 7 or more"),
        (["rounds=1.5"], "rounds=1.5: must be a whole number"),
        (["threads=0"], "threads=0: must be 1 or more"),
        (["held_back=9"], "held_back=9: must be 10 or more"),
        (["seed=-1"], "seed=-1: must be 0 or more"),
        (["spcae=mbv3"], "; did you mean 'space'?"),
        (["--foo"], "--foo: no such option; options are given as key=value"),
    ],
    "train": [
        (["space=nosuch"], "space=nosuch: no such option; there are accel_nasbench"),
        (["space=proxyless", "device=cpu_onnx"], "predictor=official: OFA published none for space proxyless"),
        (["device=nosuch"], "device=nosuch: unknown; there are a100, cpu_onnx"),
        (["hidden=0"], "hidden: must be a list, [...]"),
        (["hidden=[]"], "hidden=[]: must be one or more layer widths of 1 to 10,000"),
        (["hidden=[1000000000000]"], "hidden=[1000000000000]: must be one or more layer widths"),
        (["hidden=[1"], "hidden=[1: cannot be read; must be like hidden=[256, 256]"),
        (["seconds=nan"], "seconds=nan: must be 1 or more"),
        (["repeats=1"], "repeats=1: must be 2 or more"),
        (["threads=1000000000000"], "threads=1000000000000: must be at most 1,024"),
        (["seed=x"], "seed=x: must be a whole number"),
        (["out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
        (["out=predictors/official"], "out=predictors/official: there is a predictor official already"),
        (["data=x", "out=embedded"], "out=embedded: there is a predictor embedded already; choose another name"),
        (["spcae=mbv3"], "; did you mean 'space'?"),
        (["folds=5"], "folds: no such key; allowed: data, space, hidden, seed, threads, out, device, seconds, repeats"),
        (["data="], "data=: give the path of a CSV file"),
        (["data=nowhere.csv"], "data=nowhere.csv: cannot be read (No such file or directory)"),
        (["data=/"], "data=/: cannot be read (Is a directory)"),
        (["data=/dev/zero"], "data=/dev/zero: cannot be read (Not a regular file)"),
        (["data=x", "space=nosuch.yaml"], "space=nosuch.yaml: no such option; there are accel_nasbench"),
        (
            ["data=x", "seconds=5"],
            "seconds: no such key; allowed: data, space, hidden, seed, threads, out, folds, epochs",
        ),
        (["data=x", "folds=1"], "folds=1: must be 2 or more"),
        (["data=x", "epochs=-1"], "epochs=-1: must be 0 or more"),
        (["data=x", "hidden=[8,1]"], "hidden=[8, 1]: must be one or more layer widths of 2 to 10,000"),
        (["data=x", f"seed={HUGE}"], "must be at most 9,223,372,036,854,775,807"),
        (["data=x", "out=/"], "out=/: has no name, which would be the predictor's"),
        (["data=x", "out=/dev/null"], "out=/dev/null: cannot be written (Not a directory"),
    ],
}


@pytest.mark.parametrize(
    ("module", "case"),
    [(module, case) for module, cases in COMMANDS.items() for case in cases],
    ids=lambda value: named(value) if isinstance(value, tuple) else value,
)
def test_bad_input_of_other_commands_is_one_line_and_leaves_nothing(forks, tmp_path, module, case):
    arguments, message = case
    before = ("minutes=0",) if module.endswith("frontier") else ()
    before = ("out=out",) if module.endswith("predictor") else before
    given = {word.partition("=")[0] for word in arguments}
    before = tuple(word for word in before if word.partition("=")[0] not in given)
    refused(forks.run(module, (*before, *arguments), tmp_path), tmp_path, message)


@pytest.mark.parametrize("module", ["run", "report"])
def test_help_that_nobody_reads_to_its_end_is_no_error(tmp_path, module):
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-m", "ofa_bench", module, "--help"],
        cwd=tmp_path,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")
