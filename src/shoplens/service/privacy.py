"""Everything that is held about one person or guest, and a look at who was forgotten.

What is held: what the shop knows, all events, searches and what they showed, answers that were shown, conversations
that go on, what was said to the assistant, what they wrote in public. Bundles hold nothing by person but hashes of
ids, which go with the next training.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from shoplens.apps.interaction.keeping import FolderKeeper
from shoplens.domain.moments import told
from shoplens.errors import InputError, NotFoundError
from shoplens.store.base import Store
from shoplens.store.erasures import first_broken, guest, is_about
from shoplens.store.records import Erasure, Transcript, TranscriptTurn

if TYPE_CHECKING:
    from shoplens.service.runtime import Runtime

FORMAT = 2  # 1: times in microseconds
TIMES = {"timestamp", "started", "updated", "opened", "changed"}


@dataclass(frozen=True, slots=True)
class Audit:
    """The record of erasures, and whether it is whole."""

    records: Sequence[Erasure]
    broken: int | None  # the first record that was altered or follows a gap; None: all is well
    asked: Sequence[int] | None = None  # numbers of those about who was asked for; None: nobody was

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        records = [
            {
                "sequence": one.sequence,
                "timestamp": told(one.timestamp),
                "kind": "guest" if one.of_guest else "person",
                "who": one.who,
                "counts": dict(one.counts),
            }
            for one in self.records
        ]
        return {"records": records, "broken": self.broken, "about": None if self.asked is None else list(self.asked)}


def audit(store: Store, user_id: str | None = None, *, session_id: str | None = None) -> Audit:
    """All records; with a `user_id` or a guest's `session_id` (InputError for both) also which
    are about them (some 30 ms a record)."""
    if user_id is not None and session_id is not None:
        raise InputError("ask for a person or for a guest's session, not for both at once")
    records = tuple(store.erasures.scan())
    name = user_id if session_id is None else guest(session_id)
    guests = session_id is not None
    about = None
    if name is not None:
        about = [one.sequence for one in records if one.of_guest is guests and is_about(one, name)]
    return Audit(records, first_broken(records), about)


def export_person(shop: Runtime, user_id: str) -> dict[str, Any]:
    """All that is held about a person, as JSON takes it. NotFoundError when nothing is."""
    store = _written_down(shop)
    person = store.people.get(user_id)
    searches, impressions = store.searches.of_person(user_id), store.impressions.of_person(user_id)
    transcripts, opinions = store.transcripts.of_person(user_id), store.opinions.of_person(user_id)
    conversations = FolderKeeper(shop.workspace.conversations).of_person(user_id)
    if person is None and not (searches or impressions or transcripts or opinions or conversations):
        raise NotFoundError(f"nothing is held about {user_id!r}")
    events = [asdict(event) for event in store.events.history(user_id=user_id, limit=sys.maxsize)]
    return {
        "format": FORMAT,
        "user_id": user_id,
        "fields": dict(person.fields) if person is not None else {},
        "events": [_said(event) for event in events],
        "searches": [_said(asdict(one)) for one in searches],
        "impressions": [_said(asdict(one)) for one in impressions],
        "transcripts": [_transcript(store, *one) for one in transcripts],
        "profile": shop.profiles.of(shop.shelf, user_id, language=shop.settings.language).as_dict() if person else None,
        "opinions": [
            {"timestamp": told(one.timestamp), "source": one.source, "item_id": one.item_id, "text": one.text}
            for one in opinions
        ],
        "conversations": conversations,
    }


def export_guest(shop: Runtime, session_id: str) -> dict[str, Any]:
    """All that is held about a session while nobody was signed in, as JSON takes it. NotFoundError when nothing is."""
    from shoplens.service.assistant_tools import shopping_session

    store, names = _written_down(shop), (session_id, shopping_session(session_id))
    events = [one for name in names for one in store.events.history(session_id=name, limit=sys.maxsize)]
    searches = [one for name in names for one in store.searches.of_guest(name)]
    impressions = [one for name in names for one in store.impressions.of_guest(name)]
    talked = store.transcripts.load(session_id)
    transcripts = [] if talked is None or talked.user_id is not None else [talked]
    keeper = FolderKeeper(shop.workspace.conversations)
    conversations = [kept for name in names if (kept := keeper.of_guest(name)) is not None]
    if not events and not searches and not impressions and not transcripts and not conversations:
        raise NotFoundError(f"nothing is held about a guest's session {session_id!r}")
    told = shop.profiles.of(shop.shelf, None, session_id, language=shop.settings.language) if events else None
    return {
        "format": FORMAT,
        "session_id": session_id,
        "events": [_said(asdict(one)) for one in events],
        "searches": [_said(asdict(one)) for one in searches],
        "impressions": [_said(asdict(one)) for one in impressions],
        "transcripts": [_transcript(store, one, store.transcripts.turns(one.conversation_id)) for one in transcripts],
        "profile": told.as_dict() if told is not None else None,
        "conversations": conversations,
    }


def _written_down(shop: Runtime) -> Store:
    """The store, once it holds what waits to be written."""
    for log in shop.logs.values():
        log.flush()
    return shop.store


def _transcript(store: Store, kept: Transcript, turns: Sequence[TranscriptTurn]) -> dict[str, Any]:
    """A conversation, what was said in it, and its latest handover to a person of the shop."""
    found = store.handovers.load(kept.conversation_id)
    handover = None if found is None else _said(asdict(found))
    return {**_said(asdict(kept)), "said": [_said(asdict(turn)) for turn in turns], "handover": handover}


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known; times as they are told."""
    return {name: told(value) if name in TIMES else value for name, value in values.items() if value is not None}
