"""How a time is told: one form, over HTTP, in `--json` and in what is sent elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@overload
def told(moment: None) -> None: ...
@overload
def told(moment: int | datetime | str) -> str: ...
def told(moment: int | datetime | str | None) -> str | None:
    """A time as RFC 3339 in UTC, such as `2026-01-31T09:30:00Z`; nothing is rounded.

    `moment`: microseconds since 1970, a datetime (UTC where it names no zone), or ISO 8601 as a manifest keeps it;
    what is no time (an old manifest may say none: "") stays as it is, and so does None.
    """
    if isinstance(moment, int):
        moment = EPOCH + timedelta(microseconds=moment)
    elif isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return str(moment)
    if moment is None:
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")
