"""A profile: facts with ids, and sentences that say which facts they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Recency, frequency, money. `scores`: 1 to 5 among the shop's people, 5 is best; empty before a training."""

    events: int
    visits: int  # days with a purchase, or with what stands for one in this shop
    first_visit: str | None  # ISO date on the shop's clock
    recency_days: float | None
    paid: float | None  # None: nothing is known of money
    basket: float | None  # mean money of a visit
    currency: str
    scores: Mapping[str, int]  # recency, frequency, monetary


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How regularly somebody comes: median days between visits with quartiles."""

    gap_days: float
    gap_low: float
    gap_high: float
    steady: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the next visit is likely: days from now with an 80 % interval.

    `high_days` None: perhaps not within `horizon_days`."""

    days: float
    low_days: float
    high_days: float | None
    date: str  # ISO
    horizon_days: float | None
    source: str  # "model", or "rhythm": the own pauses that were longer than the present one


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """The probability of no visit within the horizon, and that of the shop's people who came lately."""

    probability: float
    shop: float
    horizon_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Affinity:
    """Something that is chosen clearly more than by others. Shares are of what was chosen in that field, faded."""

    field: str
    value: str
    share: float
    low: float  # 90 % interval of the share
    high: float
    shop_share: float
    lift: float  # share / shop_share
    confidence: float  # that the share really is above the shop's
    events: int

    @property
    def id(self) -> str:
        """Its id among the facts."""
        return f"affinity:{self.field}={self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """Share of what was bought at a reduced price, beside the shop's."""

    share: float
    low: float
    high: float
    shop_share: float
    confidence: float  # that it is above the shop's
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCategory:
    """How probable it is that the next visit holds a category."""

    category: str
    probability: float

    @property
    def id(self) -> str:
        """Its id among the facts."""
        return f"next:{self.category}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InSegment:
    """The segment that fits best; `clearness`: 1 - distance to it / to the next best."""

    id: str
    name: str
    clearness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A field that the person did not tell, where the shop switched its prediction on."""

    name: str
    value: str
    probability: float
    accuracy: float  # of such predictions, cross-validated
    accuracy_low: float  # 95 % interval
    accuracy_high: float
    majority: float  # of always saying the commonest

    @property
    def id(self) -> str:
        """Its id among the facts."""
        return f"predicted:{self.name}"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the ids of the facts in it."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All that can be said of one person or guest. What cannot is None or empty, and `missing` says why."""

    user_id: str | None
    session_id: str | None
    as_of: str  # ISO moment, UTC
    bundle: str | None
    activity: Activity
    rhythm: Rhythm | None = None
    due: Due | None = None
    churn: Churn | None = None
    affinities: tuple[Affinity, ...] = ()
    discount: Discount | None = None
    hours: tuple[int, ...] = ()  # events in each hour of the day on the shop's clock; empty below five
    next_categories: tuple[NextCategory, ...] = ()
    segment: InSegment | None = None
    predicted: tuple[Predicted, ...] = ()
    missing: Mapping[str, str]  # what is not said → why
    summary: tuple[Sentence, ...] = ()

    def fact_ids(self) -> set[str]:
        """Ids of all facts that are said."""
        single = ("activity", "rhythm", "due", "churn", "discount", "hours", "segment")
        several: tuple[Affinity | NextCategory | Predicted, ...] = (
            *self.affinities,
            *self.next_categories,
            *self.predicted,
        )
        return {name for name in single if getattr(self, name)} | {one.id for one in several}

    def as_dict(self) -> dict[str, Any]:
        """For JSON: names as here, each of several facts with its `id`, numbers with six digits."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Affinity | NextCategory | Predicted):
        one: Affinity | NextCategory | Predicted = value
        return {"id": one.id, **_fields(one)}
    return _fields(value) if hasattr(value, "__slots__") else value


def _fields(value: Any) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in value.__slots__}
