"""Where in a product's video it is to be seen what was searched for.

A hit gets the shot that fits the question best, when it was found through its video: because it has no photo, or
because the shot fits at least as well as its photo does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.features.shots import ShotHit, ShotTable
from shoplens.recommend.asking import Ask, Found, Hit, Moment
from shoplens.recommend.facts import CatalogueFacts
from shoplens.retrieval.semantic import VectorSignal
from shoplens.service.search_photos import frames_learnt, without_colours
from shoplens.service.search_vectors import SearchVectors

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment
    from shoplens.features.align.bridge import Bridge

Floats = npt.NDArray[np.float32]
ReadProducts = Callable[[Sequence[str]], Mapping[str, Product]]
MOST_HITS = 100  # of an answer that are looked at, best first


class SearchMoments:
    """Tells moments of hits. Safe to share between threads."""

    def __init__(self, vectors: SearchVectors, facts: CatalogueFacts, products: ReadProducts) -> None:
        self._vectors = vectors
        self._facts = facts
        self._products = products

    def told(self, ask: Ask, found: Found) -> Found:
        """The same answer, whose hits tell where in their videos they fit."""
        shots = self._vectors.shots
        if shots is None or ask.prefix or not (ask.text or ask.given):
            return found
        hits = [one for one in found.items[:MOST_HITS] if shots.of(one.item_id)]
        asked = self._asked(ask) if hits else None
        if asked is None:
            return found
        best = {one.item_id: shot for one in hits if (shot := self._best(asked, shots, one)) is not None}
        products = self._products(list(best)) if best else {}
        moments = {
            name: _moment(best[name], product, whole=not shots.was_refused(name)) for name, product in products.items()
        }
        items = tuple(
            replace(hit, moments=(moments[hit.item_id],)) if hit.item_id in moments else hit for hit in found.items
        )
        return replace(found, items=items)

    def _best(self, asked: _Asked, shots: ShotTable, hit: Hit) -> ShotHit | None:
        """The shot that fits best; None where the product is not found by its looks, or its photo fits better."""
        if not hit.parts.get(asked.signal.name, 0.0) > 0:  # NaN is not
            return None
        fits = asked.fits(asked.frames(shots.vectors(hit.item_id)))
        place = int(fits.argmax())
        if not self._vectors.seen_in_video(hit.item_id):
            photo = asked.signal.vector(self._facts.row(hit.item_id))
            if photo is None or float(asked.fits(asked.photos(photo[None]))[0]) > fits[place]:
                return None
        return replace(shots.of(hit.item_id)[place], score=float(fits[place]))

    def _asked(self, ask: Ask) -> _Asked | None:
        """A question about looks, else about photos, else the words; None when it is none of these."""
        signals = {one.name: one for one in self._vectors.signals}
        image, looks = signals.get("image"), signals.get("looks")
        learnt, bridge = self._vectors.space, self._vectors.bridge
        space = learnt if learnt is not None else bridge
        given = {name: [one.vector for one in ask.given if one.signal == name] for name in ("looks", "image")}
        if image is not None and given["image"] and not given["looks"]:
            size = self._vectors.frame_size
            wanted = without_colours(np.stack(given["image"]), size)
            return _Asked(image, _same, lambda held: without_colours(held, size), lambda seen: (seen @ wanted.T).max(1))
        if looks is None or space is None or not (given["looks"] or ask.text):
            return None
        question = given["looks"][0] if given["looks"] else space.text_vectors([ask.text])[0]
        if question.shape != (looks.size,):  # products are being read anew
            return None
        score = looks.rescore
        return _Asked(
            looks, partial(_placed, learnt, bridge), _same,
            lambda seen: seen @ question if score is None else score(question, seen),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """What products were compared with."""

    signal: VectorSignal
    frames: Callable[[Floats], Floats]  # vectors of frames [n, size of the encoder] → as `fits` takes them
    photos: Callable[[Floats], Floats]  # vectors of the signal → likewise
    fits: Callable[[Floats], Floats]  # how well each fits [n]


def _placed(learnt: Alignment | None, bridge: Bridge | None, seen: Floats) -> Floats:
    """What the encoder sees of frames, in the space that answers."""
    if learnt is not None:
        return frames_learnt(learnt, seen)
    return seen if bridge is None else bridge.photo_vectors(seen)


def _same(vectors: Floats) -> Floats:
    return vectors


def _moment(shot: ShotHit, product: Product, *, whole: bool) -> Moment:
    """`whole`: every video of the product could be read, else the numbers of the others do not tell which they are."""
    known = shot.video < len(product.videos) and (whole or len(product.videos) == 1)
    return Moment(product.videos[shot.video] if known else "", shot.start, shot.end, shot.score)
