"""What a shop tells its search, over the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from shoplens.apps.search.curation_rules import LAST_PLACE, MOST_BOOSTS, MOST_ITEMS, STRONGEST
from shoplens.domain.moments import told
from shoplens.domain.search_rules import RuleKind, SearchRule
from shoplens.http.wire.fields import DAY_PATTERN, TEXT_PATTERN, Id, Request, ShortText, Told
from shoplens.http.wire.ranking import FilterIn
from shoplens.service.search_rules import RuleFile, rule_json
from shoplens.service.search_rules import Told as ToldRule

MOST_AT_ONCE = 5_000
MOST_QUERIES = 100  # of one rule
Query = Annotated[str, StringConstraints(max_length=400, pattern=TEXT_PATTERN)]
Day = Annotated[str, StringConstraints(pattern=DAY_PATTERN)]


class PinIn(Request):
    """A product at a place."""

    item: Id
    place: int = Field(ge=1, le=LAST_PLACE)


class CurationBoostIn(Request):
    """Lift, or bury, what the filter keeps."""

    filter: FilterIn
    by: float = Field(default=1.0, gt=0, le=STRONGEST, description="Standard deviations of the scores.")


class CurationRuleIn(Request):
    """What holds for some queries, on some days; the same names as in `curation.toml`."""

    query: Query | list[Query] = Field(
        description='Letter case and plurals do not matter; "*" stands for any words, alone for every search.',
        examples=["*summer dress*"],
    )
    pin: list[Id | PinIn] | None = Field(default=None, max_length=MOST_ITEMS, examples=[["sku-7"]])
    hide: list[Id] | None = Field(default=None, max_length=MOST_ITEMS)
    boost: list[CurationBoostIn] | None = Field(default=None, max_length=MOST_BOOSTS)
    bury: list[CurationBoostIn] | None = Field(default=None, max_length=MOST_BOOSTS)
    since: Day | None = Field(default=None, alias="from", description="First day on which it holds (UTC).")
    until: Day | None = Field(default=None, description="Last day.")


class SearchRulesIn(Request):
    """What holds from now on. Either all of it is taken or nothing."""

    curation: list[CurationRuleIn] | None = Field(default=None, max_length=MOST_AT_ONCE)
    synonyms: list[ShortText] | None = Field(
        default=None,
        max_length=MOST_AT_ONCE,
        description="Lines: any finds all, or the first finds the others as well.",
        examples=[["sneaker, trainer, running shoe", "iphone => apple phone, 苹果手机"]],
    )
    words: list[ShortText] | None = Field(
        default=None,
        max_length=MOST_AT_ONCE,
        description="Names that Chinese segmentation keeps whole.",
        examples=[["优衣库"]],
    )
    replace: bool = Field(default=False, description="What was told before of the kinds that are named holds no more.")

    def told(self) -> dict[RuleKind, Sequence[ToldRule]]:
        """By kind, those that are named."""
        lists: dict[RuleKind, Sequence[ToldRule] | None] = {
            RuleKind.CURATION: None
            if self.curation is None
            else [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in self.curation],
            RuleKind.SYNONYMS: self.synonyms,
            RuleKind.WORDS: self.words,
        }
        return {kind: some for kind, some in lists.items() if some is not None}


class SearchRuleOut(BaseModel):
    """One rule, as it was told."""

    id: int
    kind: RuleKind
    rule: str | dict[str, Any] = Field(description="A line, a word, or a rule of curation.")
    added: Told
    removed: Told | None = Field(description="Since when it holds no more.")


class RuleFileOut(BaseModel):
    """A file of the workspace that holds beside what was told."""

    kind: RuleKind
    name: str
    rules: int
    problem: str | None = Field(description="Why it cannot be read; what it said before holds on.")
    left_out: int = Field(description="Words without a Chinese character: these are never cut apart.")


class SearchRulesAnswer(BaseModel):
    """Rules in the order in which they were told."""

    rules: list[SearchRuleOut]
    files: list[RuleFileOut]


class ChangedRules(BaseModel):
    """The rules that changed."""

    rules: list[SearchRuleOut]


def rules_json(rules: Iterable[SearchRule]) -> list[dict[str, Any]]:
    """`SearchRuleOut` as plain values."""
    return [
        {
            "id": one.rule_id,
            "kind": one.kind.value,
            "rule": rule_json(one),
            "added": told(one.added),
            "removed": None if one.removed is None else told(one.removed),
        }
        for one in rules
    ]


def files_json(files: Iterable[RuleFile]) -> list[Mapping[str, Any]]:
    """`RuleFileOut` as plain values."""
    return [
        {
            "kind": one.kind.value,
            "name": one.name,
            "rules": one.rules,
            "problem": one.problem,
            "left_out": one.left_out,
        }
        for one in files
    ]
