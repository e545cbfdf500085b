"""What a store keeps of opinions: posts with their readings, counts, alerts and what is to be delivered.

All that one batch changes is written in one turn (`OpinionStore.turn`), in one transaction: posts, counts, the state of
the detectors, alerts, deliveries and how far the source has been read. Whoever dies in the middle has changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from shoplens.domain.opinions import Count
from shoplens.store.records import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRecord:
    """A post as it is kept. `tones` are the probabilities of positive, neutral and negative."""

    sequence: int  # order of arrival
    key: int
    timestamp: int  # microseconds
    text: str
    source: str = ""
    author: str | None = None
    item_id: str | None = None
    link: str | None = None
    language: str = ""
    topic: str | None = None
    topic_sure: float = 0.0
    tones: tuple[float, float, float] = (0.0, 1.0, 0.0)
    aspects: Mapping[str, float] = field(default_factory=dict)
    entities: tuple[tuple[str, str], ...] = ()  # kind, name
    series: tuple[str, ...] = ()
    reach: int = 1  # its own and that of its copies
    copies: int = 0  # near-duplicates that came later
    copy_of: int | None = None  # sequence of the post that it repeats
    late: bool = False  # came when its window was closed: counted, but no alert looked at it
    sketch: bytes = b""  # by which near-duplicates are found; empty for copies and very short texts


@dataclass(frozen=True, slots=True)
class WindowCount:
    """Posts of one series in one window."""

    series: str
    start: int  # microseconds
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert as it is kept."""

    alert_id: str
    series: str
    kind: str  # "tone" or "volume"
    severity: str  # info, warning, critical
    opened: int  # microseconds: end of the window in which it was found
    began: int  # microseconds: when the change began, as estimated
    closed: int | None = None  # when all was as before; None: it goes on
    acknowledged: int | None = None  # microseconds of the clock
    acknowledged_by: str = ""
    note: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)  # figures, changed words, numbers of the posts that show it


@dataclass(frozen=True, slots=True)
class Review:
    """What a customer wrote about a product, as the event log has it."""

    sequence: int
    timestamp: int
    user_id: str | None
    item_id: str | None
    context: str  # JSON object


class OpinionTurn(Protocol):
    """One exclusive transaction over all that concerns opinions."""

    def known(self, keys: Sequence[int]) -> set[int]:
        """Which of these posts were taken in before."""
        ...

    def add(self, posts: Sequence[PostRecord]) -> None:
        """Keep posts."""
        ...

    def repeat(self, copies: Mapping[int, tuple[int, int]]) -> None:
        """Sequence of a post → how many copies and how much reach came on top."""
        ...

    def count(self, counts: Mapping[tuple[str, int], Count]) -> None:
        """Add to the counts of (series, start of the window)."""
        ...

    def counts(self, since: int) -> list[WindowCount]:
        """Counts of windows that start at `since` or later."""
        ...

    def posts(self, since: int, before: int, limit: int) -> list[PostRecord]:
        """The latest originals (no copies) with times in [since, before), newest arrival first."""
        ...

    def total(self, series: str, since: int, before: int) -> Count:
        """Sum of the counts of one series over windows that start in [since, before)."""
        ...

    def states(self, after: int) -> tuple[int, dict[str, str | None]]:
        """Revision, and name → state (JSON) of all that changed after revision `after`; None: it was forgotten."""
        ...

    def keep_states(self, states: Mapping[str, str | None]) -> int:
        """Keep states under their names (None: forget it). Returns the new revision."""
        ...

    def alerts_open(self) -> list[AlertRecord]:
        """Alerts that are not over, the earliest first."""
        ...

    def alert(self, alert_id: str) -> AlertRecord | None:
        """One alert."""
        ...

    def keep_alert(self, alert: AlertRecord) -> None:
        """Insert or replace, but for what `acknowledge` says."""
        ...

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages into the outbox; those that are there already stay as they are."""
        ...

    def settle(self, source: str, rows: int, *, finished: bool = False) -> None:
        """How far a source has been read; `Store.checkpoint` tells it."""
        ...


class OpinionStore(Protocol):
    """Opinions in the shop's truth."""

    def turn(self) -> AbstractContextManager[OpinionTurn]:
        """The one writing transaction: committed at the end of the block, undone when the block raises."""
        ...

    def sketches(self, after: int, most: int) -> list[tuple[int, int, bytes]]:
        """(sequence, timestamp, sketch) of the latest `most` originals after a sequence, in order of arrival."""
        ...

    def windows(self, series: str, *, since: int, before: int) -> list[WindowCount]:
        """Counts of one series in order of time."""
        ...

    def totals(self, *, kind: str | None, since: int, before: int) -> list[tuple[str, Count]]:
        """Sums of each series ("all" for `kind` None), those with most posts first."""
        ...

    def posts(
        self, *, series: str | None = None, tone: str | None = None, since: int = 0, before: int | None = None,
        after: int = 0, limit: int = 100,
    ) -> list[PostRecord]:  # fmt: skip
        """The latest originals, newest first; `after` is a sequence."""
        ...

    def by_number(self, sequences: Sequence[int]) -> dict[int, PostRecord]:
        """Posts by sequence; those that were forgotten are missing."""
        ...

    def of_person(self, author: str) -> list[PostRecord]:
        """All that somebody wrote, in order of arrival."""
        ...

    def alerts(self, *, open_only: bool = False, since: int = 0, limit: int = 100) -> list[AlertRecord]:
        """Alerts, the latest first."""
        ...

    def alert(self, alert_id: str) -> AlertRecord | None:
        """One alert."""
        ...

    def acknowledge(self, alert_id: str, *, now: int, by: str, note: str) -> AlertRecord | None:
        """Somebody has seen it; None when there is no such alert. The first acknowledgement stays."""
        ...

    def reviews(self, after: int, size: int = 500) -> Iterator[tuple[int, list[Review]]]:
        """What customers wrote, out of the event log, in order of arrival after a sequence of events; with each chunk
        the sequence up to which the log has been read."""
        ...

    def newest(self) -> int:
        """Time of the latest post, microseconds; 0 without any."""
        ...

    def prune(self, before: int) -> int:
        """Forget posts and their texts before a time; counts stay. Returns how many went."""
        ...

    def count(self) -> int:
        """Posts that are kept, copies included."""
        ...
