"""GET /v1/suggest over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from shoplens.apps.search.suggestions import Suggestion


class SuggestionOut(BaseModel):
    """One completion of what was typed."""

    text: str = Field(description="What to search for.")
    kind: Literal["query", "product", "category", "brand"]
    count: int = Field(description="How often it was searched for, or how many products it stands for.")
    highlight: str = Field(description="HTML, escaped, with what was typed in <em>.")


class SuggestionsAnswer(BaseModel):
    """Best first."""

    suggestions: list[SuggestionOut]


def suggestion_json(one: Suggestion) -> dict[str, Any]:
    """`SuggestionOut` as plain values."""
    return {"text": one.text, "kind": one.kind, "count": one.count, "highlight": one.highlight}


def suggestions_bytes(found: Sequence[Suggestion]) -> bytes:
    """`SuggestionsAnswer` as JSON, written by hand: it is asked for at every letter."""
    return orjson.dumps({"suggestions": [suggestion_json(one) for one in found]})
