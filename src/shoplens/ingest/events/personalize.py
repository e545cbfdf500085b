"""Amazon Personalize interactions: columns in capitals, and what was on show with each as an IMPRESSION list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from shoplens.ingest.events import plain
from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.raw import RawChunk, with_lines
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

COLUMNS = {
    "USER_ID": "user_id",
    "ITEM_ID": "item_id",
    "TIMESTAMP": "timestamp",
    "EVENT_TYPE": "event_type",
    "EVENT_VALUE": "value",
    "RECOMMENDATION_ID": "impression_id",
}


def matches(seen: Glance) -> bool:
    """Capitals are what the service asks for."""
    return seen.has("USER_ID", "ITEM_ID", "TIMESTAMP")


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """One event a row, and one impression for each product in its IMPRESSION list (`|` between them)."""
    kind, separator = plain.table_kind(seen)
    ours = {theirs: name for theirs, name in COLUMNS.items() if seen.has(theirs)}
    for name, theirs in (mapping or {}).items():
        ours = {key: value for key, value in ours.items() if value != name} | {theirs: name}
    for frame, lines, done in read_rows(
        source, kind=kind, chunk=chunk, skip_rows=skip_rows, report=report, separator=separator
    ):
        rows = with_lines(
            frame.rename({theirs: name for theirs, name in ours.items() if theirs in frame.columns}), lines
        )
        if "event_type" not in rows.columns and "value" in rows.columns:
            rows = rows.with_columns(pl.lit("rating").alias("event_type"))
        shown = _shown(rows) if "IMPRESSION" in rows.columns else None
        own = rows.select([*(name for name in ours.values() if name in rows.columns), "line"])
        if shown is not None:
            own = pl.concat([own, shown.select(*own.columns, "position")], how="diagonal_relaxed")
        yield RawChunk(own, done)


def _shown(rows: pl.DataFrame) -> pl.DataFrame | None:
    """What was on show with each row, as impressions with their places; products repeated in one list count once."""
    lists = rows.filter(pl.col("IMPRESSION").str.len_bytes() > 0)
    if lists.is_empty():
        return None
    shown = (
        lists.with_columns(pl.col("IMPRESSION").str.split("|").list.unique(maintain_order=True).alias("item_id"))
        .with_columns(pl.int_ranges(1, pl.col("item_id").list.len() + 1).alias("position"))
        .explode("item_id", "position")
    )
    shown = shown.filter(pl.col("item_id").str.strip_chars().str.len_bytes() > 0)
    blank = [pl.lit("impression").alias("event_type")]
    if "value" in shown.columns:
        blank.append(pl.lit(None, dtype=shown.schema["value"]).alias("value"))
    return shown.with_columns(blank)
