"""What people did with answers, once they have had time to: the stream that drift and rollback look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from shoplens.domain.events import EventType
from shoplens.store.logs import ImpressionLog
from shoplens.store.records import ImpressionRecord

CLICKS = frozenset({EventType.CLICK, EventType.VIEW, EventType.CART, EventType.PURCHASE})
MINUTE = 60 * 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Reaction:
    """One answer, and whether anything in it was clicked within the settling time."""

    number: int  # in the log
    record: ImpressionRecord
    clicked: bool


def reactions(
    log: ImpressionLog, *, after: int = 0, since: int = 0, settle_minutes: float, now: int | None = None
) -> Iterator[Reaction]:
    """Answers of `/v1/recommend` to somebody, in order of arrival; none younger than the settling time, so that all had
    as long to be clicked."""
    settle = int(settle_minutes * MINUTE)
    before = (int(time.time() * 1e6) if now is None else now) - settle
    for chunk in log.scan(after, since=since, before=before):
        asked = [
            (number, one)
            for number, one in chunk
            if one.route == "recommend" and one.shown and (one.user_id or one.session_id)
        ]
        shown = {one.impression_id: one.timestamp for _, one in asked}
        clicked = {
            event.impression_id
            for event in log.responses(list(shown))
            if event.event_type in CLICKS and 0 <= event.timestamp - shown[event.impression_id] <= settle
        }
        for number, one in asked:
            yield Reaction(number, one, one.impression_id in clicked)
