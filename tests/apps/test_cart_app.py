"""What completes a cart: what may never be suggested, who has a say, and what is answered when nothing is known."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.cart import CartQuestion, Completed
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventType
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.rules import Wish
from shoplens.service.runtime import Runtime
from shoplens.testing.cart_shop import PRODUCTS, SOLD_OUT, open_cart_shop, train_cart_shop

VARIANTS = {"butter": "butter-salted", "butter-salted": "butter", "jam": "jam-small", "jam-small": "jam"}
NOW = int(time.time() * 1e6)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_cart_shop(tmp_path_factory.mktemp("shop"), now=NOW) as opened:
        yield opened


def complete(shop: Runtime, *items: str, wish: Wish | None = None, **more: Any) -> Completed:
    return shop.cart.complete(shop.shelf, wish or Wish(repeat=True), CartQuestion(items=items, **more))


def shown(completed: Completed) -> list[str]:
    return [one.item_id for one in completed.answer.items]


ids = st.lists(st.sampled_from([*PRODUCTS, "unknown", "未知", "a\u202eb"]), max_size=12)
people = st.sampled_from([None, "ann", "bob", "nobody"])


@settings(max_examples=150, deadline=None)
@given(ids, people, st.sampled_from([None, *PRODUCTS]), st.integers(1, 20), st.floats(0, 1))
def test_never_the_cart_its_variants_or_what_is_sold_out(
    shop: Runtime, items: list[str], person: str | None, viewing: str | None, n: int, diversity: float
) -> None:
    wish = Wish(n=n, repeat=True, diversity=diversity, exclude=("vase",), explain=True)
    completed = complete(shop, *items, wish=wish, user_id=person, viewing=viewing, bundles=5)
    given_ = {*items, *([viewing] if viewing else [])}
    refused = given_ | {VARIANTS[one] for one in given_ if one in VARIANTS} | {SOLD_OUT, "vase"}
    suggested = shown(completed)
    assert not set(suggested) & refused
    assert len(suggested) == len(set(suggested)) <= n
    if completed.answer.model == "cart":
        assert not any(VARIANTS.get(one) in suggested for one in suggested)  # one variant of each product
    assert set(suggested) or len(refused) >= len(PRODUCTS) - 4  # whatever is known, there is an answer
    for bundle in completed.bundles:
        assert bundle.item_ids[0] in given_
        assert not set(bundle.item_ids[1:]) & refused
        assert bundle.support >= 5
        assert bundle.lift > 1
    for one in completed.answer.items:
        assert sum(one.modalities.values()) == pytest.approx(1, abs=0.01) or not one.modalities


@settings(max_examples=50, deadline=None)
@given(ids, people, st.randoms(use_true_random=False))
def test_the_order_of_the_cart_makes_no_difference(
    shop: Runtime, items: list[str], person: str | None, chance: Random
) -> None:
    first = complete(shop, *items, user_id=person)
    again = [*items, *items[:2]]  # nor does a product that comes twice
    chance.shuffle(again)
    second = complete(shop, *again, user_id=person)
    assert shown(first) == shown(second)
    assert first.bundles == second.bundles


def test_reasons_and_sources(shop: Runtime) -> None:
    completed = complete(shop, "bread", wish=Wish(explain=True, repeat=True))
    first = completed.answer.items[0]
    assert first.item_id == "butter"
    assert "often bought with Bread" in first.reasons
    assert {"together", "baskets"} <= set(completed.sources)
    known = complete(shop, "bread", wish=Wish(explain=True, repeat=True), user_id="ann")
    milk = next(one for one in known.answer.items if one.item_id == "milk")
    assert "you buy this about every 9 days" in milk.reasons
    assert "habit" in known.sources
    chinese = complete(shop, "bread", wish=Wish(explain=True, repeat=True, language="zh"), user_id="ann")
    said = {reason for one in chinese.answer.items for reason in one.reasons}
    assert {"常与Bread一起购买", "您大约每9天买一次"} <= said


def test_sets_bought_together(shop: Runtime) -> None:
    completed = complete(shop, "bread")
    first = completed.bundles[0]
    assert first.item_ids[0] == "bread"
    assert set(first.item_ids[1:]) == {"butter", "jam"}
    assert complete(shop, "bread", bundles=0).bundles == ()
    assert complete(shop, "unknown").bundles == ()


def test_an_empty_cart_of_somebody_known_is_their_next_basket(shop: Runtime) -> None:
    completed = complete(shop, user_id="ann")
    assert shown(completed)[0] == "milk"
    assert completed.answer.fallback is None
    assert complete(shop, user_id="ann", wish=Wish(repeat=False)).answer.items[0].item_id != "milk"


def test_nothing_known_falls_back_and_says_so(shop: Runtime) -> None:
    for completed in (complete(shop), complete(shop, "unknown", user_id="nobody")):
        assert completed.answer.fallback == "cold_start"
        assert completed.sources == ("popular", "new")
        assert shown(completed)
    looked = Event(event_type=EventType.VIEW, session_id="guest", item_id="soap", timestamp=NOW)
    shop.append_events([looked])
    completed = complete(shop, session_id="guest")
    assert completed.answer.fallback == "recommend"
    assert completed.sources == ("recommend",)
    assert "soap" in {one.item_id for one in complete(shop, "sponge", session_id="guest").answer.items}


def test_filter_exclude_and_a_cart_of_hundred(shop: Runtime) -> None:
    dairy = parse_filter({"field": "category", "eq": "dairy"})
    assert set(shown(complete(shop, "bread", wish=Wish(filter=dairy, repeat=True)))) == {"butter", "milk"}
    nothing = complete(shop, "bread", wish=Wish(filter=parse_filter({"field": "category", "eq": "x"}), repeat=True))
    assert (shown(nothing), nothing.sources) == ([], ())
    assert nothing.answer.note == "No product fits the filter."
    assert "butter" not in shown(complete(shop, "bread", wish=Wish(exclude=("butter",), repeat=True)))
    many = complete(shop, *[f"unknown {k}" for k in range(98)], "bread", "soap")
    assert {"butter", "sponge"} <= set(shown(many))


def test_what_was_taken_out_or_given_back_is_not_suggested(tmp_path: Path) -> None:
    with open_cart_shop(tmp_path, now=NOW) as shop:
        before = complete(shop, "bread", session_id="s")
        assert "butter" in shown(before)
        gone = Event(event_type=EventType.REMOVE_FROM_CART, session_id="s", item_id="butter", timestamp=NOW)
        shop.append_events([gone])
        assert "butter" not in shown(complete(shop, "bread", session_id="s"))


def test_stock_is_as_fresh_as_the_store_and_newcomers_take_part(tmp_path: Path) -> None:
    with open_cart_shop(tmp_path, now=NOW) as shop:
        shop.put_products([Product(item_id="butter", title="Butter", category=("dairy",), group_id="butter", stock=0)])
        assert "butter" not in shown(complete(shop, "bread"))
        assert not any("butter" in one.item_ids for one in complete(shop, "bread").bundles)
        shop.put_products([Product(item_id="baguette", title="Baguette", category=("bakery",))])
        completed = complete(shop, "baguette", wish=Wish(repeat=True, explain=True))
        assert completed.answer.model == "cart"  # read as the bread that it resembles
        assert any("often bought with Baguette" in one.reasons for one in completed.answer.items)
        assert completed.bundles == ()


def test_without_a_cart_model_or_a_bundle(tmp_path: Path) -> None:
    with open_cart_shop(tmp_path, now=NOW, trained=False) as shop:
        completed = complete(shop, "bread")
        assert (completed.answer.fallback, completed.answer.bundle) == ("no_bundle", None)
        assert "bread" not in shown(completed)
        train_cart_shop(shop.store, shop.workspace.bundles, cart=False)
        shop.swap.follow()
        completed = complete(shop, "bread", "butter")
        assert (completed.answer.fallback, completed.answer.model) == ("recommend", "item-knn")
        assert not {"bread", "butter", "butter-salted"} & set(shown(completed))
        train_cart_shop(shop.store, shop.workspace.bundles)
        shop.swap.follow()
        assert complete(shop, "bread").answer.model == "cart"
        assert shop.shelf.learned is not None
        shelf = shop.shelf
        shelf.learned = replace(shop.shelf.learned, cart=None)
        assert complete(shop, "bread").answer.fallback == "recommend"


def test_no_variant_of_what_is_shown_fills_a_list(shop: Runtime) -> None:
    wish = shop.wish("product", viewing="soap", n=10)
    filled = [one.item_id for one in shop.answers.recommend(wish, None, "guest").answer.items]
    assert "butter" in filled
    assert not any(VARIANTS.get(one) in filled for one in filled)
