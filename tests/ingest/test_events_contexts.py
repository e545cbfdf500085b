"""What a row says besides our columns: in columns of its own, in a context, or in both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shoplens.ingest.events import read_events
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile


def contexts(file: Path) -> tuple[list[Any], int]:
    report = IngestReport()
    found = [
        None if text is None else json.loads(text)
        for chunk in read_events(SourceFile(file), report=report)
        for text in chunk.batch.context
    ]
    return found, report.refused


def test_columns_stand_beside_what_a_context_says(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(
        "user_id,event_type,item_id,timestamp,orderId,Status,context\n"
        'u9,view,p1,2026-11-20T09:00:00Z,,,"{""page"":""home""}"\n'
        "u9,order_status,,2026-11-20T09:00:00Z,7100,shipped,\n"
        "u9,purchase,p2,2026-11-20T08:00:00Z,7100,paid,\n"
        'u9,purchase,p3,2026-11-20T08:00:00Z,7101,paid,"{""coupon"":""X"",""status"":""own""}"\n',
        encoding="utf-8",
    )
    found, refused = contexts(file)
    assert refused == 0
    assert {"page": "home"} in found
    assert found.count({"order_id": "7100", "status": "shipped"}) == 1
    assert {"order_id": "7101", "status": "own", "coupon": "X"} in found


@pytest.mark.parametrize(
    ("status", "refused"), [('"shipped"', 0), ('"\\u200b"', 1), ("true", 1), ('["x"]', 1), ('" "', 1)]
)
def test_a_file_of_statuses_alone(tmp_path: Path, status: str, refused: int) -> None:
    file = tmp_path / "events.jsonl"
    head = '{"user_id":"u8","event_type":"order_status","timestamp":"2026-11-25T09:00:00Z","context":'
    first, second = '{"order_id":"9002","status":"paid"}}', f'{{"order_id":"9002","status":{status}}}}}'
    file.write_text(f"{head}{first}\n{head}{second}\n", encoding="utf-8")
    found, out = contexts(file)
    assert out == refused
    assert len(found) == 2 - refused
