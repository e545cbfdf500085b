"""What commands that rank products take, and how they show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from shoplens.domain.catalogue import Product
    from shoplens.recommend.filters import Filter
    from shoplens.recommend.pipeline import Answer
    from shoplens.recommend.rules import Boost
    from shoplens.service.runtime import Runtime


#: Options that commands which rank share. None: as the scenario says.
CountOption = Annotated[
    int | None, typer.Option("--n", "-n", min=1, max=1_000, help="How many products; default: the scenario's.")
]
FilterOption = Annotated[
    str | None, typer.Option("--filter", help='JSON, such as {"field": "price", "range": {"lt": 50}}.')
]
BoostOption = Annotated[
    list[str] | None,
    typer.Option(help='JSON: what to lift, and by how much: {"filter": {…}, "by": 1.0}; repeat for several.'),
]
ExcludeOption = Annotated[list[str] | None, typer.Option(help="item_id not to show; repeat for several.")]
DiversityOption = Annotated[
    float | None, typer.Option(min=0, max=1, help="0: by score alone; 1: as varied as possible.")
]
ScenarioOption = Annotated[str, typer.Option(help="Place in the shop; see `shoplens scenarios`.")]
UserOption = Annotated[str | None, typer.Option("--user", "-u", help="user_id, known or not.")]
SessionOption = Annotated[str | None, typer.Option(help="session_id of a guest, or of who they were a moment ago.")]
ExplainFlag = Annotated[bool, typer.Option("--explain", help="Say why each product is there.")]


def given_of(
    *,
    filter_: str | None,
    boost: list[str] | None,
    exclude: list[str] | None,
    **plain: Any,
) -> dict[str, Any]:
    """Fields of `Wish` that a command line says itself; `plain`: those that are as the wish has them."""
    lifted = tuple(_boost(one) for one in boost or ())
    return {**plain, "filter": read_filter(filter_), "boost": lifted or None, "exclude": tuple(exclude or ()) or None}


def named(value: str | None, hint: str, what: str = "user_id") -> str | None:
    """An id from the command line; wrong usage when it is empty."""
    if value is not None and not value.strip():
        raise typer.BadParameter(f"a {what} is not empty", param_hint=hint)
    return value


def read_filter(text: str | None) -> Filter | None:
    """A filter from JSON; wrong usage when it is none."""
    import orjson

    from shoplens.recommend.filters import parse_filter

    if text is None:
        return None
    try:
        return parse_filter(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise typer.BadParameter(f"it is not JSON: {error}", param_hint="--filter") from error


def _boost(text: str) -> Boost:
    from pydantic import ValidationError

    from shoplens.http.wire.ranking import BoostIn, to_filter
    from shoplens.recommend.rules import Boost

    try:
        one = BoostIn.model_validate_json(text)
    except ValidationError as error:
        raise typer.BadParameter(f'it is not {{"filter": …, "by": …}}: {text}', param_hint="--boost") from error
    return Boost(to_filter(one.filter), one.by)


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
