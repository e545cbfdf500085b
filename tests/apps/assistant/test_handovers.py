"""A conversation goes to a person and back: who answers when, what is told, what is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.apps.assistant import Reply, Turn
from shoplens.apps.assistant.escalation import Opening
from shoplens.apps.assistant.listening import Nobody, Stage, TurnStoppedError
from shoplens.apps.assistant.turns import Sentence
from shoplens.apps.assistant.understanding.talk import accepts, leaves
from shoplens.errors import ConflictError, InputError, NotFoundError, StoreUnavailableError
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


@pytest.mark.parametrize(("asked", "words"), [("human please", "never mind"), ("转人工", "不用人工了")])
def test_who_waits_may_go_on_with_the_assistant(talk: Talk, asked: str, words: str) -> None:
    desk, name = talk.shop.assistant.desk, talk.say(asked).conversation_id
    assert talk.say("how long can I return something?").outcome == "waiting"
    left = talk.say(words)
    assert left.outcome == "left"
    record = talk.shop.store.handovers.load(name)
    assert record is not None
    assert (record.state, record.agent) == ("returned", "")
    with pytest.raises(ConflictError, match="returned"):
        desk.take(name, agent="Mia")
    assert talk.say("how long can I return something?").outcome == "answered"
    with pytest.raises(ConflictError, match="nobody is waited for"):
        talk.shop.assistant.leave(name)
    talk.say(asked)
    desk.take(name, agent="Mia")
    assert talk.say(words).outcome == "with_agent", "an agent who reads along is asked to go, not left alone"
    for wrong in ("b" * 32, name):
        with pytest.raises((NotFoundError, ConflictError)):
            talk.shop.assistant.leave(wrong, "bob")


def test_people_hear_that_somebody_left(talk: Talk) -> None:
    assistant = talk.shop.assistant.assistant
    before, assistant._channels = assistant._channels, ("log", "webhook")
    try:
        talk.say("human please")
        talk.say("cancel")
    finally:
        assistant._channels = before
    told = handovers_told(talk.shop.store, talk.shop.settings.assistant)
    news = Delivery(kind="handover", subject=talk.name or "", occasion="left/2", channel="webhook", due=0)
    message = told.compose(news)
    assert message is not None
    assert message.body["handover"]["state"] == "returned"
    found = talk.shop.store.outbox.claim(2**62, 1, 100)
    ours = [(one.occasion, one.channel) for one in found if one.subject == talk.name]
    assert sorted(ours) == [("left/2", "webhook"), ("opened/1", "log"), ("opened/1", "webhook")]


def test_what_is_given_back_is_told_in_one_transaction(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = talk.shop.assistant.desk
    name = talk.say("human please").conversation_id
    desk.take(name, agent="Mia")

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the power is gone")

    monkeypatch.setattr(type(talk.shop.store.transcripts), "record", gone)
    with pytest.raises(StoreUnavailableError):
        desk.give_back(name, agent="Mia")
    monkeypatch.undo()
    assert desk.take(name, agent="Mia").state == "with_agent", "nothing happened"
    assert desk.give_back(name, agent="Mia").state == "returned"
    with pytest.raises(ConflictError):
        desk.give_back(name, agent="Mia")


@pytest.mark.parametrize(
    "texts", [("human please",), ("zebra xylophone", "zebra xylophone"), ("human please", "hello?")]
)
def test_who_hangs_up_is_handed_over_all_the_same(talk: Talk, texts: tuple[str, ...]) -> None:
    class Gone(Nobody):
        def stage(self, name: Stage, told: Mapping[str, object]) -> None:
            self.check()

        def sentence(self, sentence: Sentence) -> None:
            self.check()

        def check(self) -> None:
            if self.hangs_up:
                raise TurnStoppedError

        hangs_up = False

    for text in texts[:-1]:
        talk.say(text)
    if talk.name is None:
        talk.say("hello")
    listener = Gone()
    if texts[0] != "zebra xylophone":  # an answer that nobody waits for is not even looked for
        listener.hangs_up = True
    else:
        listener.stage = lambda name, told: setattr(listener, "hangs_up", name == "found")  # type: ignore[method-assign]
    turn = Turn(text=texts[-1], conversation_id=talk.name)
    talk.shop.assistant.turn(turn, listener)
    waiting = [one.handover.conversation_id for one in talk.shop.assistant.desk.waiting()]
    assert talk.name in waiting
    assert talk.shop.store.transcripts.turns(talk.name or "")[-1].said == texts[-1]


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


@pytest.mark.parametrize(
    ("text", "leaving"),
    [
        ("cancel", True),
        ("I don’t need a human", True),
        ("leave the queue please", True),
        ("不用人工了", True),
        ("不需要转人工客服了", True),
        ("I don't want to leave the queue", False),
        ("Please don't cancel the handover", False),
        ("I want to talk to the assistant manager", False),
        ("why do I have to talk to the bot?", False),
        ("不要取消人工", False),
        ("别取消人工", False),
        ("不用客服赔偿，只要退款", False),
    ],
)
def test_nobody_is_thrown_out_of_the_queue(text: str, leaving: bool) -> None:
    assert leaves(text) is leaving


def test_thanks_alone_take_no_offer() -> None:
    assert [accepts(one) for one in ("thanks", "谢谢", "yes, thanks", "好的谢谢")] == [False, False, True, True]
