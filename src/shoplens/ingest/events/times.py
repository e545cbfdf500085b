"""Times in whatever form, as microseconds since 1970 in UTC; a whole column at once."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

_ZONE = r"\d\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_CLOCK = r"\d{2}:\d{2}"
_DOTTED = r"^\d{1,4}\.\d{1,2}\.\d{1,4}\b"
#: After separators are made uniform. The first two cover nearly every log.
_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y%m%d %H%M%S%.f")


class Times(NamedTuple):
    """Parsed column: `values` is null where the text is no time; `zoneless` counts times that named no zone."""

    values: pl.Series  # Int64, microseconds since 1970, UTC
    zoneless: int


def parse_times(raw: pl.Series) -> Times:
    """ISO 8601 with or without zone (none: UTC), and seconds, milliseconds, microseconds or nanoseconds since 1970.

    Numbers are told apart by their size: up to 10^11 they are seconds, up to 10^14 milliseconds, up to 10^17
    microseconds; each reading covers 1995 to 5138, so that no time can be read two ways. Numbers that spell a date
    (20240131) or a date with its time (20240131235959) are read so.
    """
    dtype = raw.dtype
    if isinstance(dtype, pl.Datetime | pl.Date):
        zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        moments = raw.cast(pl.Datetime("us")) if dtype == pl.Date else raw
        return Times(moments.dt.epoch("us"), 0 if zoned else raw.len() - raw.null_count())
    if dtype.is_integer():
        return _of_numbers(raw.cast(pl.Int64, strict=False))
    if dtype.is_numeric():
        return Times(_scaled_floats(raw.cast(pl.Float64)), 0)
    if dtype != pl.String:
        return Times(pl.repeat(None, raw.len(), dtype=pl.Int64, eager=True), 0)
    return _of_text(raw.str.strip_chars())


def _of_text(text: pl.Series) -> Times:
    """A column of texts, which may mix forms."""
    empty = text.len() - int((text.str.len_bytes() > 0).sum())
    whole = text.cast(pl.Int64, strict=False)
    numbers = _of_numbers(whole)
    if whole.null_count() <= empty:
        return numbers
    values, zoneless = numbers
    rest = whole.is_null().arg_true()
    texts = text.gather(rest)
    floats = texts.cast(pl.Float64, strict=False)
    dates = _of_iso(texts.set(floats.is_not_null(), None) if floats.null_count() < floats.len() else texts)
    found = dates.values.zip_with(dates.values.is_not_null(), _scaled_floats(floats))
    if len(rest) == text.len():
        return Times(found, dates.zoneless)
    return Times(values.scatter(rest, found), zoneless + dates.zoneless)


def _of_iso(text: pl.Series) -> Times:
    """Texts such as 2024-01-31, 2024-01-31T23:59:59.5+01:00, 2024/01/31 23:59, 2024-01-31 23:59:59 UTC, 31.1.2024.

    01/02/2024 is no time: it is January in one country and February in another.
    """
    clocked = text.str.contains(_CLOCK) | text.str.contains(r"^\d{8}T")
    zone = text.str.extract(_ZONE, 1).set(~clocked.fill_null(False), None)
    body = text
    if zone.null_count() < zone.len():
        stripped = text.str.replace(r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$", "")
        body = stripped.zip_with(zone.is_not_null(), text)
    if body.str.contains(r"[T/,年月日]").any():
        body = body.str.replace_many(["T", "t", "/", ",", "年", "月", "日"], [" ", " ", "-", ".", "-", "-", ""])
    if body.str.contains(_DOTTED).any():  # as in feeds of products: between dots the day comes first, or the year
        body = body.str.replace(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})\b", "$3-$2-$1")
        body = body.str.replace(r"^(\d{4})\.(\d{1,2})\.(\d{1,2})\b", "$1-$2-$3")
    parsed = _by_formats(body)
    values = parsed.dt.epoch("us") - _offsets(zone)
    zoneless = int((values.is_not_null() & zone.is_null()).sum())
    return Times(values, zoneless)


def _by_formats(text: pl.Series) -> pl.Series:
    """Datetime[us] by the first format that fits each text, null where none does."""
    result = text.str.to_datetime(_FORMATS[0], time_unit="us", strict=False)
    for form in _FORMATS[1:]:
        missing = (result.is_null() & text.is_not_null()).arg_true()
        if not len(missing):
            break
        left = text.gather(missing)
        if form == "%Y-%m-%d":
            found = left.str.to_date(form, strict=False).cast(pl.Datetime("us"))
        else:
            found = left.str.to_datetime(form, time_unit="us", strict=False)
        result = result.scatter(missing, found)
    return result


def _offsets(zone: pl.Series) -> pl.Series:
    """Microseconds to subtract for each zone: 0 for none, Z, UTC and GMT."""
    names = zone.drop_nulls().unique().to_list()
    table = {name: _offset(name) for name in names}
    if not any(table.values()):
        return pl.repeat(0, zone.len(), dtype=pl.Int64, eager=True)
    return zone.replace_strict(table, default=0, return_dtype=pl.Int64).fill_null(0)


def _offset(zone: str) -> int:
    """'+05:30', '-0800' or '+02' in microseconds; 0 for a letter zone."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60_000_000


def _of_numbers(numbers: pl.Series) -> Times:
    """Integers: epochs by magnitude, or dates written as digits."""
    size = numbers.abs()
    values = (
        pl.DataFrame({"n": numbers, "s": size})
        .select(
            pl.when(pl.col("s") < 100_000_000_000)
            .then(pl.col("n") * 1_000_000)
            .when(pl.col("s") < 100_000_000_000_000)
            .then(pl.col("n") * 1_000)
            .when(pl.col("s") < 100_000_000_000_000_000)
            .then(pl.col("n"))
            .otherwise(pl.col("n") // 1_000)
        )
        .to_series()
    )
    day = numbers.is_between(19_950_101, 21_001_231)
    moment = numbers.is_between(19_950_101_000_000, 21_001_231_235_959)
    zoneless = 0
    for mask, form in ((day, "%Y%m%d"), (moment, "%Y%m%d%H%M%S")):
        if mask.any():
            index = mask.arg_true()
            text = numbers.gather(index).cast(pl.String)
            dates = (
                text.str.to_date(form, strict=False) if form == "%Y%m%d" else text.str.to_datetime(form, strict=False)
            )
            found = dates.cast(pl.Datetime("us")).dt.epoch("us")
            values = values.scatter(index, found)
            zoneless += found.len() - found.null_count()
    return Times(values, zoneless)


def _scaled_floats(numbers: pl.Series) -> pl.Series:
    """Seconds with a fraction, or larger units, as whole microseconds."""
    frame = pl.DataFrame({"n": numbers.set(numbers.is_nan() | numbers.is_infinite(), None)})
    n = pl.col("n")
    return frame.select(
        pl.when(n.abs() < 1e11)
        .then(n * 1e6)
        .when(n.abs() < 1e14)
        .then(n * 1e3)
        .when(n.abs() < 1e17)
        .then(n)
        .otherwise(n / 1e3)
        .round()
        .cast(pl.Int64, strict=False)
    ).to_series()
