"""Profiles, segments and look-alikes over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, Field

from shoplens.apps.profile import Audience, CrowdMember
from shoplens.http.wire.fields import Id, Request, Told
from shoplens.http.wire.pages import Next, decode, encode
from shoplens.models.profile.segments import Segment

Language = Literal["en", "zh"]
Share = Field(ge=0, le=1)


class ActivityOut(BaseModel):
    """Recency, frequency, money."""

    events: int
    visits: int = Field(description="Days with a purchase, or with what stands for one in this shop.")
    first_visit: str | None = Field(description="Date on the shop's clock.")
    recency_days: float | None
    paid: float | None = Field(description="In all, in `currency`; null where nothing is known of money.")
    basket: float | None = Field(description="Mean money of a visit.")
    currency: str
    scores: dict[str, int] = Field(description="recency, frequency, monetary: fifth of the shop's people, 5 is best.")


class RhythmOut(BaseModel):
    """Days between visits: median and quartiles."""

    gap_days: float
    gap_low: float
    gap_high: float
    steady: bool


class DueOut(BaseModel):
    """When the next visit is likely."""

    days: float
    low_days: float = Field(description="80 % interval of the model, or quartiles of the own rhythm.")
    high_days: float | None = Field(description="null: perhaps not within horizon_days.")
    date: str
    horizon_days: float | None
    source: str = Field(description="model, or rhythm: the latest visit and the median gap.")


class ChurnOut(BaseModel):
    """The calibrated probability of no visit within the horizon."""

    probability: float = Share
    shop: float = Field(description="Of all people who came lately.")
    horizon_days: float


class AffinityOut(BaseModel):
    """Something that is chosen clearly more than by others."""

    id: str
    field: str
    value: str
    share: float
    low: float = Field(description="90 % interval of the share.")
    high: float
    shop_share: float
    lift: float
    confidence: float = Field(description="That the share really is above the shop's.")
    events: int


class DiscountOut(BaseModel):
    """Share of what was bought at a reduced price."""

    share: float
    low: float
    high: float
    shop_share: float
    confidence: float
    events: int


class NextCategoryOut(BaseModel):
    """How probable it is that the next visit holds a category."""

    id: str
    category: str
    probability: float


class InSegmentOut(BaseModel):
    """The segment that fits best."""

    id: str
    name: str
    clearness: float = Field(description="1 - distance to it / to the next best.")


class PredictedOut(BaseModel):
    """A field that the person did not tell."""

    id: str
    name: str
    value: str
    probability: float
    accuracy: float = Field(description="Of such predictions, cross-validated.")
    accuracy_low: float = Field(description="95 % interval.")
    accuracy_high: float
    majority: float = Field(description="Accuracy of always saying the commonest value.")


class SentenceOut(BaseModel):
    """A sentence, and the facts that it was made of: names of the fields here, or ids of what stands in lists."""

    text: str
    facts: list[str]


class ProfileOut(BaseModel):
    """All that can be said of one person or guest; what cannot is null or empty, and `missing` says why."""

    user_id: str | None
    session_id: str | None
    as_of: Told
    bundle: str | None
    activity: ActivityOut
    rhythm: RhythmOut | None
    due: DueOut | None
    churn: ChurnOut | None
    affinities: list[AffinityOut]
    discount: DiscountOut | None
    hours: list[int] = Field(description="Events in each hour of the day on the shop's clock; empty below five.")
    next_categories: list[NextCategoryOut]
    segment: InSegmentOut | None
    predicted: list[PredictedOut]
    missing: dict[str, str]
    summary: list[SentenceOut]


class TraitOut(BaseModel):
    """What the people of a segment choose more than the shop's."""

    field: str
    value: str
    lift: float


class SegmentOut(BaseModel):
    """A group of people alike. `id` stays the same over trainings as long as the group does."""

    id: str
    names: dict[str, str] = Field(description="Language → name.")
    people: int = Field(description="In training.")
    traits: list[TraitOut]
    money: float | None = Field(description="Mean money of a visit, relative to the shop's.")


class SegmentsAnswer(BaseModel):
    """All segments, the largest first."""

    bundle: str | None
    segments: list[SegmentOut]


class MemberOut(BaseModel):
    """One person of a list; null where too little is known."""

    user_id: str
    segment: str | None
    clearness: float | None
    churn: float | None
    recency_days: float | None
    visits: int
    paid: float


class MembersAnswer(BaseModel):
    """The people of a segment, the clearest first, as of at most ten minutes ago."""

    segment: str
    total: int
    people: list[MemberOut]
    cursor: Next


class AlikeOut(BaseModel):
    """Somebody alike."""

    user_id: str
    likeness: float = Field(description="Cosine of what they choose more than others.")


class LookAlikesAnswer(BaseModel):
    """The most alike first."""

    people: list[AlikeOut]


class AskAudience(Request):
    """A list of people, and how many like them are wanted."""

    user_ids: list[Id] = Field(min_length=1, max_length=100_000)
    n: int = Field(default=100, ge=1, le=10_000)


class ReachedOut(BaseModel):
    """Somebody like the people of a list."""

    user_id: str
    percentile: float = Field(description="Share of everybody not on the list who is less like it.")


class FoundAgainOut(BaseModel):
    """How well the list's own people are found when a fifth of them at a time is set aside."""

    share: float = Field(description="Of them among the best `chance` of all others.")
    low: float = Field(description="95 % interval.")
    high: float
    most_active: float = Field(description="The same if simply those were taken who come most.")
    chance: float


class AudienceAnswer(BaseModel):
    """People like those of a list, the most alike first; nobody of the list is among them."""

    people: list[ReachedOut]
    seeds: int = Field(description="People of the list that were learnt from.")
    unknown: list[str] = Field(description="Ids that nobody has.")
    little_known: list[str] = Field(description="People with too few visits to be learnt from.")
    found_again: FoundAgainOut | None = Field(description="Null for lists too short to tell.")


class SendSegments(Request):
    """What is sent to the webhook of the settings."""

    segment: Id | None = Field(default=None, description="Only this one; default: everybody.")
    as_of: str | None = Field(default=None, max_length=40, description="From what was done until then; default: now.")
    after: Id | None = Field(default=None, description="Go on after this user_id, when a part did not arrive.")


class SegmentsSent(BaseModel):
    """What the receiver acknowledged."""

    people: int
    messages: int
    tries: int


def members_json(segment: str, found: Sequence[CrowdMember], cursor: str | None, limit: int) -> dict[str, Any]:
    """`MembersAnswer`: one page of all members, the clearest first. InputError for what is no cursor."""
    behind = list(found)
    if cursor is not None:
        clearness, user_id = decode(cursor, "members", float, str)
        behind = [one for one in found if _place(one) > (-float(clearness), str(user_id))]
    page = behind[:limit]
    more = encode("members", -_place(page[-1])[0], page[-1].user_id) if len(behind) > limit else None
    return {"segment": segment, "total": len(found), "people": [asdict(one) for one in page], "cursor": more}


def _place(one: CrowdMember) -> tuple[float, str]:
    return -float(one.clearness or 0), one.user_id


def audience_json(found: Audience) -> dict[str, Any]:
    """`AudienceAnswer` as plain JSON."""
    again = None if found.found_again is None else {k: round(v, 4) for k, v in asdict(found.found_again).items()}
    people = [asdict(one) for one in found.people]
    told = {"seeds": found.seeds, "unknown": list(found.unknown), "little_known": list(found.little_known)}
    return {"people": people, **told, "found_again": again}


def segment_json(one: Segment) -> dict[str, Any]:
    """`SegmentOut` as plain JSON."""
    traits = [{"field": field, "value": value, "lift": lift} for field, value, lift in one.traits]
    return {"id": one.id, "names": dict(one.names), "people": one.people, "traits": traits, "money": one.money}
