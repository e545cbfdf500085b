"""Words are told as they are written, and only those that stand in a source; who hangs up ends the turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.apps.assistant import Reply, Sentence, Turn
from shoplens.apps.assistant.listening import TurnStoppedError
from shoplens.apps.assistant.sentences import sentences_as_they_come, split_sentences
from shoplens.errors import ServiceUnavailableError
from shoplens.service.runtime import Runtime

ASKED = "how long can I return something?"
TRUE, WRONG = "Of course! You can return unused products within 30 days of delivery.", "Used ones within 365 days."


class Heard:
    """Notes all it hears; hangs up after so many checks."""

    def __init__(self, patience: int = 10**6) -> None:
        self.events: list[str] = []
        self.sentences: list[Sentence] = []
        self.patience = patience

    def stage(self, name: str, told: Mapping[str, object]) -> None:
        self.events.append(name)

    def sentence(self, sentence: Sentence) -> None:
        self.events.append("sentence")
        self.sentences.append(sentence)

    def switched(self, said: int, why: str) -> None:
        self.events.append(f"switched {said} {why}")

    def check(self) -> None:
        self.patience -= 1
        if self.patience < 0:
            raise TurnStoppedError


class Writer:
    """Writes piece by piece; notes how much was read, and whether it was closed."""

    def __init__(self, text: str, error: Exception | None = None) -> None:
        self.text, self.error, self.given, self.closed = text, error, 0, False

    def __call__(self, *_: object) -> Iterator[str]:
        try:
            for start in range(0, len(self.text), 5):
                self.given += 1
                yield self.text[start : start + 5]
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@pytest.fixture
def writes(shop: Runtime) -> Iterator[None]:
    shop.assistant.follow()
    yield
    shop.assistant.assistant._writer = None


def ask(shop: Runtime, writer: Writer, heard: Heard, text: str = ASKED) -> Reply:
    shop.assistant.assistant._writer = cast("Any", writer)
    return shop.assistant.turn(Turn(text=text), heard)


@pytest.mark.usefixtures("writes")
def test_a_sentence_is_told_when_it_is_checked_and_talk_waits_for_a_fact(shop: Runtime) -> None:
    heard = Heard()
    reply = ask(shop, Writer(TRUE), heard)
    assert heard.events == ["understood", "found", "sentence", "sentence"]
    assert tuple(heard.sentences) == reply.sentences
    assert reply.written_by == "endpoint"


@pytest.mark.usefixtures("writes")
@pytest.mark.parametrize(
    ("writer", "why"),
    [
        (Writer(f"{TRUE} {WRONG} And more. {TRUE}"), "unsupported"),
        (Writer(f"{TRUE} You can", ServiceUnavailableError("late")), "failed"),
    ],
)
def test_after_a_wrong_word_templates_go_on(shop: Runtime, writer: Writer, why: str) -> None:
    heard = Heard()
    reply = ask(shop, writer, heard)
    assert heard.events[2:5] == ["sentence", "sentence", f"switched 2 {why}"]
    assert tuple(heard.sentences) == reply.sentences
    assert reply.written_by == "both"
    assert "365" not in reply.text
    assert all(one.sources for one in reply.sentences[1:])
    alone = shop.assistant.turn(Turn(text=ASKED))
    assert alone.written_by == "templates", "where nobody listened nothing was said yet"
    assert reply.sentences[-1].text == alone.sentences[-1].text
    assert len({one.text for one in reply.sentences}) == len(reply.sentences), "nothing is said twice"


@pytest.mark.usefixtures("writes")
@pytest.mark.parametrize("patience", [0, 3, 6, 12, 16])
def test_who_hangs_up_ends_the_turn(shop: Runtime, patience: int) -> None:
    writer = Writer(f"{TRUE} {TRUE} {TRUE}")
    before = shop.store.transcripts.count()
    with pytest.raises(TurnStoppedError):
        ask(shop, writer, Heard(patience))
    assert shop.store.transcripts.count() == before, "nothing of it is kept"
    assert writer.closed == (writer.given > 0), "the endpoint is left"
    assert writer.given < len(writer.text) // 5


def test_what_is_no_words_of_an_endpoint_is_told_too(shop: Runtime) -> None:
    heard = Heard()
    reply = shop.assistant.turn(Turn(text="this is the worst shop ever, how long can I return something?!"), heard)
    assert tuple(heard.sentences) == reply.sentences


PARTS = st.sampled_from(
    ["Free", " ", "\n", ".", "!", "。", "3", "- ", "1. ", "e.g.", "A", '"', ")", "退货", "？", "\r\n"]
)


@given(st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=8))
def test_sentences_as_they_come_are_those_of_the_whole(pieces: list[str]) -> None:
    assert list(sentences_as_they_come(pieces)) == list(split_sentences("".join(pieces)))
