"""The fields and types of a record.

A field with a default may be absent in a file. ``float`` is any number of 0 or more, ``float | None`` any number or
null (see ``schema.parse``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

__all__ = [
    "FORMAT", "KIND", "RECORD", "VERSION", "Alternative", "Choices", "FrontierVersion", "Made", "Measured", "Record",
    "RecordedBudget", "RecordedDevice", "RecordedPredictor", "RecordedRepeat", "Result", "to_dict",
]  # fmt: skip

KIND, VERSION = "ofa_bench.record", 1
FORMAT = f"{KIND}/{VERSION}"
RECORD = "record.json"

OMITTED = frozenset({
    "table_cost", "unlabelled", "labelled", "commits", "match", "chain", "limit", "sources", "uncertainty", "measured",
    "measurements", "true_accuracy", "costs",
})  # fmt: skip
"""Fields that a file lacks if they are unknown; other unknown fields are null."""

Gaps = Mapping[str, list[float]]
"""Values by gene."""


@dataclass(kw_only=True)
class Choices:
    """The chosen option of each config group."""

    space: str
    device: str
    predictor: str
    strategy: str
    budget: str
    targets: str


@dataclass(kw_only=True)
class RecordedBudget:
    """Generations of a search from scratch, and of a warm-started one.

    Of a control, ``match`` is the measure of which it spent as much as ``chain``, which is named by its order.
    """

    generations: int
    warm_generations: int | list[int]
    match: str | None = None
    chain: str | None = None


@dataclass(kw_only=True)
class RecordedPredictor:
    """The predictor: its hash, the sources of its labels, and by gene the values that none of its labels had.

    ``labelled`` are the other values.
    """

    name: str = ""
    sha256: str
    sources: list[str] | None = None
    pruning: Any = None
    unlabelled: Gaps | None = None
    labelled: Gaps | None = None


@dataclass(kw_only=True)
class RecordedDevice:
    """The cost table: its hash, its least and greatest cost, and its card."""

    name: str
    sha256: str
    minimum: float
    maximum: float
    guard_band: float = 1.0
    card: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Made:
    """The time, versions and machine of a record."""

    at: str
    ofa_bench: str
    python: str
    numpy: str
    machine: str
    cores: int | None
    threads: int
    lockstep: bool | None = False
    compiled: bool | None = False
    commits: Mapping[str, Any] | None = None


@dataclass(kw_only=True)
class FrontierVersion:
    """The best-known frontier that a record was compared with."""

    version: int = 0
    sha256: str = ""


@dataclass(kw_only=True)
class Measured:
    """The accuracy of a network, measured on a number of images: ``top1`` is a fraction of 1.

    Only accuracies with the same ``how`` may be compared: it stands for the weights, the images and the calibration.
    """

    top1: float
    images: int
    how: str


@dataclass(kw_only=True)
class Alternative:
    """A network that meets a target: its predicted accuracy (a fraction of 1) and its cost.

    ``true_accuracy`` is it without errors of simulated measurements, None without these. ``costs`` are those on which
    there are limits, by cost model; None without limits.
    ``uncertainty`` is one standard deviation of the accuracy, None where the predictor has none. ``measured`` is read
    from a file beside the record's (see ``records.measured``).
    """

    accuracy: float
    true_accuracy: float | None = None
    uncertainty: float | None = None
    cost: float
    costs: Mapping[str, Any] | None = None
    architecture: Mapping[str, Any]
    genes: list[int]
    unlabelled: Gaps | None = None
    measured: Measured | None = field(default=None, compare=False)


@dataclass(kw_only=True)
class Result:
    """What a search found for a target, and its counts and seconds.

    ``true_accuracy``, ``uncertainty``, ``costs`` and ``measured`` are those of the architecture, as in ``Alternative``.
    ``measurements`` are the unique evaluations and what was measured again; None if nothing was.
    ``cost`` includes the guard band, ``table_cost`` does not; ``shared`` counts the targets that share the search.
    ``curve`` has points (generation, evaluations, unique evaluations, best accuracy so far). ``regret.add_regret``
    describes the fields that compare it with a best-known frontier.
    """

    target: float
    feasible: bool
    accuracy: float | None
    true_accuracy: float | None = None
    uncertainty: float | None = None
    cost: float
    table_cost: float | None = None
    costs: Mapping[str, Any] | None = None
    seconds: float
    generations: float
    shared: float = 1
    proposals: float | None = None
    cost_lookups: float | None = None
    evaluations: float
    unique_evaluations: float
    measurements: float | None = None
    gradients: float | None = None
    architecture: Mapping[str, Any]
    genes: list[int]
    unlabelled: Gaps | None = None
    alternatives: list[Alternative] = field(default_factory=list)
    curve: list[list[float]]
    best_known: float | None = None
    regret: float | None = None
    evaluations_within: float | None = None
    seconds_within: float | None = None
    measured: Measured | None = field(default=None, compare=False)

    @property
    def networks(self) -> "list[Result | Alternative]":
        """The networks that meet the target, best first: this one and the alternatives."""
        return [self, *self.alternatives] if self.feasible else []


@dataclass(kw_only=True)
class RecordedRepeat:
    """The results of one repeat, one for each target, and their seconds in all.

    ``limit`` is what a matched budget allowed, in its measure.
    """

    repeat: int
    seconds: float
    results: list[Result]
    hypervolume_ratio: float | None = None
    limit: float | None = None


@dataclass(kw_only=True)
class Record:
    """The settings and results of a cell; costs are in ``unit``, accuracies fractions of 1."""

    format: str
    address: str
    choices: Choices
    identity: str
    config: Mapping[str, Any]
    seed: int
    unit: str
    targets: list[float]
    budget: RecordedBudget
    predictor: RecordedPredictor
    device: RecordedDevice
    made: Made
    repeats: list[RecordedRepeat]
    frontier: FrontierVersion | None = None

    @property
    def results(self) -> list[Result]:
        """The results of all repeats, one repeat after another."""
        return [result for repeat in self.repeats for result in repeat.results]


def to_dict(part: Any) -> Any:
    """Return a record, or a part of one, in plain types and the order of its fields, without ``OMITTED`` unknowns."""
    if is_dataclass(part):
        found = ((one, getattr(part, one.name)) for one in fields(part))
        return {one.name: to_dict(value) for one, value in found if value is not None or one.name not in OMITTED}
    return [to_dict(one) for one in part] if isinstance(part, list) else part
