"""The benchmark of text classes: what is set aside is nowhere else, and it runs at a size at which nothing is meant."""

from __future__ import annotations

from benchmarks.quality.text_classes import judged, set_aside
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.encoders.hashed import HashedNgramEncoder
from shoplens.learning.text_classes.examples import TextExamples


def examples(texts: list[str]) -> TextExamples:
    return TextExamples("made.csv", tuple(texts), tuple("even" if len(one) % 2 == 0 else "odd" for one in texts), {})


@settings(deadline=None)
@given(st.lists(st.text(max_size=3)), st.floats(0, 1), st.integers(0, 3))
def test_no_text_is_on_both_sides_and_none_is_lost(texts: list[str], share: float, seed: int) -> None:
    learnt, aside = set_aside(examples(texts), share, seed)
    assert not set(learnt.texts) & set(aside.texts)
    assert sorted(learnt.texts + aside.texts) == sorted(texts)
    for part in (learnt, aside):
        assert part.labels == examples(list(part.texts)).labels


def test_about_the_share_is_set_aside() -> None:
    _, aside = set_aside(examples([f"text {number}" for number in range(4_000)]), 0.15, 0)
    assert 500 < len(aside) < 700


def test_a_small_run() -> None:
    texts = [f"{'good fine' if number % 2 else 'bad poor'} thing {number}" for number in range(200)]
    labels = tuple("plus" if number % 2 else "minus" for number in range(200))
    learnt, aside = set_aside(TextExamples("made.csv", tuple(texts), labels, {}), 0.3, 0)
    told = judged(learnt, aside, HashedNgramEncoder(), "fast", None, 0)
    assert told["accuracy"] == 1.0
    assert told["accuracy_95"][0] < 1.0
    assert told["learnt"] + told["aside"] == 200
