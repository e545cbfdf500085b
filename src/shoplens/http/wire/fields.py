"""Types that several requests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shoplens.domain.experiments import NAME
from shoplens.domain.moments import EPOCH, told
from shoplens.service.keyring import NAME as KEY_NAME

ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\ufffd]*[^\x00-\x20\x7f-\xa0\u3000\ufffd][^\x00-\x1f\x7f-\x9f\ufffd]*$"
TEXT_PATTERN = r"^[^\x00]*$"
SAID_PATTERN = r"^[^\x00]*[^\x00\s][^\x00]*$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
NAME_PATTERN = f"^{NAME.pattern}$"
PROPOSAL_PATTERN = r"^[0-9a-f]{32}$"
DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
KEY_NAME_PATTERN = f"^{KEY_NAME.pattern}$"
SERIES_PATTERN = r"^(all|(topic|product|entity|aspect):[^\x00-\x1f\x7f-\x9f]+)$"
#: What a pattern asks for, in words.
PATTERNS = {
    ID_PATTERN: "an id is not blank, has no control characters and no replacement characters (U+FFFD: decoded wrongly)",
    TEXT_PATTERN: "a text has no NUL characters",
    SAID_PATTERN: "is not blank, and has no NUL characters",
    NAME_PATTERN: "names are small letters, digits, - and _, at most 64, and do not begin with - or _",
    PROPOSAL_PATTERN: "a proposal_id is 32 digits and letters from a to f, as GET /v1/attributes/proposals names it",
    DAY_PATTERN: "a day is written as 2026-11-27",
    KEY_NAME_PATTERN: "names are letters, digits, '.', '-' and '_', at most 64",
    SERIES_PATTERN: "a series is all, topic:NAME, product:ID, entity:NAME or aspect:NAME (see GET /v1/opinions/series)",
    CURRENCY_PATTERN: "a currency is three capital letters (ISO 4217), such as EUR",
}

#: An id as the shop gives it: any script, no control characters, nothing that was decoded wrongly.
Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=ID_PATTERN)]
#: A text without NUL, which databases refuse.
Text = Annotated[str, StringConstraints(max_length=200_000, pattern=TEXT_PATTERN)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=TEXT_PATTERN)]
ShortText = Annotated[str, StringConstraints(max_length=2_000, pattern=TEXT_PATTERN)]
#: Header `Idempotency-Key`: what is sent again with it changes nothing.
SentBefore = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
Currency = Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)]

#: A time that is told, always in this form: RFC 3339 in UTC. Made of what `domain.moments.told` takes.
Told = Annotated[str, BeforeValidator(told), Field(json_schema_extra={"format": "date-time"})]

MICROSECONDS = range(10**14, 10**17)  # numbers that are no seconds or milliseconds of this age: as logs have them


def _sent(value: Any) -> Any:
    """A number of microseconds as a time; all else as it is, for pydantic: ISO 8601, seconds, milliseconds."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, int) and number in MICROSECONDS:
        return EPOCH + timedelta(microseconds=number)
    return value


#: A time that is sent: ISO 8601 (UTC where it names no zone), or seconds, milliseconds or microseconds since 1970.
Time = Annotated[datetime, BeforeValidator(_sent)]


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


class Request(BaseModel):
    """Base of what comes in: an unknown field is a mistake that should be heard of."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Problem(BaseModel):
    """RFC 9457: what went wrong and what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    request_id: str | None = None
    errors: list[FieldError] | None = None


class FieldError(BaseModel):
    """One field that could not be used."""

    field: str
    reason: str


class RowError(BaseModel):
    """One row of a bulk request that was refused; the others were taken."""

    line: int
    field: str
    reason: str


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}  # by http/openapi.py
#: Documents the error answers that every route may give: status → OpenAPI's description.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": _PROBLEM}
    for status, description in {
        400: "The body is not what its content type says.",
        401: "A key is needed.",
        403: "The key's role does not reach.",
        404: "There is no such person, product, bundle or experiment.",
        408: "The body did not arrive in time.",
        409: "What is asked for contradicts what there is.",
        413: "The body is too large; send it in parts.",
        415: "The body has a content type that is not read here.",
        422: "A value cannot be used; `errors` says which, and why.",
        429: "Asked too often; `Retry-After` says when to ask again.",
        500: "The service failed; its log has the reason under `request_id`.",
        501: "An optional part is not installed.",
        502: "A service elsewhere answered what cannot be right.",
        503: "Not now: too busy, or the database or a service elsewhere is away. Ask again after `Retry-After`.",
    }.items()
}
