"""The two applications without HTTP: newcomers with content, modality shares, explanations by the model itself."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from shoplens.apps.similar import similar
from shoplens.domain.catalogue import Product
from shoplens.domain.dataset import Histories, Modality
from shoplens.domain.events import Event, EventType
from shoplens.errors import NotFoundError
from shoplens.models.item_knn import ItemKNN
from shoplens.recommend.learned import Learned
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import modality_of, open_tiny_shop
from shoplens.testing.tiny_shop import CATEGORIES

NAMES = list(CATEGORIES)


def contents(item_ids: Sequence[str]) -> tuple[Modality, ...]:
    """What a feature table would give for products named after their category."""
    return (modality_of([name.partition("-")[0] for name in item_ids]),)


def category(item_id: str) -> str:
    return NAMES[int(item_id[1:]) % 4] if item_id[1:].isdigit() else item_id.partition("-")[0]


@pytest.fixture
def shop(tmp_path: Path) -> Runtime:
    return open_tiny_shop(tmp_path)


def bought(item_id: str) -> Past:
    return Past((Deed(item_id, EventType.PURCHASE, 1.0, 0.0),))


def test_a_newcomer_with_content_is_recommended_and_similar(shop: Runtime) -> None:
    shop.put_products([Product(item_id="toys-new", title="New toy", price=Decimal(3))])  # no category at all
    assert shop.shelf.learned is not None
    shelf = Shelf(shop.shelf.learned, shop.facts, shop.trends.trending, contents)
    assert len(shelf.newcomers) == 1
    scores = {one.item_id: one.score for one in recommend(shelf, bought("p002"), Wish(n=100)).items}
    mean = {name: np.mean([s for i, s in scores.items() if category(i) == name]) for name in NAMES}
    assert scores["toys-new"] > max(value for name, value in mean.items() if name != "toys")
    _, answer = similar(shelf, "toys-new", Wish(n=5))
    assert {category(one.item_id) for one in answer.items} == {"toys"}
    _, back = similar(shelf, "p002", Wish(n=30))
    assert "toys-new" in {one.item_id for one in back.items}
    after = recommend(shelf, bought("toys-new"), Wish(n=5))
    assert after.fallback is None
    assert category(after.items[0].item_id) == "toys"
    shop.close()


def test_newcomers_without_anything_are_only_listed_as_new(shop: Runtime) -> None:
    shop.put_products([Product(item_id="mystery")])
    answer = recommend(shop.shelf, Past(), Wish(n=8, explain=True))
    mystery = next(one for one in answer.items if one.item_id == "mystery")
    assert mystery.reasons == ("new here",)
    assert recommend(shop.shelf, bought("mystery"), Wish()).fallback == "cold_start"
    shop.close()


class Telling(ItemKNN):
    """Explains itself, and says which content spoke."""

    def explain(self, history: Histories, item: int, *, at_most: int = 3) -> list[tuple[int, float]]:
        return [(int(history.item[0]), 1.0)]

    def contributions(self, history: Histories, items: np.ndarray) -> dict[str, np.ndarray]:
        return {"text": np.full(len(items), 0.6), "image": np.full(len(items), 0.2), "id": np.full(len(items), -0.2)}


def test_a_model_that_explains_is_believed(shop: Runtime) -> None:
    learned = shop.shelf.learned
    assert isinstance(learned, Learned)
    model = learned.model
    assert isinstance(model, ItemKNN)
    telling = Telling()
    telling.__dict__.update(model.__dict__)
    shelf = Shelf(replace(learned, models={**learned.models, "item-knn": telling}), shop.facts, shop.trends.trending)
    past = Past((Deed("p001", EventType.VIEW, 0.3, 0.0), Deed("p002", EventType.PURCHASE, 1.0, 0.0)))
    answer = recommend(shelf, past, Wish(n=3, explain=True))
    for one in answer.items:
        assert one.reasons[0] == "because you looked at hammer 1"
        assert dict(one.modalities) == {"text": 0.75, "image": 0.25, "id": 0.0}
    shop.close()


def test_unknown_and_deleted_products_have_no_likeness(shop: Runtime) -> None:
    with pytest.raises(NotFoundError, match="none"):
        similar(shop.shelf, "none", Wish())
    shop.delete_product("p001")
    with pytest.raises(NotFoundError):
        similar(shop.shelf, "p001", Wish())
    assert "p001" not in {one.item_id for one in similar(shop.shelf, "p005", Wish(n=100))[1].items}
    shop.close()


def test_refunded_products_do_not_come_back(shop: Runtime) -> None:
    first = shop.home.recommend(shop.shelf, Wish(n=1, repeat=True), "u003").answer.items[0].item_id
    now = 1_741_000_000_000_000
    for kind in (EventType.PURCHASE, EventType.REFUND):
        now += 1
        shop.append_events([Event(event_type=kind, timestamp=now, user_id="u003", item_id=first)])
    again = shop.home.recommend(shop.shelf, Wish(n=1000, repeat=True), "u003").answer.items
    assert first not in {one.item_id for one in again}
    shop.close()
