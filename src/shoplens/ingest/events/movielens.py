"""MovieLens ratings in their three shapes: ratings.csv with a header, u.data with tabs, ratings.dat with `::`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.raw import RawChunk, with_lines
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

HEADER = {"userId": "user_id", "movieId": "item_id", "rating": "value", "timestamp": "timestamp"}
COLUMNS = ("user_id", "item_id", "value", "timestamp")


def matches(seen: Glance) -> bool:
    """The header of ratings.csv, or four numbers a line, the last of them a time."""
    if seen.shape != "delimited":
        return False
    if seen.has(*HEADER):
        return True
    return seen.separator in ("\t", "::") and sum(map(_is_rating, seen.first)) * 2 > len(seen.first)


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """All rows are ratings."""
    headed = seen.has(*HEADER)
    for frame, lines, done in read_rows(
        source,
        kind="csv" if headed else "tsv",
        separator=seen.separator,
        columns=None if headed else COLUMNS,
        quoted=headed,
        chunk=chunk,
        skip_rows=skip_rows,
        report=report,
    ):
        rows = frame.rename({**HEADER, **{v: k for k, v in (mapping or {}).items()}} if headed else {}, strict=False)
        rows = rows.select([name for name in COLUMNS if name in rows.columns])
        yield RawChunk(with_lines(rows.with_columns(pl.lit("rating").alias("event_type")), lines), done)


def _is_rating(fields: tuple[str, ...]) -> bool:
    if len(fields) != len(COLUMNS):
        return False
    try:
        rating, moment = float(fields[2]), int(fields[3])
    except ValueError:
        return False
    return 0 <= rating <= 10 and moment > 100_000_000
