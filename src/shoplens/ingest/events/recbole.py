"""RecBole's atomic interaction files: tab-separated, each column named `name:type`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from shoplens.ingest.events import plain
from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.raw import RawChunk
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

_TYPED = re.compile(r"^(.+):(token|token_seq|float|float_seq)$")


def matches(seen: Glance) -> bool:
    """Every column has a type, and there are people and products."""
    return (
        seen.shape == "delimited"
        and all(_TYPED.match(name) for name in seen.columns)
        and seen.has("user_id:token", "item_id:token")
    )


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """As plain tables, once the types are off the names. A mapping may name columns with or without their type."""
    full = {_bare(name): name for name in seen.columns}
    ours = {_bare(name): name for name in seen.columns if _bare(name) in _KNOWN}
    ours |= {name: full.get(theirs, theirs) for name, theirs in (mapping or {}).items()}
    if "rating" in ours:
        ours.setdefault("value", ours["rating"])
        ours.pop("rating")
    for rows, done in plain.read(source, seen, mapping=ours, report=report, skip_rows=skip_rows, chunk=chunk):
        yield RawChunk(_bare_context(rows), done)


_KNOWN = frozenset({"user_id", "item_id", "rating", "timestamp", "session_id", "event_type", "price", "quantity"})


def _bare(name: str) -> str:
    match = _TYPED.match(name)
    return match.group(1) if match else name


def _bare_context(rows: pl.DataFrame) -> pl.DataFrame:
    """Keys of the context without their types."""
    if "context" not in rows.columns:
        return rows
    return rows.with_columns(pl.col("context").str.replace_all(r'"([^":]+):(?:token|float)(?:_seq)?":', '"$1":'))
