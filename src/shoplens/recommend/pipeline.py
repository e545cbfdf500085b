"""Candidates → scores → rules → order: one person's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EventType
from shoplens.domain.ranking import Ranked
from shoplens.models.on_demand import score_one
from shoplens.recommend.cart_reading import not_to_suggest
from shoplens.recommend.cold_start import popular_and_new
from shoplens.recommend.explain import modality_shares, reasons
from shoplens.recommend.exploration import explore
from shoplens.recommend.limits import inside, limited, pinned, price_band
from shoplens.recommend.messages import say
from shoplens.recommend.mixing import depth_for, mix
from shoplens.recommend.ordering import arranged, first_of_groups, lifted, ordered, pool_of
from shoplens.recommend.past import Deed, Past
from shoplens.recommend.rules import MODEL_ALONE, Wish
from shoplens.recommend.shelf import Shelf
from shoplens.recommend.sources import Ground

MIXED = "mixed"  # name of the model when several sources answer
PIN = "pin"  # source of what the shop pinned


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked products, who ranked them, and, when it was not the trained model, why not."""

    items: tuple[Ranked, ...]
    model: str  # name of the model, "popular+new" without one, "mixed" of several sources
    bundle: str | None
    # "cold_start", "no_bundle", "filled", "shown_again", "model_failed", of a cart "recommend"; None: as it should be
    fallback: str | None = None
    note: str | None = None  # the same as a sentence
    propensities: tuple[float, ...] = ()  # chance of each to stand where it stands; empty: nothing was left to chance
    candidates: Mapping[str, int] = field(default_factory=dict)  # source → how many it proposed


#: Ranks by (wish, what is left out).
Rank = Callable[[Wish, set[str]], Answer]


def recommend(shelf: Shelf, past: Past, wish: Wish) -> Answer:
    """The best products for this history under this wish. Lack of knowledge never fails: it falls back and says so."""
    excluded = set(wish.exclude) | past.disliked
    if wish.viewing is not None or wish.cart:
        excluded |= not_to_suggest(shelf, wish.cart, wish.viewing)
    return ruled(shelf, past, wish, excluded, lambda left, without: _answer(shelf, past, left, without))


def ruled(shelf: Shelf, past: Past, wish: Wish, excluded: set[str], rank: Rank) -> Answer:
    """What `rank` answers under the rules that stand above any ranking: pins come first, and what a cap leaves out
    comes last."""
    if not wish.shown:
        return _with_pins(shelf, past, wish, excluded, rank)
    answer = _with_pins(shelf, past, wish, excluded | set(wish.shown), rank)
    missing = wish.n - len(answer.items)
    if missing <= 0:
        return answer
    # Rather something for the second time than nothing at all.
    new = tuple(one.item_id for one in answer.items)
    left = replace(wish, n=missing, pin=(), before=(*wish.before, *new), exploration=0.0)
    more = rank(left, excluded | set(new)).items
    if not more:
        return answer
    last = answer.items[-1].score if answer.items else more[0].score
    items = (*answer.items, *(replace(one, score=min(one.score, last)) for one in more))
    note = say(wish.language, "shown_again")
    return replace(answer, items=items, fallback="shown_again", note=note, propensities=())


def without_model(shelf: Shelf, wish: Wish) -> Answer:
    """Popular and new products, when the model failed to answer."""
    excluded = set(wish.exclude) | not_to_suggest(shelf, wish.cart, wish.viewing)
    return _cold(shelf, Past(), replace(wish, explain=False), excluded, "model_failed")


def _with_pins(shelf: Shelf, past: Past, wish: Wish, excluded: set[str], rank: Rank) -> Answer:
    """What the shop pinned, then the answer."""
    if not wish.pin:
        return rank(wish, excluded)
    allowed = shelf.offer(wish.filter, unavailable=wish.unavailable).facts.copy()
    gone = shelf.facts.rows(excluded if wish.repeat else excluded | past.seen)
    allowed[gone[gone < len(allowed)]] = False
    first = pinned(shelf, wish, allowed)
    left = replace(wish, n=wish.n - len(first), pin=(), before=(*wish.before, *first))
    rest = rank(left, excluded | set(first))
    top = rest.items[0].score if rest.items else 1.0
    said = reasons(shelf, past, first, wish.language) if wish.explain else [()] * len(first)
    items = tuple(Ranked(name, top, why, sources=(PIN,)) for name, why in zip(first, said, strict=True))
    chances = (*[1.0] * len(first), *rest.propensities) if rest.propensities else ()
    note = rest.note if rest.items or not first else None
    return replace(rest, items=(*items, *rest.items), propensities=chances, note=note)


def _answer(shelf: Shelf, past: Past, wish: Wish, excluded: set[str]) -> Answer:
    return (
        _by_model(shelf, past, wish, excluded) if wish.sources == MODEL_ALONE else _mixed(shelf, past, wish, excluded)
    )


def _by_model(shelf: Shelf, past: Past, wish: Wish, excluded: set[str]) -> Answer:
    """The trained model over the whole catalogue: the hottest path."""
    if not wish.repeat:
        excluded = excluded | past.seen
    learned = shelf.learned
    if learned is None:
        return _cold(shelf, past, wish, excluded, "no_bundle")
    histories = past.histories(learned.items, shelf.stand_ins)
    if not len(histories.item) or not len(learned.items):
        return _cold(shelf, past, wish, excluded, "cold_start")
    trained = score_one(learned.model, histories)
    band = price_band(shelf, wish, past)
    pool = replace(wish, n=pool_of(wish.n)) if wish.exploration > 0 else wish
    item_ids, values = ordered(shelf, trained, pool, excluded, band=band)
    item_ids, values, chances = _explored(item_ids, values, wish)
    # The order is made; what people read is a probability. A boost counts as if the person liked the product more.
    scores = (values if learned.calibration is None else learned.calibration(values)).tolist()
    note = None if item_ids or not wish.n else say(wish.language, "nothing_fits")
    if not wish.explain:
        items = tuple(map(Ranked, item_ids, scores))
    else:
        said = reasons(shelf, past, item_ids, wish.language)
        shares = modality_shares(shelf, histories, item_ids)
        items = tuple(map(Ranked, item_ids, scores, said, shares, [("model",)] * len(item_ids)))
    counts = {"model": len(item_ids)}
    return Answer(items, learned.shipped, learned.version, note=note, propensities=chances, candidates=counts)


def _mixed(shelf: Shelf, past: Past, wish: Wish, excluded: set[str]) -> Answer:
    """Several sources; see `mixing`. `score` says the order only: there is no probability behind it."""
    given = Past((*past.deeds, *_at_hand(shelf, wish)), past.profile, past.now)
    free = shelf.offer(wish.filter, unavailable=wish.unavailable).facts
    fresh = _without(shelf, free, excluded if wish.repeat else excluded | past.seen)
    ground = Ground(shelf, given, wish, _without(shelf, free, excluded), fresh, depth_for(wish.n))
    mixed = mix(ground)
    rows, scores = lifted(shelf, mixed.rows, mixed.scores, wish)
    band = price_band(shelf, wish, past)
    if band is not None:
        kept = inside(shelf.facts.columns.price[rows], band)
        rows, scores = rows[kept], scores[kept]
    names = [shelf.facts.ids[row] for row in rows.tolist()]
    pool = replace(wish, n=pool_of(wish.n)) if wish.exploration > 0 else wish
    item_ids, values = arranged(shelf, names, scores, pool, one_variant=True)
    item_ids, values, chances = _explored(item_ids, values, wish)
    unknown = not past.deeds and wish.viewing is None and not wish.cart
    why = "no_bundle" if shelf.learned is None else "cold_start" if unknown else None
    if not item_ids:
        return replace(_cold(shelf, past, wish, excluded | past.seen, why or "cold_start"), candidates=mixed.counts)
    if len(item_ids) < wish.n:
        left = replace(wish, n=wish.n - len(item_ids), before=(*wish.before, *item_ids))
        rows = _popular_within(shelf, past, left, excluded | past.seen | set(item_ids), one_variant=True)
        filling = [shelf.facts.ids[row] for row in rows.tolist()]
        if filling:
            low = float(values[-1])
            item_ids = [*item_ids, *filling]
            values = np.concatenate([values, np.linspace(low, 0, len(filling) + 1, dtype=np.float32)[1:]])
            why, chances = why or "filled", ()
    who = mixed.sources_of(shelf.facts.rows(item_ids).tolist()) if wish.explain else [()] * len(item_ids)
    said = reasons(shelf, given, item_ids, wish.language) if wish.explain else [()] * len(item_ids)
    items = tuple(
        Ranked(name, score, because, sources=by or (("popular",) if wish.explain else ()))
        for name, score, because, by in zip(item_ids, values.tolist(), said, who, strict=True)
    )
    note = None if why is None else say(wish.language, why)
    return Answer(items, MIXED, shelf.version, why, note, chances, mixed.counts)


def _at_hand(shelf: Shelf, wish: Wish) -> tuple[Deed, ...]:
    """What is in the cart and looked at now, as the latest that the person did."""
    weights = shelf.event_weights
    held = tuple(Deed(name, EventType.CART, weights[EventType.CART], 0.0) for name in wish.cart)
    seen = () if wish.viewing is None else (Deed(wish.viewing, EventType.VIEW, weights[EventType.VIEW], 0.0),)
    return (*held, *seen)


def _explored(
    item_ids: list[str], values: npt.NDArray[np.float32], wish: Wish
) -> tuple[list[str], npt.NDArray[np.float32], tuple[float, ...]]:
    """The n that are shown, some of them by chance, and how likely each was."""
    if wish.exploration <= 0:
        return item_ids, values, ()
    order, likely = explore(np.arange(len(item_ids)), wish.n, wish.exploration, np.random.default_rng())
    return [item_ids[k] for k in order], values[order], tuple(likely.tolist())


def _popular_within(
    shelf: Shelf, past: Past, wish: Wish, excluded: set[str], *, one_variant: bool = False
) -> npt.NDArray[np.int64]:
    """Facts rows, popular and new, inside the band of prices, so many of a brand and category counted from those that
    stand before, and none of which a variant stands there, or with `one_variant` in this list."""
    band = price_band(shelf, wish, past)
    if wish.per_brand is None and wish.per_category is None and not wish.before:
        return popular_and_new(shelf, wish, excluded, band)[0]
    rows, _ = popular_and_new(shelf, replace(wish, n=pool_of(wish.n + len(wish.before))), excluded, band)
    if wish.before:
        rows = rows[first_of_groups(shelf, rows, wish.before, among=one_variant)]
    return rows[limited(shelf, rows, wish)][: wish.n]


def _without(shelf: Shelf, mask: npt.NDArray[np.bool_], excluded: set[str]) -> npt.NDArray[np.bool_]:
    """A copy of a mask over facts rows that leaves products out."""
    left = mask.copy()
    rows = shelf.facts.rows(excluded)
    left[rows[rows < len(left)]] = False
    return left


def _cold(shelf: Shelf, past: Past, wish: Wish, excluded: set[str], why: str) -> Answer:
    rows = _popular_within(shelf, past, wish, excluded)
    scores = np.linspace(1.0, 0.0, len(rows), endpoint=False, dtype=np.float32)  # say the order
    item_ids = [shelf.facts.ids[row] for row in rows.tolist()]
    note = say(wish.language, why if item_ids or wish.filter is None else "nothing_fits")
    said = reasons(shelf, past, item_ids, wish.language) if wish.explain else [()] * len(item_ids)
    items = tuple(map(Ranked, item_ids, scores.tolist(), said))
    return Answer(items, "popular+new", shelf.version, why, note, candidates={"popular+new": len(items)})
