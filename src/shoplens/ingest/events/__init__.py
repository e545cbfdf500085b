"""Event logs in: GA4, Segment, Amazon Personalize, RecBole, MovieLens, or a plain table.

    for chunk in read_events(source, report=report):
        store.events.append(chunk.batch, Checkpoint(source.fingerprint, chunk.rows_done))

Each format has one file here, with `matches` and `read`. A new one is a file and a line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from shoplens.domain.events import EventBatch, EventType
from shoplens.errors import FormatError
from shoplens.ingest.events import ga4, movielens, personalize, plain, recbole, segment
from shoplens.ingest.events.clean import CategoryOf, EventCleaner
from shoplens.ingest.events.glance import Glance, glance
from shoplens.ingest.events.raw import RawChunk
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

__all__ = ["FORMATS", "EventChunk", "detect", "read_events"]

CHUNK = 50_000  # rows of the source a chunk; a few hundred bytes each


class EventFormat(Protocol):
    """What a format's module offers."""

    def matches(self, seen: Glance, /) -> bool:
        """Whether a file that begins so is of this format."""
        ...

    def read(
        self,
        source: SourceFile,
        seen: Glance,
        *,
        mapping: Mapping[str, str] | None,
        report: IngestReport,
        skip_rows: int,
        chunk: int,
    ) -> Iterator[RawChunk]:
        """The file's rows under our column names, otherwise as they are."""
        ...


#: In the order in which they are tried; `plain` takes whatever is left.
FORMATS: dict[str, EventFormat] = {
    "ga4": ga4,
    "segment": segment,
    "personalize": personalize,
    "recbole": recbole,
    "movielens": movielens,
    "plain": plain,
}


@dataclass(frozen=True, slots=True)
class EventChunk:
    """Clean events from consecutive rows of a source."""

    batch: EventBatch
    lines: Sequence[int]  # line in the file of each event
    rows_done: int  # rows of the source settled when this chunk is stored; goes into the checkpoint


def detect(source: SourceFile) -> str:
    """The name in FORMATS of a source's format, from its content. FormatError when it is no log at all."""
    return _recognise(glance(source))


def read_events(
    source: SourceFile,
    *,
    format: str | None = None,  # noqa: A002 the word of the command line
    mapping: Mapping[str, str] | None = None,
    report: IngestReport,
    skip_rows: int = 0,
    now: int | None = None,
    default_type: EventType | None = None,
    own_names: Mapping[str, EventType] | None = None,
    category_of: CategoryOf | None = None,
    chunk: int = CHUNK,
) -> Iterator[EventChunk]:
    """Clean events of a source, in chunks; what is refused goes to the report.

    `format` is a name in FORMATS (default: `detect`); `mapping` is ours → theirs. `now` in microseconds since 1970
    judges times in the future (default: the clock). `default_type` is what rows are that name no type; a file of
    ratings needs none. `own_names` are a shop's own names of event types, see `event_names.parse_event_names`.
    `category_of` lets prices and quantities be judged by category instead of by product. `skip_rows` goes on after an
    interrupted import; running estimates then start anew. FormatError when the file cannot be read as this format.
    """
    if format is not None and format not in FORMATS:
        raise FormatError(f"no event format named {format!r}; known: {', '.join(FORMATS)}")
    seen = glance(source)
    chosen = format or ("plain" if mapping else _recognise(seen))
    cleaner = EventCleaner(
        source.name, report, now=now, default_type=default_type, category_of=category_of, own_names=own_names or {}
    )
    chunks = FORMATS[chosen].read(source, seen, mapping=mapping, report=report, skip_rows=skip_rows, chunk=chunk)
    first = next(chunks, None)
    if first is None:
        return
    if not first.frame.is_empty() and "event_type" not in first.frame.columns and default_type is None:
        raise FormatError(
            f"{source.name}: no column says what people did (event_type); name it with --map event_type=THEIR_NAME, "
            "or say what all rows are with --type, for example --type purchase"
        )
    for raw in chain([first], chunks):
        batch, lines = cleaner.clean(raw.frame)
        yield EventChunk(batch, lines, raw.rows_done)


def _recognise(seen: Glance) -> str:
    return next(name for name, one in FORMATS.items() if one.matches(seen))
