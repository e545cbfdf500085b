"""What a file looks like from its first bytes: Parquet, XML, HTML, JSON, or a table with which columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from shoplens.errors import FormatError
from shoplens.ingest.delimited import unique_names
from shoplens.ingest.likeness import refuse_binary
from shoplens.ingest.source import SourceFile

ShapeKind = Literal["csv", "tsv", "jsonl", "json", "parquet", "xml", "html"]
_HEAD = 256 << 10
_SEPARATORS = ("\t", ",", ";", "|")


@dataclass(frozen=True, slots=True)
class Shape:
    """`columns`: of a table's header, or the keys of the first JSON object. `text`: the head of a text file."""

    kind: ShapeKind
    columns: tuple[str, ...] = ()
    text: str = ""
    separator: str = ","


def shape_of(source: SourceFile) -> Shape:
    """The shape of a file; FormatError when it is empty or not text."""
    head = source.head(_HEAD)
    if head.startswith(b"PAR1"):
        return Shape("parquet", _parquet_columns(source))
    refuse_binary(source, "CSV, TSV, JSON lines, Parquet, XML or HTML")
    text = source.head_text(_HEAD).lstrip("\ufeff")
    start = text.lstrip()
    if not start:
        raise FormatError(f"{source.name}: the file is empty")
    if start.startswith("<"):
        opening = start[:2048].casefold()
        html = "<!doctype html" in opening or "<html" in opening or ("<script" in opening and "<?xml" not in opening)
        return Shape("html" if html else "xml", text=text)
    if start[0] in "{[":
        return _json_shape(start, len(head) < _HEAD)
    return _table_shape(start)


def _json_shape(text: str, whole: bool) -> Shape:
    """JSON lines when the first line is an object of its own and another one follows, else one JSON document."""
    lines = [line for line in text.split("\n") if line.strip()]
    first = _object(lines[0])
    if first is None or (len(lines) == 1 and whole and "@graph" in first):
        return Shape("json", tuple(_first_of_array(text)), text)
    return Shape("jsonl", tuple(first), text)


def _object(line: str) -> dict[str, object] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _first_of_array(text: str) -> Sequence[str]:
    """Keys of the document, or of the first object of its array, when the head holds the whole document."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    if isinstance(value, list):
        value = value[0] if value else None
    return list(value) if isinstance(value, dict) else ()


def _table_shape(text: str) -> Shape:
    """A table; its separator is the one that cuts the header, and the lines after it, into the same number of parts."""
    lines = text.splitlines()[:20]
    best, score = ",", -1
    for separator in _SEPARATORS:
        width = len(_cells(lines[0], separator))
        alike = sum(1 for line in lines[1:] if len(_cells(line, separator)) == width)
        value = (width > 1) * (1 + alike) * 1000 + width
        if value > score:
            best, score = separator, value
    kind: ShapeKind = "tsv" if best == "\t" else "csv"
    return Shape(kind, tuple(unique_names(_cells(lines[0], best))), text, best)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _parquet_columns(source: SourceFile) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(source.path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{source.name}: not a readable Parquet file ({error})") from error
