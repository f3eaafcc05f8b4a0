"""Bad files with the message about each: the tables of ``test_bad_files.py``."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["ADDRESS", "QUICK", "Case", "altered", "files"]

DATA = Path(__file__).resolve().parents[1] / "ofa_bench" / "data"

QUICK = (
    "tracking=none",
    "predictor=embedded",
    "budget=quick",
    "budget.generations=2",
    "targets=single",
    "evolution.population_size=10",
)
ADDRESS = "mbv3/note10/embedded/vanilla/quick/single/seed=0,budget.generations=2,evolution.population_size=10"
OFFICIAL = tuple(word.replace("embedded", "official") for word in QUICK)
OWN = (*QUICK, "device=t.json")

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A folder that ``make`` fills, a command run there, and its message of one line, which ``says`` matches.

    ``writes`` are the names, at the top of the folder, that it may leave; an empty ``multirun`` always is one.
    ``plain`` takes root's powers away, so that permissions count; ``largest`` bounds files, as a full disk does.
    """

    name: str
    make: Make
    words: tuple[str, ...]
    says: str
    command: str = "run"
    code: int = 2
    writes: tuple[str, ...] = ()
    plain: bool = False
    largest: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


def altered(text: str, change: Callable[[Any], Any]) -> bytes:
    """Return a JSON file's text after a change, which changes what it holds or gives the whole content anew."""
    node = json.loads(text)
    given = change(node)
    if isinstance(given, bytes):
        return given
    return given.encode() if isinstance(given, str) else json.dumps(node).encode()


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def setting(*place: Any) -> Callable[[Any], None]:
    """Return a function that sets the last of ``place`` at the path that the others form."""
    *way, last, value = place

    def change(node: Any) -> None:
        for key in way:
            node = node[key]
        node[last] = value

    return change


def sparse(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(1_100_000_000)


def special(kind: str) -> Make:
    """Return what makes a path that is no readable file."""

    def make(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "a folder":
            path.mkdir()
        elif kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a loop of links":
            path.symlink_to(path.name)
        elif kind == "a link to nowhere":
            path.symlink_to("nowhere")
        elif kind == "a device":
            path.symlink_to("/dev/zero")
        elif kind == "huge":
            sparse(path)
        else:
            path.write_text("{}")
            path.chmod(0)

    return make


SPECIAL = {
    "a folder": os.strerror(errno.EISDIR),
    "a pipe": "Not a regular file",
    "a device": "Not a regular file",
    "a loop of links": os.strerror(errno.ELOOP),
    "a link to nowhere": os.strerror(errno.ENOENT),
    "huge": "larger than [0-9,]+ bytes, the most that is read",
    "not to be read": os.strerror(errno.EACCES),
}

FEW_SPECIAL = {kind: SPECIAL[kind] for kind in ("a folder", "a pipe", "not to be read")}
"""For files that are opened by the function that opens tables, which is tested with all kinds."""


ASSET = "assets/ofa/acc_predictor.pth"

ASSETS = [
    ("altered", lambda path: put(path, b"altered"), "was altered or cut off: delete it to have it fetched again"),
    ("empty", lambda path: put(path, b""), "was altered or cut off"),
    *((kind, special(kind), f"cannot be read .{message}") for kind, message in SPECIAL.items()),
    (
        "missing",
        lambda path: path.parent.mkdir(parents=True),
        "cannot be fetched from https:.*such as predictor=embedd",
    ),
    ("a file instead of the folder", lambda path: put(path.parent, b""), "cannot be fetched from https:"),
]


def nested(levels: int) -> Any:
    """Return a number in so many lists."""
    return [nested(levels - 1)] if levels else 1.0


TEXT = (DATA / "devices" / "note10" / "mbv3.json").read_text()
VALUES = ("terms", 0, "values", 2)
DEEP = "[" * 100_000

TABLES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("a hole", setting(*VALUES, None), "the term of r holds .*: nan"),
    (
        "a value too few",
        lambda table: table["terms"][0]["values"].pop() and None,
        r"must have shape \(5,\), not \(4,\)",
    ),
    (
        "a row too short",
        lambda table: table["terms"][1]["values"][0].pop() and None,
        "its term 1 must be .*inhomo",
    ),
    ("a negative value", setting(*VALUES, -1), "the term of r holds a negative .*: -1"),
    ("NaN", setting(*VALUES, float("nan")), "the number NaN is not finite"),
    ("infinity", setting(*VALUES, float("inf")), "the number Infinity is not finite"),
    ("1e400", lambda _: TEXT.replace('"values": [', '"values": [1e400, ', 1), "the number 1e400 is not finite"),
    ("a huge number", setting(*VALUES, 1e308), r"the term of r holds .* one above 1e\+300: 1e\+308"),
    ("a whole number of 401 digits", setting(*VALUES, 10**400), "its term 0 must be .*OverflowError"),
    ("a whole number of 5000 digits", lambda _: f'{{"a": {"9" * 5000}}}', "it is no JSON: Exceeds the limit"),
    ("a string", setting(*VALUES, "fast"), "its term 0 must be .*could not convert string to float"),
    ("another space", setting("space", "resnet50d"), "for space resnet50d, not of .* for mbv3"),
    ("another version", setting("format", "ofa_bench.cost_table/2"), "of format ofa_bench.cost_table/2"),
    ("cut off", lambda _: TEXT[:5000], "it is no JSON: Expecting"),
    ("no JSON", lambda _: "hello", "it is no JSON"),
    ("bytes", lambda _: b"\x93NUMPY\x01", "it is not UTF-8 text"),
    ("nested", lambda _: DEEP, "it is nested too deeply"),
    (
        "values nested 40 deep",
        setting(*VALUES[:-1], nested(40)),
        "must have shape|its term 0 must",
    ),
    ("values nested 64 deep", setting(*VALUES[:-1], nested(64)), "it is nested too deeply; 50 levels at most"),
    ("a card nested 64 deep", setting("card", {"x": nested(64)}), "it is nested too deeply; 50 levels at most"),
    ("a list", lambda _: "[]", "it holds no JSON object"),
    ("a unit of two lines", setting("unit", "ms\nms"), "its unit is .*; must be a word"),
    ("no terms", setting("terms", []), "its card must be an object, and its terms a list of at least one"),
    ("no card", lambda table: table.pop("card") and None, "it has no 'card'"),
    ("no such gene", setting("terms", 0, "places", [["q"]]), "space mbv3 has no gene 'q'"),
    ("a gene twice", setting("terms", 0, {"places": [["r", "r"]], "values": [[1] * 5] * 5}), "names a gene twice"),
    ("places that are a number", setting("terms", 0, "places", 3), "its term 0 must be an object with places, lists"),
    ("targets that are none", setting("targets", [15, None]), "its targets must be a list of numbers"),
    ("genes tied together", lambda table: table["terms"].append(tied()), "tie more than .* genes together"),
]


def tied() -> dict[str, Any]:
    """Return a term of every pair of 20 genes: the least of such a sum cannot be found gene by gene."""
    names = [f"k{number}" for number in range(20)]
    return {"places": [[a, b] for a in names for b in names if a < b], "values": [[1, 2, 3], [2, 1, 3], [3, 2, 1]]}


FRONTIER = "frontiers/mbv3/note10/embedded.json"
KNOWN = (DATA / FRONTIER).read_text()
NO_FRONTIER = "embedded.json: not readable as a frontier "

FRONTIERS: list[tuple[str, Callable[[Any], Any], str]] = [
    (
        "raised by hand",
        lambda node: raised_by_hand(node),
        "388 of its points have another accuracy .*move it away .frontiers/mbv3",
    ),
    ("no staircase", setting("points", 5, 2, 0.9), f"{NO_FRONTIER}.its points must be .*they are no staircase"),
    ("no such choice", setting("points", 5, 0, "z" * 46), f"{NO_FRONTIER}.its points must be .*they are no staircase"),
    (
        "an architecture too short",
        setting("points", 5, 0, "0"),
        rf"{NO_FRONTIER}.its points must be \[46 digits, cost, a",
    ),
    ("an accuracy that is none", setting("points", 5, 2, None), f"{NO_FRONTIER}.its points must be"),
    ("no points", setting("points", []), f"{NO_FRONTIER}.its points must be"),
    ("of another space", setting("space", "resnet50d"), f"{NO_FRONTIER}.it is not of format .* and space mbv3"),
    ("of no space", lambda node: node.pop("space") and None, f"{NO_FRONTIER}.it is not of format"),
    ("of another format", setting("format", "ofa_bench.frontier/2"), f"{NO_FRONTIER}.it is not of format"),
    ("a version that is none", setting("version", "x"), f"{NO_FRONTIER}.its version is .*; must be a whole number"),
    (
        "a predictor that is a word",
        setting("predictor", "sha256"),
        f"{NO_FRONTIER}.its predictor is .*an object",
    ),
    ("a card that is a word", setting("card", "x"), f"{NO_FRONTIER}.its card is .*; must be an object"),
    ("cut off", lambda _: KNOWN[:3000], f"{NO_FRONTIER}.it is no JSON"),
    ("nested", lambda _: DEEP, f"{NO_FRONTIER}.it is nested too deeply"),
]


def raised_by_hand(node: Any) -> None:
    node["version"] += 1
    for point in node["points"]:
        point[2] += 0.01


def files() -> list[Case]:
    """Return the cases of checkpoints, tables and frontiers."""

    def written(path: str, text: str, change: Callable[[Any], Any]) -> Make:
        return lambda folder: put(folder / path, altered(text, change))

    def at(path: str, make: Make) -> Make:
        return lambda folder: make(folder / path)

    found = [
        Case(f"a checkpoint: {name}", at(ASSET, make), OFFICIAL, f"asset .*{says}", writes=("cache",),
             plain=name == "not to be read")
        for name, make, says in ASSETS
    ]  # fmt: skip
    found += [
        Case(
            f"a table: {name}",
            written("t.json", TEXT, change),
            OWN,
            says if "unit" in name else f"device=t.json: .*{says}",
        )
        for name, change, says in TABLES
    ]
    found += [
        Case(f"a table in a folder: {kind}", at("t/mbv3.json", special(kind)), (*QUICK, "device=t"),
             f"device=t/mbv3.json: cannot be read .{says}", plain=kind == "not to be read")
        for kind, says in SPECIAL.items()
    ]  # fmt: skip
    found += [
        Case(f"a frontier: {name}", written(FRONTIER, KNOWN, change), QUICK, says) for name, change, says in FRONTIERS
    ]
    found += [
        Case(f"a frontier: {kind}", at(FRONTIER, special(kind)), QUICK, f"{NO_FRONTIER}.{says}",
             plain=kind == "not to be read")
        for kind, says in FEW_SPECIAL.items()
    ]  # fmt: skip
    return found
