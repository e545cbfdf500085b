"""Everything that is held about one person, and a look at who was forgotten.

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
from shoplens.errors import NotFoundError
from shoplens.store.base import Store
from shoplens.store.erasures import first_broken, is_about
from shoplens.store.records import Erasure

if TYPE_CHECKING:
    from shoplens.service.runtime import Runtime

FORMAT = 2  # 1: times in microseconds
TIMES = {"timestamp", "started", "updated", "opened", "changed"}


@dataclass(frozen=True, slots=True)
class Audit:
    """The record of erasures, and whether it is whole."""

    records: Sequence[Erasure]
    broken: int | None  # the first record that was altered or follows a gap; None: all is well
    asked: Sequence[int] | None = None  # numbers of those about the person asked for; None: nobody was

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        records = [
            {"sequence": one.sequence, "timestamp": told(one.timestamp), "who": one.who, "counts": dict(one.counts)}
            for one in self.records
        ]
        return {"records": records, "broken": self.broken, "about": None if self.asked is None else list(self.asked)}


def audit(store: Store, user_id: str | None = None) -> Audit:
    """All records; with a `user_id` also which are about that person (some 30 ms a record)."""
    records = tuple(store.erasures.scan())
    about = None if user_id is None else [one.sequence for one in records if is_about(one, user_id)]
    return Audit(records, first_broken(records), about)


def export_person(shop: Runtime, user_id: str) -> dict[str, Any]:
    """All that is held about a person, as JSON takes it. NotFoundError when nothing is."""
    for log in shop.logs.values():
        log.flush()
    store = shop.store
    person = store.people.get(user_id)
    searches, impressions = store.searches.of_person(user_id), store.impressions.of_person(user_id)
    transcripts, opinions = store.transcripts.of_person(user_id), store.opinions.of_person(user_id)
    if person is None and not searches and not impressions and not transcripts and not opinions:
        raise NotFoundError(f"nothing is held about {user_id!r}")
    events = [asdict(event) for event in store.events.history(user_id=user_id, limit=sys.maxsize)]
    return {
        "format": FORMAT,
        "user_id": user_id,
        "fields": dict(person.fields) if person is not None else {},
        "events": [_said(event) for event in events],
        "searches": [_said(asdict(one)) for one in searches],
        "impressions": [_said(asdict(one)) for one in impressions],
        "transcripts": [
            {
                **_said(asdict(kept)),
                "said": [_said(asdict(turn)) for turn in turns],
                "handover": _handover(store, kept.conversation_id),
            }
            for kept, turns in transcripts
        ],
        "profile": shop.profiles.of(shop.shelf, user_id, language=shop.settings.language).as_dict() if person else None,
        "opinions": [
            {"timestamp": told(one.timestamp), "source": one.source, "item_id": one.item_id, "text": one.text}
            for one in opinions
        ],
        "conversations": FolderKeeper(shop.workspace.conversations).of_person(user_id),
    }


def _handover(store: Store, conversation_id: str) -> dict[str, Any] | None:
    """The latest handover of a conversation to a person of the shop."""
    found = store.handovers.load(conversation_id)
    return None if found is None else _said(asdict(found))


def _said(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known; times as they are told."""
    return {name: told(value) if name in TIMES else value for name, value in values.items() if value is not None}
