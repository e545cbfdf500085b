"""What facets show, against counting the slow way; and that changes and readers do not disturb one another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import InputError
from shoplens.recommend.facts import CatalogueFacts, Mask
from shoplens.recommend.filters import parse_filter

product = st.builds(
    Product,
    item_id=st.sampled_from([f"p{k}" for k in range(9)]),
    brand=st.sampled_from(["Acme", "ACME", "Orion", None]),
    category=st.sampled_from([("Women",), ("women", "Shoes"), ("Men", "Shoes", "Boots"), ()]),
    price=st.none() | st.integers(0, 9).map(Decimal),
    availability=st.none() | st.sampled_from(Availability),
    attributes=st.dictionaries(
        st.sampled_from(["Colour", "colour", "size"]),
        st.lists(st.sampled_from(["red", "Red", "blue", "12 cm", ""]), max_size=3).map(tuple),
        max_size=2,
    ),
)
steps = st.lists(st.lists(product, max_size=4) | st.sampled_from([f"p{k}" for k in range(9)]), max_size=12)


def values(one: Product, name: str) -> set[str]:
    return {
        text.casefold() for key, texts in one.attributes.items() if key.casefold() == name for text in texts if text
    }


def folded(counts: list[tuple[str, int]]) -> dict[str, int]:
    result = {text.casefold(): count for text, count in counts}
    assert len(result) == len(counts)
    assert [count for _, count in counts] == sorted((count for _, count in counts), reverse=True)
    return result


@settings(deadline=None, max_examples=150)
@given(steps)
def test_facets_are_those_of_the_catalogue_as_it_is(history: list[list[Product] | str]) -> None:
    facts, there = CatalogueFacts(), dict[str, Product]()
    for step in history:
        if isinstance(step, str):
            facts.remove(step)
            there.pop(step, None)
        else:
            facts.apply(step)
            there |= {one.item_id: one for one in step}
    mask = facts.columns.listed
    brands = Counter(one.brand.casefold() for one in there.values() if one.brand)
    assert folded(facts.counts("brand", mask)) == dict(brands)
    assert set(facts.values_of("brand")) == set(brands)
    for depth in (1, 2, 3, 4):
        paths = Counter(
            " > ".join(one.category[:depth]).casefold() for one in there.values() if len(one.category) >= depth
        )
        assert folded(facts.counts("category", mask, depth=depth)) == dict(paths)
    around = {" > ".join(one.category[:k]).casefold() for one in there.values() for k in range(1, 4) if one.category}
    assert set(facts.values_of("category")) == around
    stocked = Counter(one.availability.value for one in there.values() if one.availability)
    assert folded(facts.counts("availability", mask)) == dict(stocked)
    for name in ("colour", "size"):
        has = Counter(value for one in there.values() for value in values(one, name))
        assert folded(facts.counts(f"attributes.{name}", mask)) == dict(has)
        assert set(facts.values_of(f"attributes.{name}")) == set(has)
    prices = [float(one.price) for one in there.values() if one.price is not None]
    assert facts.number_range("price", mask) == ((min(prices), max(prices)) if prices else None)
    assert sum(facts.histogram("price", mask)) == len(prices)


@settings(deadline=None, max_examples=50)
@given(st.lists(product, max_size=20))
def test_what_is_known_of_one_product(products: list[Product]) -> None:
    facts = CatalogueFacts(products)
    for item_id, one in {one.item_id: one for one in products}.items():
        row = facts.row(item_id)
        assert facts.brand_of(row).casefold() == (one.brand or "").casefold()
        assert [part.casefold() for part in facts.category_path_of(row)] == [part.casefold() for part in one.category]
        told = {
            name.casefold(): {text.casefold() for text in found} for name, found in facts.attributes_of(row).items()
        }
        assert told == {name: values(one, name) for name in ("colour", "size") if values(one, name)}


def test_fields_come_by_how_many_products_have_them() -> None:
    facts = CatalogueFacts(
        [
            Product(item_id="a", brand="Acme", attributes={"Colour": ("red",), "upsells": ("b",)}),
            Product(item_id="b", brand="Acme", price=Decimal(3), attributes={"Colour": ("red", "blue")}),
            Product(item_id="c", brand="Acme"),
        ]
    )
    assert facts.fields() == ["brand", "attributes.Colour", "price"]
    facts.apply([Product(item_id="a", price=Decimal(4), category=("Women",))])
    facts.remove("c")
    assert facts.fields() == ["price", "category", "brand", "attributes.Colour"]


def test_values_are_spelled_as_first_seen_and_limited_to_the_most_frequent() -> None:
    facts = CatalogueFacts(
        Product(item_id=f"p{k}", attributes={"Colour": (("Red", "red", "blue", "green", "GREEN")[k % 5],)})
        for k in range(50)
    )
    mask = facts.offered()
    assert facts.counts("attributes.colour", mask, 2) == [("Red", 20), ("green", 20)]
    assert facts.counts("attributes.colour", mask, 1) == [("Red", 20)]
    assert facts.counts("attributes.colour", mask, 0) == []
    only = facts.mask(parse_filter({"field": "item_id", "in": ["p2", "p3"]}))
    assert facts.counts("attributes.Colour", only) == [("blue", 1), ("green", 1)]
    assert facts.counts("attributes.never", mask) == []


def test_values_are_the_same_object_until_they_change() -> None:
    facts = CatalogueFacts(
        [
            Product(item_id="a", attributes={"colour": ("Red",)}),
            Product(item_id="b", attributes={"colour": ("red", "blue")}),
        ]
    )
    kept = facts.values_of("attributes.colour")
    facts.apply([Product(item_id="a", title="new", attributes={"colour": ("blue",)})])
    assert facts.values_of("attributes.colour") is kept
    facts.remove("b")
    assert facts.values_of("attributes.colour") == {"blue": "blue"}
    assert kept == {"red": "Red", "blue": "blue"}


def test_numbers_with_units() -> None:
    volumes = ["500 ml", "0.5 L", "1.5 l", "2 l", "250毫升", "large", "750ml", "1 L", "100 ml", "10ml", "20 ml", "3 l"]
    facts = CatalogueFacts(Product(item_id=f"p{k}", attributes={"volume": (text,)}) for k, text in enumerate(volumes))
    mask = facts.offered()
    assert facts.is_number("attributes.volume")
    assert facts.unit("attributes.volume") == "ml"
    assert facts.number_range("attributes.volume", mask) == (10.0, 3000.0)
    assert facts.histogram("attributes.volume", mask, 3) == [8, 2, 1]
    assert not facts.is_number("attributes.never")
    assert not facts.is_number("brand")
    assert facts.histogram("attributes.never", mask) == []
    assert facts.number_range("stock", mask) is None
    half = facts.mask(parse_filter({"field": "attributes.volume", "eq": "0.5 l"}))
    assert [facts.ids[row] for row in np.flatnonzero(half)] == ["p0", "p1"], "the same amount in other words"


def test_one_price_is_one_step() -> None:
    facts = CatalogueFacts(Product(item_id=f"p{k}", price=Decimal(5)) for k in range(4))
    assert facts.number_range("price", facts.offered()) == (5.0, 5.0)
    assert facts.histogram("price", facts.offered(), 4) == [4, 0, 0, 0]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda facts, mask: facts.counts("price", mask), "has numbers"),
        (lambda facts, mask: facts.counts("colour", mask), "is not one of"),
        (lambda facts, mask: facts.counts("attributes.", mask), "is not one of"),
        (lambda facts, mask: facts.number_range("brand", mask), "has values, not numbers"),
        (lambda facts, _: facts.values_of("x"), "is not one of"),
    ],
)
def test_fields_that_make_no_facet_are_refused(ask: Callable[[CatalogueFacts, Mask], object], message: str) -> None:
    facts = CatalogueFacts([Product(item_id="a")])
    with pytest.raises(InputError, match=message):
        ask(facts, facts.offered())


def test_groups_of_variants() -> None:
    facts = CatalogueFacts(
        [
            Product(item_id="a", group_id="g"),
            Product(item_id="b"),
            Product(item_id="c", group_id="G"),
            Product(item_id="d", group_id="g"),
        ]
    )
    a, b, c, d, unknown = facts.group(facts.rows(["a", "b", "c", "d", "unknown"])).tolist()
    assert a == d != c
    assert b == unknown == 0


def test_a_deep_category_has_a_limit() -> None:
    facts = CatalogueFacts([Product(item_id="a", category=tuple(f"level {k}" for k in range(5_000)))])
    assert len(facts.category_path_of(1)) == 32
    assert facts.counts("category", facts.offered(), depth=10**9) == []


def test_entries_that_no_longer_count_are_tidied_up() -> None:
    facts = CatalogueFacts(Product(item_id=f"p{k}", attributes={"n": (str(k),)}) for k in range(500))
    for turn in range(20):
        facts.apply(Product(item_id=f"p{k}", attributes={"n": (str(k), f"t{turn}")}) for k in range(500))
    column = facts._tables.attributes["n"]
    assert column._entries.size < 4_000, "of 20,500 that were written"
    assert facts.counts("attributes.n", facts.offered(), 2) == [("t19", 500), ("0", 1)]


def test_readers_and_a_writer_do_not_disturb_one_another() -> None:
    facts = CatalogueFacts()
    failures: list[BaseException] = []
    done = threading.Event()
    wanted = parse_filter({"and": [{"field": "category", "eq": "a"}, {"field": "attributes.c", "in": ["even", "odd"]}]})

    def read() -> None:
        try:
            while not done.is_set():
                mask = facts.mask(wanted)
                assert {text for text, _ in facts.counts("attributes.c", mask)} <= {"even", "odd"}
                facts.counts("category", mask, 5, depth=2)
                facts.counts("brand", mask, 5)
                facts.histogram("price", mask)
                facts.group(facts.rows([f"p{k}" for k in range(0, 5_000, 50)]))
                assert set(facts.values_of("attributes.c")) <= {"even", "odd"}
                facts.fields()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(3):
        for start in range(0, 5_000, 100):
            facts.apply(
                Product(
                    item_id=f"p{k}",
                    brand=f"b{(k + turn) % 70}",
                    category=("a", f"x{(k + turn) % 90}"),
                    price=Decimal(k),
                    group_id=f"g{k % 40}",
                    attributes={"c": ("even" if (k + turn) % 2 else "odd",)},
                )
                for k in range(start, start + 100)
            )
            facts.remove(f"p{start}")
    done.set()
    for reader in readers:
        reader.join()
    assert not failures, failures[0]
    assert sum(count for _, count in facts.counts("attributes.c", facts.columns.listed)) == 4_950
