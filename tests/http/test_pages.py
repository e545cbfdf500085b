"""Cursors of lists: what was encoded comes back, all else is refused; conversations page by page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplens.errors import InputError
from shoplens.http.wire.assistant import behind_conversation, conversations_json
from shoplens.http.wire.pages import decode, encode
from shoplens.store.records import Transcript


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1))
def test_what_was_encoded_comes_back(number: int, name: str, share: float) -> None:
    assert decode(encode("lists", number, name, share), "lists", int, str, float) == (number, name, share)


@given(st.text(max_size=80))
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="start again without a cursor"):
        decode(text, "lists", int, str)


def test_a_cursor_belongs_to_its_list() -> None:
    for cursor in (encode("others", 1, "a"), encode("lists", "a", 1), encode("lists", 1), encode("lists", True, "a")):
        with pytest.raises(InputError):
            decode(cursor, "lists", int, str)


def test_a_page_of_conversations_knows_whether_it_is_the_last() -> None:
    kept = [Transcript(conversation_id=name, user_id=None, started=1, updated=2) for name in ("a", "b")]
    assert behind_conversation(conversations_json(kept, limit=1)["cursor"]) == (2, "a")
    assert conversations_json(kept, limit=2)["cursor"] is None
    assert conversations_json([], limit=2) == {"conversations": [], "cursor": None}
    assert behind_conversation(None) is None
