"""When two shoppers have typed the same."""

from __future__ import annotations

import unicodedata

from shoplens.domain.events import key_of_text


def query_form(text: str) -> str:
    """A query as it is counted: full-width and composed forms made one, small letters, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def query_key(text: str) -> int:
    """Signed 64-bit number of a query's form: what is learnt from people need not keep what they typed."""
    return key_of_text(query_form(text).encode("utf-8", "replace").decode())
