"""What lifts a product whoever asks: how new it is, what it earns, what people say of it. Over facts rows, in standard
deviations."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from shoplens.recommend.rules import Margin, Wish
from shoplens.recommend.shelf import Shelf

FRESH_HALF_LIFE_DAYS = 14.0
HOUR = 3_600.0  # seconds for which newness is taken as it was
MOST = 3.0  # standard deviations that a margin counts at most: one wrong number must not decide everything

Values = npt.NDArray[np.float32]


def lifts_of(shelf: Shelf, wish: Wish) -> Values | None:
    """What freshness, margin and review tone add to each product, in standard deviations of scores; None when nothing
    is asked. [len(facts.columns)]"""
    parts = []
    if wish.freshness:
        hour = int(time.time() // HOUR)
        fresh = shelf.kept(("fresh", hour), lambda: freshness(shelf.facts.columns.created, hour * HOUR))
        parts.append(fresh * np.float32(wish.freshness))
    if wish.margin is not None:
        margin: Margin = wish.margin
        parts.append(shelf.kept(("margin", margin.attribute), lambda: earnings(shelf, margin)) * np.float32(margin.by))
    said = shelf.facts.review_tone.lifts(len(shelf.facts.columns))
    if said is not None:
        parts.append(said)
    if not parts:
        return None
    shortest = min(map(len, parts))
    total: Values = np.sum([one[:shortest] for one in parts], axis=0, dtype=np.float32)
    return total


def freshness(created: npt.NDArray[np.int64], now: float) -> Values:
    """1 for a product of this moment (`now`, seconds since 1970), half after two weeks, 0 without a time. [rows]"""
    days = np.maximum(now - created / 1e6, 0.0) / 86_400
    return np.where(created > 0, np.exp2(-days / FRESH_HALF_LIFE_DAYS), 0.0).astype(np.float32)


def earnings(shelf: Shelf, margin: Margin) -> Values:
    """z-score of the attribute over the products that have it, within ±3; 0 for the others. [rows]"""
    numbers = shelf.facts.numbers(margin.attribute)
    known = np.isfinite(numbers)
    result = np.zeros(len(numbers), np.float32)
    if known.any() and (spread := float(numbers[known].std())) > 0:
        result[known] = np.clip((numbers[known] - numbers[known].mean()) / spread, -MOST, MOST)
    return result
