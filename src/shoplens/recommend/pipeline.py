"""Candidates → scores → rules → order: one person's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shoplens.domain.ranking import Ranked
from shoplens.recommend.cold_start import popular_and_new
from shoplens.recommend.diversity import diversify
from shoplens.recommend.explain import modality_shares, reasons
from shoplens.recommend.messages import say
from shoplens.recommend.past import Past
from shoplens.recommend.rules import Wish, best, lift
from shoplens.recommend.shelf import Offer, Shelf

POOL = 5  # candidates a place that diversity chooses from
POOL_MOST = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked products, who ranked them, and, when it was not the trained model, why not."""

    items: tuple[Ranked, ...]
    model: str  # name of the model, "popular+new" without one
    bundle: str | None
    fallback: str | None = None  # "cold_start", "no_bundle" or None
    note: str | None = None  # the same as a sentence


def recommend(shelf: Shelf, past: Past, wish: Wish) -> Answer:
    """The best products for this history under this wish. Lack of knowledge never fails: it falls back and says so."""
    excluded = set(wish.exclude) | past.disliked
    if not wish.repeat:
        excluded |= past.seen
    learned = shelf.learned
    if learned is None:
        return _cold(shelf, past, wish, excluded, "no_bundle")
    histories = past.histories(learned.items, shelf.stand_ins)
    if not len(histories.item) or not len(learned.items):
        return _cold(shelf, past, wish, excluded, "cold_start")
    trained = learned.model.score(histories)[0]
    offer = shelf.offer(wish.filter, unavailable=wish.unavailable)
    scores = _ruled(shelf, trained, offer, wish, excluded)
    pool = wish.n if wish.diversity <= 0 else max(wish.n, min(POOL * wish.n, POOL_MOST))
    chosen = best(scores, pool)
    item_ids = _names(shelf, chosen)
    if wish.diversity > 0:
        vectors = shelf.vectors_of(item_ids)
        if vectors is None:
            vectors = _place_vectors(shelf, item_ids)
        order = diversify(scores[chosen], vectors, wish.n, wish.diversity)
        chosen, item_ids = chosen[order], [item_ids[k] for k in order]
    values = scores[chosen].tolist()
    note = None if item_ids else say(wish.language, "nothing_fits")
    if not wish.explain:
        items = tuple(map(Ranked, item_ids, values))
    else:
        said = reasons(shelf, past, item_ids, wish.language)
        items = tuple(map(Ranked, item_ids, values, said, modality_shares(shelf, histories, item_ids)))
    return Answer(items, learned.shipped, learned.version, note=note)


def _ruled(
    shelf: Shelf, trained: npt.NDArray[np.float32], offer: Offer, wish: Wish, excluded: set[str]
) -> npt.NDArray[np.float32]:
    """Scores of trained products, then of newcomers; -inf where a rule says no. [n_items + m]"""
    learned, newcomers = shelf.learned, shelf.newcomers
    scores, allowed = trained, offer.trained
    m = min(len(newcomers), len(offer.newcomers))
    if m:
        scores = np.concatenate([trained, newcomers.scores(trained)[:m]])
        allowed = np.concatenate([allowed, offer.newcomers[:m]])
    boosts = []
    for boost in wish.boost:
        lifted = shelf.offer(boost.filter, unavailable=True)
        boosts.append((np.concatenate([lifted.trained, lifted.newcomers[:m]])[: len(scores)], boost.by))
    ruled = lift(scores, allowed, boosts)
    if excluded and learned is not None:
        rows = learned.items.rows(list(excluded))
        ruled[rows[rows >= 0]] = -np.inf
        if m and (rows < 0).any():
            gone = shelf.facts.rows(excluded)
            ruled[len(trained) :][np.isin(newcomers.rows[:m], gone[gone > 0])] = -np.inf
    return ruled


def _names(shelf: Shelf, positions: npt.NDArray[np.int64]) -> list[str]:
    """Ids of positions in the scores of `_ruled`."""
    if shelf.learned is None:
        return []
    ids, newcomers = shelf.learned.items.ids, shelf.newcomers.rows
    count = len(ids)
    return [ids[k] if k < count else shelf.facts.ids[newcomers[k - count]] for k in positions.tolist()]


def _place_vectors(shelf: Shelf, item_ids: Sequence[str]) -> npt.NDArray[np.float32]:
    """Without content vectors, products are alike when they share category and brand. [n, categories + brands]"""
    rows = shelf.facts.rows(item_ids)
    parts = []
    for column in (shelf.facts.columns.category, shelf.facts.columns.brand):
        values, code = np.unique(column[rows], return_inverse=True)
        part = np.zeros((len(rows), len(values)), np.float32)
        part[np.arange(len(rows)), code] = np.sqrt(0.5) * (column[rows] > 0)
        parts.append(part)
    return np.hstack(parts)


def _cold(shelf: Shelf, past: Past, wish: Wish, excluded: set[str], why: str) -> Answer:
    rows, scores = popular_and_new(shelf, wish, excluded)
    item_ids = [shelf.facts.ids[row] for row in rows.tolist()]
    note = say(wish.language, why if item_ids or wish.filter is None else "nothing_fits")
    said = reasons(shelf, past, item_ids, wish.language) if wish.explain else [()] * len(item_ids)
    items = tuple(map(Ranked, item_ids, scores.tolist(), said))
    return Answer(items, "popular+new", shelf.version, why, note)
