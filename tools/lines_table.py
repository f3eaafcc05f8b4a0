"""Counts the lines of code that the spaces of known truth took."""

import ast
import io
import tokenize
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.records.tables import Table, markdown

__all__ = ["code_lines", "space_lines"]

ROOT = Path(__file__).parents[1]

PARTS = {
    "nasbench_macro": (
        ("ofa_bench/spaces/nasbench_macro.py",),
        ("ofa_bench/supernets/nasbench_macro.py",),
        ("tools/make_nasbench.py",),
        ("conf/space/nasbench_macro.yaml",),
    ),
    "accel_nasbench": (
        ("ofa_bench/spaces/accel_nasbench.py",),
        (),
        ("tools/make_accel_nasbench.py", "tools/make_accelerators.py", "tools/make_accel_predictor.py"),
        ("conf/space/accel_nasbench.yaml", *(f"conf/device/{name}.yaml" for name in
                                             ("zcu102", "vck190", "a100", "rtx3090", "tpuv2", "tpuv3"))),
    ),
}  # fmt: skip
"""By space, the files of the space, of its networks, of data, tables and predictors, and of options."""


def code_lines(text: str) -> int:
    """Return the number of lines of a Python file that are neither blank nor a comment nor part of a docstring."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in skipped
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for one in body if isinstance(body, list) else ():
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
                lines -= set(range(one.lineno, (one.end_lineno or one.lineno) + 1))
    return len(lines)


def space_lines() -> str:
    """Return the lines of code by space and part."""
    rows = [(f"`{space}`", *map(_count, parts)) for space, parts in PARTS.items()]
    heads = ("space", "the space", "its networks", "tools that make its data, tables and predictor", "options (YAML)")
    return markdown(Table("", heads, tuple(rows)))


def _count(files: Sequence[str]) -> str:
    texts = [(name, (ROOT / name).read_text()) for name in files]
    yaml = [line for name, text in texts if name.endswith(".yaml") for line in text.splitlines() if line.strip()]
    found = sum(code_lines(text) for name, text in texts if name.endswith(".py"))
    found += sum(not line.lstrip().startswith("#") for line in yaml)
    return f"{found:,}" if files else ""
