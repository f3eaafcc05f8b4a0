import warnings

import numpy as np
import pytest
from conftest import inside
from crafting import crafted_set

from ofa_bench.analysis.figures import paper as pictures
from ofa_bench.analysis.paper.protocols import PROTOCOLS, STRATEGIES
from ofa_bench.analysis.paper.published import published_paper
from ofa_bench.analysis.paper.runs import runs_of

PUBLISHED = published_paper()


@pytest.mark.parametrize("draw", [pictures.time, pictures.accuracy], ids=["time", "accuracy"])
@pytest.mark.parametrize("space", ["mbv3", "resnet50d"])
def test_pictures_have_a_panel_for_the_paper_and_each_protocol(draw, space):
    several = [*crafted_set(seconds=(1.0, 1.1)), *crafted_set("as_published", seconds=(2.0, 2.1))]
    for made in (several, several[:9], crafted_set(seconds=(1.0,))):
        runs = {protocol: one for (_, protocol), one in runs_of(made).items()}
        figure = draw(space, runs, PUBLISHED)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.draw_without_rendering()
        message = [axes.get_title() for axes in figure.axes]
        own = "the paper's figures" if space == "mbv3" else "the paper's figures (of mbv3)"
        assert message == [own, *(f"{PROTOCOLS[protocol]}, {space}" for protocol in runs)]
        for axes in figure.axes:
            inside(figure, [axes.title, axes.xaxis.label, axes.yaxis.label])
        inside(figure, [figure.axes[0].get_legend()])
        for axes, one in zip(figure.axes[1:], runs.values(), strict=True):
            lines = {bars.get_label(): bars.lines[0].get_data() for bars in axes.containers}
            assert set(lines) == set(STRATEGIES if draw is pictures.time else STRATEGIES[1:])
            numbers = one.rows if draw is pictures.time else one.targets
            for x, y in lines.values():
                assert x == pytest.approx(np.array(numbers), abs=1)
                assert y == pytest.approx(np.full(len(numbers), 1.0 if draw is pictures.time else 0.0))
