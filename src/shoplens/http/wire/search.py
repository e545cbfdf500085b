"""POST /v1/search over the wire."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field, StringConstraints

from shoplens.http.wire.fields import TEXT_PATTERN, Id, Request, ShortText
from shoplens.http.wire.ranking import FilterIn, to_filter
from shoplens.recommend.asking import (
    MAX_FACET_VALUES,
    MAX_FACETS,
    MAX_SORTS,
    MAX_TEXT,
    Ask,
    Constraint,
    Facet,
    Found,
    Hit,
    parse_sort,
)
from shoplens.recommend.filter_json import filter_json
from shoplens.recommend.rules import MOST
from shoplens.recommend.scenarios import Scenario
from shoplens.service.settings import Settings

Words = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=TEXT_PATTERN)]
Language = Literal["en", "zh"]
#: Of `Hit.parts`: no signals, but what the order that clicks teach reads of a product.
UNSAID = frozenset({"score", "price_place", "age"})


class SearchIn(Request):
    """Words, and what narrows or orders what they find. Without words: everything, most popular first."""

    text: Words = Field(
        default="", description='"…" asks for a phrase, -word leaves out.', examples=["red dress under 50"]
    )
    user_id: Id | None = None
    session_id: Id | None = None
    n: int = Field(default=10, ge=1, le=MOST, description="Products in this answer.")
    cursor: ShortText | None = Field(default=None, description="Of the answer before: what comes after it.")
    page: int | None = Field(default=None, ge=1, le=1_000_000, description="Instead of a cursor; the first is 1.")
    filter: FilterIn | None = None
    facets: list[ShortText] = Field(
        default_factory=list,
        max_length=MAX_FACETS,
        description="Fields to count: brand, category, price, availability, attributes.NAME; * for what tells most.",
    )
    facet_values: int = Field(default=20, ge=1, le=MAX_FACET_VALUES, description="Most values of one facet.")
    sort: list[ShortText] = Field(
        default_factory=list,
        max_length=MAX_SORTS,
        description="relevance, price, created_at, popularity or attributes.NAME; with :asc or :desc if not the usual.",
        examples=[["price:asc"]],
    )
    group: bool = Field(default=True, description="One product of each group of variants, the others beside it.")
    understand: bool | None = Field(
        default=None, description="Whether words become filters. Default: the shop's setting."
    )
    drop: list[ShortText] = Field(
        default_factory=list, max_length=100, description="Ids of understood constraints that are not wanted."
    )
    personal: float | None = Field(
        default=None, ge=0, le=1, description="How far one's own taste orders. Default: the shop's setting."
    )
    prefix: bool = Field(default=False, description="The last word is still being typed.")
    typos: bool = True
    unavailable: bool = Field(default=False, description="Also products that cannot be ordered now.")
    scenario: Annotated[str, Field(max_length=100)] | None = Field(
        default=None,
        description="Place of the shop whose filter, hide, min_stock, boosts, pins, freshness and margin hold. "
        "Not said: `search`, where the shop has one of that name.",
    )
    explain: bool = False
    highlight: bool = True
    language: Language | None = Field(default=None, description="Of sentences. Default: the shop's setting.")

    def to_ask(self, settings: Settings, scenario: Scenario | None = None) -> Ask:
        """In terms of the shop, without its files; `scenario` is the one that is named.

        InputError for a filter or an order that makes no sense.
        """
        return Ask(
            text=self.text.strip(),
            user_id=self.user_id,
            session_id=self.session_id,
            n=self.n,
            cursor=self.cursor,
            page=self.page,
            filter=None if self.filter is None else to_filter(self.filter),
            facets=tuple(self.facets),
            facet_values=self.facet_values,
            sort=tuple(map(parse_sort, self.sort)),
            group=self.group,
            understand=settings.search.understand if self.understand is None else self.understand,
            drop=tuple(self.drop),
            personal=self.personal,
            prefix=self.prefix,
            typos=self.typos,
            unavailable=self.unavailable,
            explain=self.explain,
            highlight=self.highlight,
            language=self.language or settings.language,
            scenario=scenario,
        )


class MomentOut(BaseModel):
    """When a product is seen or heard in a video; seconds."""

    video: str = Field(
        description="Of the request, or of the product: then its address, empty when it is not known which."
    )
    start: float
    end: float
    score: float = Field(description="How well it fits; compares within one answer only.")


class HitOut(BaseModel):
    """One product. What has nothing to say is left out; `reasons` and `modalities` come with `explain`."""

    item_id: str
    score: float
    highlights: dict[str, str] | None = Field(
        default=None, description="Field → HTML, escaped, with what was found in <em>."
    )
    reasons: list[str] | None = None
    modalities: dict[str, float] | None = Field(default=None, description="What each signal gave it.")
    variants: list[str] | None = Field(default=None, description="Other products of its group that were found.")
    moments: list[MomentOut] | None = Field(
        default=None, description="Of a product that was found through its video: where that shows what was asked for."
    )


class FacetValueOut(BaseModel):
    """One value: `value` is what a filter takes, `label` what people read."""

    value: str
    label: str
    count: int
    selected: bool


class FacetOut(BaseModel):
    """How what was found spreads over a field, as if the field itself were not filtered by."""

    field: str
    kind: Literal["values", "numbers"]
    values: list[FacetValueOut] = Field(description="Most frequent first; none for numbers.")
    low: float | None = Field(description="Of numbers: the smallest.")
    high: float | None
    bins: list[int] = Field(description="Of numbers: products in equal steps from low to high.")


class ConstraintOut(BaseModel):
    """What was read out of the words. Send its id in `drop` to search without it."""

    id: str
    field: str
    said: str
    label: str
    filter: dict[str, Any] = Field(description="As in a request.")
    strict: bool = Field(description="true: only products that fit; false: those come first.")


class SearchAnswer(BaseModel):
    """Best first. Events quote `impression_id`, so that clicks can be learnt from."""

    impression_id: str
    items: list[HitOut]
    total: int = Field(description="Products that match, groups of variants counted once.")
    facets: list[FacetOut]
    understood: list[ConstraintOut]
    did_you_mean: str | None = Field(description="Words that would find more.")
    corrected_from: str | None = Field(description="The words as they were sent, when others were searched for.")
    rescued: str | None = Field(description="What was loosened because nothing was found, in a sentence.")
    pinned: list[str] = Field(description="Products that the shop put where they are.")
    cursor: str | None = Field(description="For the next products; null when these are the last.")
    heard: str | None = Field(description="Words found in photos, sound and videos of the request.")
    model: str = Field(description="Signals that ordered the products.")
    note: str | None


def found_json(found: Found, *, explain: bool, heard: str = "") -> dict[str, Any]:
    """`SearchAnswer` as plain values."""
    return {
        "impression_id": found.impression_id,
        "items": [_hit(one, explain) for one in found.items],
        "total": found.total,
        "facets": [_facet(one) for one in found.facets],
        "understood": [constraint_json(one) for one in found.understood],
        "did_you_mean": found.did_you_mean,
        "corrected_from": found.corrected_from,
        "rescued": found.rescued,
        "pinned": found.pinned,
        "cursor": found.cursor,
        "heard": heard or None,
        "model": found.model,
        "note": found.note,
    }


def found_bytes(found: Found, *, explain: bool, heard: str = "") -> bytes:
    """`SearchAnswer` as JSON, written by hand because shoppers wait for it at every letter."""
    return orjson.dumps(found_json(found, explain=explain, heard=heard))


def _hit(one: Hit, explain: bool) -> dict[str, Any]:
    line: dict[str, Any] = {"item_id": one.item_id, "score": float(one.score)}
    if one.highlights:
        line["highlights"] = dict(one.highlights)
    if explain:
        line["reasons"] = one.reasons
        line["modalities"] = signals_of(one.parts)
    if one.variants:
        line["variants"] = one.variants
    if one.moments:
        line["moments"] = one.moments
    return line


def signals_of(parts: Mapping[str, float]) -> dict[str, float]:
    """What signals gave, without those that know nothing of a product and without what only the order learns from."""
    return {name: float(value) for name, value in parts.items() if math.isfinite(value) and name not in UNSAID}


def _facet(one: Facet) -> dict[str, Any]:
    return {
        "field": one.field,
        "kind": one.kind,
        "values": one.values,
        "low": one.low,
        "high": one.high,
        "bins": one.bins,
    }


def constraint_json(one: Constraint) -> dict[str, Any]:
    """`ConstraintOut` as plain values."""
    return {
        "id": one.id,
        "field": one.field,
        "said": one.said,
        "label": one.label,
        "filter": filter_json(one.filter),
        "strict": one.strict,
    }
