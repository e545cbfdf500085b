"""Dates of product feeds, one at a time: ISO 8601, RSS (RFC 2822), seconds since 1970, day first, Chinese."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_PLAIN = (
    (re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?=\D|$)"), (1, 2, 3)),
    (re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日?"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?=\D|$)"), (3, 2, 1)),
)
_ZONE_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")
_NUMBER = re.compile(r"\d{9,19}(?:\.\d+)?")


def parse_date(text: str) -> datetime | None:
    """A moment in UTC; a time without a zone is taken as UTC. None when it cannot be read: 03/04/2024 is March in the
    United States and April elsewhere."""
    original = text = text.strip()
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"(?:19|20)\d{12}", text):
        return _of_epoch(float(text))
    for pattern, order in _PLAIN:
        if match := pattern.match(text):
            year, month, day = (int(match[group]) for group in order)
            text = f"{year:04}-{month:02}-{day:02}{text[match.end() :]}"
            break
    text = _ZONE_WITHOUT_COLON.sub(r"\1:\2", text) if ":" in text or "T" in text else text
    text = text.replace(" UTC", "+00:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment_or_none = _of_mail(original)
        if moment_or_none is None:
            return None
        moment = moment_or_none
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def within(period: str, now: datetime) -> bool | None:
    """Whether `now` lies in an ISO 8601 period "start/end"; None when the period cannot be read."""
    start, slash, end = period.partition("/")
    first, last = parse_date(start), parse_date(end)
    if not slash or first is None or last is None:
        return None
    return first <= now <= last


def _of_epoch(number: float) -> datetime | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size."""
    for limit, scale in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if number < limit:
            return datetime.fromtimestamp(number / scale, UTC)
    return None


def _of_mail(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
