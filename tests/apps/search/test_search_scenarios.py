"""Places of the shop: their rules hold for what is searched there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from found_products import ids

from shoplens.errors import InputError
from shoplens.recommend.asking import Sort
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.rules import Boost
from shoplens.recommend.scenarios import Scenario
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.varied_shop import varied_shop

RED = parse_filter({"field": "attributes.color", "eq": "red"})


@pytest.fixture(scope="module")
def shop() -> SearchedShop:
    return SearchedShop(varied_shop())


def colours(shop: SearchedShop, item_ids: list[str]) -> set[str]:
    red = shop.facts.mask(RED)
    return {"red" if red[row] else "other" for row in shop.facts.rows(item_ids).tolist()}


def test_what_is_hidden_is_not_found_whatever_is_asked(shop: SearchedShop) -> None:
    place = Scenario(name="shy", hide=RED)
    for text in ("dress", "red dress", ""):
        found = shop.search(text, scenario=place, n=1000, group=False, facets=("attributes.color",))
        assert colours(shop, ids(found)) == {"other"}, text
        assert found.total == len(found.items) > 0
        (facet,) = found.facets
        assert "red" not in {one.value for one in facet.values}, "not even where the choice may be changed"
    assert colours(shop, ids(shop.search("dress", n=1000, group=False))) == {"red", "other"}


def test_a_place_keeps_lifts_and_pages_of_its_own(shop: SearchedShop) -> None:
    plain = shop.search("dress", n=1)
    lifted = Scenario(name="loud", boost=(Boost(RED, 9.0),))
    assert colours(shop, ids(shop.search("dress", scenario=lifted, n=3))) == {"red"}
    kept = Scenario(name="red", filter=RED)
    assert colours(shop, ids(shop.search("dress", scenario=kept, n=1000, group=False))) == {"red"}
    with pytest.raises(InputError, match="cursor"):
        shop.search("dress", n=1, cursor=plain.cursor, scenario=kept)


def test_what_is_raised_rises_and_newer_products_stay(shop: SearchedShop) -> None:
    last = ids(shop.search("dress", n=1000, group=False))[-1]
    raised = np.zeros(len(shop.facts.columns), np.float32)
    raised[shop.facts.rows([last])] = 50.0
    other = SearchedShop(varied_shop(), raised=lambda ask: raised if ask.scenario is None else raised[:1])
    assert ids(other.search("dress"))[0] == last
    shorter = other.search("dress", scenario=Scenario(name="any"), n=1000, group=False)
    assert ids(shorter) == ids(shop.search("dress", n=1000, group=False)), "an array that knows none of them"
    assert ids(other.search("dress", n=5, sort=()))[0] == replace(shorter.items[-1]).item_id


def test_what_a_place_pins_stands_in_front_where_it_is_asked_for(shop: SearchedShop) -> None:
    dresses = ids(shop.search("dress", n=1000, group=False))
    place = Scenario(name="front", pin=(dresses[-1], "nobody", dresses[-2]))
    found = shop.search("dress", scenario=place, n=4, group=False)
    assert ids(found)[:2] == list(found.pinned) == [dresses[-1], dresses[-2]]
    assert found.total == len(dresses)
    assert not set(shop.search("wool socks", scenario=place, n=50).pinned), "nobody asked for dresses"
    assert not shop.search("dress", scenario=place, sort=(Sort("price", descending=False),)).pinned
    browsed = shop.search("", scenario=place, n=2)
    assert ids(browsed) == [dresses[-1], dresses[-2]]
    hiding = replace(place, hide=parse_filter({"field": "item_id", "eq": dresses[-1]}))
    assert ids(shop.search("dress", scenario=hiding, n=1)) == [dresses[-2]]
