"""Columns of numbers that may carry a currency, thousands separators or nothing at all."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import polars as pl

_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "￥": "CNY", "元": "CNY", "₩": "KRW", "₹": "INR"}
_CODE = re.compile(r"[A-Za-z]{3}")
_NUMBER = re.compile(r"[+-]?[\d.,'\u00a0\u202f ]*\d[\d.,]*")


class Numbers(NamedTuple):
    """`values` is null where there is none; `bad` marks texts that are no number, NaN and infinity."""

    values: pl.Series  # Float64
    bad: pl.Series  # Boolean
    currency: pl.Series | None  # String, where the text named one
    repaired: int  # texts that needed more than the plain reading


def parse_numbers(raw: pl.Series) -> Numbers:
    """A column of numbers or of texts such as '12.5', '29.99 USD', '$1,299.00' or '12,50 €'."""
    if raw.dtype == pl.String:
        text = raw.str.strip_chars()
        empty = text.is_null() | (text.str.len_bytes() == 0)
        values = text.cast(pl.Float64, strict=False)
        left = (values.is_null() & ~empty).arg_true()
    elif raw.dtype.is_numeric():
        values, text, left = raw.cast(pl.Float64), raw, pl.Series([], dtype=pl.UInt32)
    else:
        values = pl.repeat(None, raw.len(), dtype=pl.Float64, eager=True)
        return Numbers(values, raw.is_not_null(), None, 0)
    currency: pl.Series | None = None
    repaired = 0
    bad = (values.is_nan() | values.is_infinite()).fill_null(False)
    if len(left):
        pairs = [read_amount(one) for one in text.gather(left)]
        found = pl.Series([number for number, _ in pairs], dtype=pl.Float64)
        names = pl.Series([name for _, name in pairs], dtype=pl.String)
        values = values.scatter(left, found)
        bad = bad.scatter(left, found.is_null())
        repaired = found.len() - found.null_count()
        if names.null_count() < names.len():
            currency = pl.repeat(None, raw.len(), dtype=pl.String, eager=True).scatter(left, names)
    return Numbers(values, bad, currency, repaired)


@lru_cache(maxsize=8192)
def read_amount(text: str) -> tuple[float | None, str | None]:
    """Number and currency of one text; (None, None) when there is no one number in it."""
    match = _NUMBER.search(text)
    if match is None:
        return None, None
    around = (text[: match.start()] + " " + text[match.end() :]).strip()
    currency = _SYMBOLS.get(around)
    if currency is None and around:
        if not _CODE.fullmatch(around):
            return None, None
        currency = around.upper()
    number = _plain(re.sub(r"['\u00a0\u202f ]", "", match.group()))
    return (None, None) if number is None else (number, currency)


def _plain(digits: str) -> float | None:
    """'1,299.00' and '1.299,00' are one number; one comma is a decimal point unless three digits follow it."""
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        thousands = "," if comma < point else "."
        digits = digits.replace(thousands, "").replace(",", ".")
    elif digits.count(",") == 1 and len(digits) - comma - 1 != 3:
        digits = digits.replace(",", ".")
    elif comma >= 0:
        digits = digits.replace(",", "")
    try:
        return float(digits)
    except ValueError:
        return None
