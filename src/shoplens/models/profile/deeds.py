"""What some people did with products, as arrays: the one thing that all parts of a profile are worked out from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from shoplens.domain.events import EVENT_CODES, Event, EventType, EventWeights, event_weight

SPEAK = (EventType.PURCHASE, EventType.CART, EventType.VIEW, EventType.CLICK)  # acts: the first kind that a log has
ON_OFFER = 0.05  # share below the usual price from which a price counts as reduced
HOUR = 3_600_000_000  # microseconds
HALF_HOUR = HOUR // 2


@dataclass(frozen=True, slots=True)
class Deeds:
    """Deeds of people 0 … n-1, each person's together and oldest first; all arrays but `indptr` have one length."""

    indptr: npt.NDArray[np.int64]  # [n_people + 1]
    item: npt.NDArray[np.int64]  # number of the product, in whatever numbering the caller uses
    kind: npt.NDArray[np.int16]  # EVENT_CODES
    time: npt.NDArray[np.int64]  # microseconds since 1970, UTC
    weight: npt.NDArray[np.float32]  # preference in [-1, 1]
    paid: npt.NDArray[np.float32]  # money of the deed, in the shop's currency; NaN unknown
    discount: npt.NDArray[np.float32]  # share below the usual price, negative above it; NaN unknown

    @classmethod
    def of(
        cls,
        person: npt.NDArray[Any],
        n_people: int,
        *,
        item: npt.NDArray[Any],
        kind: npt.NDArray[np.int16],
        time: npt.NDArray[np.int64],
        weight: npt.NDArray[np.float32],
        paid: npt.NDArray[np.float32],
        price: npt.NDArray[np.float32],
        usual: npt.NDArray[np.float32],
    ) -> Self:
        """From columns in any order; `usual`: the usual unit price of each deed's product, NaN unknown."""
        order = np.lexsort((time, person))
        indptr = np.searchsorted(person[order], np.arange(n_people + 1)).astype(np.int64)
        with np.errstate(invalid="ignore", divide="ignore"):
            discount = np.where(usual > 0, 1 - price / usual, np.nan).astype(np.float32)
        columns: tuple[npt.NDArray[Any], ...] = (item.astype(np.int64), kind, time, weight, paid, discount)
        return cls(indptr, *(column[order] for column in columns))

    @classmethod
    def of_events(
        cls,
        histories: Sequence[Sequence[Event]],
        number: Callable[[str], int],
        usual: Callable[[str], float],
        weights: EventWeights,
        currency: str,
    ) -> Self:
        """From events as the store gives them, one sequence a person; what is about no product is left out.

        `number` and `usual` say the number and usual price of an item_id.
        """
        rows = [
            (person, event)
            for person, history in enumerate(histories)
            for event in history
            if event.item_id is not None and weights[event.event_type]
        ]
        kind = np.array([EVENT_CODES[event.event_type] for _, event in rows], np.int16)
        value = _floats(event.value for _, event in rows)
        money = [_money(event, currency) for _, event in rows]
        names = [event.item_id or "" for _, event in rows]
        return cls.of(
            np.array([person for person, _ in rows], np.int64),
            len(histories),
            item=np.array([number(name) for name in names], np.int64),
            kind=kind,
            time=np.array([event.timestamp for _, event in rows], np.int64),
            weight=event_weight(kind, value, weights),
            paid=_floats(paid for _, paid in money),
            price=_floats(price for price, _ in money),
            usual=_floats(usual(name) for name in names),
        )

    def __len__(self) -> int:
        """How many people."""
        return len(self.indptr) - 1

    @property
    def person(self) -> npt.NDArray[np.int64]:
        """Whose each deed is."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def keep(self, mask: npt.NDArray[np.bool_]) -> Deeds:
        """Some of the deeds, of the same people."""
        indptr = np.concatenate([[0], np.cumsum(mask)])[self.indptr].astype(np.int64)
        return Deeds(indptr, *(getattr(self, column.name)[mask] for column in fields(self)[1:]))

    def before(self, moment: int) -> Deeds:
        """What was done before a moment, microseconds since 1970."""
        return self.keep(self.time < moment)

    def of_people(self, start: int, stop: int) -> Deeds:
        """The deeds of people start … stop-1, who become people 0 …"""
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        rest = (getattr(self, column.name)[low:high] for column in fields(self)[1:])
        return Deeds(self.indptr[start : stop + 1] - low, *rest)

    def acts(self, kind: EventType) -> npt.NDArray[np.bool_]:
        """Which deeds are acts: purchases, or what stands for them in a log without any."""
        return np.asarray(self.kind == EVENT_CODES[kind])

    def returns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Places of all refunds, and of the purchase that each gives back: the latest of that product before it that no
        other gives back, -1 = none that is known."""
        back = np.flatnonzero(self.acts(EventType.REFUND))
        bought = np.full(len(back), -1, np.int64)
        if not len(back):
            return back, bought
        whose, open_still = self.person, self.acts(EventType.PURCHASE)
        for number, place in enumerate(back.tolist()):  # refunds are few
            start = int(self.indptr[whose[place]])
            mine = np.flatnonzero(open_still[start:place] & (self.item[start:place] == self.item[place]))
            if len(mine):
                bought[number] = start + mine[-1]
                open_still[bought[number]] = False
        return back, bought

    def strongest(self, code: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.bool_]:
        """Which deed speaks for each person, day (on the shop's clock) and code: the one that weighs most.

        What somebody looks at, puts in the cart and buys on one day is one choice and not three."""
        day = local_hours(self.time, zone) // 24
        day = day - day.min(initial=0)
        key = (self.person * (int(day.max(initial=0)) + 1) + day) * (int(code.max(initial=0)) + 1) + code
        order = np.lexsort((-self.weight, key))
        ordered, found = key[order], np.zeros(len(key), np.bool_)
        found[order[np.flatnonzero(np.diff(ordered, prepend=-1))]] = True
        return found

    def ages(self, now: int, longest: int) -> npt.NDArray[np.int64]:
        """Microseconds from each deed to `now`, where a person's pause between two deeds counts at most `longest`: who
        was away for years and looks at one thing is still who they were."""
        if not len(self.time):
            return self.time
        until = np.append(self.time[1:], now)
        last = self.indptr[1:][np.diff(self.indptr) > 0] - 1
        until[last] = now
        passed = np.cumsum(np.minimum(until - self.time, longest))  # may wrap around; differences do not
        end = np.zeros(len(self), np.int64)
        end[np.diff(self.indptr) > 0] = passed[last]
        return np.asarray(end[self.person] - passed + np.minimum(until - self.time, longest))

    def offers(self) -> npt.NDArray[np.int8]:
        """1 where the price was reduced, 0 where it was not, -1 unknown."""
        known = np.where(self.discount >= ON_OFFER, 1, 0)
        return np.where(np.isnan(self.discount), -1, known).astype(np.int8)


def distinct(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each once, ascending. `np.unique` hashes since numpy 2.3: with a million keys fifty times as slow as to sort."""
    ordered = np.sort(keys)
    fresh = np.ones(len(ordered), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def spoken(kinds: Mapping[EventType, int]) -> EventType:
    """What stands for a visit that counts in a log with so many events of each kind."""
    return next((kind for kind in SPEAK if kinds.get(kind)), EventType.PURCHASE)


def local_hours(time: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Hours since 1970 on the shop's clock; the difference to UTC is looked up once for each half hour. [len(time)]"""
    if zone == "UTC" or not len(time):
        return time // HOUR
    halves, place = np.unique(time // HALF_HOUR, return_inverse=True)  # clocks change at full or half hours of UTC
    clock = ZoneInfo(zone)
    offsets = [datetime.fromtimestamp(half * 1_800, UTC).astimezone(clock).utcoffset() for half in halves.tolist()]
    seconds = np.array([0.0 if one is None else one.total_seconds() for one in offsets])
    return np.asarray((time + (seconds * 1e6).astype(np.int64)[place]) // HOUR)


def _money(event: Event, currency: str) -> tuple[float | None, float | None]:
    """Unit price and what was paid, in the shop's currency; see `service.dataset.ShopLog`."""
    if event.currency and currency and event.currency != currency:
        return None, None
    if event.price is None:
        return None, event.value if event.event_type is EventType.PURCHASE else None
    return event.price, event.price * (1.0 if event.quantity is None else event.quantity)


def _floats(values: Any) -> npt.NDArray[np.float32]:
    return np.array([np.nan if value is None else value for value in values], np.float32)
