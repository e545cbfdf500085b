"""From the store's rows to what a model learns from: ids become vocabularies, events become interactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shoplens.domain.dataset import Interactions, Profiles
from shoplens.domain.events import (
    EVENT_BY_CODE,
    EVENT_CODES,
    EVENT_WEIGHTS,
    EventType,
    EventWeights,
    event_weight,
)
from shoplens.domain.people import Person
from shoplens.domain.vocabulary import Vocabulary
from shoplens.store.base import Store

MAX_CATEGORIES = 1000  # values of one categorical field that get a code of their own; the rest reads as unknown
UNTIMED_SPAN = 1_000_000  # microseconds: a log that spans less than a second has an order, but no time


@dataclass(frozen=True, slots=True)
class ShopLog:
    """Everything people did with products, before it is decided how much each kind of event says."""

    users: Vocabulary
    items: Vocabulary
    user: npt.NDArray[np.int32]  # all arrays: one entry an event
    item: npt.NDArray[np.int32]
    event_type: npt.NDArray[np.int16]  # EVENT_CODES
    value: npt.NDArray[np.float32]  # the rating, NaN without
    timestamp: npt.NDArray[np.int64]
    price: npt.NDArray[np.float32]  # per unit, in `currency`; NaN where unknown, not read or in another one
    paid: npt.NDArray[np.float32]  # price × quantity (1 where unknown), or what a purchase says it was worth; NaN else
    currency: str = ""  # that most events with a price name
    n_people: int = 0  # so many of `users`, the first, are people; the others are guests

    def __len__(self) -> int:
        return len(self.user)

    def weighed(self, weights: EventWeights = EVENT_WEIGHTS) -> Interactions:
        """As interactions; events that say nothing are left out."""
        weight = event_weight(self.event_type, self.value, weights)
        told = np.flatnonzero(weight != 0)
        timestamp = self.timestamp[told]
        return Interactions(
            self.users,
            self.items,
            self.user[told],
            self.item[told],
            weight[told],
            timestamp,
            timed=bool(len(timestamp)) and int(timestamp.max() - timestamp.min()) > UNTIMED_SPAN,
        )

    def kinds(self) -> dict[EventType, int]:
        """How often each event type occurs; those that never do are left out."""
        codes, counts = np.unique(self.event_type, return_counts=True)
        return {EVENT_BY_CODE[int(code)]: int(count) for code, count in zip(codes, counts, strict=True)}

    def before(self, moment: int) -> ShopLog:
        """What happened before `moment`, microseconds since 1970."""
        kept = np.flatnonzero(self.timestamp < moment)
        return replace(
            self,
            user=self.user[kept],
            item=self.item[kept],
            event_type=self.event_type[kept],
            value=self.value[kept],
            timestamp=self.timestamp[kept],
            price=self.price[kept],
            paid=self.paid[kept],
        )


def read_interactions(store: Store, weights: EventWeights = EVENT_WEIGHTS) -> tuple[Interactions, Profiles | None]:
    """Everything people did with products, over the whole catalogue, and what is known about the people."""
    log, profiles = read_log(store, weights)
    return log.weighed(weights), profiles


def read_log(
    store: Store, weights: EventWeights = EVENT_WEIGHTS, *, money: bool = False
) -> tuple[ShopLog, Profiles | None]:
    """The log over the whole catalogue, and what is known about the people. Event types that weigh nothing stay out.

    Guests count as people of their own (their session is the id), so that a shop without accounts can be learnt from.
    Their vocabulary ids start with "session:". `money`: what was paid is read too.
    """
    catalogue = store.catalogue.rows()
    item_of = _lookup(catalogue.row)
    telling = [EVENT_CODES[name] for name, weight in weights.items() if weight]
    people: list[Person] = []
    person_rows: list[int] = []
    for chunk in store.people.scan():
        for row, person in chunk:
            people.append(person)
            person_rows.append(row)
    user_of = _lookup(tuple(person_rows))
    users: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    item: list[npt.NDArray[np.int32]] = [np.zeros(0, np.int32)]
    kind: list[npt.NDArray[np.int16]] = [np.zeros(0, np.int16)]
    value: list[npt.NDArray[np.float32]] = [np.zeros(0, np.float32)]
    timestamp: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    price: list[npt.NDArray[np.float32]] = [np.zeros(0, np.float32)]
    quantity: list[npt.NDArray[np.float32]] = [np.zeros(0, np.float32)]
    currency: list[npt.NDArray[np.bytes_]] = [np.zeros(0, "S3")]
    for events in store.events.scan(money=money):
        known = (events.product >= 0) & ((events.person >= 0) | (events.session != 0))
        about = known & np.isin(events.event_type, telling)
        person, session = events.person[about], events.session[about]
        # Guests are told apart from people by their sign until all of them are known.
        users.append(np.where(person >= 0, user_of[np.maximum(person, 0)], -1 - (session & 0x7FFF_FFFF_FFFF_FFFF)))
        item.append(item_of[events.product[about]].astype(np.int32))
        kind.append(events.event_type[about])
        value.append(events.value[about])
        timestamp.append(events.timestamp[about])
        if events.money is not None:
            price.append(events.money.price[about])
            quantity.append(events.money.quantity[about])
            currency.append(events.money.currency[about])
    raw_user = np.concatenate(users)
    guests, guest_row = np.unique(raw_user[raw_user < 0], return_inverse=True)
    raw_user[raw_user < 0] = len(people) + guest_row
    ids = Vocabulary([*(person.user_id for person in people), *(f"session:{-1 - guest:x}" for guest in guests)])
    kinds, values = np.concatenate(kind), np.concatenate(value)
    unknown = np.full(len(kinds) if not money else 0, np.nan, np.float32)
    main, prices, paid = ("", unknown, unknown)
    if money:
        main, prices, paid = _money(
            kinds, values, np.concatenate(price), np.concatenate(quantity), np.concatenate(currency)
        )
    log = ShopLog(
        ids,
        Vocabulary(catalogue.item_id),
        raw_user.astype(np.int32),
        np.concatenate(item),
        kinds,
        values,
        np.concatenate(timestamp),
        prices,
        paid,
        main,
        len(people),
    )
    return log, build_profiles(people, len(ids))


def build_profiles(people: Iterable[Person], size: int) -> Profiles | None:
    """Fields of people as codes and numbers, padded with "unknown" to `size` rows; None when nobody has any field."""
    rows = list(people)
    texts: dict[str, dict[int, str]] = {}
    numbers: dict[str, dict[int, float]] = {}
    for row, person in enumerate(rows):
        for name, value in person.fields.items():
            if isinstance(value, str):
                texts.setdefault(name, {})[row] = value
            else:
                numbers.setdefault(name, {})[row] = float(value)
    if not texts and not numbers:
        return None
    categorical: dict[str, npt.NDArray[np.int32]] = {}
    categories: dict[str, list[str]] = {}
    for name, values in texts.items():
        known = [value for value, _ in Counter(values.values()).most_common(MAX_CATEGORIES)]
        code = {value: number for number, value in enumerate(known, start=1)}
        column = np.zeros(size, np.int32)
        for row, value in values.items():
            column[row] = code.get(value, 0)
        categorical[name], categories[name] = column, ["", *known]
    numeric: dict[str, npt.NDArray[np.float32]] = {}
    for name, measured in numbers.items():
        column_of_numbers = np.full(size, np.nan, np.float32)
        for row, number in measured.items():
            column_of_numbers[row] = number
        numeric[name] = column_of_numbers
    return Profiles(categorical, categories, numeric)


def _money(
    kind: npt.NDArray[np.int16],
    value: npt.NDArray[np.float32],
    price: npt.NDArray[np.float32],
    quantity: npt.NDArray[np.float32],
    currency: npt.NDArray[np.bytes_],
) -> tuple[str, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The currency that most prices are in, prices in it, and what was paid in it; see `ShopLog`."""
    names, counts = np.unique(currency[~np.isnan(price)], return_counts=True)
    named = names != b""
    main = bytes(names[named][np.argmax(counts[named])]) if named.any() else b""
    ours = (currency == main) | (currency == b"")
    prices = np.where(ours, price, np.nan).astype(np.float32)
    paid = prices * np.where(np.isnan(quantity), 1.0, quantity)
    worth = np.isnan(price) & (kind == EVENT_CODES[EventType.PURCHASE]) & ours
    return main.decode(), prices, np.where(worth, value, paid).astype(np.float32)


def _lookup(rows: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Array that maps a store row to its position in `rows`, -1 elsewhere. Shape [max row + 1]."""
    table = np.full(max(rows, default=0) + 1, -1, np.int64)
    table[np.asarray(rows, np.int64)] = np.arange(len(rows))
    return table
