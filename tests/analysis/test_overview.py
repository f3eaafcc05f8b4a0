"""Who won each study, by how much and at what cost."""

from dataclasses import replace

import pytest
from plain import plain_record, plain_result

from ofa_bench.analysis.judging import Judged
from ofa_bench.analysis.overview import name_studies, overview
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import summarize

NOISE = (0.0, 0.01, -0.01, 0.02, -0.02, 0.005, -0.005)


def one(strategy, percent, evaluations=5, noise=(0.0,) * 7, **fields):
    """Return a record of seven repeats with these accuracies, percent."""
    address, choices = f"mbv3/d/p/{strategy}/b/t/x", {"strategy": strategy}
    first = plain_record([plain_result()], choices=choices, address=address, **fields)
    repeats = []
    for number, more in enumerate(noise):
        found = percent is not None and (percent + more) / 100
        result = plain_result(evaluations=evaluations, accuracy=found or None, feasible=bool(found))
        repeats.append(replace(first.repeats[0], repeat=number, results=[result], seconds=evaluations / 10))
    first.repeats = repeats
    return first


def row(*records, judges=()):
    [study] = studies(records)
    table = overview([replace(summarize(study), judges=tuple(judges))])
    assert table.heads[0] == "study"
    return dict(zip(table.heads, table.rows[0], strict=True))


def test_the_best_has_its_lead_over_the_reference_and_its_relative_cost():
    found = row(one("vanilla", 75.0, 10), one("worse", 74.0), one("joint", 75.5, 4, NOISE))
    assert found == {
        "study": "mbv3 on d, 1 target (20 ms)", "most accurate": "joint", "accuracy by the guide %": "75.50",
        "its lead by the guide, points": "+0.50 (+0.49 to +0.51) over vanilla", "test": "significant",
        "its evaluations": "40 % of vanilla", "its time": "40 % of vanilla",
    }  # fmt: skip


def test_a_reference_that_wins_leads_over_the_next():
    vanilla, joint = one("vanilla", 75.5, 1000), one("joint", 75.0, 4, NOISE)
    [study] = studies([vanilla, joint])
    paired = summarize(study).by_name["joint"].paired
    judge = Judged("other", "independent", {}, {"joint": replace(paired, difference=0.25, interval=(0.1, 0.4))}, {}, "")
    found = row(vanilla, joint, one("worse", 70.0), judges=[judge])
    assert found["most accurate"] == "vanilla"
    assert found["its lead by the guide, points"] == "+0.50 (+0.49 to +0.51) over joint"
    assert found["test"] == "significant"
    assert found["its lead by judges, points"] == "other -0.25 (-0.40 to -0.10)"
    assert found["its evaluations"] == found["its time"] == "25,000 % of joint"


@pytest.mark.parametrize(("percent", "name"), [(75.0, "joint"), (None, "none")])
def test_alone_or_without_a_network_there_is_no_lead(percent, name):
    found = row(one("joint", percent))
    assert [*found.values()] == ["mbv3 on d, 1 target (20 ms)", name, *["75.00"] * bool(percent)]


def test_a_control_does_not_win():
    control = one("vanilla", 76.0, budget={"match": "generations", "chain": "descending"})
    assert row(one("vanilla", 75.0), one("top_down", 75.5), control)["most accurate"] == "top_down"


def test_studies_of_one_title_are_told_apart():
    def summary(**fields):
        [study] = studies([one("joint", 75.0, **fields)])
        return summarize(study)

    title = "mbv3 on d, 1 target (20 ms)"
    assert name_studies([summary()]) == [title]
    several = [summary(), summary(budget={"generations": 9})]
    assert name_studies(several) == [f"{title}, 1 generations, 1 warm", f"{title}, 9 generations, 1 warm"]
