from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoplens.errors import StrictError
from shoplens.ingest.report import EXCERPT_LENGTH, IngestReport


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_refused_rows_are_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ingest-report.jsonl"
    with IngestReport(path) as report:
        report.refuse("a.csv", 7, "price", "negative price", "x" * 1000)
        report.refuse("a.csv", 8, None, "wrong number of fields", "行,坏")
    first, second = lines_of(path)
    assert first == {
        "file": "a.csv", "line": 7, "field": "price", "reason": "negative price", "row": "x" * EXCERPT_LENGTH,
    }  # fmt: skip
    assert second["row"] == "行,坏"
    assert second["field"] is None


def test_a_dropped_field_keeps_the_row(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    with IngestReport(path, strict=True) as report:
        report.drop_field("a.csv", 3, "gtin", "wrong check digit", "1,2")
    assert lines_of(path)[0]["kept"] is True
    assert report.summary()["refused"] == 0


def test_summary_counts_and_keeps_one_example_a_reason() -> None:
    report = IngestReport()
    report.accept(5)
    for line in range(3):
        report.refuse("a.csv", line, "id", "no id")
    report.refuse("a.csv", 9, "title", "no title")
    report.fix("html removed", 4)
    report.fix("nothing", 0)
    summary = report.summary()
    assert summary["accepted"] == 5
    assert summary["refused"] == 4
    assert list(summary["reasons"].items()) == [("no id", 3), ("no title", 1)]
    assert summary["fixes"] == {"html removed": 4}
    assert [example["line"] for example in summary["examples"]] == [0, 9]


def test_strict_raises_and_has_written_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    report = IngestReport(path, strict=True)
    with pytest.raises(StrictError, match=r"a\.csv, line 12, field price: negative price"):
        report.refuse("a.csv", 12, "price", "negative price", "row")
    assert lines_of(path)[0]["line"] == 12


def test_reasons_with_values_in_them_do_not_fill_the_memory() -> None:
    report = IngestReport()
    for number in range(2_000):
        report.refuse("a.csv", number, None, f"bad value {number}")
    summary = report.summary()
    assert summary["refused"] == 2_000
    assert len(summary["reasons"]) <= 501
    assert sum(summary["reasons"].values()) == 2_000


def test_a_line_that_a_crash_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    path.write_bytes(b'{"file": "a.csv", "li')
    with IngestReport(path) as report:
        report.refuse("b.csv", 1, None, "x")
    assert json.loads(path.read_text().splitlines()[1])["file"] == "b.csv"


def test_lone_surrogates_can_be_reported(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    with IngestReport(path) as report:
        report.refuse("b.csv", 1, None, "x", "a\ud800b")
    assert lines_of(path)[0]["row"] == "a?b"


def test_a_muted_report_counts_nothing() -> None:
    report = IngestReport(strict=True)
    report.muted = True
    report.refuse("a", 1, None, "x")
    report.drop_field("a", 1, "f", "x")
    report.accept(3)
    report.fix("y")
    assert report.summary()["accepted"] == report.summary()["refused"] == 0
    assert report.summary()["fixes"] == {}
