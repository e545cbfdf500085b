"""A time zone among the settings."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _known(given: str) -> str:
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {given!r}; write one such as Europe/Berlin") from error
    return given


#: A name of the time zone database.
TimeZone = Annotated[str, AfterValidator(_known)]
