"""POST /v1/cart: what completes a cart."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.apps.cart import Completed
from shoplens.http.keys import Keys
from shoplens.http.routes.recommend import SHOP, described
from shoplens.http.routes.shop import json_response, read_body
from shoplens.http.wire.cart import CartAnswer, CartIn, cart_bytes
from shoplens.http.wire.fields import PROBLEMS
from shoplens.service.runtime import Runtime

router = APIRouter(tags=["recommend"], responses=PROBLEMS)
CART = TypeAdapter(CartIn)


@router.post("/v1/cart", response_model=CartAnswer, openapi_extra=described("CartIn", SHOP))
async def post_cart(request: Request) -> Response:
    """Products that complete a cart, and sets that were bought together. Never what is in the cart, a variant of it, or
    what cannot be ordered."""
    state = request.app.state
    keys: Keys = state.keys
    await keys.check_request(request, SHOP)
    shop: Runtime = state.runtime
    body = read_body(await request.body(), CART)
    if shop.quick_reads and not body.explain:
        completed = _complete(shop, body)  # a millisecond: a thread would wait longer for its turn
    else:
        completed = await run_in_threadpool(_complete, shop, body)
    if completed.answer.fallback is not None:
        state.meters.fallbacks.labels(completed.answer.fallback).inc()
    return json_response(cart_bytes(completed, explain=body.explain))


def _complete(shop: Runtime, body: CartIn) -> Completed:
    return shop.answers.complete(shop.cart_wish(body.scenario, **body.given()), body.to_question())


#: See `http.shortcut`.
SHORTCUTS = {"post_cart": post_cart}
