from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.domain.catalogue import Availability, Product
from shoplens.errors import InputError
from shoplens.recommend.facts import CatalogueFacts
from shoplens.recommend.filters import category_path, parse_filter

CATEGORIES = (("a",), ("a", "b"), ("a", "b", "c"), ("d",), ())
BRANDS = ("Acme", "acme", "Orion", None)
COLOURS = ("red", "Red", "blue")

product = st.builds(
    Product,
    item_id=st.sampled_from([f"p{k}" for k in range(12)]),
    brand=st.sampled_from(BRANDS),
    category=st.sampled_from(CATEGORIES),
    price=st.none() | st.integers(0, 9).map(Decimal),
    sale_price=st.none() | st.integers(0, 9).map(Decimal),
    availability=st.none() | st.sampled_from(Availability),
    attributes=st.dictionaries(
        st.just("colour"), st.lists(st.sampled_from(COLOURS), max_size=2).map(tuple), max_size=1
    ),
)
condition = st.one_of(
    st.sampled_from(["a", "a > b", "A > B > C", "d", "zz"]).map(lambda v: {"field": "category", "eq": v}),
    st.lists(st.sampled_from(["acme", "ORION", "none"]), max_size=2).map(lambda v: {"field": "brand", "in": v}),
    st.tuples(st.sampled_from(["gte", "gt"]), st.integers(0, 9), st.sampled_from(["lte", "lt"]), st.integers(0, 9)).map(
        lambda v: {"field": "price", "range": {v[0]: v[1], v[2]: v[3]}}
    ),
    st.integers(0, 9).map(lambda v: {"field": "price", "eq": v}),
    st.sampled_from(["red", "blue"]).map(lambda v: {"field": "attributes.Colour", "eq": v}),
    st.sampled_from(list(Availability)).map(lambda v: {"field": "availability", "eq": v.value}),
    st.just({"field": "item_id", "in": ["p1", "p2", "gone"]}),
)
filters = st.recursive(
    condition,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda v: {"and": v})
        | st.lists(inner, min_size=1, max_size=3).map(lambda v: {"or": v})
        | inner.map(lambda v: {"not": v})
    ),
    max_leaves=5,
)


def keeps(wanted: dict[str, Any], one: Product) -> bool:  # noqa: PLR0911 - one return a rule
    """The filter language, said the slow way."""
    if "and" in wanted:
        return all(keeps(part, one) for part in wanted["and"])
    if "or" in wanted:
        return any(keeps(part, one) for part in wanted["or"])
    if "not" in wanted:
        return not keeps(wanted["not"], one)
    field, values = wanted["field"], wanted.get("in", [wanted.get("eq")])
    price = one.sale_price if one.sale_price is not None else one.price
    if field == "category":
        own = category_path(one.category)
        return any(own[: len(path := category_path(value))] == path for value in values)
    if field == "brand":
        return (one.brand or "").casefold() in [value.casefold() for value in values]
    if field == "price":
        if price is None:
            return False
        if "range" in wanted:
            tests = {"gte": price.__ge__, "gt": price.__gt__, "lte": price.__le__, "lt": price.__lt__}
            return all(tests[bound](Decimal(value)) for bound, value in wanted["range"].items())
        return price in values
    if field == "availability":
        return one.availability in values
    if field == "item_id":
        return one.item_id in values
    return values[0] in [value.casefold() for value in one.attributes.get("colour", ())]


@settings(deadline=None, max_examples=150)
@given(st.lists(product, max_size=30), filters)
def test_a_mask_keeps_what_the_language_says(products: list[Product], wanted: dict[str, Any]) -> None:
    facts = CatalogueFacts()
    for start in range(0, len(products), 4):  # also replaces: attributes must not stick
        facts.apply(products[start : start + 4])
    latest = {one.item_id: one for one in products}
    mask = facts.mask(parse_filter(wanted))
    kept = {facts.ids[row] for row in np.flatnonzero(mask)}
    assert kept == {name for name, one in latest.items() if keeps(wanted, one)}
    assert parse_filter(wanted) == parse_filter(wanted)
    assert hash(parse_filter(wanted)) == hash(parse_filter(wanted))


def test_growth_removal_and_return() -> None:
    facts = CatalogueFacts(Product(item_id=f"p{k}", title=str(k)) for k in range(3_000))
    assert facts.offered().sum() == 3_000
    facts.remove("p7")
    facts.remove("p7")
    facts.remove("unknown")
    assert facts.offered().sum() == 2_999
    facts.apply([Product(item_id="p7", stock=0), Product(item_id="p8", availability=Availability.OUT_OF_STOCK)])
    assert facts.offered().sum() == 2_998
    assert facts.row("p7") == 8
    assert list(facts.rows(["p0", "none"])) == [1, 0]


def test_stubs_are_offered_only_in_a_shop_that_has_nothing_else() -> None:
    stub = Product(item_id="seen", stub=True)
    facts = CatalogueFacts([stub])
    assert facts.offered().sum() == 1
    facts.apply([Product(item_id="real")])
    assert [facts.ids[row] for row in np.flatnonzero(facts.offered())] == ["real"]
    facts.apply([replace(stub, stub=False)])
    assert facts.offered().sum() == 2
    facts.remove("real")
    facts.remove("seen")
    facts.apply([Product(item_id="other", stub=True)])
    assert facts.offered().sum() == 1


def test_times_without_zone_are_utc() -> None:
    from shoplens.recommend.facts import microseconds

    moment = datetime(2026, 1, 2, 3, 4)
    assert microseconds(moment) == microseconds(moment.replace(tzinfo=UTC))
    assert microseconds(None) == 0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"field": "x", "eq": 1}, "not one of"),
        ({"field": "brand"}, "exactly one of"),
        ({"field": "brand", "eq": "a", "in": ["b"]}, "exactly one of"),
        ({"field": "price", "range": {"gte": 1, "gt": 2}}, "one lower"),
        ({"field": "price", "range": {}}, "one lower"),
        ({"field": "price", "eq": float("nan")}, "number"),
        ({"and": [{"field": "brand", "eq": "a"}], "or": []}, "exactly one of"),
        ({"and": ["x"]}, r"filter.and\[0\]"),
        ({"or": [{"field": "brand", "eq": "a"}] * 600}, "too large"),
    ],
)
def test_refused_filters_say_why(wanted: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_filter(wanted)
