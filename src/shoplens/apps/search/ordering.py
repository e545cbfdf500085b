"""The order of the best matches: what clicks taught, what the words or the shop lift, what this person likes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.matching import Floats, Head
from shoplens.apps.search.paging import Rows
from shoplens.models.click_ranker import answer_features
from shoplens.recommend.facts import CatalogueFacts, Mask

SOFT = 1.0  # standard deviations by which products rise that fit what the words may have meant
WANTED = 0.1  # of a full match, by which the most wanted product rises while clicks have taught nothing
RARE = 1e-3  # popularity, beside the most wanted product's 1, that is still worth a tenth of that
DAY = 86_400e6  # microseconds


class Personal(Protocol):
    """What a person likes."""

    def scores(
        self, user_id: str | None, session_id: str | None, rows: Rows
    ) -> tuple[Floats, list[tuple[str, ...]]] | None:
        """How much the person likes each product, 0 to 1, with reasons in words; None for strangers."""
        ...


class ClickOrder(Protocol):
    """An order that was learnt from clicks."""

    def rescore(self, query: str, rows: Rows, features: Mapping[str, Floats]) -> Floats | None:
        """New scores of the candidates, on the scale of the old ones; None where nothing was learnt."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Lift:
    """Products that rise (or sink) by so many standard deviations."""

    mask: Mask
    by: float


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Scores of the head in its final order's sense, larger is better, and what they are made of. [head rows]"""

    scores: npt.NDArray[np.float64]
    features: Mapping[str, Floats]
    reasons: Sequence[tuple[str, ...]] = field(default_factory=tuple)
    by: str = ""  # "+clicks", "+personal"

    def parts(self, at: int) -> dict[str, float]:
        """What one product's place is made of; what is not known of it is left out."""
        known = ((name, float(values[at])) for name, values in self.features.items())
        return {name: round(value, 6) for name, value in known if not math.isnan(value)}


def order_head(
    head: Head,
    query: str,
    lifts: Sequence[Lift],
    raised: Floats | None,
    *,
    facts: CatalogueFacts,
    popularity: Floats,
    clicks: ClickOrder | None,
    personal: Personal | None,
    share: float,
    user_id: str | None,
    session_id: str | None,
) -> Ordered:
    """Put the head in order.

    `raised`: by how many standard deviations products rise whoever asks, over facts rows. `share`: how far the person's
    taste decides, 0 to 1.
    """
    features = _features(head, facts, popularity)
    scores = head.scores.astype(np.float64)
    by = ""
    learnt = clicks.rescore(query, head.rows, features) if clicks is not None and query and len(scores) else None
    if learnt is not None:
        scores = np.nan_to_num(learnt.astype(np.float64))
        by += "+clicks"
    unit = float(scores.std()) if len(scores) else 0.0
    unit = unit if unit > 1e-9 else 0.1  # all alike: any lift decides
    if learnt is None and query:
        scores += WANTED * _wanted(popularity)
    for lift in lifts:
        scores += lift.by * unit * lift.mask[head.rows]
    if raised is not None and len(raised):
        known = head.rows < len(raised)  # others are newer than it
        scores += unit * np.where(known, raised[np.where(known, head.rows, 0)], 0.0)
    reasons: Sequence[tuple[str, ...]] = ()
    liked = None
    if personal is not None and share > 0 and (user_id or session_id) and len(scores):
        liked = personal.scores(user_id, session_id, head.rows)
    if liked is not None:
        taste, reasons = liked
        scores = (1 - share) * scores + share * (scores.mean() + unit * _standard(taste.astype(np.float64)))
        features = {**features, "personal": taste}
        by += "+personal"
    return Ordered(scores, features, reasons, by)


def _features(head: Head, facts: CatalogueFacts, popularity: Floats) -> Mapping[str, Floats]:
    columns = facts.columns
    created = columns.created[head.rows].astype(np.float64)
    age = np.where(created > 0, (time.time() * 1e6 - created) / DAY, np.nan)
    return answer_features(head.scores, head.parts, popularity=popularity, price=columns.price[head.rows], age_days=age)


def _wanted(popularity: Floats) -> npt.NDArray[np.float64]:
    """Popularity by orders of magnitude, 0 to 1; the same whatever else is found, so that pages fit together."""
    known = np.clip(np.nan_to_num(popularity.astype(np.float64)), 0.0, 1.0)
    grown: npt.NDArray[np.float64] = np.log1p(known / RARE) / np.log1p(1 / RARE)
    return grown


def _standard(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean 0, deviation 1; all 0 where all are alike."""
    spread = float(values.std())
    centred: npt.NDArray[np.float64] = np.nan_to_num(values - values.mean())
    return centred / spread if spread > 1e-9 else centred
