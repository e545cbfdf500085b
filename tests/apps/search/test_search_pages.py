"""Laws of pages and facets: pages add up to the ranking, facets count what choosing them would show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shoplens.apps.search.paging import LONGEST, Cursor, fingerprint
from shoplens.apps.search.sorting import count_keys
from shoplens.domain.catalogue import Product
from shoplens.errors import InputError
from shoplens.recommend.asking import Ask, Found, Sort
from shoplens.recommend.filters import Filter, parse_filter
from shoplens.testing.searched_shop import SearchedShop
from shoplens.testing.varied_shop import varied_shop

QUERIES = (
    "",
    "dress",
    "red",
    "shoes",
    "organic",
    "tea wine",
    "red dress under 40",
    "nike -red",
    "红色",
    "phone case",
    "orion",
)
SORTS: tuple[tuple[Sort, ...], ...] = (
    (),
    (Sort("price", False),),
    (Sort("price", True), Sort("created_at", False)),
    (Sort("attributes.size", False),),
    (Sort("popularity", True), Sort("relevance", True)),
)
FACETS = ("brand", "category", "attributes.color", "attributes.size", "price", "availability")
#: Of which every product that is found has all words.
WHOLLY_FOUND = ("", "dress", "red", "shoes", "organic", "orion")
PARTS: tuple[dict[str, Any], ...] = (
    {"field": "brand", "in": ["Nike", "Orion"]},
    {"field": "attributes.color", "eq": "red"},
    {"field": "category", "eq": "Fashion"},
    {"field": "price", "range": {"gte": 10, "lt": 60}},
    {"not": {"field": "attributes.color", "eq": "blue"}},
    {"or": [{"field": "brand", "eq": "Apple"}, {"field": "attributes.color", "eq": "white"}]},
)


@pytest.fixture(scope="module")
def shop() -> SearchedShop:
    made = SearchedShop(varied_shop())
    made.popular.update({one.item_id: float(k % 5) for k, one in enumerate(varied_shop())})
    return made


def _pages(shop: SearchedShop, text: str, n: int, **asked: Any) -> Iterator[Found]:
    cursor: str | None = None
    for _ in range(400):
        page = shop.search(text, n=n, cursor=cursor, **asked)
        yield page
        cursor = page.cursor
        if cursor is None:
            return
    raise AssertionError("the pages do not end")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.sampled_from(QUERIES),
    n=st.integers(1, 60),
    sort=st.sampled_from(SORTS),
    group=st.booleans(),
    facets=st.sampled_from([(), ("brand",)]),
)
def test_pages_add_up_to_the_ranking(
    shop: SearchedShop, text: str, n: int, sort: tuple[Sort, ...], group: bool, facets: tuple[str, ...]
) -> None:
    everything = shop.search(text, n=1000, sort=sort, group=group)
    ranking = [hit.item_id for hit in everything.items]
    assert len(ranking) == len(set(ranking)) == everything.total
    assert everything.cursor is None
    pages = list(_pages(shop, text, n, sort=sort, group=group, facets=facets))
    assert [hit.item_id for page in pages for hit in page.items] == ranking
    assert {page.total for page in pages} == {len(ranking)}
    for number, page in enumerate(pages, start=1):
        numbered = shop.search(text, n=n, page=number, sort=sort, group=group)
        assert [hit.item_id for hit in numbered.items] == [hit.item_id for hit in page.items]
    assert shop.search(text, n=n, page=len(pages) + 1, sort=sort, group=group).items == ()
    if group:
        variants = [name for hit in everything.items for name in hit.variants]
        ungrouped = [hit.item_id for hit in shop.search(text, n=1000, sort=sort, group=False).items]
        assert sorted([*ranking, *variants]) == sorted(ungrouped)
        assert ranking == [name for name in ungrouped if name in set(ranking)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.sampled_from(QUERIES), parts=st.lists(st.sampled_from(PARTS), max_size=3, unique_by=str))
def test_facets_count_what_choosing_them_would_show(shop: SearchedShop, text: str, parts: list[dict[str, Any]]) -> None:
    _check_facets(shop, text, parts)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.sampled_from(WHOLLY_FOUND), parts=st.lists(st.sampled_from(PARTS), max_size=3, unique_by=str))
def test_facets_and_pages_are_the_same_where_the_head_holds_a_few_only(
    shop: SearchedShop, text: str, parts: list[dict[str, Any]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoplens.apps.search.matching.HEAD", 7)
        _check_facets(shop, text, parts)
        everything = shop.search(text, n=1000)
        pages = list(_pages(shop, text, 5))
        assert [hit.item_id for page in pages for hit in page.items] == [hit.item_id for hit in everything.items]


def _check_facets(shop: SearchedShop, text: str, parts: list[dict[str, Any]]) -> None:
    """Each count, against a search with that value chosen instead of what is chosen in the facet now."""
    found = shop.search(text, filter=_all_of(parts), facets=FACETS, facet_values=1000, understand=False)
    assume(found.corrected_from is None)
    by_field = {facet.field: facet for facet in found.facets}
    for name in ("brand", "attributes.color", "attributes.size", "availability", "category"):
        kept = [part for part in parts if _field(part) != name]
        facet = by_field[name]
        for value in facet.values:
            narrowed = _all_of([*kept, {"field": name, "eq": value.value}])
            one = shop.search(text, filter=narrowed, understand=False, group=False, n=1, facets=("brand",))
            assert (one.total if one.corrected_from is None else 0) == value.count, (name, value)
        chosen = {one for part in parts if part.get("field") == name for one in part.get("in", [part.get("eq")])}
        assert {one.casefold() for one in chosen} == {one.value.casefold() for one in facet.values if one.selected}
    kept = [part for part in parts if _field(part) != "price"]
    without = shop.search(text, filter=_all_of(kept), understand=False, group=False, n=1, facets=("brand",))
    assert sum(by_field["price"].bins) == (without.total if without.corrected_from is None else 0)


def _all_of(parts: list[dict[str, Any]]) -> Filter | None:
    return parse_filter({"and": parts}) if parts else None


def _field(part: dict[str, Any]) -> str | None:
    """The one field that a part is about."""
    field: str | None = part.get("not", part).get("field")
    return field


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.sampled_from(["", "dress", "shoes", "red"]),
    group=st.booleans(),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 191)), max_size=6),
)
def test_changes_between_two_pages_repeat_and_lose_no_product(
    text: str, group: bool, changes: list[tuple[bool, int]]
) -> None:
    goods = varied_shop()
    shop = SearchedShop(goods)
    page = shop.search(text, n=8, group=group)
    seen = [hit.item_id for hit in page.items]
    for number, (added, place) in enumerate(changes):
        if page.cursor is None:
            break
        if added:
            shop.upsert(_renamed(goods[place], f"new{number}"))
        else:
            shop.remove(goods[place].item_id)
        page = shop.search(text, n=8, cursor=page.cursor, group=group)
        seen += [hit.item_id for hit in page.items]
    while page.cursor is not None:
        page = shop.search(text, n=8, cursor=page.cursor, group=group)
        seen += [hit.item_id for hit in page.items]
    assert len(seen) == len(set(seen))
    if not group:
        assert {hit.item_id for hit in shop.search(text, n=1000, group=False).items} <= set(seen)


def test_the_longest_cursor_fits_the_wire() -> None:
    cursor = Cursor(
        "x" * 12, 10**9, (-1.2345678901234567e-300,) * count_keys((Sort("attributes.a", True),) * 4), b"x" * 1000
    )
    assert len(cursor.encode()) <= LONGEST


def test_a_cursor_names_no_more_than_it_must(shop: SearchedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoplens.apps.search.paging.MOST_SEEN", 10)
    everything = shop.search(n=1000, group=False)
    pages = list(_pages(shop, "", 7, group=False))
    assert [hit.item_id for page in pages for hit in page.items] == [hit.item_id for hit in everything.items]
    assert max(len(page.cursor or "") for page in pages) < 200


def _renamed(one: Product, item_id: str) -> Product:
    return Product(
        item_id=item_id,
        title=one.title,
        brand=one.brand,
        category=one.category,
        price=one.price,
        attributes=one.attributes,
        created_at=one.created_at,
    )


def test_a_cursor_is_checked(shop: SearchedShop) -> None:
    cursor = shop.search("dress", n=2, group=False).cursor
    assert cursor is not None
    with pytest.raises(InputError, match="another question"):
        shop.search("shoes", n=2, group=False, cursor=cursor)
    with pytest.raises(InputError, match="not both"):
        shop.search("dress", n=2, group=False, cursor=cursor, page=2)
    for wrong in ("", "x", "äöü", cursor[:-3], cursor + "AA", "W10", "e30", "A" * 9_000, Cursor("?", 1, ()).encode()):
        with pytest.raises(InputError, match="cursor"):
            shop.search("dress", n=2, group=False, cursor=wrong)
    of = fingerprint(Ask(text="dress", n=2, group=False))
    for odd in (Cursor(of, 2, (1.0,)), Cursor(of, 2, (1.0, 2.0, 3.0, 4.0)), Cursor(of, -1), Cursor(of, 1, (), b"abc")):
        with pytest.raises(InputError, match="cursor"):
            shop.search("dress", n=2, group=False, cursor=odd.encode())


def test_a_cursor_does_not_depend_on_how_many_are_wanted_or_who_asks(shop: SearchedShop) -> None:
    first = shop.search("dress", n=3, group=False)
    rest = shop.search(
        "dress", n=1000, group=False, cursor=first.cursor, user_id="u1", language="zh", facets=("brand",)
    )
    everything = shop.search("dress", n=1000, group=False)
    assert [hit.item_id for hit in (*first.items, *rest.items)] == [hit.item_id for hit in everything.items]


def test_facet_of_a_field_that_is_none_says_so(shop: SearchedShop) -> None:
    with pytest.raises(InputError, match="facets"):
        shop.search("dress", facets=("colour",))
    assert shop.search("dress", facets=("attributes.nobody",)).facets[0].values == ()


def test_a_tree_of_categories_opens_where_one_is_chosen(shop: SearchedShop) -> None:
    def shown(**asked: Any) -> dict[str, int]:
        (facet,) = shop.search(facets=("category",), **asked).facets
        return {value.value: value.count for value in facet.values}

    assert set(shown()) == {"Fashion", "Food", "Electronics", "Home"}
    inside = shown(filter=parse_filter({"field": "category", "eq": "Fashion > Women"}))
    assert {"Fashion > Men", "Fashion > Women", "Fashion > Women > Dresses", "Fashion > Women > Shoes", "Food"} <= set(
        inside
    )
    assert "Fashion > Men > Shirts" not in inside
    assert inside["Fashion"] == inside["Fashion > Women"] + inside["Fashion > Men"]


def test_a_star_asks_for_the_fields_that_tell_most(shop: SearchedShop) -> None:
    names = [facet.field for facet in shop.search("dress", facets=("*",)).facets]
    assert {"brand", "attributes.color", "attributes.size", "price"} <= set(names)
    assert "attributes.gender" not in names  # all of them are for women
    assert len(names) == len(set(names))
