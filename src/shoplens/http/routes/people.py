"""People and guests: what the shop knows about them, everything that is held, and forgetting them.

Where the id of a person ends in `/export`, GET of the person itself is read as another's export.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from shoplens.domain.people import Person
from shoplens.errors import NotFoundError
from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop, same_id
from shoplens.http.wire.catalogue import Forgotten, GuestExport, GuestForgotten, PersonExport, PersonIn, PersonOut
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.operation import ErasuresAnswer
from shoplens.service.privacy import audit, export_guest, export_person

router = APIRouter(tags=["people"], responses=PROBLEMS)


@router.get("/v1/people/{user_id:id}/export", dependencies=[needs("write", "people")])
async def get_export(user_id: Id, shop: Shop) -> PersonExport:
    """Everything that is held about one person: fields, events, searches, impressions, conversations."""
    return PersonExport(**await run_in_threadpool(export_person, shop, user_id))


@router.get("/v1/people/{user_id:id}", dependencies=[needs("read", "people")])
async def get_person(user_id: Id, shop: Shop) -> PersonOut:
    """One person as the shop knows them."""
    person = await run_in_threadpool(shop.store.people.get, user_id)
    if person is None:
        raise NotFoundError(f"no person {user_id!r}")
    return _out(person)


@router.put("/v1/people/{user_id:id}", dependencies=[needs("write", "people")])
async def put_person(user_id: Id, body: PersonIn, shop: Shop) -> PersonOut:
    """Insert or replace what is known about a person."""
    same_id(user_id, body.user_id)
    person = body.to_person(user_id)
    await run_in_threadpool(shop.put_person, person)
    return _out(person)


@router.delete("/v1/people/{user_id:id}", dependencies=[needs("write", "people")])
async def delete_person(user_id: Id, shop: Shop) -> Forgotten:
    """Forget a person: fields, events, searches, impressions and conversations, and the next bundle is without them."""
    return Forgotten(user_id=user_id, **await run_in_threadpool(shop.forget_person, user_id))


@router.get("/v1/sessions/{session_id:id}/export", dependencies=[needs("write", "people")])
async def get_guest_export(session_id: Id, shop: Shop) -> GuestExport:
    """Everything that is held about a session while nobody was signed in."""
    return GuestExport(**await run_in_threadpool(export_guest, shop, session_id))


@router.delete("/v1/sessions/{session_id:id}", dependencies=[needs("write", "people")])
async def delete_guest(session_id: Id, shop: Shop) -> GuestForgotten:
    """Forget a guest: what the session did while nobody was signed in; the next bundle is without it."""
    gone = await run_in_threadpool(shop.forget_guest, session_id)
    return GuestForgotten(session_id=session_id, **gone)


@router.get("/v1/erasures", dependencies=[needs("write", "people")])
async def get_erasures(shop: Shop, user_id: Id | None = None, session_id: Id | None = None) -> ErasuresAnswer:
    """Who was forgotten when, and how much went: numbers and salted hashes, no ids. With a `user_id` or a guest's
    `session_id` also which records are about them; each record then costs some 30 ms."""
    found = await run_in_threadpool(lambda: audit(shop.store, user_id, session_id=session_id))
    return ErasuresAnswer(**found.as_dict())


def _out(person: Person) -> PersonOut:
    return PersonOut(user_id=person.user_id, fields=dict(person.fields), stub=person.stub)
