"""What somebody did lately, in the row numbers of a trained bundle: what a model reads, and what rules must know."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoplens.domain.dataset import Histories
from shoplens.domain.events import EVENT_WEIGHTS, MICROSECONDS_PER_DAY, Event, EventType, EventWeights
from shoplens.domain.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing done with a product, and how much it says."""

    item_id: str
    event_type: EventType
    weight: float  # preference in [-1, 1]
    age_days: float


@dataclass(frozen=True, slots=True)
class Past:
    """Deeds of one person or guest, oldest first."""

    deeds: tuple[Deed, ...] = ()
    profile: int = -1
    now: int | None = None  # moment of the request, microseconds since 1970

    @classmethod
    def of(
        cls,
        events: Sequence[Event],
        *,
        now: int | None = None,
        profile: int = -1,
        weights: EventWeights = EVENT_WEIGHTS,
    ) -> Past:
        """From events as the store gives them; what says nothing about a preference is left out.

        `weights`: those that the models which read this were trained with.
        """
        moment = now if now is not None else int(time.time() * 1e6)
        deeds = []
        for event in events:
            if event.item_id is None:
                continue
            weight = weights[event.event_type]
            if event.event_type is EventType.RATING and event.value is not None:
                weight *= min(1.0, max(-1.0, (event.value - 3.0) / 2.0))  # as in domain.events.event_weight
            if weight or event.event_type is EventType.RATING:
                age = max(0.0, (moment - event.timestamp) / MICROSECONDS_PER_DAY)
                deeds.append(Deed(event.item_id, event.event_type, weight, age))
        return cls(tuple(deeds), profile, moment)

    @property
    def disliked(self) -> set[str]:
        """Products whose latest deed says no: refunded, taken out of the cart, rated below the middle."""
        last = {deed.item_id: deed for deed in self.deeds}
        return {item for item, deed in last.items() if deed.weight < 0}

    @property
    def seen(self) -> set[str]:
        """All products in the history."""
        return {deed.item_id for deed in self.deeds}

    def histories(self, items: Vocabulary, stand_ins: dict[str, tuple[tuple[int, float], ...]]) -> Histories:
        """The history in rows of `items`. A product that came after training stands in through its nearest known
        products, `stand_ins`: item_id → (row, share) with shares that sum to at most 1."""
        rows: list[int] = []
        weights: list[float] = []
        ages: list[float] = []
        for deed in self.deeds:
            row = items.get(deed.item_id)
            if row >= 0:
                rows.append(row)
                weights.append(deed.weight)
                ages.append(deed.age_days)
                continue
            for near, share in stand_ins.get(deed.item_id, ()):
                rows.append(near)
                weights.append(deed.weight * share)
                ages.append(deed.age_days)
        return Histories.of_one(
            np.array(rows, np.int32), np.array(weights, np.float32), np.array(ages, np.float32), self.profile, self.now
        )
