"""Laws of the small parts: ranking, diversity, trending, content space, past."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.dataset import Modality
from shoplens.domain.events import MICROSECONDS_PER_DAY, Event, EventType
from shoplens.domain.vocabulary import Vocabulary
from shoplens.recommend.content_space import ContentSpace
from shoplens.recommend.diversity import diversify
from shoplens.recommend.messages import BECAUSE, MESSAGES, say
from shoplens.recommend.past import Past
from shoplens.recommend.rules import best, lift
from shoplens.recommend.trending import HALF_LIFE_DAYS, Trending


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3), max_size=60), st.integers(0, 70))
def test_best_is_a_stable_sort(values: list[int], n: int) -> None:
    array = np.array(values, np.float32)
    assert best(array, n).tolist() == np.argsort(-array, kind="stable")[:n].tolist()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 30_000), st.integers(0, 300), st.sampled_from([0, 1, 4]))
def test_best_of_many_is_too(seed: int, many: int, n: int, digits: int) -> None:
    array = np.round(np.random.default_rng(seed).normal(size=many), digits).astype(np.float32)
    array[::7] = -np.inf
    assert best(array, n).tolist() == np.argsort(-array, kind="stable")[:n].tolist()


def test_lift_moves_by_standard_deviations_and_copies() -> None:
    scores = np.array([0, 1, 2, 3], np.float32)
    lifted = lift(scores, np.arange(4), [(np.array([True, False, False, False]), 2.0)])
    assert np.isclose(lifted[0], 2 * scores.std())
    assert scores[0] == 0
    assert lift(scores, np.arange(4), []) is scores


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_diversity_orders_without_repeats(seed: int, candidates: int, n: int, dial: float) -> None:
    random = np.random.default_rng(seed)
    scores = -np.sort(-random.normal(size=candidates)).astype(np.float32)
    vectors = random.normal(size=(candidates, 4)).astype(np.float32)
    order = diversify(scores, vectors, n, dial)
    assert len(order) == min(n, candidates) == len(set(order.tolist()))
    assert order[0] == 0
    if dial == 0:
        assert order.tolist() == list(range(len(order)))


def test_a_twin_goes_down() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    order = diversify(np.array([1.0, 0.9, 0.5], np.float32), vectors, 3, 0.7)
    assert order.tolist() == [0, 2, 1]


def test_trending_halves() -> None:
    trending = Trending()
    day = MICROSECONDS_PER_DAY
    old = int(1_000 * day)
    trending.add(np.array([1, 0]), np.array([1, 1], np.float32), np.array([old, old]))
    trending.add(np.array([2]), np.ones(1, np.float32), np.array([int(old + HALF_LIFE_DAYS * day)]))
    assert np.allclose(trending.scores(4), [0, 0.5, 1, 0])
    trending.add(np.array([3]), np.ones(1, np.float32), np.array([old + 10_000 * day]))
    assert np.allclose(trending.scores(4), [0, 0, 0, 1])
    trending.add(np.array([5_000]), -np.ones(1, np.float32), np.array([old]))
    assert len(trending.scores(6_000)) == 6_000


def test_content_space_comes_back_and_keeps_absence(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    text = Modality("text", random.normal(size=(50, 12)).astype(np.float32), random.random(50) < 0.8)
    image = Modality("image", random.normal(size=(50, 5)).astype(np.float32), random.random(50) < 0.5)
    space = ContentSpace.fit((text, image), kept=4)
    vectors = space.vectors((image, text), 50)
    has_any = text.present | image.present
    assert vectors.shape == (50, 8)
    assert np.allclose(np.linalg.norm(vectors[has_any], axis=1), 1, atol=1e-5)
    assert not vectors[~has_any].any()
    space.save(tmp_path)
    again = ContentSpace.load(tmp_path)
    assert np.array_equal(again.vectors((text, image), 50), vectors)
    only = again.vectors((text,), 50)
    assert not only[~text.present].any()


def test_a_modality_of_a_single_product_does_no_harm() -> None:
    values = np.zeros((4, 3), np.float32)
    values[1] = (1, 0, 0)
    video = Modality("video", values, np.array([False, True, False, False]))
    text = Modality("text", np.eye(4, 3, dtype=np.float32), np.array([True, True, True, False]))
    vectors = ContentSpace.fit((video, text)).vectors((video, text), 4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0], atol=1e-5)


def test_the_past_knows_dislikes_and_stand_ins() -> None:
    events = [
        Event(event_type=EventType.PURCHASE, timestamp=0, user_id="u", item_id="a"),
        Event(event_type=EventType.REFUND, timestamp=1, user_id="u", item_id="a"),
        Event(event_type=EventType.RATING, timestamp=2, user_id="u", item_id="b", value=1.0),
        Event(event_type=EventType.RATING, timestamp=2, user_id="u", item_id="c", value=5.0),
        Event(event_type=EventType.SEARCH, timestamp=2, user_id="u", query="x"),
        Event(event_type=EventType.IMPRESSION, timestamp=2, user_id="u", item_id="d"),
        Event(event_type=EventType.VIEW, timestamp=MICROSECONDS_PER_DAY, user_id="u", item_id="new"),
    ]
    past = Past.of(events, now=2 * MICROSECONDS_PER_DAY)
    assert past.disliked == {"a", "b"}
    assert past.seen == {"a", "b", "c", "new"}
    histories = past.histories(Vocabulary(["a", "b", "c"]), {"new": ((0, 0.5), (2, 0.25))})
    assert histories.item.tolist() == [0, 0, 1, 2, 0, 2]
    assert np.allclose(histories.weight, [1, -1, -1, 1, 0.15, 0.075])
    assert np.isclose(histories.age_days[-1], 1.0)


def test_every_message_exists_in_every_language() -> None:
    assert {frozenset(texts) for texts in MESSAGES.values()} == {frozenset(MESSAGES["en"])}
    assert set(BECAUSE.values()) <= set(MESSAGES["en"])
    assert say("zh", "bought", title="茶") == "因为您买过茶"
    assert say("xx", "popular") == say("en", "popular")
