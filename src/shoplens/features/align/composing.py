"""A photo and words that change it, as one question: "like this but red" → what the photo shows, in red.

Facet by facet the words' value where they speak of it, else the photo's:

    q(v) = g p(v | text) + (1 - g) p(v | photo),   g = how sure the words are of the facet, 0 below UNSURE, 1 above SURE

and in the contrastive space the direction between both. Adding the two questions up instead asks for what is a little
red and a little like the photo, and finds other things that are red, and the same things in another colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.features.align.alignment import FLOOR, Alignment
from shoplens.features.align.facets import Facet
from shoplens.features.align.networks import Floats, unit_rows

UNSURE = 0.45  # share of a facet's entropy that words must take away before they change anything
SURE = 0.75  # and from which on the photo has no say


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes questions for the index of an alignment. Safe to share between threads."""

    alignment: Alignment

    def __call__(self, shown: Sequence[Floats], change: str) -> Floats | None:
        """A vector to ask the index of photos with: float32 [size], like one of `Alignment.text_vectors`.

        `shown`: what `Alignment.photo_vectors` says of one or several photos [size] each; `change`: in words. None
        without photos or words.
        """
        if not len(shown) or not change.strip():
            return None
        aligned = self.alignment
        photos = np.stack([np.asarray(one, np.float32) for one in shown])
        text = aligned.text_vectors([change])[0]
        composed = np.zeros(aligned.size, np.float32)
        gates = self._gates(text)
        for facet, weight, part in zip(aligned.facets, aligned.blend.facets, aligned.parts, strict=True):
            if weight:
                seen = shares_of(photos[:, part], facet, aligned.blend.rarity).mean(0)
                gate = np.float32(gates[facet.name])
                composed[part] = gate * text[part] + (1 - gate) * np.float32(weight) * seen
        for block in self._directions():
            length = np.linalg.norm(text[block])
            middle = unit_rows(photos[:, block]).mean(0) + text[block] / np.maximum(length, np.float32(1e-6))
            composed[block] = length * unit_rows(middle[None])[0]
        return composed

    def changed(self, change: str) -> tuple[str, ...]:
        """Names of the facets that words speak of."""
        return tuple(name for name, gate in self._gates(self.alignment.text_vectors([change])[0]).items() if gate > 0.5)

    def _gates(self, text: Floats) -> dict[str, float]:
        """How far a text vector [size] decides each facet. Levels of the category go together: "boots" are no shirt of
        the kind that boots are."""
        aligned = self.alignment
        gates = {
            facet.name: sureness(text[part] / np.float32(weight), facet) if weight else 0.0
            for facet, weight, part in zip(aligned.facets, aligned.blend.facets, aligned.parts, strict=True)
        }
        nouns = {facet.name for facet in aligned.facets if facet.is_noun}
        noun = max((gates[name] for name in nouns), default=0.0)
        return {name: noun if name in nouns else gate for name, gate in gates.items()}

    def _directions(self) -> list[slice]:
        """The parts of a vector that are compared by cosine."""
        begin = self.alignment.parts[-1].stop
        end = begin + self.alignment.space.photo.shape[1]
        blocks = [slice(begin, end)]
        if self.alignment.one_network:
            blocks.append(slice(end, self.alignment.size))
        return blocks


def sureness(asked: Floats, facet: Facet) -> float:
    """How far words decide a facet, 0 to 1, from p(v | text) [values]: by the entropy that they leave of it."""
    usual = facet.entropy
    if usual <= 0:
        return 0.0
    left = float(-(asked * np.log(np.maximum(asked, 1e-9))).sum())
    return float(np.clip((1 - left / usual - UNSURE) / (SURE - UNSURE), 0.0, 1.0))


def shares_of(evidence: Floats, facet: Facet, rarity: float) -> Floats:
    """p(v | photo) [n, values] from a facet's part of photo vectors, the inverse of `alignment.evidence`."""
    prior = np.maximum(facet.prior, FLOOR).astype(np.float32)
    shares: Floats = np.exp(evidence) * prior**rarity
    shares /= shares.sum(1, keepdims=True)
    return shares
