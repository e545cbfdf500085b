"""The index of words, asked: filters, scores, coverage, other words, highlights, whatever is typed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.retrieval import by_words
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.lexical import looking
from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.document import Document, FieldWeights
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.lexical.synonyms import Synonyms

COLOURS = ("red", "blue", "green", "black")


THINGS = ("shoe", "shirt", "dress", "watch", "bag")


def _many(count: int) -> list[Document]:
    return [
        Document(item_id=f"p{k}", title=f"{COLOURS[k % 4]} {THINGS[k % 5]} model{k}", brand=("Nike", "Puma")[k % 2])
        for k in range(count)
    ]


def _among(allowed: set[str], item_ids: list[str]) -> Mask:
    return np.array([one in allowed for one in item_ids], np.bool_)


@pytest.fixture(scope="module")
def shop() -> LexicalIndex:
    index = LexicalIndex.open()
    index.apply(_many(2_000), [], 1)
    return index


def _ids(index: LexicalIndex, text: str, k: int = 10) -> list[str]:
    return index.search(index.parse(text), k).item_ids


def test_filters_are_exact_at_every_selectivity(shop: LexicalIndex) -> None:
    query = shop.parse("red shoes")
    everything = shop.search(query, 2_000)
    assert everything.exact
    assert everything.total == len(everything)
    for share in (0.001, 0.01, 0.1, 0.5, 1.0):
        allowed = {f"p{k}" for k in range(0, 2_000, round(1 / share))}
        expected = [item_id for item_id in everything.item_ids if item_id in allowed][:10]
        kept = shop.search(query, 10, keeps=partial(_among, allowed))
        assert kept.item_ids == expected
        among = shop.search(query, 10, only=sorted(allowed))
        assert set(among.item_ids) <= allowed
        np.testing.assert_allclose(among.scores, kept.scores, rtol=1e-5)


@pytest.mark.parametrize("narrow", [0, 40, 4_000])  # asks all products and keeps; asks only those that the filter keeps
@pytest.mark.parametrize("few", [0, 500])  # the best covered of these; all of them
@pytest.mark.parametrize("hits", [10, 200])  # looks a few deep, so that it turns to what the filter keeps; or many
def test_filters_are_exact_whichever_way_is_less_work(
    shop: LexicalIndex, monkeypatch: pytest.MonkeyPatch, narrow: int, few: int, hits: int
) -> None:
    monkeypatch.setattr(by_words, "NARROW", narrow)
    monkeypatch.setattr(by_words, "FEW", min(few, narrow))
    monkeypatch.setattr(looking, "MOST_HITS", hits)
    words = by_words.WordSearch(shop, _rows, _names)
    for query in ("red nike shoes", "blak watch model17", "shoes"):
        _check_filters(shop, words, query)


def _check_filters(shop: LexicalIndex, words: by_words.WordSearch, query: str) -> None:
    everything = shop.search(shop.parse(query), 2_000)
    score_of = dict(zip(everything.item_ids, everything.scores.tolist(), strict=True))
    for share in (0.001, 0.01, 0.1, 0.5, 1.0):
        allowed = np.zeros(2_001, np.bool_)
        allowed[1 :: round(1 / share)] = True
        passing = allowed[_rows(everything.item_ids)]
        expected = everything.scores[passing][:10]
        found = words.find(Asked(text=query), (), False, 10, allowed)
        assert found is not None
        assert allowed[found.rows].all()
        np.testing.assert_allclose(found.scores, expected, rtol=1e-5)
        np.testing.assert_allclose(found.scores, [score_of[name] for name in _names(found.rows)], rtol=1e-5)


def _rows(names: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.array([int(name[1:]) + 1 for name in names], np.int64)  # row 0 is no product


def _names(rows: npt.NDArray[np.int64]) -> list[str]:
    return [f"p{row - 1}" for row in rows.tolist()]


def test_scores_of_given_products_are_those_of_the_search(shop: LexicalIndex) -> None:
    query = shop.parse("red nike shoes model17")
    found = shop.search(query, 50)
    ids = [*found.item_ids[::-1], "unknown", found.item_ids[0]]
    scores, coverage = shop.score(query, ids)
    np.testing.assert_allclose(scores, [*found.scores[::-1], 0, found.scores[0]], rtol=1e-5)
    np.testing.assert_allclose(coverage, [*found.coverage[::-1], 0, found.coverage[0]], rtol=1e-5)


def test_coverage_is_the_share_of_what_was_asked(shop: LexicalIndex) -> None:
    found = shop.search(shop.parse("black watch"), 2_000)
    by_id = dict(zip(found.item_ids, found.coverage.tolist(), strict=True))
    both, colour, thing = by_id["p3"], by_id["p7"], by_id["p8"]  # black watch, black dress, red watch
    assert both == pytest.approx(1)
    assert colour + thing == pytest.approx(1, abs=1e-3)
    assert colour < thing  # of four colours each is more frequent than each of five things
    assert found.scores[0] == max(found.scores)


def test_all_words_or_any(shop: LexicalIndex) -> None:
    query = shop.parse("black watch unheardof")
    assert shop.search(query, 10).total == 800
    assert shop.search(query, 10, any_word=False).total == 0
    both = shop.search(shop.parse("black watch"), 10, any_word=False)
    assert both.total == 100
    assert all(share == pytest.approx(1) for share in both.coverage)


def test_extra_words_find_and_count_less() -> None:
    index = LexicalIndex.open()
    index.apply([Document(item_id="en", title="black high heels"), Document(item_id="zh", title="黑色高跟鞋")], [], 1)
    query = index.parse("黑色高跟鞋")
    assert index.search(query, 10).item_ids == ["zh"]
    found = index.search(query, 10, extra=[("black", 0.3), ("high heel", 0.3)])
    assert found.item_ids == ["zh", "en"]
    assert found.coverage.tolist() == pytest.approx([1.0, 0.3])
    scores, coverage = index.score(query, ["en"], extra=[("black", 0.3), ("high heel", 0.3)])
    assert (scores[0], coverage[0]) == pytest.approx((found.scores[1], found.coverage[1]))


def test_a_phrase_counts_beside_extra_words() -> None:
    index = LexicalIndex.open()
    index.apply([Document(item_id="a", title="vanilla ice cream"), Document(item_id="b", title="cream of ice")], [], 1)
    found = index.search(index.parse('"ice cream"'), 10, extra=[("gelato", 0.3)])
    assert (found.item_ids, found.coverage.tolist()) == (["a"], [1.0])
    assert found.scores[0] > 0


def test_weights_of_fields_apply_without_indexing_again(tmp_path: Path) -> None:
    products = [Document(item_id="t", title="apple"), Document(item_id="b", title="phone", brand="apple")]
    LexicalIndex.open(tmp_path).apply(products, [], 1)
    assert _ids(LexicalIndex.open(tmp_path, weights=FieldWeights(title=1, brand=0)), "apple") == ["t"]
    assert _ids(LexicalIndex.open(tmp_path, weights=FieldWeights(title=0.1, brand=5)), "apple") == ["b", "t"]


def test_synonyms_work_in_the_written_direction_and_need_no_new_index(tmp_path: Path) -> None:
    products = [
        Document(item_id="s", title="White sneaker"),
        Document(item_id="r", title="White running shoes"),
        Document(item_id="i", title="苹果手机 红色"),
        Document(item_id="x", title="iPhone 15"),
    ]
    LexicalIndex.open(tmp_path).apply(products, [], 1)
    rules = Synonyms.parse("sneakers, running shoe  # both ways\niphone => 苹果手机")
    index = LexicalIndex.open(tmp_path, Analyser(synonyms=rules))
    assert index.revision == 1
    assert _ids(index, "sneaker") == ["s", "r"]
    assert _ids(index, "running shoes") == ["r", "s"]
    assert _ids(index, "iphone") == ["x", "i"]
    assert _ids(index, "苹果手机") == ["i"]


def test_own_words_need_no_new_index_either(tmp_path: Path) -> None:
    products = [
        Document(item_id="a", title="优衣库 衬衫"),
        Document(item_id="b", title="库存 优质 衣架"),
        Document(item_id="c", title="水桶包 女"),
        Document(item_id="d", title="木桶 书包"),
    ]
    LexicalIndex.open(tmp_path).apply(products, [], 1)
    index = LexicalIndex.open(tmp_path)
    assert index.revision == 1
    assert set(_ids(index, "水桶包")) == {"c", "d"}
    index.read_by(Analyser(words=["优衣库", "水桶包"], synonyms=Synonyms.parse("uq => 优衣库")))
    assert _ids(index, "水桶包") == ["c"]
    assert _ids(index, "优衣库") == ["a"]
    assert _ids(index, "youyiku") == ["a"]  # by its sound, like words of the dictionary
    assert _ids(index, "uq") == ["a"]
    index.apply([Document(item_id="e", title="新款优衣库外套")], [], 2)  # written as the others were
    assert set(_ids(index, "优衣库")) == {"a", "e"}
    assert index.search(index.parse("优衣库"), 5).coverage.min() > 0.9
    index.read_by(Analyser())
    assert set(_ids(index, "水桶包")) == {"c", "d"}


def test_highlights_are_places_in_the_original_text() -> None:
    index = LexicalIndex.open()
    text = "Ｗomen’s  T-Shirts — 紅色連衣裙, ﬁne 0.5 L"
    index.apply([Document(item_id="a", title=text)], [], 1)
    for query, marked in (
        ("women", ["Ｗomen’s"]),
        ("tshirt", ["T-Shirts"]),
        ("连衣裙", ["連衣裙"]),
        ("红色连衣裙", ["紅色連衣裙"]),
        ("fine", ["ﬁne"]),
        ("500ml", ["0.5 L"]),
        ('"红色连衣裙"', ["紅色連衣裙"]),
        ("womn", ["Ｗomen’s"]),
        ("absent", []),
    ):
        spans = index.marks(index.parse(query))(text)
        assert "".join(text[start:end] for start, end in spans) == "".join(marked), query


def test_vocabulary_counts_products(shop: LexicalIndex) -> None:
    assert shop.vocabulary("sho", 5) == [("shoe", 400)]
    assert shop.vocabulary("", 4) == [("model", 2_000), ("nike", 1_000), ("puma", 1_000), ("black", 500)]


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=120))
def test_any_text_is_read_searched_corrected_and_marked(shop: LexicalIndex, text: str) -> None:
    query = shop.parse(text)
    found = shop.search(query, 10, prefix=True)
    assert len(found.item_ids) == len(found.scores) == len(found.coverage) <= found.total
    assert np.isfinite(found.scores).all()
    assert ((found.coverage >= 0) & (found.coverage <= 1)).all()
    shop.correct(query)
    spans = shop.marks(query)(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


HOSTILE = (
    "\ud800\udfff red",
    "a\x00b",
    '"' * 400,
    "-" * 400,
    "*:* OR title:[* TO *]",
    "red" * 5_000,
    "红" * 5_000,
    "﷽" * 400,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 50,
    "\u202ered\u200d",
    "0" * 5_000,
    "1,000," * 900,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_queries_are_bounded(shop: LexicalIndex, text: str) -> None:
    started = time.process_time()
    query = shop.parse(text)
    shop.search(query, 10, prefix=True)
    shop.correct(query)
    assert time.process_time() - started < 1.0


def test_rows_are_asked_for_once_and_again_while_unknown() -> None:
    index = LexicalIndex.open()
    index.apply([Document(item_id=name, title="red sock") for name in ("a", "b")], [], 1)
    rows = {"a": 1}
    asked: list[str] = []

    def row_of(item_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        asked.extend(item_ids)
        return np.array([rows.get(name, 0) for name in item_ids], np.int64)

    found = index.find(index.parse("red"), 10)
    assert found.known.rows(found.places, row_of).tolist() == [1, 0]
    rows["b"] = 2
    assert found.known.rows(found.places, row_of).tolist() == [1, 2]
    assert found.known.rows(found.places, row_of).tolist() == [1, 2]
    assert asked == ["a", "b", "b"]
    assert found.known.rows(found.places, lambda names: np.full(len(names), 5)).tolist() == [5, 5]


def test_few_answers_are_the_first_of_all_answers() -> None:
    random = np.random.default_rng(3)
    common = [f"word{k}" for k in range(12)]
    titles = [" ".join(random.choice(common, random.integers(1, 9), replace=False)) for _ in range(3_000)]
    index = LexicalIndex.open()
    index.apply([Document(item_id=f"p{row}", title=title) for row, title in enumerate(titles)], [], 1)
    for _ in range(30):
        query = index.parse(" ".join(random.choice(common, random.integers(2, 6), replace=False)))
        everything = index.search(query, len(titles))
        few = index.search(query, 10)
        assert few.scores == pytest.approx(everything.scores[:10], rel=1e-4)
        assert (few.total, few.exact) == (everything.total, True)
        odd = index.search(query, 10, keeps=lambda ids: np.array([int(name[1:]) % 2 == 1 for name in ids], bool))
        kept = [score for name, score in zip(everything.item_ids, everything.scores, strict=True) if int(name[1:]) % 2]
        assert odd.scores == pytest.approx(kept[:10], rel=1e-4)


@pytest.mark.parametrize("word", ["İ" * 14, "e\u0301" * 20, "ǰ" * 20, "ĳ" * 14, "ﬃ" * 12])
def test_letters_that_become_several_are_looked_for(word: str) -> None:
    index = LexicalIndex.open()
    index.apply([Document(item_id="a", title=f"{word} tea")], (), 1)
    assert index.search(index.parse(f"{word} tea"), 5).item_ids == ["a"]
    index.search(index.parse(word + "x"), 5)
