"""Queries that shoppers type, in Chinese and in English, against two small shops."""

from __future__ import annotations

import lexical_cases_en as en
import lexical_cases_zh as zh
import pytest

from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex


def _index(shop: tuple[Document, ...]) -> LexicalIndex:
    index = LexicalIndex.open()
    index.apply(shop, [], 1)
    return index


@pytest.fixture(scope="module")
def chinese() -> LexicalIndex:
    return _index(zh.SHOP)


@pytest.fixture(scope="module")
def english() -> LexicalIndex:
    return _index(en.SHOP)


def _check(index: LexicalIndex, query: str, first: frozenset[str], never: frozenset[str]) -> None:
    found = index.search(index.parse(query), 50)
    assert set(found.item_ids[: len(first)]) == first, f"{query} found {found.item_ids}"
    assert never.isdisjoint(found.item_ids), f"{query} found {found.item_ids}"
    if not first:
        assert not found.item_ids or not never


@pytest.mark.parametrize(("why", "query", "first", "never"), zh.CASES)
def test_chinese(chinese: LexicalIndex, why: str, query: str, first: frozenset[str], never: frozenset[str]) -> None:
    _check(chinese, query, first, never)


@pytest.mark.parametrize(("why", "query", "first", "never"), en.CASES)
def test_english(english: LexicalIndex, why: str, query: str, first: frozenset[str], never: frozenset[str]) -> None:
    _check(english, query, first, never)


@pytest.mark.parametrize(("typed", "wanted"), en.PREFIXES)
def test_typed_so_far(english: LexicalIndex, typed: str, wanted: str) -> None:
    found = english.search(english.parse(typed), 10, prefix=True)
    assert wanted in found.item_ids[:3], found.item_ids


@pytest.mark.parametrize(
    ("typed", "wanted"), [("连衣", "dress"), ("shouj", "xiaomi"), ("蓝牙", "earbuds"), ("lianyi", "dress")]
)
def test_typed_so_far_in_chinese(chinese: LexicalIndex, typed: str, wanted: str) -> None:
    found = chinese.search(chinese.parse(typed), 10, prefix=True)
    assert wanted in found.item_ids[:3], found.item_ids


@pytest.mark.parametrize(("typed", "meant"), en.CORRECTIONS)
def test_did_you_mean(english: LexicalIndex, typed: str, meant: str | None) -> None:
    assert english.correct(english.parse(typed)) == meant


@pytest.mark.parametrize(("typed", "meant"), zh.CORRECTIONS)
def test_did_you_mean_in_chinese(chinese: LexicalIndex, typed: str, meant: str | None) -> None:
    assert chinese.correct(chinese.parse(typed)) == meant


def test_tables_are_as_long_as_promised() -> None:
    assert len(zh.CASES) >= 60
    assert len(en.CASES) >= 60
