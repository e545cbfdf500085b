"""Product feeds of every kind, as clean products.

with IngestReport(workspace / "ingest-report.jsonl") as report:
    for chunk in read_products(source, report=report):
        store.catalogue.upsert(chunk.products, Checkpoint(source.fingerprint, chunk.rows_done))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import ModuleType
from typing import NamedTuple

from shoplens.domain.catalogue import Product
from shoplens.errors import ConfigurationError, FormatError
from shoplens.ingest.likeness import is_event_log
from shoplens.ingest.mapping import ANY_ATTRIBUTE, check_fields
from shoplens.ingest.products import google_merchant, personalize, plain, schema_org, shopify, woocommerce
from shoplens.ingest.products.cleaning import ProductCleaner
from shoplens.ingest.products.raw import RawChunk
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape, shape_of
from shoplens.ingest.source import SourceFile

#: name → module with `matches(shape)` and `read(source, shape, *, report)`; tried in this order when detecting.
FORMATS: dict[str, ModuleType] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "google_merchant": google_merchant,
    "personalize": personalize,
    "schema_org": schema_org,
    "plain": plain,
}
#: Our fields that `--map` can name.
FIELDS = plain.FIELDS


class ProductChunk(NamedTuple):
    """Some thousand products. `rows_done` is for the store's checkpoint: `skip_rows` takes it back."""

    products: list[Product]
    lines: list[int]  # of each product in its file
    rows_done: int


def detect(source: SourceFile) -> str:
    """The name of a source's format, judged by its content. FormatError when it is none that is known."""
    return _detect(source, shape_of(source))


def read_products(
    source: SourceFile,
    *,
    format: str | None = None,  # noqa: A002 the command line's own word
    mapping: Mapping[str, str] | None = None,
    report: IngestReport,
    currency: str | None = None,
    skip_rows: int = 0,
    now: datetime | None = None,
) -> Iterator[ProductChunk]:
    """All products of a source, in order, cleaned; what is refused or repaired goes into the report.

    `mapping` {ours: theirs} makes any table a plain one. `currency` (ISO 4217) is meant where a price names none.
    Rows before `skip_rows` are read again, because duplicates, parents and absurd prices are judged against them, but
    neither given nor reported. `now` decides which sales are on.
    """
    check_fields(mapping or {}, (*FIELDS, ANY_ATTRIBUTE))
    shape = shape_of(source)
    name = format or ("plain" if mapping else _detect(source, shape))
    if name not in FORMATS:
        raise ConfigurationError(f"there is no product format {name!r}; known: {', '.join(FORMATS)}")
    if mapping and name != "plain":
        raise ConfigurationError(f"--map is for plain tables; the columns of {name} are known (or use --format plain)")
    cleaner = ProductCleaner(source.name, report, currency=currency, now=now)
    if name == "plain":
        chunks: Iterator[RawChunk] = plain.read(source, shape, report=report, mapping=mapping)
    else:
        chunks = FORMATS[name].read(source, shape, report=report)
    muted = report.muted
    try:
        report.muted = muted or skip_rows > 0
        for raws, rows_done in chunks:
            if rows_done > skip_rows:
                report.muted = muted
            cleaned = cleaner.clean(raws)
            if rows_done >= skip_rows:  # from here on, before the reader goes on and refuses rows itself
                report.muted = muted
            if rows_done > skip_rows:
                report.accept(len(cleaned))
                yield ProductChunk([product for product, _ in cleaned], [line for _, line in cleaned], rows_done)
    finally:
        report.muted = muted


def _detect(source: SourceFile, shape: Shape) -> str:
    for name, reader in FORMATS.items():
        if reader.matches(shape):
            return name
    formats = f"or name the format with --format ({', '.join(FORMATS)})"
    if shape.columns and is_event_log(shape.columns):
        raise FormatError(f"{source.name}: this looks like an event log: shoplens ingest events")
    if not shape.columns:
        words = {"xml": "an XML document", "html": "an HTML page"}.get(shape.kind, shape.kind)
        raise FormatError(
            f"{source.name}: this is {words}, but not a product feed that is known; send another, {formats}"
        )
    raise FormatError(
        f"{source.name}: not a product feed that is known (columns {', '.join(shape.columns[:30])}); "
        f"say which column is which with --map item_id=… --map title=…, {formats}"
    )
