"""From files into the store: in chunks, each confirmed together with how far its source has come.

An import that was stopped anywhere, even by `kill -9`, goes on after its last confirmed chunk when it is started again.
A log of events that was taken in to its end is not read again; feeds of products and people are, because an older
feed may be meant to come back, but rows that say what is known already change nothing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar

import orjson

from shoplens.domain.catalogue import Product
from shoplens.domain.events import EventBatch, EventType
from shoplens.domain.moments import told
from shoplens.errors import ConfigurationError, InputError, MissingExtraError
from shoplens.ingest.events import EventChunk, read_events
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile, find_sources
from shoplens.store.base import Store
from shoplens.store.records import Appended, Checkpoint

#: Told after each confirmed chunk: name of the file, rows of it that are settled.
Progress = Callable[[str, int], None]

_Chunk = TypeVar("_Chunk")

REPORT_FILE = "ingest-report.jsonl"  # in the workspace; every import adds a line about itself, then its refused rows
EVENT_ROWS = 100_000  # a chunk: large enough for the database, some 100 MB of memory
_CATEGORIES_REMEMBERED = 500_000


class _Read(Protocol):
    """Chunks of a source."""

    def __call__(self, source: SourceFile, *, report: IngestReport) -> Iterator[Any]: ...


class _Put(Protocol):
    """Store rows and how far they go; how many changed."""

    def __call__(self, rows: list[Any], point: Checkpoint, /) -> int: ...


def ingest_events(
    store: Store,
    location: str,
    *,
    format: str | None = None,  # noqa: A002 the command line's own word
    mapping: Mapping[str, str] | None = None,
    default_type: EventType | None = None,
    own_names: Mapping[str, EventType] | None = None,
    report_path: Path | None = None,
    strict: bool = False,
    allow_private: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take in the events of a file, folder, URL or standard input ("-"); returns counts for the screen and for JSON.

    `format`, `mapping` (ours → theirs), `default_type` and `own_names` are those of `read_events`; `report_path` gets
    a line for each refused row; `allow_private` lets a URL point into the shop's own network. `strict`: all files are
    read once before anything is stored, and a row that would be refused raises StrictError. InputError when there is
    nothing to read, FormatError when it is in no known format. Of several files one that is refused does not stop the
    others: it is in "files" with the status "refused" and a reason.
    """
    read = partial(
        read_events,
        format=format,
        mapping=mapping,
        default_type=default_type,
        own_names=own_names,
        category_of=_Categories(store),
        chunk=EVENT_ROWS,
    )
    work = _Import("events", location, report_path, progress)
    with work.opened(read, strict=strict, allow_private=allow_private) as report:
        for source in work.sources:
            with work.reading(source):
                # Own names last and only where there are some: what was imported without them keeps its identity.
                identity = _identity("events", source, format, mapping, default_type, *filter(None, [own_names]))
                before = store.checkpoint(identity)
                skip = before.rows if before is not None else 0
                if before is not None and before.finished:
                    work.settle(source, "imported before", skip, skip)
                    continue
                work.begin(skip)
                for chunk in _ahead(read(source, report=report, skip_rows=skip), report):
                    appended = store.events.append(chunk.batch, Checkpoint(identity, chunk.rows_done))
                    work.count_events(source, chunk, appended)
                    work.tell(source, chunk.rows_done, appended.stored)
                store.events.append(EventBatch(), Checkpoint(identity, work.done, finished=True))
                work.settle(source, "continued" if skip else "imported", work.done, skip)
        return work.summary(report, stored=0, duplicates=0, new_products=0, new_people=0)


def ingest_products(
    store: Store,
    location: str,
    *,
    format: str | None = None,  # noqa: A002 the command line's own word
    mapping: Mapping[str, str] | None = None,
    report_path: Path | None = None,
    strict: bool = False,
    allow_private: bool = False,
    currency: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take in a product feed: `changed` counts the products that are new or differ. Otherwise as `ingest_events`.

    `currency` (ISO 4217) is meant where a price names none. `held`, where there are any: products that were given back
    what somebody had accepted for them, and the feed still lacks.
    """
    from shoplens.ingest.products import read_products
    from shoplens.service.attribute_writing import hold

    read = partial(read_products, format=format, mapping=mapping, currency=currency)
    work = _Import("products", location, report_path, progress)
    held = 0

    def put(products: list[Product], checkpoint: Checkpoint) -> int:
        nonlocal held
        changed = store.catalogue.upsert(products, checkpoint)
        held += hold(store, store.catalogue.upsert, [one.item_id for one in products])
        return changed

    with work.opened(read, strict=strict, allow_private=allow_private) as report:
        for source in work.sources:
            with work.reading(source):
                identity = _identity("products", source, format, mapping, currency)
                before = store.checkpoint(identity)
                chunks = ((chunk.products, chunk.rows_done) for chunk in _ahead(read(source, report=report), report))
                known = before is not None and before.finished
                work.replace(source, chunks, put, identity, known=known)
        return work.summary(report, changed=0) | ({"held": held} if held else {})


def ingest_people(
    store: Store,
    location: str,
    *,
    format: str | None = None,  # noqa: A002 the command line's own word
    mapping: Mapping[str, str] | None = None,
    report_path: Path | None = None,
    strict: bool = False,
    allow_private: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take in people, `user_id` and any fields: `changed` counts who is new or differs. Else as `ingest_events`."""
    from shoplens.ingest.people import read_people

    read = partial(read_people, format=format, mapping=mapping)
    work = _Import("people", location, report_path, progress)
    with work.opened(read, strict=strict, allow_private=allow_private) as report:
        for source in work.sources:
            with work.reading(source):
                identity = _identity("people", source, format, mapping)
                before = store.checkpoint(identity)
                chunks = ((chunk.people, chunk.rows_done) for chunk in _ahead(read(source, report=report), report))
                known = before is not None and before.finished
                work.replace(source, chunks, store.people.upsert, identity, known=known)
        return work.summary(report, changed=0)


@dataclass(slots=True)
class _Import:
    """One import in progress: its files, its report, and what became of the rows so far."""

    kind: str
    location: str
    report_path: Path | None
    progress: Progress | None
    sources: list[SourceFile] = field(default_factory=list)
    known: IngestReport = field(init=False)  # events that the store has already
    _counts: dict[str, int] = field(default_factory=dict)
    _rows: int = 0
    _files: list[dict[str, Any]] = field(default_factory=list)
    _began: float = field(default_factory=perf_counter)
    done: int = 0  # rows settled of the file that is being read
    _skipped: int = 0  # of these by an earlier import
    _kept: int = 0  # stored from it

    def __post_init__(self) -> None:
        self.known = IngestReport(self.report_path)

    def opened(self, read: _Read, *, strict: bool, allow_private: bool) -> IngestReport:
        """Find the files and begin the report; with `strict` read all once, so that nothing bad is stored."""
        self.sources = find_sources(self.location, allow_private=allow_private)
        if self.report_path is not None:
            began = told(datetime.now(UTC).replace(microsecond=0))
            head = {"import": self.kind, "from": [source.name for source in self.sources], "began": began}
            self.report_path.parent.mkdir(parents=True, exist_ok=True)
            with self.report_path.open("ab") as file:
                file.write(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE))
        if strict:
            with IngestReport(self.report_path, strict=True) as report:
                for source in self.sources:
                    deque(read(source, report=report), maxlen=0)
        return IngestReport(self.report_path)

    def replace(
        self, source: SourceFile, chunks: Iterable[tuple[list[Any], int]], put: _Put, identity: str, *, known: bool
    ) -> None:
        """Insert or replace what a feed says; rows that say nothing new change nothing."""
        changed = 0
        for rows, done in chunks:
            new = put(rows, Checkpoint(identity, done))
            changed += new
            self._add(changed=new)
            self.tell(source, done, len(rows))
        put([], Checkpoint(identity, self.done, finished=True))
        self.settle(source, "imported before, nothing has changed" if known and not changed else "imported", self.done)

    def count_events(self, source: SourceFile, chunk: EventChunk, appended: Appended) -> None:
        """Note what the store did with a chunk, and which of its rows it knew."""
        self.known.accept(-len(appended.duplicates))
        for position in appended.duplicates:
            self.known.refuse(source.name, chunk.lines[position], None, "event is in the store already")
        self.known.flush()
        self._add(
            stored=appended.stored,
            duplicates=len(appended.duplicates),
            new_products=appended.new_products,
            new_people=appended.new_people,
        )

    def begin(self, skip: int = 0) -> None:
        """The next file; `skip` of its rows are settled already."""
        self.done = self._skipped = skip
        self._kept = 0

    @contextmanager
    def reading(self, source: SourceFile) -> Iterator[None]:
        """Around one file. Of several, one that cannot be read is noted as refused and the others are taken in.

        A single one is refused with its error, which then says how much of the file is stored.
        """
        self.begin()
        try:
            yield
        except MissingExtraError:
            raise
        except (InputError, ConfigurationError) as error:
            reason = str(error)
            if self._kept:
                reason += f"; the {self._kept:,} {self.kind} before it are stored, correct the file and send it again"
            if len(self.sources) == 1:
                raise type(error)(reason) from error
            self.settle(source, "refused", self.done, self._skipped)
            self._files[-1]["reason"] = reason

    def tell(self, source: SourceFile, done: int, kept: int = 0) -> None:
        """`done` rows of the file are settled, `kept` more are stored; whoever watches is told."""
        self.done = done
        self._kept += kept
        if self.progress is not None:
            self.progress(source.name, done)

    def settle(self, source: SourceFile, status: str, rows: int, skipped: int = 0) -> None:
        """A file is through."""
        if not rows and status == "imported":
            status = "no rows"
        self._rows += rows - skipped
        self._files.append({"file": source.name, "status": status, "rows": rows, "began_after_row": skipped})
        source.close()

    def summary(self, report: IngestReport, **zeros: int) -> dict[str, Any]:
        """All counts; `zeros` are those that must be there even when nothing happened."""
        report.flush()
        said, known = report.summary(), self.known.summary()
        said["accepted"] += known["accepted"]
        said["refused"] += known["refused"]
        said["reasons"] = {**known["reasons"], **said["reasons"]}
        said["examples"] += known["examples"]
        seconds = perf_counter() - self._began
        return {
            "kind": self.kind,
            "rows": self._rows,
            **zeros,
            **self._counts,
            **said,
            "files": self._files,
            "report": None if self.report_path is None else str(self.report_path),
            "seconds": round(seconds, 3),
            "rows_per_second": round(self._rows / max(seconds, 1e-9)),
        }

    def _add(self, **numbers: int) -> None:
        for name, number in numbers.items():
            self._counts[name] = self._counts.get(name, 0) + number


class _Categories:
    """Narrowest category of products, asked of the store once each."""

    def __init__(self, store: Store) -> None:
        self._catalogue = store.catalogue
        self._known: dict[str, str | None] = {}
        self._any = store.catalogue.count(stubs=False) > 0

    def __call__(self, item_ids: list[str]) -> list[str | None]:
        if not self._any:
            return [None] * len(item_ids)
        new = [one for one in item_ids if one not in self._known]
        if len(self._known) + len(new) > _CATEGORIES_REMEMBERED:
            self._known.clear()
            new = item_ids
        found = self._catalogue.get(new) if new else {}
        for one in new:
            product = found.get(one)
            self._known[one] = product.category[-1] if product is not None and product.category else None
        return [self._known[one] for one in item_ids]


def _ahead(chunks: Iterator[_Chunk], report: IngestReport) -> Iterator[_Chunk]:
    """The same chunks, the next one being read in a thread of its own while this one is stored.

    Only that thread touches the report until all is read. What it says about a chunk is written before the chunk is
    given: a refused row is told twice after a crash rather than never.
    """

    def step() -> _Chunk | None:
        chunk = next(chunks, None)
        report.flush()
        return chunk

    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(step)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(step)
            yield chunk


def _identity(kind: str, source: SourceFile, *options: Any) -> str:
    """The same content read in the same way. Other options give other rows, and so another import."""
    said = json.dumps([kind, source.fingerprint, *options], sort_keys=True, default=str)
    return blake2b(said.encode(), digest_size=16).hexdigest()
