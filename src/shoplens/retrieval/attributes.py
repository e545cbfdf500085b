"""What products and queries say of attributes, compared: the signal "attributes".

A small network learnt from this catalogue reads off a text which colour, kind or brand it speaks of, also where no word
of it is the attribute's name ("sneakers" → Casual Shoes). Products are read likewise, unless the catalogue states the
value. Vectors and scores are those of `features.align.alignment`: the dot product is never above the exact score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.features.align.alignment import TEXT_SCALE, Alignment, evidence, parts_of
from shoplens.features.align.blending import RARITY, first_blend
from shoplens.features.align.facets import Codes, Facet
from shoplens.features.align.networks import Floats, Network, mean_probabilities
from shoplens.features.align.reading import Reader

STATED = 0.95  # how sure a value is that the catalogue states: some are filed wrongly


@dataclass(frozen=True, slots=True)
class SpokenAttributes:
    """See the top of this file. Answers with numpy alone; safe to share between threads."""

    facets: tuple[Facet, ...]
    networks: tuple[Network, ...]  # of texts, one or several whose answers are averaged
    weights: tuple[float, ...]  # how much each facet counts
    reader: Reader

    @classmethod
    def of(cls, alignment: Alignment) -> SpokenAttributes:
        """With what an alignment learnt to read off texts."""
        return cls.learnt(alignment.facets, alignment.text_networks, alignment.reader)

    @classmethod
    def learnt(cls, facets: tuple[Facet, ...], networks: tuple[Network, ...], reader: Reader) -> SpokenAttributes:
        """With networks that read texts; each facet counts the same, but of the category's levels the finest most."""
        return cls(facets, networks, first_blend(facets, direct=False).facets, reader)

    @property
    def size(self) -> int:
        """Width of the vectors."""
        return sum(len(facet.values) for facet in self.facets)

    def product_vectors(self, texts: Floats, stated: Codes | None = None) -> Floats:
        """Vectors for an index, from centred vectors of products' texts. float32 [n, size]

        stated: values that the catalogue states, [n, facets] as `features.align.facets.codes_of` makes them.
        """
        shown = self._values(texts)
        if stated is not None:
            for facet, part in enumerate(parts_of(self.facets)):
                known = np.flatnonzero(stated[:, facet] >= 0)
                values = part.stop - part.start
                shown[known, part] = (1 - STATED) / max(values - 1, 1)
                shown[known, part.start + stated[known, facet]] = STATED
        return evidence(shown, self.facets, RARITY)

    def text_vectors(self, texts: Sequence[str]) -> Floats:
        """What to ask with. float32 [len(texts), size]"""
        asked = self._values(self.reader.read(texts))
        for weight, part in zip(self.weights, parts_of(self.facets), strict=True):
            asked[:, part] *= np.float32(weight)
        return asked

    def rescore(self, asked: Floats, products: Floats) -> Floats:
        """The exact score of products [m, size] for what is asked [size]. float32 [m]"""
        total = np.zeros(len(products), np.float32)
        for weight, part in zip(self.weights, parts_of(self.facets), strict=True):
            if weight:
                fit = np.exp(products[:, part]) @ (asked[part] / np.float32(weight))
                total += np.float32(weight) * np.log(np.maximum(fit, 1e-12))
        return total

    def _values(self, read: Floats) -> npt.NDArray[np.float32]:
        return mean_probabilities(self.networks, read * np.float32(TEXT_SCALE), parts_of(self.facets))
