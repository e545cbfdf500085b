"""A file that somebody writes to: what has been added since the last look, up to the last whole line."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from shoplens.domain.opinions import Post
from shoplens.errors import InputError
from shoplens.ingest.opinions.rows import PostRows

MOST = 1 << 20  # bytes that one look reads
LONGEST_LINE = 16 << 20  # bytes; a longer one is no post


@dataclass(frozen=True, slots=True)
class Followed:
    """What one look found. `offset`: bytes of the file that are settled; `mark` names the file by how it begins."""

    posts: list[Post]
    offset: int
    mark: str


def marks_of(path: Path) -> list[str]:
    """A file by its path and its first two lines, so that a new file under the old name begins anew; then, where lines
    are JSON, by its first line alone, for a file that has no other yet. Empty before that is written. (One line of CSV
    would not do: all files of a kind begin alike.) Whoever has read that
    line alone goes on by the two, once they are there: other files may begin with the same line."""
    try:
        with path.open("rb") as file:
            head = [file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    ways = [head, head[:1]] if head[0].lstrip().startswith(b"{") else [head]
    return [
        f"opinions/{path.resolve()}#{blake2b(b''.join(lines), digest_size=12).hexdigest()}"
        for lines in ways
        if all(line.endswith(b"\n") for line in lines)
    ]


def begins_with(path: Path) -> int:
    """Bytes of the first line."""
    with path.open("rb") as file:
        return len(file.readline(LONGEST_LINE))


def read_on(path: Path, rows: PostRows, *, mark: str, offset: int, most: int = MOST) -> Followed:
    """The posts after byte `offset`, of `most` bytes. Lines are JSON objects or, when the first is not one, CSV with a
    header.

    A file that has become shorter begins anew: what it repeats is known by its identity and counts once.
    """
    size = path.stat().st_size
    offset = offset if offset <= size else 0
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
        columns = None if first.lstrip().startswith(b"{") else _fields(first)
        if columns is not None and offset == 0:
            offset = len(first)
        file.seek(offset)
        block = file.read(most)
        if b"\n" not in block and len(block) == MOST:
            block += file.readline(LONGEST_LINE)
    whole = block[: block.rfind(b"\n") + 1]
    found, places, place = [], [], offset
    for line in whole.splitlines(keepends=True):
        row = _row(line, columns)
        if row is not None:
            found.append(row)
            places.append(place)
        elif line.strip():
            reason = "broken JSON, or no object" if columns is None else "another number of fields than the header"
            rows.report.refuse(str(path), place, None, reason, line.decode("utf-8", "replace"))
        place += len(line)
    # The place in the file is the identity of a post that has none: the same line is never counted twice.
    found = [row if _has_id(row) else {**row, "post_id": f"{mark}:{at}"} for row, at in zip(found, places, strict=True)]
    return Followed(rows.read(found, places, file=str(path)), offset + len(whole), mark)


def _row(line: bytes, columns: list[str] | None) -> dict[str, Any] | None:
    if columns is None:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        return value if isinstance(value, dict) else None
    fields = _fields(line)
    return dict(zip(columns, fields, strict=True)) if len(fields) == len(columns) else None


def _fields(line: bytes) -> list[str]:
    text = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    try:
        return next(csv.reader([text], delimiter="\t" if "\t" in text else ","), [])
    except csv.Error:  # a field longer than any post
        return []


def _has_id(row: dict[str, Any]) -> bool:
    return any(str(row.get(name) or "").strip() for name in ("post_id", "id", "review_id", "comment_id"))
