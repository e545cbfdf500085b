"""A photo and words that change it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.features.align.painted_shop import PAINT, Painted

from shoplens.features.align.alignment import evidence
from shoplens.features.align.captions import spoken
from shoplens.features.align.composing import Composer, shares_of, sureness
from shoplens.features.align.facets import Facet
from shoplens.features.align.lexicon import built_in


def share_right(painted: Painted, language: str, *, composed: bool) -> float:
    """Of the ten best photos for "this thing in another colour": how many are that thing in that colour."""
    held = painted.alignment.photo_vectors(painted.unseen.photos)
    composer = Composer(painted.alignment)
    right = []
    for row in range(24):
        kind, own = painted.truth[row]
        colour = next(one for one in PAINT if one != own)
        word = spoken(colour, built_in())[language][0]
        if composed:
            asked = composer([held[row]], word)
            assert asked is not None
        else:
            asked = painted.alignment.text_vectors([word])[0]
        scores = painted.alignment.rescore(asked[None], held)[0]
        wanted = (painted.truth[:, 0] == kind) & (painted.truth[:, 1] == colour)
        many = min(int(wanted.sum()), 10)
        if many:
            right.append(wanted[np.argsort(-scores)[:many]].mean())
    return float(np.mean(right))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_thing_of_the_photo_in_the_colour_of_the_words(painted: Painted, language: str) -> None:
    assert share_right(painted, language, composed=True) > 0.7
    assert share_right(painted, language, composed=False) < 0.6


def test_the_index_is_asked_with_a_vector_of_its_size(painted: Painted) -> None:
    held = painted.alignment.photo_vectors(painted.unseen.photos)
    asked = Composer(painted.alignment)([held[0], held[1]], "red")
    assert asked is not None
    assert asked.shape == (painted.alignment.size,)
    assert asked.dtype == np.float32
    assert np.isfinite(asked).all()


def test_without_a_photo_or_words_there_is_nothing_to_compose(painted: Painted) -> None:
    held = painted.alignment.photo_vectors(painted.unseen.photos)
    assert Composer(painted.alignment)([], "red") is None
    assert Composer(painted.alignment)([held[0]], "  ") is None


def test_words_change_what_they_speak_of(painted: Painted) -> None:
    composer = Composer(painted.alignment)
    assert composer.changed("red") == ("colour",)
    assert composer.changed("handbag") == ("category 1",)
    assert set(composer.changed("green belt")) == {"category 1", "colour"}


def test_how_sure_words_are_of_a_facet() -> None:
    facet = Facet("colour", ("red", "blue", "green", "white"), (4, 4, 4, 4))
    assert sureness(np.array([1, 0, 0, 0], np.float32), facet) == 1
    assert sureness(facet.prior.astype(np.float32), facet) == 0
    assert sureness(np.array([1], np.float32), Facet("one", ("only",), (3,))) == 0


def test_shares_are_read_back_from_photo_vectors() -> None:
    facet = Facet("colour", ("red", "blue", "green"), (6, 3, 1))
    shown = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9]], np.float32)
    assert np.allclose(shares_of(evidence(shown, [facet], 0.6), facet, 0.6), shown, atol=1e-5)
