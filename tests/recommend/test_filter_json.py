"""Law: a filter written as JSON is read back as the same filter."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import InputError
from shoplens.recommend.asking import Sort, parse_sort
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.filters import parse_filter

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.floats(-1e9, 1e9)
VOLUMES = st.builds("{} ml".format, st.decimals(0, 10**6, places=2))
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"field": st.sampled_from(["brand", "item_id", "attributes.色"]), "eq": TEXTS}),
    st.fixed_dictionaries({"field": st.just("category"), "in": st.lists(st.lists(TEXTS, max_size=3), max_size=3)}),
    st.fixed_dictionaries({"field": st.just("price"), "in": st.lists(NUMBERS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"field": st.just("price"), "range": st.fixed_dictionaries({"gt": NUMBERS, "lte": NUMBERS})}),
    st.just({"field": "price", "range": {"gte": 10}}),
    st.fixed_dictionaries({"field": st.sampled_from(["brand", "stock", "attributes.色"]), "exists": st.booleans()}),
    st.fixed_dictionaries({"field": st.just("in_stock"), "eq": st.booleans()}),
    st.fixed_dictionaries(
        {
            "field": st.just("attributes.volume"),
            "range": st.fixed_dictionaries({"lte": VOLUMES}),
        }
    ),
    st.fixed_dictionaries(
        {"field": st.just("created_at"), "range": st.fixed_dictionaries({"gte": st.dates(date(1, 1, 2)).map(str)})}
    ),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)


@given(FILTERS)
def test_there_and_back(given: dict[str, Any]) -> None:
    read = parse_filter(given)
    assert parse_filter(orjson.loads(orjson.dumps(filter_json(read)))) == read


def test_paths_are_readable() -> None:
    assert filter_json(parse_filter({"field": "category", "eq": ["Women", "Shoes"]})) == {
        "field": "category",
        "eq": "women > shoes",
    }


def test_orders_as_shoppers_expect_them() -> None:
    assert parse_sort("price") == Sort("price", descending=False)
    assert parse_sort("popularity").descending
    assert parse_sort("created_at").descending
    assert not parse_sort("created_at:asc").descending
    assert parse_sort("attributes.a:b:desc") == Sort("attributes.a:b", descending=True)
    with pytest.raises(InputError, match="sort: 'colour' is not one of"):
        parse_sort("colour")


def test_measures_keep_their_unit() -> None:
    half = {"field": "attributes.volume", "range": {"lte": "0.5 l", "gt": "10 ml"}}
    assert filter_json(parse_filter(half)) == {
        "field": "attributes.volume",
        "range": {"gt": "10 ml", "lte": "500 ml"},
    }
