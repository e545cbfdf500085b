import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
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
#: Value → (number in ml, g, mm or as it is; unit)
VOLUMES = {
    "500ml": (500, "ml"),
    "0.5 L": (500, "ml"),
    "1,5 l": (1500, "ml"),
    "2 kg": (2000, "g"),
    "7": (7, ""),
    "big": (),
}

product = st.builds(
    Product,
    item_id=st.sampled_from([f"p{k}" for k in range(12)]),
    brand=st.sampled_from(BRANDS),
    category=st.sampled_from(CATEGORIES),
    price=st.none() | st.integers(0, 9).map(Decimal),
    sale_price=st.none() | st.integers(0, 9).map(Decimal),
    availability=st.none() | st.sampled_from(Availability),
    stock=st.none() | st.integers(0, 3),
    group_id=st.sampled_from([None, "g1", "G1"]),
    created_at=st.none() | st.integers(1, 4).map(lambda day: datetime(2026, 1, day, 12, tzinfo=UTC)),
    attributes=st.fixed_dictionaries(
        {
            "colour": st.lists(st.sampled_from(COLOURS), max_size=2).map(tuple),
            "Volume": st.lists(st.sampled_from(tuple(VOLUMES)), max_size=2).map(tuple),
        }
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
    st.just({"field": "group_id", "eq": "g1"}),
    st.booleans().map(lambda v: {"field": "in_stock", "eq": v}),
    st.tuples(st.sampled_from(["gte", "gt", "lte", "lt"]), st.integers(0, 3)).map(
        lambda v: {"field": "stock", "range": {v[0]: v[1]}}
    ),
    st.tuples(st.sampled_from(["gte", "gt", "lte", "lt"]), st.integers(1, 4)).map(
        lambda v: {"field": "created_at", "range": {v[0]: f"2026-01-0{v[1]}"}}
    ),
    st.tuples(st.sampled_from(["gte", "gt", "lte", "lt"]), st.sampled_from(["500 ml", "2000 g", 7, 1500.0])).map(
        lambda v: {"field": "attributes.volume", "range": {v[0]: v[1]}}
    ),
    st.sampled_from(["500 ml", "1.5L", "Big", 7]).map(lambda v: {"field": "attributes.volume", "eq": v}),
    st.tuples(
        st.sampled_from(
            ["brand", "category", "price", "availability", "stock", "created_at", "group_id", "attributes.colour"]
        ),
        st.booleans(),
    ).map(lambda v: {"field": v[0], "exists": v[1]}),
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


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}


def keeps(wanted: dict[str, Any], one: Product) -> bool:  # noqa: PLR0911, PLR0912 - one return a rule
    """The filter language, said the slow way."""
    if "and" in wanted:
        return all(keeps(part, one) for part in wanted["and"])
    if "or" in wanted:
        return any(keeps(part, one) for part in wanted["or"])
    if "not" in wanted:
        return not keeps(wanted["not"], one)
    field, values = wanted["field"], wanted.get("in", [wanted.get("eq")])
    price = one.sale_price if one.sale_price is not None else one.price
    if "exists" in wanted:
        known = {"price": price, "attributes.colour": one.attributes.get("colour")}
        value = known[field] if field in known else getattr(one, field)
        return bool((value is not None and value != ()) == wanted["exists"])
    if field == "group_id":
        return one.group_id in values
    if field == "in_stock":
        later = one.availability in (Availability.PREORDER, Availability.BACKORDER)
        return bool((one.orderable and not later) == values[0])
    if field == "stock":
        ((bound, number),) = wanted["range"].items()
        return one.stock is not None and COMPARED[bound](one.stock, number)
    if field == "created_at":
        ((bound, day),) = wanted["range"].items()
        return one.created_at is not None and COMPARED[bound](one.created_at.date(), date.fromisoformat(day))
    if field == "attributes.volume":
        amounts = [VOLUMES[value] for value in one.attributes["Volume"]]
        if "range" in wanted:
            ((bound, limit),) = wanted["range"].items()
            number, unit = (float(limit.split()[0]), limit.split()[1]) if isinstance(limit, str) else (limit, None)
            return any(known and COMPARED[bound](known[0], number) and unit in (None, known[1]) for known in amounts)
        asked = {"500 ml": (500, "ml"), "1.5L": (1500, "ml"), "Big": (), 7: (7, "")}[values[0]]
        return asked in amounts
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


def test_prices_of_several_currencies_are_not_compared() -> None:
    def costing(item_id: str, price: int | None, currency: str | None) -> Product:
        return Product(item_id=item_id, price=None if price is None else Decimal(price), currency=currency)

    def under_50() -> set[str]:
        mask = facts.mask(parse_filter({"field": "price", "range": {"lt": 50}})) & facts.columns.listed
        return {facts.ids[row] for row in np.flatnonzero(mask)}

    euros = [costing("e1", 10, "EUR"), costing("e2", 60, "EUR")]
    facts = CatalogueFacts([*euros, costing("y1", 10, "JPY"), costing("none", 20, None)])
    assert under_50() == {"e1", "none"}
    facts.apply([costing(f"y{k}", k, "JPY") for k in (2, 90)])
    assert under_50() == {"y1", "y2", "none"}, "most prices are in JPY now"
    facts.remove("y2")
    facts.apply([costing("y90", None, "JPY"), costing("y3", 40, "USD")])
    assert under_50() == {"e1", "none"}
    facts.apply([costing("e1", 10, "JPY")])
    assert under_50() == {"e1", "y1", "none"}, "two in JPY, one in EUR, one in USD"
    facts.apply([costing("e2", 70, "JPY"), costing("y1", 10, "JPY")])
    assert under_50() == {"e1", "y1", "none"}


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
        ({"field": "brand", "range": {"gte": 1}}, "brand has no 'range'; use 'eq', 'in', 'exists'"),
        ({"field": "created_at", "eq": "2026-01-01"}, "created_at has no 'eq'; use 'range'"),
        ({"field": "created_at", "range": {"gte": "soon"}}, "is no date such as"),
        ({"field": "created_at", "range": {"gte": 1_767_225_600_000}}, "seconds since 1970"),
        ({"field": "in_stock", "eq": "yes"}, "true or false"),
        ({"field": "brand", "exists": 1}, "true or false"),
        ({"field": "attributes.volume", "range": {"gte": "much"}}, "with or without a unit"),
        ({"field": "attributes.volume", "range": {"gte": "1 l", "lt": "2 kg"}}, "same unit"),
        ({"field": "attributes.", "eq": "a"}, "not one of"),
    ],
)
def test_refused_filters_say_why(wanted: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_filter(wanted)
