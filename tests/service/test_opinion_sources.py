"""Posts out of files in anybody's words, files that grow, feeds, and what customers told the shop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.domain.opinions import Post
from shoplens.errors import FormatError, InputError, UnsafeInputError
from shoplens.ingest.opinions import PostRows, read_feed, read_on
from shoplens.ingest.opinions.following import marks_of
from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_sources import Batch, SourceOptions, _added, growing, whole
from shoplens.store.base import Store
from shoplens.store.records import Transcript, TranscriptTurn
from shoplens.store.sql import open_store

TIME = 1_700_000_000_000_000


def posts_of(batches: list[Batch]) -> list[Post]:
    return [post for batch in batches for post in batch.posts]


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder / 'shop.sqlite'}")


def test_a_file_in_their_words_is_put_in_order(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text(
        "Review,Date,ASIN,Reviewer,Headline,Followers\n"
        "later <b>one</b>,2023-11-15,p1,ann,Good,\n"
        '"first, one",1700000000,p2,bob,,"1,200"\n'
        ",2023-11-15,p1,ann,,\n"
        "no time,,p1,ann,,\n"
        "in the future,2190-01-01,p1,ann,,\n",
        encoding="utf-8",
    )
    report, store = IngestReport(), opened(tmp_path)
    batches = list(whole(store, str(file), SourceOptions(), report))
    first, second = posts_of(batches)
    assert (first.text, first.timestamp, first.item_id, first.author, first.reach) == (
        "first, one", TIME, "p2", "bob", 1_200,
    )  # fmt: skip
    assert (second.text, second.source) == ("Good. later one", "reviews")
    assert report.refused == 3
    last = batches[-1].point
    assert last is not None
    assert last.finished
    store.close()


def test_a_new_file_that_begins_with_the_same_line_is_read(tmp_path: Path) -> None:
    store, file = opened(tmp_path), tmp_path / "posts.ndjson"

    def line(text: str) -> bytes:
        return orjson.dumps({"text": text, "timestamp": TIME}) + b"\n"

    def look() -> list[str]:
        texts = []
        for batch in _added(store, file, SourceOptions(), IngestReport()):
            texts += [one.text for one in batch.posts]
            if batch.point is not None:
                with store.opinions.turn() as turn:
                    turn.settle(batch.point.source, batch.point.rows)
        return texts

    file.write_bytes(line("log begins"))
    assert look() == ["log begins"]
    file.write_bytes(line("log begins") + line("old"))
    assert look() == ["old"]
    assert look() == []
    file.write_bytes(line("log begins") + line("new") + line("and another"))
    assert look() == ["new", "and another"]
    store.close()


def test_a_growing_file_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "posts.ndjson"
    rows = PostRows("posts", report=IngestReport())
    line = orjson.dumps({"text": "电池坏了", "timestamp": TIME})
    file.write_bytes(line + b"\n")
    (alone,) = marks_of(file)
    file.write_bytes(line + b"\n" + line + b"\nbroken\n" + line)
    mark, first = marks_of(file)
    assert first == alone, "whoever began with one line goes on by it"
    found = read_on(file, rows, mark=mark, offset=0)
    assert len(found.posts) == 2
    assert len({one.key for one in found.posts}) == 2, "two customers may say the same"
    assert rows.report.refused == 1
    with file.open("ab") as stream:
        stream.write(b"\n")
    again = read_on(file, rows, mark=mark, offset=found.offset)
    assert len(again.posts) == 1
    assert read_on(file, rows, mark=mark, offset=again.offset).posts == []
    assert marks_of(file) == [mark, alone]
    file.write_bytes(b"text,time\nnew,1700000000\nbroken\n")
    assert mark not in marks_of(file), "another file under the old name"
    file.write_bytes(b"text,time\n")
    assert marks_of(file) == [], "one line is not enough to know a table by"
    file.write_bytes(b"text,time\nnew,1700000000\nbroken\n")
    table = read_on(file, rows, mark="x", offset=0)
    assert [one.text for one in table.posts] == ["new"]


def test_a_feed_and_what_is_none() -> None:
    rows = PostRows("feed", report=IngestReport())
    rss = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
    <item><title>Profit fell</title><description>by &lt;b&gt;half&lt;/b&gt;</description><guid>g2</guid>
    <pubDate>Tue, 14 Nov 2023 22:13:21 GMT</pubDate><link>https://example.com/2</link></item>
    <item><title>Older</title><guid>g1</guid><pubDate>Tue, 14 Nov 2023 22:13:20 GMT</pubDate></item></channel></rss>"""
    older, newer = read_feed(rss, rows, address="feed")
    assert (older.text, older.timestamp) == ("Older", TIME)
    assert (newer.text, newer.source, newer.post_id) == ("Profit fell. by half", "News", "g2")
    for wrong in (b"<html></html>", b'<!DOCTYPE x [<!ENTITY a "b">]><rss version="2.0"/>'):
        with pytest.raises(FormatError):
            read_feed(wrong, rows, address="feed")


def test_an_atom_feed() -> None:
    rows = PostRows("feed", report=(report := IngestReport()))
    atom = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Forum</title>
    <entry><id>tag:x,2</id><title>Kettle leaks</title><updated>2023-11-14T22:13:21Z</updated>
    <published>2023-11-14T23:13:20+01:00</published><author><name>ann</name></author>
    <link href="https://example.com/2"/><content type="html">&lt;p&gt;All over the floor.&lt;/p&gt;</content></entry>
    <entry><id>tag:x,3</id><title>Only a summary</title><updated>2023-11-14T22:13:22Z</updated>
    <summary>of it</summary></entry>
    <entry><id>tag:x,4</id><title>Without a time</title></entry></feed>"""
    first, second = read_feed(atom, rows, address="feed")
    assert (first.text, first.timestamp) == ("Kettle leaks. All over the floor.", TIME), "when it was published"
    assert (first.author, first.link, first.post_id, first.source) == (
        "ann", "https://example.com/2", "tag:x,2", "Forum",
    )  # fmt: skip
    assert (second.text, second.timestamp) == ("Only a summary. of it", TIME + 2_000_000), "when it was updated"
    assert report.refused == 1


def test_addresses_inside_the_network_are_refused(tmp_path: Path) -> None:
    store, report = opened(tmp_path), IngestReport()
    with pytest.raises(UnsafeInputError):
        list(whole(store, "http://127.0.0.1:1/feed", SourceOptions(), report))
    assert next(growing(store, "http://127.0.0.1:1/feed", SourceOptions(), report)) is None
    assert report.refused == 1, "a feed that is followed may be there later"
    with pytest.raises(InputError):
        next(growing(store, str(tmp_path / "none"), SourceOptions(), report))
    store.close()


def test_one_file_that_cannot_be_read_keeps_no_other_of_a_folder_from_it(tmp_path: Path) -> None:
    store, report, folder = opened(tmp_path), IngestReport(), tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(bytes(range(256)) * 8)
    (folder / "b.jsonl").write_bytes(orjson.dumps({"text": "good", "timestamp": TIME}) + b"\n")
    assert [one.text for one in posts_of(list(whole(store, str(folder), SourceOptions(), report)))] == ["good"]
    assert report.refused == 1
    with pytest.raises(FormatError, match="binary"):
        list(whole(store, str(folder / "a.jsonl"), SourceOptions(), report))
    store.close()


def test_a_folder_that_is_followed_outlives_what_lies_in_it(tmp_path: Path) -> None:
    """One post a file, a folder called like a file, a file that may not be read, a link to nothing."""
    store, report = opened(tmp_path), IngestReport()
    folder = tmp_path / "in"
    (folder / "folder.ndjson").mkdir(parents=True)
    (folder / "nothing.ndjson").symlink_to(tmp_path / "none")
    (folder / "a-broken.csv").write_bytes(b'"' + b"x" * 200_000 + b"\ny\n")
    one = folder / "one.ndjson"
    one.write_bytes(orjson.dumps({"text": "it leaks", "timestamp": TIME}) + b"\n")
    looks = growing(store, str(folder), SourceOptions(), report)
    told: list[Post] = []
    for look in range(3):
        while (batch := next(looks)) is not None:
            told += batch.posts
            if batch.point is not None:
                with store.opinions.turn() as settled:
                    settled.settle(batch.point.source, batch.point.rows)
        if look == 0:
            one.write_bytes(one.read_bytes() + orjson.dumps({"text": "it broke", "timestamp": TIME}) + b"\n")
    assert [post.text for post in told] == ["it leaks", "it broke"], "each once"
    assert report.refused == 1, "noted once, not with every look"
    store.close()


def test_reviews_and_tickets_of_the_shop(tmp_path: Path) -> None:
    store, report = opened(tmp_path), IngestReport()
    batch = EventBatch()
    for kind, context in ((EventType.COMMENT, '{"comment": "too small"}'), (EventType.COMMENT, '{"other": 1}')):
        batch.append(Event(event_type=kind, timestamp=TIME, user_id="ann", item_id="p1", context=context))
    store.events.append(batch)
    (review,) = posts_of(list(whole(store, "shop:reviews", SourceOptions(), report)))
    assert (review.text, review.item_id, review.author, review.source) == ("too small", "p1", "ann", "reviews")
    kept = Transcript(conversation_id="c", user_id="ann", started=TIME, updated=TIME + 5, turns=1, handed_over="asked")
    turn = TranscriptTurn(conversation_id="c", number=1, timestamp=TIME, said="where is my parcel", answer="…")
    store.transcripts.record(kept, turn)
    batches = list(whole(store, "shop:tickets", SourceOptions(), report))
    (ticket,) = posts_of(batches)
    assert (ticket.text, ticket.source) == ("where is my parcel", "tickets")
    point = batches[-1].point
    assert point is not None
    with store.opinions.turn() as settled:
        settled.settle(point.source, point.rows)
    assert posts_of(list(whole(store, "shop:tickets", SourceOptions(), report))) == []
    for number, items, said in ((2, ["p1"], "is it in stock"), (3, [], "it broke"), (4, ["p1", "p2"], "any others"),
                                (5, [], "I want a person"), (6, [], "")):  # fmt: skip
        details = orjson.dumps({"items": items}).decode()
        more = replace(turn, number=number, said=said, details=details)
        store.transcripts.record(replace(kept, updated=TIME + 9, turns=number), more)
    posts = posts_of(list(whole(store, "shop:tickets", SourceOptions(), report)))
    assert [one.item_id for one in posts] == [None, "p1", "p1", None, None], "what an agent says is no ticket"
    store.close()


def test_a_file_is_read_anew_with_other_columns(tmp_path: Path) -> None:
    """Whoever forgot --map, or named the wrong column, puts it right and runs the command again."""
    file = tmp_path / "posts.csv"
    file.write_text("Words,Written\nbad quality,2023-11-20 10:00\n", encoding="utf-8")
    store, report = opened(tmp_path), IngestReport()
    right = SourceOptions(mapping={"text": "Words", "timestamp": "Written"})
    for options, wanted in ((SourceOptions(), 0), (right, 1), (right, 0)):
        batches = list(whole(store, str(file), options, report))
        assert len(posts_of(batches)) == wanted
        for batch in batches:
            if batch.point is not None:
                with store.opinions.turn() as settled:
                    settled.settle(batch.point.source, batch.point.rows, finished=batch.point.finished)
    store.close()
