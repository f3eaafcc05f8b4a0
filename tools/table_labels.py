"""Prints how well ``predictor=table predictor.labels=`` predicts the rest of ``nasbench_macro``, as a table."""

import numpy as np
from scipy.stats import spearmanr

from ofa_bench.predictors import table_predictor
from ofa_bench.spaces import NASBenchMacroSpace
from ofa_bench.spaces.enumeration import architectures

__all__ = ["main"]

LABELS = (100, 200, 300, 1000)
SEEDS = range(10)


def main() -> None:
    """Print means over seeds; errors in points."""
    space = NASBenchMacroSpace()
    [rows] = architectures(space, 10_000)
    truth = table_predictor(space).accuracy(rows)
    print("| labels | error | rank | error, best tenth | rank, best tenth | within 1 / 1.96 uncertainties |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for labels in LABELS:
        found = []
        for seed in SEEDS:
            predictor = table_predictor(space, labels=labels, seed=seed)
            off, unsure = predictor.accuracy(rows) - truth, predictor.uncertainty(rows)
            rest = ~np.isin(space.keys(rows), space.keys(predictor.labelled))
            best = rest & (truth >= np.quantile(truth, 0.9))
            found.append([
                *(value for of in (rest, best) for value in _errors(off[of], truth[of])),
                *(100 * (np.abs(off[rest]) < factor * unsure[rest]).mean() for factor in (1, 1.96)),
            ])  # fmt: skip
        error, rank, error_of_best, rank_of_best, one, two = np.mean(found, axis=0)
        shown = f"{error:.2f} | {rank:.3f} | {error_of_best:.2f} | {rank_of_best:.2f} | {one:.0f} / {two:.0f} %"
        print(f"| {labels:,} | {shown} |")


def _errors(off: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the root mean square error, in points, and the rank correlation."""
    return 100 * float(np.sqrt((off**2).mean())), float(spearmanr(truth + off, truth).statistic)


if __name__ == "__main__":
    main()
