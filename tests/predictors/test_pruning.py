from itertools import pairwise, product

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors import OneHotMLP, accuracy, embedded_predictor, official_predictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.pruning import BUDGET, first_interval, prune
from ofa_bench.spaces import DesignSpace, Gene, MobileNetV3Space, ResNet50DSpace


class SmallSpace(DesignSpace):
    """All 540 architectures can be listed. The first ``r`` is no feature, and two ``w`` are one."""

    def __init__(self):
        super().__init__(
            "small",
            [
                Gene("r", (1, 2, 3), "r", active_from=1),
                Gene("d", (2, 3, 4), "d"),
                Gene("w", (1, 2, 3), "w", same_as=(0, 0, 2)),
                Gene("k", (3, 5), "k", owner="d", active_from=2),
                Gene("e", (3, 5, 7, 9, 11), "e", owner="d", active_from=1),
                Gene("m", (1, 2), "m", owner="e", active_from=1),
            ],
        )

    to_ofa = from_ofa = None


SPACE = SmallSpace()
COLUMNS = one_hot_columns(SPACE)
MERGED = COLUMNS | {"w": [6, 6, 8]}
ALL = np.array(list(product(*(range(n) for n in SPACE.cardinality))), np.int8)
N_FEATURES = 18
SPACES = {"mbv3": MobileNetV3Space(), "resnet50d": ResNet50DSpace()}
PREDICTORS = [(make, s) for make in (official_predictor, embedded_predictor) for s in SPACES]


def one_hot(genes):
    """The features of the small space, written out by gene and choice."""
    features, active, canonical = np.zeros((len(genes), N_FEATURES)), SPACE.active(genes), SPACE.canonical(genes)
    for name, places in COLUMNS.items():
        i = SPACE.index[name]
        for choice, place in enumerate(places):
            features[:, place] = active[:, i] & (canonical[:, i] == choice)
    return features


def forward(layers, features):
    for weight, bias in layers[:-1]:
        features = np.maximum(features @ weight + bias, 0)
    return (features @ layers[-1][0] + layers[-1][1])[:, 0]


def random_layers(rng, *sizes):
    return [(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in pairwise(sizes)]


def unit(bias=0.0, **weights):
    """A column of the first weight, from ``name=(one weight a choice)``, and its bias."""
    column = np.zeros(N_FEATURES)
    for name, values in weights.items():
        column[COLUMNS[name]] = values
    return column, bias


def first_layer(*units):
    return np.stack([column for column, _ in units], axis=1), np.array([bias for _, bias in units])


CORNER = unit(-3.999, d=(-9, -9, 1), k=(0, 1), e=(0, 0, 0, 0, 1), m=(0, 1))
"""Active for one choice of d, k, e and m."""
ABSENT = unit(5.0, d=(0, 0, 1), k=(-9, -9), e=(-9, -9, -9, -9, -9), m=(-9, -9))
"""Active where k, e and m are not there."""
IMPOSSIBLE = unit(-1.5, d=(1, 0, 0), k=(0, 1))
"""Would be active at the least depth if ``k`` were there."""


@pytest.mark.parametrize("unread", ["", "k", "dr"])
def test_first_interval_is_exact(unread):
    weight, bias = random_layers(np.random.default_rng(0), N_FEATURES, 30)[0]
    read = {name: places for name, places in MERGED.items() if name not in unread}
    weight[[place for name in unread for place in COLUMNS[name]]] = 0
    given = one_hot(ALL) @ weight + bias
    low, high = first_interval(SPACE, read, (weight, bias))
    assert low == pytest.approx(given.min(axis=0), abs=1e-12)
    assert high == pytest.approx(given.max(axis=0), abs=1e-12)


def test_a_gene_before_its_owner_is_refused():
    space = SmallSpace()
    space.genes = (*space.genes[3:4], *space.genes[1:3], *space.genes[:1], *space.genes[4:])
    space.index = {gene.name: i for i, gene in enumerate(space.genes)}
    with pytest.raises(InputError, match="gene k stands before its owner d"):
        first_interval(space, {"r": [0, 1, 2]}, (np.ones((3, 1)), np.zeros(1)))


def test_constant_units_go_and_units_that_one_corner_wakes_stay():
    for (column, bias), corner in ((CORNER, (2, 1, 4, 1)), (ABSENT, (0, 0, 0, 0))):
        awake = SPACE.canonical(ALL[one_hot(ALL) @ column + bias > 0])
        assert {tuple(row) for row in awake[:, [1, 3, 4, 5]].tolist()} == {corner}
    weight, bias = first_layer(
        unit(-3.1, r=(1, 2, 3)),  # never active
        CORNER,
        unit(0.25),  # constant
        IMPOSSIBLE,
        unit(0.0, d=(0, 1, 1), w=(0, 5, 0)),  # the second width counts as the first
        unit(1.0, r=(0, 1e-14, 0)),  # all but constant
        ABSENT,
    )
    layers = [(weight, bias), (np.array([[1.0], [1], [-1], [1], [1], [3], [2]]), np.array([0.5]))]
    pruned, error = prune(first_interval(SPACE, MERGED, layers[0]), layers)
    assert (pruned[0][0] == weight[:, [1, 4, 6]]).all()
    assert (pruned[0][1] == bias[[1, 4, 6]]).all()
    assert pruned[1][0][:, 0].tolist() == [1, 1, 2]
    assert pruned[1][1] == pytest.approx(0.5 - 0.25 + 3 * (1 + 0.5e-14), abs=1e-15)
    assert error == pytest.approx(1.5e-14, rel=0.02)
    assert np.abs(forward(pruned, one_hot(ALL)) - forward(layers, one_hot(ALL))).max() < 2e-14


def test_errors_add_up_to_the_budget_and_the_least_go_first():
    sizes = np.array([5e-13, 1e-13, 7e-13, 2e-13, 0.5])
    weight, bias = first_layer(*(unit(1.0, r=(0, 2 * size, 0)) for size in sizes))
    for gain in (1.0, -1.0):
        layers = [(weight, bias), (np.full((5, 1), gain), np.zeros(1))]
        pruned, error = prune(first_interval(SPACE, MERGED, layers[0]), layers)
        assert (pruned[0][0] == weight[:, [2, 4]]).all()
        assert error == pytest.approx(8e-13, rel=1e-2)
    layers = [(weight, bias), (np.full((5, 1), 3.0), np.zeros(1))]
    pruned, error = prune(first_interval(SPACE, MERGED, layers[0]), layers)
    assert (pruned[0][0] == weight[:, [0, 2, 4]]).all()
    assert error == pytest.approx(9e-13, rel=1e-2)
    assert len(prune(first_interval(SPACE, MERGED, layers[0]), layers, budget=0)[0][0][1]) == 5


def test_later_layers_are_bounded_by_what_comes_before():
    """Units given 0 to 1 and 1 to 3: the next are dead, constant, hardly and properly active, and never heard."""
    first = first_layer(unit(0.0, r=(0, 1, 0)), unit(1.0, r=(0, 0, 2)))
    second = np.array([[1.0, 1, 0, 1, 2], [-1, -1, 0, -1, 1]]), np.array([-0.01, 0.001, 2, 0.5, 0])
    third = np.array([[4.0], [1], [1], [1], [0]]), np.array([0.125])
    layers = [first, second, third]
    pruned, error = prune(first_interval(SPACE, MERGED, first), layers)
    assert error == 0
    assert pruned[1][0].tolist() == [[1, 1], [-1, -1]]
    assert pruned[1][1].tolist() == [0.001, 0.5]
    assert pruned[2][1].tolist() == [2.125]
    assert forward(pruned, one_hot(ALL)).tolist() == forward(layers, one_hot(ALL)).tolist()


def test_removal_goes_on_until_nothing_more_can_go():
    """What makes the first unit matter is a unit of the next layer that is never active."""
    first = first_layer(unit(0.0, r=(0, 1, 0)), unit(0.0, d=(0, 1, 2)))
    second = np.array([[1.0, 0], [0, 1]]), np.array([-1.5, 0])
    layers = [first, second, (np.ones((2, 1)), np.zeros(1))]
    pruned, _ = prune(first_interval(SPACE, MERGED, first), layers)
    assert [weight.shape for weight, _ in pruned] == [(N_FEATURES, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_the_proven_error_holds_for_every_architecture(seed):
    """Random networks with many near-constant units, and a budget that lets some go."""
    rng = np.random.default_rng(seed)
    layers = random_layers(rng, N_FEATURES, 12, 12, 1)
    for weight, bias in layers[:-1]:
        weight *= 10.0 ** rng.uniform(-5, 0, size=weight.shape[1])
        bias -= rng.random(len(bias))
    pruned, error = prune(first_interval(SPACE, MERGED, layers[0]), layers, budget=1e-2)
    assert sum(len(bias) for _, bias in pruned) < 25
    off = np.abs(forward(pruned, one_hot(ALL)) - forward(layers, one_hot(ALL))).max()
    assert off <= error + 1e-12
    assert error <= 1e-2


def float32(layers):
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]


@pytest.mark.parametrize("hidden", [2, 1])
def test_a_network_of_constants_is_its_bias(hidden):
    layers = float32([(np.zeros((a, b)), np.full(b, 0.5)) for a, b in pairwise((N_FEATURES, *[4] * hidden, 1))])
    predictor = OneHotMLP(SPACE, COLUMNS, layers, name="constant", sha256="")
    assert predictor.pruning == {"hidden": [4] * hidden, "kept": [0] * hidden, "error": 0}
    assert predictor.accuracy(ALL[:3]).tolist() == [0.5] * 3


def test_a_predictor_computes_its_pruned_layers_and_keeps_those_given():
    weight, bias = first_layer(unit(-4.0, r=(1, 2, 3)), CORNER, unit(0.25), unit(0, r=(0.5, 0.25, 1)))
    layers = float32([(weight, bias), (np.array([[1.0], [100], [-1], [1]]), np.array([0.5]))])
    predictor = OneHotMLP(SPACE, COLUMNS, layers, name="small", sha256="")
    assert predictor.pruning == {"hidden": [4], "kept": [2], "error": 0}
    assert predictor.layers == tuple(layers)
    assert predictor.accuracy(ALL) == pytest.approx(forward(layers, one_hot(ALL)), abs=2e-7)


def test_nothing_is_proven_of_a_space_with_an_activity_of_its_own():
    class Always(SmallSpace):
        def active(self, genes):
            return np.ones(genes.shape, bool)

    layers = float32([first_layer(IMPOSSIBLE, unit(0, r=(0, 1, 2))), (np.ones((2, 1)), np.zeros(1))])
    space, pruned = Always(), OneHotMLP(SPACE, COLUMNS, layers, name="small", sha256="")
    whole = OneHotMLP(space, COLUMNS, layers, name="small", sha256="")
    assert pruned.pruning["kept"] != pruned.pruning["hidden"] == whole.pruning["kept"] == [2]
    genes = space.sample(200, np.random.default_rng(0))
    features = one_hot(genes)
    for gene, places in COLUMNS.items():  # a gene counts whether its owner wants it or not
        features[:, list(places)] = 0
        features[np.arange(200), np.array(places)[genes[:, space.index[gene]]]] = 1
    assert whole.accuracy(genes) == pytest.approx(forward(layers, features), abs=1e-5)
    assert (whole.accuracy(genes) != pruned.accuracy(genes)).any()


@pytest.fixture
def taken(monkeypatch):
    """What the next predictor prunes: the layers before and after, and the proven error."""
    made = {}

    def recorded(first, layers):
        pruned, error = prune(first, layers)
        made.update(before=layers, after=pruned, error=error)
        return pruned, error

    monkeypatch.setattr(accuracy, "prune", recorded)
    return made


@pytest.mark.parametrize(("make", "space"), PREDICTORS)
def test_predictors_give_what_their_whole_networks_give(make, space, taken, request):
    if make is official_predictor:
        request.getfixturevalue("assets")
    predictor = make(SPACES[space])
    genes = SPACES[space].sample(2000, np.random.default_rng(11))
    features = predictor.features(genes)[:, :-1].astype(np.float64)
    wanted = forward(taken["before"], features)
    assert np.abs(forward(taken["after"], features) - wanted).max() <= taken["error"] + 1e-14
    assert predictor.pruning["error"] == taken["error"] <= BUDGET
    assert np.abs(predictor.accuracy(genes) - wanted).max() < 3e-7
    assert predictor.pruning["kept"] == [len(bias) for _, bias in taken["after"][:-1]]
    assert [weight.shape for weight, _ in predictor.layers] == [weight.shape for weight, _ in taken["before"]]


@pytest.mark.usefixtures("assets")
def test_most_of_the_official_resnet50d_predictor_is_constant():
    pruning = official_predictor(SPACES["resnet50d"]).pruning
    assert pruning["hidden"] == [400, 400, 400]
    assert pruning["kept"] == [27, 26, 127]
    assert 0 < pruning["error"] <= BUDGET
