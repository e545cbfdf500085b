"""Products like one product: by content where it is known, else by who likes both."""

from __future__ import annotations

import secrets

import numpy as np

from shoplens.domain.events import EventType
from shoplens.domain.ranking import Ranked
from shoplens.errors import NotFoundError
from shoplens.recommend.messages import say
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.pipeline import Answer, recommend
from shoplens.recommend.rules import Wish
from shoplens.recommend.shelf import Shelf


def similar(shelf: Shelf, item_id: str, wish: Wish) -> tuple[str, Answer]:
    """(impression_id, answer). NotFoundError for an unknown product, otherwise always an answer."""
    row = shelf.facts.row(item_id)
    if not row or not shelf.facts.columns.listed[row]:
        raise NotFoundError(f"no product {item_id!r}; post it to /v1/products/bulk first")
    return secrets.token_hex(12), _by_content(shelf, item_id, wish) or _by_behaviour(shelf, item_id, wish)


def _by_content(shelf: Shelf, item_id: str, wish: Wish) -> Answer | None:
    """Nearest neighbours among the trained products, newcomers compared one by one; None without a vector."""
    learned = shelf.learned
    vector = shelf.vectors_of([item_id])
    if learned is None or learned.index is None or vector is None or not vector.any():
        return None
    offer = shelf.offer(wish.filter, unavailable=wish.unavailable)
    left_out = {item_id, *wish.exclude}
    depth = min(len(learned.items), wish.n + len(left_out))
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
    found = sorted(((s, name) for s, name in found if name not in left_out), key=lambda one: -one[0])[: wish.n]
    said = (say(wish.language, "similar", title=_title(shelf, item_id)),) if wish.explain else ()
    items = tuple(Ranked(name, score, said) for score, name in found)
    return Answer(items, "content", learned.version, note=None if items else say(wish.language, "nothing_fits"))


def _by_behaviour(shelf: Shelf, item_id: str, wish: Wish) -> Answer:
    """The product as if it were somebody's whole history."""
    past = Past((Deed(item_id, EventType.PURCHASE, 1.0, 0.0),))
    return recommend(shelf, past, wish)


def _title(shelf: Shelf, item_id: str) -> str:
    return shelf.facts.titles[shelf.facts.row(item_id)] or item_id
