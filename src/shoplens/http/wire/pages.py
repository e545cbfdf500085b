"""Pages of lists: the answer's `cursor` is sent as `cursor` for what comes after it, the same way everywhere.

A cursor names the keys that the last one of a page was sorted by, so that a page neither repeats nor leaves out what
did not move, whatever comes or goes between. Search has its own (`apps.search.paging`), which knows what was shown.
"""

from __future__ import annotations

import base64
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints

from shoplens.errors import InputError

LONGEST = 2_000  # letters
Key = str | int | float
#: What a request sends.
Cursor = Annotated[
    str, StringConstraints(max_length=LONGEST), Field(description="Of the answer before: what comes after it.")
]
#: What an answer tells.
Next = Annotated[str | None, Field(description="For the next page; null when this is the last.")]


def encode(of: str, *keys: Key) -> str:
    """The cursor behind the one with these keys, in the list of this name."""
    return base64.urlsafe_b64encode(orjson.dumps([of, *keys])).decode().rstrip("=")


def decode(cursor: str, of: str, *kinds: type[Key]) -> tuple[Key, ...]:
    """Its keys, of these types. InputError for what is no cursor of this list."""
    try:
        told = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except ValueError:
        told = None
    match = isinstance(told, list) and told[:1] == [of] and [type(one) for one in told[1:]] == list(kinds)
    if not match or any(type(one) is int and abs(one) >= 2**63 for one in told[1:]):
        raise InputError("cursor: this is none that an answer of this list gave; start again without a cursor")
    return tuple(told[1:])
