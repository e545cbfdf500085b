"""Coverage of a whole catalogue: who matches, and how far, is what the index of words itself finds, as it changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.search import matching
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical import postings
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex

PRODUCTS = 120
COLOURS = ("red", "blue", "green", "black")
KINDS = ("shoe", "shirt", "dress", "watch", "bag", "hand bag", "handbag")
QUERIES = (
    "red shoe", "blue dress house", "house", "red watch", "shirt nowhere", "handbag", "hand bag red", '"our house"',
    'red -"of our"', "dress -blue", '"red shoe" watch', "p7", "blak shrit", "nowhere", "", "红色 鞋",
)  # fmt: skip


def rows_of(names: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.array([int(name[1:]) for name in names], np.int64)


def opened(words: LexicalIndex) -> HybridIndex:
    return HybridIndex(words, row_of=rows_of, id_of=lambda rows: [f"p{row}" for row in rows.tolist()])


def title(k: int, step: int) -> str:
    return f"{COLOURS[(k + step) % 4]} {KINDS[(k + 3 * step) % 7]} of our house"


def check(shop: HybridIndex, gone: set[int]) -> None:
    """What is covered, against what is found one by one."""
    for text in QUERIES:
        for asked in (Asked(text=text), Asked(text=text, prefix=True), Asked(text=text, typos=False)):
            covered = shop.coverage(asked)
            found = shop.by_words(asked, 10 * PRODUCTS)
            told = {row for row in np.flatnonzero(covered).tolist() if row not in gone}
            if found is None:
                assert not told
                continue
            assert told == set(found.rows.tolist()), text
            assert np.allclose(covered[found.rows], np.maximum(found.coverage, 1e-6), atol=1e-6), text


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, PRODUCTS + 20), st.sampled_from([None, 1, 2, 3])), max_size=12),
    st.integers(1, 4),
    st.booleans(),
)
def test_coverage_is_that_of_the_index_whatever_is_written_since(
    changes: list[tuple[int, int | None]], commits: int, merged: bool
) -> None:
    words = LexicalIndex.open()
    words.apply([Document(item_id=f"p{k}", title=title(k, 0)) for k in range(1, PRODUCTS + 1)], (), 1)
    shop, gone = opened(words), set[int]()
    check(shop, gone)
    with pytest.MonkeyPatch.context() as patch:
        if merged:
            patch.setattr(postings, "FRESH_AT_LEAST", 0)
        for commit in range(commits):
            some = dict(changes[commit::commits])
            documents = [Document(item_id=f"p{k}", title=title(k, step)) for k, step in some.items() if step]
            left = [k for k, step in some.items() if not step]
            words.apply(documents, [f"p{k}" for k in left], 2 + commit)
            gone = (gone | set(left)) - {k for k, step in some.items() if step}
            words.refresh()
            check(shop, gone)


def test_a_product_is_covered_as_soon_as_the_caller_knows_it() -> None:
    words, known = LexicalIndex.open(), dict[str, int]()
    words.apply([Document(item_id="a", title="red shoe"), Document(item_id="b", title="red bag")], (), 1)
    rows = lambda names: np.array([known.get(name, 0) for name in names], np.int64)  # noqa: E731
    query = words.parse("red shoe")
    assert not words.coverage(query, rows).any()
    known["b"] = 3
    assert np.flatnonzero(words.coverage(query, rows)).tolist() == [3]
    known["a"] = 1
    assert words.coverage(query, rows)[1] == 1.0
    words.refresh()
    assert np.flatnonzero(words.coverage(words.parse("bag"), rows)).tolist() == [3]


def test_an_index_that_was_begun_anew_is_read_anew() -> None:
    words, again = LexicalIndex.open(), LexicalIndex.open()
    for commit in range(3):
        words.apply([Document(item_id=f"p{commit + 1}", title="red shoe")], (), commit + 1)
    again.apply([Document(item_id="p9", title="red shoe")], (), 1)
    query = words.parse("red")
    assert np.flatnonzero(words.coverage(query, rows_of)).tolist() == [1, 2, 3]
    words._index = again._index
    words._renew()
    words.refresh()
    assert np.flatnonzero(words.coverage(query, rows_of)).tolist() == [9]


def test_two_callers_have_rows_of_their_own() -> None:
    words = LexicalIndex.open()
    words.apply([Document(item_id="p1", title="red shoe")], (), 1)
    query, other = words.parse("red"), lambda names: rows_of(names) + 5
    for _ in range(2):
        assert np.flatnonzero(words.coverage(query, rows_of)).tolist() == [1]
        assert np.flatnonzero(words.coverage(query, other)).tolist() == [6]


@pytest.mark.parametrize("size", [3, PRODUCTS + 1, 4 * PRODUCTS])
def test_coverage_has_the_size_that_the_catalogue_had(size: int) -> None:
    words = LexicalIndex.open()
    words.apply([Document(item_id=f"p{k}", title=title(k, 0)) for k in range(1, PRODUCTS + 1)], (), 1)
    found = matching.WordsFound(opened(words), Asked(text="house"))
    assert found.coverage(size).shape == (size,)
    assert np.count_nonzero(found.coverage(size)) == min(size - 1, PRODUCTS)
