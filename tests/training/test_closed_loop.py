"""The whole loop on a user's own data: a supernet is trained, a search measures its networks, and its finds are good.

The images are stripes at eight angles under noise, so an accurate network has wide kernels where they help.
"""

import numpy as np
import pytest
import torch
from own_layers import BLOCKS, CLASSES, SIZE, LayersSpace
from PIL import Image
from torch.nn.functional import cross_entropy

import ofa_bench as ob
from ofa_bench.predictors import CostTable
from ofa_bench.profiling.plan import count_terms
from ofa_bench.supernets.images import Images
from ofa_bench.supernets.pieces import supernet
from ofa_bench.training import supernet_predictor

STRATEGY, BATCHES = "surrogate", {"initial": 40, "batch": 20}
EVALUATIONS, TARGETS, EQUALS = 60, (0.4, 0.55, 0.7, 0.85), 4
STEPS, BATCH, RATE = 500, 24, 0.003
AMPLITUDE, NOISE, WAVELENGTH = 20, 30, 5
MARGIN = 0.13
"""Three times the standard deviation of the mean gain of networks that are drawn at random (0.09 / √4)."""
SPACE = LayersSpace()


def draw(folder, each, seed):
    """Write images of 32x32 pixels in a folder for each class."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    for label in range(CLASSES):
        angle = np.pi * label / CLASSES
        (folder / str(label)).mkdir(parents=True)
        for number in range(each):
            along, phase = x * np.cos(angle) + y * np.sin(angle), rng.uniform(0, 2 * np.pi)
            stripes = AMPLITUDE * np.cos(2 * np.pi * along / WAVELENGTH + phase)
            pixels = 128 + stripes[..., None] + NOISE * rng.normal(size=(32, 32, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / str(label) / f"{number}.png")


def train(folder, path):
    """Train the supernet: each step on one path, drawn uniformly (Guo et al., ECCV 2020). Save a checkpoint."""
    images, rng = Images(folder), np.random.default_rng(0)
    pixels, labels = torch.cat(list(images.batches(SIZE, 256))), torch.from_numpy(images.labels(CLASSES))
    net = supernet(SPACE).net.train()
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    for _ in range(STEPS):
        rows = rng.integers(len(pixels), size=BATCH)
        network = torch.nn.Sequential(*net.path(rng.integers(len(BLOCKS), size=SPACE.n_genes)))
        optimizer.zero_grad()
        cross_entropy(network(pixels[rows]), labels[rows]).backward()
        optimizer.step()
        schedule.step()
    torch.save({"state_dict": net.state_dict()}, path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, threads = tmp_path_factory.mktemp("loop"), torch.get_num_threads()
    for seed, (name, each) in enumerate({"train": 100, "val": 20, "heldout": 40}.items()):
        draw(folder / name, each, seed)
    torch.set_num_threads(1)
    train(folder / "train", folder / "supernet.pth")
    torch.set_num_threads(threads)
    return folder


def test_winners_are_better_than_random_networks_of_equal_cost_on_images_that_no_search_saw(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shared = {"calibration": "train", "weights": "supernet.pth", "calibration_images": 64}
    macs = CostTable(SPACE, count_terms(supernet(SPACE).slots()), name="macs", unit="MMACs", sha256="0" * 64, card={})
    problem = ob.problem(SPACE, device=macs, predictor="supernet", images="val", **shared)
    found = ob.run(problem, STRATEGY, targets=TARGETS, evaluations=EVALUATIONS, progress=False, **BATCHES)
    winners = np.array([result.genes for result in found.records[0].repeats[0].results], np.int8)
    costs, drawn = problem.cost.cost(winners), SPACE.sample(4000, np.random.default_rng(7))
    assert (costs <= TARGETS).all()
    apart = np.abs(problem.cost.cost(drawn)[:, None] / costs - 1)
    equals = np.concatenate([drawn[apart[:, i] < 0.03][:EQUALS] for i in range(len(TARGETS))])
    assert len(equals) == EQUALS * len(TARGETS)
    heldout = supernet_predictor(SPACE, "heldout", progress=False, **shared)
    gains = heldout.accuracy(winners) - heldout.accuracy(equals).reshape(-1, EQUALS).mean(axis=1)
    assert gains.mean() > MARGIN
    assert sum(1 for _ in (folder / problem.predictor.path.name).open()) == EVALUATIONS + 1
