"""What becomes of an order comes in as any event does, and is refused when it says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from shoplens.domain.events import EVENT_BY_CODE, EventType, context_text
from shoplens.ingest.events import read_events
from shoplens.ingest.events.typed import typed
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

NOW = 1_797_000_000_000_000
TIME = "2026-12-01T09:00:00Z"


def read(path: Path) -> tuple[list[tuple[str, str | None, object]], dict[str, int]]:
    """Type, product and context of each event, and why others were refused."""
    report = IngestReport()
    found = [
        (EVENT_BY_CODE[code].value, item, json.loads(context) if context else None)
        for chunk in read_events(SourceFile(path), report=report, now=NOW)
        for code, item, context in zip(chunk.batch.event_type, chunk.batch.item_id, chunk.batch.context, strict=True)
    ]
    return found, report.summary()["reasons"]


def test_a_table_of_statuses_needs_no_products(tmp_path: Path) -> None:
    path = tmp_path / "status.csv"
    path.write_text(
        "user_id,event_type,timestamp,order_id,status,tracking_number\n"
        f"ann,order_status,{TIME},7,shipped,DHL1\n"
        f"ann,order_status,{TIME},8,shipped,\n"  # the same person and moment, another order
        f"ann,order_status,{TIME},7,shipped,DHL1\n"
        f"ann,order_status,{TIME},9,,\n"
    )
    found, refused = read(path)
    assert [(kind, item) for kind, item, _ in found] == [("order_status", None)] * 2
    assert found[0][2] == {"order_id": "7", "status": "shipped", "tracking_number": "DHL1"}
    assert refused == {"duplicate row": 1, "order_status without order_id and status": 1}


def test_segment_says_that_an_order_was_cancelled_or_updated(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    calls = [
        ("Order Cancelled", {"order_id": "7", "products": [{"product_id": "mug"}]}),
        ("Order Updated", {"order_id": "8", "status": "shipped", "carrier": "DHL"}),
        ("Order Updated", {"order_id": "9", "products": [{"product_id": "mug"}]}),
    ]
    lines = [
        {"type": "track", "event": name, "userId": "ann", "timestamp": TIME, "messageId": str(n), "properties": told}
        for n, (name, told) in enumerate(calls)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found, refused = read(path)
    assert found == [
        (EventType.ORDER_STATUS, None, {"order_id": "7", "status": "cancelled"}),
        (EventType.ORDER_STATUS, None, {"order_id": "8", "status": "shipped", "carrier": "DHL"}),
    ]
    assert not refused


def test_one_status_in_whatever_spelling_is_one_event() -> None:
    said = {"order_id": "7", "status": "shipped"}
    whole = pl.DataFrame({"line": [0], "event_type": ["order_status"], "context": [said | {"carrier": None}]})
    parts = pl.DataFrame({"line": [0], "event_type": ["order_status"], "context": [said]})
    text = pl.DataFrame(
        {"line": [0], "event_type": ["order_status"], "context": ['{"status": "shipped", "order_id": "7"}']}
    )
    told = {typed(frame, None).frame["context"][0] for frame in (whole, parts, text)}
    assert told == {context_text({"status": "shipped", "order_id": "7", "carrier": None})}
