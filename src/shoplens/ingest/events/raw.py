"""What every event format is turned into before cleaning: our column names, the source's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from shoplens.ingest.tables import text_of_json

#: Columns of a raw frame; any but `line` may be missing. Values are texts, or what the file's own types were.
RAW_COLUMNS = (
    "event_type", "timestamp", "user_id", "session_id", "item_id", "value", "quantity", "price", "currency",
    "impression_id", "position", "query", "context", "event_id",
)  # fmt: skip


class RawChunk(NamedTuple):
    """One chunk as the format's reader gives it. A source row may have become several events, or none."""

    frame: pl.DataFrame  # some of RAW_COLUMNS, and `line` (Int64): where in the file the event comes from
    rows_done: int  # rows of the source settled when this chunk is


def with_lines(frame: pl.DataFrame, lines: Sequence[int]) -> pl.DataFrame:
    """The frame with its line numbers as a column."""
    if isinstance(lines, range):
        return frame.with_columns(pl.int_range(lines.start, lines.stop, eager=True).alias("line"))
    return frame.with_columns(pl.Series("line", lines, dtype=pl.Int64))


class RawRows:
    """Collects events one by one, for the nested formats."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in (*RAW_COLUMNS, "line")}

    def __len__(self) -> int:
        return len(self._columns["line"])

    def add(self, line: int, values: Mapping[str, object]) -> None:
        """One event; absent fields are null, nested ones become JSON."""
        for name in RAW_COLUMNS:
            value = values.get(name)
            self._columns[name].append(value if value is None or isinstance(value, str) else text_of_json(value))
        self._columns["line"].append(line)

    def frame(self) -> pl.DataFrame:
        """All of them; columns that nobody filled are left out."""
        series = [pl.Series(name, self._columns[name], dtype=pl.String) for name in RAW_COLUMNS]
        return pl.DataFrame(
            [
                *(one for one in series if one.null_count() < one.len()),
                pl.Series("line", self._columns["line"], dtype=pl.Int64),
            ]
        )
