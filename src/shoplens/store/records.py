"""What stores are given and give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shoplens.domain.events import EventType


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch of events. Positions count from 0 within the batch."""

    stored: int
    duplicates: tuple[int, ...] = ()  # positions whose key was in the store already, or earlier in the batch
    new_products: int = 0  # stubs made for unknown item_ids
    new_people: int = 0  # stubs made for unknown user_ids
    sequence: range = field(default=range(0), compare=False)  # places of the stored rows in the order of arrival


@dataclass(frozen=True, slots=True)
class ActedOn:
    """What was done to products, in order of arrival. All columns have one length."""

    sequence: Sequence[int]  # order of arrival
    item_id: Sequence[str]
    event_type: Sequence[int]  # EVENT_CODES
    timestamp: Sequence[int]  # microseconds since 1970, UTC
    value: Sequence[float | None]
    last: int  # up to which the log was read; whoever follows it goes on there


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """One answered search: who asked what, and what they were shown. Events quote `impression_id`."""

    impression_id: str
    timestamp: int  # microseconds since 1970, UTC
    query: str
    user_id: str | None = None
    session_id: str | None = None
    language: str = ""  # of the query, "" = unknown
    total: int = 0  # products that matched
    shown: tuple[str, ...] = ()  # item_ids as they were shown, best first
    first: int = 1  # place of the first of them in the whole answer: 11 on a second page of ten
    features: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # what the order knew of each shown product
    filters: str = ""  # JSON; "" = none


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """What somebody did with a product that a search showed: an event that quotes the search's `impression_id`."""

    impression_id: str
    query: str
    item_id: str
    event_type: EventType
    timestamp: int  # of the event, microseconds
    position: int | None  # place in the answer, first = 1; as shown, else as the event says


@dataclass(frozen=True, slots=True)
class QueryCount:
    """How often one text was searched for in a period."""

    query: str  # as it was typed
    searches: int
    askers: int  # different people and sessions; a search by nobody known counts as one
    empty: int | None  # searches that found nothing; None: nobody knows, the searches came with an import


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpressionRecord:
    """One answer of recommendations: what was shown to whom, and who ranked it. Events quote `impression_id`."""

    impression_id: str
    timestamp: int  # microseconds since 1970, UTC
    route: str  # recommend, similar, cart
    scenario: str = ""
    user_id: str | None = None
    session_id: str | None = None
    shown: tuple[str, ...] = ()  # item_ids, best first
    propensities: tuple[float, ...] = ()  # chance of each to stand where it stood; empty: nothing was left to chance
    model: str = ""
    bundle: str | None = None
    fallback: str | None = None
    arms: Mapping[str, str] = field(default_factory=dict)  # experiment → arm
    wish: Mapping[str, Any] | None = None  # what was asked for, as JSON; only where places were left to chance
    score: float | None = None  # mean of what was shown


@dataclass(frozen=True, slots=True)
class ImpressionResponse:
    """An event that quotes an impression."""

    impression_id: str
    item_id: str
    event_type: EventType
    timestamp: int  # of the event, microseconds
    value: float | None  # the rating, or money the event was worth
    quantity: float | None  # units
    price: float | None = None  # of one unit


#: What a guest's `Erasure` counts beside what went; people have none.
OF_GUEST = "sessions"


@dataclass(frozen=True, slots=True)
class Erasure:
    """That somebody was forgotten, and how much went. Nothing in it tells who, unless one knows their id already."""

    sequence: int  # 1, 2, 3, … without a gap
    timestamp: int  # microseconds since 1970, UTC
    who: str  # salted, slow hash of the user_id, or of a guest's session, see `store.erasures`
    counts: Mapping[str, int]  # what was deleted → how many
    digest: str  # over this record and the digest before it: whoever alters one breaks all that follow

    @property
    def of_guest(self) -> bool:
        """Whether it names a session, not a person."""
        return OF_GUEST in self.counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation with the assistant, as of its latest turn."""

    conversation_id: str
    user_id: str | None  # who was signed in; never changes from one person to another
    started: int  # microseconds since 1970, UTC
    updated: int
    language: str = ""
    turns: int = 0  # answered so far
    handed_over: str = ""  # why a person was asked to take over; "" = nobody was
    state: str = "{}"  # JSON: what the next turn must remember


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptTurn:
    """What was said in one turn, and what came of it."""

    conversation_id: str
    number: int  # from 1
    timestamp: int  # microseconds since 1970, UTC
    said: str  # by the person
    answer: str
    details: str = "{}"  # JSON: intent, confidence, sources, tools, handover
    helpful: bool | None = None  # as the person judged it; None = they did not
    intent: str | None = None  # what it should have been understood as, corrected by the shop


HandoverState = Literal["waiting", "with_agent", "returned", "closed"]
OPEN_HANDOVERS: tuple[HandoverState, ...] = ("waiting", "with_agent")  # a person answers, the assistant does not


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverStep:
    """A conversation goes from one state into another, with the turn that says so."""

    before: HandoverState
    after: HandoverState
    agent: str  # who has it then
    now: int  # microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRecord:
    """A conversation that was handed over to a person: the latest time that it was."""

    conversation_id: str
    turn: int  # in which it was handed over
    reason: str
    summary: str  # for the person who takes over
    state: HandoverState = "waiting"
    opened: int = 0  # microseconds since 1970, UTC
    changed: int = 0  # when it came into this state
    agent: str = ""  # who took it; "" = nobody yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to be sent. The same kind, subject, occasion and channel are one delivery."""

    kind: str  # "alert", "handover"
    subject: str  # alert_id, conversation_id
    occasion: str  # why: "opened", the severity that an alert rose to, …
    channel: str  # webhook, email, log
    due: int  # microseconds of the clock
    attempts: int = 0
    state: str = "waiting"  # waiting, delivered, given up
    error: str = ""
