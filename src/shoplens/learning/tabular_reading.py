"""One table of who, what and how it went: read whole; a row that cannot be used is refused with line and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.errors import FormatError, InputError
from shoplens.ingest.events.times import parse_times
from shoplens.ingest.likeness import refuse_binary, refuse_markup
from shoplens.ingest.report import IngestReport
from shoplens.ingest.shape import shape_of
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

USER, ITEM, LABEL, TIME = "user_id", "item_id", "label", "timestamp"
YES = ("1", "yes", "y", "true", "t", "like", "liked", "click", "clicked", "bought", "是", "喜欢")
NO = ("0", "no", "n", "false", "f", "dislike", "disliked", "none clicked", "not bought", "否", "不喜欢")
DECIMAL_COMMA = r"^([+-]?\d+),(\d+)$"
MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")  # whatever the case


@dataclass(frozen=True, slots=True)
class Scale:
    """What labels mean. `rating`: numbers from `low` to `high`; otherwise 0 and 1."""

    rating: bool = False
    low: float = 0.0
    high: float = 1.0

    def squeeze(self, label: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Onto 0 to 1, which the network answers in."""
        return ((label - self.low) / (self.high - self.low)).astype(np.float32)

    def stretch(self, share: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """And back."""
        return share.astype(np.float64) * (self.high - self.low) + self.low


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that can be used. `cells`: all columns as text, missing ones null."""

    name: str
    cells: pl.DataFrame
    lines: npt.NDArray[np.int64]  # [n], line of each row in the file
    time: npt.NDArray[np.int64]  # [n] microseconds since 1970; [0] = the file has no times
    report: IngestReport

    def __len__(self) -> int:
        return self.cells.height

    @property
    def features(self) -> list[str]:
        """Columns that are neither who, what, label nor when."""
        return [name for name in self.cells.columns if name not in (USER, ITEM, LABEL, TIME)]

    def keep(self, chosen: npt.NDArray[np.bool_]) -> Table:
        """Some of the rows."""
        time = self.time[chosen] if len(self.time) else self.time
        return Table(self.name, self.cells.filter(pl.Series(chosen)), self.lines[chosen], time, self.report)


def read_table(
    path: Path, *, needed: Sequence[str] = (USER, ITEM, LABEL), report: Path | None = None, timed: bool = True
) -> Table:
    """Rows of a CSV (or TSV, Parquet) file. FormatError when a needed column is missing or the file holds no row.

    What separates columns is recognised: comma, semicolon (then 3,5 is the number 3.5), tab or bar. Rows without a
    person, a product or a readable time are refused; `report` gets a line for each. Without `timed` a column of times
    is not looked at.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is a folder; name a file in it" if path.is_dir() else f"{path}: there is no such file"
        )
    expected = f"a CSV file with the columns {', '.join(needed)}"
    source = SourceFile(path)
    if not source.size:
        raise FormatError(f"{path}: the file is empty; expected {expected}")
    kind: Any = "parquet" if path.suffix == ".parquet" else "csv"
    separator = None
    if kind != "parquet":
        refuse_binary(source, expected)
        refuse_markup(source, expected)
        separator = shape_of(source).separator
    account = IngestReport(report)
    frames, lines = [], []
    for chunk in read_rows(source, kind=kind, chunk=200_000, report=account, separator=separator):
        _check_columns(chunk.frame.columns, needed, path)
        frames.append(chunk.frame)
        lines.append(np.asarray(chunk.lines, np.int64))
    if not sum(len(part) for part in lines):
        raise FormatError(f"{path}: there is no row that can be read below the header; expected {expected}")
    cells = _texts(pl.concat(frames), decimal_comma=separator == ";")
    line = np.concatenate(lines)
    good = np.ones(len(line), np.bool_)
    for column in (name for name in (USER, ITEM) if name in cells.columns):
        good = _refuse(account, path, line, cells, good, cells[column].is_null().to_numpy(), column, "it is empty")
    time = np.zeros(0, np.int64)
    if timed and TIME in cells.columns:
        values = parse_times(cells[TIME].fill_null("")).values
        bad = values.is_null().to_numpy()
        good = _refuse(account, path, line, cells, good, bad, TIME, "it is no time that can be read")
        time = values.fill_null(0).to_numpy().astype(np.int64)
    table = Table(str(path), cells, line, time, account).keep(good)
    account.flush()
    if not len(table):
        raise FormatError(f"{path}: all {len(line):,} rows were refused; {_first(account)}")
    return table


def read_labels(table: Table) -> tuple[Table, npt.NDArray[np.float32], Scale]:
    """The rows whose label can be read, their labels on 0 to 1, and what they meant.

    0 and 1 (or -1 and 1), yes and no in words, or ratings; what the most rows are decides. InputError when all labels
    are the same.
    """
    text = table.cells[LABEL].fill_null("").str.to_lowercase()
    number = text.cast(pl.Float64, strict=False)
    number = number.set(number.is_infinite() | number.is_nan(), None)
    words = text.replace_strict(dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0), default=None, return_dtype=pl.Float64)
    two = number.drop_nulls().is_in([0.0, 1.0]).all() or number.drop_nulls().is_in([-1.0, 1.0]).all()
    said, reason = number, "it is no number"
    if words.null_count() <= number.null_count() and two:
        said, reason = words.fill_null((number > 0).cast(pl.Float64)), "it is neither 0, 1, yes nor no"
    good = _refuse(
        table.report, Path(table.name), table.lines, table.cells,
        np.ones(len(table), np.bool_), said.is_null().to_numpy(), LABEL, reason,
    )  # fmt: skip
    kept = table.keep(good)
    table.report.accept(len(kept))
    table.report.flush()
    values = said.to_numpy()[good].astype(np.float64)
    if not len(values):
        raise InputError(f"{table.name}: no label can be read; {_first(table.report)}")
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise InputError(
            f"{table.name}: all {len(values):,} labels are {low:g}, so there is nothing to tell apart. Add rows of the "
            "other kind, for example products that were shown and not chosen (label 0)"
        )
    if two:
        return kept, (values > 0).astype(np.float32), Scale()
    scale = Scale(True, low, high)
    return kept, scale.squeeze(values), scale


def _texts(frame: pl.DataFrame, *, decimal_comma: bool) -> pl.DataFrame:
    """All cells as text without blanks around it; what stands for a missing value becomes null. `decimal_comma`: 3,5 is
    3.5, as in the files of spreadsheets that separate by semicolons."""
    columns = []
    for series in frame:
        text = series.cast(pl.String).str.strip_chars()
        if decimal_comma and series.name not in (USER, ITEM):
            text = text.str.replace(DECIMAL_COMMA, "$1.$2")
        gone = text.str.to_lowercase().is_in(list(MISSING)) if series.name not in (USER, ITEM) else text == ""
        columns.append(text.set(gone.fill_null(False), None))
    return pl.DataFrame(columns)


def _check_columns(columns: Sequence[str], needed: Sequence[str], path: Path) -> None:
    missing = [name for name in needed if name not in columns]
    if missing:
        raise FormatError(
            f"{path}: there is no column {missing[0]!r}; the file has {', '.join(columns[:30])}. Rename the column "
            f"that holds it: needed are {', '.join(needed)}, all others are features"
        )


def _refuse(
    report: IngestReport,
    path: Path,
    lines: npt.NDArray[np.int64],
    cells: pl.DataFrame,
    good: npt.NDArray[np.bool_],
    bad: npt.NDArray[np.bool_],
    field: str,
    reason: str,
) -> npt.NDArray[np.bool_]:
    """Put the rows that are bad, and were good until now, into the report; returns those that are good still."""
    for row in np.flatnonzero(good & bad).tolist():
        text = ",".join("" if cell is None else str(cell) for cell in cells.row(row))
        report.refuse(str(path), int(lines[row]), field, f"{field}: {reason}", text)
    still: npt.NDArray[np.bool_] = good & ~bad
    return still


def _first(report: IngestReport) -> str:
    """The most frequent reason with an example, for an error."""
    summary = report.summary()
    for example in summary["examples"]:
        return f"for example line {example['line']}: {example['reason']}"
    return "see the report"
