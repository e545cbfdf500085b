"""What a store keeps of answers: what was searched, what was shown, and who was forgotten since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from shoplens.store.records import (
    Erasure,
    ImpressionRecord,
    ImpressionResponse,
    QueryCount,
    SearchRecord,
    SearchResponse,
)


class SearchLog(Protocol):
    """What was searched for and shown. Kept for a while (`prune`), and forgotten with the person (`People.delete`)."""

    def append(self, records: Sequence[SearchRecord]) -> int:
        """Store records, in one transaction; those whose `impression_id` is known are left out. Returns how many are
        new. Texts are kept to a bounded length, and without what a database cannot store."""
        ...

    def scan(
        self, after: int = 0, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[tuple[int, SearchRecord]]]:
        """Number and record in order of arrival, numbers above `after`, times in [since, before) microseconds."""
        ...

    def responses(
        self, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[SearchResponse]]:
        """What people did with what was shown by searches at times in [since, before) microseconds, in order of the
        searches; a chunk is the responses to at most `size` of them, and may be empty."""
        ...

    def queries(self, *, since: int = 0, before: int | None = None) -> Iterator[QueryCount]:
        """What was searched for, most askers first: searches here, then those that only the event log tells of."""
        ...

    def recent(self, *, user_id: str | None = None, session_id: str | None = None, limit: int = 20) -> list[str]:
        """The latest different queries of a person, or of a session, newest first; those that found something."""
        ...

    def of_person(self, user_id: str) -> list[SearchRecord]:
        """Everything that somebody searched for, oldest first."""
        ...

    def of_guest(self, session_id: str) -> list[SearchRecord]:
        """Everything that was searched for in a session by nobody known, oldest first."""
        ...

    def prune(self, before: int) -> int:
        """Forget searches before a time (microseconds). Returns how many went."""
        ...

    def count(self) -> int:
        """How many searches there are."""
        ...


class ImpressionLog(Protocol):
    """What recommendations showed. Kept for a while (`prune`), and forgotten with the person (`People.delete`)."""

    def append(self, records: Sequence[ImpressionRecord]) -> int:
        """Store records, in one transaction; those whose `impression_id` is known are left out. Returns how many are
        new."""
        ...

    def scan(
        self, after: int = 0, *, since: int = 0, before: int | None = None, size: int = 2_000
    ) -> Iterator[list[tuple[int, ImpressionRecord]]]:
        """Number and record in order of arrival, numbers above `after`, times in [since, before) microseconds."""
        ...

    def responses(self, impression_ids: Sequence[str]) -> list[ImpressionResponse]:
        """What people did with what these impressions showed, in order of arrival."""
        ...

    def latest(
        self, *, user_id: str | None = None, session_id: str | None = None, since: int = 0, limit: int = 100
    ) -> list[ImpressionRecord]:
        """The latest answers to a person and to a session that were stored, newest first, since a time
        (microseconds)."""
        ...

    def of_person(self, user_id: str) -> list[ImpressionRecord]:
        """Everything that somebody was shown, oldest first."""
        ...

    def of_guest(self, session_id: str) -> list[ImpressionRecord]:
        """Everything that was shown in a session to nobody known, oldest first."""
        ...

    def prune(self, before: int) -> int:
        """Forget impressions before a time (microseconds). Returns how many went."""
        ...

    def count(self) -> int:
        """How many impressions there are."""
        ...


class ErasureLog(Protocol):
    """Who was forgotten, and when. `People.delete` writes it, nothing changes it."""

    def scan(self) -> Iterator[Erasure]:
        """All records, oldest first."""
        ...

    def last(self) -> int:
        """Number of the latest record, 0 before the first."""
        ...
