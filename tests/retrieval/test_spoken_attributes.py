"""Attributes that texts speak of and that the catalogue states, as vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from shoplens.features.align.facets import Facet
from shoplens.features.align.networks import Floats, Network
from shoplens.retrieval.attributes import STATED, SpokenAttributes
from shoplens.retrieval.other_words import other_words
from shoplens.retrieval.query_means import made_up_queries
from shoplens.retrieval.semantic import VectorSignal

FACETS = (Facet("category 1", ("Shirts", "Lamps"), (60, 40)), Facet("colour", ("Red", "Blue", "Green"), (50, 30, 20)))
WORDS = ("shirt", "lamp", "red", "blue", "green")


class Letters:
    """A text is the words it holds."""

    def read(self, texts: Sequence[str]) -> Floats:
        return np.array([[float(word in text) for word in WORDS] for text in texts], np.float32)


@pytest.fixture
def spoken() -> SpokenAttributes:
    """A network that says of each word its own value, and is unsure where no word is said."""
    network = Network(
        2 * np.eye(5, dtype=np.float32), np.zeros(5, np.float32), np.eye(5, dtype=np.float32), np.zeros(5, np.float32)
    )
    return SpokenAttributes.learnt(FACETS, (network,), Letters())  # type: ignore[arg-type]


def test_products_are_found_by_what_both_speak_of(spoken: SpokenAttributes) -> None:
    titles = ["red shirt", "blue shirt", "red lamp", "green lamp", "shirt"]
    held = spoken.product_vectors(spoken.reader.read(titles))
    signal = VectorSignal("attributes", spoken.size, rescore=spoken.rescore)
    signal.put(np.arange(5), held)
    for asked, first in (("red shirt", 0), ("green", 3), ("blue", 1)):
        rows, scores = signal.search(spoken.text_vectors([asked])[0], 5)
        assert rows[0] == first
        assert scores[0] > 0 > scores[-1]  # better, and worse, than chance
    unsure = spoken.rescore(spoken.text_vectors(["thing"])[0], held)
    assert np.ptp(unsure) < np.ptp(spoken.rescore(spoken.text_vectors(["red shirt"])[0], held)) / 2


def test_the_dot_product_is_never_above_the_exact_score(spoken: SpokenAttributes) -> None:
    random = np.random.default_rng(0)
    held = spoken.product_vectors(random.random((50, 5)).astype(np.float32))
    for asked in spoken.text_vectors(["red shirt", "lamp", "thing"]):
        assert (held @ asked <= spoken.rescore(asked, held) + 1e-4).all()


def test_what_the_catalogue_states_goes_before_what_is_read(spoken: SpokenAttributes) -> None:
    said = spoken.reader.read(["red shirt", "red shirt"])
    plain, stated = spoken.product_vectors(said, np.array([[-1, -1], [-1, 2]]))
    asked = spoken.text_vectors(["green shirt"])[0]
    assert np.array_equal(plain[:2], stated[:2])
    assert stated[4] == max(stated[2:])
    assert stated[4] == pytest.approx(np.log(STATED * 0.2**-0.6), abs=1e-4)
    assert spoken.rescore(asked, stated[None]) > spoken.rescore(asked, plain[None])


def test_other_words_are_weaker_than_those_typed() -> None:
    english = dict(other_words("sneakers", []))
    assert "sneaker" not in english
    assert english
    assert max(english.values()) < 0.5
    chinese = dict(other_words("红色T恤", ["red t-shirt", "red tee"]))
    assert chinese["red"] == max(chinese.values()) < 1
    assert chinese["tee"] < chinese["red"]
    plain = dict(other_words("红色T恤", ["red t-shirt", "scarlet t-shirt"], names=False))
    assert set(plain) == {"red", "t", "shirt", "scarlet"}
    assert other_words("", []) == []


@pytest.mark.parametrize(
    ("titles", "longest"),
    [(["Acme red cotton shirt with long sleeves"], 3), (["纯棉圆领短袖男士夏季宽松T恤"], 1), (["", " "], 0), ([], 0)],
)
def test_made_up_queries_are_short_and_never_none(titles: list[str], longest: int) -> None:
    queries = made_up_queries(titles, seed=1)
    assert queries
    assert all(query.strip() for query in queries)
    own = [query for query in queries if any(query in title.casefold() for title in titles if title)]
    assert (len(own) > 100) == bool(longest)
    assert all(len(query.split()) <= max(longest, 1) for query in own)
    assert made_up_queries(titles, seed=1) == queries
