"""Measures in one spelling: "500ml", "0.5 L" and "500毫升" are all "500 ml".

Only a value that is a number and a unit and nothing else is touched. Metric units are converted among themselves, the
others only spelled alike: a shop goes on measuring as it does, and a pint is not the same in London and New York. What
is the same everywhere (`Measure.metric`) can be compared.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

#: unit → (family, size in the family's base: ml, g, mm)
_METRIC: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("ml", "mL", "ML", "Ml", "毫升", "milliliter", "millilitre"), ("volume", Decimal(1))),
    **dict.fromkeys(("cl", "cL", "CL", "centiliter", "centilitre"), ("volume", Decimal(10))),
    **dict.fromkeys(("dl", "dL", "DL"), ("volume", Decimal(100))),
    **dict.fromkeys(("l", "L", "lt", "LT", "ltr", "升", "liter", "litre", "liters"), ("volume", Decimal(1000))),
    **dict.fromkeys(("mg", "MG", "毫克"), ("mass", Decimal("0.001"))),
    **dict.fromkeys(("g", "gr", "GR", "克", "gram", "grams"), ("mass", Decimal(1))),
    **dict.fromkeys(("kg", "KG", "Kg", "kgs", "千克", "公斤", "kilogram", "kilograms"), ("mass", Decimal(1000))),
    **dict.fromkeys(("斤", "市斤"), ("mass", Decimal(500))),
    **dict.fromkeys(("mm", "MM", "毫米", "millimeter", "millimetre"), ("length", Decimal(1))),
    **dict.fromkeys(("cm", "CM", "厘米", "公分", "centimeter", "centimetre"), ("length", Decimal(10))),
    **dict.fromkeys(("m", "米", "meter", "metre", "meters", "metres"), ("length", Decimal(1000))),
}  # fmt: skip
#: family → (unit, its size in the base), from large to small: the largest that leaves at least 1 is used.
_SPELLED: dict[str, tuple[tuple[str, Decimal], ...]] = {
    "volume": (("l", Decimal(1000)), ("ml", Decimal(1))),
    "mass": (("kg", Decimal(1000)), ("g", Decimal(1)), ("mg", Decimal("0.001"))),
    "length": (("m", Decimal(10_000)), ("cm", Decimal(10)), ("mm", Decimal(1))),
}
_BASE = {"volume": "ml", "mass": "g", "length": "mm"}
_METRE = Decimal(1000)
_SAME: dict[str, str] = {
    **dict.fromkeys(("oz", "ounce", "ounces", "盎司"), "oz"),
    **dict.fromkeys(("fl oz", "floz", "fl. oz", "fl.oz", "fluid ounce", "fluid ounces", "液盎司"), "fl oz"),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds", "磅"), "lb"),
    **dict.fromkeys(("in", "inch", "inches", '"', "″", "英寸", "吋"), "in"),
    **dict.fromkeys(("ft", "foot", "feet", "英尺"), "ft"),
    **dict.fromkeys(("gal", "gallon", "gallons"), "gal"),
    **dict.fromkeys(("pt", "pint", "pints"), "pt"),
    **dict.fromkeys(("qt", "quart", "quarts"), "qt"),
    **dict.fromkeys(("gb",), "GB"),
    **dict.fromkeys(("tb",), "TB"),
    **dict.fromkeys(("mb",), "MB"),
    **dict.fromkeys(("mah", "毫安", "毫安时"), "mAh"),
    **dict.fromkeys(("watt", "watts", "瓦"), "W"),
}
#: Further units that numbers are compared in, as they are; in the feed they stay as the shop writes them.
_KEPT: dict[str, str] = {
    **{
        unit.casefold(): unit
        for unit in ("W", "kW", "Wh", "kWh", "mV", "A", "mA", "Hz", "kHz", "MHz", "GHz", "dB", "lm")
    },
    **{unit.casefold(): unit for unit in ("dpi", "ppi", "px", "MP", "fps", "rpm", "bar", "kcal", "kJ", "Mbps", "Gbps")},
    **{unit.casefold(): unit for unit in ("K", "°C", "°F", "%", "mAh", "GB", "TB", "MB")},
    **dict.fromkeys(("v", "volt", "volts", "伏"), "V"),
    **dict.fromkeys(("s", "sec", "second", "seconds", "秒"), "s"),
    **dict.fromkeys(("min", "minute", "minutes", "分钟"), "min"),
    **dict.fromkeys(("h", "hour", "hours", "小时"), "h"),
    **dict.fromkeys(("day", "days", "天"), "day"),
    **dict.fromkeys(("month", "months", "个月"), "month"),
    **dict.fromkeys(("year", "years", "年"), "year"),
    **dict.fromkeys(("page", "pages", "页"), "page"),
    **dict.fromkeys(("pc", "pcs", "piece", "pieces", "片", "个", "件"), "pc"),
}
#: Units that are the same everywhere since 1959, in metric ones. Fluid ounces, pints and gallons are not among them.
_AGREED: dict[str, tuple[str, Decimal]] = {
    "oz": ("g", Decimal("28.349523125")),
    "lb": ("g", Decimal("453.59237")),
    "in": ("mm", Decimal("25.4")),
    "ft": ("mm", Decimal("304.8")),
}
#: What a unit is in ml, in the United States and in Great Britain.
_OF_COUNTRIES: dict[str, tuple[float, float]] = {
    "fl oz": (29.5735295625, 28.4130625),
    "pt": (473.176473, 568.26125),
    "qt": (946.352946, 1136.5225),
    "gal": (3785.411784, 4546.09),
}
_AMOUNT = re.compile(
    r"([-+]?)(\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|[.,]\d+)\s*([^\W\d_][^\d]*?|[\"%]|°[CF])?\.?"
)
_MOST_LETTERS = 40  # of a text that may be an amount
_TOO_MUCH = 10**12  # is a code, not an amount
_MEASURE = re.compile(r"(\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|[.,]\d+)\s*([^\W\d_][^\d]*?|\")\.?")
_CLOTHES_SIZE = re.compile(r"\d+L")  # 2L, 3L: sizes of clothes, not litres


def normalise_measure(text: str, *, size: bool = False) -> str:
    """A measure in its one spelling, any other text as it is. `size`: the value is a size, where "3L" is no volume."""
    plain = _plain(text)
    match = _MEASURE.fullmatch(plain)
    if match is None or (size and _CLOTHES_SIZE.fullmatch(plain)):
        return text
    unit = " ".join(match[2].split())
    amount = _number(match[1])
    metric = _METRIC.get(unit)
    if metric is None:
        same = _SAME.get(unit.casefold())
        return f"{_shown(amount)} {same}" if same is not None else text
    family, factor = metric
    base = amount * factor
    for name, worth in _SPELLED[family]:
        if base >= worth or (worth, name) == _SPELLED[family][-1][::-1]:
            return f"{_shown(base / (_METRE if name == 'm' else worth))} {name}"
    return text


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its unit: ml, g and mm for all that is metric, "" where there is none."""

    amount: float
    unit: str

    def metric(self) -> Measure:
        """To be compared: ounces and pounds in g, inches and feet in mm; any other as it is."""
        agreed = _AGREED.get(self.unit)
        return self if agreed is None else Measure(self.amount * float(agreed[1]), agreed[0])

    def possible(self) -> tuple[Measure, ...]:
        """What it may be in metric units: one measure, and of fluid ounces, pints, quarts and gallons one a country."""
        countries = _OF_COUNTRIES.get(self.unit)
        return (self.metric(),) if countries is None else tuple(Measure(self.amount * ml, "ml") for ml in countries)


def measured(text: str, *, size: bool = False) -> Measure | None:
    """What a text says that is one number with or without a unit; None for any other text.

    "0.5 L" and "500ml" are Measure(500.0, "ml"), "16GB" is Measure(16.0, "GB"), "12" is Measure(12.0, "").
    `size`: the value is a size, where "3L" is no volume.
    """
    if len(text) > _MOST_LETTERS:
        return None
    plain = _plain(text)
    match = _AMOUNT.fullmatch(plain)
    if match is None or (size and _CLOTHES_SIZE.fullmatch(plain)):
        return None
    amount = -_number(match[2]) if match[1] == "-" else _number(match[2])
    if abs(amount) >= _TOO_MUCH:
        return None
    unit = " ".join((match[3] or "").split())
    if not unit:
        return Measure(float(amount), "")
    metric = _METRIC.get(unit) or (_METRIC.get(unit.casefold()) if len(unit) > 1 else None)  # "CM", but "M" is no metre
    if metric is not None:
        return Measure(float(amount * metric[1]), _BASE[metric[0]])
    same = _SAME.get(unit.casefold()) or _KEPT.get(unit.casefold())
    return Measure(float(amount), same) if same is not None else None


def _plain(text: str) -> str:
    """Full-width forms as plain ones; the sign for inches in its one spelling."""
    return unicodedata.normalize("NFKC", text).strip().replace("\u2032\u2032", '"')


def _number(digits: str) -> Decimal:
    """ "1,000.5" has thousands, "0,5" a decimal comma."""
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits):
        digits = digits.replace(",", "")
    return Decimal(digits.replace(",", "."))


def _shown(amount: Decimal) -> str:
    """Without zeros at the end, never with an exponent."""
    return f"{amount.normalize():f}"
