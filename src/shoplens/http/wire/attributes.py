"""Attributes over the wire: texts to extract from, proposals to decide about, what values go with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from shoplens.apps.attributes.alike import Alike
from shoplens.apps.attributes.gaps import Gap
from shoplens.apps.attributes.insights import Drive
from shoplens.domain.moments import told
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus, Selection
from shoplens.http.wire.fields import PROPOSAL_PATTERN, Id, Request, ShortText, Text, Told
from shoplens.http.wire.pages import Cursor, Next, decode, encode
from shoplens.service.attribute_decisions import Decided

ProposalId = Annotated[str, Field(pattern=PROPOSAL_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=256)]


class ExtractIn(Request):
    """A product of the shop, or a text that is none yet."""

    item_id: Id | None = Field(
        default=None, description="A product of the shop, read with its photos; then no text is given."
    )
    title: ShortText = ""
    description: Text = ""
    category: list[ShortText] = Field(
        default_factory=list, max_length=20, description="Path from broad to narrow, as the shop writes it."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ExtractIn:
        if (self.item_id is None) == (not (self.title or self.description)):
            raise ValueError("send item_id, or a title or description")
        return self


class FoundOut(BaseModel):
    """A value, in the shop's own words."""

    attribute: str
    value: str
    source: str = Field(description="pattern, dictionary, model, photo or neighbours.")
    confidence: float = Field(description="How often it is right, as measured here and as people decided since.")
    measured: float | None = Field(default=None, description="Confidence before decisions on the review list moved it.")
    field: str | None = Field(default=None, description="title, highlights, description or ocr.")
    said: str | None = Field(default=None, description="As the text says it.")
    start: int | None = Field(default=None, description="Letters of the field, from 0.")
    end: int | None = None
    photo: str | None = Field(default=None, description="The photo it was seen or read in, as the product names it.")
    box: list[float] | None = Field(
        default=None,
        description="Left, top, right, bottom as shares of the photo: of a line that was read, or of the thing that "
        "stands out from the ground; the whole photo where nothing does.",
    )
    agreeing: list[str] = Field(default=[], description="Other sources that say the same.")
    family: str | None = Field(
        default=None,
        description="Of a colour we know: black, grey, white, beige, brown, red, pink, orange, yellow, "
        "green, blue or purple.",
    )


class ExtractAnswer(BaseModel):
    """Values of each attribute, the surest first; what the product says already stands beside it."""

    values: list[FoundOut]
    current: dict[str, list[str]] = Field(description="Attributes of the product as they are; empty for a text.")
    unread: str | None = Field(default=None, description="The product's photo, where it could not be read.")


class ProposalOut(BaseModel):
    """Something to look at."""

    proposal_id: str
    kind: ProposalKind
    item_id: str
    attribute: str
    value: str
    current: list[str]
    source: str
    confidence: float
    evidence: dict[str, Any]
    status: ProposalStatus
    offered: Told = Field(description="When it was last found.")
    decided: Told | None


class ProposalsAnswer(BaseModel):
    """A page of the review list, the surest first."""

    proposals: list[ProposalOut]
    cursor: Next
    counts: dict[str, dict[str, int]] = Field(description="Kind → status → how many there are in all.")


class DecideIn(Request):
    """Proposals to decide about: by their ids, all or nothing, or selected by what they are."""

    proposal_ids: list[ProposalId] | None = Field(default=None, min_length=1, max_length=1_000)
    kind: ProposalKind | None = None
    attribute: Name | None = None
    least: float | None = Field(default=None, ge=0, le=1, description="Confidence.")
    cursor: Cursor | None = Field(default=None, description="Of the answer before, to go on with its selection.")

    @model_validator(mode="after")
    def _one_of_both(self) -> DecideIn:
        if (self.proposal_ids is None) == (self.selection == Selection()):
            raise ValueError("send proposal_ids, or select by kind, attribute or least")
        if self.proposal_ids is not None and self.cursor is not None:
            raise ValueError("a cursor goes with a selection, not with proposal_ids")
        return self

    @property
    def selection(self) -> Selection:
        """What is selected; everything when ids are given."""
        return Selection(kind=self.kind, attribute=self.attribute, least=self.least)


class ReopenIn(Request):
    """Decisions to take back, all or nothing."""

    proposal_ids: list[ProposalId] = Field(min_length=1, max_length=1_000)


class SkippedOut(BaseModel):
    """A selected proposal that could not be accepted, and stays open."""

    proposal_id: str
    reason: str


class DecidedAnswer(BaseModel):
    """What was decided."""

    proposals: list[ProposalOut]
    skipped: list[SkippedOut] = Field(default_factory=list, description="Of a selection; ids are all or nothing.")
    cursor: Next = None


class CheckIn(Request):
    """Products to look at now."""

    item_ids: list[Id] = Field(min_length=1, max_length=100)


class CheckAnswer(BaseModel):
    """What their texts say against their attributes. Nothing is put on the review list."""

    proposals: list[ProposalOut]


class DriveOut(BaseModel):
    """A value of an attribute at one stage, against like products (category, price, popularity) without it."""

    attribute: str
    value: str
    stage: str
    ratio: float = Field(description="1.2: 20 % more often than like products.")
    low: float = Field(description="95 % interval.")
    high: float
    p: float
    telling: bool = Field(description="Holds among all values that were compared (5 % false discoveries).")
    products: int
    base: float
    outcomes: float
    plain_ratio: float = Field(description="Without adjusting for category, price and popularity.")


class GapOut(BaseModel):
    """A query that the shop answers with nothing, or nearly."""

    query: str
    searches: int
    askers: int
    empty: int | None
    wanted: list[tuple[str, str]] = Field(description="(attribute, value) that it names and the shop knows.")
    unknown: list[str] = Field(description="Its other words, which no title has.")
    products: int | None = Field(description="That have all the values wanted.")


class InsightsAnswer(BaseModel):
    """What goes with purchases, and what is lacking."""

    drives: list[DriveOut]
    gaps: list[GapOut]


class AlikeOut(BaseModel):
    """A product and in what it is alike."""

    item_id: str
    score: float
    shared: dict[str, list[str]]


class AlikeAnswer(BaseModel):
    """Most alike first."""

    items: list[AlikeOut]


def proposal_json(one: Proposal) -> dict[str, Any]:
    """`ProposalOut` as plain JSON."""
    return {"proposal_id": one.proposal_id, **asdict(one), "offered": told(one.offered), "decided": told(one.decided)}


def proposals_json(found: Sequence[Proposal], limit: int) -> dict[str, Any]:
    """`ProposalsAnswer` without its counts, of what was found when one more than `limit` was asked for."""
    page = found[:limit]
    cursor = encode("proposals", page[-1].proposal_id) if len(found) > limit else None
    return {"proposals": [proposal_json(one) for one in page], "cursor": cursor}


def decided_json(done: Decided) -> dict[str, Any]:
    """`DecidedAnswer` of a selection as plain JSON."""
    return {
        "proposals": [proposal_json(one) for one in done.proposals],
        "skipped": [asdict(one) for one in done.skipped],
        "cursor": None if done.after is None else encode("proposals", done.after),
    }


def behind_proposal(cursor: str | None) -> str | None:
    """The `proposal_id` of the last one before. InputError for what is no cursor."""
    return None if cursor is None else str(decode(cursor, "proposals", str)[0])


def counts_json(counts: dict[tuple[ProposalKind, ProposalStatus], int]) -> dict[str, dict[str, int]]:
    """Kind → status → how many."""
    told: dict[str, dict[str, int]] = {}
    for (kind, status), many in sorted(counts.items()):
        told.setdefault(kind.value, {})[status.value] = many
    return told


def drive_json(one: Drive) -> dict[str, Any]:
    """`DriveOut` as plain JSON."""
    rounded = {name: float(f"{getattr(one, name):.4g}") for name in ("ratio", "low", "high", "p", "plain_ratio")}
    return {**asdict(one), **rounded}


def gap_json(one: Gap) -> dict[str, Any]:
    """`GapOut` as plain JSON."""
    return asdict(one)


def alike_json(found: Sequence[Alike]) -> list[dict[str, Any]]:
    """`AlikeOut`s as plain JSON."""
    return [
        {"item_id": one.item_id, "score": round(one.score, 4), "shared": {k: list(v) for k, v in one.shared.items()}}
        for one in found
    ]
