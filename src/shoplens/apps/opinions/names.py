"""Who and what a text names: products and brands of the catalogue, and companies and people that a shop watches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from shoplens.domain.opinions import Named

LONGEST_NAME = 8  # words
MOST = 12  # names of one text that are kept
_TOKEN = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*")
_HAN = re.compile(r"[\u3400-\u9fff]")
_SHORTEST_HAN = 2  # characters of a Chinese name


class Names:
    """Names by the words they are written with; looking is a matter of the text's length, not of the catalogue's."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, ...], Named] = {}
        self._han: dict[str, Named] = {}
        self._lengths: list[int] = []  # of Chinese names, longest first

    @classmethod
    def of(
        cls, products: Iterable[tuple[str, str, str | None]], watched: Mapping[str, Sequence[str]] | None = None
    ) -> Names:
        """From (item_id, title, brand) of products, and name → other spellings of whoever is watched: "person/Ann Lee",
        "company/Acme"; without a kind it is a company."""
        names = cls()
        for item_id, title, brand in products:
            if brand:
                names.add(brand, Named("brand", brand))
            if len(_TOKEN.findall(title)) > 1 or len(_HAN.findall(title)) >= 4:  # "Bread" is a word, not a name
                names.add(title, Named("product", item_id))
        for told, spellings in (watched or {}).items():
            kind, slash, name = told.partition("/")
            named = Named(kind, name) if slash else Named("company", told)
            for spelling in (named.name, *spellings):
                names.add(spelling, named)
        return names

    def add(self, spelling: str, named: Named) -> None:
        """One way to write a name. Whoever is added later wins: the shop's own list goes before its catalogue."""
        if _HAN.search(spelling):
            key = spelling.casefold().strip()
            if len(key) >= _SHORTEST_HAN:
                self._han[key] = named
                if len(key) not in self._lengths:
                    self._lengths = sorted({*self._lengths, len(key)}, reverse=True)
            return
        words = tuple(_TOKEN.findall(spelling.casefold()))
        if 0 < len(words) <= LONGEST_NAME and len(spelling) > 1:
            self._words[words] = named

    def find(self, text: str) -> tuple[Named, ...]:
        """Everybody that a text names, in order; longer names go before shorter ones inside them.

        A name of one word counts only where it is written like one, with a capital or a digit.
        """
        found: dict[Named, None] = {}
        told = [(match.group(), match.group().casefold()) for match in _TOKEN.finditer(text)]
        place = 0
        while place < len(told):
            for length in range(min(LONGEST_NAME, len(told) - place), 0, -1):
                named = self._words.get(tuple(word for _, word in told[place : place + length]))
                if named is not None and (length > 1 or not told[place][0].islower()):
                    found[named] = None
                    place += length - 1
                    break
            place += 1
        if self._han and _HAN.search(text):
            found |= dict.fromkeys(self._find_han(text.casefold()))
        return tuple(found)[:MOST]

    def _find_han(self, text: str) -> Iterable[Named]:
        place = 0
        while place < len(text):
            for length in self._lengths:
                named = self._han.get(text[place : place + length])
                if named is not None:
                    yield named
                    place += length - 1
                    break
            place += 1
