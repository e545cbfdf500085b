"""Rows out of CSV, TSV, JSON lines and Parquet, in chunks, with their line numbers; memory stays flat.

    for frame, lines, rows_done in read_rows(source, kind="csv", report=report):
        ...

A line that cannot be read (wrong number of fields, a quote never closed, broken JSON) is refused in the report under
its own line number, and reading goes on. `rows_done` goes into the store's checkpoint; `skip_rows` takes it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal, NamedTuple

import orjson
import polars as pl

from shoplens.errors import FormatError
from shoplens.ingest.delimited import DelimitedReader
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

TableKind = Literal["csv", "tsv", "jsonl", "parquet"]
_BLOCK = 4 << 20
_MAX_LINE = 64 << 20  # bytes of one JSON line


class RowChunk(NamedTuple):
    """Up to `chunk` rows. CSV and TSV: all columns are strings, "" when empty; the others keep the file's types."""

    frame: pl.DataFrame
    lines: Sequence[int]  # line (Parquet: row, from 1) of each row of the frame
    rows_done: int  # rows of the source settled when this chunk is: refused ones included


class ObjectChunk(NamedTuple):
    """JSON objects, one a line."""

    objects: list[dict[str, Any]]
    lines: Sequence[int]
    rows_done: int


def read_rows(
    source: SourceFile,
    *,
    kind: TableKind,
    chunk: int = 50_000,
    skip_rows: int = 0,
    report: IngestReport | None = None,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    quoted: bool = True,
) -> Iterator[RowChunk]:
    """The rows of a table in order. FormatError when the file is not of this kind at all.

    For CSV and TSV: `columns` names the columns of a file without a header; `separator` (one or more characters)
    overrides comma and tab; `quoted=False` takes quotation marks as ordinary characters.
    """
    report = report if report is not None else IngestReport()
    if kind == "parquet":
        yield from _parquet_rows(source, chunk, skip_rows)
    elif kind == "jsonl":
        for objects, lines, done in read_objects(source, chunk=chunk, skip_rows=skip_rows, report=report):
            yield RowChunk(frame_of_objects(objects), lines, done)
    else:
        reader = DelimitedReader(
            source,
            separator=separator or ("," if kind == "csv" else "\t"),
            columns=columns,
            quoted=quoted,
            report=report,
        )
        for frame, lines, done in reader.chunks(chunk, skip_rows):
            yield RowChunk(frame, lines, done)


def read_objects(
    source: SourceFile, *, chunk: int = 50_000, skip_rows: int = 0, report: IngestReport | None = None
) -> Iterator[ObjectChunk]:
    """The objects of a JSON lines file, nested as they are. Blank lines do not count as rows."""
    report = report if report is not None else IngestReport()
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    done = given = 0
    with source.open_utf8() as file:
        for first_line, block in _line_blocks(file, source.name):
            for line, value, text in _parsed(block, first_line):
                done += 1
                if done <= skip_rows:
                    continue
                if isinstance(value, dict):
                    objects.append(value)
                    lines.append(line)
                else:
                    reason = "broken JSON" if value is None else "not a JSON object"
                    report.refuse(source.name, line, None, reason, text.decode("utf-8", "replace"))
                if len(objects) >= chunk:
                    yield ObjectChunk(objects, lines, done)
                    objects, lines, given = [], [], done
    if done > max(given, skip_rows):  # the last ones may all have been refused, and are settled too
        yield ObjectChunk(objects, lines, done)


def frame_of_objects(objects: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """A frame over all keys. A key whose values differ in type becomes a column of strings (nested ones: JSON)."""
    names: dict[str, None] = {}
    for item in objects:
        names.update(dict.fromkeys(item))
    columns: dict[str, pl.Series] = {}
    for name in names:
        values = [item.get(name) for item in objects]
        try:
            columns[name] = pl.Series(name, values, strict=True)
        except (TypeError, pl.exceptions.PolarsError, OverflowError):
            columns[name] = pl.Series(name, [text_of_json(value) for value in values], pl.String)
    return pl.DataFrame(columns)


def text_of_json(value: Any) -> str | None:
    """A JSON value as one string: strings as they are, null as None, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _parquet_rows(source: SourceFile, chunk: int, skip_rows: int) -> Iterator[RowChunk]:
    """Row groups are read in batches; only what a batch needs is in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    done = 0
    try:
        with pq.ParquetFile(source.path, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=chunk):
                start, done = done, done + batch.num_rows
                if done <= skip_rows:
                    continue
                frame = pl.from_arrow(pa.Table.from_batches([batch]))
                assert isinstance(frame, pl.DataFrame)
                skipped = max(0, skip_rows - start)
                yield RowChunk(frame.slice(skipped), range(start + skipped + 1, done + 1), done)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise FormatError(f"{source.name}: not a readable Parquet file ({error})") from error


def _line_blocks(file: BinaryIO, name: str) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines in blocks of some megabytes, with the number of the first."""
    line, rest = 1, b""
    while True:
        data = file.read(_BLOCK)
        parts = (rest + data).split(b"\n")
        rest = parts.pop() if data else b""
        if len(rest) > _MAX_LINE:
            raise FormatError(f"{name}, line {line + len(parts)}: one line of more than {_MAX_LINE:,} bytes")
        if parts:
            yield line, parts
            line += len(parts)
        if not data:
            return


def _parsed(block: list[bytes], first_line: int) -> Iterator[tuple[int, Any, bytes]]:
    """(line, value, text) of the lines that are not blank; the value of a broken one is None."""
    filled = [(number, text) for number, text in enumerate(block, first_line) if text and not text.isspace()]
    try:  # one call of the parser for the whole block; a line cannot close the array, it would be broken JSON itself
        values = orjson.loads(b"[" + b",".join(text for _, text in filled) + b"]")
    except orjson.JSONDecodeError:
        values = [_value(text) for _, text in filled]
    if len(values) != len(filled):  # a line held two values, "1,2"
        values = [_value(text) for _, text in filled]
    for (number, text), value in zip(filled, values, strict=True):
        yield number, value, text


def _value(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
