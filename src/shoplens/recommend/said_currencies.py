"""Limits of a price that name a currency: "under 1000 yen" is none that prices in euros can be compared with."""

from __future__ import annotations

from shoplens.ingest.money import currency_code
from shoplens.recommend.said_numbers import PRICE, SaidRange, read_ranges

_ANY_MONEY = ("元", "块", "块钱", "圆")


def foreign_currency(said: SaidRange, ours: str) -> str:
    """The currency (ISO 4217) of a limit of price, if it is not `ours`; "" when it is, or none was said. "$" and "¥"
    are ours where ours is one that is written so, and whoever speaks Chinese says 元 and 块 of any money."""
    named = [coin for coin in said.coins if coin not in _ANY_MONEY] if said.unit == PRICE else []
    codes = (currency_code(coin, ours) for coin in named)
    return next((code for code in codes if code is not None and code != ours), "")


def foreign_limits(text: str, ours: str) -> tuple[str, str] | None:
    """The currency of a limit that is not in `ours`, and the text without such limits; None where there is none."""
    theirs, rest = "", text
    for said in reversed(read_ranges(text)):
        code = foreign_currency(said, ours)
        if code:
            theirs, rest = code, f"{rest[: said.start]} {rest[said.end :]}"
    return (theirs, " ".join(rest.split())) if theirs else None
