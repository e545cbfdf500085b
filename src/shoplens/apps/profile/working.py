"""From deeds to numbers, for any number of people at once: one person of a request and everybody of an export are
worked out by the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shoplens.domain.events import Event, EventType, EventWeights
from shoplens.models.profile import Deeds, ProfileModel
from shoplens.models.profile.affinity import Affinities, ShopAverage, Tally, affinities, tally
from shoplens.models.profile.categories import Pairs, pairs
from shoplens.models.profile.deeds import local_hours, spoken
from shoplens.models.profile.fields import field_features
from shoplens.models.profile.habits import Habits, Visits, features, habits
from shoplens.models.profile.segments import Segments
from shoplens.models.profile.space import TasteSpace
from shoplens.models.profile.traits import DEED_FIELDS, OFFER, PriceBands, TraitColumns, traits_of
from shoplens.recommend.shelf import Shelf

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Worked:
    """Numbers of some people at one moment; arrays have one entry a person where not said otherwise."""

    model: ProfileModel
    deeds: Deeds
    now: int
    visits: Visits
    habits: Habits
    tally: Tally
    affinities: Affinities  # one entry each
    features: Floats  # [n, …], see `habits.FEATURES`
    vectors: Floats  # [n, size]
    segment: npt.NDArray[np.int64]  # place, -1 = none
    clearness: Floats
    churn: Floats  # NaN where nothing is predicted
    due: Floats | None  # [n, 3] days
    reduced: Floats  # weight of what was bought at a reduced price
    priced: npt.NDArray[np.int64]  # choices whose usual price is known

    @property
    def today(self) -> int:
        """Day on the shop's clock, since 1970."""
        return int(local_hours(np.array([self.now]), self.model.zone)[0] // 24)


def work_out(model: ProfileModel, deeds: Deeds, rows: sp.csr_matrix, now: int) -> Worked:
    """`rows`: traits of products by the numbers in `deeds.item`. What was done after `now` is left out."""
    deeds = deeds.before(now + 1)
    visits = Visits.of(deeds, model.act, model.zone)
    today = int(local_hours(np.array([now]), model.zone)[0] // 24)
    known = habits(visits, today)
    counted = tally(deeds, rows, model.columns, now=now + 1, zone=model.zone)
    seen = features(deeds, now + 1, model.act, model.zone)
    vectors = model.space.vectors(counted, model.average, model.columns)
    segment, clearness = model.segments.nearest(vectors)
    churn = np.full(len(deeds), np.nan)
    if model.churn is not None:
        churn = model.churn.probability(seen)
    due = None if model.due is None else model.due.days(seen)
    return Worked(
        model,
        deeds,
        now,
        visits,
        known,
        counted,
        affinities(counted, model.average, model.columns),
        seen,
        vectors,
        segment,
        clearness,
        churn,
        due,
        _of_column(counted.liked, model.columns.number.get((OFFER, DEED_FIELDS[OFFER][1]))),
        np.asarray(counted.deeds[:, model.columns.of_field(OFFER)].sum(axis=1)).ravel().astype(np.int64),
    )


def _of_column(values: sp.csr_matrix, column: int | None) -> Floats:
    """[n]; zeros where there is no such column."""
    return np.zeros(values.shape[0]) if column is None else np.asarray(values[:, [column]].toarray()).ravel()


@dataclass(frozen=True, slots=True)
class Candidates:
    """What each person may choose next, person by person, and how probable each is."""

    pairs: Pairs
    chance: Floats  # [n_pairs]


def category_pairs(worked: Worked, rows: sp.csr_matrix) -> Candidates | None:
    """What each person may choose next; None without a model of that."""
    chosen = worked.model.next_category
    if chosen is None:
        return None
    mine = rows[:, worked.model.columns.of_field(chosen.field)].tocoo()
    code = np.full(rows.shape[0], -1, np.int64)
    code[mine.row] = mine.col
    found = pairs(worked.deeds, code, chosen.popular, worked.now + 1, worked.model.act, worked.model.zone)
    return Candidates(found, chosen.probability(found.features))


def person_features(worked: Worked, k: int) -> Floats:
    """What predicted fields read of person k. [1, …]"""
    return field_features(worked.vectors[k : k + 1], worked.features[k : k + 1])


def products_of(shelf: Shelf, model: ProfileModel, item_ids: Sequence[str]) -> sp.csr_matrix:
    """Traits of products as the catalogue has them now. [len(item_ids), n_columns]"""
    facts = shelf.facts
    prices = facts.columns.price
    said, look = [], usual_price(shelf, model)
    for item_id in item_ids:
        row = facts.row(item_id)
        category, usual = facts.category_path_of(row), look(item_id)
        price = usual if usual > 0 else float(prices[row])
        said.append(traits_of(category, facts.brand_of(row), price, facts.attributes_of(row), model.bands))
    return model.columns.rows(said)


def usual_price(shelf: Shelf, model: ProfileModel) -> Callable[[str], float]:
    """item_id → its usual price as training saw it; what it costs now where that is not known. NaN without either."""
    trained = shelf.learned.items if shelf.learned is not None else None
    prices = shelf.facts.columns.price

    def look(item_id: str) -> float:
        row = trained.get(item_id) if trained is not None and len(model.usual) else -1
        known = float(model.usual[row]) if row >= 0 else np.nan
        return known if known > 0 else float(prices[shelf.facts.row(item_id)])

    return look


def deeds_of(
    shelf: Shelf, model: ProfileModel, histories: Sequence[Sequence[Event]], weights: EventWeights
) -> tuple[Deeds, list[str]]:
    """Deeds of some people, and the item_ids that their numbers stand for."""
    numbers: dict[str, int] = {}
    deeds = Deeds.of_events(
        histories,
        lambda item_id: numbers.setdefault(item_id, len(numbers)),
        usual_price(shelf, model),
        weights,
        model.currency,
    )
    return deeds, list(numbers)


def unlearnt(history: Sequence[Event], zone: str) -> ProfileModel:
    """What can be worked out of one history before any training: nothing that compares or predicts."""
    kinds: dict[EventType, int] = {}
    for event in history:
        kinds[event.event_type] = kinds.get(event.event_type, 0) + 1
    currencies = [event.currency for event in history if event.currency]
    nothing = np.zeros(0)
    return ProfileModel(
        act=spoken(kinds),
        zone=zone,
        currency=max(set(currencies), key=currencies.count) if currencies else "",
        columns=TraitColumns.of([]),
        bands=PriceBands(),
        usual=np.zeros(0, np.float32),
        average=ShopAverage(nothing, nothing),
        edges={},
        space=TasteSpace(np.zeros(0, np.int64), nothing, np.zeros((0, 0))),
        segments=Segments((), np.zeros((0, 0)), np.zeros((0, 0))),
    )
