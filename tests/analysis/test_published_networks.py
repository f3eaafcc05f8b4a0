"""Found networks among published ones."""

import json
from pathlib import Path

import numpy as np
from conftest import inside, laid_out

from ofa_bench import data
from ofa_bench.analysis.figures.published import LABELS, FoundNetworks, PublishedNetwork, draw_among_published

CARD = json.loads((Path(data.__file__).parent / "published" / "networks.json").read_text())
PUBLISHED = [PublishedNetwork(one["name"], one["top1"], one["macs"]) for one in CARD["networks"]]


def test_every_figure_has_a_source_and_is_plausible():
    assert len({one["name"] for one in CARD["networks"]}) == len(CARD["networks"]) == 10
    for one in CARD["networks"]:
        assert len(one["source"]) > 20
        assert 55 < one["top1"] < 80
        assert 100 < one["macs"] < 5000
    assert {one.name for one in PUBLISHED} >= set(LABELS)


def test_found_and_published_networks_are_drawn_and_named():
    found = FoundNetworks("found here", np.array([150.0, 300.0]), np.array([74.0, 77.0]), np.array([0.3, 0.1]))
    figure = draw_among_published([found], PUBLISHED)
    axes = laid_out(figure)
    inside(figure, axes.texts)
    assert {text.get_text() for text in axes.texts} == {one.name for one in PUBLISHED}
    assert axes.get_xscale() == "log"
    [bars] = axes.containers
    low, high = bars[2][0].get_segments()[0][:, 1]
    assert (low, high) == (73.7, 74.3)
    [circles] = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(circles.get_ydata()) == sorted(one.top1 for one in PUBLISHED)
