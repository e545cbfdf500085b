"""Profiles of people and guests, segments, look-alikes, and segments for marketing.

These routes come before those of people: where the id of a person ends in `/profile`, GET of the person itself is read
as another's profile.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.pages import Cursor
from shoplens.http.wire.profiles import (
    AskAudience,
    AudienceAnswer,
    Language,
    LookAlikesAnswer,
    MembersAnswer,
    ProfileOut,
    SegmentsAnswer,
    SegmentsSent,
    SendSegments,
    audience_json,
    members_json,
    segment_json,
)
from shoplens.service.profiles import moment_of, profile_lines, segments_csv, send_segments
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["profiles"], responses=PROBLEMS)
Many = Annotated[int, Query(ge=1, le=1_000)]
AsOf = Annotated[str, Query(max_length=40, examples=["2026-01-31", "2026-01-31T18:00Z"])]
LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "One profile a line."}
}
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One line a person."}
}


@router.get("/v1/people/{user_id:id}/profile", response_model=ProfileOut, dependencies=[needs("read", "people")])
async def get_profile(
    user_id: Id,
    shop: Shop,
    session_id: Id | None = None,
    language: Language | None = None,
    as_of: AsOf | None = None,
) -> dict[str, Any]:
    """What a person chooses, how they come, what is predicted: worked out now, the latest event included. With
    `session_id` also what that session did before they signed in. `as_of`: from what was done until then."""
    return await run_in_threadpool(_profile, shop, user_id, session_id, language, as_of)


@router.get("/v1/sessions/{session_id:id}/profile", response_model=ProfileOut, dependencies=[needs("read", "people")])
async def get_guest_profile(
    session_id: Id, shop: Shop, language: Language | None = None, as_of: AsOf | None = None
) -> dict[str, Any]:
    """The same of a guest, by their session."""
    return await run_in_threadpool(_profile, shop, None, session_id, language, as_of)


@router.get("/v1/profiles", response_class=Response, responses=LINES, dependencies=[needs("write", "people")])
async def get_profiles(
    shop: Shop, language: Language | None = None, as_of: AsOf | None = None, after: Id | None = None
) -> StreamingResponse:
    """The profiles of all people, one JSON object a line, in the store's order. `after`: go on after that person, the
    last whose line arrived."""
    said, now = language or shop.settings.language, _moment(shop, as_of)
    lines = profile_lines(shop.profiles, shop.shelf, said, now=now, after=after)
    first = await run_in_threadpool(next, lines, b"")  # what is refused is refused before the answer begins
    return StreamingResponse(chain([first], lines), media_type="application/x-ndjson")


@router.get(
    "/v1/people/{user_id:id}/look-alikes", response_model=LookAlikesAnswer, dependencies=[needs("write", "people")]
)
async def get_look_alikes(user_id: Id, shop: Shop, n: Many = 10) -> dict[str, Any]:
    """People who choose what this person chooses, as of at most ten minutes ago."""
    found = await run_in_threadpool(shop.profiles.look_alikes, shop.shelf, user_id=user_id, n=n)
    return {"people": [asdict(one) for one in found]}


@router.get("/v1/segments", response_model=SegmentsAnswer, dependencies=[needs("read", "people")])
async def get_segments(shop: Shop) -> dict[str, Any]:
    """Groups of people alike, named by what they choose."""
    shelf = shop.shelf
    found = [segment_json(one) for one in shop.profiles.segments(shelf)]
    return {"bundle": shelf.version, "segments": found}


@router.get("/v1/segments/export", response_class=Response, responses=CSV, dependencies=[needs("write", "people")])
async def get_segments_csv(
    shop: Shop,
    segment: Id | None = None,
    language: Language | None = None,
    excel: bool = False,
    as_of: AsOf | None = None,
) -> Response:
    """Everybody with their segment, or the people of one, as CSV. `excel`: with the mark by which Excel knows UTF-8.
    `as_of`: from what was done until then."""

    def write() -> str:
        members = shop.profiles.members(shop.shelf, segment, now=_moment(shop, as_of))
        segments = shop.profiles.segments(shop.shelf)
        said = language or shop.settings.language
        return "".join(segments_csv(members, segments, said, excel=excel))

    return Response(await run_in_threadpool(write), media_type="text/csv; charset=utf-8")


@router.post("/v1/segments/export", response_model=SegmentsSent, dependencies=[needs("admin", "people")])
async def post_segments(shop: Shop, body: SendSegments | None = None) -> dict[str, int]:
    """Send everybody with their segment, or the people of one, to the webhook of the settings, signed."""
    asked, settings = body or SendSegments(), shop.settings.profile
    now = _moment(shop, asked.as_of)
    return await run_in_threadpool(
        send_segments, settings, shop.profiles, shop.shelf, asked.segment, now=now, after=asked.after
    )


@router.get("/v1/segments/{segment:id}/people", response_model=MembersAnswer, dependencies=[needs("write", "people")])
async def get_members(
    segment: Id, shop: Shop, limit: Many = 100, cursor: Annotated[Cursor | None, Query()] = None
) -> dict[str, Any]:
    """The people of a segment."""
    found = await run_in_threadpool(shop.profiles.members, shop.shelf, segment)
    return members_json(segment, found, cursor, limit)


@router.get(
    "/v1/segments/{segment:id}/look-alikes", response_model=LookAlikesAnswer, dependencies=[needs("write", "people")]
)
async def get_segment_look_alikes(segment: Id, shop: Shop, n: Many = 10) -> dict[str, Any]:
    """People outside of a segment who are most like those in it."""
    found = await run_in_threadpool(shop.profiles.look_alikes, shop.shelf, segment=segment, n=n)
    return {"people": [asdict(one) for one in found]}


@router.post("/v1/look-alikes", response_model=AudienceAnswer, dependencies=[needs("write", "people")])
async def post_look_alikes(shop: Shop, body: AskAudience) -> dict[str, Any]:
    """People like those of a list (who bought it, who answered a letter), as of at most ten minutes ago: by tastes, and
    from 20 people on also by how often and lately they come."""
    return audience_json(await run_in_threadpool(shop.profiles.audience, shop.shelf, body.user_ids, body.n))


def _profile(
    shop: Runtime, user_id: str | None, session_id: str | None, language: str | None, as_of: str | None
) -> dict[str, Any]:
    said, now = language or shop.settings.language, _moment(shop, as_of)
    return shop.profiles.of(shop.shelf, user_id, session_id, language=said, now=now).as_dict()


def _moment(shop: Runtime, as_of: str | None) -> int | None:
    return None if as_of is None else moment_of(as_of, shop.settings.profile.timezone)
