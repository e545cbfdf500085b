from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplens.errors import FormatError, StrictError
from shoplens.ingest import careful, delimited
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import TableKind, read_objects, read_rows


def read(
    path: Path, kind: TableKind = "csv", **options: Any
) -> tuple[list[tuple[Any, ...]], list[int], IngestReport, list[int]]:
    """(rows, their lines, report, rows_done of each chunk)."""
    report = IngestReport(path.with_suffix(".report"))
    rows: list[tuple[Any, ...]] = []
    lines: list[int] = []
    done = []
    for chunk in read_rows(SourceFile(path), kind=kind, report=report, **options):
        assert chunk.frame.height == len(chunk.lines)
        rows += chunk.frame.rows()
        lines += chunk.lines
        done.append(chunk.rows_done)
    report.close()
    return rows, lines, report, done


def refused(report: IngestReport) -> list[tuple[int, str]]:
    assert report.path is not None
    if not report.path.exists():
        return []
    notes = [orjson.loads(line) for line in report.path.read_bytes().splitlines()]
    return [(note["line"], note["reason"]) for note in notes]


def test_good_rows_come_out_as_strings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,name,price\r\n1,a,2\r\n2,"b, ""c""",\r\n', newline="")
    rows, lines, _, done = read(path)
    assert rows == [("1", "a", "2"), ("2", 'b, "c"', "")]
    assert lines == [2, 3]
    assert done == [2]


def test_bad_lines_are_refused_with_their_numbers_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,name,price\n1,a,2\n2,too,many,fields\n\n3,"two\nlines",4\n4,few\n5,b,6\n')
    rows, lines, report, done = read(path)
    assert rows == [("1", "a", "2"), ("3", "two\nlines", "4"), ("5", "b", "6")]
    assert lines == [2, 5, 8]
    assert refused(report) == [(3, careful.WIDTH), (7, careful.WIDTH)]
    assert done == [5]


def test_misplaced_quotes_cost_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "id,name,price\n"
        '1,"never closed,2\n'  # 2
        "2,b,3\n"
        '3,"fine, ""quoted""",4\n'
        '4,5" pipe,5\n'
        '5,"Best" lamp,6\n'
        '6,"say "hi" there",7\n'
        '7,"a" and "b,8\n'  # 8
        '8,"over\ntwo lines",9\n'
        '9,x,"open at the end\n'  # 11
    )
    rows, lines, report, _ = read(path)
    assert rows == [
        ("2", "b", "3"),
        ("3", 'fine, "quoted"', "4"),
        ("4", '5" pipe', "5"),
        ("5", '"Best" lamp', "6"),
        ("6", 'say "hi" there', "7"),
        ("8", "over\ntwo lines", "9"),
    ]
    assert lines == [3, 4, 5, 6, 7, 9]
    assert [line for line, _ in refused(report)] == [2, 8, 11]
    assert report.summary()["fixes"]["stray quote kept as text"] == 2


def test_lines_in_another_encoding_are_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    utf8 = "id,name\n1,保温杯\n2,茶壶\n"
    path.write_bytes(utf8.encode() + "3,紫砂茶壶\n".encode("gb18030") + "4,Crème brûlée\n".encode("cp1252"))
    rows, lines, report, _ = read(path)
    assert rows == [("1", "保温杯"), ("2", "茶壶"), ("3", "紫砂茶壶"), ("4", "Crème brûlée")]
    assert lines == [2, 3, 4, 5]
    assert report.summary()["fixes"] == {"line in another encoding": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_gives_the_same_rows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("编号,名称\n1,保温杯\n2,紫砂茶壶\n".encode(encoding)))
    frame = next(iter(read_rows(SourceFile(path), kind="csv"))).frame
    assert frame.columns == ["编号", "名称"]
    assert frame.rows() == [("1", "保温杯"), ("2", "紫砂茶壶")]


def test_headers_are_made_unique_and_blank_lines_before_them_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\n\nid, image ,image,,"two\nlines"\n1,a,b,c,d\n')
    (chunk,) = read_rows(SourceFile(path), kind="csv")
    assert chunk.frame.columns == ["id", "image", "image (2)", "column_4", "two\nlines"]
    assert list(chunk.lines) == [5]


def test_separators_headers_and_quotes_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "ratings.dat"
    path.write_text('1::2::5::978300760\n1::3::"4::978302109\nbroken\n')
    rows, lines, report, _ = read(path, separator="::", columns=["user", "item", "rating", "time"], quoted=False)
    assert rows == [("1", "2", "5", "978300760"), ("1", "3", '"4', "978302109")]
    assert lines == [1, 2]
    assert refused(report) == [(3, careful.WIDTH)]


def test_old_mac_line_ends_and_files_without_a_last_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\r1,a\r2,b")
    rows, lines, _, _ = read(path)
    assert rows == [("1", "a"), ("2", "b")]
    assert lines == [2, 3]


def test_an_empty_file_is_said_and_a_header_alone_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n \n")
    with pytest.raises(FormatError, match="empty"):
        read(path)
    path.write_bytes(b"id,name\n")
    assert read(path)[0] == []


def test_strict_stops_at_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,name\n1,a\n2\n3,b\n")
    with pytest.raises(StrictError, match="line 3"):
        list(read_rows(SourceFile(path), kind="csv", report=IngestReport(strict=True)))


CELL = st.text(alphabet=st.one_of(st.sampled_from(',"\n\r\t;|a汉 '), st.characters(codec="utf-8")), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=12), st.sampled_from(["\n", "\r\n"]), st.integers(16, 200))
def test_what_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str, block: int
) -> None:
    """Odd texts survive, at any block size, and each row keeps the number of the line it begins on."""
    # A carriage return before a line end is part of the line end for every reader; NUL marks UTF-16 in detection.
    rows = [tuple(cell.replace("\r", "").replace("\x00", "") for cell in row) for row in rows]  # type: ignore[misc]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(buffer.getvalue().encode())
    expected, line = [], 2
    for row in rows:
        expected.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_BLOCK", block)
        found, lines, report, _ = read(path)
    assert found == rows
    assert lines == expected
    assert report.refused == 0


PART = st.sampled_from(['"', '""', ",", "\n", "a", "5", " ", "é"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PART, max_size=60).map("".join), st.integers(8, 60))
def test_the_size_of_blocks_does_not_matter_however_broken_the_file(
    tmp_path_factory: pytest.TempPathFactory, body: str, block: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(f"a,b,c\n{body}", encoding="utf-8")
    found = []
    for size in (block, delimited._BLOCK):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "_BLOCK", size)
            rows, lines, report, _ = read(path)
            found.append((rows, lines, sorted(refused(report))))
        path.with_suffix(".report").unlink(missing_ok=True)
    assert found[0] == found[1]
    rows, lines, bad = found[0]
    starts = lines + [line for line, _ in bad]
    assert len(set(starts)) == len(starts)  # no line is read twice


LINE = st.sampled_from(
    ["1,a,2", '2,"b, c",3', '3,"two\nlines",4', "4,few", "5,far,too,many", '6,5" pipe,7', "", "7,é,8"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=25), st.integers(1, 5), st.data())
def test_resuming_at_any_confirmed_point_gives_the_rest_once(
    tmp_path_factory: pytest.TempPathFactory, lines: Sequence[str], chunk: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text("a,b,c\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    all_rows, all_lines, report, done = read(path, chunk=chunk)
    everything = sorted(refused(report))
    if not done:
        return
    stop = data.draw(st.integers(0, len(done) - 1))
    first: list[tuple[Any, ...]] = []
    start = IngestReport()
    for part, rows in enumerate(read_rows(SourceFile(path), kind="csv", chunk=chunk, report=start)):
        first += rows.frame.rows()
        if part == stop:
            break
    again = path.with_name("again.csv")
    again.write_bytes(path.read_bytes())
    rest, rest_lines, second, _ = read(again, chunk=chunk, skip_rows=done[stop])
    assert first + rest == all_rows
    assert all_lines[len(first) :] == rest_lines
    assert start.refused + second.refused == len(everything)


def test_json_lines_keep_their_nesting_and_refuse_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "tags": ["a", "b"]}\n\n{"id": 2,\n[1]\n{"id": "3"}\n1,2\n', encoding="utf-8")
    report = IngestReport(path.with_suffix(".report"))
    (chunk,) = read_objects(SourceFile(path), report=report)
    report.close()
    assert chunk.objects == [{"id": 1, "tags": ["a", "b"]}, {"id": "3"}]
    assert chunk.lines == [1, 5]
    assert chunk.rows_done in (4, 5)
    assert refused(report) == [(3, "broken JSON"), (4, "not a JSON object"), (6, "broken JSON")]


def test_json_columns_of_mixed_types_become_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "v": 1.5, "x": {"a": 1}}\n{"id": 2, "v": "y", "x": 3}\n', encoding="utf-8")
    (chunk,) = read_rows(SourceFile(path), kind="jsonl")
    assert chunk.frame.schema["id"] == pl.Int64
    assert chunk.frame["v"].to_list() == ["1.5", "y"]
    assert chunk.frame["x"].to_list() == ['{"a":1}', "3"]


def test_json_lines_resume(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"id": {n}}}\n' if n % 3 else "broken\n" for n in range(20)))
    chunks = list(read_objects(SourceFile(path), chunk=4))
    report = IngestReport()
    rest = list(read_objects(SourceFile(path), chunk=4, skip_rows=chunks[1].rows_done, report=report))
    assert [item for chunk in rest for item in chunk.objects] == [
        item for chunk in chunks[2:] for item in chunk.objects
    ]


def test_parquet_comes_in_batches_with_row_numbers_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": range(10), "tags": [["a", "b"]] * 10}).write_parquet(path, row_group_size=4)
    chunks = list(read_rows(SourceFile(path), kind="parquet", chunk=3))
    assert [row for chunk in chunks for row in chunk.frame["id"]] == list(range(10))
    assert [line for chunk in chunks for line in chunk.lines] == list(range(1, 11))
    rest = list(read_rows(SourceFile(path), kind="parquet", chunk=3, skip_rows=4))
    assert [row for chunk in rest for row in chunk.frame["id"]] == list(range(4, 10))
    assert next(iter(rest[0].lines)) == 5


def test_damaged_parquet_is_a_format_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(FormatError, match="Parquet"):
        list(read_rows(SourceFile(path), kind="parquet"))
