"""The name of a space may have a dot, as ``mbv3_w1.0`` has: files, folders and pages are named after it."""

import json
import shutil

import numpy as np

from ofa_bench.predictors import embedded_predictor, own_predictor
from ofa_bench.predictors.embedded import FOLDER
from ofa_bench.spaces import MobileNetV3Space

NARROW = MobileNetV3Space(width=1.0)
QUICK = ("predictor=embedded", "predictor._target_=ofa_bench.testing.ToyPredictor", "budget=quick",
         "evolution.population_size=10", "targets=[12]", "tracking=none", "progress=false")  # fmt: skip


def test_both_widths_are_searched_reported_and_shown_side_by_side(ofa_bench, tmp_path):
    done = ofa_bench("-m", "space=mbv3,mbv3_w1.0", "device=i7_8700k", "strategy=random,vanilla", *QUICK)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "multirun").iterdir() if path.is_dir()} >= {"mbv3", "mbv3_w1.0"}
    assert ofa_bench("report", "multirun", "out=r").returncode == 0
    figures = {path.name for path in (tmp_path / "r" / "figures").glob("*.png")}
    assert {f"{name}_i7_8700k_embedded_accuracy.png" for name in ("mbv3", "mbv3_w1.0")} <= figures
    shown = ofa_bench("show", "multirun/mbv3_w1.0", "target=12")
    assert (shown.returncode, '"ks"' in shown.stdout) == (0, True), shown.stderr


def test_a_predictor_and_its_card_are_found_by_such_a_name(tmp_path):
    shutil.copy(str(FOLDER / "mbv3.npz"), tmp_path / "mbv3_w1.0.npz")  # the same genes
    shutil.copy(str(FOLDER / "mbv3.npz"), tmp_path / "mbv3_w1.1")
    for name, missing in (("mbv3_w1.0", {"k0": [3]}), ("mbv3_w1.1", {"k1": [7]}), ("mbv3_w1", {"k2": [5]})):
        (tmp_path / f"{name}.json").write_text(json.dumps({"coverage": {"unlabelled": missing}}))
    wanted = embedded_predictor(MobileNetV3Space()).accuracy(NARROW.sample(3, np.random.default_rng(0)))
    for path, choices in ((tmp_path, {"k0": [3]}), (tmp_path / "mbv3_w1.1", {"k1": [7]})):
        found = own_predictor(NARROW, str(path))
        assert (found.accuracy(NARROW.sample(3, np.random.default_rng(0))) == wanted).all()
        assert {key: list(values) for key, values in found.unlabelled.items()} == choices
