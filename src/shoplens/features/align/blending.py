"""How much each part of the score counts, found on held-out products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from shoplens.features.align.alignment import Blend, evidence
from shoplens.features.align.facets import Facet
from shoplens.features.align.networks import Floats
from shoplens.features.align.validation import Questions, ndcg

RARITY = 0.6  # γ; between 0.4 and 0.7 nothing changes, at 0 and at 1 less is found
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)  # weights that are tried for a facet
SPACE_STEPS = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0)  # for a cosine
SPACE = (
    8.0  # weight of the cosine where the search starts: on held-out products 4 to 12 find more than 1 and do not differ
)
GAIN = 1e-3  # that a change must bring: less is chance
COARSE = 0.25  # weight of the category's other levels where the search starts: the finest says most of it
PASSES = 2
TITLES = 0.05  # weight of finding a photo by its title beside phrases: it breaks ties, for shoppers type no titles


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides of the held-out pairs say, by kind of question where it concerns texts."""

    shown: Floats  # [photos, values of all facets]: p(v | photo)
    places: Floats  # [photos, space]: unit vectors
    direct: Floats | None  # [photos, encoder]: unit vectors, where both encoders are one network
    asked: Mapping[str, Floats]  # [queries, values of all facets]: p(v | text)
    texts: Mapping[str, Floats]  # [queries, space]
    read: Mapping[str, Floats]  # [queries, encoder]


def first_blend(facets: Sequence[Facet], *, direct: bool) -> Blend:
    """Where the search starts: every facet counts the same, but of the category's levels the one that tells most."""
    finest = max((facet.entropy for facet in facets if facet.is_noun), default=0.0)
    weights = tuple(COARSE if facet.is_noun and facet.entropy < finest else 1.0 for facet in facets)
    return Blend(weights, SPACE, 4.0 if direct else 0.0, RARITY)


def find_blend(
    sides: Sides, questions: Mapping[str, Questions], facets: Sequence[Facet], parts: Sequence[slice]
) -> Blend:
    """One weight after the other, whatever ranks the held-out photos best; few steps, so that chance finds little."""
    terms = _Terms(sides, facets, parts, questions)
    blend = first_blend(facets, direct=sides.direct is not None)
    best = terms.value(blend)
    for _ in range(PASSES):
        before = blend
        for candidates in _changes(facets, direct=sides.direct is not None):
            for change in candidates:
                tried = change(blend)
                value = terms.value(tried)
                if value > best + GAIN:
                    blend, best = tried, value
        if blend == before:
            break
    return blend


Change = Callable[[Blend], Blend]


def _changes(facets: Sequence[Facet], *, direct: bool) -> list[list[Change]]:
    """What may be tried, one knob after the other: those that tell most come first."""
    order = sorted(range(len(facets)), key=lambda place: -facets[place].entropy)
    changes: list[list[Change]] = [[partial(_weighted, place=place, weight=step) for step in STEPS] for place in order]
    changes.append([partial(replace, space=step) for step in SPACE_STEPS])
    if direct:
        changes.append([partial(replace, direct=step) for step in SPACE_STEPS])
    return changes


def _weighted(blend: Blend, place: int, weight: float) -> Blend:
    """With another weight for one facet."""
    return replace(blend, facets=(*blend.facets[:place], weight, *blend.facets[place + 1 :]))


class _Terms:
    """Every term of the score for every question, so that a blend is rated by adding them up."""

    def __init__(
        self,
        sides: Sides,
        facets: Sequence[Facet],
        parts: Sequence[slice],
        questions: Mapping[str, Questions],
    ) -> None:
        likely = np.exp(evidence(sides.shown, facets, RARITY))
        self.answers = {kind: asked.answers for kind, asked in questions.items()}
        self.facets = {
            kind: [np.log(np.maximum(sides.asked[kind][:, part] @ likely[:, part].T, 1e-12)) for part in parts]
            for kind in questions
        }
        self.space = {kind: sides.texts[kind] @ sides.places.T for kind in questions}
        self.direct = (
            {kind: sides.read[kind] @ sides.direct.T for kind in questions} if sides.direct is not None else {}
        )

    def value(self, blend: Blend) -> float:
        """NDCG at 10 over kinds of questions, titles with less weight."""
        found = {}
        for kind, answers in self.answers.items():
            total = np.float32(blend.space) * self.space[kind]
            if self.direct:
                total = total + np.float32(blend.direct) * self.direct[kind]
            for weight, term in zip(blend.facets, self.facets[kind], strict=True):
                if weight:
                    total = total + np.float32(weight) * term
            found[kind] = ndcg(total, answers)
        weights = {kind: TITLES if kind == "title" else 1.0 for kind in found}
        return float(sum(weights[kind] * value for kind, value in found.items()) / sum(weights.values()))
