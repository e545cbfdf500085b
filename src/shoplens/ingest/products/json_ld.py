"""Products out of JSON-LD: what schema.org's words mean for us.

https://schema.org/Product; Google's "merchant listing" and "product variant" structured data are the shapes met in
practice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shoplens.ingest.products.raw import RawProduct, split_list, split_path

Node = Mapping[str, Any]

_PRODUCTS = frozenset({"Product", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car", "Book"})
_GROUP = "ProductGroup"
_GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn")
_MAX_DEPTH = 12
#: Properties that become attributes under our spelling.
_ATTRIBUTES = {
    "color": "color", "material": "material", "size": "size", "pattern": "pattern", "model": "model", "award": "award",
    "keywords": "keywords", "itemCondition": "condition", "countryOfOrigin": "country_of_origin",
    "weight": "weight", "width": "width", "height": "height", "depth": "depth", "audience": "audience",
    "author": "author", "bookFormat": "book_format", "inLanguage": "language", "releaseDate": "release_date",
}  # fmt: skip
_UNIT_CODES = {
    "GRM": "g", "KGM": "kg", "MGM": "mg", "MMT": "mm", "CMT": "cm", "MTR": "m",
    "MLT": "ml", "LTR": "l", "INH": "in", "FOT": "ft", "LBR": "lb", "ONZ": "oz",
}  # fmt: skip
_AVAILABLE_FIRST = ("InStock", "LimitedAvailability", "OnlineOnly", "PreOrder", "PreSale", "BackOrder", "MadeToOrder")


def products_in(document: Any) -> Iterator[tuple[Node, Node | None, Mapping[str, Node]]]:
    """(product, its group, nodes by @id) of all products in a document: @graph, lists, ItemList, hasVariant."""
    by_id: dict[str, Node] = {}
    _collect_ids(document, by_id, 0)
    seen: set[int] = set()
    for product, group in _walk(document, None, by_id, 0):
        if id(product) not in seen:
            seen.add(id(product))
            yield product, group, by_id


def raw_product(node: Node, group: Node | None, by_id: Mapping[str, Node], line: int) -> RawProduct:
    """One product; a variant takes from its group what it does not say itself."""

    def one(name: str) -> str:
        return text_of(node.get(name), by_id) or (text_of(group.get(name), by_id) if group is not None else "")

    offer = best_offer(node.get("offers"), by_id)
    price, sale, currency = _prices(offer, by_id)
    gtin = next((text for name in _GTINS if (text := text_of(node.get(name), by_id))), "") or _offer_gtin(offer)
    product = RawProduct(
        line=line,
        item_id=_identity(node, offer, gtin),
        title=text_of(node.get("name"), by_id) or one("name"),
        description=one("description"),
        brand=one("brand") or one("manufacturer"),
        price=price,
        sale_price=sale,
        currency=currency,
        availability=text_of(offer.get("availability"), by_id),
        stock=text_of(_resolved(offer.get("inventoryLevel"), by_id).get("value"), by_id),
        gtin=gtin,
        mpn=text_of(node.get("mpn"), by_id),
        group_id=_group_id(node, group, by_id),
        link=text_of(offer.get("url"), by_id) or text_of(node.get("url"), by_id),
        images=_places(node.get("image"), by_id) or (_places(group.get("image"), by_id) if group is not None else []),
        videos=_places(node.get("video") or node.get("subjectOf"), by_id, kind="VideoObject"),
        audio=_places(node.get("audio") or node.get("subjectOf"), by_id, kind="AudioObject"),
        categories=_categories(node, by_id) or (_categories(group, by_id) if group is not None else []),
        created_at=text_of(node.get("releaseDate"), by_id),
        excerpt=lambda: ", ".join(
            f"{name}: {value}" for name, value in node.items() if not isinstance(value, dict | list)
        ),
    )
    for source in (node, group):
        if source is not None:
            _attributes(product, source, by_id)
    return product


def text_of(value: Any, by_id: Mapping[str, Node], depth: int = 0) -> str:
    """The text of a value: a string, a number, {"@value"}, a named thing, or the first of a list of these."""
    if value is None or isinstance(value, bool) or depth > _MAX_DEPTH:
        return "" if value is None or depth > _MAX_DEPTH else str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return next((text for part in value if (text := text_of(part, by_id, depth + 1))), "")
    node = _resolved(value, by_id)
    for name in ("@value", "name", "value", "suggestedGender", "audienceType"):
        if name in node:
            return text_of(node[name], by_id, depth + 1)
    return ""


def best_offer(value: Any, by_id: Mapping[str, Node]) -> Node:
    """The offer that stands for a product: of several, the first that can be had; an AggregateOffer by its lowPrice."""
    offers = [_resolved(part, by_id) for part in _listed(value)]
    nested = [_resolved(part, by_id) for offer in offers for part in _listed(offer.get("offers"))]
    priced = [offer for offer in (*nested, *offers) if _priced(offer, by_id)]
    if not priced:
        return offers[0] if offers else {}
    for word in _AVAILABLE_FIRST:
        for offer in priced:
            if text_of(offer.get("availability"), by_id).rpartition("/")[2] == word:
                return offer
    return priced[0]


def _priced(offer: Node, by_id: Mapping[str, Node]) -> bool:
    return any(text_of(offer.get(name), by_id) for name in ("price", "lowPrice")) or bool(
        offer.get("priceSpecification")
    )


def _prices(offer: Node, by_id: Mapping[str, Node]) -> tuple[str, str, str]:
    """(price, sale price, currency); a struck-through price is the price, the other then is the sale's."""
    price = text_of(offer.get("price"), by_id) or text_of(offer.get("lowPrice"), by_id)
    currency = text_of(offer.get("priceCurrency"), by_id)
    before = ""
    for part in _listed(offer.get("priceSpecification")):
        node = _resolved(part, by_id)
        amount = text_of(node.get("price"), by_id) or text_of(node.get("minPrice"), by_id)
        currency = currency or text_of(node.get("priceCurrency"), by_id)
        kind = text_of(node.get("priceType"), by_id).rpartition("/")[2]
        if kind in ("StrikethroughPrice", "ListPrice", "SRP", "MSRP"):
            before = before or amount
        elif not price and "referenceQuantity" not in node:
            price = amount
    return (before, price, currency) if before and price else (price or before, "", currency)


def _identity(node: Node, offer: Node, gtin: str) -> str:
    """What events would call it: the SKU first, an address last."""
    for value in (
        node.get("sku"),
        node.get("productID"),
        offer.get("sku"),
        node.get("mpn"),
        gtin,
        node.get("@id"),
        node.get("url"),
    ):
        if text := text_of(value, {}):
            return text
    return ""


def _group_id(node: Node, group: Node | None, by_id: Mapping[str, Node]) -> str:
    own = text_of(node.get("inProductGroupWithID"), by_id)
    source = group if group is not None else _resolved(node.get("isVariantOf"), by_id)
    return (
        own
        or text_of(source.get("productGroupID"), by_id)
        or text_of(source.get("@id"), {})
        or text_of(source.get("name"), by_id)
    )


def _offer_gtin(offer: Node) -> str:
    return next((text for name in _GTINS if (text := text_of(offer.get(name), {}))), "")


def _categories(node: Node, by_id: Mapping[str, Node]) -> list[tuple[str, ...]]:
    """ "A > B", a list of such, or CategoryCode things."""
    texts = [text_of(part, by_id) for part in _listed(node.get("category"))]
    return [path for path in (split_path(text.replace("/", ">") if " / " in text else text) for text in texts) if path]


def _attributes(product: RawProduct, node: Node, by_id: Mapping[str, Node]) -> None:
    for name, ours in _ATTRIBUTES.items():
        if ours in product.attributes or name not in node:
            continue
        for part in _listed(node[name]):
            text = _measured(part, by_id) or text_of(part, by_id)
            text = text.rpartition("/")[2] if "schema.org/" in text else text
            product.add(ours, *(split_list(text) if name == "keywords" else [text]))
    for part in _listed(node.get("additionalProperty")):
        value = _resolved(part, by_id)
        name = text_of(value.get("name"), by_id) or text_of(value.get("propertyID"), by_id)
        texts = [
            _measured({**value, "value": one}, by_id) or text_of(one, by_id) for one in _listed(value.get("value"))
        ]
        if name and name not in product.attributes:
            product.add(name, *texts)
    rating = _resolved(node.get("aggregateRating"), by_id)
    for name, ours in (("ratingValue", "rating"), ("reviewCount", "reviews"), ("ratingCount", "ratings")):
        if ours not in product.attributes:
            product.add(ours, text_of(rating.get(name), by_id))


def _measured(value: Any, by_id: Mapping[str, Node]) -> str:
    """A QuantitativeValue as "500 g"; empty when it has no unit."""
    node = _resolved(value, by_id)
    unit = text_of(node.get("unitText"), by_id) or _UNIT_CODES.get(text_of(node.get("unitCode"), by_id), "")
    amount = text_of(node.get("value"), by_id)
    return f"{amount} {unit}" if unit and amount else ""


def _places(value: Any, by_id: Mapping[str, Node], kind: str | None = None) -> list[str]:
    """Addresses of pictures, videos or sounds: strings, or things with contentUrl or url."""
    found = []
    for part in _listed(value):
        if isinstance(part, str):
            found.append(part)
            continue
        node = _resolved(part, by_id)
        if kind is not None and kind not in types_of(node):
            continue
        found.append(
            text_of(node.get("contentUrl"), by_id) or text_of(node.get("url"), by_id) or text_of(node.get("@id"), {})
        )
    return [place for place in found if place.strip() and not place.startswith("#")]


def types_of(node: Node) -> set[str]:
    """The types of a node, without "schema:" or "https://schema.org/" before them."""
    names = (str(name) for name in _listed(node.get("@type")))
    return {name.rpartition("/")[2].rpartition(":")[2] for name in names}


def _walk(value: Any, group: Node | None, by_id: Mapping[str, Node], depth: int) -> Iterator[tuple[Node, Node | None]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for part in value:
            yield from _walk(part, group, by_id, depth + 1)
        return
    if not isinstance(value, dict):
        return
    types = types_of(value)
    if _GROUP in types:
        variants = [_resolved(part, by_id) for part in _listed(value.get("hasVariant"))]
        for variant in variants:
            yield variant, value
        if not variants:
            yield value, None
        return
    if types & _PRODUCTS:
        yield value, group if group is not None else _group_of(value, by_id)
        return
    for name in ("@graph", "mainEntity", "itemListElement", "item", "hasPart", "itemOffered", "about"):
        yield from _walk(value.get(name), None, by_id, depth + 1)


def _group_of(node: Node, by_id: Mapping[str, Node]) -> Node | None:
    """The group that a variant points to, when the document describes it."""
    found = _resolved(node.get("isVariantOf"), by_id)
    return found if _GROUP in types_of(found) else None


def _collect_ids(value: Any, by_id: dict[str, Node], depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for part in value:
            _collect_ids(part, by_id, depth + 1)
    elif isinstance(value, dict):
        name = value.get("@id")
        if isinstance(name, str) and len(value) > 1:
            by_id.setdefault(name, value)
        for part in value.values():
            if isinstance(part, dict | list):
                _collect_ids(part, by_id, depth + 1)


def _resolved(value: Any, by_id: Mapping[str, Node]) -> Node:
    """The node itself, or the one that {"@id": …} alone stands for; of a list, the first; else an empty one."""
    if isinstance(value, list):
        value = next((part for part in value if isinstance(part, dict)), None)
    if not isinstance(value, dict):
        return {}
    return by_id.get(value["@id"], value) if len(value) == 1 and isinstance(value.get("@id"), str) else value


def _listed(value: Any) -> Sequence[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
