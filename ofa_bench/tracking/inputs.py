"""The inputs of a run for MLflow: cost table and predictor as datasets with hashes, and the commit."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ofa_bench.config.schema import conf_dir
from ofa_bench.records.model import Record
from ofa_bench.tracking.names import short

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

__all__ = ["inputs", "source"]

MAX_DIGEST = 36
"""Characters of a dataset's digest that MLflow accepts; the rest of a SHA-256 is cut off."""


def inputs(records: Iterable[Record]) -> "list[DatasetInput]":
    """Return the cost tables and predictors of records, each once; a digest is the start of the file's SHA-256."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    found: dict[tuple[str, str], DatasetInput] = {}
    for record in records:
        for group, what, key in (("device", "latency table", "device"), ("predictor", "accuracy predictor", "path")):
            about, name = vars(getattr(record, group)), f"{record.choices.space} {getattr(record.choices, group)}"
            profile = {word: about[word] for word in ("sha256", "minimum", "maximum") if word in about}
            digest = str(about["sha256"] or "unknown")[:MAX_DIGEST]
            dataset = Dataset(short(name), digest, *_source(record, group, key), profile=json.dumps(profile))
            tag = InputTag("mlflow.data.context", what)
            found.setdefault((what, dataset.name + dataset.digest), DatasetInput(dataset, [tag]))
    return list(found.values())


def _source(record: Record, group: str, key: str) -> tuple[str, str]:
    """Return the type and description of the source of a table or predictor: a user's path or a package option."""
    node = record.config.get(group)
    path = node.get(key) if isinstance(node, dict) else None
    option = str(getattr(record.choices, group))
    if isinstance(path, str) and not (conf_dir() / group / f"{option}.yaml").is_file():
        return "local", json.dumps({"uri": path})
    return "ofa_bench", json.dumps({"ofa_bench": record.made.ofa_bench, group: option})


def source(record: Record) -> dict[str, Any]:
    """Return the tags from which MLflow shows the code of a record: the project's commit, or else the package's."""
    commits = record.made.commits or {}
    tags = {"mlflow.source.name": "ofa_bench", "mlflow.source.type": "LOCAL"}
    commit = str(commits.get("project") or commits.get("ofa_bench") or "")
    if not commit:
        return tags
    changed = commit.endswith("-dirty")
    return tags | {
        "mlflow.source.git.commit": commit.removesuffix("-dirty"),
        "mlflow.source.git.dirty": str(changed).lower(),
    }
