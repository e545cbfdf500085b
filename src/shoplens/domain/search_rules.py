"""What a shop tells its search while it is open: curation, synonyms, words of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RuleKind(StrEnum):
    """What a rule is about; the names of the three lists."""

    CURATION = "curation"  # pinned, hidden, boosted and buried products
    SYNONYMS = "synonyms"  # words that are read as others
    WORDS = "words"  # names that Chinese segmentation keeps whole


@dataclass(frozen=True, slots=True)
class SearchRule:
    """One rule, as it was told. It is never changed: another one takes its place, and this one may come back."""

    rule_id: int
    kind: RuleKind
    body: str  # a line of synonyms, a word, a rule of curation as a JSON object
    added: int  # microseconds since 1970, UTC
    removed: int | None = None  # since when it holds no more
