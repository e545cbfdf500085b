"""Products: bulk import, and one at a time."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from shoplens.domain.catalogue import Product
from shoplens.errors import NotFoundError
from shoplens.http.keys import needs
from shoplens.http.routes.shop import MOST_ERRORS, Shop, json_response, read_rows, same_id
from shoplens.http.wire.catalogue import ProductIn, ProductOut, ProductPut, ProductsBulkAnswer
from shoplens.http.wire.fields import PROBLEMS, Id, RowError, SentBefore
from shoplens.http.wire.product_opinions import product_opinions

router = APIRouter(tags=["products"], responses=PROBLEMS)
ROW = TypeAdapter(ProductIn)
MAY_READ, MAY_WRITE = [needs("read", "shop", "catalogue")], [needs("write", "catalogue")]


@router.post(
    "/v1/products/bulk",
    response_model=ProductsBulkAnswer,
    dependencies=MAY_WRITE,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}
    },
)
async def post_products_bulk(request: Request, shop: Shop, idempotency_key: SentBefore = None) -> Response:
    """NDJSON, one product a line; inserts or replaces. Refused rows are listed with their line. With an
    Idempotency-Key, a request that comes again changes nothing, also when products were changed since."""
    raw = await request.body()

    def store() -> bytes:
        products: dict[str, Product] = {}
        errors: list[dict[str, Any]] = []
        refused = 0
        for _, row in read_rows(raw, ROW):
            if isinstance(row, RowError):
                refused += 1
                if len(errors) < MOST_ERRORS:
                    errors.append(row.model_dump())
            else:
                products[row.item_id] = row.to_product(row.item_id)  # the last of several lines counts
        changed = shop.put_products(list(products.values()), sent_as=idempotency_key) if products else 0
        return orjson.dumps({"accepted": len(products), "changed": changed, "refused": refused, "errors": errors})

    return json_response(await run_in_threadpool(store))


@router.get("/v1/products/{item_id:id}", dependencies=MAY_READ)
async def get_product(item_id: Id, shop: Shop) -> ProductOut:
    """One product as the shop knows it, and what people say about it."""
    found = await run_in_threadpool(shop.store.catalogue.get, [item_id])
    if item_id not in found:
        raise NotFoundError(f"no product {item_id!r}")
    said = await run_in_threadpool(shop.opinions.of_product, item_id)
    return ProductOut.of(found[item_id], product_opinions(said, shop.settings.language))


@router.put("/v1/products/{item_id:id}", dependencies=MAY_WRITE)
async def put_product(item_id: Id, body: ProductPut, shop: Shop) -> ProductOut:
    """Insert or replace one product; filters and answers know it at once."""
    same_id(item_id, body.item_id)
    product = body.to_product(item_id)
    await run_in_threadpool(shop.put_products, [product])
    return ProductOut.of(product)


@router.delete("/v1/products/{item_id:id}", status_code=204, dependencies=MAY_WRITE)
async def delete_product(item_id: Id, shop: Shop) -> Response:
    """Take a product out of the shop; events about it stay."""
    if not await run_in_threadpool(shop.delete_product, item_id):
        raise NotFoundError(f"no product {item_id!r}")
    return Response(status_code=204)
