"""Candidates → scores → rules → order: one person's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shoplens.domain.ranking import Ranked
from shoplens.recommend.cold_start import popular_and_new
from shoplens.recommend.diversity import diversify
from shoplens.recommend.explain import modality_shares, reasons
from shoplens.recommend.exploration import explore
from shoplens.recommend.messages import say
from shoplens.recommend.past import Past
from shoplens.recommend.rules import Wish, best, lift
from shoplens.recommend.shelf import Shelf

POOL = 5  # candidates a place that diversity chooses from
POOL_MOST = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked products, who ranked them, and, when it was not the trained model, why not."""

    items: tuple[Ranked, ...]
    model: str  # name of the model, "popular+new" without one
    bundle: str | None
    fallback: str | None = None  # "cold_start", "no_bundle", of a cart "recommend", or None
    note: str | None = None  # the same as a sentence
    propensities: tuple[float, ...] = ()  # chance of each to stand where it stands; empty: nothing was left to chance


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
    chances: tuple[float, ...] = ()
    if wish.exploration > 0:
        pool = replace(wish, n=max(wish.n, min(POOL * wish.n, POOL_MOST)))
        item_ids, values = ordered(shelf, trained, pool, excluded)
        order, likely = explore(np.arange(len(item_ids)), wish.n, wish.exploration, np.random.default_rng())
        values, item_ids, chances = values[order], [item_ids[k] for k in order], tuple(likely.tolist())
    else:
        item_ids, values = ordered(shelf, trained, wish, excluded)
    # The order is made; what people read is a probability. A boost counts as if the person liked the product more.
    scores = (values if learned.calibration is None else learned.calibration(values)).tolist()
    note = None if item_ids else say(wish.language, "nothing_fits")
    if not wish.explain:
        items = tuple(map(Ranked, item_ids, scores))
    else:
        said = reasons(shelf, past, item_ids, wish.language)
        items = tuple(map(Ranked, item_ids, scores, said, modality_shares(shelf, histories, item_ids)))
    return Answer(items, learned.shipped, learned.version, note=note, propensities=chances)


def ordered(
    shelf: Shelf, trained: npt.NDArray[np.float32], wish: Wish, excluded: set[str], *, one_variant: bool = False
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The n best by these scores of the trained products (newcomers take part through their neighbours), under all
    rules of the wish, in order, and their scores. `one_variant`: of products that share a group only the best."""
    pool = wish.n if wish.diversity <= 0 else max(wish.n, min(POOL * wish.n, POOL_MOST))
    if one_variant and shelf.facts.columns.group.any():
        pool = max(pool, 2 * wish.n, min(POOL * wish.n, POOL_MOST))
    chosen, values = _top(shelf, trained, wish, excluded, pool)
    item_ids = _names(shelf, chosen)
    if one_variant:
        kept = _first_of_groups(shelf, item_ids)
        values, item_ids = values[kept], [item_ids[k] for k in kept]
    if wish.diversity > 0:
        vectors = shelf.vectors_of(item_ids)
        if vectors is None:
            vectors = _place_vectors(shelf, item_ids)
        order = diversify(values, vectors, wish.n, wish.diversity)
        values, item_ids = values[order], [item_ids[k] for k in order]
    return item_ids[: wish.n], values[: wish.n]


def _first_of_groups(shelf: Shelf, item_ids: Sequence[str]) -> list[int]:
    """Positions of products that have no variant before them."""
    groups = shelf.facts.group(shelf.facts.rows(item_ids)).tolist()
    met: set[int] = set()
    kept = []
    for position, group in enumerate(groups):
        if group not in met or not group:
            kept.append(position)
        met.add(group)
    return kept


def _top(
    shelf: Shelf, trained: npt.NDArray[np.float32], wish: Wish, excluded: set[str], n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows (trained products, then newcomers) of the n best that the rules allow, and their scores."""
    offer, newcomers = shelf.offer(wish.filter, unavailable=wish.unavailable), shelf.newcomers
    m = min(len(newcomers), len(offer.newcomers))
    rows = offer.all_rows if m else offer.trained_rows
    scores = np.concatenate([trained, newcomers.scores(trained)[:m]]) if m else trained
    if len(rows) and rows[-1] >= len(scores):  # the catalogue grew between two lines
        rows = rows[rows < len(scores)]
    boosts = []
    for boost in wish.boost:
        lifted = shelf.offer(boost.filter, unavailable=True)
        boosts.append((_fit(np.concatenate([lifted.trained, lifted.newcomers]), len(scores)), boost.by))
    values = lift(scores, rows, boosts).take(rows)
    gone = _rows_of(shelf, excluded)
    top = best(values, n + len(gone))  # leaving out the excluded afterwards touches a few products instead of all
    chosen, kept = rows[top], values[top]
    if gone:
        stay = np.fromiter((row not in gone for row in chosen.tolist()), np.bool_, len(chosen))
        chosen, kept = chosen[stay], kept[stay]
    return chosen[:n], kept[:n]


def _fit(mask: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.bool_]:
    """Cut or padded with False to this length."""
    return mask[:length] if len(mask) >= length else np.pad(mask, (0, length - len(mask)))


def _rows_of(shelf: Shelf, item_ids: set[str]) -> set[int]:
    """Rows of products as `_top` counts them."""
    if shelf.learned is None:
        return set()
    get, place, count = shelf.learned.items.get, shelf.place_of_newcomer, len(shelf.learned.items)
    rows = set()
    for item_id in item_ids:
        row = get(item_id)
        if row < 0:
            newcomer = place.get(item_id)
            row = count + newcomer if newcomer is not None else -1
        if row >= 0:
            rows.add(row)
    return rows


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
