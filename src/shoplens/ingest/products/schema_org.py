"""schema.org products: a JSON-LD document, JSON lines of them, or an HTML page with `application/ld+json` scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from selectolax.lexbor import LexborHTMLParser

from shoplens.errors import FormatError
from shoplens.ingest.products.json_ld import products_in, raw_product, text_of
from shoplens.ingest.products.raw import RawChunk, RawProduct, in_chunks
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_objects

MAX_DOCUMENT = 256 << 20  # bytes of one document, which has to be in memory as a whole


def matches(shape: Shape) -> bool:
    """Whether a file of this shape holds such products."""
    if shape.kind == "html":
        return "application/ld+json" in shape.text
    return shape.kind in ("json", "jsonl") and '"@type"' in shape.text


def read(source: SourceFile, shape: Shape, *, report: IngestReport) -> Iterator[RawChunk]:
    """All products, in order. Lines are those on which a product's name stands."""
    if shape.kind == "jsonl":
        for objects, lines, done in read_objects(source, chunk=5_000, report=report):
            yield RawChunk(
                [product for item, line in zip(objects, lines, strict=True) for product in _products(item, line)], done
            )
        return
    text = _whole(source)
    page = shape.kind == "html"
    found = _from_page(source, text, report) if page else _located(_loaded(source, text), text, 0)
    yield from in_chunks((product, row) for row, product in enumerate(found, start=1))


def _products(document: Any, line: int) -> list[RawProduct]:
    return [raw_product(node, group, by_id, line) for node, group, by_id in products_in(document)]


def _from_page(source: SourceFile, page: str, report: IngestReport) -> Iterator[RawProduct]:
    """The products of all scripts of a page; a broken script is refused, the others are read."""
    place = 0
    for script in LexborHTMLParser(page).css('script[type*="ld+json"]'):
        text = script.text()
        place = max(page.find(text, place), place)
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            report.refuse(source.name, page.count("\n", 0, place) + error.lineno, None, "broken JSON", text.strip())
            continue
        yield from _located(document, page, place)


def _located(document: Any, text: str, place: int) -> Iterator[RawProduct]:
    """Products with the line on which each one's name (or id) stands, searched from the one before."""
    line, counted = text.count("\n", 0, place) + 1, place
    for node, group, by_id in products_in(document):
        for name in ("name", "sku", "@id"):
            value = text_of(node.get(name), {})
            found = text.find(f'"{value}"', place) if value else -1
            if found >= 0:
                line += text.count("\n", counted, found)
                place = counted = found
                break
        yield raw_product(node, group, by_id, line)


def _loaded(source: SourceFile, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"{source.name}, line {error.lineno}: broken JSON ({error.msg})") from error


def _whole(source: SourceFile) -> str:
    with source.open_utf8() as file:
        data = file.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise FormatError(f"{source.name}: one document of more than {MAX_DOCUMENT:,} bytes; send one product a line")
    return data.decode("utf-8", "replace")
