"""What words find among what a filter keeps: all of it as far as matches are counted, whichever way is less work."""

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
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex

PRODUCTS = 600
COLOURS = ("red", "blue", "green", "black")
KINDS = ("shoe", "shirt", "dress", "watch", "bag")


def rows_of(names: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.array([int(name[1:]) for name in names], np.int64)


@pytest.fixture(scope="module")
def shop() -> HybridIndex:
    words = LexicalIndex.open()
    titles = [f"{COLOURS[k % 4]} {KINDS[k % 5]} of our house" for k in range(1, PRODUCTS + 1)]
    words.apply([Document(item_id=f"p{k}", title=title) for k, title in enumerate(titles, 1)], (), 1)
    return HybridIndex(words, row_of=rows_of, id_of=lambda rows: [f"p{row}" for row in rows.tolist()])


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["red shoe", "blue dress house", "house", "red watch", "shirt nowhere"]),
    st.sampled_from([20, 60, 150, 10_000]),
    st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9, 1.0]),
    st.sampled_from([0.0, 0.3, 0.6, 1.0]),
)
def test_what_can_be_counted_is_there_and_the_rest_is_said(
    shop: HybridIndex, text: str, matches: int, share: float, least: float
) -> None:
    allowed = np.random.default_rng(0).random(PRODUCTS + 1) < share
    everything = shop.by_words(Asked(text=text), PRODUCTS)
    assert everything is not None
    among = everything.rows[allowed[everything.rows]]  # with any of the words: `least` only leaves out where it can
    covered = everything.coverage[allowed[everything.rows]] >= least
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "MATCHES", matches)
        found = matching.WordsFound(shop, Asked(text=text)).within(allowed, least)
    assert found is not None
    assert set(found.rows.tolist()) <= set(among.tolist())
    if found.exact and found.total <= len(found.rows):
        assert set(found.rows[found.coverage >= least].tolist()) == set(among[covered].tolist())
    else:
        assert len(among) > matches, "so few can be counted"
    if len(everything.rows) <= matches:
        assert found.exact
