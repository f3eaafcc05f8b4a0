import numpy as np
import pytest
from conftest import inside, laid_out
from plain import plain_record, plain_result

from ofa_bench.analysis.figures import networks
from ofa_bench.analysis.figures.networks import MAX_ROWS
from ofa_bench.analysis.studies import studies
from ofa_bench.spaces import (
    AccelNASBenchSpace,
    CompoundSpace,
    MobileNetV3Space,
    NASBenchMacroSpace,
    ProxylessNASSpace,
    ResNet50DSpace,
)
from ofa_bench.spaces.drawing import BLOCK, SLOT, STEM
from ofa_bench.spaces.resnet50d import BASE_DEPTHS

SPACES = {space.name: space for space in (MobileNetV3Space(), ProxylessNASSpace(), ResNet50DSpace(), CompoundSpace())}


def made(space, number=3, infeasible=(), change=lambda architecture: architecture):
    """Return the study and the entry of a record of random architectures."""
    rows = space.canonical(space.sample(number, np.random.default_rng(1)))
    results = [
        plain_result(
            target=10.0 + i, feasible=i not in infeasible, accuracy=None if i in infeasible else 0.7 + i / 100,
            cost=9.876 + i, architecture=change(space.to_ofa(row)),
        )
        for i, row in enumerate(rows)
    ]  # fmt: skip
    record = plain_record(results[::-1], choices={"space": space.name})
    [study] = studies([record])
    return study, study.entries[0]


def drawn(figure):
    """Lay out the figure, with warnings as errors. Return how many blocks of each kind there are."""
    axes = laid_out(figure)
    inside(figure, [*axes.texts, axes.title])
    counts = {boxes.get_gid(): len(boxes.get_paths()) for boxes in axes.collections}
    return {kind: counts.get(kind, 0) for kind in (BLOCK, STEM, SLOT)}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("name", SPACES)
def test_as_many_blocks_are_drawn_as_are_built(name):
    space = SPACES[name]
    study, entry = made(space, 4)
    counts = drawn(networks.draw(study, entry))
    architectures = [result.architecture for result in entry.records[0].repeats[0].results]
    if name == "resnet50d":
        assert counts[BLOCK] == sum(sum(BASE_DEPTHS) + sum(one["d"][1:]) for one in architectures)
        assert counts[STEM] == sum(2 + one["d"][0] // 2 for one in architectures)
        assert counts[BLOCK] + counts[STEM] + counts[SLOT] == 4 * (18 + 3)
    else:
        assert counts[BLOCK] == sum(sum(one["d"]) for one in architectures)
        assert counts[STEM] == 0
        assert counts[BLOCK] + counts[SLOT] == sum(len(one["ks"]) for one in architectures)


@pytest.mark.parametrize("name", ["mbv3", "proxyless"])
def test_colour_is_kernel_and_height_is_expand_ratio(name):
    space = SPACES[name]
    architecture = space.to_ofa(space.canonical(space.sample(1, np.random.default_rng(0)))[0])
    network = space.drawing(space.from_ofa(architecture))
    blocks = [block for stage in network.stages.values() for block in stage]
    places = np.cumsum([0, *map(len, network.stages.values())])
    for place, depth in zip(places, architecture["d"], strict=False):
        for i in range(place, place + depth):
            assert blocks[i].kind == BLOCK
            assert network.shades[blocks[i].shade] == architecture["ks"][i]
            assert network.heights[blocks[i].height] == architecture["e"][i]
    assert [*network.stages][-1] == {"mbv3": "stage 5", "proxyless": "last"}[name]
    assert network.resolution == architecture["image_size"]


def test_colour_is_width_in_resnet():
    space = SPACES["resnet50d"]
    architecture = space.to_ofa(space.canonical(space.sample(1, np.random.default_rng(0)))[0])
    network = space.drawing(space.from_ofa(architecture))
    assert [*network.stages] == ["stem", "stage 1", "stage 2", "stage 3", "stage 4"]
    assert [len(stage) for stage in network.stages.values()] == [3, 4, 4, 6, 4]
    first, second, last = network.stages["stem"]
    assert [first.shade, second.shade, last.shade] == [architecture["w"][i] for i in (0, 0, 1)]
    assert second.kind == (STEM if architecture["d"][0] else SLOT)
    for number in range(1, 5):
        stage = network.stages[f"stage {number}"]
        assert {block.shade for block in stage} == {architecture["w"][number + 1]}
        kinds = [block.kind for block in stage]
        assert kinds == sorted(kinds)
        assert kinds.count(BLOCK) == BASE_DEPTHS[number - 1] + architecture["d"][number]


def test_rows_say_target_cost_accuracy_and_resolution():
    study, entry = made(SPACES["mbv3"], 3, infeasible=(0,))
    written = texts(networks.draw(study, entry))
    resolutions = [f"{one.architecture['image_size']}" for one in entry.records[0].repeats[0].results][::-1]
    assert written[:4] == ["11", "10.88", "71.00", resolutions[1]]
    assert "12" in written
    assert "10" not in written


def test_a_space_without_image_sizes_has_no_column_for_them():
    shown = {}
    for space in (MobileNetV3Space(), NASBenchMacroSpace(), AccelNASBenchSpace()):
        described = {"_target_": f"ofa_bench.spaces.{type(space).__name__}"}
        row = networks.Drawn(
            target=10.0,
            cost=9.0,
            accuracy=0.7,
            architecture=space.to_ofa(np.zeros(space.n_genes, np.int8)),
            space=described,
        )
        shown[space.name] = "resolution" in texts(networks.draw_rows([row], "one", "ms"))
    assert shown == {"mbv3": True, "nasbench_macro": False, "accel_nasbench": False}


def test_of_many_targets_some_are_drawn():
    study, entry = made(SPACES["mbv3"], 25, infeasible=(0,))
    figure = networks.draw(study, entry)
    drawn(figure)
    shown = [text for text in texts(figure) if text in {f"{target:g}" for target in study.targets}]
    assert len(shown) == MAX_ROWS
    assert (shown[0], shown[-1]) == ("11", "34")


def test_one_row_is_drawn():
    assert drawn(networks.draw(*made(SPACES["proxyless"], 1)))[BLOCK] > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"cell": [1, 2, 3]},
        lambda one: one | {"ks": [9] * 20},
        lambda one: one | {"e": one["e"][1:]},
        lambda one: {"d": one["d"]},
    ],
)
def test_what_is_not_recognised_is_not_drawn(change):
    assert networks.draw(*made(SPACES["mbv3"], change=change)) is None
