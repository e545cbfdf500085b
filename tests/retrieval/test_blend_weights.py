"""Weights of signals: learnt from judgements, and never worse than words alone where they were not learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.retrieval.blend import DEFAULT, WORDS, Blend, Judged, fit_blend, graded_ndcg, weigh

ALONE = {WORDS: 1.0, "meaning": 0.0}


def queries(count: int, words: float, meaning: float, seed: int, language: str = "en") -> list[Judged]:
    """Thirty products each; the parts are gains plus noise, so much of it."""
    random = np.random.default_rng(seed)
    judged = []
    for _ in range(count):
        gains = (random.random(30) < 0.2).astype(np.float32)
        parts = {
            name: (gains + noise * random.normal(size=30)).astype(np.float32)
            for name, noise in ((WORDS, words), ("meaning", meaning))
        }
        judged.append(Judged(language, parts, gains))
    return judged


def figure(judged: list[Judged], weights: dict[str, float]) -> float:
    return float(np.mean([graded_ndcg(weigh(one.parts, weights, 30), one.gains) for one in judged if one.gains.any()]))


def test_both_together_are_better_than_either() -> None:
    blend, report = fit_blend(queries(80, 0.7, 0.7, 0))
    unseen = queries(80, 0.7, 0.7, 1)
    assert report["en"].taken
    assert figure(unseen, blend.weights("en")) > max(figure(unseen, ALONE), figure(unseen, {WORDS: 0, "meaning": 1}))


def test_noise_is_not_taken() -> None:
    blend, report = fit_blend(queries(60, 0.3, 50.0, 0))
    assert not report[""].taken
    assert blend.weights("en")[WORDS] == 1
    assert blend.weights("en")["meaning"] == 0


@settings(deadline=None, max_examples=12)
@given(st.floats(0.1, 3), st.floats(0.1, 3), st.integers(0, 2**31))
def test_never_worse_than_words_alone_on_validation(words: float, meaning: float, seed: int) -> None:
    judged = queries(40, words, meaning, seed)
    blend, report = fit_blend(judged)
    assert report["en"].blend > report["en"].words or blend.weights("en")[WORDS] == 1
    assert figure(judged, blend.weights("en")) >= figure(judged, ALONE) - 1e-9


def test_each_language_has_its_own_when_enough_was_asked() -> None:
    judged = queries(60, 0.2, 5.0, 0, "en") + queries(60, 5.0, 0.2, 1, "zh") + queries(3, 5.0, 0.2, 2, "other")
    blend, report = fit_blend(judged)
    assert set(report) == {"", "en", "zh"}
    assert blend.weights("en")[WORDS] > 0.8
    assert blend.weights("zh")["meaning"] > 0.8
    assert blend.weights("other") == blend.weights("xx")


def test_nothing_judged_leaves_the_beginning() -> None:
    unanswered = [Judged("en", {WORDS: np.zeros(3, np.float32)}, np.zeros(3, np.float32))]
    assert fit_blend(unanswered) == (Blend(), {})
    assert Blend().weights("zh") == dict(DEFAULT)


def test_what_is_unknown_counts_as_usual() -> None:
    parts = {WORDS: np.array([1, 1], np.float32), "looks": np.array([np.nan, 0.5], np.float32)}
    assert weigh(parts, {WORDS: 0.6, "looks": 0.4}, 2).tolist() == pytest.approx([0.6, 0.8])


def test_graded_gains_by_hand() -> None:
    gains = np.array([0, 1, 0.5], np.float32)
    expected = (1 / np.log2(3) + 0.5 / 2) / (1 + 0.5 / np.log2(3))
    assert graded_ndcg(np.array([3, 2, 1], np.float32), gains) == pytest.approx(expected)


def test_it_survives_json() -> None:
    blend = Blend({"en": {WORDS: 0.7, "meaning": 0.3}, "": {WORDS: 1.0}})
    assert Blend.from_dict(blend.as_dict()) == blend
