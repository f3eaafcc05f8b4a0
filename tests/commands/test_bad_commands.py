"""Invalid arguments, flags, groups and keys of Hydra: a message of one line, and nothing is written."""

import pytest
from test_bad_input import LONG, named, refused

from ofa_bench.commands.cli import interrupts, overrides
from ofa_bench.commands.cli.messages import exit_on_error
from ofa_bench.commands.cli.overrides import prepare
from ofa_bench.config import limits
from ofa_bench.config.limits import check_memory
from ofa_bench.errors import InputError
from ofa_bench.search import Evolution
from ofa_bench.strategies import NSGA2, SPEA2, Joint, Vanilla

SMALL = ("tracking=none", "budget=quick", "targets=paper1", "evolution.population_size=10")
STRATEGIES = (
    "there are bottom_up, differentiable, exhaustive, joint, linas, local_search, map_elites, nsga2, nsganetv2, "
    "ofa_recipe, ofa_reference, proxy, random, sms_emoa, spea2, surrogate, top_down, tpe, vanilla"
)

GROUPS = [
    (["strategy=vanila"], f"strategy=vanila: no such option; {STRATEGIES}; did you mean 'vanilla'?"),
    (["strategy=Top-Down"], "; did you mean 'top_down'?"),
    (["strategy="], "strategy=: give a value"),
    (["strategy=null"], f"strategy=null: must be the name of an option; {STRATEGIES}"),
    (["strategy=[vanilla,top_down]"], f"strategy=[vanilla,top_down]: must be the name of an option; {STRATEGIES}"),
    (["strategy={_target_: x}"], "; set its keys one by one, as strategy.<key>=<value>"),
    (
        ["budget={generations: 5}"],
        "must be the name of an option; there are matched, paper, quick, sqrt; set its keys one by one,",
    ),
    (["budget=500"], "budget=500: must be the name of an option; there are matched, paper, quick, sqrt"),
    (["targets=true"], "targets=true: must be the name of an option; there are default"),
    (["targets=/etc/passwd"], "targets=/etc/passwd: no such option; there are default"),
    (
        ["space=mbv3.yaml"],
        "space=mbv3.yaml: no such option; there are accel_nasbench, compofa, mbv3, "
        "mbv3_w1.0, nasbench_macro, proxyless, resnet50d, or a YAML file; did you mean",
    ),
    ([f"space={LONG}"], "aaaaa: no such option; there are accel_nasbench"),
    (["space=mbv\uff13"], "not of the form key=value"),
    (
        ["tracking=sqlte"],
        "tracking=sqlte: no such option; there are default, none, server, sqlite; did you mean 'sqlite'?",
    ),
    (["predictor=embeded"], "; did you mean 'embedded'?"),
    (["predictor={}"], "predictor={}: must be the name of an option"),
    (["+strategy=vanilla"], "strategy appears more than once in the final defaults list"),
    (["++strategy=vanilla"], "force-add of config groups is not supported: '++strategy=vanilla'"),
    (["+strategy/foo=bar"], "strategy/foo: no such key; allowed: space, device, "),
    (["strategy/foo=bar"], "; did you mean 'strategy'?"),
    (["strategy@foo=vanilla"], "Did you mean to override strategy?"),
    (["~strategy"], "strategy: is required"),
    (["~targets"], "targets: is required"),
    (["strategy=vanilla,top_down"], "several values are a sweep, put -m before them"),
    (["device=note10,macs"], "several values are a sweep, put -m before them"),
    (
        ["device=my/phone"],
        "device=my/phone: no such option, file or folder; there are a100, cpu_onnx, fleet, group, i7_8700k, "
        "jetson_cpu, jetson_gpu, macs, note10, p40_b64, params,",
    ),
    (["device=nte10"], "or the path of a table; did you mean 'note10'?"),
    (["device=/etc"], "device=/etc: it has no table for space mbv3"),
    (["device=/etc/passwd"], "device=/etc/passwd: not a cost table"),
    ([f"device={LONG}"], "no such option, file or folder; there are a100, cpu_onnx"),
    (["experiment=paper"], "experiment=paper: several sweeps; put -m first"),
    (["experiment=ablation_order"], "experiment=ablation_order: sweeps strategy.order; put -m first"),
    (["experiment=tabel1"], "experiment=tabel1: no such option; there are ablation_budget"),
]

SWEEPS = [
    (["strategy=vanilla,vanila"], "strategy=vanila: no such option"),
    (["strategy=vanilla,null"], "strategy=vanilla,null: must be the name of an option"),
    (["strategy=vanilla,vanilla"], "strategy=vanilla,vanilla: vanilla is given twice"),
    (["strategy=vanilla,strategy=top_down"], "not of the form key=value"),
    (["strategy=,"], "'strategy=,': not of the form key=value"),
    (["strategy=joint,nsga2", "strategy.evaluations=9"], "strategies, prefix it with ++: ++strategy.evaluations"),
    (
        ["device=note10,/my/phone.json"],
        "device=/my/phone.json: no such option, file or folder; there are a100, cpu_onnx",
    ),
    (["seed=1,1"], "seed=1,1: 1 is given twice"),
    (["seed=1,x"], "seed=x: must be a whole number"),
    (["seed=range(0)"], "seed=range(0): matches nothing, so nothing would run"),
    (["seed=range(1,9,0)"], "range() arg 3 must not be zero"),
    (["seed=interval(0,1)"], "seed=interval(0,1): cannot be swept; give values"),
    (["seed=glob(*)"], "seed=glob(*): matches nothing, so nothing would run"),
    (["targets.values=15,20"], "targets.values: must be a list, such as [25]"),
    (["lockstep=true,false"], "lockstep: cannot be swept; the cells of a sweep share one"),
    (["output=a,b"], "output: cannot be swept"),
    (["output=/proc/nowhere"], "output: /proc/nowhere cannot be written"),
    (["experiment=table1,tabel2"], "experiment=tabel2: no such option"),
    (["experiment=[table1]"], "experiment=[table1]: must be the name of an option"),
    (["+experiment=table1"], "Multiple values for experiment."),
    (["hydra/launcher=nosuch"], "hydra/launcher=nosuch: no such option; there are basic"),
    (["hydra/launcher=basic,joblib"], "Sweeping over Hydra's configuration is not supported"),
    (["hydra/sweeper=nosuch"], "hydra/sweeper=nosuch: no such option; there are basic"),
    (["hydra.sweeper.max_batch_size=x"], "hydra.sweeper.max_batch_size=x: must be a whole number"),
    (["hydra.sweeper.foo=1"], "hydra.sweeper.foo: no such key; allowed: _target_, max_batch_size, params"),
    (["hydra.launcher.n_jobs=2"], "hydra.launcher.n_jobs: no such key; allowed: _target_"),
    (["hydra/launcher=joblib", "hydra.launcher.n_jobs=x"], "hydra.launcher.n_jobs=x: must be a whole number"),
    (["hydra/launcher=joblib", "hydra.launcher.foo=1"], "hydra.launcher.foo: no such key; allowed: _target_, n_jobs"),
    (["hydra.searchpath=x"], "hydra.searchpath must be a list of strings"),
    (["hydra.sweep.dir=null"], "hydra.sweep.dir=null: must be a text"),
    (["hydra.mode=x"], "hydra.mode: Invalid value 'x', expected one of [RUN, MULTIRUN]"),
    (["hydra.job.env_copy=x"], "hydra.job.env_copy: must be a list, [...]"),
    (["hydra=null"], "Config group override must be a string or a list. Got NoneType"),
    (["hydra.foo=1"], "hydra.foo: no such key; allowed: run, sweep, launcher"),
]

WORDS = [
    (["vanilla"], "'vanilla': not of the form key=value; did you mean 'strategy=vanilla'?"),
    (["no-equals-sign"], "'no-equals-sign': not of the form key=value"),
    (["seed =1"], "'seed =1': not of the form key=value"),
    (["=1"], "'=1': not of the form key=value"),
    (["seed==1"], "'seed==1': not of the form key=value"),
    ([""], "'': not of the form key=value"),
    (["-"], "'-': not of the form key=value"),
    (["seed=1 repeats=2"], "not of the form key=value"),
    (["output='a"], "not of the form key=value"),
    (['output="a'], "not of the form key=value"),
    (["targets.values={"], "not of the form key=value"),
    (["seed=\u00e2"], "not of the form key=value"),
    (["seed=a\nb"], "'seed=a b': not of the form key=value"),
    (["seed=\x1b[1m"], "not of the form key=value"),
    (["\x07=1"], "'\\x07=1': not of the form key=value"),
    ([LONG], "aaa': not of the form key=value"),
    (["--foo"], "--foo: no such flag; there are -m and --help, and keys as key=value"),
    (["--seed=1"], "--seed=1: no such flag; there are -m and --help, and keys as key=value; did you mean 'seed=1'?"),
    (
        ["--multirn", "seed=1"],
        "--multirn: no such flag; there are -m and --help, and keys as key=value; did you mean '--m",
    ),
    (["-x"], "-x: no such flag"),
    ([f"-{LONG}"], "aaa: no such flag"),
    (["--config-dir"], "argument --config-dir/-cd: expected one argument; --hydra-help lists all flags"),
    (["--config-dir", "nowhere"], "Additional config directory"),
    (["--config-name", "nosuch"], "Cannot find primary config 'nosuch'"),
    (["--cfg", "x"], "argument --cfg/-c: invalid choice: 'x'"),
    (["--resolve"], "The --resolve flag can only be used in conjunction with --cfg or --help"),
    (["--shell-completion"], "--shell-completion: no such flag"),
    (["exprot"], "; did you mean 'export'?"),
]


@pytest.mark.parametrize("case", GROUPS + WORDS, ids=named)
def test_a_bad_word_is_one_line_and_leaves_nothing(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", (*SMALL, *arguments), tmp_path), tmp_path, message)


@pytest.mark.parametrize("case", SWEEPS, ids=named)
def test_a_bad_sweep_is_one_line_and_leaves_nothing(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", (*SMALL, "-m", *arguments), tmp_path), tmp_path, message)


@pytest.mark.parametrize(
    ("option", "extra"),
    [("joblib", "parallel"), ("ray", "ray"), ("submitit_local", "slurm"), ("submitit_slurm", "slurm")],
)
def test_a_launcher_that_is_not_installed_says_how_to(monkeypatch, option, extra):
    monkeypatch.setattr(overrides, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"hydra/launcher={option}: .* pip install 'ofa_bench\[{extra}\]'"):
        prepare(["-m", f"hydra/launcher={option}"])


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["seed=1", "-m", "strategy=vanilla,top_down"], ["-m", "seed=1", "strategy=vanilla,top_down"]),
        (["seed=1,2", "--multirun"], ["--multirun", "seed=1,2"]),
        (["seed=1", "--config-dir", "conf", "repeats=2"], ["--config-dir", "conf", "seed=1", "repeats=2"]),
        (["tracking=none", "seed=1", "tracking=sqlite"], ["seed=1", "tracking=sqlite"]),
        (["-m", "strategy=glob(*)", "seed=range(3)"], ["-m", "strategy=glob(*)", "seed=range(3)"]),
        (
            ["hydra.searchpath=[pkg://ofa_bench]", "strategy=mine"],
            ["hydra.searchpath=[pkg://ofa_bench]", "strategy=mine"],
        ),
        (["--cfg", "job", "--resolve"], ["--cfg", "job", "--resolve"]),
        (["output='a b'", "+hydra.job.foo=1"], ["output='a b'", "+hydra.job.foo=1"]),
        (["-m", "experiment=[authors_top_down,ablation_seed]"], ["-m", "experiment=[authors_top_down,ablation_seed]"]),
    ],
)
def test_what_is_valid_in_another_order_is_put_in_hydras(words, read):
    assert prepare(words) == read


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "available_memory", lambda: 2**30)
    check_memory(Joint(1000), searches=(10, 10), n_genes=46, cores=2)
    with pytest.raises(InputError, match=r"population_size=1000000: 100 searches .* of which 1\.0 GiB are free"):
        check_memory(Joint(1_000_000), searches=(10, 10), n_genes=46, cores=2)
    monkeypatch.setattr(limits, "available_memory", lambda: None)  # where the system does not tell
    check_memory(Joint(1_000_000), searches=(10, 10), n_genes=46, cores=2)


def test_what_searches_remember_is_counted(monkeypatch):
    monkeypatch.setattr(limits, "available_memory", lambda: int(1.3e9))
    sizes = {"searches": (1, 10), "n_genes": 46, "cores": 2}
    check_memory(Vanilla(Evolution(population_size=50_000)), **sizes, generations=500)
    check_memory(Vanilla(Evolution(population_size=200_000)), **sizes, generations=10)
    with pytest.raises(
        InputError, match=r"evolution.population_size=200000 and budget.generations=500: 10 searches .* take 1\.8 GiB"
    ):
        check_memory(Vanilla(Evolution(population_size=200_000)), **sizes, generations=500)
    with pytest.raises(InputError, match=r"strategy.population_size=20000: 10 searches .* take 7\.\d GiB"):
        check_memory(NSGA2(20_000), **sizes)
    with pytest.raises(InputError, match=r"strategy.population_size=3000: 10 searches .* take 2\.\d GiB"):
        check_memory(SPEA2(3_000), **sizes)


def test_an_interrupt_that_a_library_makes_an_error_of_is_an_interrupt(monkeypatch, capsys):
    monkeypatch.setattr(interrupts, "install_handlers", lambda: None)
    monkeypatch.setattr(interrupts, "_noted", [])
    interrupts.note()
    with pytest.raises(SystemExit) as ended, exit_on_error(interrupted="all is kept"):
        raise AttributeError("as when the interrupt hits a library's clean-up")
    assert ended.value.code == 130
    assert capsys.readouterr().err == "ofa_bench: interrupted; all is kept\n"
