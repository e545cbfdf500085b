"""What every store does. One suite of checks (`shoplens.testing.store`) runs on each backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventColumns
from shoplens.domain.people import Person


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch of events. Positions count from 0 within the batch."""

    stored: int
    duplicates: tuple[int, ...] = ()  # positions whose key was in the store already, or earlier in the batch
    new_products: int = 0  # stubs made for unknown item_ids
    new_people: int = 0  # stubs made for unknown user_ids


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the import of one source has come; stored in the same transaction as the rows it confirms."""

    source: str  # fingerprint of the content
    rows: int  # rows of the source that are settled (stored, refused or duplicate)
    finished: bool = False


@dataclass(frozen=True, slots=True)
class ProductRows:
    """Identity of all products for arrays: store row, external id. Same order in both."""

    row: tuple[int, ...]
    item_id: tuple[str, ...]


class EventLog(Protocol):
    """Append-only log of events; deleted only to forget a person."""

    def append(self, batch: EventBatch, checkpoint: Checkpoint | None = None) -> Appended:
        """Store a batch in one transaction; when this returns, the rows survive `kill -9`."""
        ...

    def scan(self, after: int = 0, before_time: int | None = None, size: int = 200_000) -> Iterator[EventColumns]:
        """All events in order of arrival, in chunks of `size`; those at `before_time` (microseconds) or later are
        left out."""
        ...

    def history(self, *, user_id: str | None = None, session_id: str | None = None, limit: int = 200) -> list[Event]:
        """The latest `limit` events of a person, or of a guest's session, oldest first. Unknown: an empty list.

        With both, the person's events and what the session did while it was a guest's.
        """
        ...

    def count(self) -> int:
        """How many events there are."""
        ...


class Catalogue(Protocol):
    """Products by `item_id`."""

    def upsert(self, products: Iterable[Product], checkpoint: Checkpoint | None = None) -> int:
        """Insert or replace, in one transaction. Returns how many rows really changed."""
        ...

    def get(self, item_ids: Sequence[str]) -> dict[str, Product]:
        """The products that exist among `item_ids`."""
        ...

    def scan(self, size: int = 5_000) -> Iterator[list[Product]]:
        """All products (stubs included) by store row, in chunks."""
        ...

    def rows(self) -> ProductRows:
        """Store row and id of every product, by store row."""
        ...

    def delete(self, item_id: str) -> bool:
        """Take a product out of the catalogue (it becomes an unavailable stub while events mention it)."""
        ...

    def revision(self) -> int:
        """A number that rises with every change, by any process; equal means that nothing has changed."""
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

    def delete(self, user_id: str) -> int:
        """Forget a person and all their events, in one transaction. Returns how many events went."""
        ...

    def count(self) -> int:
        """How many people there are."""
        ...


class Store(Protocol):
    """The shop's truth."""

    events: EventLog
    catalogue: Catalogue
    people: People

    def checkpoint(self, source: str) -> Checkpoint | None:
        """How far an earlier import of this source came."""
        ...

    def ping(self) -> None:
        """StoreUnavailableError when the database does not answer."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...
