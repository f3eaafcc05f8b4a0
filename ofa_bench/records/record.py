"""Makes, reads and writes records: one JSON file a cell, written atomically and last."""

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.config.importing import import_target
from ofa_bench.config.user_code import code_sha256
from ofa_bench.engine import Cell, Repeat
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors.coverage import check_unlabelled, labelled_choices
from ofa_bench.predictors.gaps import find_gaps, find_source
from ofa_bench.predictors.uncertainty import find_uncertainty
from ofa_bench.records.commits import commits
from ofa_bench.records.frontiers import Frontier
from ofa_bench.records.measured import add_measured
from ofa_bench.records.model import (
    FORMAT,
    KIND,
    RECORD,
    VERSION,
    Alternative,
    Choices,
    Made,
    Record,
    RecordedBudget,
    RecordedDevice,
    RecordedPredictor,
    RecordedRepeat,
    Result,
    to_dict,
)  # fmt: skip
from ofa_bench.records.regret import add_regret
from ofa_bench.records.schema import parse
from ofa_bench.search import Counts, Problem, SearchResult
from ofa_bench.spaces import Genes
from ofa_bench.strategies import Strategy
from ofa_bench.version import __version__

__all__ = [
    "CONFIG",
    "FORMAT",
    "RECORD",
    "Record",
    "changes",
    "copy",
    "flat_config",
    "identity",
    "make_record",
    "read",
    "write",
]

CONFIG = "config.yaml"

About = Mapping[bytes, tuple[float | None, float | None]]
"""By genes: the accuracy without errors of simulated measurements, if they have any, and the uncertainty, if known."""

LARGEST = 1_000_000_000
"""Bytes of the largest record that is read; a thousand results take 5 million."""


def identity(config: Mapping[str, Any], problem: Problem, strategy: Strategy) -> str:
    """Return a hash of all that determines a cell's results: config, predictor, cost model and a user's code.

    A user's code is that of the strategy and of all other objects of the config (see ``user_code``); the package's
    code is identified by its version.

    Returns:
        16 hexadecimal digits of SHA-256.
    """
    parts = [type(part) for part in (strategy, problem.space, problem.predictor, problem.cost)]
    code = code_sha256([*parts, *_makers(config)])
    content = [config, problem.predictor.sha256, problem.cost.sha256, code]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _makers(config: Mapping[str, Any]) -> Iterator[object]:
    """Yield the classes and functions that a config names, if they can be imported."""
    for target in sorted(_targets(config)):
        with suppress(Exception):  # it may name objects that this cell does not use
            yield import_target(target)


def _targets(node: object) -> set[str]:
    """Return the dotted names of all ``_target_`` keys in a config."""
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    found = set[str]().union(*map(_targets, inner))
    target = str(node.get("_target_", "")) if isinstance(node, Mapping) else ""
    return found | {target} if target else found


def changes(record: Record, config: Mapping[str, Any], problem: Problem) -> str:
    """Describe how a record differs from a cell's config and problem now."""
    before, after = flat_config(record.config), flat_config(json.loads(json.dumps(config)))
    keys = [key for key in (*before, *after) if before.get(key, ...) != after.get(key, ...)]
    found = [*dict.fromkeys(keys)][:3]
    found += ["the predictor"] if record.predictor.sha256 != problem.predictor.sha256 else []
    found += ["the device's table"] if record.device.sha256 != problem.cost.sha256 else []
    return ", ".join(found) or "the code"


def flat_config(node: Any, at: str = "") -> dict[str, Any]:
    """Return the values of a config by their full keys."""
    if not isinstance(node, Mapping):
        return {at: node}
    return {
        key: value
        for name in node
        for key, value in flat_config(node[name], f"{at}.{name}" if at else str(name)).items()
    }


def make_record(
    cell: Cell,
    repeats: Sequence[Repeat],
    *,
    address: str,
    choices: Mapping[str, str],
    identity: str,
    config: Mapping[str, Any],
    frontier: Frontier | None = None,
) -> Record:
    """Return the record of a finished cell; costs are in ``unit``, accuracies fractions of 1.

    Where ``device.guard_band`` is not 1, a result's ``cost`` includes it, and ``table_cost`` is the table's.
    ``frontier`` is the best-known frontier of the cell's problem, if there is one (see ``regret.add_regret``). The
    uncertainty of what was found is computed here, outside the timed part; it is absent if the predictor has none. The
    predictor's ``unlabelled`` has by gene the values that none of its labels had (for a subspace, by the genes of the
    space that was labelled), ``labelled`` the ``space.choices`` without them; a result's ``unlabelled`` lists those of
    its architecture. All three are absent if they are unknown.
    """
    problem, warm = cell.problem, cell.budget.warm_generations
    record = Record(
        format=FORMAT,
        address=address,
        choices=Choices(**choices),
        identity=identity,
        config=dict(config),
        seed=cell.seed,
        unit=problem.cost.unit,
        targets=list(cell.targets),
        budget=RecordedBudget(
            generations=cell.budget.generations,
            warm_generations=warm if isinstance(warm, int) else list(warm),
            match=cell.matched,
            chain=_name(cell.match.strategy) if cell.match and cell.matched != "generations" else None,
        ),
        predictor=RecordedPredictor(
            name=problem.predictor.name,
            sha256=problem.predictor.sha256,
            sources=None if problem.predictor.sources is None else list(problem.predictor.sources),
            pruning=problem.predictor.pruning,
            **_coverage(problem),
        ),
        device=RecordedDevice(
            name=problem.cost.name,
            sha256=problem.cost.sha256,
            minimum=problem.cost.minimum,
            maximum=problem.cost.maximum,
            guard_band=problem.guard_band,
            card=dict(problem.cost.card),
        ),
        made=Made(
            at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            ofa_bench=__version__,
            python=platform.python_version(),
            numpy=np.__version__,
            machine=f"{platform.system()} {platform.machine()}",
            cores=os.cpu_count(),
            threads=cell.threads,
            lockstep=cell.together,
            compiled=problem.kernels is not None,
            commits=commits() or None,
        ),
        repeats=[
            RecordedRepeat(
                repeat=number,
                seconds=repeat.seconds,
                limit=repeat.limit,
                results=_results(cell, repeat),
            )
            for number, repeat in enumerate(repeats)
        ],
    )
    return add_regret(record, frontier)


def _name(strategy: Strategy) -> str:
    """Return a short name of a strategy: its order, or its class."""
    return str(getattr(strategy, "order", type(strategy).__name__))


def _coverage(problem: Problem) -> dict[str, Any]:
    """Return the choices that no label of a predictor had, and the choices of the problem's space that labels had."""
    unlabelled = find_source(problem.space, problem.predictor, problem.cost.cheapest[None])[1]
    if unlabelled is None:
        return {}
    missing = {gene: list(values) for gene, values in unlabelled.items()}
    here = check_unlabelled(problem.space, problem.predictor) or {}
    return {"unlabelled": missing, "labelled": labelled_choices(problem.space, here)}


def _results(cell: Cell, repeat: Repeat) -> list[Result]:
    """Return the results of a repeat; the predictor is asked once about all that was found."""
    rows = list[Genes]()
    for result in (one for one in repeat.results if one.feasible):
        rows += [result.genes, *(one.genes for one in result.alternatives)]
    predictor, genes = cell.problem.predictor, np.array(rows, np.int8)
    uncertain = find_uncertainty(predictor, genes)
    true = predictor.accuracy(genes).tolist() if rows and cell.problem.has_errors else [None] * len(rows)
    about = {row.tobytes(): pair for row, pair in zip(rows, zip(true, uncertain, strict=True), strict=True)}
    return [
        _result(cell, result, seconds, about if result.feasible else {})
        for result, seconds in zip(repeat.results, repeat.target_seconds, strict=True)
    ]


def _result(cell: Cell, result: SearchResult, seconds: float, about: About) -> Result:
    guard = cell.problem.guard_band
    return Result(
        target=result.target,
        feasible=result.feasible,
        accuracy=result.accuracy,
        cost=result.cost,
        table_cost=result.cost / guard if guard != 1 else None,
        seconds=seconds,
        generations=result.generations,
        shared=result.shared,
        **_counts(result.counts),
        **_architecture(cell, result.genes, about),
        alternatives=[
            Alternative(accuracy=one.accuracy, cost=one.cost, **_architecture(cell, one.genes, about))
            for one in result.alternatives
        ],
        curve=[list(point) for point in result.curve],
    )


def _counts(counts: Counts) -> dict[str, Any]:
    """Return the counts of a search, with its measurements if some were made again."""
    found = vars(counts).copy()
    return found | ({"measurements": counts.measurements} if found.pop("repeated_measurements") else {})


def _architecture(cell: Cell, genes: Genes, about: About) -> dict[str, Any]:
    """Return what a record has of an architecture (int8 [n_genes]), besides its accuracy and cost."""
    space = cell.problem.space
    gaps = find_gaps(space, cell.problem.predictor, genes[None])
    unlabelled = {} if gaps is None else {"unlabelled": gaps[0]}
    true, uncertain = about.get(genes.tobytes(), (None, None))
    known = {"true_accuracy": true, "uncertainty": uncertain, **unlabelled}
    costs = {name: float(one[0]) for name, one in cell.problem.cost.costs_elsewhere(genes[None]).items()}
    return {"architecture": space.to_ofa(genes), "genes": genes.tolist(), "costs": costs or None, **known}


def write(folder: Path, record: Record, config_yaml: str) -> Record:
    """Write the composed config and then the record, each atomically.

    Returns:
        This record, or that of an equal cell that another process has written meanwhile.

    Raises:
        InputError: another process has written the record of another config meanwhile, which is kept.
        OSError: the folder cannot be written.
    """
    return _write(folder, record, json.dumps(to_dict(record)) + "\n", config_yaml)


def copy(source: Path, folder: Path) -> Record:
    """Copy a record and its config byte by byte from another folder, as ``write`` does.

    Raises:
        InputError: the source is no record, or the folder has another record, which is kept.
        OSError: the folder cannot be written.
    """
    return _write(folder, read(source), (source / RECORD).read_text(), (source / CONFIG).read_text())


def _write(folder: Path, record: Record, text: str, config_yaml: str) -> Record:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CONFIG, config_yaml)
    try:
        write_whole(folder / RECORD, text, replace=False)
    except FileExistsError as error:
        there = read(folder)
        if there.identity != record.identity:
            raise InputError(f"{folder}: another process wrote the record meanwhile; that one is kept") from error
        return there
    return record


def read(folder: Path) -> Record:
    """Read the record of a cell, with the measured accuracies of its networks, if there are any beside it.

    Raises:
        InputError: the file is not a record of this format, or the file of accuracies is not of this record.
    """
    path = folder / RECORD
    try:
        node = json_object(content_of(path, LARGEST))
        _check_format(path, node)
        record = parse(node)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as a record ({error}); move it away") from error
    add_measured(record, folder)
    return record


def _check_format(path: Path, node: Mapping[str, Any]) -> None:
    kind, _, number = str(node.get("format")).rpartition("/")
    if kind == KIND and re.fullmatch(r"[1-9]\d{0,8}", number) and int(number) > VERSION:
        raise InputError(f"{path}: written by a newer version of ofa_bench (record/{number}); upgrade")
    if node.get("format") != FORMAT or "identity" not in node:
        raise InputError(f"{path}: not a record of format {FORMAT}")
