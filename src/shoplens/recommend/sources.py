"""Who proposes products: each source answers with facts rows, best first, from what may be shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType
from shoplens.models.cart.habits import Habits
from shoplens.recommend.cart_reading import read
from shoplens.recommend.cold_start import newest
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.rules import Wish, best
from shoplens.recommend.shelf import Shelf

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NEW_DAYS = 60.0  # products that were created since then are new, like all that came after training
FAVOURITES = 3  # categories of a person that are looked into
CART_DAYS = 7.0  # for which something put into the cart is taken to be still there
DUE = 0.3  # of 1, from which on a repurchase is proposed
OUT_OF_CART = frozenset({EventType.REMOVE_FROM_CART, EventType.PURCHASE, EventType.REFUND})


@dataclass(frozen=True)
class Ground:
    """What sources propose from, for one request. Masks are over facts rows."""

    shelf: Shelf
    past: Past
    wish: Wish
    open: Mask  # may be shown, also what the person knows
    fresh: Mask  # the same without what the person's history holds, unless that may come back
    depth: int  # proposals of one source, at most

    @cached_property
    def at_hand(self) -> str | None:
        """The product that is looked at, else the last one that the person showed an interest in."""
        if self.wish.viewing is not None:
            return self.wish.viewing
        return next((deed.item_id for deed in reversed(self.past.deeds) if deed.weight > 0), None)

    @cached_property
    def cart(self) -> tuple[str, ...]:
        """What is in the cart: as the request says, else as the last days' events do."""
        if self.wish.cart:
            return self.wish.cart
        held: dict[str, None] = {}
        for deed in self.past.deeds:
            if deed.event_type is EventType.CART and deed.age_days <= CART_DAYS:
                held[deed.item_id] = None
            elif deed.event_type in OUT_OF_CART:
                held.pop(deed.item_id, None)
        return tuple(held)


def by_model(ground: Ground) -> Rows:
    """What the trained model puts first for the whole history."""
    return _scored(ground, ground.past)


def last_seen(ground: Ground) -> Rows:
    """Item to item: what the model puts first for somebody who only knows the product at hand."""
    if ground.at_hand is None:
        return _NONE
    return _scored(ground, Past((Deed(ground.at_hand, EventType.VIEW, 1.0, 0.0),), now=ground.past.now))


def similar(ground: Ground) -> Rows:
    """Nearest to the product at hand by content."""
    shelf, learned = ground.shelf, ground.shelf.learned
    vector = shelf.vectors_of([ground.at_hand]) if ground.at_hand is not None else None
    if learned is None or learned.index is None or vector is None or not vector.any():
        return _NONE
    allowed = _trained(shelf, ground.fresh)
    found, _ = learned.index.search(vector, min(ground.depth, len(learned.items)), None if allowed.all() else allowed)
    rows: Rows = shelf.fact_row[found[0][found[0] >= 0]]
    return rows


def cart(ground: Ground) -> Rows:
    """What completes the cart; see `shoplens.models.cart`."""
    shelf, learned = ground.shelf, ground.shelf.learned
    if learned is None or learned.cart is None or not (ground.cart or ground.wish.viewing):
        return _NONE
    asked = read(shelf, learned, learned.cart, ground.cart, ground.wish.viewing, ground.past).asked
    if asked.situation is None:
        return _NONE
    return _best_trained(ground, learned.cart.score(asked).total)


def popular(ground: Ground) -> Rows:
    """What everybody wants, in the log that was learnt from and since."""
    return _best_facts(ground, ground.shelf.popularity())


def trending(ground: Ground) -> Rows:
    """What is wanted now: the latest events, whichever process took them in, with a half-life of two weeks."""
    return _best_facts(ground, ground.shelf.trending.scores(len(ground.fresh)))


def new(ground: Ground) -> Rows:
    """Came lately, or after training, the latest first."""
    shelf = ground.shelf
    created = shelf.facts.columns.created[: len(ground.fresh)]
    late = created > (time.time() - NEW_DAYS * 86_400) * 1e6
    if shelf.learned is not None:
        late[shelf.newcomers.rows[shelf.newcomers.rows < len(late)]] = True
    return newest(shelf, ground.fresh[: len(late)] & late, ground.depth)[: ground.depth]


def favourites(ground: Ground) -> Rows:
    """The most wanted in the categories that the person turns to most."""
    columns = ground.shelf.facts.columns
    liked = [deed for deed in ground.past.deeds if deed.weight > 0]
    rows = ground.shelf.facts.rows(deed.item_id for deed in liked)
    node = columns.category[rows]
    weight = np.bincount(node, [deed.weight for deed in liked], 1) if len(rows) else np.zeros(1)
    weight[0] = 0.0  # no category
    chosen = best(weight.astype(np.float32), FAVOURITES)
    chosen = chosen[weight[chosen] > 0]
    if not len(chosen):
        return _NONE
    inside = np.isin(columns.category[: len(ground.fresh)], chosen)
    # Unsold products of a favourite category are proposed too, after all that sell.
    return _best_facts(ground, np.where(inside, ground.shelf.popularity()[: len(inside)] + 1e-6, 0.0))


def repurchase(ground: Ground) -> Rows:
    """What the person buys regularly and should need about now, the most due first."""
    bought = [deed for deed in ground.past.deeds if deed.event_type is EventType.PURCHASE]
    if not bought:
        return _NONE
    rows = ground.shelf.facts.rows(deed.item_id for deed in bought)
    habits = Habits.of(rows, np.array([deed.age_days for deed in bought], np.float32))
    due = habits.due()
    worth = np.where((due >= DUE) & ground.open.take(habits.item, mode="clip") & (habits.item > 0), due, 0.0)
    order = best(worth.astype(np.float32), ground.depth)
    chosen: Rows = habits.item[order[worth[order] > 0]]
    return chosen


#: Name in scenarios → who proposes.
SOURCES: Mapping[str, Callable[[Ground], Rows]] = {
    "model": by_model,
    "last_seen": last_seen,
    "similar": similar,
    "cart": cart,
    "favourites": favourites,
    "repurchase": repurchase,
    "trending": trending,
    "popular": popular,
    "new": new,
}

_NONE: Rows = np.zeros(0, np.int64)


def _scored(ground: Ground, past: Past) -> Rows:
    """The best of the model's scores for a past, trained products and newcomers; nothing for an empty past."""
    shelf, learned = ground.shelf, ground.shelf.learned
    if learned is None or not len(learned.items):
        return _NONE
    histories = past.histories(learned.items, shelf.stand_ins)
    if not len(histories.item):
        return _NONE
    scores = learned.model.score(histories)[0]
    newcomers = shelf.newcomers
    facts = np.concatenate([shelf.fact_row, newcomers.rows])
    return _best_of(ground, facts, np.concatenate([scores, newcomers.scores(scores)]))


def _best_trained(ground: Ground, scores: npt.NDArray[np.float32]) -> Rows:
    return _best_of(ground, ground.shelf.fact_row, scores)


def _best_of(ground: Ground, facts: Rows, scores: npt.NDArray[np.float32]) -> Rows:
    """Facts rows of the best scores among what may be shown; `facts`: the row of each score, 0 = gone."""
    places = np.flatnonzero(ground.fresh.take(facts, mode="clip") & (facts < len(ground.fresh)))
    return facts[places[best(scores[places], ground.depth)]]


def _best_facts(ground: Ground, scores: npt.NDArray[np.floating]) -> Rows:
    """The same for scores over facts rows, above 0."""
    places = np.flatnonzero(ground.fresh[: len(scores)] & (scores[: len(ground.fresh)] > 0))
    return places[best(scores[places].astype(np.float32), ground.depth)]


def _trained(shelf: Shelf, mask: Mask) -> Mask:
    """The mask over trained rows."""
    return mask.take(shelf.fact_row, mode="clip") & (shelf.fact_row < len(mask))
