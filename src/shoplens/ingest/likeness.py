"""What a file is when it is not what was asked for, in words for its sender."""

from __future__ import annotations

from collections.abc import Iterable

from shoplens.errors import FormatError
from shoplens.ingest.source import SourceFile

_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"SQLite format 3", "an SQLite database"),
)
_CONTROL = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\x1b\x1f")
_USERS = frozenset(
    {"user_id", "userid", "user", "customer_id", "visitor_id", "visitorid", "session_id", "用户", "用户id"}
)
_ITEMS = frozenset({"item_id", "itemid", "item", "product_id", "productid", "sku", "商品", "商品id", "商品编号"})
_DEEDS = frozenset({
    "event_type", "event", "action", "behavior", "behavior_type", "event_name", "timestamp", "event_time", "ts",
    "行为", "行为类型", "时间", "时间戳",
})  # fmt: skip


def refuse_binary(source: SourceFile, expected: str) -> None:
    """FormatError when the file is neither text nor Parquet; it says what it is and what is `expected`."""
    head = source.head(4096)
    for magic, words in _MAGIC:
        if head.startswith(magic):
            raise FormatError(f"{source.name}: this is {words}; expected {expected}")
    text = source.head_text(4096)
    if "\x00" in text or sum(sign in _CONTROL for sign in text) * 50 > len(text):
        raise FormatError(f"{source.name}: this is binary data; expected {expected}")


def refuse_markup(source: SourceFile, expected: str) -> None:
    """FormatError when the file is XML or HTML."""
    start = source.head_text(4096).lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        opening = start.casefold()
        words = "an HTML page" if "<html" in opening or "<!doctype html" in opening else "an XML document"
        raise FormatError(f"{source.name}: this is {words}; expected {expected}")


def is_event_log(columns: Iterable[str]) -> bool:
    """Whether a table with these columns says who did what to which product."""
    names = {name.strip().casefold().partition(":")[0] for name in columns}
    return bool(names & _USERS and names & _ITEMS and names & _DEEDS)
