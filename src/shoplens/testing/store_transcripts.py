"""Checks of a store's transcripts of the assistant. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from dataclasses import replace

import pytest

from shoplens.domain.people import Person
from shoplens.errors import ConflictError
from shoplens.store.records import Transcript, TranscriptTurn
from shoplens.testing.store_events import START, Opened


def said(name: str, number: int, **told: object) -> tuple[Transcript, TranscriptTurn]:
    """A made-up turn, and its conversation after it."""
    kept = Transcript(conversation_id=name, user_id="ann", started=START, updated=START + number, turns=number)
    turn = TranscriptTurn(
        conversation_id=name, number=number, timestamp=START + number, said=f"question {number}", answer="answer"
    )
    whose = {field: told.pop(field) for field in ("user_id", "handed_over") if field in told}
    return replace(kept, **whose), replace(turn, **told)  # type: ignore[arg-type]


class TranscriptConformance:
    """What was said to the assistant."""

    def test_turns_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        for number in (1, 2, 3):
            store.transcripts.record(*said("c1", number, details='{"intent":"refund"}'))
        store.transcripts.record(*said("c2", 1, user_id=None, said="a\0b half \ud83d", handed_over="asked"))
        store.close()
        store = opened()
        kept = store.transcripts.load("c1")
        assert kept == said("c1", 3)[0]
        assert [one.number for one in store.transcripts.turns("c1")] == [1, 2, 3]
        assert [one.number for one in store.transcripts.turns("c1", limit=2)] == [2, 3]
        assert store.transcripts.turns("c1")[0].details == '{"intent":"refund"}'
        assert store.transcripts.turns("c2")[0].said == "ab half ?"
        assert store.transcripts.load("c9") is None
        assert store.transcripts.count() == 2
        store.close()

    def test_a_turn_is_answered_once(self, opened: Opened) -> None:
        store = opened()
        store.transcripts.record(*said("c1", 1))
        with pytest.raises(ConflictError):
            store.transcripts.record(*said("c1", 1, said="another"))
        assert [one.said for one in store.transcripts.turns("c1")] == ["question 1"]
        store.close()

    def test_the_latest_come_first(self, opened: Opened) -> None:
        store = opened()
        for name, number, reason in (("a", 5, ""), ("b", 7, "asked"), ("c", 6, "")):
            store.transcripts.record(*said(name, number, handed_over=reason))
        assert [one.conversation_id for one in store.transcripts.latest()] == ["b", "c", "a"]
        assert [one.conversation_id for one in store.transcripts.latest(limit=1, after=(START + 7, "b"))] == ["c"]
        store.transcripts.record(*said("d", 6))
        assert [one.conversation_id for one in store.transcripts.latest(after=(START + 6, "c"))] == ["d", "a"]
        store.transcripts.delete("d")
        assert [one.conversation_id for one in store.transcripts.latest(handed_over=True)] == ["b"]
        assert [one.conversation_id for one in store.transcripts.latest(handed_over=False)] == ["c", "a"]
        store.close()

    def test_what_is_thought_of_a_turn_is_kept(self, opened: Opened) -> None:
        store = opened()
        store.transcripts.record(*said("c1", 1))
        store.transcripts.record(*said("c1", 2))
        assert store.transcripts.judge("c1", 1, helpful=False)
        assert store.transcripts.judge("c1", 1, intent="refund")
        assert store.transcripts.judge("c1", 2)
        assert not store.transcripts.judge("c1", 3, helpful=True)
        first, second = store.transcripts.turns("c1")
        assert (first.helpful, first.intent, second.helpful) == (False, "refund", None)
        assert store.transcripts.corrections() == [first]
        store.close()

    def test_they_are_forgotten_one_by_one_by_age_and_with_the_person(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann")])
        for name, number, who in (("a", 1, "ann"), ("b", 5, "ann"), ("c", 6, "bob"), ("d", 7, None), ("e", 8, "bob")):
            store.transcripts.record(*said(name, number, user_id=who))
        assert store.transcripts.prune(START + 2) == 1
        assert [one.conversation_id for one, _ in store.transcripts.of_person("ann")] == ["b"]
        assert store.transcripts.delete("e")
        assert not store.transcripts.delete("e")
        assert store.people.delete("ann")["transcripts"] == 1
        assert [one.conversation_id for one in store.transcripts.latest()] == ["d", "c"]
        assert store.transcripts.turns("b") == store.transcripts.turns("a") == store.transcripts.turns("e") == []
        store.close()
