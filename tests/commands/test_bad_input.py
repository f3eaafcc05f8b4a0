"""Invalid values for every key of the config: one line states what is allowed, nothing is written."""

import pytest

QUICK = ("tracking=none", "budget=quick")
HUGE = "1" + 30 * "0"
LONG = 10_000 * "a"


def refused(ran, folder, message, code=2):
    """Check that a command ended with a message of one line and left nothing behind."""
    assert ran.returncode == code, ran.stderr
    assert message in ran.stderr
    assert ran.stderr.startswith("ofa_bench: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert len(ran.stderr) <= 400
    assert ran.stderr[:-1].isprintable()
    assert ran.stdout == ""
    assert list(folder.iterdir()) == []


def named(case):
    """Name a case by its words."""
    return " ".join(case[0])[:80].encode("unicode_escape").decode()


def of(prefix, *cases):
    """Put a prefix before the first word of each case: (rest of the word, message)."""
    return [([f"{prefix}{rest}"], message) for rest, message in cases]


PLAIN = [
    *of("seed=", ("abc", "seed=abc: must be a whole number"), ("-1", "seed=-1: must be 0 or more")),
    *of(
        "seed=",
        ("nan", "seed=nan: must be a whole"),
    ),
    *of("seed=", ("null", "seed=null: must be a whole number"), ("[1]", "seed=[1]: must be a whole number")),
    *of("seed=", ("", "seed=: give a value, or null for none"), ("true", "seed=True: must be a whole number")),
    *of("seed=", (5000 * "1", "Exceeds the limit (4300 digits)"), (LONG, "aaa: must be a whole number")),
    *of("seed=", ("???", "seed=???: Missing mandatory value"), ("${nothing}", "seed=${nothing}: Interpolation key")),
    *of("seed=", ("${seed}", "seed=${seed}: Recursive interpolation"), ("0x10", "seed=0x10: must be a whole number")),
    (["~seed"], "seed: is required"),
    (["Seed=1"], "Seed: no such key; allowed: space, device"),
    (["sed=1"], "sed: no such key; allowed: "),
    (["sed=1"], "; did you mean 'seed'?"),
    (["+sed=1"], "sed: no such key; allowed: space, "),
    (["+seed=1"], "Could not append to config. An item is already at 'seed'"),
    *of("repeats=", ("0", "repeats=0: must be 1 or more")),
    *of("repeats=", (HUGE, f"repeats={HUGE}: with 10 targets at most 10,000")),
    *of("repeats=", ("10,", "'repeats=10,': not of the form")),
    (["repeats=9999", "targets=range"], "repeats=9999: with 19 targets at most 5,263"),
    *of("threads=", ("0", "threads=0: must be 1 or more")),
    *of("threads=", (HUGE, "must be at most 1,024")),
    *of("lockstep=", ("maybe", "lockstep=maybe: must be true or false")),
    *of("progress=", ("[]", "progress=[]: must be true or false")),
    *of("rerun=", ("maybe", "rerun=maybe: must be true or false")),
    *of("output=", ("", "output=: give a value"), ("null", "output=null: must be a text")),
    *of("output=", ("/proc/nowhere", "output: /proc/nowhere cannot be written"), ("/dev/null", "(Not a directory)")),
    *of("output=", (LONG, "cannot be written (File name too long)")),
]

EVOLUTION = [
    *of(
        "evolution.",
        ("population_size=0", "evolution.population_size=0: must be 1 or more"),
        ("population_size=10.5", "evolution.population_size=10.5: must be a whole number"),
        (
            "population_size=1000000000000",
            "evolution.population_size=1000000000000 and budget.generations=",
        ),
        (f"population_size={HUGE}", "GiB of memory, of which"),
        ("parent_ratio=1.1", "evolution.parent_ratio=1.1: must be from 0 to 1"),
        ("parent_ratio=nan", "evolution.parent_ratio=nan: must be from 0 to 1"),
        ("mutation_ratio=null", "evolution.mutation_ratio=null: must be a number"),
        ("mutate_prob=10%", "evolution.mutate_prob=10%: must be a number"),
        ("initial_ratio=0", "evolution.initial_ratio=0.0: must be above 0 and at most 1"),
        ("constraint=hrad", "evolution.constraint=hrad: must be hard or soft; did you mean 'hard'?"),
        ("reward_exponent=1", "evolution.reward_exponent=1.0: must be a number of 0 or less"),
        ("reward_exponent=-inf", "evolution.reward_exponent=-inf: must be a number of 0 or less"),
        ("_target_=nowhere.Search", "strategy.evolution._target_=nowhere.Search: cannot be imported"),
        ("_target_=builtins.int", "strategy.evolution._target_=builtins.int: must be a class or a function with named"),
        ("_target_=os", "strategy.evolution._target_=os: must be a class or a function"),
        ("foo=1", "evolution.foo: no such key; allowed: _target_, population_size"),
        ("population_sise=3", "; did you mean 'population_size'?"),
    ),
    (["evolution=null"], "evolution=null: must be set"),
    (["evolution=fast"], "evolution"),
]

BUDGET = of(
    "budget.",
    ("generations=0", "budget.generations=0: must be 1 or more"),
    (f"generations={HUGE}", f" and budget.generations={HUGE}: "),
    ("warm_generations=0", "budget.warm_generations=0: must be sqrt, or a whole number"),
    ("warm_generations=sqr", "; did you mean 'sqrt'?"),
    ("warm_generations=[]", "budget.warm_generations=[]: must be sqrt, or a whole number"),
    ("warm_generations=[1,0]", "budget.warm_generations=[1, 0]: must be sqrt, or a whole number"),
    ("warm_generations={a: 1}", "budget.warm_generations={'a': 1}: must be sqrt, or a whole number"),
    ("foo=1", "budget.foo: no such key; allowed: generations, warm_generations"),
)

TARGETS = [
    *of(
        "targets.",
        ("values=[5]", "targets: 5 ms cannot be met; the cheapest architecture of mbv3 on note10 costs 9.89 ms"),
        ("values=[]", "targets.values=[]: give at least one target"),
        ("values=[nan]", "nan is not a positive finite number of ms"),
        ("values=[1e400]", "inf is not a positive finite number of ms"),
        ("values=[0]", "0.0 is not a positive finite number of ms"),
        ("values=[15ms]", "targets.values[0]=15ms: must be a number"),
        ("values=[null]", "targets.values[0]=null: must be a number"),
        ("values=[[1]]", "targets.values: [1] is not a number"),
        ("values=25", "targets.values: must be a list, such as [25]"),
        ("values=15,20", "targets.values=15,20: write a list as targets.values=[15,20]"),
        ("values=[5,20", "not of the form key=value"),
        ("values[0]=3", "not of the form key=value"),
        ("values.0=3", "targets.values.0=3: no such key; give the whole list: targets.values=[...]"),
        ("quantiles=[1.5]", "targets.quantiles: 1.5 is not a fraction between 0 and 1"),
        ("quantiles=[]", "targets.quantiles=[]: give at least one target"),
        ("quantiles=0.5", "targets.quantiles: must be a list, such as"),
        ("unit=s", "targets.unit=s: this device's costs are in ms"),
        (f"first={HUGE}", "must be 1 to 10, as many as the device has of its own"),
        ("start=1", "targets: give start, stop and count (missing: stop, count)"),
        ("step=1", "targets.step: no such key; allowed: unit, values, quantiles, start, stop, count, first"),
        ("valeus=[25]", "; did you mean 'values'?"),
    ),
    (["~targets.values"], "targets.values"),
    (["targets=range", "targets.count=0"], "targets.count=0: must be 1 or more"),
    (["targets=range", f"targets.count={HUGE}"], "must be at most 10,000"),
    (["targets=range", "targets.stop=inf"], "targets.stop=inf: is not a positive finite number"),
    (["targets=range", "targets.start=-5"], "-5.0 is not a positive finite number of ms"),
    (["targets=paper2", "targets.first=1"], "targets.first=1: takes of the device's own targets; not with values"),
    (
        ["targets=paper2", "targets.quantiles=[0.5]"],
        "targets: give one of values; quantiles; start, stop and count; by_device; not",
    ),
    (["device=macs", "targets=paper10"], "targets.unit=ms: this device's costs are in MMACs; targets=default and"),
]

TRACKING = [
    *of(
        "tracking.",
        ("uri=nowhere", "tracking.uri=nowhere: must be like sqlite:///mlflow.db or http://host:5000"),
        ("uri=http://", "tracking.uri=http://: must be like sqlite:///mlflow.db or http://host:5000"),
        ("experiment=null", "tracking.experiment=null: must be a text"),
        (f"experiment={LONG}", "must be a name of 1 to 500 characters"),
        ("experiment='a\x01b'", "tracking.experiment=a\\x01b: must be a name"),
        ("foo=1", "tracking.foo: no such key; allowed: uri, artifacts, experiment"),
    ),
]

PARTS = [
    (["space=compofa", "space.kernels=Fixed"], "space.kernels=Fixed: must be fixed or elastic; did you mean 'fixed'?"),
    (["space.kernels=fixed"], "space.kernels: no such key; allowed: choices, _target_"),
    (["space._target_=os.getcwd"], "space._target_=os.getcwd: makes str; must make DesignSpace"),
    (["device.device=iphone"], "device=iphone: unknown; there are "),
    (["device.guard_band=1"], "device.guard_band=1: must be true or false"),
    (["device.guard_band=true"], "device=note10: guard_band=true needs a table"),
    (["+device.foo=1"], "device.foo: no such key; allowed: device, guard_band"),
    (["predictor=member", "predictor.member=5"], "predictor.member=5: must be one of 1 to 4"),
    (["predictor=member", "predictor.member=true"], "predictor.member=True: must be one of 1 to 4"),
    (["predictor.member=1"], "predictor.member: no such key; allowed: noise, _target_, source, pessimism"),
    (
        ["predictor=measured", "space=resnet50d"],
        "there is none for space resnet50d, only for accel_nasbench, mbv3, mbv3_w1.0, proxyless",
    ),
    (["predictor._target_=collections.UserDict"], "makes UserDict; must make AccuracyPredictor"),
    (["predictor=official", "space=proxyless"], "predictor=official: OFA published none for space proxyless"),
    (
        ["device=note10", "space=resnet50d"],
        "device=note10: it has no table for space resnet50d, only for mbv3; devices",
    ),
]

BAD = [*PLAIN, *EVOLUTION, *BUDGET, *TARGETS, *PARTS]


@pytest.mark.parametrize("case", BAD, ids=named)
def test_a_bad_value_is_one_line_and_leaves_nothing(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", (*QUICK, *arguments), tmp_path), tmp_path, message)


def test_a_sweep_prints_an_error_that_all_its_cells_have_once(forks, tmp_path):
    ran = forks.run("run", (*QUICK, "-m", "targets.values=[1]", "seed=0,1,2"), tmp_path)
    assert ran.returncode == 2
    first, more = (line for line in ran.stderr.splitlines() if "cannot be met" in line)
    assert "seed=0" in first
    assert more.startswith("ofa_bench: 2 more cells: targets: 1 ms cannot be met")


def test_a_target_that_limits_nothing_is_pointed_out(forks, tmp_path):
    ran = forks.run("run", (*QUICK, "targets.values=[20,5000]"), tmp_path)
    assert ran.returncode == 0
    [line] = [line for line in ran.stderr.splitlines() if "limits nothing" in line]
    assert line.startswith("targets: 5000 ms limits nothing; the most expensive architecture costs 92.4 ms on note10")


@pytest.mark.parametrize("case", TRACKING, ids=named)
def test_a_bad_store_is_refused_before_the_search(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", ("budget=quick", *arguments), tmp_path), tmp_path, message)


def test_a_sweep_says_at_its_end_how_many_cells_failed(forks, tmp_path):
    ran = forks.run("run", (*QUICK, "-m", "targets.values=[1],[20]"), tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.rstrip().endswith("ofa_bench: 1 of 2 cells failed; their errors are above")
