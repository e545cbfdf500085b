"""Any table of products: CSV, TSV, JSON lines or Parquet, columns under our names or mapped to them.

Columns that are none of ours become attributes. Lists are separated by `|` (JSON and Parquet may hold real lists), a
category path by `>`; of several paths the first leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from shoplens.errors import FormatError
from shoplens.ingest.likeness import is_event_log
from shoplens.ingest.mapping import ATTRIBUTE, check_columns
from shoplens.ingest.products.raw import RawChunk, RawProduct, split_list, split_path
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import TableKind, read_objects, read_rows

#: Fields that `--map` can name; `attributes.NAME` besides.
FIELDS = (
    "item_id", "title", "description", "brand", "category", "price", "sale_price", "currency", "availability", "stock",
    "gtin", "mpn", "group_id", "link", "attributes", "images", "videos", "audio", "created_at",
)  # fmt: skip
_LISTS = ("images", "videos", "audio")
#: Other spellings of column names that leave no doubt.
_ALSO = {
    "id": "item_id", "product_id": "item_id", "sku": "item_id", "name": "title", "product_name": "title",
    "item_name": "title", "image": "images", "image_link": "images", "image_url": "images", "image_path": "images",
    "video": "videos", "url": "link", "categories": "category", "item_group_id": "group_id", "ean": "gtin",
    "upc": "gtin", "created": "created_at", "inventory": "stock",
    "商品编号": "item_id", "商品id": "item_id", "编号": "item_id",
    "商品名称": "title", "商品名": "title",
    "名称": "title", "标题": "title", "价格": "price", "品牌": "brand", "类目": "category", "分类": "category",
    "描述": "description", "库存": "stock", "图片": "images",
}  # fmt: skip
_TABLES: dict[str, TableKind] = {"csv": "csv", "tsv": "tsv", "parquet": "parquet"}
Pick = Sequence[tuple[str, str]]  # (ours, theirs)


def matches(shape: Shape) -> bool:
    """Whether a table of this shape names at least the id of its products."""
    return shape.kind in ("csv", "tsv", "jsonl", "parquet") and "item_id" in dict(_picked(shape.columns, {}))


def read(
    source: SourceFile, shape: Shape, *, report: IngestReport, mapping: Mapping[str, str] | None = None
) -> Iterator[RawChunk]:
    """All products, in order. ConfigurationError when a mapped column is missing, FormatError when there is no id."""
    names = dict(mapping or {})
    if shape.kind == "jsonl":
        first = True
        for objects, lines, done in read_objects(source, chunk=5_000, report=report):
            if first and objects:
                check_named(source.name, list(dict.fromkeys(name for item in objects for name in item)), names)
                first = False
            picks = {tuple(item): _picked(tuple(item), names) for item in objects}
            yield RawChunk(
                [_product(item, picks[tuple(item)], line) for item, line in zip(objects, lines, strict=True)], done
            )
        return
    if shape.kind not in _TABLES:
        raise FormatError(f"{source.name}: this is {shape.kind}, not a table; send CSV, TSV, JSON lines or Parquet")
    check_columns(names, shape.columns, source.name)
    pick = _picked(shape.columns, names)
    check_named(source.name, shape.columns, names)
    for frame, lines, done in read_rows(
        source, kind=_TABLES[shape.kind], chunk=5_000, separator=shape.separator, report=report
    ):
        yield RawChunk(
            [_product(row, pick, line) for row, line in zip(frame.iter_rows(named=True), lines, strict=True)], done
        )


def check_named(file: str, columns: Sequence[str], mapping: Mapping[str, str]) -> None:
    """FormatError when no column holds the id or the title; it names the columns, or what the table is."""
    found = {ours for ours, _ in _picked(columns, mapping)}
    missing = [ours for ours in ("item_id", "title") if ours not in found]
    if not missing:
        return
    if not mapping and is_event_log(columns):
        raise FormatError(f"{file}: this looks like an event log: shoplens ingest events")
    words = " or ".join({"item_id": "the product's id", "title": "its title"}[ours] for ours in missing)
    say = " ".join(f"--map {ours}=THEIR_NAME" for ours in missing)
    raise FormatError(f"{file}: no column holds {words}; say which with {say}; there are: {', '.join(columns[:30])}")


def _picked(columns: Sequence[str], mapping: Mapping[str, str]) -> Pick:
    """Which of our fields each column holds: mapped, then by our names, then by other spellings, else an attribute."""
    pick = {theirs: ours for ours, theirs in mapping.items()}
    taken = set(mapping)
    plain = {column: column.strip().casefold().replace(" ", "_").replace("-", "_") for column in columns}
    for known in ({name: name for name in FIELDS}, _ALSO):
        for column, name in plain.items():
            if column not in pick and name in known and known[name] not in taken:
                pick[column] = known[name]
                taken.add(known[name])
    return [(pick.get(column, f"{ATTRIBUTE}{column.removeprefix(ATTRIBUTE)}"), column) for column in columns]


def _product(row: Mapping[str, Any], pick: Pick, line: int) -> RawProduct:
    product = RawProduct(line=line, excerpt=_excerpt(row))
    for ours, theirs in pick:
        value = row.get(theirs)
        if value is None or value == "":
            continue
        if ours.startswith(ATTRIBUTE):
            product.add(ours[len(ATTRIBUTE) :], *_texts(value))
        elif ours == "attributes":
            _add_attributes(product, value)
        elif ours == "category":
            product.categories = _paths(value)
        elif ours in _LISTS:
            getattr(product, ours).extend(_texts(value))
        else:
            setattr(product, ours, _text(value))
    return product


def _add_attributes(product: RawProduct, value: Any) -> None:
    """A JSON object, or "color=red|size=M" ("color:red" too)."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            product.add("attributes", value)
            return
    if isinstance(value, Mapping):
        for name, part in value.items():
            product.add(str(name), *_texts(part))
        return
    for part in _texts(value):
        name, sign, text = part.partition("=") if "=" in part else part.partition(":")
        product.add(name.strip() if sign else "attributes", text if sign else part)


def _paths(value: Any) -> list[tuple[str, ...]]:
    """A list of names is one path; text holds paths separated by `|`."""
    if isinstance(value, list | tuple):
        names = [_text(part) for part in value]
        if any(">" in name for name in names):
            return [path for path in map(split_path, names) if path]
        return [tuple(name for name in names if name.strip())]
    return [path for path in map(split_path, _text(value).split("|")) if path]


def _texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [_text(part) for part in value if part is not None]
    return split_list(_text(value), "|")


def _text(value: Any) -> str:
    """Any value of a table as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal):
        return str(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode() if value is not None else ""


def _excerpt(row: Mapping[str, Any]) -> Callable[[], str]:
    return lambda: ",".join(_text(value) for value in row.values())
