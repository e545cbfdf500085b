"""The shop's clock: which hour and weekday a moment falls on where the shop is, across changes to summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shoplens.domain.moments import EPOCH

QUARTER = 900_000_000  # microseconds: clocks are changed at quarters of an hour


class ShopClock:
    """Between moments (microseconds since 1970, UTC) and what the clock on the wall shows, as microseconds since 1970
    by that clock. Two moments an hour apart show the same where the clock is put back."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._offset = lru_cache(maxsize=4_096)(self._offset_of)

    def shown(self, moment: int) -> int:
        """What the clock shows."""
        return moment + self._offset(moment // QUARTER)

    def moment(self, shown: int) -> int:
        """When the clock shows that, the first time; where it skips it, as if it had not been changed yet."""
        local = (EPOCH + timedelta(microseconds=shown)).replace(tzinfo=self._zone)
        return (local.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)

    def _offset_of(self, quarter: int) -> int:
        offset = datetime.fromtimestamp(quarter * QUARTER // 1_000_000, self._zone).utcoffset()
        assert offset is not None
        return offset // timedelta(microseconds=1)
