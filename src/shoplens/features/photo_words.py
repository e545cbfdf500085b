"""What finds the words written in a product's photos: on packages, labels, signs and price tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from shoplens.domain.catalogue import Product
from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.encoders.ocr import PhotoText
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import InputError
from shoplens.features.found_text import FoundText, Reading
from shoplens.features.inputs import MOST_PHOTOS, photos_digest

SMALLEST_SIDE = 100  # pixels of the longer side; letters in a smaller picture are too few pixels to be read


class Recogniser(Protocol):
    """What reads photos, as `encoders.ocr.RapidOcrReader` does."""

    name: str
    version: str

    def read(self, photos: Sequence[Image.Image]) -> list[PhotoText]:
        """What is written in each."""
        ...


class PhotoWords:
    """Finds what is written in a product's photos: a `found_text.Reader`."""

    modality = "ocr"

    def __init__(self, recogniser: Recogniser, opener: PhotoOpener, *, most: int = MOST_PHOTOS) -> None:
        self.name = recogniser.name
        self.version = recogniser.version
        self._recogniser = recogniser
        self._opener = opener
        self._most = most

    def digest(self, product: Product) -> bytes | None:
        """See `inputs.photos_digest`."""
        return photos_digest(self._opener, product, self._most)

    def read(self, product: Product) -> Reading:
        """A text for each line; `place` is the number of the photo."""
        found: list[FoundText] = []
        refused: list[str] = []
        usable = 0
        for place, source in enumerate(product.images[: self._most]):
            try:
                photo = self._opener.open(source)
            except InputError as error:
                refused.append(str(error))
                continue
            usable += 1
            found.extend(written_in_photo(self._recogniser, photo, source, place))
        return Reading(found, refused, readable=usable > 0)


def written_in_photo(recogniser: Recogniser, photo: Image.Image, source: str, place: int = 0) -> Sequence[FoundText]:
    """A text for each line in one photo, with its box. A thumbnail has none."""
    if max(photo.size) < SMALLEST_SIDE:
        return ()
    (written,) = recogniser.read([photo])
    return [
        FoundText(
            line.text,
            source,
            place=place,
            language=_language(line.text),
            confidence=line.confidence,
            box=line.box,
            size=photo.size,
        )
        for line in written.lines
    ]


def _language(text: str) -> str:
    """By script; "" for what has no letters, and for scripts of many languages."""
    name = LANGUAGES[language_of(text)] if any(letter.isalpha() for letter in text) else "other"
    return "" if name == "other" else name
