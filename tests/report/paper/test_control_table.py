import numpy as np
import pytest
from crafting import CONTROLS, NOISE, TEN, crafted, crafted_rows

from ofa_bench.analysis.paper.controls import control_table
from ofa_bench.analysis.paper.runs import runs_of

ALLOWED = {"generations": 707, "unique_evaluations": 50, "seconds": 10.0}
"""What a chain took, and its control may take."""


def with_controls(shift, spread, names=CONTROLS, repeats=6, **changes):
    """Make the table of chains that are ahead of vanilla with as much by a shift; all chains find 80 %."""
    found = 80.0 - shift - spread * NOISE[:repeats, None] + np.zeros((repeats, 10))
    controls = [crafted("fair", name, TEN, seconds=np.full(repeats, 5.0), accuracy=found, **changes) for name in names]
    for name, control in zip(names, controls, strict=True):
        for repeat in control.repeats:
            repeat.limit = ALLOWED[name.split()[0]]
    return control_table(runs_of([*crafted_rows(), *controls]))


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        (0.5, 0.02, "better"),
        (-0.5, 0.02, "worse"),
        (0.0, 0.02, "equivalent"),
        (0.06, 0.1, "no loss"),
        (0.0, 1.0, "not distinguished"),
    ],
)
def test_chains_are_compared_with_vanilla_of_as_much(shift, spread, verdict):
    table = with_controls(shift, spread)
    equal = ["generations", "unique evaluations", "seconds"]
    assert [row[:4] for row in table.rows] == [
        ("MobileNetV3", "fair", one, chain) for one in equal for chain in ("top-down", "bottom-up")
    ]
    assert {row[-1] for row in table.rows} == {verdict}
    assert all(row[6].startswith(f"{shift:+.2f} (" if shift else "0.00 (") for row in table.rows)
    assert {row[5] for row in table.rows} == {"6"}


def test_what_the_control_spent_stands_beside_it():
    """Ten targets: 5,000 generations of vanilla here, 707 of a chain; 50 unique evaluations each; 5 s against 10."""
    assert [row[4] for row in with_controls(0, 1).rows[::2]] == ["707 %", "100 %", "50 %"]


def test_only_repeats_that_both_have_are_compared():
    assert {row[5] for row in with_controls(0, 1, repeats=4).rows} == {"4"}


def test_controls_that_were_not_run_have_no_row():
    assert [row[2:4] for row in with_controls(0, 1, names=["seconds bottom_up"]).rows] == [("seconds", "bottom-up")]
    assert control_table(runs_of(crafted_rows())) is None
    assert with_controls(0, 1, seed=7) is None
