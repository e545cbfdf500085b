"""What people did: one event, and many events as columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.errors import ConfigurationError

MICROSECONDS_PER_DAY = 86_400_000_000


class EventType(StrEnum):
    """What a person can do. The values are what files and the API say."""

    VIEW = "view"
    CLICK = "click"
    IMPRESSION = "impression"
    SEARCH = "search"
    CART = "cart"
    REMOVE_FROM_CART = "remove_from_cart"
    CHECKOUT = "checkout"
    PURCHASE = "purchase"
    REFUND = "refund"
    RATING = "rating"
    COMMENT = "comment"
    SHARE = "share"
    WISHLIST = "wishlist"
    ORDER_STATUS = "order_status"  # what became of an order: the shop says it, nobody did it


#: Small codes for storage and arrays; append only, never renumber.
EVENT_CODES: dict[EventType, int] = {kind: code for code, kind in enumerate(EventType, start=1)}
EVENT_BY_CODE: dict[int, EventType] = {code: kind for kind, code in EVENT_CODES.items()}

EventWeights = Mapping[EventType, float]

#: How much one event says that a person wants the product, unless the shop says otherwise. Negative: the opposite.
EVENT_WEIGHTS: dict[EventType, float] = {
    EventType.VIEW: 0.3,
    EventType.CLICK: 0.4,
    EventType.IMPRESSION: 0.0,
    EventType.SEARCH: 0.0,
    EventType.CART: 0.7,
    EventType.REMOVE_FROM_CART: -0.5,
    EventType.CHECKOUT: 0.0,
    EventType.PURCHASE: 1.0,
    EventType.REFUND: -1.0,
    EventType.RATING: 1.0,  # scaled by the rating itself, see `event_weight`
    EventType.COMMENT: 0.5,
    EventType.SHARE: 0.7,
    EventType.WISHLIST: 0.7,
    EventType.ORDER_STATUS: 0.0,
}

#: Events that are about a product; the others may come without an `item_id`.
PRODUCT_EVENTS = frozenset(EventType) - {EventType.SEARCH, EventType.CHECKOUT, EventType.ORDER_STATUS}

#: What the context of an order's status must say: {"order_id": "7000123", "status": "shipped"}.
ORDER_STATUS_FIELDS = ("order_id", "status")


def says_status(said: object) -> bool:
    """Whether a context says of which order what became: texts that are not blank, of the order also a number."""
    if not isinstance(said, Mapping):
        return False
    order, status = (said.get(name) for name in ORDER_STATUS_FIELDS)
    numbered = isinstance(order, int) and not isinstance(order, bool)
    return (numbered or _is_text(order)) and _is_text(status)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and any(one.isprintable() and not one.isspace() for one in value)


#: What else a context may say of a delivery → what shops and carriers call it.
DELIVERY_FIELDS: Mapping[str, tuple[str, ...]] = {
    "carrier": ("carrier", "shipping_carrier", "tracking_company"),
    "tracking": ("tracking_number", "tracking", "tracking_id", "tracking_code"),
    "link": ("tracking_url", "tracking_link"),
    "expected": ("expected_delivery", "expected", "estimated_delivery", "delivery_date", "eta"),
}


def context_text(said: Mapping[str, Any]) -> str | None:
    """A context in its one spelling, so that the same said twice is one event: sorted names, nothing that is null.
    None where nothing is left."""
    told = _without_nulls(said)
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if told else None


def one_spelling(text: str) -> str | None:
    """A context that is text in the spelling of `context_text`; what is no JSON object stays as it is."""
    try:
        said = json.loads(text)
        told = context_text(said) if isinstance(said, dict) else text
        return None if told is None else told.encode().decode()  # half a character is no text
    except (ValueError, RecursionError):
        return text


def _without_nulls(said: Any) -> Any:
    if isinstance(said, Mapping):
        return {name: _without_nulls(one) for name, one in said.items() if one is not None}
    return [_without_nulls(one) for one in said] if isinstance(said, list) else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that somebody did. A guest has a `session_id` and no `user_id`."""

    event_type: EventType
    timestamp: int  # microseconds since 1970, UTC
    user_id: str | None = None
    session_id: str | None = None
    item_id: str | None = None
    value: float | None = None  # the rating, or money the event was worth
    quantity: float | None = None  # units
    price: float | None = None  # per unit, in `currency`
    currency: str | None = None  # ISO 4217
    impression_id: str | None = None
    position: int | None = None  # place in the list that was shown, first = 1
    query: str | None = None
    context: str | None = None  # JSON object of whatever else the source said
    event_id: str | None = None  # the source's own id, when it has one

    @property
    def key(self) -> int:
        """Signed 64-bit identity: the same event taken in twice has the same key.

        Hash of the source's own id when there is one, else of what happened. With 10^8 events the chance that any
        two different ones share a key is below 0.03 % (birthday bound).
        """
        return event_key(self)

    @property
    def when(self) -> datetime:
        """Time as a datetime, UTC."""
        return datetime.fromtimestamp(self.timestamp / 1e6, UTC)


def event_key(event: Event) -> int:
    """Identity of an event, see `Event.key`."""
    if event.event_id:
        parts: tuple[object, ...] = ("id", event.event_id, event.item_id)  # one order id covers several products
    else:
        parts = (
            event.event_type.value,
            event.timestamp,
            event.user_id,
            event.session_id,
            event.item_id,
            event.value,
            event.quantity,
            event.price,
            event.query,
            event.position,
        )
    if event.event_type is EventType.ORDER_STATUS:  # all that it says is in its context
        parts = (*parts, event.context and one_spelling(event.context))
    return key_of_text("\x1f".join("" if part is None else str(part) for part in parts))


def key_of_text(text: str) -> int:
    """Stable signed 64-bit hash of a text (BLAKE2b)."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


@dataclass(slots=True)
class EventBatch:
    """Many events as columns of equal length, named as in `Event`, plus `key`. Plain lists, so that nothing is copied
    between the reader, the checks and the database driver."""

    key: list[int] = field(default_factory=list)
    event_type: list[int] = field(default_factory=list)  # EVENT_CODES
    timestamp: list[int] = field(default_factory=list)
    user_id: list[str | None] = field(default_factory=list)
    session_id: list[str | None] = field(default_factory=list)
    item_id: list[str | None] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    quantity: list[float | None] = field(default_factory=list)
    price: list[float | None] = field(default_factory=list)
    currency: list[str | None] = field(default_factory=list)
    impression_id: list[str | None] = field(default_factory=list)
    position: list[int | None] = field(default_factory=list)
    query: list[str | None] = field(default_factory=list)
    context: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.key)

    def append(self, event: Event) -> None:
        """Add one event."""
        self.key.append(event.key)
        self.event_type.append(EVENT_CODES[event.event_type])
        for column in fields(self)[2:]:
            getattr(self, column.name).append(getattr(event, column.name))

    def rows(self) -> Iterator[tuple[object, ...]]:
        """One tuple an event, in the order of the columns above."""
        return zip(*(getattr(self, column.name) for column in fields(self)), strict=True)


@dataclass(frozen=True, slots=True)
class MoneyColumns:
    """What events say of money, one entry an event."""

    quantity: npt.NDArray[np.float32]  # units; NaN when absent
    price: npt.NDArray[np.float32]  # per unit; NaN when absent
    currency: npt.NDArray[np.bytes_]  # ISO 4217 as S3; empty when absent


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events read back for learning, ids already replaced by the store's row numbers. All arrays have one length."""

    sequence: npt.NDArray[np.int64]  # order of arrival; scan(after=sequence[-1]) continues
    person: npt.NDArray[np.int64]  # store row of the person, -1 for a guest
    session: npt.NDArray[np.int64]  # for a guest: key_of_text(session_id); 0 for a known person
    product: npt.NDArray[np.int64]  # store row of the product, -1 when the event has none
    event_type: npt.NDArray[np.int16]  # EVENT_CODES
    timestamp: npt.NDArray[np.int64]  # microseconds since 1970, UTC
    value: npt.NDArray[np.float32]  # NaN when absent
    money: MoneyColumns | None = None  # only where it was asked for

    def __len__(self) -> int:
        return len(self.sequence)


def event_weights(changes: Mapping[str, float] | None = None) -> dict[EventType, float]:
    """The weight of every event type: `EVENT_WEIGHTS` with `changes` (type → weight within [-1, 1]).

    ConfigurationError names an event type that does not exist or a weight out of range, and what is allowed.
    """
    weights = dict(EVENT_WEIGHTS)
    for name, weight in (changes or {}).items():
        if name not in tuple(EventType):  # Python 3.11 refuses to look for a plain text in the enum itself
            raise ConfigurationError(
                f"event_weights: there is no event type {name!r}; the types are {', '.join(EventType)}"
            )
        if not -1 <= weight <= 1:  # NaN too
            raise ConfigurationError(f"event_weights: {name} is {weight}; write a number from -1 to 1")
        weights[EventType(name)] = float(weight)
    return weights


def event_weight(
    event_type: npt.NDArray[np.int16], value: npt.NDArray[np.float32], weights: EventWeights = EVENT_WEIGHTS
) -> npt.NDArray[np.float32]:
    """Preference expressed by each event, in about [-1, 1].

    A rating is centred: 1 star of 5 counts -1, 3 stars 0, 5 stars +1; ratings are read on the scale of 1 to 5.
    """
    table = np.zeros(max(EVENT_BY_CODE) + 1, np.float32)
    for kind, weight in weights.items():
        table[EVENT_CODES[kind]] = weight
    result = table[event_type]
    rated = event_type == EVENT_CODES[EventType.RATING]
    scaled = np.where(np.isnan(value), 1.0, np.clip((value - 3.0) / 2.0, -1.0, 1.0))
    return np.where(rated, result * scaled, result).astype(np.float32)
