"""Products like one product: by content where it is known, else by who likes both."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from shoplens.domain.events import EventType
from shoplens.domain.ranking import Ranked
from shoplens.errors import NotFoundError
from shoplens.recommend.limits import inside, price_band
from shoplens.recommend.messages import say
from shoplens.recommend.ordering import POOL_MOST, arranged, lifted, pool_of
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import Answer, recommend, ruled
from shoplens.recommend.rules import MODEL_ALONE, Wish
from shoplens.recommend.shelf import Shelf


def similar(shelf: Shelf, item_id: str, wish: Wish) -> tuple[str, Answer]:
    """(impression_id, answer). NotFoundError for an unknown product, otherwise always an answer."""
    row = shelf.facts.row(item_id)
    if not row or not shelf.facts.columns.listed[row]:
        raise NotFoundError(
            f"no product {item_id!r}; take it in first: shoplens ingest products, or POST /v1/products/bulk"
        )
    past = Past((Deed(item_id, EventType.PURCHASE, 1.0, 0.0),))
    # What proposes here is likeness, and nothing of it is left to chance.
    wish = replace(wish, sources=MODEL_ALONE, exploration=0.0, repeat=False)

    def rank(left: Wish, without: set[str]) -> Answer:
        return _by_content(shelf, item_id, left, without) or _by_behaviour(shelf, past, left, without)

    return secrets.token_hex(12), ruled(shelf, past, wish, {item_id, *wish.exclude}, rank)


def _by_content(shelf: Shelf, item_id: str, wish: Wish, excluded: set[str]) -> Answer | None:
    """Nearest neighbours among the trained products, newcomers compared one by one; None without a vector."""
    learned = shelf.learned
    vector = shelf.vectors_of([item_id])
    if learned is None or learned.index is None or vector is None or not vector.any():
        return None
    offer = shelf.offer(wish.filter, unavailable=wish.unavailable)
    depth = min(len(learned.items), _candidates(wish) + len(excluded))
    allowed = None if offer.trained.all() else offer.trained
    rows, scores = learned.index.search(vector, depth, allowed)
    found = [
        (float(score), learned.items.ids[row])
        for row, score in zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        if row >= 0
    ]
    newcomers = shelf.newcomers
    if newcomers.vectors is not None and len(newcomers):
        likeness = newcomers.vectors @ vector[0]
        offered = np.flatnonzero(offer.newcomers[: len(newcomers)])
        found.extend((float(likeness[k]), shelf.facts.ids[newcomers.rows[k]]) for k in offered)
    found = sorted(((s, name) for s, name in found if name not in excluded), key=lambda one: -one[0])
    said = (say(wish.language, "similar", title=_title(shelf, item_id)),) if wish.explain else ()
    items = tuple(Ranked(name, score, said) for name, score in _arranged(shelf, item_id, found, wish))
    return Answer(items, "content", learned.version, note=None if items else say(wish.language, "nothing_fits"))


def _candidates(wish: Wish) -> int:
    """How many neighbours the answer is chosen from: more than are shown where more than likeness decides."""
    narrow = wish.per_brand is not None or wish.per_category is not None or wish.price_band is not None
    if wish.boost or wish.freshness or wish.margin is not None or narrow:
        return max(wish.n, POOL_MOST)
    return pool_of(wish.n) if wish.diversity > 0 else wish.n


def _arranged(shelf: Shelf, item_id: str, found: list[tuple[float, str]], wish: Wish) -> Iterator[tuple[str, float]]:
    """Candidates, the likest first, under the rules of the wish: lifted, within the band of prices, varied."""
    found = found[: _candidates(wish)]
    scores = np.array([score for score, _ in found], np.float32)
    rows, scores = lifted(shelf, shelf.facts.rows([name for _, name in found]), scores, wish)
    band = price_band(shelf, replace(wish, viewing=item_id), Past())
    if band is not None:
        kept = inside(shelf.facts.columns.price[rows], band)
        rows, scores = rows[kept], scores[kept]
    item_ids, values = arranged(shelf, [shelf.facts.ids[row] for row in rows.tolist()], scores, wish)
    return zip(item_ids, values.tolist(), strict=True)


def _by_behaviour(shelf: Shelf, past: Past, wish: Wish, excluded: set[str]) -> Answer:
    """The product as if it were somebody's whole history."""
    return recommend(shelf, past, replace(wish, exclude=tuple(excluded), pin=(), shown=()))


def _title(shelf: Shelf, item_id: str) -> str:
    return shelf.facts.titles[shelf.facts.row(item_id)] or item_id
