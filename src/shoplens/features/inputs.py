"""What an encoder reads of a product, and how to tell whether it changed without reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from PIL import Image

from shoplens.domain.catalogue import Product
from shoplens.encoders.centring import language_of
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import InputError
from shoplens.features.table import DIGEST_BYTES

MOST_PHOTOS = 5  # of a product: later ones are size charts and labels more often than views of it
FIRST_PHOTO_WEIGHT = 2.0  # the first photo is the one the shop chose to show the product


@dataclass(frozen=True, slots=True)
class Loaded:
    """Inputs of one product, ready for an encoder, and their weights in the product's vector."""

    inputs: Sequence[Any]
    weights: Sequence[float]
    refused: Sequence[str] = ()  # why some could not be used


class Inputs(Protocol):
    """The inputs of one modality."""

    modality: str

    def digest(self, product: Product) -> bytes | None:
        """16 bytes that change when the input does; None when the product has nothing of this modality."""
        ...

    def load(self, product: Product) -> Loaded:
        """The inputs themselves. Called on worker threads."""
        ...

    def length(self, product: Product) -> int:
        """About how long encoding takes, in any unit: like goes with like in a batch."""
        ...

    def group(self, product: Product) -> int:
        """Code kept beside the vector: the language of a text."""
        ...


class TextInputs:
    """Title, brand, category, attributes, description, as `Product.text` joins them."""

    modality = "text"

    def digest(self, product: Product) -> bytes | None:
        """Digest of the very text."""
        text = product.text
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest() if text else None

    def load(self, product: Product) -> Loaded:
        """The text."""
        return Loaded([product.text], [1.0])

    def length(self, product: Product) -> int:
        """Characters."""
        return len(product.text)

    def group(self, product: Product) -> int:
        """Language, see `encoders.centring.LANGUAGES`."""
        return language_of(product.text)


def photos_digest(opener: PhotoOpener, product: Product, most: int = MOST_PHOTOS) -> bytes | None:
    """16 bytes that change when a product's first photos do; None when there are none. Of names, sizes and times (of
    files) or checksums (in archives); a URL stands for its content."""
    if not product.images:
        return None
    stamps = "\n".join(opener.stamp(source) for source in product.images[:most])
    return blake2b(stamps.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


class PhotoInputs:
    """The first `most` photos of a product; the first counts double."""

    modality = "image"

    def __init__(self, opener: PhotoOpener, *, most: int = MOST_PHOTOS) -> None:
        self.opener = opener
        self.most = most

    def digest(self, product: Product) -> bytes | None:
        """See `photos_digest`."""
        return photos_digest(self.opener, product, self.most)

    def load(self, product: Product) -> Loaded:
        """The photos that can be used, and why others cannot."""
        photos: list[Image.Image] = []
        weights: list[float] = []
        refused: list[str] = []
        for place, source in enumerate(product.images[: self.most]):
            try:
                photos.append(self.opener.open(source))
            except InputError as error:
                refused.append(str(error))
                continue
            weights.append(FIRST_PHOTO_WEIGHT if place == 0 else 1.0)
        return Loaded(photos, weights, refused)

    def length(self, product: Product) -> int:  # noqa: ARG002 - every photo takes the same time
        """All alike."""
        return 0

    def group(self, product: Product) -> int:  # noqa: ARG002
        """Photos have no language."""
        return 0
