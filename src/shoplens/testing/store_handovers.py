"""Checks of a store's conversations that a person answers. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from dataclasses import replace

import pytest

from shoplens.domain.people import Person
from shoplens.errors import ConflictError
from shoplens.store.base import Store
from shoplens.store.records import Delivery, HandoverRecord, HandoverStep
from shoplens.testing.store_events import START, Opened
from shoplens.testing.store_transcripts import said

NEWS = Delivery(kind="handover", subject="a", occasion="opened/1", channel="log", due=START)


def hand_over(store: Store, name: str, number: int, **told: object) -> HandoverRecord:
    """A conversation that was handed over in a turn."""
    one = HandoverRecord(conversation_id=name, turn=number, reason="asked", summary="s", opened=START + number)
    kept, turn = said(name, number, handed_over="asked", **told)
    store.transcripts.record(kept, turn, handover=one, deliveries=[replace(NEWS, subject=name)])
    return one


class HandoverConformance:
    """Who waits for a person, who has them, and what is told of it."""

    def test_a_handover_is_written_with_its_turn(self, opened: Opened) -> None:
        store = opened()
        one = hand_over(store, "a", 1)
        again = replace(one, turn=2)
        with pytest.raises(ConflictError):
            store.transcripts.record(*said("a", 1), handover=again, deliveries=[replace(NEWS, subject="b")])
        assert store.handovers.load("a") == one
        assert store.handovers.load("z") is None
        assert store.outbox.waiting() == 1
        store.transcripts.record(*said("a", 2), handover=again)
        assert store.handovers.load("a") == again, "the latest counts"
        store.close()

    def test_a_step_is_taken_with_its_turn_or_not_at_all(self, opened: Opened) -> None:
        store = opened()
        hand_over(store, "a", 1)
        step = HandoverStep(before="waiting", after="returned", agent="", now=START + 9)
        with pytest.raises(ConflictError):
            store.transcripts.record(*said("a", 1), step=step)
        assert [one.conversation_id for one, _ in store.handovers.queue()] == ["a"], "that turn was answered already"
        store.transcripts.record(*said("a", 2), step=step)
        assert store.handovers.queue() == []
        with pytest.raises(ConflictError, match="waiting"):
            store.transcripts.record(*said("a", 3), step=step)
        assert [one.number for one in store.transcripts.turns("a")] == [1, 2]
        store.close()

    def test_what_was_sent_is_forgotten_after_a_while(self, opened: Opened) -> None:
        store = opened()
        hand_over(store, "a", 1)
        (claimed,) = store.outbox.claim(START + 1_000, 500, 1)
        assert store.outbox.prune(START + 9_999) == 0, "it is not settled"
        store.outbox.settle(replace(claimed, state="delivered"))
        assert store.outbox.prune(START) == 0
        assert store.outbox.prune(START + 9_999) == 1
        store.close()

    def test_the_queue_and_who_takes_one(self, opened: Opened) -> None:
        store, other = opened(), opened()
        for name, number in (("b", 3), ("a", 1), ("c", 2)):
            hand_over(store, name, number)
        assert [(one.conversation_id, kept.user_id) for one, kept in other.handovers.queue()] == [
            ("a", "ann"), ("c", "ann"), ("b", "ann"),
        ]  # fmt: skip
        steps = {"before": "waiting", "after": "with_agent", "now": START + 9}
        assert store.handovers.change("c", agent="Mia", **steps)  # type: ignore[arg-type]
        assert not other.handovers.change("c", agent="Bo", **steps)  # type: ignore[arg-type]
        taken = other.handovers.load("c")
        assert taken is not None
        assert (taken.agent, taken.state, taken.changed) == ("Mia", "with_agent", START + 9)
        assert [one.conversation_id for one, _ in store.handovers.queue(agent="Mia")] == ["c"]
        assert [one.conversation_id for one, _ in store.handovers.queue(("waiting",), limit=1)] == ["a"]
        assert store.handovers.give_up(START + 3, START + 10) == 2, "nobody wrote in a and c since"
        assert [one.conversation_id for one, _ in store.handovers.queue()] == ["b"]
        store.close()
        other.close()

    def test_they_go_with_their_transcripts(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann")])
        for name, number, who in (("a", 1, "bob"), ("b", 5, "ann"), ("c", 6, "bob"), ("d", 7, "bob")):
            hand_over(store, name, number, user_id=who)
        store.transcripts.prune(START + 2)
        store.people.delete("ann")
        store.transcripts.delete("c")
        assert [one.conversation_id for one, _ in store.handovers.queue()] == ["d"]
        assert [store.handovers.load(name) for name in "abc"] == [None] * 3
        store.close()
