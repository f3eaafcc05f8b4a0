import numpy as np
import pytest
from crafting import CELLS, CONTROLS, OF_TOP_DOWN, PLAIN, ROWS, TEN, asked, crafted, crafted_set, first, official, unmet
from plain import change_record

from ofa_bench.analysis.paper.protocols import CHAINS, NAMES, PROTOCOLS, STRATEGIES, entry_of
from ofa_bench.analysis.paper.runs import runs_of
from ofa_bench.config.schema import BudgetConfig
from ofa_bench.experiment.budget import resolve_budget
from ofa_bench.records.model import RecordedBudget
from ofa_bench.strategies import MEASURES


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_papers_experiments_are_known_by_their_settings(protocol, strategy):
    assert entry_of(asked(*CELLS[protocol][strategy])) == (protocol, strategy)


@pytest.mark.parametrize(
    "words",
    [
        ("repeats=10", "seed=3"),
        ("targets=paper3", "lockstep=false", "threads=1", "tracking=none"),
        ("targets=single", "targets.values=[35,30]"),
        ("targets.first=4", "space=resnet50d"),
        ("evolution.population_size=10", "budget.generations=9", "repeats=2"),
        ("evolution.population_size=10", "budget.generations=9", "repeats=2", "targets.values=[35,30,25,20,15]"),
        ("targets.values=[15,20,25,30,35,40,45,50,55,60]",),
    ],
    ids=" ".join,
)
def test_size_targets_and_seeds_leave_a_record_in_its_protocol(words):
    assert entry_of(asked(*CELLS["as_published"]["top_down"], *words)) == ("as_published", "top_down")


@pytest.mark.parametrize(
    "words",
    [
        ("strategy=vanilla", "budget=paper"),
        ("strategy=vanilla", "budget=sqrt", "evolution.reference_compat=true"),
        ("strategy=joint", "budget=sqrt"),
        ("strategy=top_down", "budget=paper"),
        ("strategy=top_down", "budget=paper", "evolution.reference_compat=true"),
        ("strategy=top_down", "budget=sqrt", "evolution.mutate_prob=0.2"),
        ("strategy=top_down", "budget=sqrt", "strategy.order=random"),
        ("strategy=bottom_up", "budget=sqrt", "strategy.warm_start.seed=none"),
        ("strategy=top_down", "budget=sqrt", "budget.warm_generations=50"),
        ("strategy=top_down", "budget=sqrt", "device.guard_band=true"),
        ("experiment=authors_top_down", "strategy.warm_start.share=0.5"),
        ("experiment=authors_top_down", "budget=sqrt"),
        ("experiment=authors_bottom_up", "strategy=top_down"),
        ("strategy=top_down", "budget=sqrt", "space=compofa"),
        ("experiment=authors_vanilla", "budget=matched", "budget.warm_generations=50"),
        ("strategy=vanilla", "budget=matched", "budget.match=seconds", "budget.chain.order=random"),
        ("strategy=vanilla", "budget=matched", "budget.match=seconds", "budget.chain.warm_start.share=0.5"),
        (
            *("strategy=top_down", "budget=sqrt", "budget.generations=500", "evolution.population_size=100"),
            *("predictor._target_=ofa_bench.predictors.embedded_predictor", "repeats=10", "strategy.order=random"),
        ),
    ],
    ids=" ".join,
)
def test_ablations_and_mixtures_are_of_no_protocol(words):
    for memo in ("true", "false"):
        assert entry_of(asked(*words, f"evolution.memo={memo}")) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_units_and_spaces_are_of_no_protocol(protocol):
    record = crafted(protocol, "top_down", TEN)
    assert entry_of(change_record(record, unit="M MACs")) is None
    for space in ("compofa", "own"):
        assert entry_of(change_record(record, choices={"space": space})) is None
    for space in NAMES:
        assert entry_of(change_record(record, choices={"space": space})) == (protocol, "top_down")


def test_what_is_made_up_here_is_what_the_experiments_run():
    for protocol, warm in (("fair", 23), ("as_published", 63)):
        for name, words in CELLS[protocol].items():
            record = crafted(protocol, name, (15, 20))
            assert resolve_budget(BudgetConfig(**asked(*words).config["budget"])) == (500, warm)
            assert record.budget == RecordedBudget(generations=500, warm_generations=warm)
            assert entry_of(record) == (protocol, name)


def test_a_memo_makes_another_protocol():
    memorised = asked("strategy=top_down", "budget=sqrt")
    assert entry_of(memorised) == ("fair_memo", "top_down")
    assert entry_of(asked("strategy=top_down", "budget=sqrt", "evolution.memo=true")) == ("fair_memo", "top_down")
    assert entry_of(asked("experiment=authors_top_down")) is None
    older = memorised.config | {"evolution": {k: v for k, v in memorised.config["evolution"].items() if k != "memo"}}
    assert entry_of(change_record(memorised, config=older)) == ("fair_memo", "top_down")


def test_records_with_and_without_a_memo_are_not_mixed():
    """As where experiment=paper goes on in a folder of older records, which had a memo."""
    older = crafted_set("fair_memo", first(1, 2, 3, 10), seconds=(9.0, 9.0))
    found = runs_of([*older, *crafted_set()])
    assert set(found) == {("mbv3", "fair"), ("mbv3", "fair_memo")}
    assert (found["mbv3", "fair"].rows, found["mbv3", "fair_memo"].rows) == ([1, 2, 10], [1, 2, 3, 10])
    assert {float(one) for k in (1, 2, 10) for one in found["mbv3", "fair"].seconds("vanilla", k)} == {1.0}


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_are_known_by_what_is_equal_and_the_chain(name):
    match, chain = name.split()
    of = chain if match != "generations" else "top_down"  # all chains make the same
    assert entry_of(asked(*CONTROLS[name])) == ("fair", f"{match} {of}")


def test_the_control_of_the_published_chains_has_their_generations():
    words = ("experiment=authors_vanilla", "budget=matched", "budget.warm_generations=63", PLAIN)
    assert entry_of(asked(*words)) == ("as_published", "generations top_down")
    chain = ("strategy=top_down", "budget=matched", PLAIN)
    assert entry_of(asked(*chain)) == ("fair", "top_down")


def test_controls_are_no_strategies():
    """They stand beside those of vanilla with the whole budget, and pair with a chain by seed and repeat."""
    controls = [crafted("fair", name, TEN, seconds=(3.0,), seed=1) for name in CONTROLS]
    several = [one for seed in (0, 1) for one in crafted_set(seconds=(1.0,), seed=seed)]
    runs = runs_of([*controls, *several])["mbv3", "fair"]
    assert set(runs.cells) == set(STRATEGIES)
    assert (len(runs.winners), runs.first.budget.match) == (2, None)
    for match in MEASURES:
        for chain in CHAINS:
            own, of = runs.control(match, chain)
            assert ([one.seconds for one in own], [one.seconds for one in of]) == ([1.0], [3.0])
    assert runs_of(several)["mbv3", "fair"].control("seconds", "top_down") is None
    lacking = runs_of([controls[-2], *several])["mbv3", "fair"]
    assert (lacking.control("seconds", "bottom_up"), lacking.control("generations", "top_down")) == (None, None)
    assert lacking.control("seconds", "top_down")


def test_lists_of_the_same_first_target():
    """Top-down begins with the largest, bottom-up with the least."""
    lists = [*first(*ROWS), *OF_TOP_DOWN[:4], (40, 45)]
    runs = runs_of([crafted("fair", name, targets) for name in STRATEGIES for targets in lists])["mbv3", "fair"]
    assert runs.family("top_down") == [tuple(sorted(targets)) for targets in OF_TOP_DOWN]
    assert runs.family("bottom_up") == first(*ROWS)
    runs = runs_of(crafted_set(lists=first(1, 2, 3)))["mbv3", "fair"]
    assert [len(runs.family(chain)) for chain in CHAINS] == [1, 3]


def test_records_are_sorted_by_space_and_protocol():
    other = crafted_set("as_published", first(1, 5))
    for record in other:
        record.choices.space = "resnet50d"
    found = runs_of([*crafted_set(), *other, crafted("fair", "vanilla", (60,))])
    assert set(found) == {("mbv3", "fair"), ("resnet50d", "as_published")}
    runs = found["mbv3", "fair"]
    assert (runs.space, runs.protocol, runs.targets, runs.rows) == ("mbv3", "fair", TEN, [1, 2, 10])
    assert found["resnet50d", "as_published"].rows == [1, 5]


def test_where_a_strategy_is_missing_nothing_is_given():
    records = crafted_set()
    for name in STRATEGIES:
        assert runs_of([record for record in records if record.choices.strategy != name]) == {}
    assert runs_of([]) == {}
    apart = [crafted("fair", name, (target,)) for name, target in zip(STRATEGIES, TEN, strict=False)]
    assert runs_of(apart) == {}


def test_a_row_that_a_strategy_lacks_is_left_out():
    records = crafted_set(lists=first(1, 2, 3, 10))
    records.remove(next(one for one in records if one.choices.strategy == "bottom_up" and len(one.targets) == 2))
    assert runs_of(records)["mbv3", "fair"].rows == [1, 3, 10]


def test_top_down_was_given_its_own_targets_as_published():
    published = [
        crafted("as_published", name, targets)
        for name in ("vanilla", "bottom_up")
        for targets in first(1, 2, 3, 4, 5, 10)
    ]
    alone = [crafted("as_published", name, (target,)) for name in STRATEGIES for target in TEN]
    of_top_down = [crafted("as_published", "top_down", targets) for targets in [*OF_TOP_DOWN, TEN[::-1]]]
    for records in ([*published, *of_top_down], [*alone, *published, *of_top_down]):
        runs = runs_of(records)["mbv3", "as_published"]
        assert runs.rows == [1, 2, 3, 4, 5, 10]
        for k, targets in enumerate(OF_TOP_DOWN, 1):
            assert runs.searched("top_down", k) == tuple(sorted(targets))
            assert runs.searched("vanilla", k) == runs.searched("bottom_up", k) == TEN[:k]
        assert runs.searched("top_down", 10) == TEN


def test_where_top_down_has_no_list_of_its_own_the_first_targets_serve():
    runs = runs_of(crafted_set("as_published", first(1, 2, 10)))["mbv3", "as_published"]
    assert runs.rows == [1, 2, 10]
    assert runs.searched("top_down", 2) == (15, 20)


def test_fair_top_down_has_the_targets_of_the_others():
    extra = [crafted("fair", "top_down", targets) for targets in OF_TOP_DOWN]
    runs = runs_of([*extra, *crafted_set(lists=first(1, 2, 10))])["mbv3", "fair"]
    assert [runs.searched("top_down", k) for k in runs.rows] == [TEN[:k] for k in (1, 2, 10)]


def test_the_official_predictor_goes_first_and_others_are_not_mixed_in():
    records = [*crafted_set(lists=first(1, 2, 3)), *official(crafted_set(lists=first(1, 3)))]
    runs = runs_of(records)["mbv3", "fair"]
    assert runs.rows == [1, 3]
    assert runs.first.predictor.name == "official"
    assert runs_of(records[:9])["mbv3", "fair"].rows == [1, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"device": {"name": "other", "sha256": "4" * 64, "card": {}}},
        {"budget": {"generations": 9, "warm_generations": 3}},
        {"made": {"lockstep": True}},
    ],
    ids=["seed", "device", "budget", "lockstep"],
)
def test_what_must_not_be_compared_is_not_mixed(changes):
    """As a quick try of some cells, in the same folder, before the experiment."""
    lists = first(1, 10)
    tried = [crafted("fair", name, targets, seconds=(9, 9), **changes) for name in STRATEGIES[:2] for targets in lists]
    runs = runs_of([*tried, *crafted_set(lists=first(1, 2, 10))])["mbv3", "fair"]
    assert (runs.rows, runs.keys) == ([1, 2, 10], [(0, 0), (0, 1)])
    assert {float(second) for name in STRATEGIES for k in runs.rows for second in runs.seconds(name, k)} == {1.0}
    assert (runs.first.device.name, runs.budget, runs.timed) == (
        "note10",
        {"n": 500, "w": 23, "population": 100},
        True,
    )


def test_records_of_several_seeds_are_one_cell():
    several = [one for seed in (2, 0, 1) for one in crafted_set(seconds=(1.0 + seed,), seed=seed)]
    runs = runs_of(several)["mbv3", "fair"]
    assert runs.keys == [(0, 0), (1, 0), (2, 0)]
    assert runs.seconds("top_down", 2).tolist() == [1, 2, 3]
    lacking = [one for one in several if (one.seed, one.choices.strategy) != (1, "top_down")]
    assert runs_of(lacking)["mbv3", "fair"].keys == [(0, 0), (2, 0)]
    assert runs_of([*several, *crafted_set(lists=first(1), seconds=(7.0, 8.0))])["mbv3", "fair"].keys == runs.keys


def test_numbers_are_read_in_the_order_of_targets():
    accuracy = np.array([[70.0, 60.0, 50.0], [71.0, 61.0, 51.0]])
    records = crafted_set(lists=first(3))
    records[1] = crafted("fair", "top_down", (25, 20, 15), seconds=(2.0, 4.0), accuracy=accuracy, generations=(9, 3, 2))
    runs = runs_of(records)["mbv3", "fair"]
    assert runs.accuracy("top_down") == pytest.approx(accuracy[:, ::-1])
    assert runs.seconds("top_down", 3).tolist() == [2, 4]
    assert runs.generations("top_down", 3) == 14
    assert runs.generations("vanilla", 3) == 1500


def test_searches_for_one_target_are_given_by_target():
    singles = [crafted("fair", name, (t,), seconds=(t / 10, t)) for name in STRATEGIES for t in (60, 15, 30)]
    runs = runs_of([*singles, *crafted_set(lists=first(2))])["mbv3", "fair"]
    single = runs.single("bottom_up")
    assert list(single) == [15, 30, 60]
    assert single[30].tolist() == [3, 30]


def test_a_longer_list_with_fewer_rows_does_not_displace_table_1():
    """As of targets=range beside it: 19 targets, of which only the whole list was searched, and the first."""
    steps = tuple(15 + 2.5 * i for i in range(19))
    runs = runs_of([*crafted_set(lists=[steps]), *crafted_set(lists=first(*ROWS))])["mbv3", "fair"]
    assert (runs.targets, runs.rows) == (TEN, list(ROWS))
    assert runs_of(crafted_set(lists=[steps]))["mbv3", "fair"].targets == steps


@pytest.mark.parametrize(
    "changes",
    [{"made": {"threads": 2}}, {"made": {"machine": "other"}}, {"made": {"ofa_bench": "1"}}],
    ids=["threads", "machine", "version"],
)
def test_seconds_taken_in_another_way_are_not_timed(changes):
    records = crafted_set()
    vars(records[4].made).update(changes["made"])
    runs = runs_of(records)["mbv3", "fair"]
    assert (runs.rows, runs.timed) == ([1, 2, 10], False)


def test_searches_that_advanced_together_are_not_timed():
    assert not runs_of(crafted_set(made={"lockstep": True}))["mbv3", "fair"].timed
    assert runs_of(crafted_set(made={}))["mbv3", "fair"].timed


@pytest.mark.parametrize("place", [0, 1])
def test_of_mobilenet_the_papers_phone_goes_first(place):
    elsewhere = crafted_set(lists=first(1, 2, 3), seconds=(2.0,) * 9, device={"name": "cpu", "sha256": "5" * 64})
    for record in elsewhere:
        record.choices.device = "cpu_onnx"
    both = [elsewhere, crafted_set(lists=first(1, 2))]
    runs = runs_of([*both[place], *both[1 - place]])["mbv3", "fair"]
    assert (runs.first.device.name, runs.rows) == ("note10", [1, 2])
    assert runs_of(elsewhere)["mbv3", "fair"].first.device.name == "cpu"
    assert runs_of([*both[1], *official(elsewhere)])["mbv3", "fair"].first.device.name == "cpu"


def test_searches_for_one_target_count_for_the_repeats_that_all_have():
    singles = [
        crafted("fair", name, (target,), seconds=(target + 1, target + 2, target + 3)[: 3 if target > 15 else 2])
        for name in STRATEGIES
        for target in (15, 30, 60)
    ]
    singles[-1].repeats = singles[-1].repeats[1:]
    runs = runs_of([*singles, *crafted_set(lists=first(2))])["mbv3", "fair"]
    for name in STRATEGIES:
        assert {target: row.tolist() for target, row in runs.single(name).items()} == {15: [17], 30: [32], 60: [62]}
    singles[0].repeats = singles[0].repeats[:1]
    assert runs_of([*singles, *crafted_set(lists=first(2))])["mbv3", "fair"].single("top_down") == {}
    assert runs_of(crafted_set(lists=first(2, 10)))["mbv3", "fair"].single("vanilla") == {}


def test_generations_are_those_of_targets_that_can_be_met():
    runs = runs_of(unmet(crafted_set(lists=first(1, 2, 3)), 20))["mbv3", "fair"]
    assert runs.made("vanilla", 3) == [[500, 500]] * 2
    assert runs.made("bottom_up", 3) == [[500, 23]] * 2
    assert (runs.made("bottom_up", 1), runs.generations("bottom_up", 3)) == ([[500]] * 2, 523)
    assert runs.met.tolist() == [True, False, True]


def test_where_nothing_is_met_nothing_is_given():
    assert runs_of(unmet(crafted_set(lists=first(1)), 15)) == {}


def test_seeds_that_only_some_rows_have_count_for_the_winners():
    """As where table 2 was run with more seeds than table 1."""
    records = [*crafted_set(lists=first(1, 10)), *crafted_set(lists=first(10), seed=1)]
    runs = runs_of(records)["mbv3", "fair"]
    assert (runs.keys, len(runs.winners)) == ([(0, 0), (0, 1)], 4)
    assert (len(runs.seconds("top_down", 10)), len(runs.accuracy("top_down"))) == (2, 4)
