"""A product between its feed and the shop: texts as the feed had them, under our names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from shoplens.errors import InputError


@dataclass(slots=True, kw_only=True)
class RawProduct:
    """What a format's reader found. Empty text means that the feed said nothing; nothing is cleaned yet."""

    line: int
    item_id: str = ""
    title: str = ""
    description: str = ""
    brand: str = ""
    categories: list[tuple[str, ...]] = field(default_factory=list)  # paths, the main one first
    price: str = ""
    sale_price: str = ""
    sale_period: str = ""  # "start/end", ISO 8601
    currency: str = ""
    availability: str = ""
    stock: str = ""
    gtin: str = ""
    mpn: str = ""
    group_id: str = ""
    link: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)
    created_at: str = ""
    excerpt: Callable[[], str] = str  # the row as it was, for the report

    def add(self, name: str, *values: str) -> None:
        """Append values to an attribute; empty ones are left out."""
        filled = [value for value in values if value.strip()]
        if filled:
            self.attributes.setdefault(name, []).extend(filled)


class RawChunk(NamedTuple):
    """Products of consecutive rows; `rows_done` as in `ProductChunk`."""

    products: list[RawProduct]
    rows_done: int


def split_path(text: str) -> tuple[str, ...]:
    """ "Clothing > Shoes" as a path."""
    return tuple(part.strip() for part in text.split(">") if part.strip())


def split_list(text: str, separator: str = ",") -> list[str]:
    """Parts of a list without blanks around them, empty ones left out."""
    return [part.strip() for part in text.split(separator) if part.strip()]


def split_urls(text: str) -> list[str]:
    """Addresses separated by commas. A comma inside an address stays: only one before a new address separates."""
    parts: list[str] = []
    for part in text.split(","):
        stripped = part.strip()
        if parts and stripped and not _starts_address(stripped) and "://" in parts[-1] and part == part.lstrip():
            parts[-1] += f",{stripped}"
        elif stripped:
            parts.append(stripped)
    return parts


def in_chunks(products: Iterator[tuple[RawProduct, int]], size: int = 5_000) -> Iterator[RawChunk]:
    """Chunks of (product, rows settled once it is). What came before a broken place is given before the error is."""
    chunk: list[RawProduct] = []
    done = 0
    failure: InputError | None = None
    try:
        for product, settled in products:
            chunk.append(product)
            done = settled
            if len(chunk) >= size:
                yield RawChunk(chunk, done)
                chunk = []
    except InputError as error:
        failure = error
    if chunk:
        yield RawChunk(chunk, done)
    if failure is not None:
        raise failure


def _starts_address(text: str) -> bool:
    return "://" in text or text.startswith(("/", "./", "../"))
