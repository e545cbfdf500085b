from __future__ import annotations

import threading

from tests.apps.interaction.small_shop import products

from shoplens.apps.interaction.nouns import FRESH, Nouns
from shoplens.domain.catalogue import Product
from shoplens.recommend.facts import CatalogueFacts


def titled(*titles: str, category: tuple[str, ...] = ()) -> list[Product]:
    return [Product(item_id=f"{title} {row}", title=title, category=category) for title in titles for row in range(3)]


def test_names_of_one_thing_are_one() -> None:
    nouns = Nouns(CatalogueFacts())
    assert nouns.of("trainers") == nouns.of("运动鞋") == nouns.of("Sneakers")
    assert nouns.of("red leather") == frozenset()
    assert nouns.of("红色的皮") == frozenset()
    assert nouns.of("") == frozenset()


def test_the_shops_own_come_from_categories_and_titles() -> None:
    goods = [*titled("Acme X200 Gizmo", "蓝色 大号扳手"), *titled("a", category=("Shop", "Zorbs & Flonks"))]
    nouns = Nouns(CatalogueFacts(goods))
    assert nouns.of("a cheap gizmo") == {"gizmo"}
    assert nouns.of("gizmos") == {"gizmo"}
    assert nouns.of("大号扳手")
    assert "扳手" in next(iter(nouns.of("红色扳手")))
    assert nouns.of("zorbs & flonks") == {"zorb flonk"}
    assert nouns.of("X200") == frozenset()


def test_what_few_titles_end_with_is_none() -> None:
    nouns = Nouns(CatalogueFacts([Product(item_id="a", title="Acme Gizmo")]))
    assert nouns.of("gizmo") == frozenset()


def test_it_follows_the_catalogue_without_making_anybody_wait() -> None:
    now = 0.0
    facts = CatalogueFacts(products())
    nouns = Nouns(facts, clock=lambda: now)
    assert nouns.of("gizmo") == frozenset()
    facts.apply(titled("Acme Gizmo"))
    assert nouns.of("gizmo") == frozenset()  # not yet due
    now = FRESH + 1
    nouns.of("gizmo")
    for thread in threading.enumerate():
        if thread.name == "shoplens-nouns":
            thread.join()
    assert nouns.of("gizmo") == {"gizmo"}
