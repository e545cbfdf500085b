"""Every feed's words for whether a product can be had."""

from __future__ import annotations

import re

from shoplens.domain.catalogue import Availability

_WORDS: dict[Availability, tuple[str, ...]] = {
    Availability.IN_STOCK: (
        "instock", "available", "availablefororder", "yes", "y", "true", "1", "onlineonly", "instoreonly",
        "limitedavailability", "limitedstock", "lowstock", "publish", "active", "有货", "现货", "在售", "有库存",
        "上架",
    ),
    Availability.OUT_OF_STOCK: (
        "outofstock", "unavailable", "notavailable", "no", "n", "false", "0", "soldout", "discontinued", "reserved",
        "无货", "缺货", "售罄", "无库存", "下架", "断货",
    ),
    Availability.PREORDER: ("preorder", "presale", "预售", "预订", "预定"),
    Availability.BACKORDER: ("backorder", "backordered", "onbackorder", "madetoorder", "补货中", "可预订", "到货中"),
}  # fmt: skip
_KNOWN = {word: availability for availability, words in _WORDS.items() for word in words}
_SEPARATORS = re.compile(r"[\s_\-]+")


def parse_availability(text: str) -> Availability | None:
    """ "in stock", "in_stock", "InStock", "https://schema.org/InStock", "有货"; None when the word is unknown."""
    return _KNOWN.get(_SEPARATORS.sub("", text.strip().rstrip("/").rpartition("/")[2]).casefold())
