"""Where posts come from: files, files and folders that grow, feeds, and what the shop itself has been told.

Each source gives batches with a point: how far it has been read. The point is settled in the transaction in which the
batch is counted, so that whoever is killed goes on exactly there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import orjson

from shoplens.apps.opinions.monitor import Point
from shoplens.domain.opinions import Post
from shoplens.errors import FormatError, InputError, did_you_mean
from shoplens.ingest.opinions import PostRows, read_feed, read_on, read_posts
from shoplens.ingest.opinions.feeds import MOST_BYTES
from shoplens.ingest.opinions.following import MOST, begins_with, marks_of
from shoplens.ingest.remote import download, shown
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile, find_sources
from shoplens.store.base import Store
from shoplens.store.records import Transcript, TranscriptTurn

BATCH = 256  # posts that are read and counted together
SORTED = 256 << 20  # bytes up to which a file is read as a whole and put into the order of time
FEED_SECONDS = 60.0  # that a followed feed may take: the other sources wait for it meanwhile
SUFFIXES = frozenset({".csv", ".tsv", ".ndjson", ".jsonl", ".json", ".parquet", ".xml", ".rss", ".atom"})
GROWING = frozenset({".csv", ".tsv", ".ndjson", ".jsonl", ".json", ".log", ".txt"})
REVIEWS, TICKETS = "shop:reviews", "shop:tickets"
OWN = (REVIEWS, TICKETS)


class Batch(NamedTuple):
    """Posts, and how far their source is read with them."""

    posts: Sequence[Post]
    point: Point | None


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are read."""

    name: str = ""  # what posts' source is called, where neither they nor their feed say so
    mapping: Mapping[str, str] | None = None  # our field → their column
    allow_private: bool = False  # whether feeds may lie in the shop's own network
    feed_minutes: float = 5.0

    @property
    def reading(self) -> str:
        """What a checkpoint says of the mapping: with other columns a file is another source, and is read anew. A post
        that was counted already counts once all the same."""
        if not self.mapping:
            return ""
        return "/" + blake2b(repr(sorted(self.mapping.items())).encode(), digest_size=8).hexdigest()


def whole(store: Store, location: str, options: SourceOptions, report: IngestReport) -> Iterator[Batch]:
    """All posts that a location holds now: a file, a folder, an address, "-", `shop:reviews` or `shop:tickets`.

    Files are put into the order of time first, because what is late is not judged; those above `SORTED` are read as
    they are. InputError when there is nothing to read.
    """
    if location in OWN:
        yield from own(store, location)
        return
    _refuse_unknown(location)
    sources = find_sources(location, suffixes=SUFFIXES, allow_private=options.allow_private)
    for source in sources:
        try:
            yield from _file(store, source, options, report)
        except (InputError, FormatError) as error:
            if len(sources) == 1:
                raise
            report.refuse(source.name, 0, None, str(error))


def growing(store: Store, location: str, options: SourceOptions, report: IngestReport) -> Iterator[Batch | None]:
    """What comes, for ever; None when there is nothing new for now."""
    _refuse_unknown(location)
    if location in OWN:
        while True:
            yield from own(store, location)
            yield None
    elif "://" in location:
        yield from _feed(location, options, report)
    elif location == "-":
        raise InputError("standard input is read to its end: leave --follow out, or follow a file")
    else:
        path = Path(location)
        if not path.exists():
            raise InputError(f"{location}: there is no such file or folder")
        unread: set[Path] = set()
        while True:
            yield from _files(store, path, options, report, unread)
            yield None


def _refuse_unknown(location: str) -> None:
    """InputError for `shop:` and a name that the shop does not have."""
    if location.startswith("shop:") and location not in OWN and not Path(location).exists():
        raise InputError(
            f"the shop has no {location!r}; {did_you_mean(location, OWN)}what it has itself: {', '.join(OWN)}"
        )


def own(store: Store, location: str) -> Iterator[Batch]:
    """What customers told the shop: reviews in the event log, and conversations that the assistant handed over."""
    identity = f"opinions/{location}"
    before = store.checkpoint(identity)
    done = before.rows if before is not None else 0
    if location == REVIEWS:
        for upto, reviews in store.opinions.reviews(done, BATCH):
            posts = [
                Post(
                    text=text,
                    timestamp=one.timestamp,
                    source="reviews",
                    post_id=f"event {one.sequence}",
                    author=one.user_id,
                    item_id=one.item_id,
                )
                for one in reviews
                if (text := _written(one.context))
            ]
            yield Batch(posts, Point(identity, upto))
        return
    for kept in sorted(store.transcripts.latest(limit=10_000, handed_over=True), key=lambda one: one.updated):
        if kept.updated <= done:
            continue
        posts = list(_tickets(kept, store.transcripts.turns(kept.conversation_id)))
        yield Batch(posts, Point(identity, kept.updated))


def _tickets(kept: Transcript, turns: Sequence[TranscriptTurn]) -> Iterator[Post]:
    """What the customer said; about the product of the conversation, where one alone was spoken of last."""
    about: str | None = None
    for turn in turns:
        items = _details(turn).get("items")
        if isinstance(items, list) and items:
            about = str(items[0]) if len(items) == 1 else None  # a list of three is about none of them
        if turn.said.strip():
            yield Post(
                text=turn.said,
                timestamp=turn.timestamp,
                source="tickets",
                post_id=f"{turn.conversation_id}/{turn.number}",
                author=kept.user_id,
                item_id=about,
            )


def _details(turn: TranscriptTurn) -> dict[str, object]:
    told = orjson.loads(turn.details)
    return told if isinstance(told, dict) else {}


def _file(store: Store, source: SourceFile, options: SourceOptions, report: IngestReport) -> Iterator[Batch]:
    """One whole file."""
    identity = f"opinions/{source.fingerprint}{options.reading}"
    before = store.checkpoint(identity)
    if before is not None and before.finished:
        return
    done = before.rows if before is not None else 0
    rows = PostRows(options.name or Path(source.name).stem, mapping=options.mapping, report=report)
    if source.size > SORTED:
        last = done
        for chunk in read_posts(source, rows, skip_rows=done):
            last = chunk.rows_done
            yield Batch(chunk.posts, Point(identity, last))
        yield Batch((), Point(identity, last, finished=True))
        return
    posts = [post for chunk in read_posts(source, rows) for post in chunk.posts]
    posts.sort(key=lambda one: one.timestamp)
    for start in range(done, len(posts), BATCH):
        end = min(start + BATCH, len(posts))
        yield Batch(posts[start:end], Point(identity, end))
    yield Batch((), Point(identity, len(posts), finished=True))


def _files(
    store: Store, path: Path, options: SourceOptions, report: IngestReport, unread: set[Path]
) -> Iterator[Batch]:
    """What was added to a file, or to the files of a folder. In a folder a file that cannot be read is noted once, in
    `unread`, and the others are read on."""
    if not path.is_dir():
        yield from _added(store, path, options, report)
        return
    for one in sorted(one for one in path.rglob("*") if one.suffix in GROWING and one.is_file()):
        try:
            yield from _added(store, one, options, report)
        except (InputError, OSError) as error:  # not ours, or taken away between two looks
            if one not in unread:
                report.refuse(str(one), 0, None, str(error))
                unread.add(one)


def _added(store: Store, path: Path, options: SourceOptions, report: IngestReport) -> Iterator[Batch]:
    """What was added to one file."""
    marks = marks_of(path)
    if not marks:
        return  # nothing is written yet, or it was taken away
    begun = [(mark, point) for mark in marks if (point := store.checkpoint(f"{mark}{options.reading}")) is not None]
    mark, offset = (begun[0][0], begun[0][1].rows) if begun else (marks[0], 0)
    if offset == begins_with(path):  # nothing but the line that other files may begin with, too
        mark = marks[0]
    rows = PostRows(options.name or path.stem, mapping=options.mapping, report=report)
    while True:
        # By its first line alone no more is read than that: a second one may have been written since.
        most = begins_with(path) - offset if marks == [mark] and offset < begins_with(path) else MOST
        found = read_on(path, rows, mark=mark, offset=offset, most=most)
        if found.offset == offset:
            break
        yield from _pieces(found.posts, Point(f"{mark}{options.reading}", found.offset))
        offset = found.offset


def _pieces(posts: Sequence[Post], point: Point) -> Iterator[Batch]:
    """Batches of one look; only the last says that it is settled: what comes twice after a crash counts once."""
    for start in range(0, max(len(posts), 1), BATCH):
        last = start + BATCH >= len(posts)
        yield Batch(posts[start : start + BATCH], point if last else None)


def _feed(address: str, options: SourceOptions, report: IngestReport) -> Iterator[Batch | None]:
    """Looks at a feed again and again. One that cannot be read now may be later: that is noted in the report."""
    looked = 0.0
    while True:
        if looked and time.monotonic() - looked < options.feed_minutes * 60:
            yield None
            continue
        looked = time.monotonic()
        rows = PostRows(options.name or shown(address), mapping=options.mapping, report=report)
        try:
            path = download(
                address, allow_private=options.allow_private, max_bytes=MOST_BYTES, max_seconds=FEED_SECONDS
            )
            source = SourceFile(path, shown(address), temporary=True)
            with source.open() as file:
                posts = read_feed(file.read(MOST_BYTES + 1), rows, address=shown(address))
            source.close()
        except (InputError, FormatError) as error:
            report.refuse(shown(address), 0, None, str(error))
            posts = []
        for start in range(0, len(posts), BATCH):
            yield Batch(posts[start : start + BATCH], None)
        yield None


def _written(context: str) -> str:
    """The text of a review in an event's context."""
    try:
        told = orjson.loads(context)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(told, dict):
        return ""
    text = next((told[name] for name in ("comment", "review", "text", "review_body", "body") if told.get(name)), "")
    return text.strip() if isinstance(text, str) else ""
