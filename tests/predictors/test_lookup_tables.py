"""Lookup tables in others' formats. Made-up tables are compared with the costs that their owners' code computes."""

import hashlib
import json
import math
import re

import numpy as np
import pytest
import yaml

from ofa_bench.devices import lookup_tables
from ofa_bench.devices import tables as tables_of_devices
from ofa_bench.devices.cost import Term
from ofa_bench.devices.gaps import suggest_choices
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import MobileNetV3Space, hold
from ofa_bench.spaces.mobile import EXPANDS, KERNELS, RESOLUTIONS
from ofa_bench.spaces.part import Subspace
from ofa_bench.supernets.ofa_package import import_ofa
from ofa_bench.supernets.pieces import supernet

SPACE, NARROW = MobileNetV3Space(), MobileNetV3Space(width=1.0)


class Invented(dict):
    """A lookup table that makes up what is asked of it for the first time."""

    def __missing__(self, name):
        share = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32
        self[name] = {"count": 100, "mean": 0.01 + share, "std": 0.01}
        return self[name]


def uniform(space, r, kernel, expand):
    """Return the largest network of one kernel and expand ratio."""
    n = space.n_blocks
    return {"ks": [kernel] * n, "e": [expand] * n, "d": [4] * 5 + [1] * space.last_blocks, "r": [r], "image_size": r}


def fill(space, cost, resolutions=RESOLUTIONS):
    """Ask for every layer that a space has."""
    for r in resolutions:
        for kernel in KERNELS:
            for expand in EXPANDS:
                cost(uniform(space, r, kernel, expand))


def ofa_mbv3(tables):
    """Cost as ``ofa.tutorial`` and CompOFA have it."""
    owners = import_ofa("ofa.tutorial").LatencyTable(resolutions=())
    estimator = import_ofa("ofa.tutorial.latency_table").LatencyEstimator
    for r, table in tables.items():
        owners.latency_tables[r] = one = estimator.__new__(estimator)
        one.lut = table
    return owners.predict_efficiency


def net_config(net, arch):
    net.set_active_subnet(**arch)
    return net.get_active_net_config()


def ofa_proxyless(tables):
    """Cost as ``ofa.nas`` has it."""
    owners = import_ofa("ofa.nas.efficiency_predictor.latency_lookup_table").ProxylessNASLatencyTable
    net = supernet(load_space("proxyless")).net

    def cost(arch):
        one = owners.__new__(owners)
        one.lut = tables[arch["r"][0]]
        return one.predict_network_latency_given_config(net_config(net, arch), arch["r"][0])

    return cost


def nsganetv2(table, space=SPACE):
    """Cost as nsganetv2 has it: blocks by their expand ratio, no pooling, one table for all resolutions."""
    net = supernet(space).net

    def cost(arch):
        config, r = net_config(net, arch), arch["r"][0]
        last = math.ceil(r / 32)
        wide, features = (config[name]["out_channels"] for name in ("final_expand_layer", "feature_mix_layer"))
        before = config["final_expand_layer"]["in_channels"]
        names = [
            f"first_conv-input:{r}x{r}x3-output:{r // 2}x{r // 2}x{config['first_conv']['out_channels']}",
            f"final_expand_layer-input:{last}x{last}x{before}-output:{last}x{last}x{wide}",
            f"feature_mix_layer-input:1x1x{wide}-output:1x1x{features}",
            f"classifier-input:{features}-output:1000",
        ]
        size = math.ceil(r / 2)
        for block in config["blocks"]:
            conv, skip = block["conv"], int(block["shortcut"] is not None)
            out = math.ceil(size / conv["stride"])
            names.append(
                f"MBConv-input:{size}x{size}x{conv['in_channels']}-output:{out}x{out}x{conv['out_channels']}"
                f"-expand:{conv['expand_ratio']}-kernel:{conv['kernel_size']}-stride:{conv['stride']}"
                f"-idskip:{skip}-se:{int(conv['use_se'])}"
            )
            size = out
        return sum(table[name]["mean"] for name in names)

    return cost


def write(folder, tables, suffix="json"):
    folder.mkdir(parents=True, exist_ok=True)
    dump = json.dumps if suffix == "json" else yaml.safe_dump
    for r, table in tables.items():
        (folder / f"{r}_lookup_table.{suffix}").write_text(dump(dict(table)))
    return folder


def check(space, device, cost, n=40):
    """Compare costs with the owners' for random networks."""
    table = latency_table(space, str(device))
    genes = space.sample(n, np.random.default_rng(1))
    theirs = np.array([cost(space.to_ofa(row)) for row in genes])
    assert table.cost(genes) == pytest.approx(theirs, rel=1e-12)
    return table


@pytest.fixture(scope="module")
def tables():
    """Return invented tables of MobileNetV3, in OFA's form, by resolution; one that the space does not have."""
    made = {r: Invented() for r in (*RESOLUTIONS, 164)}
    fill(SPACE, ofa_mbv3(made), made)
    return {r: dict(table) for r, table in made.items()}


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_tables_of_ofa_cost_what_ofa_says(suffix, tables, tmp_path, caplog):
    caplog.set_level("INFO", logger="ofa_bench")
    folder = write(tmp_path / f"latency_table@{suffix}", tables, suffix)
    lookup_tables._log_once.cache_clear()
    table = check(SPACE, folder, ofa_mbv3(tables))
    check(load_space("compofa"), folder, ofa_mbv3(tables))
    assert (table.name, table.unit, list(table.targets)) == (f"latency_table@{suffix}", "ms", [])
    assert (table.card["width"], table.card["resolutions"], table.card["resolutions_left_out"]) == (
        1.2, list(RESOLUTIONS), [164],
    )  # fmt: skip
    assert caplog.messages == [f"device={folder}: its resolutions 164 are left out: mbv3 has none of them"]


def test_tables_of_proxyless_cost_what_ofa_says(tmp_path):
    space, made = load_space("proxyless"), {r: Invented() for r in RESOLUTIONS}
    fill(space, ofa_proxyless(made))
    check(space, write(tmp_path / "phone", made), ofa_proxyless(made))


@pytest.mark.parametrize("place", ["i7.yaml", "i7.json", "i7/all.yml"])
def test_one_file_of_nsganetv2_serves_all_resolutions(place, tmp_path):
    made = Invented()
    fill(SPACE, nsganetv2(made))
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made) if place.endswith("json") else yaml.safe_dump(dict(made)))
    device = path.parent if "/" in place else path
    table = check(SPACE, device, nsganetv2(made))
    assert (table.name, table.sha256) == ("i7", hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_table_of_both_widths_costs_each_space_its_own_layers(tmp_path):
    """Like the shipped table of the i7-8700K, whose owners' file has the layers of both supernets."""
    made = Invented()
    for space in (SPACE, NARROW):
        fill(space, nsganetv2(made, space))
    (tmp_path / "i7.yaml").write_text(yaml.safe_dump(dict(made)))
    wide, narrow = (check(space, tmp_path / "i7.yaml", nsganetv2(made, space)) for space in (SPACE, NARROW))
    assert (wide.card["width"], narrow.card["width"]) == (1.2, 1.0)
    assert wide.minimum != narrow.minimum


def test_a_table_of_the_other_width_is_refused(tables, tmp_path):
    with pytest.raises(InputError, match=r"the table is for width 1\.2; space mbv3_w1\.0 has width 1\.0"):
        latency_table(NARROW, str(write(tmp_path / "wide", tables)))


def test_the_shipped_tables_of_the_i7_are_what_its_owners_file_costs(measured, tmp_path, monkeypatch):
    import make_i7

    for space in (SPACE, NARROW):
        check(space, measured / "latency" / make_i7.FILE, latency_of(space, "i7_8700k"))
    monkeypatch.setattr(make_i7, "FOLDER", tmp_path)
    monkeypatch.setattr(make_i7, "targets_of", lambda table: latency_table(table.space, "i7_8700k").targets)
    make_i7.main(measured / "latency")
    for name in ("mbv3", "mbv3_w1.0"):
        path = f"i7_8700k/{name}.json"
        assert (tmp_path / path).read_bytes() == (tables_of_devices.FOLDER / path).read_bytes()


@pytest.mark.parametrize("device", ["jetson_cpu", "jetson_gpu"])
def test_the_shipped_tables_of_the_jetson_are_what_its_owners_files_cost(device, measured, tmp_path, monkeypatch):
    import make_jetson

    folder = measured / "latency" / device
    files = {r: json.loads((folder / f"{r}_lookup_table.json").read_bytes()) for r in RESOLUTIONS}
    shipped = latency_table(SPACE, device)
    genes = SPACE.sample(1000, np.random.default_rng(2))
    cost = ofa_mbv3(files)  # their own code sums in this order
    assert shipped.cost(genes) == pytest.approx([cost(SPACE.to_ofa(row)) for row in genes], rel=1e-12)
    assert (shipped.entries == latency_table(SPACE, str(folder)).entries).all()
    monkeypatch.setattr(make_jetson, "FOLDER", tmp_path)
    monkeypatch.setattr(make_jetson, "targets_of", lambda table: latency_table(SPACE, table.name).targets)
    make_jetson.main(measured / "latency")
    path = f"{device}/mbv3.json"
    assert (tmp_path / path).read_bytes() == (tables_of_devices.FOLDER / path).read_bytes()


def latency_of(space, device):
    table = latency_table(space, device)
    return lambda arch: table.cost(space.from_ofa(arch)[None])[0]


def test_official_files_are_the_shipped_table(assets):
    shipped, read = latency_table(SPACE, "note10"), latency_table(SPACE, str(assets / "ofa" / "note10"))
    assert (shipped.entries == read.entries).all()
    assert shipped.targets
    assert read.card["form"] == "OFA's form for MobileNetV3"


def test_the_hash_is_of_names_and_content(tables, tmp_path):
    first = latency_table(SPACE, str(write(tmp_path / "a", tables))).sha256
    folder = write(tmp_path / "b", tables)
    (folder / "README.md").write_text("ours")
    assert latency_table(SPACE, str(folder)).sha256 == first
    (folder / "164_lookup_table.json").unlink()
    assert latency_table(SPACE, str(folder)).sha256 != first


LAYER = "expanded_conv-input:14x14x96-output:14x14x96-expand:384-kernel:5-stride:1-idskip:1-se:0-hs:1"


def test_a_missing_layer_is_named_with_the_choices_that_need_it(tables, tmp_path):
    lacking = {**tables, 224: {name: one for name, one in tables[224].items() if name != LAYER}}
    folder = write(tmp_path / "lacking", lacking)
    with pytest.raises(InputError) as error:
        latency_table(SPACE, str(folder))
    assert str(error.value) == f"device={folder}: has no layer {LAYER}, which r=224, k9=5, e9=4 needs"
    held = part(SPACE, k9=[0, 2], k10=[0, 2], k11=[0, 2])
    check(held, folder, ofa_mbv3(lacking))


def test_missing_resolutions_are_named_and_not_needed_by_a_part_of_the_space(tables, tmp_path):
    few = {r: tables[r] for r in (160, 192)}
    folder = write(tmp_path / "few", few)
    with pytest.raises(InputError) as error:
        latency_table(SPACE, str(folder))
    assert str(error.value) == (
        f"device={folder}: has no layers for r=176, 208, 224 of space mbv3; hold the space to what the table has: "
        "space.choices='{r: [160, 192]}'"
    )
    held = part(SPACE, r=[0, 2])
    table = check(held, folder, ofa_mbv3(few))
    whole = latency_table(SPACE, str(write(tmp_path / "whole", tables)))
    assert (table.minimum, table.maximum) == (whole.within(held).minimum, whole.within(held).maximum)
    single = latency_table(part(held, r=[1]), str(folder / "192_lookup_table.json"))
    assert single.minimum == latency_table(part(SPACE, r=[2]), str(folder)).minimum


def test_the_choices_that_a_table_lacks_are_left_out_together(tables, tmp_path):
    """Of an NPU without 7x7 kernels, two image sizes measured; what the message suggests is accepted."""
    lacking = {r: {n: one for n, one in tables[r].items() if "-kernel:7-" not in n} for r in (160, 192)}
    folder = write(tmp_path / "npu", lacking)
    for space in (SPACE, hold(SPACE, {"r": [160, 192]})):
        with pytest.raises(InputError, match=r"hold the space to what the table has: space\.choices='(.*)'$") as error:
            latency_table(space, str(folder))
        [held] = re.findall("'(.*)'$", str(error.value))
        assert held == "{r: [160, 192], k: [3, 5]}"
    check(hold(SPACE, yaml.safe_load(held)), folder, ofa_mbv3(lacking))


def test_blocks_without_any_value_are_left_out_by_their_depth():
    terms = [Term((("k2",), ("k3",)), np.full(3, np.nan)), Term((("k4",),), np.array([1, np.nan, 2]))]
    whole = [range(n) for n in SPACE.cardinality.tolist()]
    assert suggest_choices(SPACE, terms, whole) == "space.choices='{d0: [2], k4: [3, 7]}'"
    assert suggest_choices(SPACE, [Term((("r",),), np.full(5, np.nan))], whole) == ""
    assert suggest_choices(SPACE, [Term((("r",),), np.ones(5))], whole) == ""


def part(space, **choices):
    """Hold genes to some of their choices, by position."""
    genes, sources = [], {}
    for gene in space.genes:
        kept = choices.get(gene.name, range(len(gene.choices)))
        genes.append(
            type(gene)(gene.name, tuple(gene.choices[i] for i in kept), gene.group, gene.owner, gene.active_from)
        )
        sources[gene.name] = (gene.name, list(kept))
    return Subspace("held", genes, space, sources)


WRONG = [
    ("resnet50d", lambda text: text, r"without names of blocks of space resnet50d \(none\)"),
    ("proxyless", lambda text: text, r"without names of blocks of space proxyless \(OFA's form for ProxylessNAS\)"),
    (
        "mbv3",
        lambda text: text.replace("x3-output:112x112x24", "x3-output:112x112x16"),
        "for width 1.0; space mbv3 has",
    ),
    ("mbv3", lambda text: text.replace('"mean": ', '"mean": -', 1), "must have a mean: a number of milliseconds"),
    ("mbv3", lambda text: text.replace('"mean"', '"median"', 1), "must have a mean: a number of milliseconds"),
    ("mbv3", lambda text: text.replace('"mean": ', '"mean": 1e400, "a": ', 1), "the number 1e400 is not finite"),
    (
        "mbv3",
        lambda text: '{"Conv-input:224x224x3-output:112x112x24": {"mean": 1}}',
        r"without names of blocks of space mbv3 \(OFA's form for MobileNetV3; nsganetv2's form\)",
    ),
    ("mbv3", lambda text: "a: &a [x]\nb: *a\n", "must have a mean"),
    ("mbv3", lambda text: "a: !!python/name:os.system\n", "must have a mean"),
    ("mbv3", lambda text: "a: " + "[" * 50_000 + "]" * 50_000, "it is no YAML: .*(recursion|nesting depth)"),
    ("mbv3", lambda text: "? [a]\n: {mean: 1}", "it is no YAML"),
    ("mbv3", lambda text: "a: {mean: .inf}", "must have a mean"),
    ("mbv3", lambda text: "a: {mean: 1}\n---\nb: {mean: 1}\n", "it is no YAML: expected a single document"),
    ("mbv3", lambda text: "", "no YAML mapping"),
    ("mbv3", lambda text: "a: [", "it is no YAML: "),
    ("mbv3", lambda text: "\x00", "it is no YAML"),
    ("mbv3", lambda text: "- 1\n", "no YAML mapping"),
]


@pytest.mark.parametrize(("name", "change", "says"), WRONG)
def test_what_is_no_such_table_is_refused(name, change, says, tables, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(change(json.dumps(tables[224])))
    with pytest.raises(InputError, match=says) as error:
        latency_table(load_space(name), str(path))
    assert str(error.value).startswith(f"device={path}: ")
    assert "\n" not in str(error.value)


def test_bytes_and_files_that_are_two(tables, tmp_path):
    (tmp_path / "t.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="cannot be read as a lookup table"):
        latency_table(SPACE, str(tmp_path / "t.yaml"))
    folder = write(write(tmp_path / "two", tables), tables, "yaml")
    with pytest.raises(InputError, match=r"160_lookup_table\.json and 160_lookup_table\.yaml are of one resolution"):
        latency_table(SPACE, str(folder))


def test_numbers_of_other_writers_are_read():
    text = b"'Conv-input:1x1x3-output:1x1x4': {mean: 1e-05, samples: [1, 2]}\n'b': {mean: 3}\n"
    assert lookup_tables.latencies(text) == {"Conv-input:1x1x3-output:1x1x4": 1e-05, "b": 3.0}


def test_a_command_searches_on_a_folder(tables, forks, tmp_path):
    folder = write(tmp_path / "latency_table@note10", tables)
    words = ("device=latency_table@note10", "strategy=random", "targets=quantiles", "budget.generations=2",
             "evolution.population_size=10", "tracking.uri=null", "progress=false")  # fmt: skip
    done = forks.run("run", words, tmp_path)
    assert (done.returncode, done.stderr.count("its resolutions 164 are left out")) == (0, 1), done.stderr
    (path,) = (tmp_path / "multirun").rglob("record.json")
    record = json.loads(path.read_text())
    assert record["device"]["sha256"] == latency_table(SPACE, str(folder)).sha256
    guarded = forks.run("run", (*words, "device.guard_band=true"), tmp_path)
    assert guarded.returncode == 2
    assert "guard_band=true needs a table whose card has a guard_band" in guarded.stderr
    shown = forks.run("report", ("multirun", "out=r"), tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
