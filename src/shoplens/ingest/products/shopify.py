"""Shopify's product export.

https://help.shopify.com/en/manual/products/import-export/using-csv

The rows of one product share a Handle and follow one another; the first holds the product's own columns, each with a
price holds a variant, the others only further pictures. Every variant becomes a product with `group_id` = Handle. Its
id is the Variant SKU, else the Handle, with the option values when there are several variants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shoplens.ingest.products.raw import RawChunk, RawProduct, split_list, split_path
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

Row = Mapping[str, str]
Group = list[tuple[Row, int]]  # (row, line)

_CHUNK = 5_000
_DEFAULT_OPTION = ("title", "default title")  # how Shopify says that there are no options


def matches(shape: Shape) -> bool:
    """Whether a file of this shape is such an export."""
    names = set(shape.columns)
    return shape.kind == "csv" and "Handle" in names and bool(names & {"Variant Price", "Body (HTML)", "Variant SKU"})


def read(source: SourceFile, shape: Shape, *, report: IngestReport) -> Iterator[RawChunk]:
    """All variants, in order. A product's rows are never divided between chunks."""
    products: list[RawProduct] = []
    done = given = 0
    for group, done in _groups(source, shape, report):
        products.extend(_variants(group))
        if len(products) >= _CHUNK:
            yield RawChunk(products, done)
            products, given = [], done
    if products or done > given:
        yield RawChunk(products, done)


def _groups(source: SourceFile, shape: Shape, report: IngestReport) -> Iterator[tuple[Group, int]]:
    """(rows of one handle, rows settled after them); the last may have no rows, when refused ones end the file."""
    group: Group = []
    handle, passed = "", 0
    for frame, lines, done in read_rows(source, kind="csv", separator=shape.separator, report=report):
        names = frame.columns
        for cells, line in zip(frame.iter_rows(), lines, strict=True):
            row = dict(zip(names, cells, strict=True))
            if group and row["Handle"] != handle:
                yield group, passed
                group = []
            passed += 1
            if row["Handle"].strip():
                handle = row["Handle"]
                group.append((row, line))
            else:
                report.refuse(source.name, line, "Handle", "no handle", ",".join(cells))
        passed = done  # rows that could not be read are among them
    yield group, passed


def _variants(group: Group) -> list[RawProduct]:
    """The products of one handle."""
    if not group:
        return []
    head = group[0][0]
    pictures = sorted(
        (row for row, _ in group if row.get("Image Src", "").strip()),
        key=lambda row: _position(row.get("Image Position", "")),
    )
    images = [row["Image Src"] for row in pictures]
    rows = [(row, line) for row, line in group if _is_variant(row)] or group[:1]
    names = [head.get(f"Option{n} Name", "").strip() for n in (1, 2, 3)]
    return [_variant(head, row, line, images, names, alone=len(rows) == 1) for row, line in rows]


def _is_variant(row: Row) -> bool:
    return any(row.get(name, "").strip() for name in ("Variant Price", "Variant SKU", "Option1 Value"))


def _variant(head: Row, row: Row, line: int, images: Sequence[str], names: Sequence[str], *, alone: bool) -> RawProduct:
    options = [
        (name, value)
        for name, value in zip(names, (row.get(f"Option{n} Value", "").strip() for n in (1, 2, 3)), strict=True)
        if value and (name.casefold(), value.casefold()) != _DEFAULT_OPTION
    ]
    handle = head["Handle"].strip()
    price, before = row.get("Variant Price", ""), row.get("Variant Compare At Price", "")
    own = row.get("Variant Image", "").strip()
    on_sale = _number(before) > _number(price) > 0
    product = RawProduct(
        line=line,
        item_id=row.get("Variant SKU", "").strip().lstrip("'")
        or (handle if alone else "/".join([handle, *(value for _, value in options)])),
        title=head.get("Title", ""),
        description=head.get("Body (HTML)", ""),
        brand=head.get("Vendor", ""),
        price=before if on_sale else price,
        sale_price=price if on_sale else "",
        availability=_availability(head, row),
        stock=row.get("Variant Inventory Qty", ""),
        gtin=row.get("Variant Barcode", "").strip().lstrip("'"),
        group_id=handle,
        images=[own, *images] if own else list(images),
        categories=[path for path in map(split_path, (head.get("Product Category", ""), head.get("Type", ""))) if path],
        excerpt=lambda: ",".join(row.values()),
    )
    for name, value in options:
        product.add(name or "option", value)
    product.add("tags", *split_list(head.get("Tags", "")))
    for column, value in head.items():
        if "(product.metafields." in column:
            product.add(column.partition("(product.")[0].strip(), *split_list(value, ";"))
    return product


def _availability(head: Row, row: Row) -> str:
    """Drafts, archived and unpublished products are not for sale; an untracked or overselling one is."""
    if head.get("Status", "active").strip().casefold() in ("draft", "archived"):
        return "out_of_stock"
    if head.get("Published", "true").strip().casefold() == "false":
        return "out_of_stock"
    quantity = row.get("Variant Inventory Qty", "").strip()
    if quantity and row.get("Variant Inventory Tracker", "").strip() and _number(quantity) <= 0:
        oversell = row.get("Variant Inventory Policy", "").strip().casefold() == "continue"
        return "backorder" if oversell else "out_of_stock"
    return "in_stock"


def _position(text: str) -> float:
    return _number(text) or float("inf")


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return 0.0
