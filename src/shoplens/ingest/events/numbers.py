"""Columns of numbers that may carry a currency, thousands separators or nothing at all."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import polars as pl

from shoplens.ingest.money import parse_money


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
    money = parse_money(text)
    return (None, None) if money is None else (float(money.amount), money.currency)
