"""Which products a text names by a code or an address: item_id, GTIN, part number, the product's page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

SHORTEST_CODE, SHORTEST_NUMBER = 5, 8  # characters of "AB-12", digits of a GTIN, that are a code by themselves
MOST = 12  # of one text
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]|[A-Za-z0-9]")
_ADDRESS = re.compile(r"https?://[^\s<>\"'，。）】]+", re.I)
#: Behind such a word anything is a code, also "12".
_CALLED = re.compile(
    r"(?:\b(?:sku|gtin|ean|upc|mpn|asin|(?:item|article|product|part|model)(?:[ _-]?(?:no|number|id|code))?|art)\b"
    r"|货号|编号|型号|条码|商品号|商品ID)[\s.:：#№]*$",
    re.I,
)
_LOOKED_BACK = 24  # characters before a code

Identity = tuple[str, str | None, str | None, str | None]  # item_id, GTIN, MPN, link


class Codes:
    """Codes and addresses of a catalogue; looking is a matter of the text's length. What two products share names
    neither."""

    def __init__(self, products: Iterable[Identity] = ()) -> None:
        self._codes: dict[str, str | None] = {}
        self._pages: dict[str, str | None] = {}
        for item_id, gtin, mpn, link in products:
            for code in {_folded(one) for one in (item_id, gtin, mpn) if one}:
                self._codes[code] = item_id if self._codes.get(code, item_id) == item_id else None
            if link:
                page = _page(link)
                self._pages[page] = item_id if self._pages.get(page, item_id) == item_id else None

    def find(self, text: str) -> tuple[str, ...]:
        """item_ids, in order, without repetition."""
        found: dict[str, None] = {}
        for match in _ADDRESS.finditer(text) if self._pages else ():
            address = match[0].rstrip(".,;:!?)")
            item_id = self._pages.get(_page(address)) or self._pages.get(_page(address, query=False))
            if item_id is not None:
                found[item_id] = None
        for match in _CODE.finditer(_ADDRESS.sub(" ", text)):
            item_id = self._codes.get(_folded(match[0]))
            if item_id is not None and (
                _is_code(match[0]) or _CALLED.search(match.string, max(match.start() - _LOOKED_BACK, 0), match.start())
            ):
                found[item_id] = None
        return tuple(found)[:MOST]


def _folded(code: str) -> str:
    """One spelling: small letters, numbers without leading zeros (a UPC is a GTIN with one less)."""
    code = code.casefold().strip()
    return code.lstrip("0") or "0" if code.isdigit() else code


def _is_code(token: str) -> bool:
    """Whether a token can be nothing else: "B07-XYZ9" and a GTIN are; "12", "days" and an order number are not."""
    if token.isdigit():
        return len(token) >= SHORTEST_NUMBER
    return len(token) >= SHORTEST_CODE and any(one.isdigit() for one in token) and any(one.isalpha() for one in token)


def _page(address: str, *, query: bool = True) -> str:
    """One spelling of an address: without scheme, www, the slash at the end, what follows campaigns."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    host = parts.netloc.rpartition("@")[2].casefold().removeprefix("www.")
    kept = sorted(one for one in parse_qsl(parts.query) if not one[0].startswith("utm_")) if query else []
    return host + parts.path.rstrip("/") + "".join(f"&{name}={value}" for name, value in kept)
