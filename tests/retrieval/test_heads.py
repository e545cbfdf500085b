"""Which word of a query names the thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.heads import head_of
from shoplens.retrieval.lexical.index import LexicalIndex

INDEX = LexicalIndex.open()


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("organic milk", "milk"), ("red wine", "wine"), ("panties oz", "panties"), ("dress with pockets", "dress"),
        ("shirt black", "shirt"), ("red dress for women", "dress"), ("nike shoes size 42", "shoes"),
        ("iphone 15 case", "case"), ("milk 2%", "milk"), ("men's black leather jacket", "jacket"),
        ("有机牛奶", "牛奶"), ("牛奶 500ml", "牛奶"), ("红色连衣裙 大码", "连衣裙"), ("T恤 白色", "T恤"),
    ],
)  # fmt: skip
def test_the_thing(text: str, head: str) -> None:
    query = INDEX.parse(text)
    place = head_of(query)
    assert place is not None
    assert query.words[place].text == head


@given(st.text(max_size=40))
def test_any_text_has_one_or_none(text: str) -> None:
    query = INDEX.parse(text)
    place = head_of(query)
    assert (place is None) == (len(query.words) < 2)
    assert place is None or 0 <= place < len(query.words)


def test_milk_before_what_is_organic() -> None:
    index = LexicalIndex.open()
    titles = {"a": "Organic Lamb", "b": "Fluid Milk White", "c": "Organic Honey", "d": "Milk Chocolate", "e": "Bread"}
    index.apply([Document(item_id=key, title=title) for key, title in titles.items()], [], 1)
    found = index.search(index.parse("organic milk"), 4)
    assert set(found.item_ids[:2]) == {"b", "d"}
