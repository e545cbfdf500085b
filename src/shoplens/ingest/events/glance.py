"""A first look at a file, from which each format recognises its own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any, Literal

from shoplens.errors import FormatError
from shoplens.ingest.events.json_objects import first_objects
from shoplens.ingest.likeness import refuse_binary, refuse_markup
from shoplens.ingest.source import SourceFile

Shape = Literal["delimited", "json", "parquet"]
_SEPARATORS = ("::", "\t", ";", "|", ",")


@dataclass(frozen=True, slots=True)
class Glance:
    """What the beginning of a file shows."""

    shape: Shape
    columns: tuple[str, ...]  # header, keys of the first objects, or Parquet schema
    first: tuple[Any, ...] = ()  # JSON: the first objects; delimited: the first lines, split, header included
    separator: str = ","

    def has(self, *names: str) -> bool:
        """Whether all these columns are there, exactly so written."""
        return set(names) <= set(self.columns)


def glance(source: SourceFile) -> Glance:
    """Look at a source. FormatError when it is empty or neither a table, JSON nor Parquet."""
    head = source.head(8)
    if head.startswith(b"PAR1"):
        return Glance("parquet", _parquet_columns(source))
    expected = "CSV, TSV, JSON lines or Parquet"
    refuse_binary(source, expected)
    text = source.head_text().lstrip("\ufeff")
    if not text.strip():
        raise FormatError(f"{source.name}: the file is empty")
    if text.lstrip()[0] in "{[":
        objects = first_objects(source)
        names = dict.fromkeys(name for one in objects for name in one)
        return Glance("json", tuple(names), tuple(objects))
    refuse_markup(source, expected)
    lines = [line for line in text.splitlines() if line.strip()][:20]
    separator = _separator(lines)
    first = tuple(tuple(_split(line, separator)) for line in lines)
    return Glance("delimited", first[0], first, separator)


def _parquet_columns(source: SourceFile) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(source.path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{source.name}: a damaged Parquet file ({error})") from error


def _separator(lines: list[str]) -> str:
    """The separator that the first line holds most often; '::' and tab go before a comma inside a text."""
    header = lines[0]
    for separator in _SEPARATORS[:2]:
        if separator in header:
            return separator
    return max(_SEPARATORS[2:], key=lambda one: (header.count(one), one == ","))


def _split(line: str, separator: str) -> list[str]:
    if len(separator) > 1:
        return [part.strip() for part in line.split(separator)]
    return [part.strip() for part in next(csv.reader([line], delimiter=separator), [])]
