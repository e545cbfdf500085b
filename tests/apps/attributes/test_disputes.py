"""A title that says one thing, and a photo or neighbours that say another."""

from __future__ import annotations

import pytest

from shoplens.apps.attributes.disputes import LOST, same_or_closer, settled, share_won
from shoplens.apps.attributes.found import FoundValue, Source
from shoplens.apps.attributes.normalise import Normaliser
from shoplens.apps.attributes.schema import ShopSchema
from shoplens.testing.described_shop import described_shop

NORMALISER = Normaliser(ShopSchema.of(described_shop()))


def said(value: str, source: Source, confidence: float, field: str = "") -> FoundValue:
    return FoundValue(attribute="colour", value=value, source=source, confidence=confidence, field=field)


def test_who_disputes_a_title_is_believed_as_often_as_that_was_right() -> None:
    title = said("green", Source.DICTIONARY, 0.8, "title")
    photo = said("red", Source.PHOTO, 0.97)
    assert settled([title, photo], lambda source, name: 0.1, NORMALISER)[1].confidence == 0.1
    assert settled([title, photo], lambda source, name: 1.0, NORMALISER) == [title, photo]
    assert settled([photo], lambda source, name: 0.1, NORMALISER) == [photo], "no title speaks of it"


def test_what_a_title_says_more_closely_is_what_a_photo_shows() -> None:
    title = said("navy blue", Source.MODEL, 0.8, "title")
    settled_values = settled([title, said("blue", Source.PHOTO, 0.97)], lambda source, name: 0.0, NORMALISER)
    assert [(one.value, one.confidence) for one in settled_values] == [("navy blue", 0.8), ("navy blue", 0.97)]


def test_two_colours_of_a_title_are_both_said() -> None:
    titled = [said(value, Source.DICTIONARY, 0.8, "title") for value in ("black", "red")]
    assert settled([*titled, said("red", Source.PHOTO, 0.9)], lambda source, name: 0.0, NORMALISER)[2].confidence == 0.9


def test_shares_begin_with_the_title_believed() -> None:
    assert share_won(0, 0) == LOST
    assert share_won(0, 100) < 0.05
    assert share_won(90, 100) == pytest.approx(0.85, abs=0.02)


def test_values_alike() -> None:
    assert same_or_closer("colour", "navy blue", "blue", NORMALISER)
    assert not same_or_closer("colour", "red", "blue", NORMALISER)
