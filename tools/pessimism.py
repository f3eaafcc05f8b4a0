"""Does pessimism find better networks? Writes ``benchmarks/studies/pessimism.json``: ``python tools/pessimism.py``.

Searches (``joint``) are guided by one source of measurements, less some of its uncertainties, and judged by the other
source. Takes some minutes on one core.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import ofa_bench as ob
from ofa_bench.predictors import measured_predictor
from ofa_bench.records.tables import Table, markdown

__all__ = ["main", "pessimism"]

OUT = Path(__file__).parents[1] / "benchmarks" / "studies" / "pessimism.json"
LEVELS, SEEDS, EVALUATIONS = (0.0, 0.5, 1.0, 2.0), 10, 3_000
PROBLEMS = (("mbv3", "note10"), ("mbv3", "i7_8700k"), ("mbv3_w1.0", "i7_8700k"), ("mbv3_w1.0", "macs"))
SOURCES = ("autobuild", "ofa_w1.0")


def judged(space: str, device: str, source: str, level: float) -> NDArray[np.float64]:
    """Return the mean accuracy of what searches find, by the source that is not their guide: percent [SEEDS]."""
    problem = ob.problem(space, device=device, predictor="measured", source=source, pessimism=level)
    [other] = (one for one in SOURCES if one != source)
    judge = measured_predictor(problem.space, other)
    [record] = ob.run(problem, "joint", evaluations=EVALUATIONS, repeats=SEEDS).records
    genes = np.array([[one.genes for one in repeat.results] for repeat in record.repeats], np.int8)
    return 100 * judge.accuracy(genes.reshape(-1, genes.shape[2])).reshape(genes.shape[:2]).mean(axis=1)


def main() -> None:
    """Search and write the judged accuracies."""
    found: list[dict[str, Any]] = []
    for space, device in PROBLEMS:
        for source in SOURCES:
            levels = {f"{level:g}": judged(space, device, source, level).round(4).tolist() for level in LEVELS}
            found.append({"space": space, "device": device, "source": source, "judged": levels})
            print(found[-1], flush=True)
    OUT.write_text(json.dumps({"evaluations": EVALUATIONS, "searches": found}, indent=1) + "\n")


def pessimism() -> str:
    """Return the table: differences from searches without pessimism, with 95 % intervals."""
    rows = []
    for one in json.loads(OUT.read_text())["searches"]:
        plain, *others = (np.array(values) for values in one["judged"].values())
        cells = []
        for values in others:
            low, high = stats.ttest_1samp(values - plain, 0).confidence_interval()
            cells.append(f"{(values - plain).mean():+.3f} ({low:+.3f} to {high:+.3f})")
        rows.append((f"`{one['space']}`", f"`{one['device']}`", f"`{one['source']}`", f"{plain.mean():.2f}", *cells))
    heads = ("space", "device", "guide", "judged, pessimism 0", *(f"{level:g}" for level in LEVELS[1:]))
    return markdown(Table("", heads, tuple(rows), 3))


if __name__ == "__main__":
    main()
