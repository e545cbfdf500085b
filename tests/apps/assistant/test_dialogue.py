"""Turns: tools, documents, answers of the past, escalation, memory, an endpoint that lies."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shoplens.apps.assistant import Reply, Turn
from shoplens.apps.assistant.escalation import Opening
from shoplens.apps.assistant.intents.model import Guess, IntentModel
from shoplens.apps.assistant.memory import Memory
from shoplens.apps.assistant.turns import Tone
from shoplens.apps.assistant.understanding.acts import act_of
from shoplens.apps.assistant.understanding.reading import Understanding
from shoplens.apps.assistant.understanding.tone import tone_of
from shoplens.errors import ConfigurationError, InputError, NotFoundError, ServiceUnavailableError
from shoplens.service.runtime import Runtime


def ask(shop: Runtime, *texts: str, user: str | None = None) -> Reply:
    reply: Reply | None = None
    for text in texts:
        name = reply.conversation_id if reply is not None else None
        reply = shop.assistant.turn(Turn(text=text, user_id=user, conversation_id=name))
    assert reply is not None
    return reply


def test_every_factual_sentence_names_its_source(shop: Runtime) -> None:
    reply = ask(shop, "how long can I return something?")
    assert "30 days" in reply.text
    assert reply.outcome == "answered"
    assert all(one.sources for one in reply.sentences)
    assert reply.sources[0].location.startswith("sample-policies.en.md:")
    assert (
        reply.sources[0].title
        == "Sample shop: policies (made-up examples) › Returns › How long you can return something"
    )


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        ("how much is the red steel kettle?", "24.90 EUR instead of 29.90 EUR", "product"),
        ("is the blue desk lamp in stock?", "out of stock", "product"),
        ("what colour is the red steel kettle", "red", "product"),
        ("is the red steel kettle compatible with induction", "induction", "product"),
        ("do you have a kettle", "Red steel kettle", "product"),
        ("what does express delivery cost?", "9.90 EUR", "document"),
        ("my card was declined", "card's limit", "dialogue"),
        ("取消订单要手续费吗", "不收手续费", "document"),
        ("有学生优惠吗", "没有学生优惠", "document"),
    ],
)
def test_answers(shop: Runtime, text: str, said: str, kind: str) -> None:
    reply = ask(shop, text)
    assert said in reply.text
    assert reply.sources[0].kind == kind


def test_own_orders_after_signing_in_only(shop: Runtime) -> None:
    known = ask(shop, "where is my order", user="ann")
    assert "7000123" in known.text
    assert "shipped" in known.text
    guest = ask(shop, "where is my order")
    assert "sign in" in guest.text
    assert "7000123" not in guest.text
    other = ask(shop, "where is order 9000777", user="ann")
    assert other.text == ask(shop, "where is order 9999999", user="ann").text, "it tells not even that it exists"


def test_it_remembers_what_was_spoken_of(shop: Runtime) -> None:
    assert "24.90 EUR" in ask(shop, "do you have a kettle", "how much is it?").text
    assert "7000123" in ask(shop, "hello", "track order 7000123", user="ann").text


def test_without_a_source_it_does_not_know_and_then_hands_over(shop: Runtime) -> None:
    first = ask(shop, "zebra xylophone")
    assert first.outcome == "unknown"
    assert first.question is not None
    second = ask(shop, "zebra xylophone", "quantum chromodynamics")
    assert second.handover is not None
    assert second.handover.reason == "unsure"
    assert "zebra" in second.handover.summary


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("let me talk to a human",), "asked"),
        (("转人工",), "asked"),
        (("my lawyer will call you",), "topic"),
        (("the mug broke and I am in hospital",), "topic"),
        (("this is ridiculous", "your service is terrible!!"), "upset"),
    ],
)
def test_escalation(shop: Runtime, texts: tuple[str, ...], reason: str) -> None:
    reply = ask(shop, *texts)
    assert reply.handover is not None
    assert reply.handover.reason == reason
    kept = shop.store.transcripts.load(reply.conversation_id)
    assert kept is not None
    assert kept.handed_over == reason


def test_quiet_hours() -> None:
    week = Opening("Mon-Fri 09:00-18:00; Sat 22:00-02:00", "Europe/Berlin")
    assert week.is_open(datetime(2026, 1, 5, 8, 30, tzinfo=UTC))
    assert not week.is_open(datetime(2026, 1, 5, 17, 30, tzinfo=UTC))
    assert week.is_open(datetime(2026, 1, 11, 0, 30, tzinfo=UTC)), "Saturday's night goes on into Sunday"
    assert not week.is_open(datetime(2026, 1, 11, 12, tzinfo=UTC))
    assert Opening().is_open(datetime(2026, 1, 11, tzinfo=UTC))
    for hours, zone in (("always", "UTC"), ("", "Nowhere/City")):
        with pytest.raises(ConfigurationError):
            Opening(hours, zone)


@pytest.mark.slow
def test_feedback_and_corrections_are_learnt(shop: Runtime) -> None:
    from shoplens.service.assistant_learning import learn_assistant

    reply = ask(shop, "my telly shows stripes")
    shop.assistant.judge(reply.conversation_id, reply.turn, helpful=False, intent="complaint")
    did = learn_assistant(shop.workspace, shop.store, None)
    assert did.corrections == 1
    shop.assistant.refresh()
    again = ask(shop, "my telly shows stripes")
    assert again.understood.intent == "complaint"
    with pytest.raises(NotFoundError):
        shop.assistant.judge(reply.conversation_id, 99, helpful=True)
    with pytest.raises(InputError):
        shop.assistant.judge(reply.conversation_id, 1, helpful=None)


def test_many_conversations_at_once_and_another_process_goes_on(shop: Runtime) -> None:
    replies: list[Reply] = []

    def talk() -> None:
        replies.append(ask(shop, "hello", "how much is the white mug", "and is it in stock?"))

    threads = [threading.Thread(target=talk) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({one.conversation_id for one in replies}) == 12
    assert all("White mug" in one.text for one in replies)
    with Runtime(shop.workspace, shop.store) as other:
        reply = other.assistant.turn(Turn(text="how much is it", conversation_id=replies[0].conversation_id))
        assert (reply.turn, "7.50 EUR" in reply.text) == (4, True)


class Endpoint:
    """Writes what it is told to write."""

    def __init__(self, text: str = "", error: Exception | None = None) -> None:
        self.text, self.error = text, error
        self.asked: list[str] = []

    def __call__(self, asked: str, sources: object, said: object, language: str) -> str:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        return self.text


@pytest.mark.parametrize(
    ("endpoint", "by"),
    [
        (Endpoint("Of course! You can return unused products within 30 days of delivery."), "endpoint"),
        (Endpoint("You can return everything within 365 days, free of charge."), "templates"),
        (Endpoint(error=ServiceUnavailableError("gone")), "templates"),
        (Endpoint(error=KeyError("choices")), "templates"),
    ],
)
def test_an_endpoint_may_write_what_is_true(shop: Runtime, endpoint: Endpoint, by: str) -> None:
    shop.assistant.follow()
    assistant = shop.assistant.assistant
    assistant._writer = endpoint
    try:
        reply = assistant.turn(Turn(text="how long can I return something?"))
        assert reply.written_by == by
        assert "30 days" in reply.text
        assert "365" not in reply.text
        assistant.turn(Turn(text="hello"))
        assert endpoint.asked == ["how long can I return something?"], "talk is not sent anywhere"
    finally:
        assistant._writer = None


def test_a_tool_that_hangs_is_not_waited_for(shop: Runtime) -> None:
    answering = shop.assistant.assistant._answer
    tools, seconds = answering._tools, answering._seconds

    class Slow:
        def __call__(self, user_id: str, limit: int) -> list[object]:
            time.sleep(0.5)
            return []

    object.__setattr__(answering, "_tools", type(tools)(catalogue=tools.catalogue, orders=Slow()))  # type: ignore[arg-type]
    answering._seconds = 0.05
    try:
        assert "cannot look that up" in ask(shop, "where is my order", user="ann").text
    finally:
        answering._tools, answering._seconds = tools, seconds


class Broken:
    """Raises what no tool should."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_asked: object) -> Any:
        raise self.error

    get = find = __call__


@pytest.mark.parametrize("error", [KeyError("order_id"), RuntimeError("lost"), ValueError("?"), OSError("gone")])
def test_a_tool_that_breaks_does_not_end_the_turn(shop: Runtime, error: Exception) -> None:
    answering = shop.assistant.assistant._answer
    tools = answering._tools
    broken: Any = Broken(error)
    answering._tools = replace(tools, catalogue=broken, orders=broken, recommends=broken, shopping=broken)
    try:
        assert "cannot look that up" in ask(shop, "where is my order", user="ann").text
        for text in ("how much is the white mug?", "recommend me something", "do you have a kettle"):
            assert ask(shop, text).outcome in ("unknown", "asked_back", "answered")
    finally:
        answering._tools = tools


def test_memory_is_bounded_and_survives_nonsense() -> None:
    memory = Memory()
    for number in range(50):
        memory.slots[str(number)] = "x"
        memory.remember("q" * 1_000, "a" * 10_000, f"intent{number}")
    assert len(memory.told()) < 10_000
    assert Memory.of(memory.told()) == memory
    for broken in ("", "null", "{}", "[1]", '{"format": 9}', '{"format": 1, "items": 3}'):
        assert Memory.of(broken) == Memory()


def test_tone_and_acts() -> None:
    assert tone_of("this is unacceptable") is tone_of("太差了，我要投诉") is Tone.UPSET
    assert tone_of("I need it today") is Tone.URGENT
    assert tone_of("could you help") is tone_of("请问一下") is Tone.POLITE
    assert tone_of("where is it") is Tone.NEUTRAL
    told = {
        "hi there": "greeting", "谢谢": "thanks", "bye": "goodbye", "转人工": "human", "where is my parcel": "orders",
        "查一下我的订单": "orders", "how much is the mug": "price", "杯子多少钱": "price", "mug in stock?": "stock",
        "what colour is it": "attribute", "recommend me something": "recommend", "do you sell lamps": "find",
        "how much is the delivery": "question", "can I return it": "question",
    }  # fmt: skip
    assert {text: act_of(text).value for text in told} == told


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("hello hello", "greeting"),
        ("hi there, how are you?", "greeting"),
        ("你好啊", "greeting"),
        ("thanks, bye", "goodbye"),
        ("ok great", "noted"),
        ("no thanks", "noted"),
        ("嗯嗯，好的", "noted"),
        ("are you a bot?", "about"),
        ("你是机器人吗？", "about"),
        ("I need help", "about"),
        ("no delivery yet", "question"),
        ("好的，退货期限是多久", "question"),
        ("k" * 39 + "x", "question"),
        ("好的" * 19 + "x", "question"),
    ],
)
def test_talk_that_asks_for_nothing(text: str, act: str) -> None:
    assert act_of(text).value == act


def test_talk_has_no_intent_however_sure_the_nearest_one_is(shop: Runtime) -> None:
    class Guessing:
        def guess(self, texts: list[str]) -> list[Guess]:
            raise AssertionError(f"{texts} was guessed")

    read = Understanding(lambda: cast(IntentModel, Guessing()))
    for text in ("hello", "谢谢", "who are you"):
        assert read(Turn(text=text), Memory()).intent is None
    assert ask(shop, "hello").outcome == "talked"


@pytest.mark.parametrize(("miss", "yes"), [("zebra xylophone", "yes please"), ("斑马木琴", "好的")])
def test_who_accepts_the_offer_gets_a_person(shop: Runtime, miss: str, yes: str) -> None:
    first = ask(shop, miss)
    assert first.outcome == "unknown"
    assert first.question is not None
    again = shop.assistant.turn(Turn(text=yes, conversation_id=first.conversation_id))
    assert (again.outcome, again.handover.reason if again.handover else None) == ("handed_over", "asked")
    assert ask(shop, miss, "hello", yes).outcome == "talked", "the offer stood for one message"


def test_a_person_is_promised_only_when_one_is_asked(shop: Runtime) -> None:
    guessed = Guess("contact_human_agent", 0.7, None, True)
    model = shop.assistant.intents
    assert model is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model), "guess", lambda _model, texts: [guessed] * len(texts))
        unsure = ask(shop, "somebody there perhaps")
        patch.setattr(type(model), "guess", lambda _model, texts: [replace(guessed, confidence=0.9)] * len(texts))
        sure = ask(shop, "somebody there perhaps")
    assert (unsure.outcome, unsure.question) == ("asked_back", "Shall I ask a colleague to take over?")
    assert shop.assistant.turn(Turn(text="yes", conversation_id=unsure.conversation_id)).outcome == "handed_over"
    assert sure.outcome == "handed_over"


def test_what_is_sold_out_is_named(shop: Runtime) -> None:
    reply = ask(shop, "do you have a blue desk lamp?")
    assert "cannot be bought" in reply.text
    assert "Blue desk lamp" in reply.text
    assert reply.items == ("lamp",)
