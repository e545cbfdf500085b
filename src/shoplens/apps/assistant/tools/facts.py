"""What is said of products, each sentence with its source: the record it was read from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.apps.assistant.grounding.vocabulary import SILENT
from shoplens.apps.assistant.safety import speaks_to_us
from shoplens.apps.assistant.sentences import split_sentences
from shoplens.apps.assistant.tools.fields import asked_fields, field_name, is_field
from shoplens.apps.assistant.tools.naming import beyond_name, naming_words
from shoplens.apps.assistant.tools.properties import same_property
from shoplens.apps.assistant.turns import Act, Sentence, Source
from shoplens.domain.catalogue import RELATIONS, Availability, Product

MOST_VALUES = 8  # of an attribute that are named
MOST_ATTRIBUTES = 6
_FITS = re.compile(r"compat|fit|suitable|works|usage|兼容|适用|适配", re.IGNORECASE)
_AVAILABLE = {
    Availability.IN_STOCK: ("{title} is in stock.", "{title}有货。"),
    Availability.OUT_OF_STOCK: ("{title} is out of stock.", "{title}目前缺货。"),
    Availability.PREORDER: ("{title} can be pre-ordered.", "{title}可以预订。"),
    Availability.BACKORDER: ("{title} can be ordered and is delivered later.", "{title}可以下单，稍后发货。"),
}


def without_orders(product: Product) -> Product:
    """A product without words that give orders, in whichever field a supplier wrote them: they are neither quoted nor
    sent to an endpoint. A title of nothing else becomes the item's id."""
    told = replace(
        product,
        title=data_of(product.title),
        description=data_of(product.description[:4_000]),
        brand=data_of(product.brand or "") or None,
        category=tuple(one for one in product.category if not speaks_to_us(one)),
        currency=data_of(product.currency or "") or None,
        attributes={
            name: kept
            for name, values in product.attributes.items()
            if not speaks_to_us(name.replace("_", " "))
            and (kept := tuple(one for one in values if data_of(one) == one))
        },
    )
    if not speaks_to_us(_head(told)):
        return told
    return replace(told, brand=None, category=(), attributes={})  # an order that was dealt out to several fields


def product_source(product: Product) -> Source:
    """The record of a product as a text."""
    told = without_orders(product)
    text = _head(told) + (f". {told.description}" if told.description else "")
    return Source(f"product:{product.item_id}", "product", _title(told), text, product.item_id)


def data_of(text: str) -> str:
    """Without sentences that give orders. A text that only does so as a whole is dropped altogether."""
    if not speaks_to_us(text):
        return text
    left = " ".join(one for one, _ in split_sentences(text) if not speaks_to_us(one))
    return "" if speaks_to_us(left) else left


def _head(product: Product) -> str:
    parts = [f"{_title(product)}: {product.item_id}"]
    if product.brand:
        parts.append(f"brand {product.brand}")
    if product.category:
        parts.append("category " + " > ".join(product.category))
    if product.price is not None:
        parts.append(f"price {_money(product.price, product)}")
    if product.sale_price is not None:
        parts.append(f"sale price {_money(product.sale_price, product)}")
    if product.availability is not None:
        parts.append(f"availability {product.availability.value.replace('_', ' ')}")
    parts += [
        f"{name} {', '.join(values)}" for name, values in sorted(product.attributes.items()) if name not in RELATIONS
    ]
    return "; ".join(parts)


def product_facts(product: Product, act: Act, asked: str, language: str) -> list[Sentence]:
    """What the catalogue answers to a question about a product; empty where it does not."""
    source = (f"product:{product.item_id}",)
    product = without_orders(product)
    said: list[str] = []
    if act is Act.PRICE:
        said = [_price(product, language)] if product.price is not None else []
    elif act is Act.STOCK:
        said = [known] if (known := _stock(product, language)) else []
    elif act is Act.COMPATIBLE:
        said = list(_attributes(product, language, lambda name: bool(_FITS.search(name))))
        said = said or list(_described(product, asked)) or [one for one in _sentences(product) if _FITS.search(one)][:2]
    elif act is Act.ATTRIBUTE:
        said = list(_asked(product, asked, language)) or list(_described(product, asked))
        if not said and not asked_fields(asked):  # "tell me about it"
            said = [*_sentences(product)[:2], *_overview(product, language)]
    elif act is Act.QUESTION:
        said = list(dict.fromkeys([*_asked(product, asked, language), *_described(product, asked)]))
    told = dict.fromkeys(_of_product(one, product, language) for one in said)
    return [Sentence(one, source, "\n" if place == 0 else " ") for place, one in enumerate(told)]


def _of_product(sentence: str, product: Product, language: str) -> str:
    """Named, where its description does not say of what it speaks."""
    title = _title(product)
    return sentence if title in sentence else f"{title}{'：' if language == 'zh' else ': '}{sentence}"


def listed(products: Sequence[Product], language: str) -> list[Sentence]:
    """Products that were found or recommended, one a line: title, price, whether it can be had."""
    return [
        Sentence(f"• {_line(without_orders(one), language)}", (f"product:{one.item_id}",), "\n") for one in products
    ]


def _title(product: Product) -> str:
    return " ".join((product.title or product.item_id).split())[:200]


def _money(amount: object, product: Product) -> str:
    return f"{amount} {product.currency}" if product.currency else str(amount)


def _price(product: Product, language: str) -> str:
    zh, title = language == "zh", _title(product)
    price = _money(product.price, product)
    if product.sale_price is not None:
        sale = _money(product.sale_price, product)
        return f"{title}现价 {sale}，原价 {price}。" if zh else f"{title} costs {sale} instead of {price}."
    return f"{title}的价格是 {price}。" if zh else f"{title} costs {price}."


def _stock(product: Product, language: str) -> str | None:
    state = product.availability
    if state is None and product.stock is not None:
        state = Availability.IN_STOCK if product.stock > 0 else Availability.OUT_OF_STOCK
    if state is Availability.IN_STOCK and product.stock == 0:
        state = Availability.OUT_OF_STOCK
    return None if state is None else _AVAILABLE[state][language == "zh"].format(title=_title(product))


def _asked(product: Product, asked: str, language: str) -> Iterator[str]:
    """Attributes that a question names, or asks for in other words ("how heavy …")."""
    beyond = beyond_name(asked, product)
    wanted, fields = words_of(asked) - words_of(product.title), asked_fields(beyond)
    if product.brand and any(one.english == "brand" for one in fields):
        yield _brand(product, language)
    yield from _attributes(
        product,
        language,
        lambda name: any(one.called.match(name) for one in fields) if is_field(name) else bool(words_of(name) & wanted),
        lambda told: bool(same_property(beyond, [told])),
    )


def _brand(product: Product, language: str) -> str:
    return (
        f"{_title(product)}的品牌是 {product.brand}。"
        if language == "zh"
        else f"The brand of {_title(product)} is {product.brand}."
    )


def _attributes(
    product: Product, language: str, wanted: Callable[[str], bool], says: Callable[[str], bool] = lambda _told: False
) -> Iterator[str]:
    """Those whose name is `wanted`, or of which name and values say what is asked for."""
    colon = "：" if language == "zh" else ": "
    for name, values in sorted(product.attributes.items()):
        shown = values[:MOST_VALUES]
        called = name.replace("_", " ")
        if name not in RELATIONS and shown and (wanted(called) or says(f"{called} {', '.join(shown)}")):
            end, comma = ("。", "，") if language == "zh" else (".", ", ")
            yield f"{_title(product)}{comma}{field_name(name, language)}{colon}{', '.join(shown)}{end}"


def _overview(product: Product, language: str) -> Iterator[str]:
    for place, sentence in enumerate(_attributes(product, language, lambda _name: True)):
        if place < MOST_ATTRIBUTES:
            yield sentence


def _sentences(product: Product) -> list[str]:
    return [one for one, _ in split_sentences(product.description)]


def _described(product: Product, asked: str) -> Iterator[str]:
    """Sentences of the description that share words with the question beyond the product's own name."""
    wanted = naming_words(asked) - words_of(product.title) - SILENT
    found = [(len(words_of(one) & wanted), -place, one) for place, one in enumerate(_sentences(product))]
    said = [sentence for shared, _, sentence in sorted(found, reverse=True)[:2] if shared]
    yield from dict.fromkeys([*same_property(beyond_name(asked, product), _sentences(product))[:2], *said])


def _line(product: Product, language: str) -> str:
    price = product.sale_price if product.sale_price is not None else product.price
    parts = [_title(product)]
    if price is not None:
        parts.append(_money(price, product))
    if not product.orderable:
        parts.append("缺货" if language == "zh" else "out of stock")
    return ("，" if language == "zh" else ", ").join(parts)
