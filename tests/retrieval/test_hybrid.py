"""Words and vectors together: what each finds is joined, completed and weighed, and filters are kept to."""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.errors import InputError
from shoplens.retrieval.asked import Asked, Given
from shoplens.retrieval.blend import WORDS, Blend, weigh
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.lexical.document import Document
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.semantic import VectorSignal

COLOURS = ("red", "blue", "green", "black")
KINDS = ("shirt", "lamp", "chair", "mug", "rug")
MAKERS = ("Acme", "Zola", "Quint")
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)


class Meanings:
    """Reads a text as the sum of its words; "scarlet" means red, and 红色 too."""

    def __init__(self, size: int = 24) -> None:
        random = np.random.default_rng(0)
        self.size = size
        self.words = {word: random.normal(size=size) for word in (*COLOURS, *KINDS, *MAKERS)}
        self.same = {"scarlet": "red", "tee": "shirt"}

    def read(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = [sum((self._word(word) for word in text.split()), np.full(self.size, 1e-3)) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)

    def remembers(self, text: str) -> bool:
        return len(text) % 2 == 0  # with and without another thread the same is found

    def english(self, text: str) -> list[str]:
        return [text.replace("红色", "red")] if "红色" in text else []

    def _word(self, word: str) -> npt.NDArray[np.float64]:
        word = self.same.get(word.casefold(), word)
        return next(
            (vector for known, vector in self.words.items() if known.casefold() == word.casefold()), np.zeros(self.size)
        )


class Shop:
    """Products "Acme red shirt 17" in rows 1, 2, …, with noisy meanings."""

    def __init__(self, count: int, *, exact_below: int = 100_000, noise: float = 0.1) -> None:
        random = np.random.default_rng(1)
        self.reader = Meanings()
        self.titles = [f"{random.choice(MAKERS)} {random.choice(COLOURS)} {random.choice(KINDS)}" for _ in range(count)]
        self.words = LexicalIndex.open(None)
        self.words.apply([Document(item_id=f"p{row}", title=title) for row, title in enumerate(self.titles, 1)], (), 1)
        self.meaning = VectorSignal("meaning", self.reader.size, exact_below=exact_below)
        vectors = self.reader.read(self.titles) + noise * random.normal(size=(count, self.reader.size))
        self.meaning.put(np.arange(1, count + 1), vectors)
        self.meaning.rebuild()
        self.index = self.made(self.words, [self.meaning])

    def made(
        self, words: LexicalIndex | None, signals: Sequence[VectorSignal], blend: Blend | None = None
    ) -> HybridIndex:
        return HybridIndex(
            words, signals, reader=self.reader, blend=blend,
            row_of=lambda ids: np.array([int(one[1:]) for one in ids], np.int64),
            id_of=lambda rows: [f"p{row}" for row in rows.tolist()],
        )  # fmt: skip

    def found(self, text: str, k: int = 10) -> list[str]:
        return [self.titles[row - 1] for row in self.index.search(Asked(text=text), k).rows]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(400)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    faiss.omp_set_num_threads(1)


def test_words_that_match_come_first_and_meaning_helps(shop: Shop) -> None:
    assert all("red shirt" in title for title in shop.found("red shirt"))
    assert all("red shirt" in title for title in shop.found("scarlet tee"))
    assert all("red" in title for title in shop.found("红色"))


def test_scores_and_parts_belong_to_their_products(shop: Shop) -> None:
    found = shop.index.search(Asked(text="red shirt"), 30)
    assert (np.diff(found.scores) <= 0).all()
    assert set(found.parts) == {WORDS, "meaning"}
    told = shop.index.parts(Asked(text="red shirt"), found.rows)
    for name, part in found.parts.items():
        assert np.allclose(part, told[name], atol=1e-5)
    assert np.allclose(found.scores, weigh(found.parts, shop.index.blend.weights("en"), len(found)), atol=1e-5)
    assert found.parts[WORDS].max() == pytest.approx(1, abs=1e-3)
    assert (found.matched == (found.parts[WORDS] > 0)).all()
    assert found.query is not None
    assert found.by_words >= len(np.flatnonzero(found.matched))


@pytest.mark.parametrize("exact_below", [100_000, 0])
def test_filters_of_every_width_cost_no_recall(exact_below: int) -> None:
    """Against an answer so deep that every product which the filter keeps is a candidate of every signal."""
    shop = Shop(4_000, exact_below=exact_below, noise=0.3)
    random = np.random.default_rng(2)
    for share in SHARES:
        recalls = []
        for _ in range(12):
            asked = Asked(text=" ".join(random.choice(one) for one in (MAKERS, COLOURS, KINDS)[random.integers(3) :]))
            allowed = random.random(4_001) < share
            allowed[[0, 7]] = False, True
            best = shop.index.search(asked, 4_000, allowed)
            found = shop.index.search(asked, 10, allowed)
            assert allowed[found.rows].all()
            assert len(found) == min(len(best), 10)
            if len(best):
                recalls.append((found.scores >= best.scores[:10][-1] - 1e-4).mean())
        assert np.mean(recalls) >= 0.99, f"a filter that keeps {share:.1%}"


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=40), st.integers(0, 2**31), st.integers(1, 40))
def test_whatever_is_typed_nothing_outside_the_filter_comes_back(text: str, seed: int, k: int) -> None:
    shop = _small()
    allowed = np.random.default_rng(seed).random(61) < 0.5
    found = shop.index.search(Asked(text=text), k, allowed)
    assert len(found) <= k
    assert len(set(found.rows.tolist())) == len(found)
    assert allowed[found.rows].all()
    assert np.isfinite(found.scores).all()


def _small() -> Shop:
    if not _SMALL:
        _SMALL.append(Shop(60))
    return _SMALL[0]


_SMALL: list[Shop] = []


def test_what_left_is_not_found() -> None:
    shop = Shop(200)
    gone = [row for row, title in enumerate(shop.titles, 1) if "red shirt" in title]
    shop.words.apply((), [f"p{row}" for row in gone], 2)
    shop.meaning.remove(gone)
    found = shop.index.search(Asked(text="red shirt"), 200)
    assert not set(found.rows.tolist()) & set(gone)
    assert len(found) > 0


def test_phrases_and_exclusions_hold_for_meaning_too(shop: Shop) -> None:
    assert not any("Acme" in title for title in shop.found("red shirt -acme", 100))
    assert all("red shirt" in title for title in shop.found('"red shirt"', 100))


def test_meaning_alone_finds_and_words_alone_too(shop: Shop) -> None:
    asked = Asked(text="scarlet")
    by_meaning = shop.made(None, [shop.meaning]).search(asked, 10)
    assert all("red" in shop.titles[row - 1] for row in by_meaning.rows)
    assert not by_meaning.matched.any()
    assert by_meaning.by_words == 0
    assert len(shop.made(shop.words, []).search(Asked(text="unheard-of"), 10)) == 0
    assert len(shop.made(None, []).search(asked, 10)) == 0
    assert len(shop.index.search(Asked(), 10)) == 0


def test_what_means_nothing_here_is_not_answered(shop: Shop) -> None:
    unheard = Asked(text="unheard-of")
    assert len(shop.index.search(unheard, 10)) > 0  # something is always nearest
    index = HybridIndex(
        shop.words, [shop.meaning], reader=shop.reader, floor=0.6, row_of=shop.index.row_of, id_of=shop.index.id_of
    )
    assert len(index.search(unheard, 10)) == 0
    assert len(index.search(Asked(text="scarlet"), 10)) == 10
    given = Asked(text="unheard-of", given=(Given("meaning", shop.reader.read(["red shirt"])[0]),))
    assert len(index.search(given, 10)) == 10


class _Sight:
    """Reads every text as the same vector of photos."""

    def text_vectors(self, texts: Sequence[str], /) -> npt.NDArray[np.float32]:
        return np.tile(np.eye(1, 8, dtype=np.float32), (len(texts), 1))


@pytest.mark.parametrize(("cosine", "found"), [(0.9, True), (0.3, False)])
def test_what_a_photo_shows_no_text_has_to_say(shop: Shop, cosine: float, found: bool) -> None:
    looks = VectorSignal("looks", 8)
    seen = np.zeros((1, 8), np.float32)
    seen[0, :2] = cosine, np.sqrt(1 - cosine**2)
    looks.put(np.array([7]), seen)
    index = HybridIndex(
        shop.words, [shop.meaning, looks], reader=shop.reader, space=_Sight(), floor=0.6, sight=0.5,
        row_of=shop.index.row_of, id_of=shop.index.id_of,
    )  # fmt: skip
    assert list(index.search(Asked(text="unheard-of"), 10).rows) == ([7] if found else [])


def test_a_word_that_is_being_typed_has_no_meaning_yet(shop: Shop) -> None:
    found = shop.index.search(Asked(text="red sh", prefix=True), 10)
    assert set(found.parts) == {WORDS}
    assert all("red shirt" in shop.titles[row - 1] for row in found.rows)


def test_photos_that_are_shown(shop: Shop) -> None:
    """Given vectors are asked beside the text; those of one signal are averaged, from a negative one it moves away."""
    looks = VectorSignal("image", 8)
    random = np.random.default_rng(3)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    looks.put(np.arange(1, 301), vectors)  # a hundred products have no photo
    index = shop.made(shop.words, [shop.meaning, looks])
    alone = index.search(Asked(given=(Given("image", vectors[4]),)), 5)
    assert set(alone.parts) == {"image"}
    assert not alone.matched.any()
    middle = (vectors[4] + vectors[9]) / 2
    both = index.search(Asked(given=(Given("image", vectors[4]), Given("image", vectors[9]))), 5)
    assert both.rows.tolist() == index.search(Asked(given=(Given("image", middle),)), 5).rows.tolist()
    away = index.search(Asked(given=(Given("image", vectors[4]), Given("image", vectors[9], -1.0))), 300)
    assert 10 not in away.rows[:50]
    mixed = index.search(Asked(text="red shirt", given=(Given("image", vectors[4], 0.5),)), 100)
    assert set(mixed.parts) == {WORDS, "meaning", "image"}
    assert np.isnan(mixed.parts["image"]).any()  # products without a photo are found all the same
    assert len(index.search(Asked(given=(Given("video", vectors[4]),)), 5)) == 0  # a shop without videos
    with pytest.raises(InputError, match="a vector of 3 numbers; products have 8"):
        index.search(Asked(given=(Given("image", np.zeros(3, np.float32)),)), 5)


def test_a_given_meaning_stands_in_place_of_the_texts(shop: Shop) -> None:
    blue = shop.reader.read(["blue lamp"])[0]
    index = shop.made(shop.words, [shop.meaning], Blend({"": {WORDS: 0.0, "meaning": 1.0}}))
    found = index.search(Asked(text="red shirt", given=(Given("meaning", blue),)), 5)
    assert "blue lamp" in shop.titles[found.rows[0] - 1]
    assert not any("red shirt" in shop.titles[row - 1] for row in found.rows)
