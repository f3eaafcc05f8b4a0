import os
import sys
from functools import partial
from io import BytesIO

import pytest
from matplotlib.figure import Figure
from PIL import Image

from ofa_bench.analysis.figures import rendering
from ofa_bench.analysis.figures.rendering import render_all

linux = pytest.mark.skipif(sys.platform != "linux", reason="no forks on this system")


def draw(level):
    figure = Figure(figsize=(2, 1), dpi=110, layout="constrained")
    figure.add_subplot().plot([0, level])
    return figure


@pytest.fixture
def cores(monkeypatch):
    monkeypatch.setattr(rendering, "SHARE", 1)
    return lambda number: monkeypatch.setattr(rendering, "available_cores", lambda: number)


def test_figures_come_in_order_whatever_the_number_of_cores(cores):
    draws = [partial(draw, level) for level in (1, 2, 3, 4)]
    draws.insert(2, lambda: None)
    found = []
    for number in (1, 3, 100):
        cores(number)
        found.append(render_all(draws))
    assert [[one and one.png for one in several] for several in found[1:]] == [
        [one and one.png for one in found[0]]
    ] * 2
    assert [one is None for one in found[0]] == [False, False, True, False, False]
    for one in filter(None, found[0]):
        assert Image.open(BytesIO(one.png)).size == (220, 110)
        assert one.svg.startswith("<?xml")
    assert len({one.png for one in filter(None, found[0])}) == 4


def test_nothing_is_drawn_of_nothing():
    assert render_all([]) == []


@linux
def test_what_a_fork_cannot_draw_is_drawn_here(cores):
    here = os.getpid()

    def draw_here():
        if os.getpid() != here:
            os._exit(9)
        return draw(2)

    cores(2)
    found = render_all([partial(draw, 1), draw_here])
    assert all(found)


@linux
def test_an_error_of_a_fork_is_raised_here(cores, capfd):
    cores(2)
    with pytest.raises(ZeroDivisionError):
        render_all([partial(draw, 1), lambda: draw(1 / 0)])
    assert capfd.readouterr().err == ""
