"""Pairs in all common forms give the same numbers, or an error that names the form."""

import csv
import io
import json
import re

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, python_value
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.training.formats import CONVERT
from ofa_bench.training.pairs import read_pairs

SPACE = MobileNetV3Space()
GENES = SPACE.canonical(SPACE.sample(24, np.random.default_rng(3)))
PERCENT = [round(70 + 0.37 * i, 3) for i in range(24)]
ARCHS = [{key: value for key, value in SPACE.to_ofa(row).items() if key != "r"} for row in GENES]
TUTORIAL = [{"wid": None, **{key: arch[key] for key in ("ks", "e", "d")}, "r": [arch["image_size"]]} for arch in ARCHS]


def only_active(arch):
    """Leave out the blocks that are not there, as NSGANetV2 does."""
    kept = [i for stage, depth in enumerate(arch["d"]) for i in range(4 * stage, 4 * stage + depth)]
    lists = {key: [arch[key][i] for i in kept] for key in ("ks", "e")}
    return {**lists, "d": arch["d"], "r": arch["image_size"]}


def table(heads, rows, separator=",", **how):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n", **how).writerows([heads, *rows])
    return text.getvalue()


def columns(arch, accuracy, archs=None, values=PERCENT, write=json.dumps, separator=","):
    rows = [(write(one), "2022-01-01", value) for one, value in zip(archs or TUTORIAL, values, strict=True)]
    return table((arch, "Date", accuracy), rows, separator)


ACC_DICT = dict(zip(map(json.dumps, ARCHS), PERCENT, strict=True))
FRACTIONS = [value / 100 for value in PERCENT]
ARCHIVE = [[only_active(arch), 100 - value, 300.0] for arch, value in zip(ARCHS, PERCENT, strict=True)]
GENE_ROWS = [[*SPACE.values(row).values(), value] for row, value in zip(GENES, PERCENT, strict=True)]
OBJECTS = [{"config": arch, "top1": value} for arch, value in zip(TUTORIAL, PERCENT, strict=True)]

FORMS = {
    "acc.dict": json.dumps(ACC_DICT, indent=4),
    "acc.dict of one line": json.dumps(ACC_DICT),
    "acc.dict as Python writes it": str(ACC_DICT),
    "acc.dict with keys as Python writes them": json.dumps(dict(zip(map(str, ARCHS), PERCENT, strict=True))),
    "DyNAS-T": columns("Sub-network", "Top-1 Acc (%)", write=str),
    "DyNAS-T, new names": columns("Sub-network", "accuracy_top1", write=str),
    "NSGANetV2": json.dumps({"archive": ARCHIVE, "candidates": ARCHIVE[:3], "hv": 0.7}),
    "only active blocks in a table": columns("config", "top1", [only_active(arch) for arch in ARCHS]),
    "errors": columns("arch", "top1_err", values=[100 - value for value in PERCENT]),
    "child_arch": columns("child_arch", "top-1", write=str),
    "subnet": columns("subnet", "Top1 accuracy [%]"),
    "accuracy in percent": columns("net_id", "Accuracy (%)"),
    "accuracy before top1": table(
        ["architecture", "top1", "accuracy"],
        [(json.dumps(arch), value, value / 100) for arch, value in zip(ARCHS, PERCENT, strict=True)],
    ),
    "a name with capitals": columns("Architecture", "Accuracy", values=FRACTIONS),
    "semicolons": columns("architecture", "accuracy", values=FRACTIONS, separator=";"),
    "tabs": columns("architecture", "top1", separator="\t"),
    "semicolons without quotes": "architecture;top1\n"
    + "".join(f"{json.dumps(arch)};{value}\n" for arch, value in zip(ARCHS, PERCENT, strict=True)),
    "genes, semicolons": table([*SPACE.gene_names, "top1"], GENE_ROWS, ";"),
    "lines of Windows": columns("architecture", "top1").replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + columns("architecture", "top1", separator=";"),
    "UTF-16": columns("architecture", "top1", separator="\t").encode("utf-16"),
    "a list of objects": json.dumps(OBJECTS),
    "JSON lines": "".join(json.dumps(one) + "\n" for one in OBJECTS),
    "an index, as pandas writes it": table(
        ["", "config", "top1"], [(i, str(a), v) for i, (a, v) in enumerate(zip(TUTORIAL, PERCENT, strict=True))]
    ),
    "numbers in quotes": table(
        ["config", "top1"], [(str(a), v) for a, v in zip(TUTORIAL, PERCENT, strict=True)], quoting=csv.QUOTE_ALL
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_numbers(name, tmp_path):
    content, path = FORMS[name], tmp_path / "pairs"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    pairs = read_pairs(path, SPACE)
    assert (pairs.genes == GENES).all()
    assert pairs.accuracy == pytest.approx(FRACTIONS, abs=1e-12)


OTHERS = {
    "acc alone": (columns("config", "acc"), "or top1 (percent); acc has no unit in its name: rename it"),
    "val acc": (columns("config", "val_acc"), "or top1 (percent); val_acc has no unit in its name: rename it"),
    "two accuracies": (
        table(["config", "Top-1 Acc (%)", "accuracy_top1"], [("{}", 70, 70)]),
        "line 1: has accuracies in Top-1 Acc (%) and accuracy_top1; name one of them accuracy or top1",
    ),
    "two architectures": (
        table(["config", "subnet", "top1"], [("{}", "{}", 70)]),
        "line 1: has architectures in config and subnet; name one of them architecture",
    ),
    "other columns": (table(["name", "top1"], [("a", 70)]), "and others; its columns are name, top1"),
    "no names": (table(ARCHS[:1], []), "must name a column accuracy (a fraction of 1) or top1 (percent); its columns"),
    "a comma for the point": (
        columns("config", "top1", values=[str(value).replace(".", ",") for value in PERCENT], separator=";"),
        "line 2: top1=70,0: must be a number, with a decimal point",
    ),
    "two separators": ("architecture;top1;x\ttop1\tarchitecture\n", "line 1: several of comma, semicolon and tab"),
    "half a dict": (table(["config", "top1"], [("{'ks': [3", 70)]), "line 2: it is no JSON: Expecting property name"),
    "arrays": (
        table(["config", "top1"], [("{'ks': array([3, 5])}", 70)]), "; and it is no Python dict of plain values"
    ),
    "code": (table(["config", "top1"], [("{'ks': __import__('os').getpid()}", 70)]), "no Python dict of plain values"),
    "a dict of other things": (json.dumps({"a": [1], "b": {}}), "is an object with the keys a, b: neither OFA's acc"),
    "columns in JSON": (json.dumps({"config": {"0": "x"}, "top1": {"0": 1}}), "is an object with the keys config"),
    "a list of numbers": ("[1, 2]", "is a JSON list with an element of type int; must be a list of objects"),
    "an archive of others": (json.dumps({"archive": [{"arch": 1}]}), "archive 1: must be a list of an"),
    "truth for a number": (json.dumps({json.dumps(ARCHS[0]): True}), "entry 1: top1=True: must be a number"),
    "a resolution lacking": (
        json.dumps({json.dumps({key: ARCHS[0][key] for key in ("ks", "e", "d")}): 70.0}),
        "entry 1: mbv3: 'r' or 'image_size' must be one resolution",
    ),
    "a set": ("{1, 2}", "is an object with the keys 1, 2: neither OFA's acc"),
    "half of JSON": ('{"a": 1', "begins as a dict, but it is no JSON"),
    "an object without a column": (json.dumps([*OBJECTS[:2], {"top1": 70}]), "entry 3: has no config"),
    "a zip file": (b"PK\x03\x04\0\0", "it is not text; this code writes"),
    "a pickle": (b"\x80\x04\x95", "it is not text in UTF-8; this code writes"),
    "gzip": (b"\x1f\x8b\x08", "it is not text in UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_forms_are_named(name, tmp_path):
    content, message = OTHERS[name]
    path = tmp_path / "pairs"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read_pairs(path, SPACE)
    assert str(error.value).startswith(f"data={path}: ")
    assert "\n" not in str(error.value)


def test_the_lines_that_convert_write_what_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = CONVERT.partition(": ")[2]
    exec(lines, {"yours": zip(ARCHS, FRACTIONS, strict=True)})
    pairs = read_pairs(tmp_path / "pairs.csv", SPACE)
    assert (pairs.genes == GENES).all()
    assert pairs.accuracy == pytest.approx(FRACTIONS, abs=1e-15)


MIXED = [0.7904, *PERCENT[1:]]
UNITS = {
    "fractions in top1": (
        "top1",
        FRACTIONS,
        "line 2: top1=0.7: column top1 must have percent, but 24 of 24",
    ),
    "one fraction among percent": ("top1", MIXED, "line 2: top1=0.7904: column top1 must have percent, but 1 of"),
    "the last one": (
        "top1",
        [*PERCENT[:-1], 1.0],
        "1: column top1 must have percent, but 1 of 24 values",
    ),
    "fractions in another name": ("Top-1 Acc (%)", FRACTIONS, "line 2: Top-1 Acc (%)=0.7: column Top-1 Acc (%) must"),
    "errors as fractions": ("top1_err", FRACTIONS, "line 2: top1_err=0.7: column top1_err must have percent, but"),
    "percent in accuracy": ("accuracy", PERCENT, "line 2: accuracy=70.0: must be from 0 to 1; name the column"),
    "percent among fractions": (
        "accuracy",
        [*FRACTIONS[:-1], 78.5],
        "line 25: accuracy=78.5: must be from 0 to 1; name",
    ),
}


@pytest.mark.parametrize("name", UNITS)
def test_accuracies_in_another_unit_are_refused_with_column_row_and_value(name, tmp_path):
    column, values, message = UNITS[name]
    path = tmp_path / "pairs.csv"
    path.write_text(columns("architecture", column, values=values))
    with pytest.raises(InputError, match=re.escape(message)):
        read_pairs(path, SPACE)


def test_fractions_in_acc_dict_and_an_archive_are_refused(tmp_path):
    path = tmp_path / "pairs"
    path.write_text(json.dumps(dict(zip(ACC_DICT, FRACTIONS, strict=True))))
    with pytest.raises(InputError, match=r"entry 1: top1=0\.7: column top1 must have percent, but 24 of 24"):
        read_pairs(path, SPACE)
    path.write_text(json.dumps({"archive": [[arch, 0.2 + 0.001 * i, 1] for i, (arch, *_) in enumerate(ARCHIVE)]}))
    with pytest.raises(InputError, match=r"archive 1: top-1 error=0\.2: column top-1 error must have percent, but 24"):
        read_pairs(path, SPACE)


def test_percent_of_networks_that_know_nothing_is_percent(tmp_path):
    values = [0.0, *(0.1 + 0.1 * i for i in range(23))]
    path = tmp_path / "pairs.csv"
    path.write_text(columns("architecture", "top1", values=values))
    assert read_pairs(path, SPACE).accuracy == pytest.approx([value / 100 for value in values])
    path.write_text(columns("architecture", "top1", values=[0, *PERCENT[1:]]))
    assert read_pairs(path, SPACE).accuracy[0] == 0


def test_only_active_blocks_are_read_in_spaces_whose_blocks_are_known():
    for space in (SPACE, ProxylessNASSpace()):
        for row in space.sample(50, np.random.default_rng(1)):
            arch = space.to_ofa(row)
            short = only_active(arch | {"d": arch["d"][:5]}) | {"d": arch["d"]}
            last = {key: [*short[key], *arch[key][20:]] for key in ("ks", "e")}
            assert (space.from_ofa({**short, **last}) == space.canonical(row[None])[0]).all()
    part = CompoundSpace()
    row = part.sample(1, np.random.default_rng(0))[0]
    assert (part.from_ofa(only_active(part.to_ofa(row))) == row).all()


@pytest.mark.parametrize(
    "changed", [{"d": [2, 2, 2, 2]}, {"d": [2, 2, 2, 2, 9]}, {"d": None}, {"ks": [3] * 9}, {"ks": 3}, {"e": None}]
)
def test_what_is_not_of_active_blocks_alone_is_refused(changed):
    for space, arch in ((SPACE, only_active(ARCHS[0]) | changed), (ResNet50DSpace(), only_active(ARCHS[0]))):
        with pytest.raises(InputError):
            space.from_ofa(arch)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{" * 100_000, "it is nested too deeply|no Python dict"),
        ("{'a': 1e999 ** 2}", "it is no Python dict of plain values"),
        ("{**{'a': 1}}", "it is no Python dict of plain values"),
        ("{'a': 1" + "0" * 5000 + "}", "it is no Python dict of plain values"),
        ("{'a': [" + "1," * 2_500_000 + "]}", "more than 5,000,000 characters"),
        ("{'a'\x00: 1}", "it is no Python dict of plain values"),
        ("{[]: 1}", "it is no Python dict of plain values"),
    ],
)
def test_hostile_dicts_are_refused(text, message):
    with pytest.raises(UnreadableError, match=message):
        python_value(text)
