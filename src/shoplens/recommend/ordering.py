"""Scores → rules → order: the best products by scores over the trained products, under all rules of a wish."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shoplens.models.on_demand import OnDemand
from shoplens.recommend.diversity import diversify
from shoplens.recommend.lifts import lifts_of
from shoplens.recommend.limits import inside, limited
from shoplens.recommend.rules import Wish, best, lift
from shoplens.recommend.shelf import Offer, Shelf

POOL = 5  # candidates a place that diversity chooses from
POOL_MOST = 400
LEADERS = 1_000  # of everybody's ranking, looked at for everybody
ROUNDING = 1e-5  # share of a score that two ways to add it up may differ

Band = tuple[float, float]  # lowest and highest price


def pool_of(n: int) -> int:
    """How many candidates an answer of n is chosen from, where more than the scores decides."""
    return max(n, min(POOL * n, POOL_MOST))


def ordered(
    shelf: Shelf,
    trained: OnDemand | npt.NDArray[np.float32],
    wish: Wish,
    excluded: set[str],
    *,
    one_variant: bool = False,
    band: Band | None = None,
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The n best by these scores of the trained products (newcomers take part through their neighbours), under all
    rules of the wish, in order, and their scores. `one_variant`: of products that share a group only the best."""
    narrow = wish.per_brand is not None or wish.per_category is not None
    pool = wish.n if wish.diversity <= 0 else pool_of(wish.n)
    if one_variant and shelf.facts.columns.group.any():
        pool = max(pool, 2 * wish.n, min(POOL * wish.n, POOL_MOST))
    if narrow:
        pool = max(wish.n, POOL_MOST)  # most of the best may be of one brand
    chosen, values = _top(shelf, trained, wish, excluded, pool, band)
    item_ids = _names(shelf, chosen)
    return arranged(shelf, item_ids, values, wish, one_variant=one_variant)


def arranged(
    shelf: Shelf, item_ids: list[str], values: npt.NDArray[np.float32], wish: Wish, *, one_variant: bool = False
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """What the wish says about the list as a whole, for candidates best first: one of each variant, so many of a brand
    and category, diversity; the n that are left."""
    if one_variant:
        kept = first_of_groups(shelf, shelf.facts.rows(item_ids), wish.before)
        values, item_ids = values[kept], [item_ids[k] for k in kept]
    if wish.diversity > 0:
        vectors = shelf.vectors_of(item_ids)
        if vectors is None:
            vectors = _place_vectors(shelf, item_ids)
        # Limits choose among what diversity put into order, so it must leave them enough.
        narrow = wish.per_brand is not None or wish.per_category is not None
        order = diversify(values, vectors, len(item_ids) if narrow else wish.n, wish.diversity)
        values, item_ids = values[order], [item_ids[k] for k in order]
    if wish.per_brand is not None or wish.per_category is not None:
        stay = limited(shelf, shelf.facts.rows(item_ids), wish)
        values, item_ids = values[stay], [item_ids[k] for k in stay.tolist()]
    return item_ids[: wish.n], values[: wish.n]


def lifted(
    shelf: Shelf, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], wish: Wish
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Candidates with boosts, freshness and margin, best first."""
    masks = [(shelf.offer(boost.filter, unavailable=True).facts, boost.by) for boost in wish.boost]
    extra = lifts_of(shelf, wish)
    if not masks and extra is None:
        return rows, scores
    lifts = [(mask.take(rows, mode="clip"), by) for mask, by in masks]
    values = lift(scores, np.arange(len(rows)), lifts, None if extra is None else extra.take(rows, mode="clip"))
    order = np.argsort(-values, kind="stable")
    return rows[order], values[order]


def first_of_groups(
    shelf: Shelf, rows: npt.NDArray[np.int64], before: Sequence[str] = (), *, among: bool = True
) -> list[int]:
    """Positions of products that have no variant among those that stand `before`, nor, if `among`, above them; `rows`:
    of facts."""
    groups = shelf.facts.group(rows).tolist()
    met: set[int] = set(shelf.facts.group(shelf.facts.rows(before)).tolist()) if before else set()
    kept = []
    for position, group in enumerate(groups):
        if group not in met or not group:
            kept.append(position)
        if among:
            met.add(group)
    return kept


def _top(
    shelf: Shelf,
    trained: OnDemand | npt.NDArray[np.float32],
    wish: Wish,
    excluded: set[str],
    n: int,
    band: Band | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows (trained products, then newcomers) of the n best that the rules allow, and their scores."""
    extra = lifts_of(shelf, wish)
    gone = _rows_of(shelf, excluded)
    wanted = n + len(gone)  # leaving out the excluded afterwards touches a few products instead of all
    if isinstance(trained, np.ndarray):
        chosen, kept = _best_of_all(shelf, trained, wish, wanted, band, extra)
    elif wish.boost or extra is not None or band is not None:  # these compare all scores
        chosen, kept = _best_of_all(shelf, trained.all(), wish, wanted, band, extra)
    else:
        chosen, kept = _best_on_demand(shelf, trained, wish, wanted)
    if gone:
        stay = np.fromiter((row not in gone for row in chosen.tolist()), np.bool_, len(chosen))
        chosen, kept = chosen[stay], kept[stay]
    return chosen[:n], kept[:n]


def _best_of_all(
    shelf: Shelf,
    trained: npt.NDArray[np.float32],
    wish: Wish,
    n: int,
    band: Band | None,
    extra: npt.NDArray[np.float32] | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The n best by scores of all trained products, with everything that a wish does to scores."""
    offer, newcomers = shelf.offer(wish.filter, unavailable=wish.unavailable), shelf.newcomers
    m = min(len(newcomers), len(offer.newcomers))
    rows = offer.all_rows if m else offer.trained_rows
    scores = np.concatenate([trained, newcomers.scores(trained)[:m]]) if m else trained
    if len(rows) and rows[-1] >= len(scores):  # the catalogue grew between two lines
        rows = rows[rows < len(scores)]
    boosts = []
    for boost in wish.boost:
        liked = shelf.offer(boost.filter, unavailable=True)
        boosts.append((_fit(np.concatenate([liked.trained, liked.newcomers]), len(scores)), boost.by))
    if extra is not None or band is not None:
        facts = np.concatenate([shelf.fact_row, newcomers.rows[:m]])[: len(scores)]
        if band is not None:
            rows = rows[inside(shelf.facts.columns.price[facts[rows]], band)]
        extra = None if extra is None else extra.take(facts, mode="clip")
    values = lift(scores, rows, boosts, extra).take(rows)
    top = best(values, n)
    return rows[top], values[top]


def _best_on_demand(
    shelf: Shelf, trained: OnDemand, wish: Wish, n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The n best by scores that are worked out for those products alone that may be among them."""
    offer, newcomers = shelf.offer(wish.filter, unavailable=wish.unavailable), shelf.newcomers
    rows, values = _best_trained(offer, trained, n)
    m = min(len(newcomers), len(offer.newcomers))
    fresh = np.flatnonzero(offer.newcomers[:m])
    if len(fresh):
        near = trained.at(newcomers.near.ravel()).reshape(newcomers.near.shape)
        scores = newcomers.scored(near, trained.mean())[fresh]
        top = best(scores, n)
        rows = np.concatenate([rows, len(offer.trained) + fresh[top]])
        values = np.concatenate([values, scores[top]])
        order = np.argsort(-values, kind="stable")[:n]
        rows, values = rows[order], values[order]
    return rows, values


def _best_trained(offer: Offer, trained: OnDemand, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The same among trained products: first of those that the history speaks of and of everybody's first. Only when
    any other might be better, all that may be shown are looked at."""
    if n <= 0:  # pins fill the list
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    spoken, allowed = trained.spoken, offer.trained_rows
    if spoken is not None and len(allowed) > len(spoken) + LEADERS > 2 * n:
        leaders = offer.leaders(trained.common, LEADERS)
        said = spoken[offer.trained[spoken]]
        rows = np.union1d(said, leaders)
        values = trained.at(rows)
        top = best(values, n)
        others = float(trained.common[leaders[-1]]) + trained.slack
        if len(top) == n and values[top[-1]] > others + ROUNDING * max(1.0, abs(others)):
            return rows[top], values[top]
    values = trained.at(allowed, offer.part)
    top = best(values, n)
    return allowed[top], values[top]


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
