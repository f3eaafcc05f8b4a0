"""Exported networks in a real MLflow store."""

import os

import numpy as np
import pytest
import torch
from test_measuring import CARD

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.exporting.cards import ONNX, write_card
from ofa_bench.exporting.models import export_name, log_models
from ofa_bench.exporting.pages import write_pages
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.records import record as records
from ofa_bench.supernets.network_files import write_onnx
from ofa_bench.tracking.quiet import tracking_at


@pytest.fixture
def networks(tmp_path):
    """Two small networks in the place of exported ones."""
    made = []
    for name, scale in (("20ms", 1.0), ("30.5ms", 2.0)):
        folder = tmp_path / "mbv3_mine_embedded" / name
        folder.mkdir(parents=True)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 4, 10))
        torch.nn.init.constant_(network[1].weight, scale)
        write_onnx(network, (3, 4, 4), folder / ONNX)
        shapes = {"input": CARD["input"] | {"shape": [1, 3, 4, 4]}, "output": CARD["output"] | {"shape": [1, 10]}}
        made.append((folder, CARD | shapes | {"cost": 10 * scale, "accuracy": 0.7 + scale / 100}))
        write_card(*made[-1])
    return made


def test_models_are_logged_and_registered_below_the_cell(tracker, store, networks, made, tmp_path, request):
    record = made()
    cell = tmp_path / record.address
    records.write(cell, record, "")
    above = tracker.log_cell(record, cell, None)
    tracking = TrackingConfig(store[0], store[1], request.node.name)
    index = write_pages(tmp_path)
    source = sha256_of(cell / records.RECORD)
    description = log_models(networks, index, tracking, register="nets", source=source)
    assert description == f"2 models logged to MLflow at {store[0]}, registered as nets-20ms, nets-30.5ms"
    [run] = tracker.client.search_runs([tracker.experiment], "tags.`ofa_bench.kind` = 'export'")
    assert run.data.tags["mlflow.parentRunId"] == above
    assert run.info.status == "FINISHED"
    assert "ofa_bench.writer" not in run.data.tags
    assert "MLFLOW_TRACKING_URI" not in os.environ, "what comes next has its own default"
    files = {item.path for item in tracker.client.list_artifacts(run.info.run_id)}
    assert {"index.html", "index.md", "networks.csv"} <= files
    assert run.info.run_name == "export mbv3 mine joint, 20 ms"
    below = tracker.client.search_runs([tracker.experiment], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert {one.info.run_name for one in below} == {"mbv3 mine 20ms", "mbv3 mine 30.5ms"}
    assert {one.info.status for one in below} == {"FINISHED"}
    versions = [
        one for name in ("20ms", "30.5ms") for one in tracker.client.search_model_versions(f"name='nets-{name}'")
    ]
    assert versions[1].description == "72.00 % predicted by embedded, 20 ms on mine, found by joint"
    assert {one.run_id for one in versions} == {one.info.run_id for one in below}

    import mlflow

    for name, factor in (("20ms", 1), ("30.5ms", 2)):
        with tracking_at(store[0]):
            model = mlflow.pyfunc.load_model(f"models:/nets-{name}/1")
        [logits] = model.predict(np.ones((1, 3, 4, 4), np.float32)).values()
        assert logits - logits.mean() == pytest.approx(0, abs=1)
        assert logits.mean() == pytest.approx(48 * factor, abs=1)
    found = {one.name: one for one in tracker.client.search_logged_models([tracker.experiment])}
    assert set(found) == {"mbv3_mine_embedded_20ms", "mbv3_mine_embedded_30_5ms"}
    one = found["mbv3_mine_embedded_30_5ms"]
    assert (one.tags["space"], one.tags["target"], one.tags["weights"]) == ("mbv3", "20 ms", "random")
    assert run.data.metrics == {}
    size = {"macs": 200_000_000, "parameters": 5_000_000}
    for name, accuracy, cost in (("20ms", 0.71, 10), ("30_5ms", 0.72, 20)):
        own = {"predicted_accuracy_percent": 100 * accuracy, "predicted_cost": cost, **size}
        model = tracker.client.get_logged_model(found[f"mbv3_mine_embedded_{name}"].model_id)
        assert sorted((one.key, one.value) for one in model.metrics) == sorted(own.items())
        assert tracker.client.get_run(model.source_run_id).data.metrics == own  # as a version's page shows them
    again = log_models(networks, index, tracking, register="nets", source=source)
    assert again == f"2 there already, 0 models logged to MLflow at {store[0]}"
    networks[0] = (networks[0][0], networks[0][1] | {"accuracy": 0.73})
    again = log_models(networks, index, tracking, register="nets", source=source)
    assert again == f"1 there already, 1 model logged to MLflow at {store[0]}, registered as nets-20ms"
    assert len(tracker.client.search_logged_models([tracker.experiment])) == 3


def test_the_name_of_an_export_says_what_it_is():
    def card(target, *by, device="mine"):
        return CARD | {"target": target, "by": by, "device": device}

    assert export_name([card(25.5, "joint")]) == "export mbv3 mine joint, 25.5 ms"
    assert export_name([card(20, "joint"), card(30, "joint", "vanilla")]) == (
        "export mbv3 mine joint, vanilla, 2 targets"
    )
    several = [card(20, "a", "b"), card(30, "c"), card(20, "d", device="other")]
    assert export_name(several) == "export mbv3 mine + mbv3 other best of 4 strategies, 2 targets"


def test_a_run_that_fails_says_so(tracker, store, networks, tmp_path, request):
    (networks[1][0] / ONNX).write_bytes(b"no network")
    tracking = TrackingConfig(store[0], store[1], request.node.name)
    with pytest.raises(Exception, match=r"pars|ONNX|proto"):
        log_models(networks, write_pages(tmp_path), tracking, register="", source="")
    [run] = tracker.client.search_runs([tracker.experiment], "tags.`ofa_bench.kind` = 'export'")
    assert run.info.status == "FAILED"
