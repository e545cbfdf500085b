"""What was learnt of a shop's photos and words: both become vectors that one index serves, and a finer score.

For each facet f the photo network says p(v | photo) over its values v, the text network p(v | text). Were the two
independent given the value, how much better than chance they fit is Σ_v p(v | text) p(v | photo) / p(v). The score adds
up the logarithms of that over facets, weighted by what validation found, and the cosine in the contrastive space:

    exact(text, photo)  = Σ_f w_f log Σ_v p(v | text) m_v + w_s cos,   m_v = p(v | photo) / p(v)^γ, never below FLOOR
    dot(text, photo)    = Σ_f w_f Σ_v p(v | text) log m_v + w_s cos

A facet that a text says nothing about adds nothing to `exact` that would tell photos apart. `dot` is never above
`exact` (Jensen) and equals it where a text is sure of its values; it is a plain dot product of [w_f p(v | text), w_s z]
and [log m_v, z]. So an index holds `photo_vectors` and is asked with `text_vectors`; `rescore` then orders the
few hundred it finds by `exact`, from the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shoplens.features.align.contrastive import Space
from shoplens.features.align.facets import Facet
from shoplens.features.align.networks import Floats, Network, Scaling, mean_probabilities, seen_together, unit_rows
from shoplens.features.align.reading import Reader

FLOOR = 1e-3  # of m_v: one sure "no" is not worth more than this
TEXT_SCALE = 8.0  # unit vectors of texts have entries around 1/20; networks want them around 1


@dataclass(frozen=True, slots=True)
class Blend:
    """How much each part of the score counts."""

    facets: tuple[float, ...]  # w_f
    space: float  # w_s
    direct: float  # of the two encoders' own cosine, where they come from one network
    rarity: float  # γ: 1 = as the formula says, 0 = frequent values are preferred


@dataclass(frozen=True, slots=True)
class Photos:
    """What the encoders said of photos: the networks' inputs."""

    image: Floats  # [n, size of the photo encoder]
    colour: Floats | None = None  # [n, size of colour signatures]; a row of zeros where there is none

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Photos:
        """Some of them."""
        return Photos(self.image[rows], None if self.colour is None else self.colour[rows])

    def joined(self, colour_size: int) -> Floats:
        """Side by side. [n, sizes together]"""
        if not colour_size:
            return self.image
        colour = self.colour if self.colour is not None else np.zeros((len(self), colour_size), np.float32)
        return np.concatenate([self.image, colour], axis=1)


@dataclass(frozen=True, slots=True)
class Alignment:
    """See the top of this file. Answers with numpy alone; safe to share between threads."""

    facets: tuple[Facet, ...]
    scaling: Scaling
    photo_networks: tuple[Network, ...]
    text_networks: tuple[Network, ...]
    space: Space
    blend: Blend
    colour_size: int  # numbers of a colour signature, 0 = none were learnt from
    one_network: bool  # whether photo and text encoder share a space of their own, which is a part of the vectors
    reader: Reader

    @property
    def parts(self) -> list[slice]:
        """Where each facet's values lie in a vector."""
        return parts_of(self.facets)

    @property
    def size(self) -> int:
        """Width of the vectors."""
        direct = self.reader.encoder.size if self.one_network else 0
        return int(self.parts[-1].stop + self.space.photo.shape[1] + direct)

    def attributes(self, photos: Photos) -> Floats:
        """Which values photos show: float32 [n, values of all facets], see `parts`; each facet's part sums to 1."""
        return mean_probabilities(self.photo_networks, self._inputs(photos), self.parts)

    def photo_vectors(self, photos: Photos) -> Floats:
        """Vectors for an index. float32 [n, size], not of unit length: asked by dot product."""
        inputs = self._inputs(photos)
        shown = mean_probabilities(self.photo_networks, inputs, self.parts)
        blocks = [evidence(shown, self.facets, self.blend.rarity), self._place(inputs)]
        if self.one_network:
            blocks.append(unit_rows(photos.image))
        return np.concatenate(blocks, axis=1)

    def text_vectors(self, texts: Sequence[str]) -> Floats:
        """What to ask the index with. float32 [len(texts), size]."""
        read = self.reader.read(texts)
        asked = mean_probabilities(self.text_networks, read * np.float32(TEXT_SCALE), self.parts)
        for weight, part in zip(self.blend.facets, self.parts, strict=True):
            asked[:, part] *= np.float32(weight)
        blocks = [asked, np.float32(self.blend.space) * self.space.texts(read)]
        if self.one_network:
            blocks.append(np.float32(self.blend.direct) * read)
        return np.concatenate(blocks, axis=1)

    def rescore(self, text_vectors: Floats, photo_vectors: Floats) -> Floats:
        """The exact score from the vectors of both sides: float32 [texts, photos]."""
        end = self.parts[-1].stop
        total = text_vectors[:, end:] @ photo_vectors[:, end:].T
        for weight, part in zip(self.blend.facets, self.parts, strict=True):
            if weight:
                # Both carry the weight's sum: p(v | text) sums to 1 over a facet, whatever its weight.
                fit = (text_vectors[:, part] / np.float32(weight)) @ np.exp(photo_vectors[:, part]).T
                total += np.float32(weight) * np.log(np.maximum(fit, 1e-12))
        return total

    def scores(self, texts: Sequence[str], photos: Photos) -> Floats:
        """How well photos fit texts, exactly: float32 [texts, photos]; higher fits better."""
        return self.rescore(self.text_vectors(texts), self.photo_vectors(photos))

    def without_lexicon(self) -> Alignment:
        """The same, reading Chinese by the dictionary alone: what a shop's own jargon gets."""
        known = self.reader.glossary
        return replace(self, reader=self.reader.through(None if known is None else replace(known, lexicon=None)))

    def _inputs(self, photos: Photos) -> Floats:
        return self.scaling(photos.joined(self.colour_size))

    def _place(self, inputs: Floats) -> Floats:
        return self.space.photos(seen_together(self.photo_networks, inputs, self.space.inputs))


def parts_of(facets: Sequence[Facet]) -> list[slice]:
    """Where each facet's values lie when all are put side by side."""
    ends = np.cumsum([len(facet.values) for facet in facets]).tolist()
    return [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def evidence(shown: Floats, facets: Sequence[Facet], rarity: float) -> Floats:
    """log m_v of p(v | photo) [n, values of all facets], see the top of this file."""
    prior = np.concatenate([np.maximum(facet.prior, FLOOR) for facet in facets])
    return np.log(np.maximum(shown * (prior**-rarity).astype(np.float32), np.float32(FLOOR)))
