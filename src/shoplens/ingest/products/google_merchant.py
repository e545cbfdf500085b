"""Google Merchant Center feeds: TSV, CSV, RSS 2.0 and Atom.

https://support.google.com/merchants/answer/7052112 (product data specification)
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from shoplens.ingest.products.feed_xml import entries
from shoplens.ingest.products.raw import RawChunk, RawProduct, in_chunks, split_list, split_path, split_urls
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

Values = Mapping[str, Sequence[str]]

_NAMESPACE = "http://base.google.com/ns/1.0"
#: Beside id and title, what no other shop's export has.
_TELLING = frozenset(
    {
        "image_link",
        "google_product_category",
        "product_type",
        "item_group_id",
        "identifier_exists",
        "additional_image_link",
    }
)
#: Fields of ours; all other columns become attributes, but for those that say nothing about the product.
_OURS = """
    id title description link image_link additional_image_link video_link availability price sale_price
    sale_price_effective_date brand gtin mpn google_product_category product_type item_group_id product_detail
    mobile_link canonical_link link_template mobile_link_template identifier_exists quantity
    summary content updated published author guid pubDate comments
"""
_FIELDS = frozenset(_OURS.split())
_NOT_THE_PRODUCT = (
    "shipping", "tax", "ads_", "adwords", "cost_of_goods", "excluded_", "included_", "pause", "promotion_id",
    "loyalty", "unit_pricing", "transit_time", "min_handling", "max_handling", "return_", "installment",
    "subscription", "external_seller",
)  # fmt: skip
_SLASHED = frozenset({"color", "material"})  # "Red/Blue"
_COPY = re.compile(r"\s*\(\d+\)$")  # a second column of the same name
_FALSE = frozenset({"no", "false", "0"})


def matches(shape: Shape) -> bool:
    """Whether a file of this shape is such a feed."""
    if shape.kind == "xml":
        return _NAMESPACE in shape.text or "<rss" in shape.text or "<feed" in shape.text
    names = {_name(column) for column in shape.columns}
    return shape.kind in ("csv", "tsv") and {"id", "title"} <= names and bool(names & _TELLING)


def read(source: SourceFile, shape: Shape, *, report: IngestReport) -> Iterator[RawChunk]:
    """All products of a feed, in order."""
    if shape.kind == "xml":
        yield from in_chunks(
            (google_product(values, line), row) for row, (values, line) in enumerate(entries(source), start=1)
        )
        return
    for frame, lines, done in read_rows(
        source, kind="tsv" if shape.kind == "tsv" else "csv", chunk=5_000, separator=shape.separator, report=report
    ):
        names = [_name(column) for column in frame.columns]
        yield RawChunk(
            [google_product(_multi(names, row), line, row) for row, line in zip(frame.iter_rows(), lines, strict=True)],
            done,
        )


def google_product(values: Values, line: int, row: Sequence[str] = ()) -> RawProduct:
    """One product from its fields; a repeated field has several values."""

    def one(name: str) -> str:
        return next((value for value in values.get(name, ()) if value.strip()), "")

    product = RawProduct(
        line=line,
        item_id=one("id"),
        title=one("title"),
        description=one("description") or one("summary") or one("content"),
        brand=one("brand"),
        price=one("price"),
        sale_price=one("sale_price"),
        sale_period=one("sale_price_effective_date"),
        availability=one("availability"),
        stock=one("quantity"),
        gtin=one("gtin"),
        mpn=one("mpn"),
        group_id=one("item_group_id"),
        link=one("link") or one("canonical_link"),
        images=_urls(values, "image_link") + _urls(values, "additional_image_link"),
        videos=_urls(values, "video_link"),
        excerpt=_excerpt(values, row),
    )
    _categories(product, values)
    for name, texts in values.items():
        if name not in _FIELDS and not name.startswith(_NOT_THE_PRODUCT):
            _attribute(product, name, texts)
    for text in values.get("product_detail", ()):
        _detail(product, text)
    return product


def _categories(product: RawProduct, values: Values) -> None:
    """The category in Google's taxonomy leads when it is spelled out; its number alone is kept as an attribute."""
    taxonomy = [text.strip() for text in values.get("google_product_category", ()) if text.strip()]
    for text in taxonomy:
        if text.isdigit():
            product.add("google_product_category", text)
        else:
            product.categories.append(split_path(text))
    for text in values.get("product_type", ()):
        product.categories.extend(path for path in map(split_path, _type_parts(text)) if path)


def _attribute(product: RawProduct, name: str, texts: Sequence[str]) -> None:
    for text in texts:
        if name == "product_highlight":
            product.add(name, *_csv_parts(text))
        elif name in _SLASHED:
            product.add(name, *split_list(text, "/"))
        elif name in ("is_bundle", "adult") and text.strip().casefold() in _FALSE:
            continue
        else:
            product.add(name, text)


def _detail(product: RawProduct, text: str) -> None:
    """ "General:Screen:OLED" (section, name, value), several separated by commas."""
    for part in _csv_parts(text):
        fields = [field.strip() for field in part.split(":", 2)]
        if len(fields) == 3:
            product.add(fields[1], fields[2])
        elif len(fields) == 2:
            product.add(fields[0], fields[1])


def _urls(values: Values, name: str) -> list[str]:
    return [url for text in values.get(name, ()) for url in split_urls(text)]


def _type_parts(text: str) -> list[str]:
    """Several types are quoted or each a path; "Food, Drinks > Tea" is a single one."""
    parts = _csv_parts(text)
    return parts if '"' in text or all(">" in part for part in parts) else [text]


def _csv_parts(text: str) -> list[str]:
    """Parts separated by commas; one with a comma inside is quoted."""
    if "," not in text:
        return [text] if text.strip() else []
    row = next(csv.reader([text.replace("\n", " ").replace("\r", " ")], skipinitialspace=True), [])
    return [part.strip() for part in row if part.strip()]


def _multi(names: Sequence[str], row: Sequence[str]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in zip(names, row, strict=True):
        if value:
            values.setdefault(name, []).append(value)
    return values


def _name(column: str) -> str:
    """ "Additional Image Link (2)" and "g:additional_image_link" are additional_image_link."""
    return _COPY.sub("", column).strip().removeprefix("g:").casefold().replace(" ", "_").replace("-", "_")


def _excerpt(values: Values, row: Sequence[str]) -> Callable[[], str]:
    if row:
        return lambda: "\t".join(row)
    return lambda: "; ".join(f"{name}={', '.join(texts)}" for name, texts in values.items())
