"""Requests for ranked products, and their answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import BaseModel, Discriminator, Field, StrictBool, Tag

from shoplens.http.wire.fields import Id, Request, ShortText
from shoplens.recommend.filters import Filter, parse_filter
from shoplens.recommend.pipeline import Answer
from shoplens.recommend.rules import MOST, Boost

Bound: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15)] | Annotated[str, Field(max_length=40)]
PLAIN = ("n", "diversity", "explain")  # what a request says as the wish has it
Value: TypeAlias = Annotated[str, Field(max_length=2_000)] | StrictBool | float | list[ShortText]


class Bounds(Request):
    """Between what a number lies. created_at: an ISO date or time, or seconds since 1970; an attribute: a number in ml,
    g, mm or without a unit, or a text such as "500 ml"."""

    gte: Bound | None = Field(default=None, examples=[10, "2026-01-31", "500 ml"])
    gt: Bound | None = None
    lte: Bound | None = None
    lt: Bound | None = None


class Condition(Request):
    """`field` is category, brand, price, availability, in_stock, stock, created_at, item_id, group_id or
    attributes.NAME, with one of eq, in, range (numbers and times), exists."""

    field: Annotated[str, Field(max_length=200, examples=["category", "attributes.color", "in_stock"])]
    eq: Value | None = None
    in_: Annotated[list[Value], Field(max_length=1_000)] | None = Field(default=None, alias="in")
    range: Bounds | None = None
    exists: StrictBool | None = Field(default=None, description="Whether the field has a value.")


class AllOf(Request):
    """All hold."""

    and_: list[FilterIn] = Field(alias="and", min_length=1, max_length=100)


class AnyOf(Request):
    """At least one holds."""

    or_: list[FilterIn] = Field(alias="or", min_length=1, max_length=100)


class NotThat(Request):
    """Does not hold."""

    not_: FilterIn = Field(alias="not")


def _kind(value: Any) -> str:
    """Tag of the member; pydantic puts it into the place of an error, where `kind:` lets it be left out again."""
    for name in ("and", "or", "not"):
        if (isinstance(value, dict) and name in value) or hasattr(value, f"{name}_"):
            return f"kind:{name}"
    return "kind:condition"


FilterIn: TypeAlias = Annotated[
    Annotated[Condition, Tag("kind:condition")]
    | Annotated[AllOf, Tag("kind:and")]
    | Annotated[AnyOf, Tag("kind:or")]
    | Annotated[NotThat, Tag("kind:not")],
    Discriminator(_kind),
]


class BoostIn(Request):
    """Lift what the filter keeps by so many standard deviations of this person's scores; negative lowers."""

    filter: FilterIn
    by: Annotated[float, Field(ge=-10, le=10)] = 1.0


class RankingIn(Request):
    """What every request for ranked products may say."""

    n: int = Field(default=10, ge=1, le=MOST)
    filter: FilterIn | None = None
    boost: list[BoostIn] = Field(default_factory=list, max_length=20)
    diversity: float = Field(default=0.0, ge=0, le=1, description="0: by score alone; 1: as varied as possible.")
    exclude: list[Id] = Field(default_factory=list, max_length=10_000)
    explain: bool = False

    def given(self) -> dict[str, Any]:
        """Fields of `Wish` that this request says itself. InputError for a filter that makes no sense."""
        said = self.model_fields_set
        found: dict[str, Any] = {name: getattr(self, name) for name in PLAIN if name in said}
        if self.filter is not None:
            found["filter"] = to_filter(self.filter)
        if self.boost:
            found["boost"] = tuple(Boost(to_filter(one.filter), one.by) for one in self.boost)
        if self.exclude:
            found["exclude"] = tuple(self.exclude)
        return found


class RecommendIn(RankingIn):
    """For whom: `user_id`, `session_id` of a guest, both right after a login, or neither (then: cold start).

    What is not said is as the scenario says."""

    user_id: Id | None = None
    session_id: Id | None = None
    scenario: Annotated[str, Field(max_length=100)] = Field(
        default="home",
        description="home, product, cart, checkout, email, assistant, or one of the shop's own; see /v1/scenarios.",
    )
    viewing: Id | None = Field(default=None, description="item_id that is looked at now.")
    cart: list[Id] = Field(default_factory=list, max_length=1_000, description="item_ids in the cart.")
    exploration: float = Field(
        default=0.0, ge=0, le=1, description="Share of places left to chance; how likely each was is logged."
    )
    freshness: float = Field(
        default=0.0, ge=-10, le=10, description="Standard deviations that a product of today is lifted."
    )
    repeat: bool | None = Field(
        default=None,
        description="Whether products of the history may come back; by default the scenario decides.",
    )

    def given(self) -> dict[str, Any]:
        """The same, with what only this request may say."""
        found = super().given()
        for name in ("exploration", "freshness", "viewing", "repeat"):
            if name in self.model_fields_set:
                found[name] = getattr(self, name)
        if self.cart:
            found["cart"] = tuple(self.cart)
        return found


class SimilarIn(RankingIn):
    """Products like this one. Whoever looks may be said, so that the answer counts in experiments.

    What is not said is as the scenario says; who proposes is likeness alone."""

    item_id: Id
    scenario: Annotated[str, Field(max_length=100)] = Field(default="product", description="Whose rules hold.")
    user_id: Id | None = None
    session_id: Id | None = None


class RankedOut(BaseModel):
    """One product. `reasons`, `modalities` (shares of what spoke for it) and `sources` (who proposed it) come with
    `explain`."""

    item_id: str
    score: float = Field(
        description="From the model alone a calibrated probability; where `model` is `mixed` or `popular+new`, "
        "and for what `fallback` says was filled in, it tells the order and nothing else."
    )
    reasons: list[str] | None = None
    modalities: dict[str, float] | None = None
    sources: list[str] | None = None


class RankingAnswer(BaseModel):
    """Best first. Events quote `impression_id`, so that they can be attributed."""

    impression_id: str
    items: list[RankedOut]
    model: str = Field(description="What ranked the products.")
    bundle: str | None = Field(description="Version of the trained bundle that answered.")
    fallback: Literal["cold_start", "no_bundle", "filled", "shown_again", "model_failed"] | None = Field(
        description="Why it was not, or not only, what was asked for."
    )
    note: str | None = Field(description="The same as a sentence, and which products that were sent are unknown.")
    candidates: dict[str, int] | None = Field(
        default=None, description="With `explain`: source → how many products it proposed."
    )


def to_filter(given: BaseModel) -> Filter:
    """From wire to rules."""
    return parse_filter(given.model_dump(by_alias=True, exclude_none=True))


def answer_bytes(impression_id: str, answer: Answer, *, explain: bool) -> bytes:
    """`RankingAnswer` as JSON, written by hand because this is the hottest path of the service."""
    items: list[dict[str, Any]] = [{"item_id": one.item_id, "score": one.score} for one in answer.items]
    if explain:
        for line, one in zip(items, answer.items, strict=True):
            line["reasons"] = one.reasons
            line["modalities"] = dict(one.modalities)
            line["sources"] = one.sources
    told: dict[str, Any] = {
        "impression_id": impression_id,
        "items": items,
        "model": answer.model,
        "bundle": answer.bundle,
        "fallback": answer.fallback,
        "note": answer.note,
    }
    if explain and answer.candidates:
        told["candidates"] = dict(answer.candidates)
    return orjson.dumps(told)
