"""What every store does. One suite of checks (`shoplens.testing.store`) runs on each backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventColumns, EventType
from shoplens.domain.people import Person
from shoplens.store.conversations import Handovers, Outbox, Transcripts
from shoplens.store.decisions import ReviewList, SearchRules
from shoplens.store.logs import ErasureLog, ImpressionLog, SearchLog
from shoplens.store.opinions import OpinionStore
from shoplens.store.records import ActedOn, Appended, Checkpoint, ProductRows


class EventLog(Protocol):
    """Append-only log of events; deleted only to forget a person."""

    def append(self, batch: EventBatch, checkpoint: Checkpoint | None = None) -> Appended:
        """Store a batch in one transaction; when this returns, the rows survive `kill -9`."""
        ...

    def scan(
        self, after: int = 0, before_time: int | None = None, size: int = 200_000, *, money: bool = False
    ) -> Iterator[EventColumns]:
        """All events in order of arrival, in chunks of `size`; those at `before_time` (microseconds) or later are
        left out. `money`: prices and quantities are read too."""
        ...

    def history(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> list[Event]:
        """The latest `limit` events of a person, or of a guest's session, oldest first, of those before a time
        (microseconds) when one is given. Unknown: an empty list.

        With both, the person's events and what the session did while it was a guest's.
        """
        ...

    def acted_on(self, after: int = 0, size: int = 50_000) -> Iterator[ActedOn]:
        """Events with a product that arrived after `after`, in chunks of `size`; at least one chunk, which may be
        empty, when anything arrived. By whichever process: order of arrival is one for all."""
        ...

    def last(self) -> int:
        """Place of the newest event in the order of arrival; 0 before the first."""
        ...

    def count(self, event_type: EventType | None = None) -> int:
        """How many events there are, or of one type: those are looked through."""
        ...


class Catalogue(Protocol):
    """Products by `item_id`."""

    def upsert(
        self,
        products: Iterable[Product],
        checkpoint: Checkpoint | None = None,
        *,
        instead_of: Iterable[Product] = (),
    ) -> int:
        """Insert or replace, in one transaction. Returns how many rows really changed.

        `instead_of`: products as they were read; ConflictError when one of them is no longer so, and nothing is
        written.
        """
        ...

    def get(self, item_ids: Sequence[str]) -> dict[str, Product]:
        """The products that exist among `item_ids`."""
        ...

    def scan(self, size: int = 5_000) -> Iterator[list[Product]]:
        """All products (stubs included) by store row, in chunks."""
        ...

    def identities(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """item_id, GTIN, MPN and link of every product that is no stub, without reading the rest."""
        ...

    def rows(self) -> ProductRows:
        """Store row and id of every product, by store row."""
        ...

    def changes(self, after: int, size: int = 5_000) -> Iterator[tuple[int, list[Product], list[str]]]:
        """What changed since revision `after` (0: everything), in chunks of `size`: revision, products as they are
        now, and the ids that are no longer in the catalogue.

        Who has taken in a chunk knows everything up to its revision, and may go on after it at any later time, also
        in another process. Revisions never fall; in the middle of a change larger than `size` they stay where the
        change began. A product that changes meanwhile may come again. Nothing changed: no chunk.
        """
        ...

    def delete(self, item_id: str) -> bool:
        """Take a product out of the catalogue (it becomes an unavailable stub while events mention it)."""
        ...

    def revision(self) -> int:
        """A number that rises by one with every transaction that changes products, by any process."""
        ...

    def count(self, *, stubs: bool = True) -> int:
        """How many products there are."""
        ...


class People(Protocol):
    """People by `user_id`."""

    def upsert(self, people: Iterable[Person], checkpoint: Checkpoint | None = None) -> int:
        """Insert or replace, in one transaction. Returns how many rows really changed."""
        ...

    def get(self, user_id: str) -> Person | None:
        """The person, if known."""
        ...

    def scan(self, size: int = 5_000) -> Iterator[list[tuple[int, Person]]]:
        """Store row and person, by store row, in chunks."""
        ...

    def delete(self, user_id: str, also: Mapping[str, int] | None = None) -> Mapping[str, int]:
        """Forget a person with all their events, searches, impressions, transcripts and opinions, and what their
        sessions did before they signed in, in one transaction. Returns what went: people, events, searches,
        impressions, transcripts, opinions → how many.

        Where anything did, the same transaction writes an `Erasure`; `also` adds counts of what was deleted elsewhere.
        """
        ...

    def delete_guest(self, sessions: Sequence[str], also: Mapping[str, int] | None = None) -> Mapping[str, int]:
        """Forget what was done in these sessions by nobody known, in one transaction; the first names the record.
        Returns what went: events, searches, impressions, transcripts → how many.

        What a session did before it signed in is the person's. Records as `delete` does, `also` added.
        """
        ...

    def sign_in(self, user_id: str, session_id: str) -> int:
        """What a session did as a guest becomes the person's: events, searches, impressions. Returns how many events.

        Who had not been shown anything before stays, in experiments, where the session was; see `known_as`.
        """
        ...

    def known_as(self, user_id: str) -> str:
        """By which name a person is drawn in experiments: their own, or the session they came from."""
        ...

    def count(self) -> int:
        """How many people there are."""
        ...


class Store(Protocol):
    """The shop's truth."""

    events: EventLog
    catalogue: Catalogue
    people: People
    searches: SearchLog
    impressions: ImpressionLog
    transcripts: Transcripts
    proposals: ReviewList
    search_rules: SearchRules
    erasures: ErasureLog
    opinions: OpinionStore
    handovers: Handovers
    outbox: Outbox

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far an earlier import of this source came."""
        ...

    def ping(self) -> None:
        """StoreUnavailableError when the database does not answer."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
