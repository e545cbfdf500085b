"""POST /v1/interact over the wire: turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field

from shoplens.apps.interaction.turns import MAX_DROPPED, Option, PhotoAsk, Question, Reply, Turn
from shoplens.http.wire.fields import Id, Request, ShortText
from shoplens.http.wire.ranking import FilterIn, to_filter
from shoplens.http.wire.search import Language, MomentOut, SearchAnswer, Words, constraint_json, found_json
from shoplens.recommend.asking import Moment
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.rules import MOST
from shoplens.recommend.scenarios import Scenario
from shoplens.service.loose_media import Part


class InteractIn(Request):
    """What a shopper says in one turn. Photos, sound and videos come beside it in a form."""

    session_id: Id | None = Field(default=None, description="Of the answer before; without one a conversation begins.")
    user_id: Id | None = None
    text: Words = Field(default="", examples=["like this but red, under 30"])
    filter: FilterIn | None = Field(default=None, description="Holds from now on, until a reset.")
    n: int = Field(default=10, ge=1, le=MOST, description="Products in this answer.")
    language: Language | None = Field(default=None, description="Of sentences. Default: as the shopper writes.")
    reset: bool = Field(default=False, description="Forget what was said before, first.")
    drop: list[ShortText] = Field(
        default_factory=list, max_length=MAX_DROPPED, description="Ids of `understood` that are no longer wanted."
    )
    scenario: Annotated[str, Field(max_length=100)] | None = Field(
        default=None,
        description="Place of the shop whose rules hold in this turn, as in a search. Say it with each turn.",
    )

    def to_turn(self, parts: Sequence[Part] = (), scenario: Scenario | None = None) -> Turn:
        """In terms of the shop; `scenario` is the one that is named.

        InputError for a filter that makes no sense or more media than a turn may bring.
        """
        return Turn(
            session_id=self.session_id,
            user_id=self.user_id,
            text=self.text,
            photos=tuple(PhotoAsk(part.content, part.crop) for part in parts if part.kind == "image"),
            videos=tuple(part.content for part in parts if part.kind == "video"),
            sounds=tuple(part.content for part in parts if part.kind == "audio"),
            filter=None if self.filter is None else to_filter(self.filter),
            n=self.n,
            language=self.language,
            reset=self.reset,
            drop=tuple(self.drop),
            scenario=scenario,
        )


class OptionOut(BaseModel):
    """One answer to a question: send its `text` as the next turn, or its `filter`."""

    label: str
    text: str
    filter: dict[str, Any] | None


class QuestionOut(BaseModel):
    """What is asked back; it may be ignored."""

    text: str
    options: list[OptionOut]


class AppearanceOut(MomentOut):
    """A product that is seen in a video of this turn."""

    item_id: str


class InteractAnswer(SearchAnswer):
    """Products, as a search gives them, and the conversation. `understood` is everything that holds by now."""

    session_id: str = Field(description="Send it with the next turn.")
    turn: int = Field(description="Of this conversation, from 1.")
    said: str = Field(description="One sentence for the shopper.")
    language: str
    question: QuestionOut | None
    seen: list[dict[str, str]] = Field(description="What each photo shows, in attributes of the catalogue.")
    read: str | None = Field(description="Words that are written in the photos.")
    about: list[str] = Field(description="Products that the shopper spoke of.")
    moments: list[AppearanceOut] = Field(description="Which products appear when in the videos.")


def reply_json(reply: Reply, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`InteractAnswer` as plain values. `names`: what a video is called here → what the sender calls it."""
    known = names or {}
    items = tuple(
        replace(hit, moments=tuple(_called(moment, known) for moment in hit.moments)) if hit.moments else hit
        for hit in reply.found.items
    )
    return {
        "session_id": reply.session_id,
        "turn": reply.turn,
        "said": reply.said,
        "language": reply.language,
        "question": None if reply.question is None else _question(reply.question),
        **found_json(replace(reply.found, items=items), explain=False, heard=reply.heard or ""),
        "understood": [constraint_json(one) for one in reply.understood],
        "seen": [dict(one) for one in reply.seen],
        "read": reply.read or None,
        "about": reply.about,
        "moments": [
            {
                "item_id": one.item_id,
                "video": moment.video,
                "start": moment.start,
                "end": moment.end,
                "score": moment.score,
            }
            for one in reply.moments
            for moment in (_called(one.moment, known),)
        ],
    }


def reply_bytes(reply: Reply, names: Mapping[str, str] | None = None) -> bytes:
    """The same as JSON."""
    return orjson.dumps(reply_json(reply, names))


def _called(moment: Moment, names: Mapping[str, str]) -> Moment:
    """A moment of a video as its sender calls it."""
    return replace(moment, video=names.get(moment.video, moment.video))


def _question(question: Question) -> dict[str, Any]:
    return {"text": question.text, "options": [_option(one) for one in question.options]}


def _option(one: Option) -> dict[str, Any]:
    return {
        "label": one.label,
        "text": one.text,
        "filter": None if one.filter is None else filter_json(one.filter),
    }
