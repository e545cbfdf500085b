"""Raw columns become typed ones: ids as texts, times as microseconds, types as codes. Nothing is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from shoplens.domain.events import EVENT_CODES, EventType, one_spelling
from shoplens.ingest.events.event_names import event_type_of, says_nothing, squash
from shoplens.ingest.events.numbers import parse_numbers
from shoplens.ingest.events.times import parse_times
from shoplens.ingest.money import currency_code

#: Texts that exports write for "nothing".
_NOTHING = ["", "null", "NULL", "None", "NaN", "nan", "\\N", "N/A", "(not set)", "undefined"]
_TEXTS = ("user_id", "session_id", "item_id", "currency", "impression_id", "query", "context", "event_id")
_NUMBERS = ("value", "quantity", "price")
#: A file without times keeps its order: line n gets this many microseconds (1 January 2000) plus n.
UNTIMED = 946_684_800_000_000


@dataclass(slots=True)
class Typed:
    """A chunk with typed columns.

    `frame` has `line`, `kind` (our event type as text, null when unknown), `code`, the columns of `Event`, and the
    Booleans `other` (a known event that says nothing), `named` (the row names a type), `bad_value`, `bad_quantity`,
    `bad_price`, `timed` (the row has something where the time should be).
    """

    frame: pl.DataFrame
    fixes: dict[str, int] = field(default_factory=dict)


def typed(raw: pl.DataFrame, default_type: EventType | None, own: Mapping[str, EventType] | None = None) -> Typed:
    """Types for a raw frame; `default_type` stands in where a row names none, `own` are a shop's names, squashed."""
    fixes: dict[str, int] = {}
    columns: dict[str, pl.Series] = {"line": raw["line"]}
    for name in _TEXTS:
        columns[name] = _texts(raw, name)
    columns |= _kinds(_texts(raw, "event_type"), default_type, own or {})
    columns["context"] = _contexts(raw, columns["context"], columns["kind"])
    columns |= _times(raw, fixes)
    named_currency = None
    for name in _NUMBERS:
        numbers = parse_numbers(raw[name] if name in raw.columns else _nulls(raw.height, pl.Float64))
        columns[name], columns[f"bad_{name}"] = numbers.values, numbers.bad
        _count(fixes, f"{name} written with a currency or separators", numbers.repaired)
        named_currency = numbers.currency if name == "price" else named_currency
    columns["currency"] = _currencies(columns["currency"], named_currency, fixes)
    columns["position"] = _positions(raw, fixes)
    return Typed(pl.DataFrame(columns), fixes)


def _texts(raw: pl.DataFrame, name: str) -> pl.Series:
    """A column of texts without spaces around them and without NUL; whatever says "nothing" is null."""
    if name not in raw.columns:
        return _nulls(raw.height, pl.String)
    column = raw[name]
    if column.dtype.is_float():  # an integer id that met a missing one on its way through a dataframe
        whole = column.cast(pl.Int64, strict=False)
        column = whole if (column.drop_nulls().drop_nans() % 1 == 0).all() else column
    if isinstance(column.dtype, pl.Struct):  # {"context": {"order_id": "1007"}} in JSON lines
        return pl.select(pl.when(column.is_not_null()).then(pl.lit(column).struct.json_encode())).to_series()
    if column.dtype != pl.String:
        return column.cast(pl.String)
    # NUL is legal in JSON and in no database
    text = column.str.replace_all("\x00", "", literal=True).str.strip_chars()
    return text.set(text.is_in(_NOTHING).fill_null(False), None)


def _contexts(raw: pl.DataFrame, texts: pl.Series, kinds: pl.Series) -> pl.Series:
    """Contexts in their one spelling where they came as columns, whose names depend on the rows beside, and where an
    event's key is made of them."""
    nested = "context" in raw.columns and isinstance(raw["context"].dtype, pl.Struct)
    rows = texts.is_not_null() if nested else texts.is_not_null() & (kinds == EventType.ORDER_STATUS.value)
    places = rows.fill_null(False).arg_true()
    if not len(places):
        return texts
    return texts.scatter(places, pl.Series([one_spelling(text) for text in texts.gather(places)], dtype=pl.String))


def _kinds(names: pl.Series, default_type: EventType | None, own: Mapping[str, EventType]) -> dict[str, pl.Series]:
    """Our types for their names, looked up once per distinct name; what a shop says of its own names goes first."""
    distinct = names.drop_nulls().unique().to_list()
    table = {name: own.get(squash(name)) or event_type_of(name) for name in distinct}
    kinds = names.replace_strict(
        {name: kind.value for name, kind in table.items() if kind is not None}, default=None, return_dtype=pl.String
    )
    if default_type is not None:
        kinds = kinds.set(names.is_null(), default_type.value)
    other = names.is_in([name for name, kind in table.items() if kind is None and says_nothing(name)])
    codes = kinds.replace_strict(
        {kind.value: code for kind, code in EVENT_CODES.items()}, default=None, return_dtype=pl.Int16
    )
    return {"kind": kinds, "code": codes, "named": names.is_not_null(), "other": other.fill_null(False)}


def _times(raw: pl.DataFrame, fixes: dict[str, int]) -> dict[str, pl.Series]:
    if "timestamp" not in raw.columns:
        _count(fixes, "no time in the file: the order of its rows stands for it", raw.height)
        return {"timestamp": raw["line"] + UNTIMED, "timed": pl.repeat(True, raw.height, dtype=pl.Boolean, eager=True)}
    column = raw["timestamp"]
    times = parse_times(column)
    _count(fixes, "time without a zone read as UTC", times.zoneless)
    present = column.is_not_null()
    if column.dtype == pl.String:
        present = present & (column.str.strip_chars().str.len_bytes() > 0).fill_null(False)
    return {"timestamp": times.values.rename("timestamp"), "timed": present}


def _currencies(column: pl.Series, from_price: pl.Series | None, fixes: dict[str, int]) -> pl.Series:
    """ISO 4217 codes; what is none, and no sign of one, is dropped."""
    if from_price is not None:
        column = column.zip_with(column.is_not_null(), from_price)
    if column.null_count() == column.len():
        return column
    names = column.drop_nulls().unique().to_list()
    codes = column.replace_strict({name: currency_code(name) for name in names}, default=None, return_dtype=pl.String)
    _count(fixes, "currency dropped: not known", codes.null_count() - column.null_count())
    return codes


def _positions(raw: pl.DataFrame, fixes: dict[str, int]) -> pl.Series:
    """Places in a list as whole numbers from 0; anything else is dropped."""
    if "position" not in raw.columns:
        return _nulls(raw.height, pl.Int64)
    column = raw["position"]
    text = column.cast(pl.String).str.strip_chars()
    there = (text.str.len_bytes() > 0).fill_null(False)
    number = text.cast(pl.Float64, strict=False)
    good = (number >= 0) & (number < 2**31) & (number % 1 == 0)
    good = good.fill_null(False)
    _count(fixes, "position dropped: not a whole number", int((there & ~good).sum()))
    return number.set(~good, None).cast(pl.Int64)


def _nulls(height: int, dtype: type[pl.DataType]) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True)


def _count(fixes: dict[str, int], kind: str, n: int) -> None:
    if n:
        fixes[kind] = fixes.get(kind, 0) + n
