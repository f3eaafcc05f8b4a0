"""The claim of no difference, judged by a source that had no part in the predictor of the searches."""

import numpy as np
from crafting import CHAINS, NOISE, STRATEGIES, answers, crafted, of_fair, unmet
from plain import change_record

from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.spaces import MobileNetV3Space

SPACE = MobileNetV3Space()
CLAIM = "the same over all repeats, by the independent source near: "
TARGETS = (60, 15, 30)


class ByRow(AccuracyPredictor):
    """A source that knows each architecture's accuracy by its place in a sample."""

    name, sha256, sources, unlabelled = "near", "2" * 64, ("near",), {}

    def __init__(self, genes, accuracy):
        self.known = {row.tobytes(): one for row, one in zip(genes, accuracy, strict=True)}

    def accuracy(self, genes):
        return np.array([self.known[row.tobytes()] for row in genes])


def judged(put, gap, repeats=6, sources=("elsewhere",), lacking=None):
    """Return the answers where a source puts top-down apart from vanilla by a gap, with noise over repeats."""
    number = len(STRATEGIES) * repeats * len(TARGETS)
    genes = SPACE.canonical(SPACE.sample(number, np.random.default_rng(0)))
    shifts = {"vanilla": 0.0, "top_down": gap, "bottom_up": 0.0}
    noise = np.resize(NOISE, repeats) * 0.02
    accuracy = np.array([[[75 + shifts[name] + (name != "vanilla") * noise[i] + 3 * (target > 20) for target in TARGETS]
                          for i in range(repeats)] for name in STRATEGIES])  # fmt: skip
    put(near=ByRow(genes, accuracy.ravel() / 100))
    records, rows = [], iter(genes.tolist())
    for name in STRATEGIES:
        record = crafted("fair", name, TARGETS, seconds=np.ones(repeats))
        record = change_record(record, predictor={"sources": sources and list(sources)})
        for result in record.results:
            result.genes = next(rows)
        records.append(record)
    return answers(unmet(records, lacking), "accuracy")


def test_a_source_judges_the_winners_of_all_repeats(sources):
    rows = judged(sources, 0.5, repeats=12)
    description, verdict = of_fair(rows, CLAIM + "top-down")
    assert (description[:7], description[-8:], verdict) == ("+0.50 (", ", n = 12", "does not hold: better")
    assert of_fair(rows, CLAIM + "bottom-up")[1] == "holds: equivalent"
    assert of_fair(rows, "no significant difference from vanilla, mean over targets: top-down")[0].startswith("0.00")
    assert rows[CLAIM + "top-down"][0] == ""


def test_a_source_of_the_predictor_does_not_judge(sources):
    for own in (("near",), ("near", "elsewhere"), None):
        assert not [claim for claim in judged(sources, 0.5, sources=own) if "independent source" in claim]
    assert len([claim for claim in judged(sources, 0.5) if "independent source" in claim]) == len(CHAINS)


def test_a_target_that_nothing_meets_does_not_count(sources):
    whole, without = judged(sources, 0.5), judged(sources, 0.5, lacking=15)
    assert without[CLAIM + "top-down"] == whole[CLAIM + "top-down"]
