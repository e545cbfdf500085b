"""Posts of a whole file: JSON lines, CSV, TSV, Parquet, RSS or Atom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shoplens.domain.opinions import Post
from shoplens.errors import FormatError
from shoplens.ingest.opinions.feeds import read_feed
from shoplens.ingest.opinions.rows import PostRows
from shoplens.ingest.shape import shape_of
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_objects, read_rows

CHUNK = 2_000  # rows that are read together


class PostChunk(NamedTuple):
    """Posts, and how many rows of the file are settled with them, refused ones included."""

    posts: Sequence[Post]
    rows_done: int


def read_posts(source: SourceFile, rows: PostRows, *, skip_rows: int = 0) -> Iterator[PostChunk]:
    """The posts of a file in its own order. FormatError when it is in no known format."""
    shape = shape_of(source)
    if shape.kind == "jsonl":
        for chunk in read_objects(source, chunk=CHUNK, skip_rows=skip_rows, report=rows.report):
            yield PostChunk(rows.read(chunk.objects, chunk.lines, file=source.name), chunk.rows_done)
    elif shape.kind in ("csv", "tsv", "parquet"):
        table = read_rows(
            source, kind=shape.kind, chunk=CHUNK, skip_rows=skip_rows, report=rows.report, separator=shape.separator
        )
        for frame, lines, done in table:
            yield PostChunk(rows.read(frame.to_dicts(), list(lines), file=source.name), done)
    elif shape.kind == "xml":
        with source.open() as file:
            posts = read_feed(file.read(), rows, address=source.name)
        if skip_rows < len(posts) or not posts:
            yield PostChunk(posts[skip_rows:], len(posts))
    else:
        raise FormatError(
            f"{source.name}: posts are read from JSON lines, CSV, TSV, Parquet, RSS and Atom; this is {shape.kind}"
        )
