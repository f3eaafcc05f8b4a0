"""Bad records, predictors and disks with the message about each: the tables of ``test_bad_files.py``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_files import ADDRESS, DEEP, FEW_SPECIAL, QUICK, Case, altered, put, setting, special

__all__ = ["disks", "going_on", "predictors", "records"]

RESULT = ("repeats", 0, "results", 0)
FROM = (*QUICK, "strategy=bottom_up", f"strategy.warm_start.from='multirun/{ADDRESS}'")
PLACE = f"multirun/{ADDRESS}/record.json"

RECORDS: list[tuple[str, Callable[[Any], Any], str]] = [
    (
        "of a newer version",
        setting("format", "ofa_bench.record/9"),
        r"written by a newer version of ofa_bench \(record/9\); upgrade",
    ),
    ("of another format", setting("format", "ofa_bench.card/1"), "not a record of format ofa_bench.record/1"),
    ("cut off", lambda record: str(record)[:1000], "it is no JSON"),
    ("empty", lambda _: "", "it is no JSON"),
    ("bytes", lambda _: b"\x93NUMPY\x01", "it is not UTF-8 text"),
    ("nested", lambda _: DEEP, "it is nested too deeply"),
    ("without repeats", lambda record: record.pop("repeats") and None, "it has no repeats"),
    ("without choices", lambda record: record.pop("choices") and None, "it has no choices"),
    (
        "without a strategy's name",
        lambda record: record["choices"].pop("strategy") and None,
        "it has no choices.strategy",
    ),
    ("with no repeat", setting("repeats", []), r"its repeats is \[\]; must be a list of at least one"),
    (
        "with a result too few",
        setting("repeats", 0, "results", []),
        r"its repeats\[0\].results is .*; must be a list of 1",
    ),
    ("with a word for a cost", setting(*RESULT, "cost", "x"), r'results\[0\].cost is "x"; must be a number'),
    ("with NaN for an accuracy", setting(*RESULT, "accuracy", float("nan")), "the number NaN is not finite"),
    ("with a source in HTML", setting("predictor", "sources", ["<b>"]), "predictor.sources is .*without markup"),
    (
        "with a number for a source",
        setting("predictor", "sources", [1]),
        "predictor.sources is 1; must be a string each",
    ),
    ("with percent for an accuracy", setting(*RESULT, "accuracy", 80.5), "accuracy is 80.5; must be a fraction of 1"),
    ("with another target", setting(*RESULT, "target", 99.0), "target is 99.0; must be 25.0, as in targets"),
    ("with a gene of 200", setting(*RESULT, "genes", [200] * 46), "must be numbers of 0 to 127"),
    ("with a word for genes", setting(*RESULT, "genes", "x"), 'genes is "x"; must be a list'),
    ("with a curve that is none", setting(*RESULT, "curve", [[1]]), r"curve is \[1\]; must be lists of four numbers"),
    (
        "with a name of two lines",
        setting("choices", "strategy", "a\nb"),
        "choices.strategy is .*; must be printable and without",
    ),
]

ELSEWHERE = [  # found by another reader than the one that skips cells
    (
        "of genes out of range",
        setting(*RESULT, "genes", [100] * 46),
        FROM,
        "run",
        "a record of space mbv3 with oth",
    ),
    ("cut off", RECORDS[2][1], FROM, "run", "strategy.warm_start.from: .*it is no JSON"),
    ("cut off", RECORDS[2][1], ("multirun", "out=r"), "report", "no record can be read: .*it is no JSON"),
    (
        "without repeats",
        RECORDS[6][1],
        ("multirun", "out=r"),
        "report",
        "no record can be read: .*no repeats",
    ),
    ("nested", RECORDS[5][1], ("multirun", "out=r"), "report", "no record can be read: .*nested too deeply"),
]


def records(text: str) -> list[Case]:
    """Return the cases of records, made from that of the command that ``QUICK`` is."""

    def written(change: Callable[[Any], Any]) -> Callable[[Path], object]:
        return lambda folder: put(folder / PLACE, altered(text, change))

    def at(kind: str) -> Callable[[Path], object]:
        return lambda folder: special(kind)(folder / PLACE)

    found = [
        Case(f"a record {name}", written(change), QUICK, f"record.json: .*{says}") for name, change, says in RECORDS
    ]
    found.append(
        Case("a record of another cell", written(setting("identity", "0" * 16)), QUICK, "move it away, choose")
    )
    found += [
        Case(f"a record {name}, {module} {words[-1]}", written(change), words, says, module)
        for name, change, words, module, says in ELSEWHERE
    ]
    found += [
        Case(f"a record: {kind}", at(kind), QUICK, f"record.json: not readable as a record .{says}",
             plain=kind == "not to be read")
        for kind, says in FEW_SPECIAL.items()
    ]  # fmt: skip
    for name, make in (("cut off", written(RECORDS[2][1])), ("nested", written(DEEP_ONE)), ("a pipe", at("a pipe"))):
        words = ("records=multirun", "out=out")
        says = "0 records of this space, predictor and table; 0 results refused, 1 files unreadable"
        found.append(Case(f"a frontier from a record {name}", make, words, says, "frontier", 0, ("out",)))
    return found


def DEEP_ONE(_: Any) -> str:  # noqa: N802 - stands beside the other changes
    return DEEP


MINE = """
import numpy as np
from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns

class Mine:
    name, sha256 = "mine", "0" * 64
    def __init__(self, space): pass
    def accuracy(self, genes): {}

def network(space):
    layers = [(np.zeros({}, np.float32), np.zeros(1, np.float32))]
    return OneHotMLP(space, one_hot_columns(space), layers, name="mine", sha256="0" * 64)
"""

PREDICTORS = [
    ("that gives another shape", "return np.zeros((len(genes), 2))", "Mine", "gave accuracies of shape .10, 2. for 10"),
    ("that gives nothing", "return None", "Mine", r"gave accuracies of shape \(\) for 10"),
    ("that gives NaN", "return np.full(len(genes), np.nan)", "Mine", "gave an accuracy that is not a finite number"),
    ("that gives words", "return np.array(['a'] * len(genes))", "Mine", "gave an accuracy that is not a finite number"),
    (
        "that gives percent",
        "return np.full(len(genes), 75.0)",
        "Mine",
        "gave an accuracy of 75; must be a fraction of 1",
    ),
    ("of another width", "(10, 1)", "network", r"layers \[\(10, 1\)\] do not take the features of space mbv3"),
    ("of layers that do not fit", "(205, 2)", "network", "layers of weights and biases .* do not fit each other"),
    ("that is not there", "pass", "Yours", "_target_=mine.Yours: cannot be imported"),
]


def predictors() -> list[Case]:
    """Return the cases of users' predictors."""
    found = []
    for name, body, kind, says in PREDICTORS:
        text = MINE.format(body if kind == "Mine" else "pass", body if kind == "network" else (1, 1))
        words = (*QUICK, f"predictor._target_=mine.{kind}")
        found.append(Case(f"a predictor {name}", _writing("mine.py", text.encode()), words, f"predictor.*{says}"))
    raising = MINE.format("raise RuntimeError('broken')", (1, 1)).encode()
    words = (*QUICK, "predictor._target_=mine.Mine")
    found.append(Case("a predictor that raises", _writing("mine.py", raising), words, "RuntimeError: broken", code=1))
    return found


def _writing(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: put(folder / name, content)


def _nothing(folder: Path) -> None:
    pass


def _linked(to: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / "real").mkdir()
        (folder / "out").symlink_to(to)

    return make


def _bounded(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o555)

    return make


OUT = (*QUICK, "output=out")
SQLITE = QUICK[1:]
CANNOT = "out(put)?(=r)?: .*cannot be written"


def disks(text: str) -> list[Case]:
    """Return the cases of disks that take nothing, and of what cannot be a folder; the record is that of ``QUICK``."""

    def known(folder: Path) -> None:
        put(folder / PLACE, text.encode())

    def known_and_in_the_way(folder: Path) -> None:
        known(folder)
        put(folder / "r", b"")

    long, sweep = "a" * 300, ("multirun.yaml",)
    return [
        Case("a full disk", _nothing, QUICK, f"{CANNOT} .File too large", largest=1000),
        Case("a full disk in a sweep", _nothing, ("-m", *QUICK), CANNOT, largest=200, writes=("multirun",)),
        Case("a full disk for a report", known, ("multirun", "out=r"), CANNOT, "report", largest=1000,
             writes=("r",)),
        Case("a folder that is only read", _bounded("."), QUICK, f"{CANNOT} .Permission denied", plain=True),
        Case("an output that is only read", _bounded("out"), OUT, f"{CANNOT} .Permission denied", plain=True),
        Case("an output that is only read, swept", _bounded("out"), ("-m", *OUT), CANNOT, plain=True),
        Case("an output that is a file", _writing("out", b""), OUT, f"{CANNOT} .Not a directory"),
        Case("an output below a file", _writing("out", b""), (*QUICK, "output=out/a/b"), f"{CANNOT} .Not a directory"),
        Case("an output linked to nowhere", _linked("nowhere"), OUT, f"{CANNOT} .File exists"),
        Case("an output of 300 characters", _nothing, (*QUICK, f"output={long}"), f"{CANNOT} .File name too long"),
        Case("an output of 5,000 characters", _nothing, (*QUICK, f"output={'/'.join([long[:100]] * 50)}"), CANNOT),
        Case("a file in the way of a cell", _writing("multirun/mbv3", b""), QUICK, f"{CANNOT} .Not a directory"),
        Case("a file in the way of a sweep", _writing("multirun/sweeps", b""), ("-m", *QUICK), CANNOT, writes=sweep),
        Case("a file in the way of a report", known_and_in_the_way, ("multirun", "out=r"), CANNOT, "report"),
        Case("a report of no folder", _nothing, ("nowhere", "out=r"), "nowhere: no such folder", "report"),
        Case("a record of 300 characters", _nothing, (*FROM[:-1], f"strategy.warm_start.from={long}"), "no such file"),
        Case("a table of 5,000 characters", _nothing, (*QUICK, f"device.device={'a' * 5000}"), "device=a.*be read"),
        Case("a report of no database", _writing("mlflow.db", b"x" * 999), ("mlflow=a", "out=r"),
             "mlflow.db: not usable as MLflow's database .file is not a database", "report"),
    ]  # fmt: skip


COMPILERS = {"no compiler": "/nowhere/cc", "a compiler that fails": "false", "a compiler that makes nothing": "true"}


def going_on() -> list[Case]:
    """Return the cases of what is no obstacle: the command goes on, and says so or nothing."""
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), "/nowhere")
    made = ("multirun",)
    slow = "searches run without compiled loops, up to 4 times as long, with the same results: "
    unsent = "MLflow at sqlite:.* cannot be used; records are on disk: .*mlflow.db.*not usable"
    cases = [
        ("an output linked to a folder", _linked("real"), OUT, {}, ("real",), ""),
        ("an output of two lines", _nothing, (*QUICK, "output='a\nb'"), {}, ("a\nb",), ""),
        ("an output of other characters", _nothing, (*QUICK, "output='\u00e4 \u96ea'"), {}, ("\u00e4 \u96ea",), ""),
        ("no home and no cache", _nothing, QUICK, nowhere, made, ""),
        ("a cache that is a file", _writing("cache", b""), QUICK, {"XDG_CACHE_HOME": "cache"}, made, ""),
        *(
            (name, _nothing, QUICK, {"CC": command, "XDG_CACHE_HOME": "cache"}, made, f"{slow}'{command}' cannot")
            for name, command in COMPILERS.items()
        ),
        ("no folder for what is temporary", _nothing, QUICK, {"TMPDIR": "/nowhere", "XDG_CACHE_HOME": "cache"},
         (*made, "cache"), ""),
        ("a frontier's folder that is a file", _writing("frontiers", b""), QUICK, {}, made, ""),
        ("a database that is none", _writing("mlflow.db", b"x" * 999), SQLITE, {}, made, unsent),
        ("a database that is a folder", lambda folder: (folder / "mlflow.db").mkdir(), SQLITE, {}, made, unsent),
    ]  # fmt: skip
    return [
        Case(name, make, words, says, code=0, writes=writes, environment=environment, plain="no home" in name)
        for name, make, words, environment, writes, says in cases
    ]
