"""Amounts, packs, measurements and sizes in texts, English and Chinese, with where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from shoplens.ingest.units import measured, normalise_measure


class Said(StrEnum):
    """What a pattern is about."""

    AMOUNT = "amount"  # "500 ml", "1.5公斤"
    PACK = "pack"  # "pack of 6", "6件装", "12 ct"
    EXTENT = "extent"  # "20 x 30 cm"
    SIZE = "size"  # "size M", "42码"


class Pattern(NamedTuple):
    """One place in a text."""

    about: Said
    said: str
    start: int
    end: int
    value: str  # in its one spelling: "500 ml", "6", "20 x 30 cm", "M"


_NUMBER = r"\d+(?:[.,]\d+)?"
_MIXED = r"(?:\d+[\s-])?\d+/\d+"  # "1/2", "6 3/4"
_UNIT = (
    r"fl\.?\s?oz|floz|ml|cl|dl|l|ltr|litres?|liters?|mg|kg|kgs|g|gr|grams?|oz|ounces?|lbs?|pounds?|mm|cm|m|inch(?:es)?|"
    r"in|ft|feet|gal(?:lons?)?|pt|qt|pints?|quarts?|gb|tb|mb|mah|watts?|w|v|hz|毫升|升|毫克|千克|公斤|克|斤|毫米|厘米|公分|米|"
    r"英寸|英尺|盎司|磅|瓦|毫安时?"
)
_PIECES = r"ct|count|pcs?|pieces?|pairs?"  # beside a weight, which is then that of all: "bars 6 ct 8.4 oz"
_COUNTED = rf"packs?|pk|pks|rolls?|bottles|cans|{_PIECES}"
_CHINESE_COUNTED = r"(?:[件个只片包瓶盒支袋双罐条块枚粒]|入(?=装|$|[\s）)/，]))"
_CHINESE_NUMBERS = dict(zip("一二两三四五六七八九十", (1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10), strict=True))
_CHINESE_DIGITS = "".join(_CHINESE_NUMBERS)
_MOST = 500  # pieces of a pack; years and model numbers are beyond
#: Of what several go into a pack: "140cm x 260" and "12V x 5A" are no packs.
_MULTIPLIED = (
    r"fl\.?\s?oz|ml|cl|dl|l|ltr|litres?|liters?|mg|kgs?|gr?|grams?|oz|ounces?|lbs?|pounds?|"
    r"毫升|升|毫克|千克|公斤|克|斤|盎司|磅"
)
_EXTENT = re.compile(
    rf"(?<![\w.])({_NUMBER})\s?[x×*]\s?({_NUMBER})(?:\s?[x×*]\s?({_NUMBER}))?\s?(mm|cm|m|in|inch|inches|ft|厘米|毫米|米)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_PACK = re.compile(
    rf"(?<![\w.])(?:(?:pack|set|case|combo|bundle|box)s? of (\d{{1,4}})(?!\d)|"
    rf"(?<!holds )(?<!for )(?<!size )(\d{{1,4}})[\s-]?(?:{_COUNTED})(?![a-z])(?!\s(?:rack|cooler|opener|holder))|"
    rf"(\d{{1,4}})\s?{_CHINESE_COUNTED}(?:装|入|套)?|(\d{{1,4}})\s?[x×](?=\s?{_NUMBER}\s?(?:{_UNIT})(?![a-z])))"
    rf"|(?<![{_CHINESE_DIGITS}百千第])([{_CHINESE_DIGITS}]{{1,3}})\s?{_CHINESE_COUNTED}装",
    re.IGNORECASE,
)
_TIMES = re.compile(
    rf"(?<!\d)(?<!\d[.,]){_NUMBER}\s?(?:{_MULTIPLIED})(\s?[x×]\s?(\d{{1,4}}))(?![\d.,]*\s?(?:{_UNIT}))(?![\da-z])",
    re.IGNORECASE,
)
_OF_PIECES = re.compile(rf"\d[\s-]?(?:{_PIECES})$|[件个只片块枚粒入](?:装|入|套)?$", re.IGNORECASE)
_AMOUNT = re.compile(rf"(?:(?<![\w.,/])|(?<=\d[x×]))({_MIXED}|{_NUMBER})\s?-?({_UNIT})(?![a-z])", re.IGNORECASE)
_SIZE = re.compile(
    r"(?:\bsizes?[:\s]\s?|尺[码寸][:：\s]?)([0-9]{1,3}(?:\.5)?|[0-9]?X{0,3}[SL]|M)(?![\w])|(?<![\w-])(X{1,3}[SL]|[2-6]XL)(?![\w])|"
    r"(?<!\d)(\d{2}(?:\.5)?)码"
)


def patterns_in(text: str) -> list[Pattern]:
    """All there are, in order; none within another."""
    found: list[Pattern] = []
    taken = bytearray(len(text))  # letters that belong to one
    for one in (*_extents(text), *_packs(text), *_amounts(text), *_sizes(text)):
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = b"\1" * (one.end - one.start)
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def pack_in(text: str, *, pieces: bool = True) -> int:
    """How many a pack holds: 6 of "6 x 250 ml", "pack of 6" and "250毫升×6瓶"; 1 where nothing says so. No `pieces`:
    "6 ct" and "6片" are left out, beside which a weight is that of all of them."""
    counts = [one for one in patterns_in(text) if one.about is Said.PACK]
    return max((int(one.value) for one in counts if pieces or not _OF_PIECES.search(one.said)), default=1) or 1


def _extents(text: str) -> Iterator[Pattern]:
    for match in _EXTENT.finditer(text):
        sides = " x ".join(side.replace(",", ".") for side in match.groups()[:3] if side)
        unit = normalise_measure(f"1 {match[4]}").partition(" ")[2] or match[4]
        yield Pattern(Said.EXTENT, match[0], *match.span(), f"{sides} {unit}")


def _packs(text: str) -> Iterator[Pattern]:
    for match in _PACK.finditer(text):
        count = next(group for group in match.groups() if group)
        number = int(count) if count.isdecimal() else _chinese_number(count)
        if number is not None and number <= _MOST:
            yield Pattern(Said.PACK, match[0], *match.span(), str(number))
    for match in _TIMES.finditer(text):
        if int(match[2]) <= _MOST:
            yield Pattern(Said.PACK, match[1], *match.span(1), str(int(match[2])))


def _chinese_number(text: str) -> int | None:
    """2 of "两", 12 of "十二", 24 of "二十四"; None for what is no number below a hundred."""
    tens, ten, ones = text.partition("十")
    if not ten:
        return _CHINESE_NUMBERS[text] if len(text) == 1 else None
    if len(tens) > 1 or len(ones) > 1 or ones == "十":
        return None
    return _CHINESE_NUMBERS.get(tens, 1) * 10 + _CHINESE_NUMBERS.get(ones, 0)


def _amounts(text: str) -> Iterator[Pattern]:
    for match in _AMOUNT.finditer(text):
        number, unit = match[1].replace("-", " "), match[2] if len(match[2]) == 1 else match[2].casefold()
        value = normalise_measure(f"{number} {unit}")
        if "/" in number or measured(value) is not None:
            yield Pattern(Said.AMOUNT, match[0], *match.span(), " ".join(value.split()))


def _sizes(text: str) -> Iterator[Pattern]:
    for match in _SIZE.finditer(text):
        place = next(number for number, group in enumerate(match.groups(), 1) if group)
        yield Pattern(Said.SIZE, match[0], *match.span(), match[place].upper())
