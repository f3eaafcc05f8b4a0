from dataclasses import replace

import numpy as np
import pytest
from conftest import inside, laid_out
from matplotlib.container import ErrorbarContainer
from test_judges import STRATEGIES, found

from ofa_bench.analysis.figures.leads import leads
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import add_judges, summarize

pytestmark = pytest.mark.usefixtures("assets", "sources")


def cross_evaluate(*names, guide="embedded", **asked):
    [study] = studies([found(name, guide, **asked) for name in names or STRATEGIES])
    return add_judges(summarize(study))


def drawn(summary):
    figure = leads(summary)
    axes = laid_out(figure)
    legend = axes.get_legend()
    low, high = axes.get_xlim()
    ticks = [one for one in axes.get_xticklabels() if low <= one.get_position()[0] <= high]
    inside(figure, [axes.title, axes.xaxis.label, *ticks, *axes.get_yticklabels(), legend])
    return axes


def points(axes):
    """Return each point: its predictor's colour, and x and y."""
    bars = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    return [(one.lines[0].get_color(), *(float(values[0]) for values in one.lines[0].get_data())) for one in bars]


@pytest.mark.parametrize("guide", ["embedded", "member 2"])
@pytest.mark.parametrize("names", [("vanilla", "top_down"), tuple(STRATEGIES)])
def test_each_strategy_has_a_point_by_each_predictor(names, guide):
    summary = cross_evaluate(*names, guide=guide)
    axes = drawn(summary)
    lines = [line for line in summary.lines if line.name != "vanilla"]
    predictors = [{line.name: line.paired for line in lines}, *(one.leads for one in summary.judges)]
    wanted = [(place, by[line.name].difference) for by in predictors for place, line in enumerate(lines)]
    found = points(axes)
    assert [x for _, x, _ in found] == pytest.approx([difference for _, difference in wanted])
    assert [round(y) for _, _, y in found] == [place for place, _ in wanted]
    assert len({colour for colour, _, _ in found}) == len(predictors)
    assert len({y for _, _, y in found}) == len(found)
    assert [text.get_text() for text in axes.get_yticklabels()] == [line.name for line in lines]


def test_the_legend_says_who_guided():
    axes = drawn(cross_evaluate(guide="member 2"))
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == ["member 2 (guide)", "official"]
    assert axes.get_title() == "mbv3 on note10"
    assert "lead over vanilla" in axes.get_xlabel()


def test_arms_are_intervals():
    summary = cross_evaluate("vanilla", "bottom_up")
    [bars] = [one for one in drawn(summary).containers if one.get_label() == "official"]
    [segments] = bars.lines[2]
    [lead] = [one.leads["bottom_up"] for one in summary.judges]
    assert segments.get_segments()[0][:, 0] == pytest.approx(np.array(lead.interval))


def test_one_repeat_has_points_without_arms():
    axes = drawn(cross_evaluate(repeats=1))
    assert len(points(axes)) == 4
    assert not any(one.has_xerr for one in axes.containers)


def test_long_names_are_not_cut_off():
    long = found("top_down")
    long.address += ",evolution.mutate_prob=0.123456,strategy.warm_start.prune_resolution=false,strategy.order=x"
    [study] = studies([found(), found("bottom_up"), long])
    axes = drawn(add_judges(summarize(study)))
    assert any("\n" in text.get_text() for text in axes.get_yticklabels())


def test_several_judges_are_told_apart():
    summary = cross_evaluate()
    several = replace(summary, judges=(*summary.judges, replace(summary.judges[0], judge="another")))
    assert len({colour for colour, _, _ in points(drawn(several))}) == 3


def test_without_judges_or_a_lead_nothing_is_drawn(made):
    [study] = studies([made(), made(strategy="bottom_up")])
    assert leads(add_judges(summarize(study))) is None
    [study] = studies([found(), found("bottom_up")])
    assert leads(summarize(study)) is None
    assert leads(cross_evaluate("vanilla")) is None
    assert leads(cross_evaluate("vanilla", "bottom_up", targets=(5.0,))) is None
