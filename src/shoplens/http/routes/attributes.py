"""Attributes: extract, review, check, and what values go with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool

from shoplens.apps.attributes.schema import values_of
from shoplens.domain.proposals import Proposal, ProposalKind, ProposalStatus, Selection
from shoplens.http.keys import needs
from shoplens.http.routes.shop import Shop
from shoplens.http.wire.attributes import (
    AlikeAnswer,
    CheckAnswer,
    CheckIn,
    DecidedAnswer,
    DecideIn,
    ExtractAnswer,
    ExtractIn,
    InsightsAnswer,
    Name,
    ProposalsAnswer,
    ReopenIn,
    alike_json,
    behind_proposal,
    counts_json,
    decided_json,
    drive_json,
    gap_json,
    proposal_json,
    proposals_json,
)
from shoplens.http.wire.fields import PROBLEMS, Id
from shoplens.http.wire.pages import Cursor
from shoplens.service.attribute_decisions import AT_ONCE, Decided
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["attributes"], responses=PROBLEMS)
READ, WRITE = [needs("read", "catalogue", "analysis")], [needs("write", "catalogue")]


@router.post("/v1/attributes/extract", response_model=ExtractAnswer, dependencies=READ)
async def extract(body: ExtractIn, shop: Shop) -> dict[str, Any]:
    """Values of attributes in a text, or in a product's texts and photos, in the shop's own words.

    Of photos: what they show, as far as `shoplens attributes complete` has learnt to see it, and the words in them.
    What `shoplens embed` has not read yet is read now, which takes a second or so.
    """
    return await run_in_threadpool(_extract, shop, body)


@router.get("/v1/attributes/proposals", response_model=ProposalsAnswer, dependencies=READ)
async def list_proposals(
    shop: Shop,
    status: ProposalStatus = ProposalStatus.OPEN,
    kind: ProposalKind | None = None,
    attribute: Annotated[Name | None, Query()] = None,
    item_id: Annotated[Id | None, Query()] = None,
    least: Annotated[float, Query(ge=0, le=1, description="Confidence.")] = 0.0,
    cursor: Annotated[Cursor | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
) -> dict[str, Any]:
    """The review list, the surest first."""

    def answer() -> dict[str, Any]:
        found = shop.store.proposals.list(
            status=status,
            kind=kind,
            attribute=attribute,
            item_id=item_id,
            least=least,
            after=behind_proposal(cursor),
            limit=limit + 1,
        )
        return proposals_json(found, limit) | {"counts": counts_json(shop.store.proposals.counts())}

    return await run_in_threadpool(answer)


@router.post("/v1/attributes/proposals/accept", response_model=DecidedAnswer, dependencies=WRITE)
async def accept_proposals(body: DecideIn, shop: Shop) -> dict[str, Any]:
    """Write what is proposed to the products. Of duplicates and prices it is only remembered that somebody looked.

    Of a selection the 1,000 surest are looked at; send the cursor of the answer with the same selection to go on.
    """
    return await run_in_threadpool(_decide, body, shop.attributes.accept, shop.attributes.accept_selected)


@router.post("/v1/attributes/proposals/reject", response_model=DecidedAnswer, dependencies=WRITE)
async def reject_proposals(body: DecideIn, shop: Shop) -> dict[str, Any]:
    """Never propose these again."""
    return await run_in_threadpool(_decide, body, shop.attributes.reject, shop.attributes.reject_selected)


@router.post("/v1/attributes/proposals/reopen", response_model=DecidedAnswer, dependencies=WRITE)
async def reopen_proposals(body: ReopenIn, shop: Shop) -> dict[str, Any]:
    """Take decisions back: they are on the list again, and products say what they said before."""
    reopened = await run_in_threadpool(shop.attributes.reopen, body.proposal_ids)
    return decided_json(Decided(reopened))


@router.post("/v1/attributes/check", response_model=CheckAnswer, dependencies=READ)
async def check_products(body: CheckIn, shop: Shop) -> dict[str, Any]:
    """What the texts of some products say against their attributes, as they are now, and what `shoplens embed` has
    read in their photos. The whole catalogue, categories, duplicates and prices are checked by `shoplens attributes
    check`."""
    found = await run_in_threadpool(shop.attributes.contradictions, body.item_ids)
    return {"proposals": [proposal_json(one) for one in found]}


@router.get("/v1/attributes/insights", response_model=InsightsAnswer, dependencies=READ)
async def get_insights(
    shop: Shop,
    days: Annotated[float, Query(gt=0, le=3_650, description="Of the last so many days.")] = 365.0,
    n: Annotated[int, Query(ge=1, le=1_000, description="Of each list.")] = 50,
) -> dict[str, Any]:
    """Which values of attributes go with carts and purchases, and what people search for and the shop lacks."""

    def answer() -> dict[str, Any]:
        return {
            "drives": [drive_json(one) for one in shop.attributes.insights(days=days)[:n]],
            "gaps": [gap_json(one) for one in shop.attributes.gaps(days=days, n=n)],
        }

    return await run_in_threadpool(answer)


@router.get("/v1/attributes/alike/{item_id}", response_model=AlikeAnswer, dependencies=READ)
async def get_alike(
    shop: Shop,
    item_id: Annotated[Id, Path()],
    by: Annotated[list[Name], Query(min_length=1, max_length=20, description="Attributes; repeat for several.")],
    n: Annotated[int, Query(ge=1, le=1_000)] = 10,
) -> dict[str, Any]:
    """Products that share most of the chosen attributes with this one."""
    found = await run_in_threadpool(lambda: shop.attributes.alike(item_id, by, n=n))
    return {"items": alike_json(found)}


class _Selected(Protocol):
    def __call__(self, selection: Selection, *, after: str | None, most: int | None) -> Decided: ...


def _decide(body: DecideIn, by_id: Callable[[Sequence[str]], list[Proposal]], selected: _Selected) -> dict[str, Any]:
    if body.proposal_ids is not None:
        return decided_json(Decided(by_id(body.proposal_ids)))
    return decided_json(selected(body.selection, after=behind_proposal(body.cursor), most=AT_ONCE))


def _extract(shop: Runtime, body: ExtractIn) -> dict[str, Any]:
    if body.item_id is None:
        found = shop.attributes.extract(body.title, body.description, body.category)
        return {"values": [one.as_dict() for one in found], "current": {}}
    read = shop.attributes.of_product(body.item_id)
    current = {name: list(values) for name, values in values_of(read.product)}
    return {"values": [one.as_dict() for one in read.values], "current": current, "unread": read.unread}
