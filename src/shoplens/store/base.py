"""What every store does. One suite of checks (`shoplens.testing.store`) runs on each backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventColumns
from shoplens.domain.people import Person
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus
from shoplens.domain.search_rules import RuleKind, SearchRule
from shoplens.store.opinions import OpinionStore
from shoplens.store.records import (
    OPEN_HANDOVERS,
    ActedOn,
    Appended,
    Checkpoint,
    Delivery,
    Erasure,
    HandoverRecord,
    HandoverState,
    ImpressionRecord,
    ImpressionResponse,
    ProductRows,
    QueryCount,
    SearchRecord,
    SearchResponse,
    Transcript,
    TranscriptTurn,
)


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


class Transcripts(Protocol):
    """Transcripts of the assistant. Kept for a while (`prune`), and forgotten with the person (`People.delete`)."""

    def load(self, conversation_id: str) -> Transcript | None:
        """The conversation as of its latest turn."""
        ...

    def record(
        self,
        kept: Transcript,
        turn: TranscriptTurn,
        *,
        handover: HandoverRecord | None = None,
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Store a turn and the transcript after it, that it was handed over and who is to be told, in one transaction.
        ConflictError when that turn was answered already, by another process, say."""
        ...

    def turns(self, conversation_id: str, limit: int = 1_000) -> list[TranscriptTurn]:
        """The latest turns of a conversation, oldest first."""
        ...

    def latest(
        self, *, limit: int = 50, after: tuple[int, str] | None = None, handed_over: bool | None = None
    ) -> list[Transcript]:
        """Conversations, the ones that went on last first; those behind the one with this `updated` and
        `conversation_id`, those handed over or not."""
        ...

    def judge(
        self, conversation_id: str, number: int, *, helpful: bool | None = None, intent: str | None = None
    ) -> bool:
        """Note what is thought of a turn; None leaves it as it was. False when there is no such turn."""
        ...

    def corrections(self) -> list[TranscriptTurn]:
        """All turns that the shop corrected (`TranscriptTurn.intent`), oldest first."""
        ...

    def of_person(self, user_id: str) -> list[tuple[Transcript, list[TranscriptTurn]]]:
        """Everything that somebody said while signed in, oldest first."""
        ...

    def delete(self, conversation_id: str) -> bool:
        """Forget one conversation. False when there was none."""
        ...

    def prune(self, before: int) -> int:
        """Forget conversations that did not go on since a time (microseconds). Returns how many went."""
        ...

    def count(self) -> int:
        """How many conversations there are."""
        ...


class Handovers(Protocol):
    """Conversations that a person answers. `Transcripts.record` begins one; it goes with its transcript."""

    def load(self, conversation_id: str) -> HandoverRecord | None:
        """The latest of a conversation; None when it was never handed over."""
        ...

    def queue(
        self, states: Sequence[HandoverState] = OPEN_HANDOVERS, *, agent: str | None = None, limit: int = 100
    ) -> list[tuple[HandoverRecord, Transcript]]:
        """Conversations in these states, those first that have waited longest."""
        ...

    def change(
        self, conversation_id: str, *, before: HandoverState, after: HandoverState, agent: str, now: int
    ) -> bool:
        """From one state into another; `agent` has it then. False when it is not in that state any more."""
        ...

    def give_up(self, before: int, now: int) -> int:
        """Close what is open though nobody has written in it since a time (microseconds). Returns how many."""
        ...


class Outbox(Protocol):
    """What is to be sent to people, until it is. Written in the transaction of what it tells of."""

    def claim(self, now: int, lease: int, limit: int) -> list[Delivery]:
        """Deliveries that are due, taken for `lease` microseconds so that no other process sends them too."""
        ...

    def settle(self, delivery: Delivery) -> None:
        """What became of it."""
        ...

    def waiting(self) -> int:
        """Deliveries that are still to be made."""
        ...


class ReviewList(Protocol):
    """What may be wrong or missing in the catalogue, and what people decided about it."""

    def offer(self, proposals: Iterable[Proposal]) -> int:
        """Put on the list what is new, bring up to date what is open; what was decided stays. Returns how many are
        new."""
        ...

    def withdraw(self, kinds: Sequence[ProposalKind], before: int) -> int:
        """Take open proposals of these kinds off the list that were last offered before a time (microseconds).
        Returns how many went."""
        ...

    def list(
        self,
        *,
        status: ProposalStatus = ...,
        kind: ProposalKind | None = None,
        attribute: str | None = None,
        item_id: str | None = None,
        least: float = 0.0,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Proposal]:
        """The surest first (`least`: confidence), at most `limit`, those behind the one whose id is `after`."""
        ...

    def get(self, proposal_ids: Sequence[str]) -> dict[str, Proposal]:
        """Those that exist."""
        ...

    def decide(self, proposal_ids: Sequence[str], status: ProposalStatus, now: int) -> int:
        """Remember a decision made at a time (microseconds); `open` takes one back. Returns how many there were."""
        ...

    def decided(self, status: ProposalStatus) -> set[str]:
        """Ids of all proposals that were accepted, or rejected."""
        ...

    def counts(self) -> dict[tuple[ProposalKind, ProposalStatus], int]:
        """How many there are of each kind and status; none where there are none."""
        ...


class SearchRules(Protocol):
    """What the shop tells its search. Rules that were taken away are kept: they can be looked at and restored."""

    def change(
        self, now: int, *, add: Iterable[tuple[RuleKind, str]] = (), remove: Sequence[int] = ()
    ) -> list[SearchRule]:
        """Take rules away (those that still hold) and add others, all or nothing. `now` is in microseconds. Returns
        the new ones."""
        ...

    def restore(self, rule_ids: Sequence[int]) -> int:
        """Let removed rules hold again. Returns how many did not hold."""
        ...

    def list(self, *, removed: bool = False) -> list[SearchRule]:
        """Rules that hold, or those that do so no more; in the order in which they were added."""
        ...

    def revision(self) -> int:
        """Rises with every change, whichever process made it."""
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
