"""What is said of a lead, by which predictors see it."""

import numpy as np
import pytest

from ofa_bench.analysis.agreement import describe_agreement, sees
from ofa_bench.analysis.judging import Judged
from ofa_bench.analysis.statistics import paired

NOISE = np.array([-0.02, 0.01, 0.02, -0.01, 0.015, -0.015])


def lead(points, noise=NOISE):
    [found] = paired({"vanilla": np.zeros(len(noise)), "joint": points + noise}, "vanilla")
    return found


def judge(name, points, role="independent"):
    return Judged(name, role, {}, {"joint": lead(points)}, {}, "")


def agreement(guide, *judges):
    return describe_agreement(lead(guide), judges)


@pytest.mark.parametrize(
    ("guide", "by", "wanted"),
    [
        (0.3, (0.1, 0.2), "Both independent sources see the lead."),
        (-0.3, (-0.1, -0.2), "Both independent sources see the loss."),
        (0.3, (0.0, 0.0), "Only the guide sees the lead: a and b do not."),
        (0.3, (0.0,), "Only the guide sees the lead: a does not."),
        (0.3, (0.1,), "The independent source, a, sees the lead."),
        (0.3, (0.1, 0.2, 0.1), "All 3 independent sources see the lead."),
        (0.3, (0.1, 0.0), "The independent sources disagree: a sees the lead, b sees no difference."),
        (0.3, (-0.1, 0.0), "The independent sources disagree: a sees a loss, b sees no difference."),
        (0.0, (-0.1, 0.1), "The independent sources disagree: b sees a lead, a sees a loss."),
        (0.3, (-0.1, -0.1), "Both independent sources see a loss where the guide sees the lead."),
        (0.0, (0.1, 0.1), "Both independent sources see a lead, the guide does not."),
        (0.0, (0.0, 0.0), "No predictor sees a difference."),
        (0.3, (), ""),
    ],
)
def test_a_sentence_tells_who_sees_the_lead(guide, by, wanted):
    assert agreement(guide, *(judge(name, points) for name, points in zip("abc", by, strict=False))) == wanted


def test_the_truth_speaks_where_no_other_does():
    truth = judge("official", 0.2, "truth")
    assert agreement(0.3, truth) == "official, which made the guide's labels, sees the lead."
    assert agreement(0.3, truth, judge("a", 0.0)) == "Only the guide sees the lead: a does not."


def test_a_lead_is_seen_where_the_whole_interval_is_above_0():
    noise = np.array([-1.0, 1.0, -1.0, 1.0])
    assert [sees(lead(points, noise)) for points in (3.0, 1.0, -1.0, -3.0)] == [1, 0, 0, -1]


def test_what_does_not_vary_is_seen_from_six_pairs_on():
    assert [sees(lead(0.1, np.zeros(n))) for n in (1, 5, 6)] == [0, 0, 1]
    assert sees(lead(0.0, np.zeros(6))) == 0
    assert sees(None) == 0


def test_of_one_repeat_nothing_is_said():
    assert describe_agreement(lead(0.1, np.zeros(1)), [judge("a", 0.1)]) == ""
