"""Events over the wire."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Annotated, Any, Self

import orjson
from pydantic import Field, ValidationInfo, field_validator, model_validator

from shoplens.domain.events import PRODUCT_EVENTS, Event, EventType, context_text, says_status
from shoplens.http.wire.fields import Currency, Id, Request, RowError, ShortText, Time, microseconds

FUTURE_SECONDS = 86_400.0  # clocks differ; more than a day ahead is an error
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
NotNegative = Annotated[float, Field(ge=0, le=1e12)]


class EventIn(Request):
    """One thing that somebody did. A guest has a `session_id` and no `user_id`."""

    event_type: EventType
    user_id: Id | None = None
    session_id: Id | None = None
    item_id: Id | None = None
    timestamp: Time | None = Field(
        default=None, description="ISO 8601, or seconds, milliseconds or microseconds since 1970; UTC. Default: now."
    )
    value: Number | None = Field(default=None, description="The rating (1 to 5), or money the event was worth.")
    quantity: NotNegative | None = None
    price: NotNegative | None = None
    currency: Currency | None = None
    impression_id: Id | None = Field(default=None, description="From the answer that showed the product.")
    position: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    query: ShortText | None = None
    context: dict[str, Any] | None = None
    event_id: Id | None = Field(
        default=None, description="Your own id: sent twice, stored once (of an order_status, once for what it says)."
    )

    @field_validator("timestamp")
    @classmethod
    def _not_ahead(cls, value: datetime | None) -> datetime | None:
        if value is not None and not 0 <= microseconds(value) <= (time.time() + FUTURE_SECONDS) * 1e6:
            raise ValueError("lies before 1970 or more than a day ahead")
        return value

    @field_validator("value")
    @classmethod
    def _rated(cls, value: float | None, given: ValidationInfo) -> float | None:
        if value is not None and given.data.get("event_type") is EventType.RATING and not 1 <= value <= 5:
            raise ValueError("a rating lies between 1 and 5")
        return value

    @field_validator("context")
    @classmethod
    def _storable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            orjson.dumps(value)
        except TypeError as error:  # an integer beyond 64 bits, half a character, nested too deep
            raise ValueError(f"cannot be stored: {error}") from error
        inside: list[Any] = [value]
        while inside:
            one = inside.pop()
            if isinstance(one, float) and not math.isfinite(one):
                raise ValueError("cannot be stored: NaN and Infinity are no JSON")
            inside.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.user_id is None and self.session_id is None:
            raise ValueError("say who it was: user_id, or session_id for a guest")
        if self.item_id is None and self.event_type in PRODUCT_EVENTS:
            raise ValueError(f"a {self.event_type.value} is about a product: item_id is missing")
        if self.event_type is EventType.ORDER_STATUS and not says_status(self.context):
            raise ValueError(
                'an order_status says which order is what: {"order_id": "…", "status": "shipped"} in context'
            )
        return self

    def to_event(self, received: int, event_id: str | None = None) -> Event:
        """As the shop knows it. `received`: microseconds, used when the sender gave no time."""
        return Event(
            event_type=self.event_type,
            timestamp=microseconds(self.timestamp) if self.timestamp is not None else received,
            user_id=self.user_id,
            session_id=self.session_id,
            item_id=self.item_id,
            value=self.value,
            quantity=self.quantity,
            price=self.price,
            currency=self.currency,
            impression_id=self.impression_id,
            position=self.position,
            query=self.query,
            context=context_text(self.context or {}),
            event_id=self.event_id or event_id,
        )


class EventsAnswer(Request):
    """What became of the events. Duplicates were known already; nothing changed."""

    stored: int
    duplicates: int


class EventsBulkAnswer(EventsAnswer):
    """What became of each row."""

    refused: int
    errors: list[RowError]
