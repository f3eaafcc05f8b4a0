import itertools

import numpy as np
import pytest

from ofa_bench.devices.cost import Term
from ofa_bench.devices.elimination import minimise
from ofa_bench.devices.tables import write_table
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.predictors.assets import asset_path, sha256_of
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.spaces.mobile import RESOLUTIONS
from ofa_bench.supernets.ofa_package import ofa_latency_table
from ofa_bench.testing import check_cost

SPACE = MobileNetV3Space()
NOTE10 = latency_table(SPACE, "note10")


def made_table(*terms):
    return CostTable(SPACE, terms, name="made", unit="ms", sha256="", card={})


def test_note10_contract():
    check_cost(NOTE10, SPACE)
    assert NOTE10.unit == "ms"
    assert {"source", "date", "title"} <= set(NOTE10.card)


@pytest.mark.parametrize("space", [SPACE, MobileNetV3Space(width=1.0)], ids=lambda space: space.name)
def test_i7_contract(space):
    table = latency_table(space, "i7_8700k")
    check_cost(table, space)
    assert (table.unit, table.card["licence"], len(table.targets)) == ("ms", "Apache-2.0", 10)
    assert {"source", "title", "file_sha256"} <= set(table.card)
    assert table.minimum < table.targets[0] < table.targets[-1] < table.maximum


@pytest.mark.parametrize("device", ["jetson_cpu", "jetson_gpu"])
def test_jetson_contract(device):
    table = latency_table(SPACE, device)
    check_cost(table, SPACE)
    check_cost(latency_table(CompoundSpace(), device), CompoundSpace())
    assert (table.unit, len(table.targets)) == ("ms", 10)
    assert {"source", "licence", "unit", "statistic"} <= set(table.card)
    assert table.minimum < table.targets[0] < table.targets[-1] < table.maximum
    with pytest.raises(InputError, match="guard_band=true needs a table whose card has a guard_band"):
        latency_table(SPACE, device, guard_band=True)


FITTED = {"p40_b64": 0.006, "rtx2080ti_b64": 0.016, "v100_b64": 0.003, "titan_rtx_b64": 0.003, "titan_xp_b64": 0.012}


@pytest.mark.parametrize(("device", "error"), FITTED.items())
def test_fitted_tables_cost_what_was_measured(device, error, measured, tmp_path, monkeypatch):
    import make_gpus

    gpu = make_gpus.GPUS[device]
    space = gpu.source.space
    table = latency_table(space, device)
    genes, milliseconds = make_gpus.rows_of(gpu, (measured / "latency" / gpu.file).read_bytes())
    assert np.abs(table.cost(genes) / milliseconds - 1).mean() < error
    monkeypatch.setattr(make_gpus, "FOLDER", tmp_path)
    monkeypatch.setattr(make_gpus, "GPUS", {device: gpu})
    monkeypatch.setattr(make_gpus, "targets_of", lambda table: ())
    make_gpus.main(measured / "latency")
    made = latency_table(space, str(tmp_path / device))
    assert made.cost(genes[:50]) == pytest.approx(table.cost(genes[:50]), abs=1e-3)
    assert made.card["held_back"]["mean_error"] == pytest.approx(table.card["held_back"]["mean_error"], rel=0.01)


@pytest.mark.parametrize("device", FITTED)
def test_fitted_tables_state_their_batch_and_error(device):
    spaces = [SPACE, MobileNetV3Space(width=1.0)]
    other, space = spaces if device in ("p40_b64", "rtx2080ti_b64") else spaces[::-1]
    networks = 1600 if space.width == 1.0 else 165
    table = latency_table(space, device)
    check_cost(table, space)
    check_cost(latency_table(space, device, guard_band=True), space)
    assert (table.unit, table.card["batch"], len(table.targets)) == ("ms a batch of 64", 64, 10)
    assert (table.card["held_back"]["networks"], 1 < table.card["guard_band"] < 1.03) == (networks, True)
    assert table.minimum < table.targets[0] < table.targets[-1] < table.maximum
    assert table.card["held_back"]["rank_correlation"] > 0.998
    with pytest.raises(
        InputError, match=f"device={device}: it has no table for space {other.name}, only for {space.name}"
    ):
        latency_table(other, device)


@pytest.mark.usefixtures("assets")
def test_note10_equals_ofa():
    files = {r: asset_path(f"ofa/note10/{r}_lookup_table.yaml") for r in RESOLUTIONS}
    table = ofa_latency_table(files)
    genes = SPACE.sample(10_000, np.random.default_rng(5))
    theirs = np.array([table.predict_efficiency(SPACE.to_ofa(row)) for row in genes])
    assert np.abs(NOTE10.cost(genes) - theirs).max() < 1e-9


@pytest.mark.usefixtures("assets")
def test_note10_is_what_the_official_files_give(tmp_path, monkeypatch):
    import make_note10

    shipped = (make_note10.FOLDER / "note10" / "mbv3.json").read_text()
    monkeypatch.setattr(make_note10, "FOLDER", tmp_path)
    make_note10.main()
    assert (tmp_path / "note10" / "mbv3.json").read_text() == shipped


def test_extremes_are_exact():
    # Where one gene decides the cost of another's choice, greedy choices go wrong; enumeration does not.
    rng = np.random.default_rng(6)
    for _ in range(20):
        factors = [((0, 1), rng.random((3, 4))), ((1, 2), rng.random((4, 2))), ((2, 0, 3), rng.random((2, 3, 3)))]
        cardinality = np.array([3, 4, 2, 3, 2], np.int8)
        everything = itertools.product(*(range(size) for size in cardinality))
        costs = {row: sum(values[tuple(row[v] for v in scope)] for scope, values in factors) for row in everything}
        best = minimise(factors, cardinality)
        assert costs[tuple(int(v) for v in best)] == min(costs.values())
        assert best[4] == 0  # in no factor


def test_terms_count_only_where_their_genes_are_active():
    table = made_table(Term((("k3", "e3"),), np.ones((3, 3))), Term((("r",),), np.full(5, 10.0)))
    genes = np.zeros((3, SPACE.n_genes), np.int8)
    genes[:, SPACE.index["d0"]] = [0, 1, 2]  # block 3 exists at depth 4 only
    assert table.cost(genes).tolist() == [10, 10, 11]
    assert (table.minimum, table.maximum) == (10, 11)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (Term((("k99",),), np.ones(3)), "no gene 'k99'"),
        (Term((("k0", "e0"),), np.ones((3, 2))), "must have shape"),
        (Term((("k0",),), np.array([1.0, np.nan, 1.0])), "non-finite"),
        (Term((("k0",),), np.array([1.0, -1.0, 1.0])), "negative"),
    ],
)
def test_bad_tables_are_refused(term, message):
    with pytest.raises(InputError, match=message):
        made_table(term)


def test_unknown_device_is_refused():
    with pytest.raises(InputError, match=r"there are .*macs, note10, .*or the path of a table; did you mean 'note10'"):
        latency_table(SPACE, "note1o")


def test_device_without_a_table_for_the_space_names_what_there_is():
    with pytest.raises(InputError, match=r"no table for space resnet50d, only for mbv3; devices with .*: .*macs"):
        latency_table(ResNet50DSpace(), "note10")


def test_a_written_table_is_read_again_from_its_file_or_folder(tmp_path):
    terms = [Term((("r",),), np.arange(1.0, 6.0)), Term((("r", "k0", "e0"), ("r", "k1", "e1")), np.ones((5, 3, 3)))]
    path = tmp_path / "phone" / "mbv3.json"
    write_table(path, terms, space="mbv3", device="phone", unit="ms", card={"title": "made up"}, targets=[3.0, 4.0])
    by_file, by_folder = latency_table(SPACE, str(path)), latency_table(SPACE, str(path.parent))
    assert (by_file.name, by_folder.name) == ("mbv3", "phone")
    assert by_folder.targets == (3.0, 4.0)
    assert by_folder.card == {"title": "made up"}
    assert by_folder.minimum == 3.0
    assert by_file.sha256 == by_folder.sha256 == sha256_of(path)
    with pytest.raises(InputError, match="no table for space resnet50d, only for mbv3"):
        latency_table(ResNet50DSpace(), str(path.parent))
    with pytest.raises(InputError, match=r"for space mbv3, not of .* for resnet50d"):
        latency_table(ResNet50DSpace(), str(path))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": "ofa_bench.cost_table/1", "space": "mbv3"}', "\x00"])
def test_a_file_that_is_no_table_is_refused(content, tmp_path):
    (tmp_path / "table.json").write_text(content)
    with pytest.raises(InputError, match="not a cost table"):
        latency_table(SPACE, str(tmp_path / "table.json"))


def test_a_rescaled_table_keeps_exact_extremes():
    made = NOTE10.rescaled(np.random.default_rng(7))
    check_cost(made, SPACE)
    genes = SPACE.sample(100, np.random.default_rng(8))
    assert np.corrcoef(made.cost(genes), NOTE10.cost(genes))[0, 1] < 0.999
    assert NOTE10.minimum == pytest.approx(9.890, abs=0.001)


def test_a_seed_makes_a_device_up():
    one, same, other = (latency_table(SPACE, "note10", rescaled=seed) for seed in (1, 1, 2))
    check_cost(one, SPACE)
    genes = SPACE.sample(100, np.random.default_rng(8))
    assert one.cost(genes).tobytes() == same.cost(genes).tobytes()
    assert (one.sha256, one.name, tuple(one.targets)) == (same.sha256, "note10~1", ())
    assert len({one.sha256, other.sha256, NOTE10.sha256}) == 3
    assert not np.allclose(one.cost(genes), other.cost(genes))
    assert one.card["made_of"] == NOTE10.card
    part = CompoundSpace()
    rows = part.sample(20, np.random.default_rng(9))
    assert latency_table(part, "note10", rescaled=1).cost(rows) == pytest.approx(one.cost(part.to_parent(rows)))


@pytest.mark.parametrize("seed", [-1, True, 1.5, "x"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(InputError, match=rf"device\.rescaled={seed}: must be null or a seed"):
        latency_table(SPACE, "note10", rescaled=seed)
    with pytest.raises(InputError, match=r"device\.rescaled: not with device\.guard_band=true"):
        latency_table(SPACE, "cpu_onnx", guard_band=True, rescaled=1)


def test_a_guard_band_is_a_lower_target(tmp_path):
    terms = [Term((("r",),), np.arange(1.0, 6.0))]
    write_table(tmp_path / "mbv3.json", terms, space="mbv3", device="x", unit="ms", card={"guard_band": 1.25})
    plain, guarded = (latency_table(SPACE, str(tmp_path), guard_band=guard) for guard in (False, True))
    check_cost(guarded, SPACE)
    genes = SPACE.sample(50, np.random.default_rng(9))
    assert guarded.cost(genes) == pytest.approx(1.25 * plain.cost(genes))
    assert guarded.minimum == 1.25
    with pytest.raises(InputError, match=r"device\.guard_band=maybe: must be true or false"):
        latency_table(SPACE, str(tmp_path), guard_band="maybe")
    with pytest.raises(InputError, match="device=note10: guard_band=true needs a table whose card has"):
        latency_table(CompoundSpace(), "note10", guard_band=True)


def test_a_part_of_another_space_is_refused():
    with pytest.raises(InputError, match="compofa is a part of mbv3, not resnet50d"):
        latency_table(ResNet50DSpace(), "macs").within(CompoundSpace())


@pytest.mark.parametrize(
    "space", [SPACE, MobileNetV3Space(width=1.0), ProxylessNASSpace(), ResNet50DSpace()], ids=lambda space: space.name
)
def test_measured_tables(space):
    table = latency_table(space, "cpu_onnx")
    check_cost(table, space)
    card = table.card
    assert {"runner", "threads", "machine", "date", "protocol", "calibration", "held_back"} <= set(card)
    assert card["held_back"]["networks"] >= 25
    assert card["held_back"]["mean_error"] < 0.03
    assert card["held_back"]["rank_correlation"] > 0.98
    assert len(table.targets) == 10
    assert table.minimum < table.targets[0] < table.targets[-1] < table.maximum
