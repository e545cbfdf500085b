"""Numbers with what they count: 30 days are not 30 hours, 49 euros are not 49 dollars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from shoplens.apps.assistant.grounding.claims import WORDS_EN, chinese_number

#: Unit → how it is written, in English and Chinese; "" stands for a bare number.
_UNITS: Mapping[str, str] = {
    "working day": r"(?:working|business|work)[ -]?days?|个?工作日",
    "day": r"(?:calendar )?days?|天|日(?!元)",
    "hour": r"hours?|hrs?|h|个?小时|个?钟头",
    "minute": r"minutes?|mins?|分钟",
    "week": r"weeks?|周|个?星期|个?礼拜",
    "am": r"a\.?m\b",
    "pm": r"p\.?m\b",
    "month": r"months?|个?月",
    "year": r"years?|年",
    "EUR": r"eur(?:os?)?|€|欧元?",
    "USD": r"usd|us\$|us dollars?|dollars?|\$|美元|美金",
    "GBP": r"gbp|pounds?(?: sterling)?|£|英镑",
    "JPY": r"jpy|yen|日元|円",
    "HKD": r"hkd|hk\$|港元|港币",
    "CNY": r"cny|rmb|yuan|¥|￥|人民币|元|块钱?",
    "%": r"%|percent|per cent|％",
    "discount": r"折",
    "kg": r"kgs?|kilos?|kilograms?|公斤|千克",
    "g": r"grams?|g|克",
    "l": r"lit(?:er|re)s?|l|升",
    "ml": r"ml|毫升",
    "km": r"km|kilomet(?:er|re)s?|公里",
    "cm": r"cm|centimet(?:er|re)s?|厘米",
    "mm": r"mm|毫米",
    "m": r"met(?:er|re)s?|m|米",
    "times": r"times|次|倍",
    "piece": r"items?|pieces?|products?|件|个(?!月|小时|工作日|星期|礼拜|钟头)",
}  # fmt: skip
_UNIT = re.compile("|".join(f"(?P<u{place}>{words})" for place, words in enumerate(_UNITS.values())), re.IGNORECASE)
_NAMES = tuple(_UNITS)
_DIGITS_ZH = "零〇一二两三四五六七八九十百千"
_WORDS = "|".join(sorted(WORDS_EN, key=len, reverse=True))
_COUNTED = "天日周月年个件元块欧美英港折次倍%小分星礼公千克升毫厘米"  # what units begin with
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|\b(?:{_WORDS})\b|[{_DIGITS_ZH}]+(?=[{_COUNTED}]))"
_ALONE = re.compile(rf"\d[\d,]*(?:\.\d+)?|\b(?:{_WORDS})\b|[{_DIGITS_ZH}]+", re.IGNORECASE)
_BEFORE = r"(?P<before>(?:eur|usd|gbp|cny|rmb|us\$|hk\$|[€$£¥￥])\s?)?"
_BETWEEN = r"(?:\s*(?:-|–|—|~|～|to|and|or|至|到|或)\s*)"
_QUANTITY = re.compile(rf"{_BEFORE}(?P<numbers>{_NUMBER}(?:{_BETWEEN}{_NUMBER})?)", re.IGNORECASE)
_ONE = re.compile(rf"\b(?:an?|one)(?= (?:{'|'.join(list(_UNITS.values())[:7])})\b)", re.IGNORECASE)
_PER_CENT = re.compile(rf"百分之([\d.]+|[{_DIGITS_ZH}]+)")
_SOME = re.compile(r"一[个件](?!月|小时|工作日|星期|礼拜|钟头)")  # "a parcel" counts nothing

Quantity = tuple[float, str]  # number, unit


@lru_cache(maxsize=20_000)
def quantities_of(text: str) -> tuple[frozenset[Quantity], str]:
    """Numbers with the unit beside them, in digits or words, and the text without both."""
    plain = _SOME.sub(" ", _PER_CENT.sub(r"\1%", _ONE.sub("1", text)))
    found: set[Quantity] = set()
    rest, end = [], 0
    for match in _QUANTITY.finditer(plain):
        behind = re.compile(r"[\s-]?").match(plain, match.end())
        unit = _UNIT.match(plain, behind.end() if behind else match.end())
        if unit is not None and unit[0][-1:].isascii() and unit[0][-1:].isalpha() and _goes_on(plain, unit.end()):
            unit = None
        name = _named(unit) or _named(_UNIT.match(match["before"] or ""))
        told = {(_value(one), name) for one in _ALONE.findall(match["numbers"])}
        found |= set() if match["numbers"].lower() == "one" and not name else told  # "the red one"
        rest.append(plain[end : match.start()])
        end = unit.end() if unit is not None else match.end()
    return frozenset(found), " ".join([*rest, plain[end:]])


def _goes_on(text: str, place: int) -> bool:
    """Whether a Latin word goes on here: the m of 5 mugs is no metre."""
    return place < len(text) and text[place].isascii() and text[place].isalnum()


def _named(unit: re.Match[str] | None) -> str:
    return _NAMES[int(unit.lastgroup[1:])] if unit is not None and unit.lastgroup else ""


def _value(number: str) -> float:
    if number[0].isdigit() and number[0].isascii():
        return float(number.rstrip(",").replace(",", ""))
    word = number.lower()
    return float(WORDS_EN[word]) if word in WORDS_EN else float(chinese_number(number))
