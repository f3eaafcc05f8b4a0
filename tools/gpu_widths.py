"""Prints which width's networks were measured on GPUs: ``python tools/gpu_widths.py FOLDER``, a folder with the rows.

The rows of HELP (``help_gpus.csv``) do not state the width of OFA's supernet. Two things are compared. A line in
multiply-accumulates, by width, is fitted to the latencies. And GPUs of the other source, which by its code measured
width 1.0, are set beside like ones of HELP on the same choices: the RTX 2080 Ti, which both have, and the Tesla P40
beside the Titan Xp, which has the same chip and faster memory. A last part shows why HELP's RTX 2080 Ti is left out.
"""

import sys
from pathlib import Path

import numpy as np
from make_gpus import GPUS, HELP, Gpu, fit, rows_of, split, table_of
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ofa_bench.predictors import latency_table
from ofa_bench.profiling.fit import compute_errors
from ofa_bench.records.tables import Table, markdown
from ofa_bench.spaces import MobileNetV3Space

__all__ = ["main"]

WIDTHS = (MobileNetV3Space(), MobileNetV3Space(width=1.0))
HELP_2080TI = Gpu("NVIDIA RTX 2080 Ti (HELP)", "help_gpus.csv", "2080ti_64_ms", HELP)
TWINS = (("rtx2080ti_b64", HELP_2080TI), ("p40_b64", GPUS["titan_xp_b64"]))


def main(folder: Path) -> None:
    """Print the comparisons."""
    rows = []
    for gpu in (*GPUS.values(), HELP_2080TI):
        genes, measured = rows_of(gpu, (folder / gpu.file).read_bytes())
        cells = [cell for space in WIDTHS for cell in _line(latency_table(space, "macs").cost(genes), measured)]
        rows.append((gpu.name, f"{len(genes):,}", *cells))
    heads = [f"{what}, width {space.width}" for space in WIDTHS for what in ("mean error of a line in MACs", "rank")]
    print(markdown(Table("", ("GPU", "networks", *heads), tuple(rows))))
    for device, gpu in TWINS:
        genes, measured = rows_of(gpu, (folder / gpu.file).read_bytes())
        other = latency_table(WIDTHS[1], device).cost(genes)
        wide, narrow = (latency_table(space, "macs").cost(genes) for space in WIDTHS)
        low, middle, high = np.quantile(measured / other, [0.05, 0.5, 0.95])
        print(
            f"{gpu.name} / {device}: {middle:.2f} ({low:.2f} to {high:.2f}) times the latency, rank "
            f"{spearmanr(measured, other).statistic:.4f}; width 1.2 has {np.median(wide / narrow):.2f} times the MACs"
        )
    genes, measured = rows_of(HELP_2080TI, (folder / HELP_2080TI.file).read_bytes())
    held, fitted = split(len(genes))
    table = table_of("", HELP_2080TI, fit(HELP.space, genes[fitted], measured[fitted]))
    print(f"{HELP_2080TI.name}, fitted as the others: {compute_errors(table.cost(genes[held]), measured[held])}")
    genes = HELP.space.sample(10_000, np.random.default_rng(0))
    for space, device in zip(WIDTHS, ("titan_rtx_b64", "rtx2080ti_b64"), strict=True):
        rank = spearmanr(table.cost(genes), latency_table(space, device).cost(genes)).statistic
        print(f"its rank correlation with {device}: {rank:.3f}")


def _line(macs: NDArray[np.float64], measured: NDArray[np.float64]) -> tuple[str, str]:
    """Return the mean error of the line with the least squares of relative errors, and the rank correlation."""
    weights = np.column_stack([np.ones_like(macs), macs]) / measured[:, None]
    ends = np.linalg.lstsq(weights, np.ones_like(macs), rcond=None)[0]
    off = np.abs(weights @ ends - 1).mean()
    return f"{100 * off:.2f} %", f"{spearmanr(macs, measured).statistic:.4f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
