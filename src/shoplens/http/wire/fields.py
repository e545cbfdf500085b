"""Types that several requests share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\ufffd]+$"
TEXT_PATTERN = r"^[^\x00]*$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
#: What a pattern asks for, in words.
PATTERNS = {
    ID_PATTERN: "an id has no control characters and no replacement characters (U+FFFD: text decoded wrongly)",
    TEXT_PATTERN: "a text has no NUL characters",
    CURRENCY_PATTERN: "a currency is three capital letters (ISO 4217), such as EUR",
}

#: An id as the shop gives it: any script, no control characters, nothing that was decoded wrongly.
Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=ID_PATTERN)]
#: A text without NUL, which databases refuse.
Text = Annotated[str, StringConstraints(max_length=200_000, pattern=TEXT_PATTERN)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=TEXT_PATTERN)]
ShortText = Annotated[str, StringConstraints(max_length=2_000, pattern=TEXT_PATTERN)]
Currency = Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)]


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


#: Documents the error answers that every route may give.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": Problem,
        "description": "The request cannot be answered; `detail` says why.",
        "content": {"application/problem+json": {}},
    },
    "5XX": {
        "model": Problem,
        "description": "The service failed; `request_id` finds the reason in its log.",
        "content": {"application/problem+json": {}},
    },
}
