"""Small searched records of the paper's experiments, and the page about them."""

import dataclasses
import gc
import json
import re
import shutil

import pooch
import pytest
from composing import composed
from crafting import CELLS, CONTROLS, OF_TOP_DOWN, ROWS, TEN, first
from omegaconf import OmegaConf

from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.config.address import address
from ofa_bench.config.schema import GROUPS
from ofa_bench.engine import run_repeats
from ofa_bench.experiment.build import build
from ofa_bench.experiment.checks import result_config
from ofa_bench.experiment.targets import resolve_targets
from ofa_bench.records import record as records

OF_TABLE_1 = first(*ROWS)
SMALL = ("predictor=embedded", "budget.generations=9", "evolution.population_size=10", "repeats=2", "lockstep=false")
LISTS = {
    ("fair", "vanilla"): OF_TABLE_1,
    ("fair", "top_down"): OF_TABLE_1,
    ("fair", "bottom_up"): OF_TABLE_1,
    ("as_published", "vanilla"): OF_TABLE_1,
    ("as_published", "top_down"): [*OF_TOP_DOWN, TEN],
    ("as_published", "bottom_up"): OF_TABLE_1,
    ("fair_memo", "vanilla"): OF_TABLE_1,
    ("fair_memo", "top_down"): OF_TABLE_1,
    ("fair_memo", "bottom_up"): OF_TABLE_1,
    ("fair", "generations top_down"): [TEN],
}


def write(folder, words, lists):
    """Run a command for several lists of targets, as the command line does, and write its records."""
    config, task = composed(*words)
    typed = OmegaConf.to_object(task)
    cell = build(typed)
    for targets in lists:
        choices, extra = {group: str(config.hydra.runtime.choices[group]) for group in GROUPS}, []
        if isinstance(targets, int):
            typed.targets.first, extra = targets, [f"targets.first={targets}"]
            targets = resolve_targets(typed.targets, cell.problem.space, cell.problem.cost)
        elif targets in OF_TABLE_1:
            choices["targets"] = f"paper{len(targets)}"
        else:
            choices["targets"], extra = "single", [f"targets.values=[{','.join(map(str, targets))}]"]
        one = dataclasses.replace(cell, targets=tuple(map(float, targets)))
        name = address(choices, [*words, *extra], 0)
        record = records.make_record(
            one,
            list(run_repeats(one, lambda *_: None)),
            address=name,
            choices=choices,
            identity=f"{len(list(folder.rglob(records.RECORD))):016}",
            config=result_config(task),
        )
        records.write(folder / name, record, "a: 1\n")


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Draw few figures, collect garbage once, and hide OFA's files."""
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFA_BENCH_ASSETS", "nowhere")
        patch.setattr(pooch, "os_cache", lambda name: tmp_path_factory.getbasetemp() / "nowhere")
        patch.setattr(pooch, "retrieve", None)
        yield
    gc.unfreeze()


_kept = []


@pytest.fixture(scope="module", name="sweeps")
def made_sweeps(tmp_path_factory):
    """Make small records of table 1 and fair ones of ProxylessNAS, once for all modules."""
    if not _kept:
        folder = tmp_path_factory.mktemp("paper") / "multirun"
        folder.mkdir()
        for (protocol, strategy), lists in LISTS.items():
            write(folder, (*(CELLS[protocol] | CONTROLS)[strategy], *SMALL), lists)
        for strategy in STRATEGIES:
            write(folder, ("space=proxyless", *CELLS["fair"][strategy], *SMALL), [1, 3])
        _kept.append(folder)
    return _kept[0]


def copied(sweeps, folder, wanted=lambda record: True):
    """Copy the wanted records. Return the folder."""
    for path in sweeps.rglob(records.RECORD):
        record = json.loads(path.read_text())
        if wanted(record):
            place = folder / path.parent.relative_to(sweeps)
            place.mkdir(parents=True)
            shutil.copy(path, place)
    return folder


def tables(text):
    """Return each table's rows of cells, its heads first."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.M)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in one.splitlines()] for one in found]


def table(text, head):
    return next(one for one in tables(text) if one[0][0] == head)
