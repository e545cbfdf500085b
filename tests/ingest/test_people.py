"""People from every format, cleaned."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from shoplens.errors import ConfigurationError, FormatError
from shoplens.ingest.people import FORMATS, detect, read_people
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

FIXTURES = Path(__file__).parent / "fixtures" / "people"
Found = list[tuple[int, str, dict[str, str | float]]]


def taken(source: SourceFile, tmp_path: Path, **options: Any) -> tuple[Found, list[tuple[int, str, str, bool]]]:
    path = tmp_path / "ingest-report.jsonl"
    with IngestReport(path) as report:
        found = [
            (line, person.user_id, dict(person.fields))
            for chunk in read_people(source, report=report, **options)
            for line, person in zip(chunk.lines, chunk.people, strict=True)
        ]
    notes = [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    return found, [(one["line"], one["field"], one["reason"], one.get("kept", False)) for one in notes]


def fixture(name: str) -> SourceFile:
    return SourceFile(FIXTURES / name)


def test_plain(tmp_path: Path) -> None:
    found, refused = taken(fixture("plain.csv"), tmp_path)
    assert found == [
        (2, "u1", {"age": 34.0, "gender": "female", "income": 52000.5, "zip": "01234"}),
        (3, "u2", {"gender": "male", "zip": "10115"}),
        (4, "u3", {"income": 48000.0, "zip": "10115"}),
        (7, "u4", {"income": 1.0, "zip": "99"}),
    ]
    assert refused == [
        (3, "age", "impossible age", True),
        (4, "age", "impossible age", True),
        (5, "user_id", "missing user", False),
        (6, "user_id", "duplicate person", False),
    ]


@pytest.mark.parametrize(
    ("name", "expected", "found"),
    [
        (
            "personalize_users.csv",
            "personalize",
            [
                (2, "u1", {"age": 34.0, "gender": "F", "membership_status": "gold"}),
                (3, "u2", {"age": 29.0, "gender": "M"}),
            ],
        ),
        (
            "recbole.user",
            "recbole",
            [
                (2, "1", {"age": 24.0, "gender": "M", "interests": "chess tea"}),
                (3, "2", {"age": 53.0, "gender": "F"}),
            ],
        ),
        (
            "u.user",
            "movielens",
            [
                (1, "1", {"age": 24.0, "gender": "M", "occupation": "technician", "zip_code": "85711"}),
                (2, "2", {"age": 53.0, "gender": "F", "occupation": "other", "zip_code": "94043"}),
                (3, "3", {"age": 23.0, "gender": "M", "occupation": "writer", "zip_code": "32067"}),
            ],
        ),
        (
            "users.dat",
            "movielens",
            [
                (1, "1", {"gender": "F", "age": 1.0, "occupation": "10", "zip_code": "48067"}),
                (2, "2", {"gender": "M", "age": 56.0, "occupation": "16", "zip_code": "70072"}),
            ],
        ),
        (
            "people.jsonl",
            "plain",
            [
                (1, "7", {"age": 41.0, "vip": "true", "tags": "a|b", "level": "3"}),
                (2, "8", {"age": "old", "address": '{"city":"Ulm"}'}),
            ],
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("packed", [False, True])
def test_formats(tmp_path: Path, name: str, expected: str, found: Found, encoding: str, packed: bool) -> None:
    data = (FIXTURES / name).read_text(encoding="utf-8").encode(encoding)
    path = tmp_path / "people"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert detect(SourceFile(path)) == expected
    assert expected in FORMATS
    read, refused = taken(SourceFile(path), tmp_path)
    assert not refused
    assert read == found


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "household_id": [1, 2],
            "age": [130, 40],
            "size": ["2", "5+"],
            "since": [date(2020, 1, 2), None],
            "score": [float("nan"), 0.5],
        }
    ).write_parquet(tmp_path / "p.parquet")
    found, refused = taken(SourceFile(tmp_path / "p.parquet"), tmp_path)
    assert found == [
        (1, "1", {"size": "2", "since": "2020-01-02"}),
        (2, "2", {"age": 40.0, "size": "5+", "score": 0.5}),
    ]
    assert refused == [(1, "age", "impossible age", True)]


def test_chinese_columns_and_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("会员号,年龄,城市\n甲,34,上海\n乙,200,北京\n".encode("gb18030"))
    found, refused = taken(SourceFile(path), tmp_path, mapping={"user_id": "会员号", "age": "年龄"})
    assert found == [(2, "甲", {"age": 34.0, "城市": "上海"}), (3, "乙", {"城市": "北京"})]
    assert refused == [(3, "age", "impossible age", True)]


def test_going_on_after_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("user_id,age\n" + "".join(f"u{n},{n % 90}\n" for n in range(100)))
    chunks = list(read_people(SourceFile(path), report=IngestReport(), chunk=30))
    assert [chunk.rows_done for chunk in chunks] == [30, 60, 90, 100]
    rest = list(read_people(SourceFile(path), report=IngestReport(), chunk=30, skip_rows=60))
    assert [one for chunk in rest for one in chunk.people] == [one for chunk in chunks[2:] for one in chunk.people]


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,age\nann,3\n")
    with pytest.raises(FormatError, match="--map user_id=THEIR_NAME"):
        list(read_people(SourceFile(path), report=IngestReport()))
    with pytest.raises(ConfigurationError, match="nickname"):
        list(read_people(SourceFile(path), report=IngestReport(), mapping={"user_id": "nickname"}))
    with pytest.raises(FormatError, match="known: plain"):
        list(read_people(SourceFile(path), report=IngestReport(), format="xml"))


def test_a_misspelt_user_id_in_a_mapping_is_named(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("who,city\nann,Bern\n")
    with pytest.raises(ConfigurationError, match=r"did you mean user_id\?"):
        list(read_people(SourceFile(path), mapping={"userid": "who"}, report=IngestReport()))
    people = [
        one
        for chunk in read_people(SourceFile(path), mapping={"user_id": "who", "home": "city"}, report=IngestReport())
        for one in chunk.people
    ]
    assert people[0].fields == {"home": "Bern"}
