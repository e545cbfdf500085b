"""WooCommerce's product export.

https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema

A variation names its parent by SKU or as `id:12` and inherits what it does not say itself; both become products that
share `group_id`. `Upsells` and `Cross-sells`, what the shopkeeper recommends by hand, are kept as the attributes
`upsells` and `cross_sells`, their references turned into ids. The file is read twice, because a reference may point
forward; in memory are only the parents and the SKUs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from shoplens.ingest.products.raw import RawChunk, RawProduct, split_list, split_path, split_urls
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

Row = Mapping[str, str]

UPSELLS, CROSS_SELLS = "upsells", "cross_sells"
_ATTRIBUTE = re.compile(r"Attribute (\d+) name")
_ESCAPED_COMMA = "\x00"
_INHERITED = ("Short description", "Description", "Categories", "Tags", "Brands", "Images")


@dataclass(slots=True)
class _Index:
    """What references point to."""

    ids: dict[str, str] = field(default_factory=dict)  # SKU → id
    parents: dict[str, dict[str, str]] = field(default_factory=dict)  # id → row


def matches(shape: Shape) -> bool:
    """Whether a file of this shape is such an export."""
    names = set(shape.columns)
    return shape.kind == "csv" and {"Type", "Name"} <= names and bool(names & {"Regular price", "In stock?", "Parent"})


def read(source: SourceFile, shape: Shape, *, report: IngestReport) -> Iterator[RawChunk]:
    """All products and variations, in order."""
    index = _indexed(source, shape)
    for frame, lines, done in read_rows(source, kind="csv", chunk=5_000, separator=shape.separator, report=report):
        names = frame.columns
        products = []
        for cells, line in zip(frame.iter_rows(), lines, strict=True):
            row = dict(zip(names, cells, strict=True))
            parent = _parent(row, index)
            if row.get("Type", "").strip() == "variation" and parent is None:
                report.refuse(source.name, line, "Parent", "variation without its parent in the file", ",".join(cells))
            else:
                products.append(_product(row, line, parent, index))
        yield RawChunk(products, done)


def _indexed(source: SourceFile, shape: Shape) -> _Index:
    """The first pass: where references lead."""
    index = _Index()
    for frame, _, _ in read_rows(source, kind="csv", separator=shape.separator):
        names = frame.columns
        for cells in frame.iter_rows():
            row = dict(zip(names, cells, strict=True))
            own = _id(row)
            if sku := row.get("SKU", "").strip():
                index.ids.setdefault(sku, own)
            if "variable" in row.get("Type", ""):
                index.parents.setdefault(own, {name: value for name, value in row.items() if value})
    return index


def _parent(row: Row, index: _Index) -> Row | None:
    reference = row.get("Parent", "").strip()
    return index.parents.get(_resolved(reference, index)) if reference else None


def _product(row: Row, line: int, parent: Row | None, index: _Index) -> RawProduct:
    def one(name: str) -> str:
        value = row.get(name, "")
        return parent.get(name, "") if parent is not None and not value.strip() and name in _INHERITED else value

    own = _id(row)
    variable = "variable" in row.get("Type", "")
    product = RawProduct(
        line=line,
        item_id=own,
        title=_title(row, parent),
        description=_joined(one("Short description"), one("Description")),
        brand=one("Brands"),
        price=row.get("Regular price", ""),
        sale_price=row.get("Sale price", ""),
        sale_period=_period(row),
        availability=_availability(row),
        stock=row.get("Stock", "") if _is_number(row.get("Stock", "")) else "",
        gtin=row.get("GTIN, UPC, EAN, or ISBN", "").strip().lstrip("'"),
        mpn=row.get("SKU", ""),
        group_id=_id(parent) if parent is not None else own if variable else "",
        images=split_urls(one("Images")),
        categories=[path for path in map(split_path, _parts(one("Categories"))) if path],
        excerpt=lambda: ",".join(row.values()),
    )
    product.add("tags", *_parts(one("Tags")))
    for name, values in _attributes(row, parent).items():
        product.add(name, *values)
    for name, column in ((UPSELLS, "Upsells"), (CROSS_SELLS, "Cross-sells")):
        product.add(name, *(_resolved(reference, index) for reference in split_list(row.get(column, ""))))
    return product


def _joined(short: str, long: str) -> str:
    """Both descriptions. A line end is written as backslash and n, and means a break, also amid HTML."""
    text = "\n".join(part for part in (short.strip(), long.strip()) if part).replace("\\n", "\n")
    return text.replace("\n", "<br>") if "<" in text else text


def _title(row: Row, parent: Row | None) -> str:
    return row.get("Name", "").strip() or (parent.get("Name", "") if parent is not None else "")


def _attributes(row: Row, parent: Row | None) -> dict[str, list[str]]:
    """Attributes of the row; a variation takes those from its parent that it does not choose itself."""
    result: dict[str, list[str]] = {}
    for source in (row, parent):
        if source is None:
            continue
        for column in source:
            if match := _ATTRIBUTE.fullmatch(column):
                name = source[column].strip()
                values = _parts(source.get(f"Attribute {match[1]} value(s)", ""))
                if name and values and name not in result:
                    result[name] = values
    return result


def _availability(row: Row) -> str:
    """ "In stock?" is 1, 0 or "backorder"; what is not published (-1, 0) cannot be bought."""
    if row.get("Published", "1").strip() in ("-1", "0"):
        return "out_of_stock"
    return row.get("In stock?", "").strip()


def _period(row: Row) -> str:
    """The days of a sale; WooCommerce leaves either end open."""
    start, end = (row.get(f"Date sale price {edge}", "").strip() for edge in ("starts", "ends"))
    if not start and not end:
        return ""
    return f"{start or '1970-01-02'}/{end or '9999-12-30'}"


def _id(row: Row) -> str:
    return row.get("ID", "").strip() or row.get("SKU", "").strip()


def _resolved(reference: str, index: _Index) -> str:
    """The id that `id:12` or a SKU stands for; an unknown SKU stays as it is."""
    reference = reference.strip()
    return reference[3:].strip() if reference.startswith("id:") else index.ids.get(reference, reference)


def _parts(text: str) -> list[str]:
    """Parts separated by commas; `\\,` is a comma inside a part."""
    return [part.replace(_ESCAPED_COMMA, ",") for part in split_list(text.replace("\\,", _ESCAPED_COMMA))]


def _is_number(text: str) -> bool:
    return text.strip().lstrip("-").replace(".", "", 1).isdigit()
