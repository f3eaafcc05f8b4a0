"""The view of an experiment in MLflow's UI: one run a line, with the columns that compare strategies first."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["VIEW", "runs_page", "save_view"]

VIEW = "ofa_bench"
"""The key of the saved view, as written by the button *Share* of MLflow's UI."""

_COLUMNS = {
    "tags.`strategy`": 120,
    "tags.`space`": 110,
    "metrics.`all_targets/accuracy_percent`": 210,
    "metrics.`all_targets/regret_points`": 180,
    "metrics.`all_targets/seconds`": 150,
    "metrics.`all_targets/evaluations`": 190,
    "tags.`device`": 110,
    "tags.`budget`": 90,
    "tags.`seed`": 70,
}
"""The width of each column, pixels."""

_STATE = {
    "selectedColumns": list(_COLUMNS),
    "columnOrder": list(_COLUMNS),
    "columnWidths": _COLUMNS,
    "orderByKey": "attributes.`end_time`",  # the default order folds cells below their sweep
    "orderByAsc": False,
    "runsHiddenMode": "FIRST_20_RUNS",  # shown in charts; the default is 10
}


def save_view(client: "MlflowClient", experiment: str) -> None:
    """Save the view with an experiment, unless it is saved already.

    Raises:
        Exception: the store cannot be used.
    """
    key, value = f"mlflow.sharedViewState.{VIEW}", json.dumps(_STATE)
    if client.get_experiment(experiment).tags.get(key) != value:
        client.set_experiment_tag(experiment, key, value)


def runs_page(root: str, experiment: str) -> str:
    """Return the URL of an experiment's runs in this view, on the MLflow server at ``root``."""
    return f"{root.rstrip('/')}/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={VIEW}"
