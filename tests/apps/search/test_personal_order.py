"""A person's taste for what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shoplens.apps.search.personal import INDIFFERENT, PersonalOrder
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventType
from shoplens.recommend.shelf import Shelf
from shoplens.service.runtime import Runtime
from shoplens.testing.served_shop import open_tiny_shop
from shoplens.testing.tiny_shop import CATEGORIES

NAMES = list(CATEGORIES)
DEEDS: dict[str, list[Event]] = {}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Runtime]:
    DEEDS.clear()
    with open_tiny_shop(tmp_path) as opened:
        yield opened


def history(user_id: str | None, session_id: str | None, limit: int) -> list[Event]:
    return DEEDS.get(user_id or session_id or "", [])[-limit:]


def did(kind: EventType, item_id: str, **said: object) -> Event:
    return Event(event_type=kind, timestamp=1_736_000_000_000_000, item_id=item_id, user_id="zoe", **said)  # type: ignore[arg-type]


def order(shop: Runtime, **said: str) -> PersonalOrder:
    return PersonalOrder(lambda: shop.shelf, history, **said)  # type: ignore[arg-type]


def known(shop: Runtime) -> np.ndarray:
    assert shop.shelf.learned is not None
    return shop.facts.rows(shop.shelf.learned.items.ids)


def category(shop: Runtime, row: int) -> str:
    return NAMES[int(shop.facts.ids[row][1:]) % 4]


def test_what_somebody_bought_decides_whom_they_like(shop: Runtime) -> None:
    rows = known(shop)
    DEEDS["zoe"] = [did(EventType.PURCHASE, "p002")]
    found = order(shop).scores("zoe", None, rows)
    assert found is not None
    taste, reasons = found
    assert taste.dtype == np.float32
    assert ((taste >= 0) & (taste <= 1)).all()
    assert len(reasons) == len(rows)
    names = np.array([category(shop, row) for row in rows])
    mean = {name: taste[names == name].mean() for name in NAMES}
    assert max(mean, key=lambda name: mean[name]) == "toys"
    at = rows.tolist().index(shop.facts.row("p002"))
    if taste[at] > INDIFFERENT:
        assert reasons[at][0].startswith("because you bought")
    assert any(reason for reason in reasons)
    assert not any(reason for t, reason in zip(taste, reasons, strict=True) if t <= INDIFFERENT)


def test_strangers_have_no_taste(shop: Runtime) -> None:
    rows = known(shop)
    DEEDS["lost"] = [did(EventType.PURCHASE, "unheard of"), did(EventType.SEARCH, "p002")]
    personal = order(shop)
    assert personal.scores(None, None, rows) is None
    assert personal.scores("nobody", "nowhere", rows) is None
    assert personal.scores("lost", None, rows) is None
    bare = Shelf(None, shop.facts, shop.trends.trending)
    assert PersonalOrder(lambda: bare, history).scores("lost", None, rows) is None


def test_an_event_of_a_moment_ago_counts(shop: Runtime) -> None:
    rows = known(shop)
    personal = order(shop)
    DEEDS["guest"] = [did(EventType.VIEW, "p001")]
    before = personal.scores(None, "guest", rows)
    DEEDS["guest"].append(did(EventType.CART, "p002"))
    after = personal.scores(None, "guest", rows)
    assert before is not None
    assert after is not None
    assert not np.array_equal(before[0], after[0])


def test_what_was_sent_back_is_not_liked(shop: Runtime) -> None:
    rows = known(shop)
    DEEDS["zoe"] = [did(EventType.PURCHASE, "p002"), did(EventType.PURCHASE, "p006"), did(EventType.REFUND, "p006")]
    found = order(shop).scores("zoe", None, rows)
    assert found is not None
    at = rows.tolist().index(shop.facts.row("p006"))
    assert found[0][at] == 0
    assert found[1][at] == ()


def test_products_that_came_after_training(shop: Runtime) -> None:
    like = shop.store.catalogue.get(["p002"])["p002"]
    shop.put_products([replace(like, item_id="new", title="Robot"), Product(item_id="mystery", title="?")])
    DEEDS["zoe"] = [did(EventType.PURCHASE, "p002")]
    personal = order(shop)
    rows = shop.facts.rows(["new", "mystery", "unheard of"])
    found = personal.scores("zoe", None, rows)
    assert found is not None
    taste, _ = found
    assert taste[0] > INDIFFERENT, "as its neighbours"
    assert taste[1:].tolist() == pytest.approx([INDIFFERENT, INDIFFERENT], abs=0.05)
    shop.facts.apply([Product(item_id="later", title="after the shelf was refreshed")])
    later = personal.scores("zoe", None, shop.facts.rows(["later"]))
    assert later is not None
    assert later[0].tolist() == [INDIFFERENT]


def test_reasons_speak_the_shops_language(shop: Runtime) -> None:
    DEEDS["zoe"] = [did(EventType.PURCHASE, "p002")]
    found = order(shop, language="zh").scores("zoe", None, known(shop))
    assert found is not None
    said = {reason for reasons in found[1] for reason in reasons}
    assert said
    assert all("您" in one or "相似" in one or "同一品牌" in one for one in said)


def test_nothing_found_has_no_taste_to_it(shop: Runtime) -> None:
    DEEDS["zoe"] = [did(EventType.PURCHASE, "p002")]
    found = order(shop).scores("zoe", None, np.zeros(0, np.int64))
    assert found is not None
    assert len(found[0]) == len(found[1]) == 0
