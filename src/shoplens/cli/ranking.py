"""How commands show ranked products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from shoplens.domain.catalogue import Product
    from shoplens.recommend.pipeline import Answer
    from shoplens.service.runtime import Runtime


def answer_json(answer: Answer, *, explain: bool) -> dict[str, Any]:
    """As `POST /v1/recommend` answers."""
    items: list[dict[str, Any]] = []
    for one in answer.items:
        line: dict[str, Any] = {"item_id": one.item_id, "score": one.score}
        if explain:
            line |= {"reasons": list(one.reasons), "modalities": dict(one.modalities), "sources": list(one.sources)}
        items.append(line)
    told: dict[str, Any] = {
        "items": items,
        "model": answer.model,
        "bundle": answer.bundle,
        "fallback": answer.fallback,
        "note": answer.note,
    }
    return told | {"candidates": dict(answer.candidates)} if explain and answer.candidates else told


def answer_table(shop: Runtime, answer: Answer, title: str) -> Table:
    """For people: titles and prices beside the ids."""
    caption = answer.note or f"{answer.model}, bundle {answer.bundle}"
    table = Table(title=escape(title), caption=escape(caption))  # names from outside may look like markup
    for name in ("", "product", "title", "price", "score", "why"):
        table.add_column(name, justify="right" if name in ("", "price", "score") else "left")
    products = shop.store.catalogue.get([one.item_id for one in answer.items])
    for place, one in enumerate(answer.items, start=1):
        product = products.get(one.item_id)
        name = product.title if product is not None else ""
        cells = (one.item_id, name, price_of(product), f"{one.score:.4g}", "; ".join(one.reasons))
        table.add_row(str(place), *(escape(cell) for cell in cells))
    return table


def price_of(product: Product | None) -> str:
    """What a shopper pays, with the currency; empty when it is not known."""
    price = (product.sale_price or product.price) if product is not None else None
    return f"{price} {(product.currency if product is not None else None) or ''}".strip() if price else ""
