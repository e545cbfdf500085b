"""Checks of what a store keeps of opinions. See `shoplens.testing.store`."""

# ruff: noqa: D102 the names of the checks say what they check

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from shoplens.domain.events import Event, EventType
from shoplens.domain.opinions import Count
from shoplens.domain.people import Person
from shoplens.store.opinions import AlertRecord, PostRecord
from shoplens.store.records import Delivery
from shoplens.testing.store_events import START, Opened, batch_of


def post(number: int, **said: object) -> PostRecord:
    """A made-up post; `number` tells it from others."""
    told: dict[str, object] = {"text": f"post {number}", "series": ("all",), **said}
    return PostRecord(sequence=number, key=number * 7, timestamp=START + number, **told)  # type: ignore[arg-type]


def alert(name: str, **said: object) -> AlertRecord:
    """A made-up alert."""
    told: dict[str, object] = {"series": "all", "kind": "tone", "severity": "info", "opened": START, **said}
    return AlertRecord(alert_id=name, began=START - 9, **told)  # type: ignore[arg-type]


class OpinionConformance:
    """Posts, counts, states, alerts and the outbox."""

    def test_posts_come_back_as_they_went_in(self, opened: Opened) -> None:
        store = opened()
        full = post(
            1,
            source="reviews",
            author="ann",
            item_id="tea",
            link="https://example.com/1",
            language="zh",
            topic="delivery",
            topic_sure=0.5,
            tones=(0.25, 0.25, 0.5),
            aspects={"电池": 0.75},
            entities=(("brand", "Acme"),),
            series=("all", "topic:delivery", "entity:100%_Acme"),
            sketch=b"\x00\xff",
        )
        strange = post(2, text="a\0b \u202e '; DROP TABLE opinion; --")
        with store.opinions.turn() as turn:
            turn.add([full, strange, post(3, copy_of=1)])
            turn.repeat({1: (1, 40)})
        store.close()
        store = opened()
        found = store.opinions.by_number([1, 2, 3, 9])
        assert found[1] == replace(full, reach=41, copies=1)
        assert found[2].text == "ab \u202e '; DROP TABLE opinion; --"
        assert [one.sequence for one in store.opinions.posts()] == [2, 1], "copies are not opinions of their own"
        assert [one.sequence for one in store.opinions.posts(series="entity:100%_Acme", tone="negative")] == [1]
        assert not store.opinions.posts(series="entity:100"), "a part of a name is another name"
        assert store.opinions.sketches(0, 9) == [(1, START + 1, b"\x00\xff")]
        assert store.opinions.count() == 3
        assert store.opinions.newest() == START + 3
        assert store.opinions.prune(START + 3) == 2
        store.close()

    def test_what_a_turn_wrote_is_undone_when_it_fails(self, opened: Opened) -> None:
        store = opened()

        def fail() -> None:
            with store.opinions.turn() as turn:
                turn.add([post(1)])
                turn.count({("all", START): Count(1, 1, 0, 5)})
                turn.keep_states({"clock": "{}"})
                turn.keep_alert(alert("a"))
                turn.deliver([Delivery(kind="alert", subject="a", occasion="opened", channel="log", due=0)])
                turn.settle("file", 3)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.opinions.count() == store.outbox.waiting() == 0
        assert store.opinions.windows("all", since=0, before=START + 1) == []
        assert store.opinions.alerts() == []
        assert store.checkpoint("file") is None
        with store.opinions.turn() as turn:
            assert turn.states(0) == (0, {})
        store.close()

    def test_counts_add_up(self, opened: Opened) -> None:
        store = opened()
        for _ in range(2):
            with store.opinions.turn() as turn:
                turn.count({("all", START): Count(2, 1, 1, 5), ("topic:a_b", START + 10): Count(1, 0, 1, 1)})
        with store.opinions.turn() as turn:
            assert {(one.series, one.start) for one in turn.counts(START + 1)} == {("topic:a_b", START + 10)}
            assert turn.total("all", START, START + 1) == Count(4, 2, 2, 10)
            assert turn.total("all", START + 1, START + 9) == Count()
        assert store.opinions.totals(kind=None, since=0, before=START + 99) == [("all", Count(4, 2, 2, 10))]
        assert store.opinions.totals(kind="topic", since=0, before=START + 99) == [("topic:a_b", Count(2, 0, 2, 2))]
        store.close()

    def test_states_say_what_changed_since(self, opened: Opened) -> None:
        store = opened()
        with store.opinions.turn() as turn:
            first = turn.keep_states({"a": "1", "b": "2"})
        with store.opinions.turn() as turn:
            assert turn.states(0) == (first, {"a": "1", "b": "2"})
            second = turn.keep_states({"b": None, "c": "3"})
        with store.opinions.turn() as turn:
            assert turn.states(first) == (second, {"b": None, "c": "3"})
            assert turn.states(second) == (second, {})
        store.close()

    def test_alerts_are_kept_and_the_first_acknowledgement_stays(self, opened: Opened) -> None:
        store = opened()
        with store.opinions.turn() as turn:
            turn.keep_alert(alert("a", told={"words": ["电池"]}))
            turn.keep_alert(alert("b", opened=START + 5))
        assert store.opinions.acknowledge("a", now=7, by="ann", note="on it") == store.opinions.alert("a")
        again = store.opinions.acknowledge("a", now=8, by="bob", note="")
        assert again is not None
        assert (again.acknowledged, again.acknowledged_by, again.told) == (7, "ann", {"words": ["电池"]})
        with store.opinions.turn() as turn:
            turn.keep_alert(alert("a", severity="critical", closed=START + 9))
            assert [one.alert_id for one in turn.alerts_open()] == ["b"]
        kept = store.opinions.alert("a")
        assert kept is not None
        assert (kept.severity, kept.closed, kept.acknowledged) == ("critical", START + 9, 7)
        assert [one.alert_id for one in store.opinions.alerts()] == ["b", "a"]
        assert [one.alert_id for one in store.opinions.alerts(open_only=True)] == ["b"]
        assert store.opinions.acknowledge("z", now=1, by="", note="") is None
        store.close()

    def test_a_message_is_given_to_one_sender_at_a_time(self, opened: Opened) -> None:
        store, other = opened(), opened()
        message = Delivery(kind="alert", subject="a", occasion="opened", channel="log", due=10)
        for _ in range(2):
            with store.opinions.turn() as turn:
                turn.deliver([message])
        assert store.outbox.waiting() == 1
        assert store.outbox.claim(9, 100, 5) == []
        (taken,) = store.outbox.claim(10, 100, 5)
        assert other.outbox.claim(50, 100, 5) == []
        assert len(other.outbox.claim(110, 100, 5)) == 1, "whoever took it has died"
        store.outbox.settle(replace(taken, state="delivered", attempts=1))
        assert other.outbox.claim(10**6, 100, 5) == []
        assert other.outbox.waiting() == 0
        store.close()
        other.close()

    def test_reviews_are_read_out_of_the_event_log(self, opened: Opened) -> None:
        store = opened()

        def said(number: int, kind: EventType, text: str | None) -> Event:
            context = None if text is None else orjson.dumps({"comment": text}).decode()
            return Event(event_type=kind, timestamp=START + number, user_id="ann", item_id="tea", context=context)

        store.events.append(
            batch_of(
                said(1, EventType.COMMENT, "good"), said(2, EventType.VIEW, "no"), said(3, EventType.COMMENT, None)
            )
        )
        ((upto, (review,)),) = store.opinions.reviews(0)
        assert (review.user_id, review.item_id, orjson.loads(review.context)) == ("ann", "tea", {"comment": "good"})
        assert list(store.opinions.reviews(upto)) == []
        store.events.append(batch_of(said(4, EventType.COMMENT, "bad")))
        assert [len(found) for _, found in store.opinions.reviews(upto)] == [1]
        store.close()

    def test_posts_are_forgotten_with_the_person(self, opened: Opened) -> None:
        store = opened()
        store.people.upsert([Person(user_id="ann")])
        with store.opinions.turn() as turn:
            turn.add([post(1, author="ann"), post(2, author="bob"), post(3)])
            turn.count({("all", START): Count(3, 0, 0, 3)})
        assert [one.sequence for one in store.opinions.of_person("ann")] == [1]
        assert store.people.delete("ann")["opinions"] == 1
        assert [one.sequence for one in store.opinions.posts()] == [3, 2]
        assert store.opinions.totals(kind=None, since=0, before=START + 1)[0][1].posts == 3, "counts name nobody"
        store.close()
