import re

import numpy as np
import pytest
from calling import call
from crafting import TEN
from searching import made_sweeps, quick, table, tables  # noqa: F401

from ofa_bench.analysis.paper.protocols import PROTOCOLS, STRATEGIES
from ofa_bench.analysis.paper.published import published_paper

PUBLISHED = published_paper()
HEADS = [f"{name}: {column}" for name in STRATEGIES for column in ("paper", *PROTOCOLS.values())]
JUDGED_HEADS = [head for head in HEADS if "memo" not in head]


@pytest.fixture(scope="module")
def page(sweeps):
    """Write the page once. Return its path."""
    return call("paper", [str(sweeps), f"out={sweeps.parent / 'out'}"])


def test_the_page_begins_with_the_claims(page):
    text = page.read_text()
    assert page.name == "paper.md"
    heads, _, *rows = tables(text)[0]
    judged = ["space", "claim", "its own figures", "as published", "verdict", "fair", "verdict"]
    assert heads == [*judged, "fair, with memo"]
    assert [row[0] for row in rows] == ["MobileNetV3"] * 8 + ["ProxylessNAS"] * 7
    words = {"other size", "by construction", "too few repeats", "does not hold", ""}
    assert {row[place] for row in rows for place in (4, 6)} <= words
    assert all(row[5] for row in rows)
    assert [bool(row[3]) for row in rows] == [True] * 8 + [False] * 7
    assert [bool(row[7]) for row in rows] == [True] * 8 + [False] * 7
    generations = next(row for row in rows if "a chain makes" in row[1])
    fair = "9 + (k − 1)·3"  # noqa: RUF001
    assert generations[3:] == ["9 + (k − 1)·63", "does not hold", fair, "by construction", fair]  # noqa: RUF001
    assert tables(text)[1][0] == tables(text)[2][0] == judged


def test_controls_stand_after_the_claims(page):
    heads, _, *rows = tables(page.read_text())[3]
    assert heads[:5] == ["space", "protocol", "equal", "chain", "spent"]
    assert [row[:4] for row in rows] == [
        ["MobileNetV3", "fair", "generations", chain] for chain in ("top-down", "bottom-up")
    ]
    assert {row[4] for row in rows} == {"100 %"}


def test_the_page_is_whole(page):
    text = page.read_text()
    assert "nan" not in re.findall(r"\w+", text.lower())
    assert "None" not in text
    assert "{{" not in text
    assert "{%" not in text
    assert all(len({len(row) for row in one}) == 1 for one in tables(text))
    assert text.count("n = 9, 2 repeats.") == 2
    assert "1 used" in text


def test_pictures_that_the_page_names_are_there_and_no_others(page):
    named = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text())
    pictures = [f"paper/{space}_{kind}.png" for space in ("mbv3", "proxyless") for kind in ("time", "accuracy")]
    assert named == pictures
    assert sorted(page.parent / name for name in named) == sorted((page.parent / "paper").iterdir())
    for name in named:
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
        assert (page.parent / name).stat().st_size > 3000


def test_every_row_of_table_1_is_there_in_both_protocols(page):
    heads, _, *rows = table(page.read_text(), "targets")
    assert heads == ["targets", *HEADS]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "10"]
    assert [[head for head, cell in zip(heads, row, strict=True) if not cell] for row in rows] == [[]] * 6
    assert rows[0][:2] == ["1", "27.1"]
    assert rows[5][heads.index("top_down: paper")] == "47.8 (19 %)"
    ratios = [one for one in tables(page.read_text()) if one[0][0] == "targets"][1]
    assert ratios[0] == ["targets", *(head for head in HEADS if "top_down" not in head)]
    assert (len(ratios), ratios[2][1]) == (8, "57")


def test_accuracies_stand_by_target_with_the_papers_own(page):
    heads, _, *rows = table(page.read_text(), "ms")
    assert [row[0] for row in rows] == [*map(str, TEN), "mean"]
    assert heads == ["ms", *JUDGED_HEADS]
    assert all(all(row) for row in rows)
    assert rows[0][1] == "78.44 ± 0.09"
    other = [one for one in tables(page.read_text()) if one[0][0] == "ms"][1]
    assert other[0] == ["ms", *(f"{name}: fair" for name in STRATEGIES)]
    assert len(other) == 2 + 3 + 1


def test_what_the_page_says_of_the_papers_figures_is_so(page):
    text = " ".join(page.read_text().split())
    printed, notebook = (PUBLISHED["table1"][f"{which}_seconds"] for which in ("printed", "notebook"))
    for name, sums, message in (("top_down", (28.7, 30.0), 36), ("bottom_up", (42.3, 41.0), 55)):
        of = [100 * sum(one[name]) / sum(one["vanilla"]) for one in (printed, notebook)]
        assert np.round(of, 1).tolist() == list(sums)
        assert round(100 * np.mean(np.divide(printed[name], printed["vanilla"]))) == message
    assert "28.7 % and 42.3 % as printed, 30.0 % and 41.0 % by the notebooks" in text
    assert "ratios is 36 % and 55 %" in text
    assert f"top-down took {printed['top_down'][0]} s for 35 ms and vanilla {printed['vanilla'][0]} s for 15 ms" in text
    assert round(notebook["bottom_up"][4], 2) == 47.78
    assert round(notebook["top_down"][5], 2) == 55.61
    assert (printed["bottom_up"][4], printed["top_down"][5]) == (55.608, 47.781)
    at_50 = {name: PUBLISHED["table2"]["printed_percent"][name][7] for name in STRATEGIES}
    assert at_50["top_down"] - at_50["vanilla"] == pytest.approx(0.58)
    assert max(at_50, key=at_50.get) == "top_down"
    assert round(63 / 500**0.5, 1) == 2.8
