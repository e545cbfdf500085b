from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.interaction.refinement_cases import CHINESE, ENGLISH, FRESH, PHOTO, Case

from shoplens.apps.interaction.moves import Reading
from shoplens.apps.interaction.references import MOST_PLACES
from shoplens.apps.interaction.refinement import MOST_MOVES, Refinements, plain
from shoplens.apps.interaction.turns import MAX_TEXT

READER = Refinements(("Heel Height",))


def named(cases: tuple[Case, ...]) -> list[str]:
    return [case[0] for case in cases]


def test_the_table_is_large_enough_in_both_languages() -> None:
    assert len(set(named(ENGLISH))) >= 60
    assert len(set(named(CHINESE))) >= 60


@pytest.mark.parametrize("case", ENGLISH + CHINESE, ids=named(ENGLISH + CHINESE))
def test_on_the_table(case: Case) -> None:
    said, moves, rest = case
    read = READER.read(said, begun=True)
    assert (read.moves, read.rest) == (moves, rest)


@pytest.mark.parametrize("case", PHOTO, ids=named(PHOTO))
def test_with_a_photo(case: Case) -> None:
    said, moves, rest = case
    read = READER.read(said, photos=True)
    assert (read.moves, read.rest) == (moves, rest)


@pytest.mark.parametrize("case", FRESH, ids=named(FRESH))
def test_before_any_search(case: Case) -> None:
    said, moves, rest = case
    assert READER.read(said) == Reading(moves, rest)


def test_what_a_thing_has_is_told_from_what_it_is() -> None:
    assert READER.read("with a hood", begun=True).feature
    assert READER.read("带口袋的", begun=True).feature
    assert not READER.read("boots", begun=True).feature


def test_one_form_of_text() -> None:
    assert plain(" ＲＥＤ\u200b  dress\n\x00") == "RED dress"
    assert plain("顏色無所謂") == "颜色无所谓"
    assert plain("什么") == "什么"
    assert plain("\ue0003\ue001") == "3"  # the signs of references cannot be typed


@given(st.text(max_size=200), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str, photos: bool, begun: bool) -> None:
    read = READER.read(text, photos=photos, begun=begun)
    assert len(read.moves) <= MOST_MOVES
    assert all(len(getattr(move, "places", ())) <= MOST_PLACES for move in read.moves)
    assert "\ue000" not in read.rest


@pytest.mark.parametrize(
    "piece",
    [
        "the first one ",
        "第一个",
        "#1 ",
        "not ",
        "a bit ",
        "有没有",
        "这些",
        "再更",
        "like this ",
        "cheaper ",
        "的",
        ", ",
        "any ",
    ],
)
def test_long_repetitions_take_little_time(piece: str) -> None:
    text = (piece * MAX_TEXT)[:MAX_TEXT]
    READER.read("第一个")  # the dictionary is read once
    began = time.perf_counter()
    READER.read(text, photos=True, begun=True)
    assert time.perf_counter() - began < 1.0
