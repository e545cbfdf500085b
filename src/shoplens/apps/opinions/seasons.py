"""At which hours and on which weekdays posts come. Times are what the shop's clock shows (`shop_clock`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

SHRINKAGE = 10.0  # posts that the wider factor counts for in the factor of one hour or weekday
HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
HOURS, WEEKDAYS = 24, 7


def hour_of(start: int) -> int:
    """Hour of the day of a time in microseconds."""
    return start // HOUR % HOURS


def weekday_of(start: int) -> int:
    """Weekday, Monday is 0: the first of January 1970 was a Thursday."""
    return (start // DAY + 3) % WEEKDAYS


@dataclass(slots=True)
class Seasons:
    """Posts and windows by hour and by weekday, in sums that fade.

    To fade 62 numbers with every window would be most of the work of a quiet stream, so they are kept in units of
    `scale`, and only `scale` fades.
    """

    scale: float = 1.0
    posts: float = 0.0  # of all windows
    windows: float = 0.0
    by_hour: list[float] = field(default_factory=lambda: [0.0] * HOURS)  # posts
    hours: list[float] = field(default_factory=lambda: [0.0] * HOURS)  # windows
    by_weekday: list[float] = field(default_factory=lambda: [0.0] * WEEKDAYS)
    weekdays: list[float] = field(default_factory=lambda: [0.0] * WEEKDAYS)

    def factor(self, start: int, wide: Seasons | None) -> float:
        """Posts that a window holds against what it would hold were all windows alike."""
        hour, day = hour_of(start), weekday_of(start)
        above = (1.0, 1.0) if wide is None else (wide.of_hour(hour), wide.of_weekday(day))
        return self.of_hour(hour, above[0]) * self.of_weekday(day, above[1])

    def of_hour(self, hour: int, wide: float = 1.0) -> float:
        """Factor of one hour of the day."""
        return self._factor(self.by_hour[hour], self.hours[hour], wide)

    def of_weekday(self, day: int, wide: float = 1.0) -> float:
        """Factor of one weekday."""
        return self._factor(self.by_weekday[day], self.weekdays[day], wide)

    def fade(self, factor: float) -> None:
        """Time passes."""
        self.scale *= factor
        if self.scale < 1e-9:
            self._unfold()

    def learn(self, posts: int, start: int) -> None:
        """One window."""
        hour, day = hour_of(start), weekday_of(start)
        more, one = posts / self.scale, 1.0 / self.scale
        self.posts += more
        self.windows += one
        self.by_hour[hour] += more
        self.hours[hour] += one
        self.by_weekday[day] += more
        self.weekdays[day] += one

    def state(self) -> list[Any]:
        """For `of`."""
        return [self.scale, self.posts, self.windows, self.by_hour, self.hours, self.by_weekday, self.weekdays]

    @classmethod
    def of(cls, state: Sequence[Any]) -> Self:
        """As it was."""
        return cls(*state)

    def _factor(self, posts: float, windows: float, wide: float) -> float:
        alike = windows * self.posts / self.windows if self.windows else 0.0
        return (posts * self.scale + SHRINKAGE * wide) / (alike * self.scale + SHRINKAGE)

    def _unfold(self) -> None:
        scale, self.scale = self.scale, 1.0
        self.posts *= scale
        self.windows *= scale
        for sums in (self.by_hour, self.hours, self.by_weekday, self.weekdays):
            sums[:] = [one * scale for one in sums]
