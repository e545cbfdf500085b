"""Linear as a recommender: conformance, selection, cold products, explanations, damaged folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoplens.domain.dataset import Histories, Interactions, TrainingData
from shoplens.domain.events import MICROSECONDS_PER_DAY
from shoplens.domain.vocabulary import Vocabulary
from shoplens.errors import BundleError, ConfigurationError
from shoplens.models.linear import Linear
from shoplens.models.neighbours import one_by_one, one_history
from shoplens.models.popularity import Popularity
from shoplens.testing.recommenders import GROUPS, NEW, check_recommender, planted_data


@pytest.mark.parametrize("select", [True, False])
def test_conformance(tmp_path: Path, select: bool) -> None:
    check_recommender(lambda: Linear(select=select), tmp_path)


@pytest.mark.parametrize("changes", [{"row_budget": 5_000.0}, {"exact_people": 0, "exact_items": 20, "neighbours": 30}])
def test_conformance_with_a_small_head(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Most products are tail: co-occurrence takes over."""
    check_recommender(lambda: Linear(select=False, **changes), tmp_path)


def cold_recall(data: TrainingData, *, depth: int = 10) -> tuple[float, float]:
    """Share of people who get a new product of their taste among the first ten: linear, popularity."""
    histories = data.interactions.histories()
    n = len(data.interactions.items)
    result = []
    for model in (Linear(select=False).fit(data), Popularity().fit(data)):
        scores = model.score(histories)
        scores[np.repeat(np.arange(len(histories)), np.diff(histories.indptr)), histories.item] = -np.inf
        top = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        taste = (np.arange(len(histories)) % GROUPS)[:, None]
        result.append(float(((top >= n - NEW) & (top % GROUPS == taste)).any(axis=1).mean()))
    return result[0], result[1]


def test_new_products_are_reached_through_their_content() -> None:
    linear, popularity = cold_recall(planted_data(people=200, items=200))
    assert popularity == 0
    assert linear > 0.3


def test_without_content_new_products_are_not_scorable() -> None:
    data = planted_data()
    with_content, without = Linear(select=False).fit(data), Linear(select=False).fit(data.without("text"))
    assert with_content.scorable[-NEW:].all()
    assert not without.scorable[-NEW:].any()


def test_a_history_of_new_products_only_finds_the_taste() -> None:
    data = planted_data()
    model = Linear(select=False).fit(data)
    n = len(data.interactions.items)
    for item in range(n - NEW, n):
        scores = model.score(one_history([item]))[0, 1 : n - NEW]
        group = np.arange(1, n - NEW) % GROUPS
        means = [scores[group == one].mean() for one in range(GROUPS)]
        assert int(np.argmax(means)) == item % GROUPS


@pytest.mark.parametrize("item", [12, 58])
def test_an_explanation_adds_up_to_the_score(item: int) -> None:
    """Of a known product (12) and of a new one (58), for a history with a new product in it (54)."""
    data = planted_data()
    model = Linear(select=False).fit(data)
    history = one_history([4, 8, 54, 5], [1.0, 1.0, 0.5, 0.3])
    preferences = model._fold(history)
    speakers = model._borrowing.lend(one_by_one(preferences))
    value = model._relations.contributions(speakers, model._borrowing.target(item))
    value += model._borrowing.likeness(speakers, item)
    assert value.sum() == pytest.approx(float(model.score(history)[0, item]), abs=1e-3)
    parts = model.explain(history, item, at_most=2)
    assert len(parts) == 2
    assert parts[0][1] == pytest.approx(value.max())


def repeating_shop() -> Interactions:
    """Everybody buys one of two products of their own again and again."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(120), 12)
    item = (user % 40) + 40 * rng.integers(0, 2, len(user))
    moment = np.tile(np.arange(12), 120) * 7 * MICROSECONDS_PER_DAY
    return Interactions(
        Vocabulary(map(str, range(120))),
        Vocabulary(map(str, range(80))),
        user.astype(np.int32),
        item.astype(np.int32),
        np.ones(len(user), np.float32),
        moment.astype(np.int64),
    )


def test_repeat_purchases_are_noticed() -> None:
    interactions = repeating_shop()
    model = Linear().fit(TrainingData(interactions))
    assert model.chosen.repeat_weight > 0
    top = model.score(interactions.histories()).argmax(axis=1)
    assert (top % 40 == np.arange(120) % 40).mean() > 0.9


def test_a_disliked_product_pushes_its_neighbours_down() -> None:
    data = planted_data()
    model = Linear(select=False).fit(data)
    liked, disliked = (model.score(one_history([5, 4], [1.0, weight]))[0] for weight in (0.5, -0.5))
    assert disliked[8] < liked[8]


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="ease_penalty"):
        Linear(ease_penalty=0.0)
    with pytest.raises(ConfigurationError, match="filter_steps"):
        Linear(ease_share=0.0, filter_steps=(0.0, 0.0, 0.0))


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    model = Linear(select=False).fit(planted_data())
    model.save(tmp_path)
    (tmp_path / "neighbours-data.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(BundleError, match="train again"):
        Linear.load(tmp_path)


@pytest.mark.parametrize(
    "changes", [{}, {"half_life_days": 30.0, "repeat_weight": 3.0}, {"half_life_events": 5.0, "repeat_weight": 1.0}]
)
def test_a_live_request_is_answered_like_a_batch(changes: dict[str, Any]) -> None:
    """One person goes a shorter way to the same sums."""
    data = planted_data()
    model = Linear(select=False, **changes).fit(data)
    histories = data.interactions.histories()
    newcomers = one_history([len(data.interactions.items) - 1, 3, 3])
    nobody = one_history([])
    together = model.score(histories)
    alone = np.concatenate([model.score(histories.take(one, one + 1)) for one in range(len(histories))])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)
    for history in (newcomers, nobody):
        double = Histories(
            np.array([0, len(history.item), 2 * len(history.item)]),
            np.tile(history.item, 2),
            np.tile(history.weight, 2),
            np.tile(history.age_days, 2),
        )
        np.testing.assert_allclose(model.score(history)[0], model.score(double)[1], rtol=1e-5, atol=1e-6)
