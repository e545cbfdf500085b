"""Amazon Personalize item data sets.

https://docs.aws.amazon.com/personalize/latest/dg/ECOMMERCE-items-dataset.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shoplens.ingest.products.raw import RawChunk, RawProduct, split_list
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import Shape
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

_TELLING = frozenset({"PRICE", "CATEGORY_L1", "PRODUCT_DESCRIPTION", "CREATION_TIMESTAMP", "GENDER"})
_LEVELS = ("CATEGORY_L1", "CATEGORY_L2", "CATEGORY_L3")
_TITLES = ("TITLE", "NAME", "ITEM_NAME", "PRODUCT_NAME", "PRODUCT_DESCRIPTION")
_TITLE_LENGTH = 80  # characters of a description that stands in for a title


def matches(shape: Shape) -> bool:
    """Whether a file of this shape is such a data set."""
    return shape.kind in ("csv", "tsv") and "ITEM_ID" in shape.columns and bool(_TELLING & set(shape.columns))


def read(source: SourceFile, shape: Shape, *, report: IngestReport) -> Iterator[RawChunk]:
    """All items, in order."""
    for frame, lines, done in read_rows(
        source, kind="tsv" if shape.kind == "tsv" else "csv", chunk=5_000, separator=shape.separator, report=report
    ):
        names = frame.columns
        yield RawChunk([_item(names, row, line) for row, line in zip(frame.iter_rows(), lines, strict=True)], done)


def _item(names: Sequence[str], row: Sequence[str], line: int) -> RawProduct:
    values = dict(zip(names, row, strict=True))
    description = values.get("PRODUCT_DESCRIPTION", "")
    product = RawProduct(
        line=line,
        item_id=values.get("ITEM_ID", ""),
        title=_title(values),
        description=description,
        brand=values.get("BRAND", ""),
        price=values.get("PRICE", ""),
        created_at=values.get("CREATION_TIMESTAMP", ""),
        excerpt=lambda: ",".join(row),
    )
    levels = [split_list(values.get(level, ""), "|") for level in _LEVELS]
    product.categories = _paths(levels)
    used = {"ITEM_ID", "PRICE", "CREATION_TIMESTAMP", "BRAND", *_LEVELS, *_TITLES}
    for name, value in values.items():
        if name not in used:
            product.add(name.casefold(), *split_list(value, "|"))
    return product


def _title(values: dict[str, str]) -> str:
    """The data set has no title by default: the first words of the description stand in."""
    text = next((values[name] for name in _TITLES if values.get(name, "").strip()), "")
    if len(text) <= _TITLE_LENGTH:
        return text
    cut = text[:_TITLE_LENGTH]
    return cut[: cut.rfind(" ")] if " " in cut[_TITLE_LENGTH // 2 :] else cut


def _paths(levels: list[list[str]]) -> list[tuple[str, ...]]:
    """Levels with `|` hold one category a path when they are equally long, else all below the first of each."""
    filled = [level for level in levels if level]
    if not filled:
        return []
    longest = max(len(level) for level in filled)
    return [tuple(level[min(place, len(level) - 1)] for level in filled) for place in range(longest)]
