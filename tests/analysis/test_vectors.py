"""A figure as SVG: the file, and the element of a page."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import Look, draw_line, draw_points
from ofa_bench.analysis.figures.hovering import note_boxes
from ofa_bench.analysis.figures.vectors import draw_vectors

X, Y, STD = np.array([1.0, 2.0, 3.0]), np.array([5.0, np.nan, 4.0]), np.array([0.0, 0.0, 0.25])


@pytest.fixture
def figure():
    figure = Figure(figsize=(4, 3), dpi=110)
    axes = figure.add_subplot()
    axes.set_title("<a> & b")
    axes.grid()
    draw_line(axes, X, Y, STD, Look("#0072B2", "o"), "mine <&>", shift=0.1)
    draw_points(axes, np.array([9.0, 1.5]), np.array([4.5, 4.5]), Look("#123456", "s"), "yours")
    note_boxes(axes, [(1.0, 4.0, 0.5, 0.25)], ["a box"])
    axes.set_xlim(0, 4)
    return figure


def test_the_file_is_that_of_matplotlib(figure):
    with rc_context({"svg.hashsalt": "same"}):
        file, _ = draw_vectors(figure, "")
        plain = io.StringIO()
        FigureCanvasSVG(figure).print_svg(plain, metadata={"Date": None})
    assert file == plain.getvalue()


def test_the_element_takes_text_and_colours_from_the_page(figure):
    element = draw_vectors(figure, "p1-")[1]
    tree = ET.fromstring(element)
    assert {"<a> & b", "1", "2"} <= {text.text for text in tree.iter("text")}
    colours = {*re.findall(r"#[0-9a-f]{6}\b|var\([^)]*\)", element)}
    assert colours == {"var(--ink)", "var(--ground)", "var(--grid)", "var(--on-0072b2, #0072b2)", "#123456"}
    assert not re.search("font-family|<style|<metadata|<!--|xmlns", element)


def test_ids_of_several_elements_do_not_meet(figure):
    ids = [{*re.findall(r'id="([^"]*)"', draw_vectors(figure, prefix)[1])} for prefix in ("p1-", "p2-")]
    assert ids[0]
    assert not ids[0] & ids[1]
    element = draw_vectors(figure, "p3-")[1]
    used = {one or other for one, other in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', element)}
    assert used == {*re.findall(r'id="([^"]*)"', element)}


def test_points_and_boxes_have_titles_where_they_are_drawn(figure):
    tree = ET.fromstring(draw_vectors(figure, "")[1])
    [areas] = [group for group in tree.iter("g") if group.get("class") == "areas"]
    titles = [one.find("title").text for one in areas]
    assert titles == ["mine <&> at 1: 5", "mine <&> at 3: 4 ± 0.25", "yours at 1.5: 4.5", "a box"]  # 9 is outside
    [axes] = figure.axes
    x, y = axes.transData.transform((1.1, 5.0)) * 72 / figure.dpi
    assert (float(areas[0].get("cx")), float(areas[0].get("cy"))) == pytest.approx((x, 216 - y), abs=0.1)
    width = axes.transData.transform((1.5, 4.0))[0] - axes.transData.transform((1.0, 4.0))[0]
    assert float(areas[3].get("width")) == pytest.approx(width * 72 / figure.dpi, abs=0.1)
