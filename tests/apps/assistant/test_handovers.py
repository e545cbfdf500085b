"""A conversation goes to a person and back: who answers when, what is told, what is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.assistant import Reply, Turn
from shoplens.apps.assistant.escalation import Opening
from shoplens.errors import ConflictError, InputError, NotFoundError
from shoplens.service.handover_delivery import handovers_told
from shoplens.service.privacy import export_person
from shoplens.service.runtime import Runtime
from shoplens.store.records import Delivery


@dataclass
class Talk:
    """One customer's conversation."""

    shop: Runtime
    user: str | None = None
    name: str | None = None

    def say(self, text: str) -> Reply:
        reply = self.shop.assistant.turn(Turn(text=text, conversation_id=self.name, user_id=self.user))
        self.name = reply.conversation_id
        return reply


@pytest.fixture
def talk(shop: Runtime) -> Iterator[Talk]:
    one = Talk(shop)
    yield one
    if one.name is not None:
        shop.store.transcripts.delete(one.name)


def test_a_person_answers_and_gives_back(talk: Talk) -> None:
    desk = talk.shop.assistant.desk
    assert talk.say("I want to talk to a human").outcome == "handed_over"
    name = talk.name or ""
    assert name in [one.handover.conversation_id for one in desk.waiting()]
    quiet = talk.say("how long can I return something?")
    assert (quiet.outcome, quiet.sources) == ("waiting", ()), "nothing is answered meanwhile"
    assert desk.take(name, agent="Mia").agent == "Mia"
    assert desk.take(name, agent="Mia").state == "with_agent", "once more changes nothing"
    with pytest.raises(ConflictError, match="Mia has"):
        desk.answer(name, "me too", agent="Bo")
    assert desk.answer(name, "Within 30 days.", agent="Mia").number == 3
    assert talk.say("thank you").outcome == "with_agent"
    assert desk.give_back(name, agent="Mia").state == "returned"
    told = [(one.number, one.said, one.answer) for one in desk.messages(name, 2).turns]
    assert [number for number, _, _ in told] == [3, 4, 5]
    assert told[0] == (3, "", "Within 30 days.")
    assert told[1][1] == "thank you"
    again = talk.say("how long can I return something?")
    assert (again.outcome, again.turn) == ("answered", 6)
    assert "30 days" in again.text
    with pytest.raises(ConflictError, match="returned"):
        desk.answer(name, "one more thing", agent="Mia")


def test_the_queue_and_a_second_handover(talk: Talk) -> None:
    desk = talk.shop.assistant.desk
    talk.say("转人工")
    name = talk.name or ""
    desk.take(name, agent="Mia")
    assert desk.give_back(name, agent="Mia", to="queue").agent == ""
    assert desk.take(name, agent="Bo").agent == "Bo"
    assert desk.give_back(name, agent="Bo", to="closed").state == "closed"
    assert desk.messages(name).turns[-1].answer.startswith("同事已结束")
    assert talk.say("转人工").outcome == "handed_over"
    assert desk.take(name, agent="Mia").turn == 3


def test_what_cannot_be_done(talk: Talk) -> None:
    desk = talk.shop.assistant.desk
    talk.say("hello")
    with pytest.raises(NotFoundError, match="never handed over"):
        desk.take(talk.name or "", agent="Mia")
    talk.say("human please")
    for text, agent in (("", "Mia"), ("x" * 2_001, "Mia"), ("hello", " ")):
        with pytest.raises(InputError):
            desk.answer(talk.name or "", text, agent=agent)


def test_messages_are_the_customers_own(shop: Runtime, talk: Talk) -> None:
    desk = shop.assistant.desk
    talk.user = "ann"
    talk.say("human please")
    assert desk.messages_for("ann", talk.name or "").turns
    for who in ("bob", None):
        with pytest.raises(NotFoundError):
            desk.messages_for(who, talk.name or "")


def test_after_long_silence_the_assistant_answers_again(talk: Talk) -> None:
    assistant = talk.shop.assistant.assistant
    now = assistant._now()
    assistant._now = lambda: now - 80 * 3_600
    try:
        talk.say("human please")
    finally:
        assistant._now = lambda: now
    assert talk.say("how long can I return something?").outcome == "answered"
    record = talk.shop.store.handovers.load(talk.name or "")
    assert record is not None
    assert record.state == "closed"


def test_people_hear_of_it_and_the_log_of_nothing_said(talk: Talk) -> None:
    talk.user = "ann"
    talk.say("I want to talk to a human, my kettle is broken")
    shop = talk.shop
    told = handovers_told(shop.store, shop.settings.assistant)
    news = Delivery(kind="handover", subject=talk.name or "", occasion="opened/1", channel="log", due=0)
    message = told.compose(news)
    assert message is not None
    assert message.body["handover"]["user_id"] == "ann"
    assert "kettle" in message.text
    assert "kettle" not in message.line + message.subject
    assert (talk.name or "") not in message.line
    exported = export_person(shop, "ann")["transcripts"]
    assert [one["handover"]["state"] for one in exported if one["conversation_id"] == talk.name] == ["waiting"]
    shop.store.transcripts.delete(talk.name or "")
    assert told.compose(news) is None, "who was forgotten is told to nobody"


HOURS = Opening("Mon-Fri 09:00-18:00; Sat 10:00-14:00; Sat 22:00-02:00", "Europe/Berlin")


@settings(max_examples=60)
@given(st.integers(min_value=1_700_000_000, max_value=1_800_000_000))
def test_the_next_hour_is_the_first_at_which_people_answer(second: int) -> None:
    now = datetime.fromtimestamp(second, UTC)
    opens = HOURS.opens(now)
    assert (opens is None) == HOURS.is_open(now)
    if opens is not None:
        assert HOURS.is_open(opens)
        assert opens.timestamp() > now.timestamp()
        steps = int((opens.timestamp() - now.timestamp()) // 900)
        assert not any(HOURS.is_open(datetime.fromtimestamp(second + 900 * step, UTC)) for step in range(steps))
