"""Record by record through a block that is not clean CSV: misplaced quotes, bytes in another encoding.

A quote that is never closed would swallow the rest of a file. So a record that runs over several lines and then turns
out wrong costs its first line only; reading goes on at the next one.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from shoplens.errors import FormatError
from shoplens.ingest.encoding import looks_like_gb18030

_EXCERPT = 2_000  # characters
UNCLOSED = "a quote is opened and never closed"
MISPLACED = "a quote inside a quoted field is not doubled"
WIDTH = "wrong number of fields"


@dataclass(slots=True)
class CarefulResult:
    """What a block held; lines and indexes count from 0 within it."""

    rows: list[list[str]] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    refused: list[tuple[int, int, str, str]] = field(default_factory=list)  # index, line, reason, text
    fixes: Counter[str] = field(default_factory=Counter)
    records: int = 0
    lines_used: int = 0
    used: int = 0  # bytes


class CarefulReader:
    """Reads blocks for tables of one width."""

    def __init__(self, separator: str, width: int, quoted: bool, max_record: int) -> None:
        self._separator = separator
        self._width = width
        self._quoted = quoted
        self._max_record = max_record
        csv.field_size_limit(max(csv.field_size_limit(), 2 * max_record))

    def read(self, block: bytes, ended: bool) -> CarefulResult:
        """All whole records of the block. A record cut off by the block's end is left for the next block, unless this
        is the last one or the record is longer than any can be."""
        result = CarefulResult()
        raw = block.splitlines(keepends=True) if b"\r" not in block else _split(block)
        if raw and not raw[-1].endswith(b"\n") and not ended:
            raw.pop()
        sizes = [len(line) for line in raw]
        texts = [decode_line(line, result.fixes) for line in raw]
        line = 0
        while line < len(texts):
            if not texts[line].strip("\r\n"):
                line += 1
                continue
            taken, row, reason = self._record(texts, line)
            if taken == 0:  # the block ends inside this record
                if not ended and sum(sizes[line:]) <= self._max_record:
                    break
                taken, row, reason = 1, None, UNCLOSED
            if reason is not None and self._quoted:
                taken, repaired = 1, self._without_quotes(texts[line])
                if repaired is not None:
                    row, reason = repaired, None
                    result.fixes["stray quote kept as text"] += 1
            if reason is None and row is not None and len(row) == self._width:
                result.rows.append(row)
                result.index.append(result.records)
                result.lines.append(line)
            else:
                text = "".join(texts[line : line + taken])[:_EXCERPT].rstrip("\r\n")
                result.refused.append((result.records, line, reason or WIDTH, text))
            result.records += 1
            line += taken
        result.lines_used = line
        result.used = sum(sizes[:line])
        return result

    def _record(self, texts: list[str], line: int) -> tuple[int, list[str] | None, str | None]:
        """(lines taken, fields, what is wrong); 0 lines when the text ends before the record does."""
        if '"' not in texts[line]:
            return 1, texts[line].rstrip("\r\n").split(self._separator), None
        lines = _Counting(texts, line, self._max_record)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE
        reader = csv.reader(lines, delimiter=self._separator, quoting=quoting, strict=True)
        try:
            row = next(reader)
        except csv.Error:
            if lines.exhausted:
                return (0, None, None) if lines.at_end else (1, None, UNCLOSED)
            return lines.given, None, MISPLACED if lines.given == 1 else UNCLOSED
        return lines.given, row, None

    def _without_quotes(self, text: str) -> list[str] | None:
        """The fields of a line whose quotes protect nothing: `"Best" lamp` or `"a "good" lamp"`; None if not so."""
        fields = text.rstrip("\r\n").split(self._separator)
        if len(fields) != self._width or any(value.count('"') % 2 for value in fields):
            return None
        return [
            value[1:-1].replace('""', '"') if len(value) > 1 and value[0] == value[-1] == '"' else value
            for value in fields
        ]


class _Counting(Iterator[str]):
    """Lines from a place on, counting those taken; stops where no record can be that long."""

    def __init__(self, texts: list[str], start: int, max_record: int) -> None:
        self._texts = texts
        self._start = start
        self._left = max_record
        self.given = 0
        self.exhausted = False
        self.at_end = False

    def __next__(self) -> str:
        place = self._start + self.given
        self.at_end = place >= len(self._texts)
        if self.at_end or self._left <= 0:
            self.exhausted = True
            raise StopIteration
        text = self._texts[place]
        self.given += 1
        self._left -= len(text)
        return text


def decode_line(line: bytes, fixes: Counter[str] | None = None) -> str:
    """A line as text: UTF-8, else GB18030 when it looks Chinese, else Western (cp1252)."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        if fixes is not None:
            fixes["line in another encoding"] += 1
    if looks_like_gb18030(line):
        return line.decode("gb18030", "replace")
    if "�" not in (text := line.decode("cp1252", "replace")):
        return text
    return line.decode("utf-8", "replace")


def header_of(block: bytes, separator: str, quoted: bool, name: str) -> tuple[list[str], int, int]:
    """(column names, bytes, lines) of the first record that is not blank. FormatError when there is none."""
    lines = _split(block[: 4 << 20])
    skipped = 0
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    if skipped == len(lines):
        raise FormatError(f"{name}: the file is empty; it needs a line with column names")
    texts = [decode_line(line) for line in lines]
    if not quoted or len(separator) > 1:
        return (
            texts[skipped].rstrip("\r\n").split(separator),
            sum(map(len, lines[: skipped + 1])),
            skipped + 1,
        )
    counting = _Counting(texts, skipped, 1 << 20)
    try:
        row = next(csv.reader(counting, delimiter=separator, strict=True))
    except csv.Error as error:
        raise FormatError(f"{name}, line {skipped + 1}: the column names cannot be read ({error})") from error
    taken = skipped + counting.given
    return row, sum(map(len, lines[:taken])), taken


def _split(block: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends a line."""
    lines = [line + b"\n" for line in block.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines
