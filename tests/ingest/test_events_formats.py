"""Every event format: each field of the good rows, and line, field and reason of each bad one."""

from __future__ import annotations

import gzip
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from shoplens.domain.events import EVENT_BY_CODE, EventBatch, EventType
from shoplens.errors import ConfigurationError, FormatError
from shoplens.ingest.events import FORMATS, detect, read_events
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

FIXTURES = Path(__file__).parent / "fixtures" / "events"
NOW = 1_767_225_600_000_000  # 1 January 2026
CHINESE = {"user_id": "用户", "item_id": "商品", "event_type": "行为", "timestamp": "时间"}
V, C, IMP, S = EventType.VIEW, EventType.CLICK, EventType.IMPRESSION, EventType.SEARCH
CART, BUY, BACK, RATE = EventType.CART, EventType.PURCHASE, EventType.REFUND, EventType.RATING
Row = dict[str, Any]
Refusal = tuple[int, str | None, str]


def taken(source: SourceFile, tmp_path: Path, **options: Any) -> tuple[list[Row], list[Refusal], dict[str, Any]]:
    """(events with their lines, absent fields left out; refusals; summary)."""
    path = tmp_path / "ingest-report.jsonl"
    events: list[Row] = []
    with IngestReport(path) as report:
        for chunk in read_events(source, report=report, now=NOW, **options):
            names = [column.name for column in fields(EventBatch)]
            for line, values in zip(chunk.lines, chunk.batch.rows(), strict=True):
                row: Row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                row["event_type"] = EVENT_BY_CODE[row["event_type"]]
                del row["key"]
                events.append({"line": line, **row})
    notes = [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    return events, sorted((one["line"], one["field"], one["reason"]) for one in notes), report.summary()


def fixture(name: str) -> SourceFile:
    return SourceFile(FIXTURES / name)


def test_ga4(tmp_path: Path) -> None:
    events, refused, summary = taken(fixture("ga4.jsonl"), tmp_path)
    guest = {"session_id": "118.226", "currency": "EUR", "timestamp": 1762165800123456, "event_type": IMP, "line": 1}
    listed = '{"ga_session_id":"1762165790","item_list_id":"related"}'
    ann = {"user_id": "ann", "session_id": "118.226.1762165790"}
    order = {"line": 5, "event_type": BUY, "timestamp": 1762166000000000, "currency": "EUR", **ann}
    assert events == [
        {**guest, "item_id": "LAMP-1", "price": 39.9, "position": 1, "context": listed},
        {**guest, "item_id": "LAMP-2", "price": 89.0, "position": 2, "context": listed},
        {
            "line": 3, "event_type": C, "timestamp": 1762165810000000, "session_id": "118.226", "item_id": "LAMP-2",
            "position": 2, "context": '{"ga_session_id":"1762165790"}',
        },
        {"line": 4, "event_type": S, "timestamp": 1762165900000000, **ann, "query": "reading lamp"},
        {**order, "item_id": "LAMP-1", "quantity": 2.0, "price": 39.9, "context": '{"order_id":"T-77"}'},
        {
            **order, "item_id": "LAMP-2", "quantity": 1.0, "price": 89.0,
            "context": '{"order_id":"T-77","item_variant":"brass"}',
        },
        {
            **order, "item_id": "LAMP-2", "quantity": 1.0, "price": 89.0,
            "context": '{"order_id":"T-77","item_variant":"black"}',
        },
    ]  # fmt: skip
    assert refused == [
        (6, None, "duplicate row"),  # the same order again, exported ten minutes later
        (7, "user_id", "missing user and session"),
        (8, "item_id", "missing item"),
        (9, "timestamp", "unparseable time"),
        (10, "event_type", "unknown event type"),
        (11, None, "broken JSON"),
    ]
    assert summary["fixes"] == {"event that says nothing about a product, left out": 1}


def test_ga4_in_parquet_is_the_same(tmp_path: Path) -> None:
    lines = (FIXTURES / "ga4.jsonl").read_bytes().splitlines()[:10]
    path = tmp_path / "ga4.parquet"
    pl.read_ndjson(b"\n".join(lines), infer_schema_length=None).write_parquet(path)
    assert detect(SourceFile(path)) == "ga4"
    assert taken(SourceFile(path), tmp_path)[0] == taken(fixture("ga4.jsonl"), tmp_path)[0]


def test_segment(tmp_path: Path) -> None:
    events, refused, summary = taken(fixture("segment.jsonl"), tmp_path)
    order = {"line": 5, "event_type": BUY, "timestamp": 1762166040000000, "user_id": "ann", "currency": "USD"}
    review = {"line": 6, "timestamp": 1762675200000000, "user_id": "ann", "item_id": "MUG-1"}
    assert events == [
        {
            "line": 1, "event_type": V, "timestamp": 1762165800250000, "session_id": "guest-7", "item_id": "MUG-1",
            "price": 12.5, "currency": "USD", "position": 3, "context": '{"variant":"blue"}',
        },
        {
            "line": 3, "event_type": CART, "timestamp": 1762165920000000, "user_id": "ann", "session_id": "guest-7",
            "item_id": "MUG-1", "quantity": 2.0, "price": 12.5,
        },
        {"line": 4, "event_type": S, "timestamp": 1762165980000000, "user_id": "ann", "query": "tea pot"},
        {**order, "item_id": "MUG-1", "quantity": 2.0, "price": 12.5, "context": '{"order_id":"o-9"}'},
        {**order, "item_id": "POT-1", "quantity": 1.0, "price": 29.0, "context": '{"order_id":"o-9"}'},
        {**review, "event_type": RATE, "value": 4.0, "context": '{"review_id":"r1"}'},
        {
            **review, "event_type": EventType.COMMENT,
            "context": '{"review_id":"r1","comment":"Keeps tea warm."}',
        },
        {
            "line": 7, "event_type": BACK, "timestamp": 1762761600000000, "user_id": "ann", "item_id": "POT-1",
            "quantity": 1.0, "price": 29.0, "context": '{"order_id":"o-9"}',
        },
        {
            "line": 8, "event_type": BUY, "timestamp": 1762765200000000, "user_id": "bo", "item_id": "MUG-1",
            "quantity": 1.0, "price": 12.5, "context": '{"order_id":"o-10"}',
        },
    ]  # fmt: skip
    assert refused == [
        (9, None, "duplicate row"),  # messageId m-1 again
        (10, "user_id", "missing user and session"),
        (11, "item_id", "missing item"),
        (12, "timestamp", "time in the future"),
        (13, "quantity", "negative quantity"),
        (14, None, "not a JSON object"),
    ]
    assert summary["fixes"] == {
        "identify call left out": 1,
        "event that says nothing about a product, left out": 1,
        "refund with a minus sign": 1,
    }


def test_segment_as_one_array(tmp_path: Path) -> None:
    events, refused, _ = taken(fixture("segment_array.json"), tmp_path)
    assert [(one["line"], one["event_type"], one["item_id"]) for one in events] == [
        (2, EventType.SHARE, "MUG-1"),
        (8, EventType.WISHLIST, "MUG-2"),
    ]
    assert refused == [(7, None, "not a JSON object")]


@pytest.mark.parametrize("broken", ['[{"type": "track"', '[{"type": "track"}, {"type"]', '[{"type": "track"} '])
def test_a_broken_array_is_refused_as_a_whole(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "calls.json"
    path.write_text(broken)
    with pytest.raises(FormatError, match="array"):
        list(read_events(SourceFile(path), format="segment", report=IngestReport()))


def test_personalize(tmp_path: Path) -> None:
    events, refused, _ = taken(fixture("personalize.csv"), tmp_path)
    shown = {"line": 2, "event_type": IMP, "timestamp": 1762165800000000, "user_id": "u1", "impression_id": "RID-1"}
    assert events == [
        {**shown, "event_type": V, "item_id": "i1", "value": 0.5},
        {"line": 3, "event_type": BUY, "timestamp": 1762165900000000, "user_id": "u1", "item_id": "i2"},
        {
            "line": 4, "event_type": CART, "timestamp": 1762165950000000, "user_id": "u2", "item_id": "i1",
            "value": 1.0, "impression_id": "RID-2",
        },
        {**shown, "item_id": "i1", "position": 1},
        {**shown, "item_id": "i2", "position": 2},
        {**shown, "item_id": "i3", "position": 3},
    ]  # fmt: skip
    assert refused == [
        (5, "user_id", "missing user and session"),
        (6, "item_id", "missing item"),
        (7, "timestamp", "unparseable time"),
        (8, "event_type", "unknown event type"),
        (9, "timestamp", "time before 1995"),
        (10, "value", "not a number"),
        (11, None, "duplicate row"),
    ]


def test_recbole(tmp_path: Path) -> None:
    events, refused, _ = taken(fixture("recbole.inter"), tmp_path)
    assert events == [
        {"line": 2, "event_type": RATE, "timestamp": 881250949000000, "user_id": "196", "item_id": "242", "value": 3.0},
        {"line": 3, "event_type": RATE, "timestamp": 891717742000000, "user_id": "186", "item_id": "302", "value": 4.5},
    ]
    assert refused == [
        (4, "value", "not a number"),
        (5, "user_id", "missing user and session"),
        (6, "timestamp", "missing time"),
        (7, None, "wrong number of fields"),
        (8, "value", "missing rating"),
    ]


@pytest.mark.parametrize(
    ("name", "expected", "refusals"),
    [
        (
            "ratings.csv",
            [(2, "1", "2", 3.5, 1112486027000000), (3, "1", "29", 4.0, 1112484676000000)],
            [(4, "value", "missing rating"), (5, "timestamp", "time before 1995")],
        ),
        (
            "u.data",
            [(1, "196", "242", 3.0, 881250949000000), (2, "186", "302", 3.0, 891717742000000),
             (3, "22", "377", 1.0, 878887116000000)],
            [(4, None, "duplicate row")],
        ),
        (
            "ratings.dat",
            [(1, "1", "1193", 5.0, 978300760000000), (2, "1", "661", 3.0, 978302109000000),
             (4, "2", "914", 4.0, 978301968000000)],
            [(3, None, "wrong number of fields")],
        ),
    ],
)  # fmt: skip
def test_movielens(tmp_path: Path, name: str, expected: list[tuple[Any, ...]], refusals: list[Refusal]) -> None:
    events, refused, _ = taken(fixture(name), tmp_path)
    assert {one["event_type"] for one in events} == {RATE}
    assert [tuple(one[n] for n in ("line", "user_id", "item_id", "value", "timestamp")) for one in events] == expected
    assert refused == refusals


def test_plain(tmp_path: Path) -> None:
    events, refused, summary = taken(fixture("plain.csv"), tmp_path)
    u1 = {"user_id": "u1", "session_id": "s1", "item_id": "i1"}
    assert events == [
        {
            "line": 2, "event_type": V, "timestamp": 1762165800000000, **u1, "impression_id": "imp-1", "position": 1,
            "context": '{"shop":"north"}',
        },
        {
            "line": 3, "event_type": CART, "timestamp": 1762165860000000, **u1, "quantity": 2.0, "price": 1299.0,
            "currency": "USD",
        },
        {"line": 4, "event_type": S, "timestamp": 1762137120000000, "user_id": "u1", "query": "red shoes"},
        {
            "line": 5, "event_type": BUY, "timestamp": 1762165800000000, "session_id": "s2", "item_id": "i2",
            "quantity": 1.0, "price": 29.99, "currency": "EUR",
        },
        {"line": 6, "event_type": RATE, "timestamp": 1762165800000000, "user_id": "u3", "item_id": "i2", "value": 4.5},
        {
            "line": 24, "event_type": BACK, "timestamp": 1762252200000000, "user_id": "u1", "item_id": "i1",
            "quantity": 2.0,
        },
    ]  # fmt: skip
    assert refused == [
        (7, "user_id", "missing user and session"),
        (8, "item_id", "missing item"),
        (9, "event_type", "missing event type"),
        (10, "event_type", "unknown event type"),
        (11, "timestamp", "missing time"),
        (12, "timestamp", "unparseable time"),
        (13, "timestamp", "time before 1995"),
        (14, "timestamp", "time in the future"),
        (15, "quantity", "negative quantity"),
        (16, "quantity", "zero quantity"),
        (17, "price", "negative price"),
        (18, "quantity", "not a number"),
        (19, "price", "not a number"),
        (20, "price", "absurd price"),
        (21, "value", "missing rating"),
        (22, None, "duplicate row"),
        (23, None, "wrong number of fields"),
    ]
    assert summary["fixes"] == {
        "time without a zone read as UTC": 1,
        "price written with a currency or separators": 1,
        "position dropped: not a whole number": 1,
        "refund with a minus sign": 1,
        "price of zero read as unknown": 1,
    }
    assert summary["accepted"] == 6


def test_a_context_that_is_an_object_is_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    rows = [
        {"user_id": "u", "item_id": "i", "event_type": "purchase", "timestamp": 1_760_000_000 + day, "context": context}
        for day, context in enumerate(({"order_id": "1007", "status": "已发货"}, None, {"order_id": "1008"}))
    ]
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    events, refused, _ = taken(SourceFile(path), tmp_path)
    assert not refused
    told = [orjson.loads(one["context"]) if "context" in one else None for one in events]
    assert told == [{"order_id": "1007", "status": "已发货"}, None, {"order_id": "1008"}]


def test_plain_in_every_container_is_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["u1", "u2"],
            "item_id": ["i1", "i2"],
            "event_type": ["view", "purchase"],
            "timestamp": [1_762_165_800, 1_762_165_801],
            "quantity": [None, 2.0],
            "session_id": [17, None],  # numbers as ids: exports of dataframes
        }
    )
    frame.write_csv(tmp_path / "e.csv")
    frame.write_csv(tmp_path / "e.tsv", separator="\t")
    frame.write_csv(tmp_path / "e.txt", separator=";")
    frame.write_ndjson(tmp_path / "e.jsonl")
    frame.write_parquet(tmp_path / "e.parquet")
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress((tmp_path / "e.csv").read_bytes()))
    found = [taken(SourceFile(tmp_path / f"e.{end}"), tmp_path)[0] for end in ("csv", "tsv", "txt", "jsonl", "csv.gz")]
    expected, *_ = taken(SourceFile(tmp_path / "e.parquet"), tmp_path)
    assert [one.pop("line") for one in expected] == [1, 2]
    assert expected[1] == {
        "event_type": BUY, "timestamp": 1_762_165_801_000_000, "user_id": "u2", "item_id": "i2", "quantity": 2.0,
    }  # fmt: skip
    assert expected[0]["session_id"] == "17"
    for events in found:
        assert [{k: v for k, v in one.items() if k != "line"} for one in events] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_chinese_names_in_any_encoding(tmp_path: Path, encoding: str, packed: bool) -> None:
    data = (FIXTURES / "chinese.csv").read_text(encoding="utf-8").encode(encoding)
    path = tmp_path / ("日志.csv.gz" if packed else "日志.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    events, refused, summary = taken(SourceFile(path), tmp_path, mapping=CHINESE)
    assert [(one["user_id"], one["item_id"], one["event_type"], one["timestamp"]) for one in events] == [
        ("张三", "茶杯-1", V, 1762194600000000),
        ("张三", "茶杯-1", CART, 1762194660000000),
        ("李四", "茶壶-2", BUY, 1762128000000000),
    ]
    assert refused == [(5, "item_id", "missing item")]
    assert summary["fixes"] == {"time without a zone read as UTC": 4}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ga4.jsonl", "ga4"),
        ("segment.jsonl", "segment"),
        ("segment_array.json", "segment"),
        ("personalize.csv", "personalize"),
        ("recbole.inter", "recbole"),
        ("ratings.csv", "movielens"),
        ("u.data", "movielens"),
        ("ratings.dat", "movielens"),
        ("plain.csv", "plain"),
        ("chinese.csv", "plain"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("packed", [False, True])
def test_detection(tmp_path: Path, name: str, expected: str, encoding: str, packed: bool) -> None:
    data = (FIXTURES / name).read_text(encoding="utf-8").encode(encoding)
    path = tmp_path / "file-without-a-telling-name"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert detect(SourceFile(path)) == expected


def test_every_fixture_is_detected() -> None:
    assert {detect(SourceFile(path)) for path in sorted(FIXTURES.iterdir())} == set(FORMATS)


@pytest.mark.parametrize(
    ("content", "options", "error", "says"),
    [
        (b"", {}, FormatError, "empty"),
        (b"a,b\n1,2\n", {}, FormatError, "--map user_id=THEIR_NAME"),
        (b"user_id,item_id\nu,i\n", {}, FormatError, "--type purchase"),
        (b"user_id,item_id\nu,i\n", {"format": "ga5"}, FormatError, "known: ga4, segment"),
        (b"who,item_id\nu,i\n", {"mapping": {"user_id": "wer"}}, ConfigurationError, "wer"),
        (b"who,item_id\nu,i\n", {"mapping": {"customer": "who"}}, ConfigurationError, "customer"),
        (
            b'{"event_name": "x", "event_timestamp": 1}\n',
            {"format": "ga4", "mapping": {"a": "b"}},
            FormatError,
            "--map",
        ),
        (b"PAR1 and then nothing", {}, FormatError, "Parquet"),
        (b"[1, 2]", {}, FormatError, "no JSON objects"),
    ],
)
def test_errors_say_what_to_do(
    tmp_path: Path, content: bytes, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(error, match=says):
        list(read_events(SourceFile(path), report=IngestReport(), **options))
