"""Whatever the command line, results have their own address below the output folder."""

from pathlib import PurePosixPath, PureWindowsPath

from arbitrary import examples
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.config.address import address
from ofa_bench.config.schema import GROUPS

WORDS = st.text(min_size=1, max_size=12).filter(lambda text: "=" not in text) | st.sampled_from(
    ["repeats", "evolution.mutate_prob", "+strategy.path", "++strategy.evaluations", "~x", "..", "/", "a/b", "📱", "寸"]
)
WIDE = st.integers(0, 130).map(lambda n: n * "寸")  # three bytes each, as far as a name may have them
VALUES = st.text(max_size=400) | WIDE | st.sampled_from(["..", "../..", "/etc", "a" * 130, ""])
OVERRIDES = st.lists(st.builds("{}={}".format, WORDS, VALUES), max_size=6)
OPTIONS = st.from_regex(r"\w[\w-]{0,20}", fullmatch=True)


@st.composite
def choices(draw):
    return {group: draw(OPTIONS) for group in GROUPS}


@examples(200)
@given(choices(), OVERRIDES, st.integers(0, 2**40))
def test_an_address_is_a_place_below_the_output_folder(chosen, overrides, seed):
    parts = address(chosen, overrides, seed).split("/")
    assert parts[:-1] == list(chosen.values())
    assert parts[-1].startswith(f"seed={seed}")
    assert len(parts[-1].encode()) < 256
    for path in map(PurePosixPath, ("/".join(parts), parts[-1])):
        assert path.parts
        assert not path.is_absolute()
        assert ".." not in path.parts
    assert not set(parts[-1]) & set('\\:*?"<>|\0\n\r')
    assert not PureWindowsPath(parts[-1]).is_absolute()


@examples(100)
@given(choices(), OVERRIDES, st.integers(0, 999), st.integers(0, 999))
def test_seeds_are_kept_apart(chosen, overrides, one, other):
    assert (address(chosen, overrides, one) == address(chosen, overrides, other)) == (one == other)


@examples(100)
@given(choices(), OVERRIDES, st.sampled_from(GROUPS), OPTIONS)
def test_choices_are_kept_apart(chosen, overrides, group, option):
    other = {**chosen, group: option}
    assert (address(chosen, overrides, 0) == address(other, overrides, 0)) == (chosen == other)


@examples(100)
@given(choices(), OVERRIDES, st.text("abc.=,[] 09", max_size=200), st.text("abc.=,[] 09", max_size=200))
def test_long_values_are_kept_apart(chosen, overrides, one, other):
    first, second = (address(chosen, [*overrides, f"k={value}"], 0) for value in (one, other))
    if one.replace(" ", "_") == other.replace(" ", "_"):
        return
    assert first != second


@examples(100)
@given(choices(), OVERRIDES, st.randoms(use_true_random=False))
def test_the_order_of_overrides_and_a_pluss_before_them_name_nothing(chosen, overrides, random):
    mixed = random.sample(overrides, len(overrides))
    assert address(chosen, mixed, 0) == address(chosen, overrides, 0)
    plussed = [text if text.startswith(("+", "~")) else f"++{text}" for text in overrides]
    assert address(chosen, plussed, 0) == address(chosen, overrides, 0)


@examples(60)
@given(choices(), OVERRIDES, st.sampled_from(["threads=2", "output=o", "tracking=none", "lockstep=false", "seed=9"]))
def test_what_changes_no_result_is_not_named(chosen, overrides, extra):
    assert address(chosen, [*overrides, extra], 0) == address(chosen, overrides, 0)
