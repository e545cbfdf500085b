"""Streaming CSV and TSV: polars for the many good rows, exact line numbers for the few bad ones.

A block of the file is scanned with numpy for separators, quotes and line ends. From these follow the records, the line
each begins on and its number of fields; a record with the wrong number is refused, the others go to polars in one
piece. Only a block with misplaced quotes or broken bytes is read record by record (`careful`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplens.errors import FormatError
from shoplens.ingest.careful import CarefulReader, header_of
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

_BLOCK = 8 << 20
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13
MAX_RECORD = 1 << 20  # bytes of one record; a longer one is a quote that was never closed
Positions = npt.NDArray[np.int64]


class Refusal(NamedTuple):
    """A record that cannot be a row."""

    record: int  # number of the record in the source, from 0
    line: int
    reason: str
    text: str


@dataclass(slots=True)
class Piece:
    """Consecutive records of the file: the good ones as a frame, the others as refusals."""

    frame: pl.DataFrame
    index: Positions  # [rows] record number in the source, from 0
    lines: Positions  # [rows]
    records: int  # good and refused
    refusals: list[Refusal] = field(default_factory=list)


class _Layout(NamedTuple):
    """Where records end in a block, and how many separators each holds."""

    ends: Positions  # [records] position after the line end
    line: Positions  # [records] lines before the record's first, within the block
    separators: Positions  # [records]
    lines: int  # line ends up to the last record's end, those inside quotes included
    quoted: bool  # whether quotes enclose fields in this block; if not, they are ordinary characters


class DelimitedReader:
    """Reads one file once, from its start."""

    def __init__(
        self,
        source: SourceFile,
        *,
        separator: str,
        columns: Sequence[str] | None,
        quoted: bool,
        report: IngestReport,
    ) -> None:
        self._source = source
        self._separator = separator.encode()
        self._single = self._separator if len(self._separator) == 1 else b"\x1f"
        self._quoted = quoted
        self._report = report
        self.columns = list(columns) if columns is not None else []
        self._line = 1  # number of the next line
        self._records = 0  # before the next block

    def chunks(self, size: int, skip_rows: int) -> Iterator[tuple[pl.DataFrame, Sequence[int], int]]:
        """(frame, line of each row, rows settled) of at most `size` rows each; none where all rows were refused."""
        for piece in self._pieces():
            end = piece.index[-1] + 1 if len(piece.index) else 0
            end = max(int(end), self._records)
            refusals = iter([refusal for refusal in piece.refusals if refusal.record >= skip_rows])
            waiting = next(refusals, None)
            start = int(np.searchsorted(piece.index, skip_rows))
            for a in range(start, len(piece.index), size):
                b = min(a + size, len(piece.index))
                done = int(piece.index[b]) if b < len(piece.index) else end
                while waiting is not None and waiting.record < done:
                    self._refuse(waiting)
                    waiting = next(refusals, None)
                yield piece.frame.slice(a, b - a), _lines(piece.lines[a:b]), done
            while waiting is not None:
                self._refuse(waiting)
                waiting = next(refusals, None)
            if (
                start >= len(piece.index) and end > skip_rows and piece.refusals
            ):  # nothing but refused rows: settled too
                yield piece.frame.clear(), [], end

    def _refuse(self, refusal: Refusal) -> None:
        self._report.refuse(self._source.name, refusal.line, None, refusal.reason, refusal.text)

    def _pieces(self) -> Iterator[Piece]:
        """The file in pieces of whole records."""
        with self._source.open_utf8() as file:
            rest = b""
            carriage_returns = False
            first = True
            while True:
                data = file.read(_BLOCK)
                if first:
                    carriage_returns = b"\n" not in data and b"\r" in data
                if carriage_returns:  # line ends of the classic Mac, still written by some spreadsheets
                    data = data.replace(b"\r", b"\n")
                ended = not data
                block = rest + data
                if ended and block and not block.endswith(b"\n"):
                    block += b"\n"
                if first:
                    block = self._take_header(block)
                    first = False
                if not block:
                    if ended:
                        return
                    rest = b""
                    continue
                piece, used = self._piece(block, ended)
                rest = block[used:]
                if piece is not None:
                    yield piece
                if ended:
                    if rest:
                        raise FormatError(f"{self._source.name}, line {self._line}: cannot be read as a table")
                    return

    def _take_header(self, block: bytes) -> bytes:
        """The block after its header, which names the columns unless the caller did."""
        if self.columns:
            return block
        names, used, lines = header_of(block, self._separator.decode(), self._quoted, self._source.name)
        self.columns = unique_names(names)
        self._line += lines
        return block[used:]

    def _piece(self, block: bytes, ended: bool) -> tuple[Piece | None, int]:
        """The whole records of a block, and how many bytes they take."""
        if self._single != self._separator:
            block_one = block.replace(self._separator, self._single)
            if len(block_one) != len(block):
                # lengths differ: cut at the last line end first, so that the rest stays in the file's own bytes
                used = block.rfind(b"\n") + 1
                piece, _ = self._scan(block[:used].replace(self._separator, self._single), ended)
                return piece, used
        return self._scan(block, ended)

    def _scan(self, block: bytes, ended: bool) -> tuple[Piece | None, int]:
        layout = _layout(block, self._single[0], self._quoted)
        if layout is None or (not len(layout.ends) and (ended or len(block) > MAX_RECORD)):
            return self._careful(block, ended)
        if not len(layout.ends):
            return None, 0
        used = int(layout.ends[-1])
        try:
            piece = self._parse(block, layout)
        except (pl.exceptions.PolarsError, UnicodeDecodeError):
            return self._careful(block, ended)
        self._line += layout.lines
        self._records += piece.records
        return piece, used

    def _parse(self, block: bytes, layout: _Layout) -> Piece:
        """Refuse records of the wrong width, hand the others to polars."""
        ends = layout.ends
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        length = ends - starts - 1
        view = np.frombuffer(block, np.uint8)
        blank = (length == 0) | ((length == 1) & (view[starts] == _RETURN))
        good = (layout.separators == len(self.columns) - 1) & ~blank
        number = np.cumsum(~blank) - 1 + self._records  # record numbers; blank lines are no records
        refusals = [
            Refusal(
                int(number[i]),
                self._line + int(layout.line[i]),
                "wrong number of fields",
                block[starts[i] : ends[i]][:2_000].decode("utf-8", "replace").rstrip("\r\n"),
            )
            for i in np.flatnonzero(~good & ~blank)
        ]
        rows = np.flatnonzero(good)
        text = block[: int(ends[-1])] if len(rows) == len(ends) else _joined(block, starts, ends, good)
        frame = self._frame(text, layout.quoted)
        if frame.height != len(rows):
            raise pl.exceptions.ComputeError("polars and the scan disagree about the records")
        return Piece(frame, number[rows], layout.line[rows] + self._line, int((~blank).sum()), refusals)

    def _frame(self, text: bytes, quoted: bool) -> pl.DataFrame:
        schema = dict.fromkeys(self.columns, pl.String)
        if not text:
            return pl.DataFrame(schema=schema)
        return pl.read_csv(
            text,
            has_header=False,
            schema=schema,
            separator=self._single.decode(),
            quote_char='"' if quoted else None,
            empty_string_is_null=False,
        )

    def _careful(self, block: bytes, ended: bool) -> tuple[Piece, int]:
        """Record by record, for blocks with misplaced quotes or bytes that are not UTF-8."""
        reader = CarefulReader(self._single.decode(), len(self.columns), self._quoted, MAX_RECORD)
        result = reader.read(block, ended)
        refusals = [
            Refusal(self._records + index, self._line + line, reason, text)
            for index, line, reason, text in result.refused
        ]
        for kind, n in result.fixes.items():
            self._report.fix(kind, n)
        frame = pl.DataFrame(result.rows, schema=dict.fromkeys(self.columns, pl.String), orient="row")
        index = np.array(result.index, np.int64) + self._records
        lines = np.array(result.lines, np.int64) + self._line
        self._line += result.lines_used
        self._records += result.records
        return Piece(frame, index, lines, result.records, refusals), result.used


def unique_names(names: Sequence[str]) -> list[str]:
    """Column names without blanks around them; an empty one is `column_3`, a second `image` is `image (2)`."""
    seen: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names, start=1):
        clean = name.strip().strip("﻿") or f"column_{place}"
        seen[clean] = seen.get(clean, 0) + 1
        unique.append(clean if seen[clean] == 1 else f"{clean} ({seen[clean]})")
    return unique


def _layout(block: bytes, separator: int, quoted: bool) -> _Layout | None:
    """Records of a block; None when its quotes are not where CSV (RFC 4180) allows them."""
    view = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(view == _NEWLINE)
    separators = np.flatnonzero(view == separator)
    ends = newlines
    quotes = np.flatnonzero(view == _QUOTE) if quoted else separators[:0]
    quoted = bool(_opens_fields(view, quotes, separator).any())  # else as in: 5" pipe
    if quoted:
        if not _well_placed(view, quotes, separator):
            return None
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    total = np.searchsorted(separators, ends)
    seen = np.searchsorted(newlines, ends) + 1  # line ends up to and with each record's own
    return _Layout(
        ends + 1,
        np.concatenate([np.zeros(1, np.int64), seen[:-1]])[: len(ends)],
        np.diff(total, prepend=0),
        int(seen[-1]) if len(seen) else 0,
        quoted,
    )


def _opens_fields(view: npt.NDArray[np.uint8], quotes: Positions, separator: int) -> npt.NDArray[np.bool_]:
    """Which quotes are at the beginning of a field."""
    before = np.where(quotes > 0, view[quotes - 1], _NEWLINE)
    opens: npt.NDArray[np.bool_] = (before == separator) | (before == _NEWLINE)
    return opens


def _well_placed(view: npt.NDArray[np.uint8], quotes: Positions, separator: int) -> bool:
    """Whether every opening quote follows a separator, line end or quote, and every closing one precedes one."""
    opening, closing = quotes[::2], quotes[1::2]
    after = np.where(closing + 1 < len(view), view[np.minimum(closing + 1, len(view) - 1)], _NEWLINE)
    opens = _opens_fields(view, opening, separator) | (view[opening - 1] == _QUOTE)
    closes = (after == separator) | (after == _NEWLINE) | (after == _QUOTE) | (after == _RETURN)
    return bool(opens.all() and closes.all())


def _joined(block: bytes, starts: Positions, ends: Positions, good: npt.NDArray[np.bool_]) -> bytes:
    """The good records in one piece of text."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    return b"".join(block[starts[a] : ends[b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True))


def _lines(lines: Positions) -> Sequence[int]:
    """A range when lines follow one another, else a list."""
    first, last = int(lines[0]), int(lines[-1])
    return range(first, last + 1) if last - first + 1 == len(lines) else lines.tolist()
