"""Limits of a price that name a currency: "under 1000 yen" is none that prices in euros can be compared with."""

from __future__ import annotations

import re

from shoplens.ingest.money import currency_code
from shoplens.recommend.said_numbers import PRICE, read_ranges

#: As shoppers write them, where that is more than a code, a sign or a name of one currency.
_CALLED = {
    "dollar": "$", "dollars": "$", "buck": "$", "bucks": "$", "美金": "USD", "quid": "GBP", "yuan": "CNY",
    "kuai": "CNY", "yen": "JPY",
}  # fmt: skip
_COIN = re.compile(
    r"us\$|[$€£¥]|\b(?:usd|eur|euros?|gbp|cny|rmb|hkd|jpy|dollars?|bucks?|quid|yuan|kuai|yen)\b|"
    r"美元|美金|欧元|英镑|港币|日元|人民币",
    re.IGNORECASE,
)


def foreign_limits(text: str, ours: str) -> tuple[str, str] | None:
    """The currency (ISO 4217) of a limit that is not in `ours`, and the text without that limit; None where every limit
    is in ours, or names no currency. "$" and "¥" are ours where ours is one that is written so."""
    theirs, rest = "", text
    for said in reversed(read_ranges(text)):
        coin = _COIN.search(text, said.start, said.end) if said.unit == PRICE else None
        if coin is None:
            continue
        name = coin[0].casefold()
        code = currency_code(_CALLED.get(name, name), ours)
        if code is not None and code != ours:
            theirs, rest = code, f"{rest[: said.start]} {rest[said.end :]}"
    return (theirs, " ".join(rest.split())) if theirs else None
