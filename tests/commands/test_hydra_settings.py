"""Settings of Hydra that would be accepted but ignored: refused in one line, wherever they are set."""

from textwrap import dedent

import pytest
from composing import composed
from test_bad_input import named, refused

from ofa_bench.commands.cli.hydra_settings import check_settings
from ofa_bench.commands.frontier import Options, compose_task
from ofa_bench.errors import InputError

SMALL = ("tracking=none", "budget=quick", "targets=single", "evolution.population_size=10", "progress=false")

SETTINGS = [
    (["hydra.job.chdir=true"], "hydra.job.chdir=true: not supported, because paths are relative"),
    (
        ["hydra.run.dir=outputs/x"],
        "hydra.run.dir=outputs/x: is not used; output= sets the folder of results",
    ),
    (["hydra.run.dir=${now:%Y}"], "hydra.run.dir=${now:%Y}: is not used; output= sets the folder of results"),
    (["hydra.sweep.dir=mysweep"], "hydra.sweep.dir=mysweep: is not used; output= sets the folder of results"),
    (["hydra.sweep.subdir=${hydra.job.num}"], "is not used; output= sets the folder of results"),
    (["output='~/x'"], "output=~/x: ~ is not expanded to a home folder; write output=/"),
]


@pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/:UserWarning")
@pytest.mark.parametrize("case", SETTINGS, ids=named)
def test_a_setting_that_is_not_used_is_refused(case):
    arguments, message = case
    with pytest.raises(InputError) as refusal:
        check_settings(composed(*arguments)[0])
    assert message in str(refusal.value)


@pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/:UserWarning")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["hydra.mode=MULTIRUN", "hydra/launcher=joblib", "hydra.sweeper.max_batch_size=2"],
        ["hydra/launcher=basic", "output='~x'"],
        ["hydra.job.chdir=false", "hydra.verbose=true", "hydra/job_logging=default"],
        ["hydra.job.env_copy=[OFA_BENCH_SWEEP,HOME]"],
    ],
)
def test_a_setting_that_is_used_is_taken(arguments, monkeypatch):
    monkeypatch.setenv("OFA_BENCH_SWEEP", "")
    check_settings(composed(*arguments)[0])


@pytest.mark.parametrize(
    "case",
    [
        (["hydra.run.dir=x"], "hydra.run.dir=x: is not used"),
        (["-m", "seed=0,1", "hydra.job.chdir=true", "hydra/launcher=joblib"], "hydra.job.chdir=true: not supported"),
        (["-m", "strategy=glob(zzz*)"], "strategy=glob(zzz*): matches nothing, so nothing would run"),
    ],
    ids=named,
)
def test_what_is_not_used_is_one_line_and_leaves_nothing(forks, tmp_path, case):
    arguments, message = case
    refused(forks.run("run", (*SMALL, *arguments), tmp_path), tmp_path, message)


EXPERIMENTS = {
    "folder": """
        hydra:
          sweep:
            dir: mysweep
    """,
    "changes": """
        hydra:
          job:
            chdir: true
    """,
}


@pytest.mark.parametrize(
    "case",
    [
        (["experiment=folder"], "hydra.sweep.dir=mysweep: is not used"),
        (["experiment=changes"], "hydra.job.chdir=true: not supported"),
    ],
    ids=named,
)
def test_what_a_users_config_sets_is_refused_as_well(forks, tmp_path, case):
    folder, here = tmp_path / "conf" / "experiment", tmp_path / "here"
    folder.mkdir(parents=True)
    here.mkdir()
    for name, content in EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text(f"# @package _global_\n{dedent(content)}")
    arguments, message = case
    refused(forks.run("run", ("--config-dir", "../conf", *SMALL, *arguments), here), here, message)


def test_a_frontier_takes_no_launcher():
    with pytest.raises(InputError, match="hydra/launcher=joblib: has no effect here"):
        compose_task(["hydra/launcher=joblib"], Options())


def test_what_hydra_does_use_is_used(forks, tmp_path):
    words = ("hydra.output_subdir=.hydra", "hydra/job_logging=default", "hydra.verbose=true", "hydra.job.name=mine")
    ran = forks.run("run", (*SMALL, *words), tmp_path)
    assert ran.returncode == 0, ran.stderr
    [record] = tmp_path.rglob("record.json")
    assert (record.parent / ".hydra" / "config.yaml").is_file()
    assert (record.parent / "mine.log").is_file()
