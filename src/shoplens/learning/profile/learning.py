"""All of it, from deeds to the model that ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.events import EventType
from shoplens.learning.profile.choosing import learn_choosing, level_to_predict
from shoplens.learning.profile.demographics import learn_fields
from shoplens.learning.profile.grouping import Crowd, find_segments
from shoplens.learning.profile.moments import horizon_of, moment_at, times_of
from shoplens.learning.profile.returning import Returning, learn_returning
from shoplens.models.profile.affinity import ShopAverage, Tally, tally
from shoplens.models.profile.deeds import Deeds, local_hours
from shoplens.models.profile.fields import field_features
from shoplens.models.profile.forecasts import LEAST_VISITS, NextCategory
from shoplens.models.profile.habits import Habits, Visits, features, habits
from shoplens.models.profile.model import ProfileModel
from shoplens.models.profile.segments import Segments
from shoplens.models.profile.space import TasteSpace
from shoplens.models.profile.traits import PriceBands, TraitColumns

LEAST_HORIZON = 2.0  # days; a shorter period says nothing
MOST_PEOPLE = 50_000  # whose tastes segments are learnt from; more change nothing

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopDeeds:
    """What is learnt from."""

    deeds: Deeds  # of all people; items are rows of `rows`
    rows: sp.csr_matrix  # traits of products [n_items, n_columns]
    columns: TraitColumns
    bands: PriceBands
    usual: npt.NDArray[np.float32]  # [n_items]
    act: EventType
    zone: str
    currency: str
    known: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # field → person → value

    @property
    def end(self) -> int:
        """The moment after the latest deed."""
        return int(self.deeds.time.max(initial=0)) + 1


@dataclass(frozen=True, slots=True)
class Tastes:
    """What everybody chooses, the shop's average, and the vectors that compare people."""

    counted: Tally
    average: ShopAverage
    space: TasteSpace
    vectors: npt.NDArray[np.float64]  # [n_people, size]

    @classmethod
    def of(cls, shop: ShopDeeds, *, seed: int = 0) -> Tastes:
        """As of the end of the log."""
        counted = tally(shop.deeds, shop.rows, shop.columns, now=shop.end, zone=shop.zone)
        average = ShopAverage.fit(counted, shop.columns)
        space = TasteSpace.fit(_some(counted, seed), average, shop.columns, seed=seed)
        return cls(counted, average, space, space.vectors(counted, average, shop.columns))


def learn_profiles(
    shop: ShopDeeds,
    *,
    horizon_days: float,
    predict: Sequence[str] = (),
    before: ProfileModel | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[ProfileModel | None, dict[str, Any]]:
    """The model, None where nobody ever acted, and figures. `before`: the model whose segments are recognised."""
    tell = progress or (lambda *_: None)
    if not shop.deeds.acts(shop.act).any():
        return None, {}
    tastes = Tastes.of(shop, seed=seed)
    tell("learn profiles", 1, 4)
    returning, choosing, figures = _forecasts(shop, horizon_days, seed, lambda: tell("learn profiles", 2, 4))
    tell("learn profiles", 3, 4)
    segments, told = learn_segments(shop, tastes, before, seed=seed)
    traits = field_features(tastes.vectors, features(shop.deeds, shop.end, shop.act, shop.zone))
    fields, of_fields = learn_fields(predict, shop.known, traits, seed=seed)
    known = _habits(shop)
    acted = known.visits > 0
    scored = {"recency": known.recency[acted], "frequency": known.visits[acted], "monetary": known.paid[acted]}
    model = ProfileModel(
        act=shop.act,
        zone=shop.zone,
        currency=shop.currency,
        columns=shop.columns,
        bands=shop.bands,
        usual=shop.usual,
        average=tastes.average,
        edges={name: np.quantile(values, (0.2, 0.4, 0.6, 0.8)) for name, values in scored.items()},
        space=tastes.space,
        segments=segments,
        churn=None if returning is None else returning.churn,
        due=None if returning is None else returning.due,
        next_category=choosing,
        fields=fields,
        people=int(acted.sum()),
    )
    tell("learn profiles", 4, 4)
    return model, {"people": model.people, "made of": shop.act.value, **figures, "segments": told, "fields": of_fields}


def learn_segments(
    shop: ShopDeeds, tastes: Tastes, before: ProfileModel | None, *, seed: int = 0
) -> tuple[Segments, dict[str, float]]:
    """Groups of those who came often enough to be known. With figures."""
    known = _habits(shop)
    enough = np.flatnonzero(known.visits >= LEAST_VISITS)
    money = np.where(known.paid > 0, known.paid / np.maximum(known.visits, 1), np.nan)[enough]
    columns = tastes.space.columns
    shares = tastes.average.shares(_rows(tastes.counted, enough), shop.columns, columns)
    crowd = Crowd(tastes.vectors[enough], shares, money)
    return find_segments(crowd, tastes.space, shop.columns, tastes.average.share[columns], before, seed=seed)


def _habits(shop: ShopDeeds) -> Habits:
    today = int(local_hours(np.array([shop.end]), shop.zone)[0] // 24)
    return habits(Visits.of(shop.deeds, shop.act, shop.zone), today)


def _forecasts(
    shop: ShopDeeds, wanted: float, seed: int, half: Callable[[], None]
) -> tuple[Returning | None, NextCategory | None, dict[str, Any]]:
    horizon = horizon_of(shop.deeds, shop.act, wanted)
    if horizon < LEAST_HORIZON:
        return None, None, {"note": "the log is too short for predictions"}
    times = times_of(shop.deeds, shop.act, horizon)
    moments = [moment_at(shop.deeds, time, shop.act, shop.zone, horizon) for time in times]
    returning = learn_returning(moments, horizon, seed=seed)
    half()
    level = level_to_predict(shop.columns)
    figures: dict[str, Any] = {} if returning is None else dict(returning.figures)
    choosing = None
    if level is not None:
        code = category_codes(shop.rows, shop.columns, level)
        n = len(shop.columns.of_field(level))
        choosing, figures["next_category"] = learn_choosing(
            shop.deeds, code, n, level, times, shop.act, shop.zone, horizon, seed=seed
        )
    return returning, choosing, figures


def category_codes(rows: sp.csr_matrix, columns: TraitColumns, level: str) -> npt.NDArray[np.int64]:
    """Place of each product's category among those of a level, -1 = none. [n_products]"""
    mine = rows[:, columns.of_field(level)].tocoo()
    code = np.full(rows.shape[0], -1, np.int64)
    code[mine.row] = mine.col
    return code


def _some(counted: Tally, seed: int) -> Tally:
    """At most MOST_PEOPLE of them, drawn at random."""
    n = len(counted.total)
    if n <= MOST_PEOPLE:
        return counted
    return _rows(counted, np.sort(np.random.default_rng(seed).choice(n, MOST_PEOPLE, replace=False)))


def _rows(counted: Tally, people: npt.NDArray[np.int64]) -> Tally:
    return Tally(counted.liked[people], counted.deeds[people], counted.total[people], counted.effective[people])
