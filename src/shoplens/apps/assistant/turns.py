"""What goes into a turn with the assistant and what comes out, sentence by sentence, each with its sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from shoplens.errors import InputError

MAX_TEXT = 2_000  # characters of a message
MAX_PHOTOS = 4
MAX_ID = 200  # characters of the id of a conversation


class Act(StrEnum):
    """What a message does, as far as a tool is concerned. QUESTION: none of the others."""

    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    NOTED = "noted"
    ABOUT = "about"
    INSULT = "insult"
    COMPLAINT = "complaint"
    TROUBLE = "trouble"
    CHANGE = "change"  # something is to be ordered or put into a cart: the assistant changes nothing
    HUMAN = "human"
    ORDERS = "orders"
    PRICE = "price"
    STOCK = "stock"
    ATTRIBUTE = "attribute"
    COMPATIBLE = "compatible"
    FIND = "find"
    RECOMMEND = "recommend"
    QUESTION = "question"


TALK = frozenset(
    {Act.GREETING, Act.THANKS, Act.GOODBYE, Act.NOTED, Act.ABOUT, Act.INSULT}
)  # a message that is nothing else asks for nothing


class Tone(StrEnum):
    """How a message sounds."""

    NEUTRAL = "neutral"
    POLITE = "polite"
    URGENT = "urgent"
    UPSET = "upset"


WrittenBy = Literal["templates", "endpoint", "both"]
SourceKind = Literal["document", "product", "order", "dialogue", "shop"]
Outcome = Literal[
    "answered", "talked", "asked_back", "refused", "unknown", "handed_over", "waiting", "with_agent", "left"
]


@dataclass(frozen=True, slots=True)
class Source:
    """Where something that was said stands."""

    id: str  # "document:returns.md#2", "product:p001", "order:1007", "dialogue:cancel_order", "shop:phone"
    kind: SourceKind
    title: str  # heading path, title of the product, …
    text: str  # the passage itself
    location: str = ""  # file and line or page, item_id


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. A factual one names its sources; talk ("how can I help?") has none."""

    text: str
    sources: tuple[str, ...] = ()
    lead: str = " "  # what stands between it and the sentence before: a space, a line break or nothing


@dataclass(frozen=True, slots=True)
class Handover:
    """A person is asked to take over: why, what they need to know, and when they will answer."""

    reason: str  # "asked", "unsure", "upset", "topic", "rule"
    summary: str  # for the person who takes over; never shown to the customer
    open_now: bool  # whether people answer at this hour
    hours: str  # when they do, "" = always
    opens: datetime | None = None  # when they do next, in their time zone; None: now


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a customer says. `user_id` is who the shop has signed in: whoever merely says a name is nobody."""

    text: str = ""
    conversation_id: str | None = None  # None begins one; its id is in the reply
    user_id: str | None = None
    photos: tuple[object, ...] = ()  # what the shopping tool opens
    language: str | None = None  # "en" or "zh"; None = as the customer writes

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT:
            raise InputError(f"text: {len(self.text)} characters; a message has at most {MAX_TEXT}")
        if not self.text.strip() and not self.photos:
            raise InputError("text: say something, or send a photo")
        if len(self.photos) > MAX_PHOTOS:
            raise InputError(f"photos: {len(self.photos)} are too many; a message has at most {MAX_PHOTOS}")
        if self.conversation_id is not None and not 1 <= len(self.conversation_id) <= MAX_ID:
            raise InputError(f"conversation_id: has 1 to {MAX_ID} characters")


def _no_slots() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Understood:
    """How a message was read."""

    language: str
    tone: Tone
    act: Act
    intent: str | None = None  # the most likely one, None without a model
    confidence: float = 0.0  # calibrated probability of that intent
    in_scope: bool = False  # whether the message is about anything that the model has learnt
    second: str | None = None  # the next likely intent, for asking back
    slots: Mapping[str, str] = field(default_factory=_no_slots)
    refused: str | None = None  # why it is not answered: "instructions", "internals", "others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `sentences` joined by their leads are `text`."""

    conversation_id: str
    turn: int  # of this conversation, from 1
    outcome: Outcome
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    understood: Understood
    items: tuple[str, ...] = ()  # products that were spoken of or shown, in order
    question: str | None = None  # asked back
    options: tuple[str, ...] = ()  # answers that the question offers
    handover: Handover | None = None
    written_by: WrittenBy = "templates"

    @property
    def text(self) -> str:
        """The whole answer."""
        return joined(self.sentences)


def joined(sentences: tuple[Sentence, ...] | list[Sentence]) -> str:
    """Sentences as one text."""
    return "".join(one.text if place == 0 else one.lead + one.text for place, one in enumerate(sentences))
