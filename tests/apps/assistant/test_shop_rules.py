"""What a shop sets of its assistant: who answers what, at which hours, and how long transcripts are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shoplens.apps.assistant import Reply, Turn
from shoplens.apps.assistant.turns import Tone
from shoplens.apps.assistant.understanding.tone import tone_of
from shoplens.service.runtime import Runtime
from shoplens.testing.assisted_shop import open_assisted_shop


def ask(shop: Runtime, text: str) -> Reply:
    """One message of a new conversation."""
    return shop.assistant.turn(Turn(text=text))


@pytest.fixture
def strict_shop(tmp_path: Path) -> Iterator[Runtime]:
    """People answer on weekdays only, complaints always go to them, and transcripts are kept for two days."""
    settings = {
        "handover_intents": ("complaint",),
        "hours": "Mon-Fri 09:00-18:00",
        "timezone": "Asia/Shanghai",
        "keep_days": 2.0,
    }
    with open_assisted_shop(tmp_path, assistant=settings) as shop:
        yield shop


def test_rules_of_the_shop(strict_shop: Runtime) -> None:
    shop = strict_shop
    shop.assistant.follow()
    assistant = shop.assistant.assistant
    complaint = next(
        one.utterance
        for one in shop.assistant.intents.examples  # type: ignore[union-attr]
        if one.intent == "complaint" and one.utterance.isascii() and tone_of(one.utterance) is not Tone.UPSET
    )
    for moment, open_now in (
        (datetime(2026, 1, 5, 2, tzinfo=UTC), True),
        (datetime(2026, 1, 5, 12, tzinfo=UTC), False),
    ):
        assistant._now = moment.timestamp
        reply = ask(shop, complaint)
        assert reply.handover is not None
        assert (reply.handover.reason, reply.handover.open_now) == ("rule", open_now)
        assert ("Mon-Fri 09:00-18:00 (Asia/Shanghai)" in reply.text) is not open_now
    assert ask(shop, "how long can I return something?").handover is None, "other intents are answered at any hour"


def test_old_transcripts_go(strict_shop: Runtime) -> None:
    shop = strict_shop
    assistant = shop.assistant.assistant
    now = assistant._now()
    assistant._now = lambda: now - 2.1 * 86_400
    old = ask(shop, "hello")
    assistant._now = lambda: now - 1.9 * 86_400
    young = ask(shop, "hello")
    shop.assistant._pruned = float("-inf")
    shop.assistant.refresh()
    assert shop.store.transcripts.load(old.conversation_id) is None
    assert shop.store.transcripts.load(young.conversation_id) is not None
