"""Limits in a query: prices, measures, what is in stock, what is cheap."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from shoplens.apps.search.gathered import FIRMNESS, VAGUE, Gathered
from shoplens.apps.search.shop_words import ShopWords
from shoplens.ingest.units import measured
from shoplens.recommend.asking import Constraint
from shoplens.recommend.filters import parse_filter
from shoplens.recommend.said_currencies import foreign_currency
from shoplens.recommend.said_numbers import POUND, PRICE, SaidRange, read_ranges
from shoplens.recommend.said_orders import denied

_IN_STOCK = ("available now", "in stock", "in-stock", "instock", "有现货", "有库存", "有货的", "有货", "现货")
_CHEAP = re.compile(
    r"\b(?:cheap(?:est)?|inexpensive|affordable|low[ -](?:cost|price[ds]?))\b|物美价廉|便宜|平价|实惠|廉价|性价比高",
    re.IGNORECASE,
)
_SHOWN = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}


def read_limits(text: str, shop: ShopWords, currency: str, gathered: Gathered) -> None:
    """Prices, and measures of which the shop has an attribute. Amounts are read as the shop's own `currency` ("" = it
    tells none); that another was said is noted."""
    for said in read_ranges(text):
        field = _field_of(said, shop)
        if field is None:
            continue
        gathered.spans.append((said.start, said.end))
        if currency:
            gathered.foreign = foreign_currency(said, currency) or gathered.foreign
        words = text[said.start : said.end].strip()
        firmness = FIRMNESS["price" if field == "price" else "measure"] if said.strict else VAGUE
        gathered.add(firmness, _limit(field, said, words, gathered))


def read_stock(text: str, gathered: Gathered) -> None:
    """ "in stock"."""
    small = text.lower()
    for words in _IN_STOCK:
        start = small.find(words)
        end = start + len(words)
        if start < 0 or (
            words.isascii() and (small[max(start - 1, 0) : start].isalnum() or small[end : end + 1].isalnum())
        ):
            continue
        gathered.spans.append((start, end))
        label = "有货" if gathered.language == "zh" else "in stock"
        wanted = parse_filter({"field": "in_stock", "eq": True})
        gathered.add(FIRMNESS["in_stock"], Constraint("in_stock", "in_stock", wanted, words, label, True))
        return


def read_cheap(text: str, prices: npt.NDArray[np.float64], gathered: Gathered) -> None:
    """ "cheap" lifts the cheapest third of what is asked for (`prices`): how cheap is cheap enough, nobody said."""
    match = _CHEAP.search(text)
    if match is None or denied(text, match.start()) or any(one.field == "price" for _, one in gathered.constraints):
        return
    known = prices[~np.isnan(prices)]
    if not len(known):
        return
    gathered.spans.append(match.span())
    most = float(np.partition(known, len(known) // 3)[len(known) // 3])
    wanted = parse_filter({"field": "price", "range": {"lte": most}})
    label = f"{gathered.name_of('price')} ≤ {_written(most)}"
    gathered.add(VAGUE, Constraint("price=cheap", "price", wanted, match[0], label, False))


def _field_of(said: SaidRange, shop: ShopWords) -> str | None:
    if said.unit == POUND:
        return shop.field_measured_in("lb") or "price"
    if said.unit == PRICE:
        return "price"
    measure = measured(f"1{said.unit}")
    return shop.field_measured_in(measure.unit) if measure is not None else None


def _limit(field: str, said: SaidRange, words: str, gathered: Gathered) -> Constraint:
    unit = "" if field == "price" else f" {'lb' if said.unit == POUND else said.unit}"
    bounds: dict[str, float | str] = {}
    shown: dict[str, str] = {}
    for value, name, sign in (
        (said.low, "gte" if said.low_included else "gt", ">=" if said.low_included else ">"),
        (said.high, "lte" if said.high_included else "lt", "<=" if said.high_included else "<"),
    ):
        if value is not None:
            shown[sign] = f"{_written(value)}{unit}"
            bounds[name] = shown[sign] if unit else value
    if len(shown) == 2:
        low, high = shown.values()
        range_id, label = f"={low}..{high}", f"{low}–{high}"
    else:
        ((sign, end),) = shown.items()
        range_id, label = f"{sign}{end}", f"{_SHOWN[sign]} {end}"
    wanted = parse_filter({"field": field, "range": bounds})
    return Constraint(f"{field}{range_id}", field, wanted, words, f"{gathered.name_of(field)} {label}", said.strict)


def _written(number: float) -> str:
    """Without an exponent, and without zeros at the end."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
