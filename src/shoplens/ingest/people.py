"""Who the shop's people are: `user_id` and any other columns. Plain tables, Amazon Personalize, RecBole, MovieLens."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from shoplens.domain.events import key_of_text
from shoplens.domain.people import Person
from shoplens.errors import FormatError
from shoplens.ingest.events.glance import Glance, glance
from shoplens.ingest.events.json_objects import read_json
from shoplens.ingest.events.plain import table_kind
from shoplens.ingest.events.seen import RecentKeys
from shoplens.ingest.likeness import is_event_log
from shoplens.ingest.mapping import check_columns, check_fields
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows, text_of_json

FORMATS = ("plain", "personalize", "recbole", "movielens")
CHUNK = 20_000
MAX_ID = 512  # bytes
OLDEST = 120  # years
_ID_NAMES = (
    "user_id",
    "userid",
    "customer_id",
    "customerid",
    "household_id",
    "visitor_id",
    "person_id",
    "id",
    "user",
    "用户id",
    "用户编号",
    "用户",
)
_NOTHING = frozenset({"", "null", "none", "nan", "\\n", "n/a", "na", "(not set)", "undefined"})
#: Digits that are names, not amounts.
_CODES = re.compile(r"zip|post|phone|plz|code$|_id$", re.IGNORECASE)
_PADDED = re.compile(r"[+-]?0\d")
_TYPED = re.compile(r"^(.+):(token|float)(_seq)?$")
_USER_COLUMNS = ("user_id", "age", "gender", "occupation", "zip_code")  # MovieLens 100K, u.user
_USERS_COLUMNS = ("user_id", "gender", "age", "occupation", "zip_code")  # MovieLens 1M, users.dat


@dataclass(frozen=True, slots=True)
class PeopleChunk:
    """People from consecutive rows of a source."""

    people: list[Person]
    lines: Sequence[int]  # line in the file of each person
    rows_done: int  # rows of the source settled when this chunk is stored


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file's columns are to be read."""

    names: Mapping[str, str]  # theirs → ours, `user_id` among ours
    header: tuple[str, ...] | None  # columns of a file without a header
    numbers: frozenset[str] | None  # our names of columns of numbers; None: see what they hold


def detect(source: SourceFile) -> str:
    """The name in FORMATS of a source's format, from its content. FormatError when it is no table of people."""
    return _recognise(glance(source))


def read_people(
    source: SourceFile,
    *,
    format: str | None = None,  # noqa: A002 the word of the command line
    mapping: Mapping[str, str] | None = None,
    report: IngestReport,
    skip_rows: int = 0,
    chunk: int = CHUNK,
) -> Iterator[PeopleChunk]:
    """Clean people of a source, in chunks; what is refused or dropped goes to the report.

    `format` is a name in FORMATS (default: `detect`), `mapping` is ours → theirs. In text files a column is one of
    numbers when all of its values in the first chunk are; Parquet and JSON keep their own types.
    FormatError when there is no column with ids.
    """
    if format is not None and format not in FORMATS:
        raise FormatError(f"no format of people named {format!r}; known: {', '.join(FORMATS)}")
    check_fields(mapping or {}, ("user_id",), others=True)
    seen = glance(source)
    if format is None and not mapping and is_event_log(seen.columns):
        raise FormatError(
            f"{source.name}: this looks like an event log: shoplens ingest events; "
            "if it is a table of people, say --format plain"
        )
    layout = _layout(source.name, seen, format or _recognise(seen), mapping or {})
    known = RecentKeys(bits=20)
    numbers = layout.numbers
    for rows, lines, done in _rows(source, seen, layout, report, skip_rows, chunk):
        if numbers is None and rows:
            numbers = _numbers(rows) if seen.shape == "delimited" else frozenset()
        people: list[Person] = []
        kept: list[int] = []
        for line, row in zip(lines, rows, strict=True):
            person = _person(row, numbers or frozenset(), source.name, line, report, known)
            if person is not None:
                people.append(person)
                kept.append(line)
        report.accept(len(people))
        yield PeopleChunk(people, kept, done)


def _rows(
    source: SourceFile, seen: Glance, layout: _Layout, report: IngestReport, skip_rows: int, chunk: int
) -> Iterator[tuple[list[dict[str, Any]], Sequence[int], int]]:
    """(rows under our names, their lines, rows settled)."""
    names = layout.names
    if seen.shape == "json":  # as they are: one column may hold numbers and texts
        for objects, lines, done in read_json(source, report=report, skip_rows=skip_rows, chunk=chunk):
            yield [{names.get(key, key): value for key, value in one.items()} for one in objects], lines, done
        return
    kind, separator = table_kind(seen)
    for frame, lines, done in read_rows(
        source,
        kind=kind,
        separator=separator,
        columns=layout.header,
        chunk=chunk,
        skip_rows=skip_rows,
        report=report,
    ):
        renamed = frame.rename({theirs: ours for theirs, ours in names.items() if theirs in frame.columns})
        yield renamed.to_dicts(), lines, done


def _recognise(seen: Glance) -> str:
    if seen.has("USER_ID"):
        return "personalize"
    if seen.has("user_id:token"):
        return "recbole"
    if seen.shape == "delimited" and seen.separator in ("|", "::") and all(map(_is_movielens, seen.first)):
        return "movielens"
    return "plain"


def _is_movielens(fields: tuple[str, ...]) -> bool:
    return len(fields) == len(_USER_COLUMNS) and fields[0].isdecimal() and {"M", "F"} & set(fields[1:3]) != set()


def _layout(file: str, seen: Glance, chosen: str, mapping: Mapping[str, str]) -> _Layout:
    """Names and types of the columns."""
    if chosen == "movielens":
        header = _USERS_COLUMNS if seen.separator == "::" else _USER_COLUMNS
        return _Layout({name: name for name in header}, header, frozenset({"age"}))
    check_columns(dict(mapping), seen.columns, file)
    names: dict[str, str] = {}
    numbers: frozenset[str] | None = None
    if chosen == "personalize":
        names = {column: column.lower() for column in seen.columns}
    elif chosen == "recbole":
        types = {column: match for column in seen.columns if (match := _TYPED.match(column))}
        names = {column: match.group(1) for column, match in types.items()}
        numbers = frozenset(one.group(1) for one in types.values() if one.group(2) == "float" and not one.group(3))
    for ours, theirs in mapping.items():
        names = {column: name for column, name in names.items() if name != ours} | {theirs: ours}
    if "user_id" not in names.values():
        plain = {column.strip().casefold(): column for column in reversed(seen.columns) if column not in names}
        found = next((plain[name] for name in _ID_NAMES if name in plain), None)
        if found is None:
            raise FormatError(
                f"{file}: none of the columns {', '.join(seen.columns)} holds the people's ids; "
                "name it with --map user_id=THEIR_NAME"
            )
        names[found] = "user_id"
    return _Layout(names, None, numbers)


def _numbers(rows: Sequence[Mapping[str, str]]) -> frozenset[str]:
    """Columns of texts whose values are all numbers; codes such as '01234' and postcodes are not."""
    found = []
    for name in rows[0] if rows else ():
        values = [text for row in rows if (text := row[name].strip()).casefold() not in _NOTHING]
        if not values or _CODES.search(name):
            continue
        if all(_float(text) is not None and not _PADDED.match(text) for text in values):
            found.append(name)
    return frozenset(found)


def _person(
    row: dict[str, Any], numbers: frozenset[str], file: str, line: int, report: IngestReport, known: RecentKeys
) -> Person | None:
    """One person, or None when the row was refused."""
    user_id = _id(row.pop("user_id", None))
    excerpt = text_of_json({"user_id": user_id, **{k: str(v) for k, v in row.items() if v not in (None, "")}}) or ""
    if user_id is None:
        report.refuse(file, line, "user_id", "missing user", excerpt)
        return None
    if len(user_id.encode()) > MAX_ID:
        report.refuse(file, line, "user_id", "id too long", excerpt)
        return None
    if known.repeated(np.array([key_of_text(user_id)], np.int64))[0]:
        report.refuse(file, line, "user_id", "duplicate person", excerpt)
        return None
    fields: dict[str, str | float] = {}
    for name, raw in row.items():
        value = _value(raw, name in numbers)
        if value is None:
            continue
        if name.casefold() == "age" and isinstance(value, float) and not 0 <= value <= OLDEST:
            report.drop_field(file, line, name, "impossible age", excerpt)
            continue
        fields[name] = value
    return Person(user_id=user_id, fields=fields)


def _id(raw: Any) -> str | None:
    if isinstance(raw, float) and raw.is_integer():  # an integer that met a missing one in a dataframe
        raw = int(raw)
    text = "" if raw is None else str(raw).replace("\x00", "").strip()
    return None if text.casefold() in _NOTHING else text


def _value(raw: Any, number: bool) -> str | float | None:
    """A field as number or text, None when it says nothing."""
    if isinstance(raw, str):
        text = raw.replace("\x00", "").strip()
        if text.casefold() in _NOTHING:
            return None
        amount = _float(text) if number else None
        return text if amount is None else amount
    if isinstance(raw, bool | date):
        return str(raw).lower() if isinstance(raw, bool) else raw.isoformat()
    if isinstance(raw, list):
        return "|".join(str(one) for item in raw if (one := _value(item, False)) is not None) or None
    amount = _float(raw)
    if raw is not None and amount is None:
        return text_of_json(raw)
    return amount if amount is not None and math.isfinite(amount) else None


def _float(raw: Any) -> float | None:
    try:
        return float(raw)
    except (TypeError, ValueError):
        return None
